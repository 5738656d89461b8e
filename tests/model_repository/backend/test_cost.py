"""The cost model: what is measured of it, and what is made of the measurements."""

import numpy as np
import pytest
from headrace_backend.cost import UNSEEN_SURCHARGE, fit, grid, measure
from hypothesis import given
from hypothesis import strategies as st


class Device:
    """A device whose clock moves only while it runs, by exactly what each shape takes."""

    def __init__(self, seconds, hiccups=()):
        self.now_s = 0.0
        self._seconds = seconds
        self._hiccups = iter(hiccups)

    def run(self, batch, length):
        self.now_s += self._seconds(batch, length) + next(self._hiccups, 0.0)

    def clock(self):
        return self.now_s


def linear(batch, length):
    return 0.001 + 0.0001 * batch * length


def test_the_grid_doubles_up_to_the_largest():
    assert grid(64, 256) == ([1, 2, 4, 8, 16, 32, 64], [8, 16, 32, 64, 128, 256])
    assert grid(24, 100) == ([1, 2, 4, 8, 16, 24], [8, 16, 32, 64, 100])
    assert grid(1, 4) == ([1], [4])


def test_a_device_that_is_fast_enough_is_measured_everywhere():
    device = Device(linear)
    seen = measure(device.run, 16, 64, budget_s=1e9, clock=device.clock)
    assert seen == pytest.approx({(batch, length): linear(batch, length) for batch in (1, 2, 4, 8, 16) for length in (8, 16, 32, 64)})


def test_measuring_stops_when_its_time_is_spent_and_begins_with_the_cheap_shapes():
    device = Device(linear)
    seen = measure(device.run, 64, 512, budget_s=0.05, clock=device.clock)
    assert 1 < len(seen) < 49
    assert device.now_s < 0.1
    assert max(batch * length for batch, length in seen) <= 2 * min(
        batch * length for batch in grid(64, 512)[0] for length in grid(64, 512)[1] if (batch, length) not in seen
    )


def test_one_shape_is_measured_even_without_time():
    device = Device(linear)
    assert list(measure(device.run, 64, 512, budget_s=0, clock=device.clock)) == [(1, 8)]


def test_a_hiccup_does_not_count():
    device = Device(linear, hiccups=[0.0, 5.0, 0.0, 5.0])
    assert measure(device.run, 1, 8, budget_s=1e9, clock=device.clock) == pytest.approx({(1, 8): linear(1, 8)})


def test_a_cost_linear_in_batch_and_length_is_met_exactly():
    device = Device(linear)
    cost = fit(measure(device.run, 24, 100, budget_s=1e9, clock=device.clock), 24, 100)
    assert (cost.max_batch, cost.max_length) == (24, 100)
    for batch in (1, 3, 17, 24):
        for length in (8, 9, 77, 100):
            assert cost.predict(batch, length) == pytest.approx(linear(batch, length))


def test_beyond_what_was_measured_cost_grows_a_little_more_than_in_proportion():
    cost = fit({(1, 8): 1.0, (2, 8): 1.5, (1, 16): 1.8}, 8, 32)
    assert cost.predict(8, 8) == pytest.approx(1.5 * (2 * UNSEEN_SURCHARGE) ** 2)
    assert cost.predict(1, 32) == pytest.approx(1.8 * 2 * UNSEEN_SURCHARGE)
    assert cost.predict(8, 32) > 4 * cost.predict(2, 32)


@given(st.data(), st.integers(1, 70), st.integers(2, 140))
def test_cost_never_falls_with_batch_or_length(data, max_batch, max_length):
    batches, lengths = grid(max_batch, max_length)
    shapes = sorted(((batch, length) for batch in batches for length in lengths), key=lambda shape: shape[0] * shape[1])
    measured = shapes[: data.draw(st.integers(1, len(shapes)))]
    seen = {shape: data.draw(st.floats(1e-6, 10)) for shape in measured}
    seconds = fit(seen, max_batch, max_length).seconds
    assert seconds.shape == (max_length + 1, max_batch + 1)
    assert (seconds[:, 0] == 0).all()
    assert (np.diff(seconds, axis=0) >= -1e-12).all()
    assert (np.diff(seconds, axis=1) >= -1e-12).all()
