import numpy as np
import pytest

from export.errors import ExportError
from export.registry.triton_check import MOST_MOVED, require_clear_labels

LABELS = ("earn", "acq", "crude")
ALONE = np.array([np.roll([0.8, 0.15, 0.05], at % 3) for at in range(16)], np.float32)


def test_labels_that_stay_pass_and_unclear_ones_may_change():
    unclear = ALONE.copy()
    unclear[3] = (0.4, 0.35, 0.25)
    together = unclear.copy()
    together[3] = (0.35, 0.4, 0.25)
    require_clear_labels(LABELS, unclear, together, 0.0)


def test_a_clear_label_may_change_only_where_ranges_are_the_batchs():
    together = ALONE.copy()
    together[5] = np.roll(together[5], 1)
    require_clear_labels(LABELS, ALONE, together, MOST_MOVED)
    with pytest.raises(ExportError, match=r"1 of 16 clear labels change .* of text 6 it is earn, and crude is expected"):
        require_clear_labels(LABELS, ALONE, together, 0.0)


def test_answers_in_another_order_are_found_whatever_may_move():
    with pytest.raises(ExportError, match="15 of 16 clear labels"):
        require_clear_labels(LABELS, ALONE, np.roll(ALONE, 1, axis=0), MOST_MOVED)


def test_answers_of_another_shape_are_found():
    with pytest.raises(ExportError, match="shape"):
        require_clear_labels(LABELS, ALONE, ALONE[:15], MOST_MOVED)
