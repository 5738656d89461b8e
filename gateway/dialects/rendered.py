"""Bodies that were rendered before: among cached predictions, clients ask for the same few."""

from collections.abc import Callable, Sequence

MAX_BODIES = 4096
MAX_ROW_BYTES = 512
MAX_SHOWN_BYTES = 512


class Rendered:
    """Keeps at most `MAX_BODIES` bodies: those that show one small row, by few options."""

    def __init__(self) -> None:
        self._bodies: dict[tuple[str, bytes, bytes], bytes] = {}

    def __len__(self) -> int:
        return len(self._bodies)

    def body(self, digest: str, rows: Sequence[bytes], shown: bytes, render: Callable[[], bytes]) -> bytes:
        """The body for rows of the version with this digest.

        `shown` distinguishes the bodies that `render` makes of the same rows.
        """
        if len(rows) != 1 or len(rows[0]) > MAX_ROW_BYTES or len(shown) > MAX_SHOWN_BYTES:
            return render()
        name = (digest, rows[0], shown)
        body = self._bodies.get(name)
        if body is None:
            if len(self._bodies) >= MAX_BODIES:
                self._bodies.clear()
            body = self._bodies[name] = render()
        return body
