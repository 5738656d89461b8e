"""The demo's last step: packaged versions against their fp32 references, from their manifests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Packaged:
    """A version as packaged, and its fp32 reference.

    Both have bytes, quality (0 to 1) and texts per second on one thread. Quality and speed are None
    where export did not measure them.
    """

    version: int
    precision: str
    fp32_bytes: int
    packaged_bytes: int
    metric: str
    examples: int
    fp32_quality: float | None
    packaged_quality: float | None
    fp32_texts_per_s: float | None
    packaged_texts_per_s: float | None

    @property
    def size_ratio(self) -> float:
        """How many times smaller the packaged graph is."""
        return self.fp32_bytes / self.packaged_bytes

    @property
    def speed_ratio(self) -> float | None:
        """How many times faster the packaged graph is."""
        if self.packaged_texts_per_s is None or self.fp32_texts_per_s is None:
            return None
        return self.packaged_texts_per_s / self.fp32_texts_per_s


def read_packaged(manifest: Mapping[str, Any]) -> Packaged:
    """The comparison that a version's manifest holds."""
    quality, speed, sizes = manifest.get("quality") or {}, manifest.get("speed") or {}, manifest["sizes"]
    return Packaged(
        version=manifest["version"],
        precision=manifest["precision"],
        fp32_bytes=sizes["fp32_bytes"],
        packaged_bytes=sizes["packaged_bytes"],
        metric=quality.get("metric", "quality"),
        examples=quality.get("examples", 0),
        fp32_quality=quality.get("reference"),
        packaged_quality=quality.get("packaged"),
        fp32_texts_per_s=speed.get("fp32_texts_per_s"),
        packaged_texts_per_s=speed.get("packaged_texts_per_s"),
    )
