"""What is seen of the stack: names from command lines, rates from counters, real processes."""

import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from loadtest.generator.scripted_process import scripted_server
from loadtest.observation.exposition import ExpositionError, read_samples, total
from loadtest.observation.process_names import ProcessName, describe_process, http_address, metrics_address, name_process, number_equals
from loadtest.observation.process_table import NoProcessError, Process, listeners
from loadtest.observation.spacing import space_out
from loadtest.observation.triton_counts import Page, describe_triton
from loadtest.observation.triton_metrics import MetricsError, WatchedTriton
from loadtest.observation.watch import Watch
from loadtest.observation.watched_processes import WatchedProcesses
from loadtest.report.stack_charts import draw_stack
from loadtest.results.observed import Observed
from loadtest.results.progress import Progress

STUB = [
    "/t/backends/python/triton_python_backend_stub",
    "/models/topics/2/model.py",
    "headrace-1",
    "1",
    "1",
    "9",
    "/t",
    "336",
    "topics_0_1",
    "/t/h",
]
TRITON = ["/x/bin/tritonserver", "--id=h", "--http-address=127.0.0.1", "--metrics-address=127.0.0.1", "--http-port=81", "--metrics-port=82"]


@pytest.mark.parametrize(
    ("command", "name", "role"),
    [
        (STUB, "stub of topics version 2, instance 2", "triton"),
        (TRITON, "tritonserver", "triton"),
        (["/y/valkey-server unixsocket:/tmp/s"], "valkey-server", "cache"),
        (["/usr/bin/redis-server", "*:6379"], "redis-server", "cache"),
        (["python", "-m", "gateway", "--embedded"], "gateway", "gateway"),
        (["/v/bin/python", "/v/bin/headrace-gateway"], "gateway", "gateway"),
        (["python3", "-m", "loadtest.generator"], "load generator", "generator"),
        (["/usr/sbin/nginx", "-g", "daemon off;"], "nginx", "other"),
        (["python3.11", "-c", "secret = 'k'"], "kernel's name", "other"),
        ([], "kernel's name", "other"),
    ],
)
def test_processes_are_named_by_what_they_run(command: list[str], name: str, role: str) -> None:
    assert name_process(command, "kernel's name") == (name, role)


def test_equal_names_are_numbered() -> None:
    worker, one = ProcessName("gateway worker", "gateway"), ProcessName("gateway", "gateway")
    assert [name.name for name in number_equals([one, worker, worker])] == ["gateway", "gateway worker 1", "gateway worker 2"]


def test_a_triton_tells_where_its_metrics_are() -> None:
    assert (metrics_address(TRITON), http_address(TRITON)) == ("http://127.0.0.1:82", "http://127.0.0.1:81")
    assert metrics_address(["tritonserver"]) == "http://127.0.0.1:8002"
    assert metrics_address([*TRITON, "--allow-metrics=false"]) is None


def page(at_s: float, texts: int, batches: int, rows: dict[str, int], padding: int = 0, busy: float = 0.0) -> Page:
    labels = 'model="topics",version="2"'
    text = f"""# TYPE nv_inference_request_success counter
nv_inference_request_success{{{labels}}} {texts}
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{{model="topics",reason="OTHER",version="2"}} 0
# TYPE nv_inference_count counter
nv_inference_count{{{labels}}} {texts}
nv_inference_count{{model="unused",version="1"}} 7
# TYPE nv_inference_exec_count counter
nv_inference_exec_count{{{labels}}} {batches}
# TYPE nv_inference_queue_duration_us counter
nv_inference_queue_duration_us{{{labels}}} {texts * 1000}
# TYPE nv_inference_compute_infer_duration_us counter
nv_inference_compute_infer_duration_us{{{labels}}} {texts * 2000}
# TYPE nv_inference_pending_request_count gauge
nv_inference_pending_request_count{{{labels}}} 3
# TYPE headrace_backend_tokens_total counter
headrace_backend_tokens_total{{{labels}}} {texts * 9}
# TYPE headrace_backend_padding_tokens_total counter
headrace_backend_padding_tokens_total{{{labels}}} {padding}
# TYPE headrace_backend_sub_batches_total counter
"""
    text += "".join(f'headrace_backend_sub_batches_total{{{labels},rows="{size}"}} {runs}\n' for size, runs in rows.items())
    text += f"""# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{{gpu_uuid="GPU-1"}} {busy}
# TYPE nv_gpu_memory_used_bytes gauge
nv_gpu_memory_used_bytes{{gpu_uuid="GPU-1"}} {busy * 1e9}
# TYPE nv_gpu_memory_total_bytes gauge
nv_gpu_memory_total_bytes{{gpu_uuid="GPU-1"}} 2e9
"""
    return Page(at_s, read_samples(text))


def test_batch_sizes_are_texts_over_batches_between_two_samples() -> None:
    pages = [
        page(-0.5, 100, 50, {"1": 40, "2": 10}),
        page(1.5, 160, 70, {"1": 50, "2": 20}, busy=0.5),
        page(2.5, 160, 70, {"1": 50, "2": 20, "3-4": 0}, padding=540, busy=0.7),
    ]
    use = describe_triton("http://t", pages)
    assert [(p.at_s, p.inferences_per_s, p.executions_per_s, p.mean_batch, p.pending) for p in use.series] == [
        (1.5, 30, 10, 3, 3),
        (2.5, 0, 0, None, 3),
    ]
    (model,) = use.models
    assert (model.model, model.version, model.inferences, model.executions, model.mean_batch) == ("topics", "2", 60, 20, 3)
    assert model.sub_batches == {"1": 10, "2": 10}
    assert model.queue_s == pytest.approx(0.06)
    assert model.compute_s == pytest.approx(0.12)
    assert model.padding_share == pytest.approx(0.5)
    (gpu,) = use.gpus
    assert (gpu.most_memory_bytes, gpu.memory_total_bytes, [point.utilization for point in gpu.series]) == (
        700_000_000,
        2_000_000_000,
        [0, 0.5, 0.7],
    )
    assert Observed.from_dict(asdict(Observed(tritons=[use]))) == Observed(tritons=[use])
    charts = draw_stack(Observed(tritons=[use]), elapsed_s=3.0)
    assert charts.keys() == {"batches", "triton_rates", "gpu", "gpu_memory"}
    assert "second 2: 3.00 texts a batch, 3 requests pending</title>" in charts["batches"]


def test_a_triton_that_began_anew_counts_from_zero() -> None:
    use = describe_triton("http://t", [page(0, 100, 50, {}), page(1, 30, 10, {})])
    assert (use.models[0].inferences, use.series[0].mean_batch) == (30, 3)


def test_one_sample_says_nothing() -> None:
    use = describe_triton("http://t", [page(0, 100, 50, {})], silent_s=0.5)
    assert (use.models, use.series, use.silent_s) == ([], [], 0.5)


def test_samples_that_follow_at_once_are_left_out() -> None:
    samples = [(0.0,), (0.2,), (1.2,), (2.2,), (2.3,)]
    assert space_out(samples, [at_s for (at_s,) in samples]) == [(0.0,), (1.2,), (2.3,)]


def test_metrics_are_read_with_their_labels() -> None:
    samples = read_samples('# TYPE a counter\na{x="1"} 2\na{x="2"} 3\n# TYPE b_total counter\nb_total 4\n')
    assert (total(samples, "a"), total(samples, "a", x="2"), total(samples, "b_total"), total(samples, "none")) == (5, 3, 4, 0)
    with pytest.raises(ExpositionError):
        read_samples("<html>")


def test_a_process_that_is_not_there_is_named() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    with pytest.raises(NoProcessError, match=f"Process {gone.pid} cannot be watched: there is none"):
        Process(gone.pid)


def test_a_process_and_its_child_are_seen_and_their_end_too() -> None:
    now_s = [0.0]
    child = "import sys; sys.stdin.read()"
    parent = f"""import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}])
print("begun", flush=True)
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        watched = WatchedProcesses([process.pid], lambda: now_s[0])
        watched.look()
        now_s[0] = 2.0
        watched.look()
        process.communicate("")
    now_s[0] = 4.0
    watched.look()
    uses = watched.uses(began_s=1.0)
    assert [use.role for use in uses] == ["other", "other"]
    assert {use.name.removesuffix(" worker") for use in uses} == {uses[0].name.removesuffix(" worker")}
    for use in uses:
        assert [point.at_s for point in use.series] == [1.0]
        assert use.series[0].memory_bytes > 1_000_000
        assert use.ended_s == 3.0


def test_a_server_is_found_where_workers_share_its_socket() -> None:
    worker = "import sys; sys.stdin.read()"
    server = f"""import socket, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
workers = [subprocess.Popen([sys.executable, "-c", {worker!r}], pass_fds=[listener.fileno()]) for _ in range(3)]
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"http://localhost:{process.stdout.readline().strip()}"
        assert listeners(url) == [process.pid]
        assert len(Process(process.pid).children()) == 3
        process.communicate("")


@pytest.mark.integration
def test_the_listener_is_found_and_watched_while_the_load_runs() -> None:
    with scripted_server() as url:
        (pid,) = listeners(url)
        assert Process(pid).command[-2:] == ["loadtest.generator.scripted_server", "{}"]
        now_s = [100.0]
        with Watch(url, [os.getpid()], now_s=lambda: now_s[0]) as watch:
            heard: list[Progress] = []
            watch.listener(heard.append)(Progress(2.0, 5, 0))
            now_s[0] = 101.5
        observed = watch.observed()
    assert heard == [Progress(2.0, 5, 0)]
    assert {use.pid for use in observed.processes} >= {pid, os.getpid()}
    # by its progress, the load had begun 2 s before
    assert {point.at_s for use in observed.processes for point in use.series} == {3.5}
    assert listeners(url) == []
    assert listeners("http://192.0.2.1:80") == []


@pytest.mark.integration
def test_what_shows_no_metrics_of_a_triton_is_refused() -> None:
    with scripted_server() as url, pytest.raises(MetricsError, match=r"There are no metrics at|shows no metric nv_inference_count"):
        WatchedTriton(url, lambda: 0.0)
    with pytest.raises(MetricsError, match="no metrics at"):
        WatchedTriton(url, lambda: 0.0)
    with pytest.raises(MetricsError, match="must be like"):
        WatchedTriton("triton:8002", lambda: 0.0)


@pytest.mark.parametrize(
    ("command", "fallback", "name"),
    [
        (["/usr/bin/python3", "-m", "pytest", "--key", "secret"], "python3", "python3 -m pytest"),
        (["python", "-m", "gateway"], "python", "gateway"),
        (["/opt/stress", "--cpu", "2"], "stress", "stress"),
        ([], "kworker", "kworker"),
    ],
)
def test_a_process_of_others_is_called_by_what_it_runs(command: list[str], fallback: str, name: str) -> None:
    assert describe_process(command, fallback) == name
