"""The items whose answers differ most, of each pair of versions, without their texts."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

import orjson

from gateway.measurement.names import shadow_names
from gateway.request.prediction import Item
from gateway.shadow.tally import Compared, Pair
from gateway.state.state import State
from gateway.tasks.difference import Best

MOST_EXAMPLES: Final = 10


class Example(NamedTuple):
    """An item by its digest and its length in bytes, and the best label of both versions."""

    amount: float
    flip: bool | None
    text: str
    size: int
    before: Best
    after: Best

    @classmethod
    def of(cls, compared: Compared, item: Item) -> Self:
        """What is kept of a compared item."""
        found, size = compared.difference, len(item.text) + len(item.text_pair or b"")
        return cls(found.amount, found.flip, compared.text, size, found.before, found.after)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "amount": self.amount,
            "flip": self.flip,
            "text_digest": self.text,
            "bytes": self.size,
            **{name: best and {"label": best[0], "score": best[1]} for name, best in (("before", self.before), ("after", self.after))},
        }


def digest_of(item: Item) -> str:
    """What stands for an item where its text must not: 16 hex digits of the sha256 of its parts."""
    parts = (item.text, item.text_pair or b"", item.parameters)
    return hashlib.sha256(b"".join(b"%d:%s" % (len(part), part) for part in parts)).hexdigest()[:16]


def most_different(examples: Sequence[Example]) -> list[Example]:
    """Those that differ most, each text once."""
    by_text = {one.text: one for one in sorted(examples, key=lambda one: one.amount)}
    return sorted(by_text.values(), key=lambda one: (not one.flip, -one.amount))[:MOST_EXAMPLES]


async def keep_examples(state: State, experiment: str, found: Mapping[Pair, Sequence[Example]]) -> None:
    """Keep examples beside those of before; where another worker was faster, the next ones come.

    Raises:
        StateUnavailable: they may not be kept.
    """
    kept = await state.hash_items(shadow_names(experiment).examples)
    for pair, examples in found.items():
        before = kept.get(pair.prefix.encode())
        after = pack(most_different([*unpack(before), *examples]))
        if after != before:
            await state.hash_replace(shadow_names(experiment).examples, {pair.prefix: (before, after)})


def pack(examples: Sequence[Example]) -> bytes:
    """As state keeps them."""
    return orjson.dumps([list(one) for one in examples])


def unpack(raw: bytes | None) -> list[Example]:
    """What `pack` made."""
    found = [] if raw is None else orjson.loads(raw)
    return [Example(*one[:4], *(None if best is None else (best[0], best[1]) for best in one[4:])) for one in found]
