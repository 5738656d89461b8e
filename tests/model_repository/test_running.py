"""A stack's file: found while its process lives and its Triton answers, and never after."""

import json
import shutil

import pytest
from named_triton import named_triton

from model_repository.running import announced, find, silent

GRPC_URL = "127.0.0.1:8001"


@pytest.fixture
def triton():
    with named_triton("headrace-1") as url:
        yield url


def test_a_stack_is_found_while_it_is_announced(tmp_path, triton):
    with announced(tmp_path, triton, GRPC_URL, "headrace-1", "http://127.0.0.1:8080"):
        (stack,) = find(tmp_path)
        assert (stack.triton_url, stack.triton_grpc_url, stack.gateway_url) == (triton, GRPC_URL, "http://127.0.0.1:8080")
    assert find(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_another_triton_on_the_port_is_not_the_stacks(tmp_path, triton, unused_tcp_port):
    with announced(tmp_path, triton, GRPC_URL, "headrace-2", ""), announced_elsewhere(tmp_path, unused_tcp_port):
        assert find(tmp_path) == []


def test_a_copy_of_a_served_repository_is_not_served(tmp_path, triton):
    served, copy, link = tmp_path / "models", tmp_path / "copy", tmp_path / "link"
    served.mkdir()
    with announced(served, triton, GRPC_URL, "headrace-1", ""):
        shutil.copytree(served, copy)
        link.symlink_to(served)
        assert (find(copy), silent(copy)) == ([], [])
        assert find(link) == find(served) != []


def announced_elsewhere(folder, port):
    return announced(folder, f"127.0.0.1:{port}", GRPC_URL, "headrace-1", "")


@pytest.mark.parametrize("change", [{"pid": 4_000_000}, {"started": "1"}])
def test_what_a_killed_process_left_is_removed(tmp_path, triton, change):
    with announced(tmp_path, triton, GRPC_URL, "headrace-1", ""):
        (path,) = tmp_path.iterdir()
        other = tmp_path / ".stack-7.json"
        other.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        assert len(find(tmp_path)) == 1
        assert not other.exists()


def test_the_file_of_another_machine_stays_and_is_told_of(tmp_path, triton, unused_tcp_port):
    with announced(tmp_path, triton, GRPC_URL, "headrace-1", "http://here"):
        (path,) = tmp_path.iterdir()
        there = {**json.loads(path.read_text()), "place": "another boot pid:[7]", "pid": 4_000_000, "gateway_url": "http://there"}
        other = tmp_path / ".stack-4000000-there.json"
        other.write_text(json.dumps({**there, "triton_url": f"127.0.0.1:{unused_tcp_port}"}))
        assert [stack.gateway_url for stack in find(tmp_path)] == ["http://here"]
        assert [stack.gateway_url for stack in silent(tmp_path)] == ["http://there"]
        assert other.exists(), "whether its process has ended cannot be seen from here"
        # a container with the host's network: its Triton answers by its name
        other.write_text(json.dumps(there))
        assert {stack.gateway_url for stack in find(tmp_path)} == {"http://here", "http://there"}
        assert silent(tmp_path) == []


def test_the_file_of_another_release_is_read(tmp_path, triton):
    with announced(tmp_path, triton, GRPC_URL, "headrace-1", "http://here"):
        (path,) = tmp_path.iterdir()
        said = json.loads(path.read_text())
        del said["triton_grpc_url"]
        path.write_text(json.dumps({**said, "since": "another release"}))
        (stack,) = find(tmp_path)
        assert (stack.gateway_url, stack.triton_grpc_url) == ("http://here", "")


def test_a_stack_whose_triton_does_not_answer_is_silent_until_its_process_ends(tmp_path, unused_tcp_port):
    with announced(tmp_path, f"127.0.0.1:{unused_tcp_port}", GRPC_URL, "headrace-1", "http://here"):
        assert find(tmp_path) == []
        assert [stack.gateway_url for stack in silent(tmp_path)] == ["http://here"]
        (path,) = tmp_path.iterdir()
        path.write_text(json.dumps({**json.loads(path.read_text()), "pid": 4_000_000}))
        assert silent(tmp_path) == []


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"pid": 1}', "\x00"])
def test_a_file_that_is_none_is_passed_over(tmp_path, text):
    (tmp_path / ".stack-7.json").write_text(text)
    assert find(tmp_path) == silent(tmp_path) == []
