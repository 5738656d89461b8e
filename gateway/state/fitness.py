"""Whether a server can keep what must not be lost, although it answers. Pure."""

from collections.abc import Mapping
from typing import Any

NO_SCRIPTS = (
    "its user may run no scripts, so each process counts rate limits and quotas alone and experiments cannot be changed; "
    "allow EVAL and EVALSHA (ACL SETUSER <user> +eval +evalsha)"
)
SHARED = "the cache lies on the same server with limited memory, and can push quotas out; give HEADRACE_STATE_URL a server of its own"


def fault_of(*, runs_scripts: bool, memory: Mapping[str, Any], is_shared: bool) -> str | None:
    """What is wrong with a server for state, and what to change; None if nothing is.

    `memory` is what it says in `INFO memory`, empty where it does not say it. `is_shared`: the
    cache is on the same server.
    """
    faults = [] if runs_scripts else [NO_SCRIPTS]
    policy = str(memory.get("maxmemory_policy", "noeviction"))
    if memory.get("maxmemory"):
        if policy != "noeviction":
            faults.append(f"its maxmemory-policy {policy} makes it forget spent quotas when memory is short; set noeviction")
        if is_shared:
            faults.append(SHARED)
    return "; ".join(faults) or None
