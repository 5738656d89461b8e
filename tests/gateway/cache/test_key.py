from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.key import entity_tag, key, lease_key, namespace
from gateway.request.prediction import Item

DIGESTS = [f"sha256:{c * 64}" for c in "ab"]
ITEMS = st.builds(Item, st.binary(max_size=5), st.none() | st.binary(max_size=5), st.binary(max_size=5))
SPACES = st.tuples(st.sampled_from(DIGESTS), st.text("ab", max_size=2), st.binary(max_size=2))


@given(ITEMS, ITEMS)
def test_different_items_have_different_keys(one, other):
    space = namespace(DIGESTS[0], "", b"")
    assert (key(space, one) == key(space, other)) == (one == other)


@given(SPACES, SPACES)
def test_different_digests_tenants_and_generations_have_different_namespaces(one, other):
    assert (namespace(*one) == namespace(*other)) == (one == other)
    item = Item(b"corn")
    assert (key(namespace(*one), item) == key(namespace(*other), item)) == (one == other)


def test_the_lease_of_a_key_has_a_key_of_its_own():
    keys = [key(namespace(DIGESTS[0], "", b""), Item(text)) for text in (b"a", b"b")]
    assert len({*keys, *map(lease_key, keys)}) == 4


def test_different_items_and_different_shown_options_have_different_entity_tags():
    a, b = b"headrace:a", b"headrace:b"
    tags = [entity_tag(keys, shown) for keys in ([a], [b], [a, b], [b, a]) for shown in (b"", b'{"top_k":3}')]
    assert len(set(tags)) == len(tags)
    assert all(tag.startswith('W/"') and tag.endswith('"') for tag in tags)
