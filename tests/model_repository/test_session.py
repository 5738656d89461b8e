"""The graph on the execution provider that was asked for."""

import numpy as np
import pytest
from headrace_backend.items import Window
from headrace_backend.session import Placement, Session, SessionError, padded


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
    }


def test_a_provider_that_this_onnx_runtime_lacks_is_refused(classifier):
    with pytest.raises(
        SessionError, match=r"Execution provider NeuralAbacus is not in this ONNX Runtime, which has .*CPUExecutionProvider"
    ):
        Session(classifier.graph, Placement("NeuralAbacus"), ["logits"])


def test_a_graph_without_the_output_that_the_task_needs_is_refused(classifier):
    with pytest.raises(SessionError, match=r"model\.onnx does not give last_hidden_state\."):
        Session(classifier.graph, Placement(), ["last_hidden_state"])


def test_a_placement_is_read_from_the_configurations_parameters():
    assert Placement.from_parameters({}) == Placement("CPUExecutionProvider", device_id=0, intra_op_threads=1)
    parameters = {"execution_provider": "CUDAExecutionProvider", "device_id": "3", "intra_op_threads": "8", "manifest.1": "{}"}
    assert Placement.from_parameters(parameters) == Placement("CUDAExecutionProvider", device_id=3, intra_op_threads=8)


@pytest.mark.parametrize(
    ("name", "value"), [("intra_op_threads", "0"), ("intra_op_threads", "two"), ("device_id", "-1"), ("device_id", "")]
)
def test_a_parameter_that_is_no_number_is_refused_by_name(name, value):
    with pytest.raises(SessionError, match=f"Parameter {name} is {value!r}; it must be a whole number"):
        Placement.from_parameters({name: value})
