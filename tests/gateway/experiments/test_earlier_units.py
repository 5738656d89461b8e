"""The table of who was assigned before."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.experiments.earlier_units import EarlierUnits, code_of

units = st.one_of(st.binary(min_size=8, max_size=8), st.sampled_from([bytes(8), b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\x80" + bytes(7)]))
epochs = st.lists(st.tuples(st.integers(1, 50), st.dictionaries(units, st.integers(0, 19), max_size=30)), max_size=5)


@given(epochs, units)
def test_each_unit_has_the_code_of_the_last_epoch_that_it_was_assigned_in(epochs, other):
    table, wanted = EarlierUnits.none(), {}
    for epoch, variants in epochs:
        codes = {unit: code_of(epoch, variant) for unit, variant in variants.items()}
        hashes = np.array([int.from_bytes(unit) for unit in codes], np.uint64)
        table = table.plus(hashes, np.array(list(codes.values()), np.uint16))
        wanted = {unit: max(wanted.get(unit, 0), codes.get(unit, 0)) for unit in wanted.keys() | codes.keys()}
    assert {unit: table.code(unit) for unit in wanted} == wanted
    assert table.code(other) == wanted.get(other)
    assert len(table) == len(wanted)
