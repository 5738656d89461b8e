import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from gateway.state.slots import require_one_slot, slot_of


@given(st.text(alphabet="{}ab0é", max_size=12))
def test_slots_are_those_of_redis_py(key):
    assert slot_of(key) == key_slot(key.encode())


def test_the_specifications_example_is_met():
    assert slot_of("123456789") == 0x31C3


def test_the_first_braces_count_unless_they_are_empty():
    assert slot_of("{acme}:key:1") == slot_of("spent:{acme}:tenant") == slot_of("acme")
    assert slot_of("{}{acme}") != slot_of("acme")


@pytest.mark.parametrize("keys", [[], ["a"], ["{a}:x", "y:{a}"], ["a", "a"]])
def test_keys_of_one_tag_lie_together(keys):
    require_one_slot(keys)


def test_keys_in_several_slots_are_refused_by_name():
    with pytest.raises(ValueError, match=r"\{a\}:x, \{b\}:x: what changes together must lie in one slot"):
        require_one_slot(["{a}:x", "{b}:x"])
