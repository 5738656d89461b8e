from datetime import date
from pathlib import Path

import pytest

from loadtest.cost.prices import PriceError, read_prices

OWN = """
schema: 1
prices:
  aws/g6.xlarge:
    {region: us-east-1, vcpus: 4, memory_gib: 16, gpu: L4, gpus: 1, on_demand_usd_per_hour: 0.61, source: contract, date: 2026-11-01}
  our/rack-7: {region: cellar, vcpus: 64, memory_gib: 256, on_demand_usd_per_hour: 0, source: written off, date: 2026-11-01}
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_every_shipped_price_names_a_public_source_and_its_day() -> None:
    table = read_prices()
    priced = {name: price for name, price in table.items() if price.on_demand_usd_per_hour is not None}
    assert len(priced) > 10
    for name, price in priced.items():
        assert price.source.startswith("https://"), name
        assert date(2025, 1, 1) <= price.date <= date(2026, 11, 21), name
        assert price.spot_usd_per_hour is None or 0 < price.spot_usd_per_hour < priced[name].on_demand_usd_per_hour, name


def test_the_users_own_entries_replace_and_add(own: Path) -> None:
    shipped, table = read_prices(), read_prices(own)
    assert table.on_demand("aws/g6.xlarge") == 0.61 != shipped.on_demand("aws/g6.xlarge")
    assert table.on_demand("our/rack-7") == 0
    assert table["aws/g5.xlarge"] == shipped["aws/g5.xlarge"]


def test_an_unknown_type_is_refused_with_a_list_of_the_known_ones() -> None:
    with pytest.raises(PriceError, match=r"no 'aws/g9\.xlarge'; it has aws/c7i\.2xlarge.*--prices"):
        read_prices()["aws/g9.xlarge"]
    assert "aws/g9.xlarge" not in list(read_prices())


def test_hardware_without_a_price_says_what_to_give() -> None:
    assert read_prices()["this-machine"].vcpus == 2
    with pytest.raises(PriceError, match=r"this-machine has no price: give its on_demand_usd_per_hour"):
        read_prices().on_demand("this-machine")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices: [", "is no YAML"),
        ("prices: {}", "schema: 1"),
        ("{schema: 1, prices: {}, currency: EUR}", "currency: there are only"),
        ("{schema: 1, prices: {x: 3}}", "x must be a mapping"),
        ("{schema: 1, prices: {x: {vcpus: 2, memory_gib: 4, source: s, date: 2026-01-01}}}", "x: region: Field required"),
        ("{schema: 1, prices: {x: {region: r, vcpus: -2, memory_gib: 4, source: s, date: 2026-01-01}}}", r"x: vcpus: .*greater than 0.*-2"),
        ("{schema: 1, prices: {x: {region: r, vcpus: 2, memory_gib: 4, source: s, date: soon}}}", r"x: date: .*'soon'"),
        ("{schema: 1, prices: {x: {region: r, vcpus: 2, memory_gib: 4, source: s, date: 2026-01-01, usd: 3}}}", "x: usd: .*not permitted"),
        (
            "{schema: 1, prices: {x: {region: r, vcpus: 2, memory_gib: 4, gpus: 1, source: s, date: 2026-01-01}}}",
            "gpu and gpus go together",
        ),
        (
            "{schema: 1, prices: {x: {region: r, vcpus: 2, memory_gib: 4, spot_usd_per_hour: 1, source: s, date: 2026-01-01}}}",
            "a spot price needs the on-demand price",
        ),
    ],
)
def test_an_unsound_entry_is_named_with_its_field(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PriceError, match=said):
        read_prices(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PriceError, match=r"absent\.yaml cannot be read"):
        read_prices(tmp_path / "absent.yaml")
