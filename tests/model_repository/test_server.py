"""The launcher: what it leaves behind, whichever way it ends."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model_repository.server import TritonError, TritonServer

pytestmark = pytest.mark.integration

PARENT = """
import sys
from pathlib import Path
from model_repository.server import TritonServer
server = TritonServer.start(Path(sys.argv[1]), models=[])
print(server.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(("grace", "code"), [({}, 0), ({"grace_s": 0}, -signal.SIGKILL)], ids=["grace", "at once"])
def test_stop_leaves_no_process_no_shared_memory_and_no_file(served, classifier, grace, code):
    served.package(1, classifier)
    server = TritonServer.start(served.folder.parent, models=[served.folder.name], **grace)
    family = _session_of(server.pid)
    scratch = server.log.parent
    regions = _shared_memory_of(server)
    assert len(family) == 2  # the server and the stub of one instance
    assert regions
    assert scratch.exists()
    server.stop()
    server.stop()
    assert server.poll() == code
    assert _session_of(server.pid) == []
    assert _shared_memory_of(server) == []
    assert not scratch.exists()


def test_a_server_that_is_killed_takes_its_stubs_along(served, classifier):
    served.package(1, classifier)
    with TritonServer.start(served.folder.parent, models=[served.folder.name]) as server:
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        assert server.poll() == -signal.SIGKILL
        assert _session_of(server.pid) == []
        assert _shared_memory_of(server) == []


def test_a_server_ends_when_its_parent_is_killed(tmp_path):
    argv = [sys.executable, "-c", PARENT, str(tmp_path)]
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # a parent that is killed cannot remove its scratch folder
    root = Path(__file__).parents[2]
    with subprocess.Popen(argv, cwd=root, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        server = os.pidfd_open(int(parent.stdout.readline()))
        try:
            ended = select.poll()
            ended.register(server, select.POLLIN)
            parent.kill()
            assert ended.poll(30_000) != []
        finally:
            os.close(server)


def test_a_start_that_takes_too_long_says_so_with_the_log_and_leaves_nothing(tmp_path):
    log = tmp_path / "triton.log"
    with pytest.raises(TritonError, match="did not come up in time"):
        TritonServer.start(tmp_path, models=[], log=log, timeout_s=0)
    assert log.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TritonError, match="nowhere is not a directory"):
        TritonServer.start(tmp_path / "nowhere")


def test_a_model_that_is_not_there_is_refused_with_the_reason(triton):
    server, _ = triton
    with pytest.raises(TritonError, match=r"could not load unheard-of: .*failed to poll from model repository"):
        server.load("unheard-of")


def test_a_server_that_is_gone_is_a_triton_error(tmp_path):
    with TritonServer.start(tmp_path, models=[]) as server:
        pass
    with pytest.raises(TritonError, match="did not answer"):
        server.load("topics")


def _session_of(pid: int) -> list[int]:
    """Processes of the session that this one leads.

    The fields of /proc/PID/stat after the name are state, parent, group, session.
    """
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        if int(fields[3]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def _shared_memory_of(server: TritonServer) -> list[Path]:
    return list(Path("/dev/shm").glob(f"{server.name}*"))  # noqa: S108 - where POSIX shared memory lies
