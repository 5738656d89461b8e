"""Work whose time grows with a body: what is heavy runs in a thread, beside the event loop."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

MAX_BYTES_ON_LOOP = 131_072
"""Work on more bytes is heavy. Going to a thread and back costs about as much as work on these."""
Given = ParamSpec("Given")
Result = TypeVar("Result")


async def aside(weight_bytes: int, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """What `work` returns or raises for so many bytes."""
    if weight_bytes <= MAX_BYTES_ON_LOOP:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
