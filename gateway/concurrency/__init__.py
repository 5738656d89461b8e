"""Patterns of asyncio that know nothing of serving: joining, ordering, pacing, waiting, ending."""
