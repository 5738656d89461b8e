import pytest

from gateway.state.fitness import NO_SCRIPTS, SHARED, fault_of

LIMITED = {"maxmemory": 4_000_000, "maxmemory_policy": "noeviction"}
EVICTING = LIMITED | {"maxmemory_policy": "volatile-lru"}
UNLIMITED = EVICTING | {"maxmemory": 0}


@pytest.mark.parametrize(
    ("runs_scripts", "memory", "is_shared", "parts"),
    [
        (True, LIMITED, False, ()),
        (True, UNLIMITED, True, ()),  # nothing is ever evicted
        (True, {}, False, ()),  # it does not say
        (True, EVICTING, False, ("volatile-lru", "set noeviction")),
        (True, LIMITED, True, (SHARED,)),
        (False, LIMITED, False, (NO_SCRIPTS,)),
        (False, EVICTING, True, (NO_SCRIPTS, "volatile-lru", SHARED)),
    ],
)
def test_a_server_that_cannot_keep_what_must_not_be_lost_is_told_apart(runs_scripts, memory, is_shared, parts):
    fault = fault_of(runs_scripts=runs_scripts, memory=memory, is_shared=is_shared)
    assert (fault is None) == (not parts)
    assert all(part in fault for part in parts)
