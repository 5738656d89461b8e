"""What the terminal says where something is wrong; `test_gateways.py` has the rest."""

import pytest
from gateway_process import free_port

from gateway.experiments.command_line import experiment


def said(capsys, *arguments):
    status = experiment([*map(str, arguments)])
    return status, capsys.readouterr().err


def test_where_no_gateway_answers_the_address_is_named(capsys):
    url = f"http://127.0.0.1:{free_port()}"
    status, sentence = said(capsys, "--url", url, "list")
    assert (status, sentence.startswith(f"no gateway answers at {url} (")) == (1, True)


def test_what_is_no_url_is_a_sentence(capsys):
    assert said(capsys, "--url", "localhost:8080", "list") == (
        1,
        "'localhost:8080' is no URL of a gateway, such as http://127.0.0.1:8080\n",
    )


def test_a_file_that_is_not_there_is_a_sentence(capsys, tmp_path):
    assert said(capsys, "apply", tmp_path / "none.yaml") == (1, f"{tmp_path}/none.yaml: No such file or directory\n")


@pytest.mark.parametrize("content", ["just text", "experiments: [1]", "variants: []"])
def test_a_file_without_definitions_is_a_sentence(capsys, tmp_path, content):
    path = tmp_path / "experiments.yaml"
    path.write_text(content)
    assert said(capsys, "apply", path) == (1, f"{path}: must hold experiments: and a list of definitions, each with its key\n")


def test_a_file_that_is_not_yaml_is_a_sentence(capsys, tmp_path):
    path = tmp_path / "experiments.yaml"
    path.write_text("experiments: [")
    status, sentence = said(capsys, "apply", path)
    assert (status, sentence.startswith("not YAML")) == (1, True)
