"""Which session runs a batch, with a real graph and real locks."""

import numpy as np
import pytest
from headrace_backend.items import Window
from headrace_backend.lone_text import LoneTextSession, SeenSession
from headrace_backend.neighbours import Neighbours
from headrace_backend.placement import Placement
from headrace_backend.session import Session

WINDOW = Window(np.arange(5, 12, dtype=np.int64))


class Watched(Session):
    runs = 0

    def run(self, windows):
        self.runs += 1
        return super().run(windows)


@pytest.fixture
def narrow(classifier):
    return Watched(classifier.graph, Placement(), ["logits"])


@pytest.fixture
def wide(classifier):
    return Watched(classifier.graph, Placement(lone_text_threads=2).for_lone_texts(), ["logits"])


@pytest.fixture
def file(tmp_path):
    (tmp_path / "lock").touch()
    return tmp_path / "lock"


def test_a_lone_text_runs_wide_and_gives_the_same_answer(narrow, wide, file):
    session = LoneTextSession(narrow, wide, Neighbours(file))
    [own] = session.run([WINDOW])
    assert (narrow.runs, wide.runs) == (0, 1)
    np.testing.assert_allclose(own, narrow.run([WINDOW])[0], atol=1e-5)


def test_a_text_beside_a_neighbour_runs_narrow(narrow, wide, file):
    session = LoneTextSession(narrow, wide, Neighbours(file))
    with Neighbours(file).working():
        session.run([WINDOW])
    assert (narrow.runs, wide.runs) == (1, 0)
    session.run([WINDOW])
    assert wide.runs == 1


def test_who_runs_is_seen_by_the_neighbours(file):
    class Asking:
        def run(self, windows):
            return Neighbours(file).none_works()

    assert not SeenSession(Asking(), Neighbours(file)).run([WINDOW])
    assert not LoneTextSession(Asking(), Asking(), Neighbours(file)).run([WINDOW])


def test_neighbours_work_together_and_are_seen_until_the_last_one_ends(file):
    one, other, third = (Neighbours(file) for _ in range(3))
    with one.working():
        with other.working():
            assert not third.none_works()
        assert not third.none_works()
    assert third.none_works()
    with pytest.raises(ZeroDivisionError), one.working():
        raise ZeroDivisionError
    assert third.none_works()
