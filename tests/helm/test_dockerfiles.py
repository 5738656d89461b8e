"""Checks of the images that need no build."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GATEWAY, TRITON, LOADTEST = (ROOT / folder / "Dockerfile" for folder in ("gateway", "model_repository", "loadtest"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

every = pytest.mark.parametrize("dockerfile", [GATEWAY, TRITON, LOADTEST], ids=["gateway", "triton", "loadtest"])


def instructions(dockerfile):
    """The (INSTRUCTION, arguments) pairs, with continuation lines joined and without comments."""
    lines = [line for line in dockerfile.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines()]


def copied_sources(dockerfile):
    arguments = [arguments for name, arguments in instructions(dockerfile) if name == "COPY" and not arguments.startswith("--from")]
    return [source.removeprefix("./") for argument in arguments for source in argument.split()[:-1]]


def pins(requirements):
    plain = (requirement.partition(";")[0] for requirement in requirements)
    return dict(requirement.split("==") for requirement in plain if "==" in requirement)


@every
def test_copied_files_exist_and_are_not_ignored(dockerfile):
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied_sources(dockerfile)
    for source in copied_sources(dockerfile):
        assert (ROOT / source).exists(), source
        assert f"!{source.split('/')[0]}" in lines, source


@every
def test_the_last_user_is_a_number_and_not_root(dockerfile):
    users = [arguments for name, arguments in instructions(dockerfile) if name == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])


@every
def test_the_base_image_has_a_version(dockerfile):
    bases = [arguments.split()[0] for name, arguments in instructions(dockerfile) if name == "FROM"]
    assert bases
    for base in bases:
        assert re.search(r":\d+\.\d+", base), base


@pytest.mark.parametrize(("dockerfile", "component"), [(GATEWAY, "gateway"), (TRITON, "triton"), (LOADTEST, "loadtest")])
def test_the_chart_runs_the_image_as_the_user_that_it_names(chart, dockerfile, component):
    (*_, user) = (arguments for name, arguments in instructions(dockerfile) if name == "USER")
    context = chart.values[component]["podSecurityContext"]
    assert user == f"{context['runAsUser']}:{context['runAsGroup']}"


def test_the_triton_image_pins_what_the_project_pins():
    text = TRITON.read_text(encoding="utf-8")
    pinned = dict(re.findall(r"\b([a-z-]+)==([\d.]+\d)", text))
    extras = {name: pins(requirements) for name, requirements in PROJECT["optional-dependencies"].items()}
    assert pinned["onnxruntime-gpu"] == extras["gpu"]["onnxruntime-gpu"]
    assert pinned["onnxruntime"] == extras["cpu"]["onnxruntime"]
    assert pinned["numpy"] == extras["embedded"]["numpy"]
    assert f"tokenizers>={pinned['tokenizers']}" in PROJECT["optional-dependencies"]["embedded"]


def test_the_triton_image_installs_every_third_party_package_of_the_backend():
    backend = ROOT / "model_repository" / "backend"
    imported = {
        name
        for file in backend.rglob("*.py")
        for name in re.findall(r"^(?:import|from) (\w+)", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        if file.parent.name != "__pycache__"
    }
    installed = {"numpy", "onnxruntime", "tokenizers"}
    assert imported - sys.stdlib_module_names - {"headrace_backend", "triton_python_backend_utils"} == installed
    assert all(re.search(rf"\b{name}(-gpu)?==", TRITON.read_text(encoding="utf-8")) for name in installed)


@pytest.mark.parametrize(("dockerfile", "extras"), [(GATEWAY, '".[gateway,tracing]"'), (LOADTEST, '".[loadtest]"')])
def test_an_image_installs_its_programs_extra_and_starts_its_script(dockerfile, extras):
    (install,) = (arguments for name, arguments in instructions(dockerfile) if name == "RUN" and "pip install" in arguments)
    assert extras in install
    (entrypoint,) = (arguments for name, arguments in instructions(dockerfile) if name == "ENTRYPOINT")
    assert entrypoint.strip('[]"') in PROJECT["scripts"]


def test_the_chart_deploys_the_projects_version(chart):
    assert chart.metadata["appVersion"] == PROJECT["version"]
