from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.generations import ALL, Generations, model_scope, tenant_scope, version_scope

NUMBERS = st.dictionaries(st.sampled_from(["all", "model:a", "tenant:t"]), st.integers(0, 5))


def test_a_scope_is_part_of_its_own_keys_only():
    def changed(scope):
        generations = Generations()
        before = {place: generations.of(*place) for place in places}
        generations.merge({scope: 1})
        return [generations.of(*place) != before[place] for place in places]

    places = [("", "a", 1), ("", "a", 2), ("", "b", 1), ("t", "a", 1)]
    assert changed(ALL) == [True, True, True, True]
    assert changed(model_scope("a")) == [True, True, False, True]
    assert changed(version_scope("a", 1)) == [True, False, False, True]
    assert changed(tenant_scope("t")) == [False, False, False, True]
    assert changed(model_scope("c")) == [False] * 4


@given(NUMBERS, NUMBERS)
def test_numbers_only_grow_and_lost_ones_are_returned(known, seen):
    generations = Generations()
    generations.merge(known)
    newer, lost = generations.merge(seen)
    assert generations.numbers == {
        scope: max(known.get(scope, 0), seen.get(scope, 0)) for scope in known | seen if known.get(scope) or seen.get(scope)
    }
    assert newer == any(number > known.get(scope, 0) for scope, number in seen.items())
    assert lost == {scope: number for scope, number in known.items() if number > seen.get(scope, 0)}
