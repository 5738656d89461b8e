"""Work whose time grows with a body: what is heavy runs in a thread, beside the event loop."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

MAX_BYTES_ON_LOOP = 131_072
"""Work on more bytes is heavy. Going to a thread and back costs about as much as work on these."""
# threads of its own: names are looked up and keys fetched in those of the event loop
_THREADS = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="aside")
Given = ParamSpec("Given")
Result = TypeVar("Result")


async def aside(weight_bytes: int, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """What `work` returns or raises for so many bytes."""
    if weight_bytes <= MAX_BYTES_ON_LOOP:
        return work(*args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, partial(work, *args, **kwargs))
