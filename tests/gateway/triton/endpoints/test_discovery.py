import pytest

from gateway.triton.endpoints.discovery import Discovery, look_up


class Dns:
    """A name server whose answers the test changes."""

    def __init__(self, *hosts):
        self.hosts, self.asked = list(hosts), []

    async def __call__(self, host, port):
        self.asked.append((host, port))
        if not self.hosts:
            raise OSError("no such name")
        return [f"{address}:{port}" for address in self.hosts]


async def test_plain_addresses_stay_as_they_are():
    assert await Discovery.parse("b:8001, a:8001,b:8001").addresses() == ["a:8001", "b:8001"]


async def test_a_name_is_looked_up_again_and_again():
    dns = Dns("10.0.0.1", "10.0.0.2")
    discovery = Discovery(["dns:///triton.models.svc:8001", "c:1"], dns)
    assert await discovery.addresses() == ["10.0.0.1:8001", "10.0.0.2:8001", "c:1"]
    dns.hosts = ["10.0.0.2", "10.0.0.3"]
    assert await discovery.addresses() == ["10.0.0.2:8001", "10.0.0.3:8001", "c:1"]
    assert dns.asked == [("triton.models.svc", 8001)] * 2


async def test_an_address_is_known_by_the_name_that_it_was_found_by():
    dns = Dns("10.0.0.1", "[::1]")
    discovery = Discovery(["dns:///triton.models.svc:8001", "c:1", "[::2]:1"], dns)
    names = {address: discovery.name_of(address) for address in await discovery.addresses()}
    assert names == {"10.0.0.1:8001": "triton.models.svc", "[::1]:8001": "triton.models.svc", "c:1": "c", "[::2]:1": "::2"}


async def test_while_dns_does_not_answer_the_last_addresses_stay():
    dns = Dns("10.0.0.1")
    discovery = Discovery(["dns:///triton:8001"], dns)
    await discovery.addresses()
    dns.hosts = []
    assert await discovery.addresses() == ["10.0.0.1:8001"]


async def test_a_name_that_never_had_an_address_gives_none():
    assert await Discovery(["dns:///triton:8001"], Dns()).addresses() == []


async def test_the_systems_resolver_is_asked():
    assert "127.0.0.1:8001" in await look_up("localhost", 8001)
    assert await look_up("::1", 8001) == ["[::1]:8001"]
    with pytest.raises(OSError, match=r"."):
        await look_up("name.invalid", 8001)
