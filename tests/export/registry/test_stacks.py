"""What people learn of a stack that serves the repository and cannot be told of a change."""

import io
import json
import os

import pytest
from named_triton import named_triton
from rich.console import Console

from export.errors import ExportError
from export.progress import Progress
from export.registry.offering import offer
from export.registry.stacks import tellable
from model_repository.running import announced

NAME, GATEWAY = "headrace-1", "http://127.0.0.1:8080"
OLDER = (
    f"The stack at {GATEWAY} (process {os.getpid()}) was started by another release, which does not say where its Triton takes gRPC: "
    "start it again."
)


@pytest.fixture
def older(registry):
    """A running stack of a release that loaded over HTTP."""
    with named_triton(NAME) as url, announced(registry.repository, url, "", NAME, GATEWAY):
        (path,) = registry.repository.glob(".stack-*")
        said = json.loads(path.read_text())
        del said["triton_grpc_url"]
        path.write_text(json.dumps(said))
        yield path


@pytest.fixture
def silent(registry, unused_tcp_port):
    """A running stack whose Triton has ended; gives where that answered."""
    url = f"127.0.0.1:{unused_tcp_port}"
    with announced(registry.repository, url, url, NAME, GATEWAY):
        yield url


@pytest.mark.parametrize("verb", [("promote", "weather/1"), ("rollback", "weather"), ("load", "weather"), ("unload", "weather/1")])
def test_a_change_stops_at_a_stack_of_another_release(registry, older, capsys, verb):
    if verb[0] == "rollback":
        text = older.read_text()
        older.unlink()
        assert registry("promote", "weather/1") == 0
        older.write_text(text)
    before = registry.files()
    assert registry(*verb) == 1
    assert capsys.readouterr().err == f"export: {OLDER}\n"
    assert registry.files() == before


@pytest.mark.parametrize("verb", [("promote", "weather/1"), ("gc", "--no-experiments", "--yes")])
def test_a_change_stops_at_a_stack_whose_triton_does_not_answer(registry, silent, capsys, verb):
    before = registry.files()
    assert registry(*verb) == 1
    sentence = f"(process {os.getpid()}) is up, and its Triton does not answer at {silent}: start the stack again if that lasts."
    assert capsys.readouterr().err == f"export: The stack at {GATEWAY} {sentence}\n"
    assert registry.files() == before


@pytest.mark.parametrize("verb", [("list",), ("show", "weather")])
def test_who_only_looks_is_told_and_sees_the_files(registry, older, capsys, verb):
    assert registry(*verb) == 0
    shown = capsys.readouterr()
    assert shown.err == f"{OLDER}\n"
    assert "weather" in shown.out


def test_an_export_is_packaged_and_says_that_the_stack_does_not_offer_it(registry, older):
    progress = Progress(Console(file=io.StringIO()))
    with pytest.raises(ExportError) as caught:
        offer(registry.repository, "weather", 3, None, progress, packaged=True)
    assert str(caught.value) == f"weather version 3 is packaged, and not served yet: {OLDER}"


def test_beside_a_stack_that_can_be_told_others_are_only_named(registry, older):
    said = []
    with named_triton("headrace-2") as url:
        other = json.loads(older.read_text()) | {"triton_url": url, "triton_grpc_url": "127.0.0.1:8001", "triton_name": "headrace-2"}
        (registry.repository / ".stack-8.json").write_text(json.dumps(other))
        assert [stack.triton_grpc_url for stack in tellable(registry.repository, said.append)] == ["127.0.0.1:8001"]
    assert said == [OLDER]


def test_what_is_given_is_told_whatever_stacks_say(registry, older, unused_tcp_port, capsys):
    assert registry("promote", "weather/1", "--triton", f"127.0.0.1:{unused_tcp_port}") == 1
    assert f"Triton at 127.0.0.1:{unused_tcp_port} does not answer" in capsys.readouterr().err
