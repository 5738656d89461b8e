from state_servers import state, two, urls

__all__ = ["state", "two", "urls"]
