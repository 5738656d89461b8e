"""Where state keeps what is measured of one epoch of an experiment. Pure.

All of it lies in one slot of a cluster, so that one script may write it.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

from gateway.measurement.layout import Layout

BUCKETS: Final = 1 << 14
"""A million units make 61 fields a bucket. The server keeps a hash of at most 128 (its older
default; 512 is the newer one) as one packed list, which is what makes a record small."""
KEY_BUCKETS: Final = 1 << 10


class Names(NamedTuple):
    """The keys of an experiment's epoch, whose units and sums have this layout.

    `sums` is a hash of the running sums: `<variant>` has the units of a variant, by its index, and
    `<variant>:<sum>` the moments of a sum. `a` before these stands for units that the gateway named
    itself, and `<cohort>/` for those that were first exposed in this span of time.
    """

    experiment: str
    epoch: int
    digest: str

    @classmethod
    def of(cls, experiment: str, epoch: int, layout: Layout) -> "Names":
        """The names for an experiment's epoch."""
        return cls(experiment, epoch, layout.digest)

    @property
    def prefix(self) -> str:
        """What all names begin with."""
        return f"{tag_of(self.experiment)}:{self.epoch}:{self.digest}"

    @property
    def sums(self) -> str:
        """The running sums."""
        return f"{self.prefix}:sums"

    @property
    def writers(self) -> str:
        """The number of the last batch of each writer."""
        return f"{self.prefix}:writers"

    def units(self, unit_hash: bytes) -> str:
        """The bucket of a unit's record."""
        return self.bucket(int.from_bytes(unit_hash[:2]) % BUCKETS)

    def bucket(self, number: int) -> str:
        """A bucket of records by its number."""
        return f"{self.prefix}:u:{number:x}"

    def buckets(self) -> Iterator[str]:
        """All buckets of records, whether they are there or not."""
        return map(self.bucket, range(BUCKETS))

    def outcome_keys(self, period: int, key: str) -> str:
        """The bucket of the keys of outcomes that came in a period."""
        return self.key_bucket(period, int.from_bytes(_hashed(key)[:2]) % KEY_BUCKETS)

    def key_bucket(self, period: int, number: int) -> str:
        """A bucket of outcomes' keys by its number."""
        return f"{self.prefix}:k:{period}:{number:x}"


def unit_field(unit_hash: bytes) -> str:
    """A unit's field in its bucket: 8 bytes as a whole number, which a packed list keeps in 9."""
    return str(int.from_bytes(unit_hash, signed=True))


def key_field(key: str) -> str:
    """The field of an outcome's key in its bucket."""
    return unit_field(_hashed(key))


def _hashed(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def tag_of(experiment: str) -> str:
    """What the names of all that is measured of an experiment begin with, so they share a slot."""
    return f"{{headrace:measured:{experiment}}}"


class ShadowNames(NamedTuple):
    """The hashes of what an experiment's shadows showed.

    The counters, the distinct texts, and the most different examples.
    """

    counters: str
    texts: str
    examples: str


def shadow_names(experiment: str) -> ShadowNames:
    """The names for an experiment."""
    return ShadowNames(*(f"{tag_of(experiment)}:shadow:{what}" for what in ShadowNames._fields))


def looks_of(experiment: str) -> str:
    """The hash of what looks at an experiment found, for the looks after them."""
    return f"{tag_of(experiment)}:looks"
