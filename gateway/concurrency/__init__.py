"""Patterns of asyncio, independent of serving: joining, ordering, pacing, waiting, ending."""
