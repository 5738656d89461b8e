"""JSON null is taken and refused where Triton takes and refuses it."""

import pytest
from open_inference_nulls import GENERATE, INFER, TOLERATED


@pytest.fixture(scope="module")
def client(start_app_for_module):
    return start_app_for_module()


@pytest.mark.parametrize("place", INFER)
def test_null_in_an_inference_request_is_what_it_is_to_triton(client, place):
    answer = client.post("/v2/models/topics/infer", json=INFER[place])
    assert answer.status_code == (200 if place in TOLERATED else 400), answer.text


@pytest.mark.parametrize("place", GENERATE)
def test_null_in_a_generate_request_is_refused(client, place):
    answer = client.post("/v2/models/topics/generate", json=GENERATE[place])
    assert answer.status_code == 400, answer.text
