"""Who was assigned in an experiment's earlier epochs, in little memory. Pure.

Ten bytes a unit: its hash, and a code for the epoch and the variant, sorted by hash.
"""

from bisect import bisect_left
from typing import Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray

CODES_AN_EPOCH: Final = 32
"""More than an experiment may have variants."""

Hashes = NDArray[np.uint64]
Codes = NDArray[np.uint16]


def code_of(epoch: int, place: int) -> int:
    """What stands for the variant at this place of an epoch's variants."""
    return epoch * CODES_AN_EPOCH + place


class EarlierUnits:
    """The epoch that each unit was assigned in last, and its variant there, as a code."""

    def __init__(self, hashes: Hashes, codes: Codes) -> None:
        self._hashes, self._codes = hashes, codes
        # an element of a memoryview is a plain number, which compares faster than one of numpy
        self._sorted = hashes.data

    def __len__(self) -> int:
        return len(self._hashes)

    def __repr__(self) -> str:
        return f"<EarlierUnits {len(self)}>"

    @classmethod
    def none(cls) -> Self:
        """Nobody."""
        return cls(np.empty(0, np.uint64), np.empty(0, np.uint16))

    def code(self, unit_hash: bytes) -> int | None:
        """The code of a unit; None where it was assigned in no earlier epoch."""
        wanted = int.from_bytes(unit_hash)
        place = bisect_left(self._sorted, wanted)
        if place == len(self._sorted) or self._sorted[place] != wanted:
            return None
        return int(self._codes[place])

    def plus(self, hashes: Hashes, codes: Codes) -> "EarlierUnits":
        """These units and others; of one that is in both, the later epoch is kept."""
        hashes, codes = np.concatenate([self._hashes, hashes]), np.concatenate([self._codes, codes])
        order = np.lexsort((codes, hashes))
        hashes, codes = hashes[order], codes[order]
        last = np.append(hashes[1:] != hashes[:-1], True)[: len(hashes)]
        return EarlierUnits(np.ascontiguousarray(hashes[last]), np.ascontiguousarray(codes[last]))


class KnownUnits(Protocol):
    """Who was assigned before, as far as it was read; `revision` grows with what is known."""

    @property
    def revision(self) -> int:
        """It changes whenever more is known."""

    def before(self, key: str, epoch: int) -> EarlierUnits | None:
        """Who was assigned before this epoch of an experiment; None: not known yet."""


class _NobodyKnown:
    revision = 0

    def before(self, _key: str, _epoch: int) -> EarlierUnits | None:
        return None


NOBODY_KNOWN: Final[KnownUnits] = _NobodyKnown()
"""What is known without state."""
