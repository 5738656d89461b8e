"""What is counted of compared answers, in state: whole numbers that scripts add up.

Each pair of versions has fields of its own, once by traffic and once by distinct text: a text that
is asked a thousand times would else hide a hundred that are asked once.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Self

import orjson

from gateway.state.script import Hashes, Script
from gateway.tasks.difference import Difference

EDGES: Final = (1e-6, 1e-5, 1e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""The upper ends of the amounts that are counted together."""
MOST_TEXTS: Final = 100_000
"""So many distinct texts of an experiment are told apart."""
TRAFFIC, DISTINCT = "t", "d"
BEFORE, AFTER = "before", "after"
"""Whose latency and seconds of Triton are counted."""
SEPARATOR: Final = "|"


class Pair(NamedTuple):
    """Two versions, such as `topics/1` and `topics/2`; a version beside itself is the noise."""

    before: str
    after: str

    @classmethod
    def of(cls, model: str, version: int, other_model: str, other_version: int) -> Self:
        """The pair of two versions of models."""
        return cls(f"{model}/{version}", f"{other_model}/{other_version}")

    @property
    def noise(self) -> bool:
        """Whether this is a version beside itself."""
        return self.before == self.after

    @property
    def prefix(self) -> str:
        """What the fields of its counters begin with."""
        return f"{self.before}{SEPARATOR}{self.after}{SEPARATOR}"

    def field(self, weight: str, counter: str) -> str:
        """The field of a counter."""
        return f"{self.prefix}{weight}{SEPARATOR}{counter}"


class Compared(NamedTuple):
    """One item's answers, compared; `text` is a digest of the item."""

    pair: Pair
    text: str
    difference: Difference

    def counts(self) -> dict[str, int]:
        """What it adds to each counter."""
        found = {"items": 1, f"amount:{bisect_left(EDGES, self.difference.amount)}": 1}
        if self.difference.flip is not None:
            found |= {"answers": 1, "flips": int(self.difference.flip)}
        if self.difference.overlap is not None:
            found |= {"lists": 1, "overlap": round(1e6 * self.difference.overlap)}
        return found


def cost(pair: Pair, side: str, requests: int, triton_s: float, latency_s: float) -> dict[str, int]:
    """What computed requests add to a side's counters, in µs; `triton_s` is for each item."""
    return {
        pair.field(side, "requests"): requests,
        pair.field(side, "triton"): round(1e6 * triton_s),
        pair.field(side, "latency"): round(1e6 * latency_s),
    }


def argument(compared: Sequence[Compared], others: Mapping[str, int]) -> str:
    """What the script takes; `others` are amounts for fields of any name."""
    items = [[one.pair.prefix, f"{one.pair.prefix}{one.text}", one.counts()] for one in compared]
    return orjson.dumps({"items": items, "others": dict(others)}).decode()


# KEYS: the counters, the texts. ARGV: JSON of items: [prefix, text, {counter: amount}], and others:
# {field: amount}; how many texts are told apart
_LUA = f"""
local given = cjson.decode(ARGV[1])
local new = 0
local function add(prefix, weight, counts)
    for counter, amount in pairs(counts) do
        redis.call('HINCRBY', KEYS[1], prefix .. weight .. '{SEPARATOR}' .. counter, amount)
    end
end
for _, item in ipairs(given.items) do
    add(item[1], '{TRAFFIC}', item[3])
    if redis.call('HLEN', KEYS[2]) < tonumber(ARGV[2]) and redis.call('HSETNX', KEYS[2], item[2], '') == 1 then
        add(item[1], '{DISTINCT}', item[3])
        new = new + 1
    end
end
for field, amount in pairs(given.others) do redis.call('HINCRBY', KEYS[1], field, amount) end
return {{new}}
"""


def _rule(hashes: Hashes, keys: Sequence[str], arguments: Sequence[str | float], _now_s: float) -> list[int]:
    given, most = orjson.loads(str(arguments[0])), int(arguments[1])
    counters = hashes.setdefault(keys[0], {})
    new = 0

    def add(field: str, amount: int) -> None:
        counters[field] = b"%d" % (int(counters.get(field, 0)) + amount)

    for prefix, text, counts in given["items"]:
        texts = hashes.setdefault(keys[1], {})
        weights = [TRAFFIC]
        if len(texts) < most and text not in texts:
            texts[text] = b""
            weights.append(DISTINCT)
            new += 1
        for weight in weights:
            for counter, amount in counts.items():
                add(f"{prefix}{weight}{SEPARATOR}{counter}", amount)
    for field, amount in given["others"].items():
        add(field, amount)
    return [new]


TALLY = Script(_LUA, _rule)
"""Adds to the counters; replies how many texts were new."""
