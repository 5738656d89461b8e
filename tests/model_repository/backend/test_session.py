"""The graph on the execution provider that was asked for."""

import numpy as np
import pytest
from headrace_backend.items import Window
from headrace_backend.placement import Placement
from headrace_backend.session import Session, SessionError, padded


def test_a_padded_batch_is_answered_as_its_texts_are_alone(classifier):
    session = Session(classifier.graph, Placement(), ["logits"])
    windows = [Window(np.array(ids)) for ids in ([2, 7, 3], [2, 8, 9, 10, 11, 3], [2, 3])]
    (together,) = session.run(windows)
    alone = np.vstack([session.run([window])[0] for window in windows])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_batch_is_padded_to_its_longest_window():
    windows = [Window(np.array([2, 7, 3])), Window(np.array([2, 8, 9, 3]), np.array([0, 0, 1, 1]))]
    fed = {name: values.tolist() for name, values in padded(windows, pad_id=5).items()}
    assert fed == {
        "input_ids": [[2, 7, 3, 5], [2, 8, 9, 3]],
        "attention_mask": [[1, 1, 1, 0], [1, 1, 1, 1]],
        "token_type_ids": [[0, 0, 0, 0], [0, 0, 1, 1]],
        "pooling_mask": [[1, 1, 1, 0], [1, 1, 1, 1]],
    }


def test_a_provider_that_this_onnx_runtime_lacks_is_refused(classifier):
    with pytest.raises(
        SessionError, match=r"Execution provider NeuralAbacus is not in this ONNX Runtime, which has .*CPUExecutionProvider"
    ):
        Session(classifier.graph, Placement("NeuralAbacus"), ["logits"])


def test_a_graph_without_the_output_that_the_task_needs_is_refused(classifier):
    with pytest.raises(SessionError, match=r"model\.onnx does not give last_hidden_state\."):
        Session(classifier.graph, Placement(), ["last_hidden_state"])


def test_bound_inputs_and_outputs_give_the_same_answers(classifier):
    windows = [Window(np.array(ids)) for ids in ([2, 7, 3], [2, 8, 9, 10, 11, 3])]
    plain = Session(classifier.graph, Placement(io_binding=False), ["logits"])
    bound = Session(classifier.graph, Placement(io_binding=True), ["logits"])
    assert (plain.io_binding, bound.io_binding) == (False, True)
    np.testing.assert_array_equal(bound.run(windows)[0], plain.run(windows)[0])


def test_binding_is_tried_with_shapes_that_the_model_takes(classifier):
    shapes = []

    class Watched(Session):
        def run(self, windows):
            shapes.append((self.io_binding, len(windows), len(windows[0].ids)))
            return super().run(windows)

    Watched(classifier.graph, Placement(), ["logits"]).try_io_binding(max_batch=2, max_length=16)
    assert set(shapes) == {(False, 2, 16), (True, 2, 16)}
