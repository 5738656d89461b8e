"""The tritonserver in the `nvidia-pytriton` wheel: its place, and whether it can run here.

Only the wheel's binaries are used, never its library: the server, the Python backend, and the
backend's stub, one for each Python.
"""

import ctypes
import importlib.util
import platform
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIN_GLIBC = (2, 35)
INSTEAD = (
    "run NVIDIA's container (nvcr.io/nvidia/tritonserver) with model_repository/backend mounted as /opt/tritonserver/backends/headrace"
    " and set HEADRACE_TRITON_URL=host:8000."
)


class TritonUnavailable(RuntimeError):
    """No tritonserver of the wheel can run here.

    The message is one sentence that says why, and how to run Triton instead.
    """


@dataclass(frozen=True)
class Host:
    """What decides whether the wheel's binaries run on a machine.

    `stubs` and `libpython` describe its files.
    """

    system: str
    machine: str
    glibc: tuple[int, int] | None
    python: tuple[int, int]
    stubs: Sequence[str] | None
    """Pythons that the wheel has a stub for, as `3.11`; None where the wheel is not installed."""
    libpython: Path | None
    """The folder of the running Python's shared library; None where it was built without one."""


@dataclass(frozen=True)
class Wheel:
    """The files of the wheel that start-up needs, and the folders for `LD_LIBRARY_PATH`."""

    tritonserver: Path
    python_backend: Path
    stub: Path
    library_folders: tuple[Path, ...]


def misfit(host: Host) -> str | None:
    """Why the wheel's tritonserver cannot run on `host`, as one sentence with the way out.

    None where it can.
    """
    python = ".".join(map(str, host.python))
    if host.system != "Linux" or host.machine not in {"x86_64", "AMD64"}:
        reason = f"the tritonserver wheel runs on x86-64 Linux only and this is {host.machine} {host.system}"
    elif host.glibc is None or host.glibc < MIN_GLIBC:
        found = "another C library" if host.glibc is None else f"glibc {host.glibc[0]}.{host.glibc[1]}"
        reason = f"the tritonserver wheel needs glibc {MIN_GLIBC[0]}.{MIN_GLIBC[1]} or newer and this machine has {found}"
    elif host.stubs is None:
        return f"No Triton here: nvidia-pytriton is not installed; install headrace[embedded], or {INSTEAD}"
    elif python not in host.stubs:
        reason = f"the tritonserver wheel has no stub for Python {python} (only for {', '.join(host.stubs)})"
    elif host.libpython is None:
        reason = f"the tritonserver wheel needs libpython{python}.so and this Python was built without a shared library"
    else:
        return None
    return f"No Triton here: {reason}; {INSTEAD}"


def locate() -> Wheel:
    """Find the tritonserver of the installed wheel.

    Raises:
        TritonUnavailable: it cannot run here.
    """
    package = _package()
    host = _host(package)
    if (reason := misfit(host)) is not None or package is None or host.libpython is None:
        raise TritonUnavailable(reason)
    files = package / "tritonserver"
    return Wheel(
        tritonserver=files / "bin" / "tritonserver",
        python_backend=files / "backends" / "python",
        stub=_stubs(package) / ".".join(map(str, host.python)) / "triton_python_backend_stub",
        library_folders=(package.parent / "nvidia_pytriton.libs", host.libpython),
    )


def _package() -> Path | None:
    spec = importlib.util.find_spec("pytriton")  # finds the folder without importing the library
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _stubs(package: Path) -> Path:
    return package / "tritonserver" / "python_backend_stubs"


def _host(package: Path | None) -> Host:
    libc, version = platform.libc_ver()
    numbers = version.split(".")
    stubs = None if package is None else sorted(path.parent.name for path in _stubs(package).glob("*/triton_python_backend_stub"))
    return Host(
        system=platform.system(),
        machine=platform.machine(),
        glibc=(int(numbers[0]), int(numbers[1])) if libc == "glibc" else None,
        python=(sys.version_info.major, sys.version_info.minor),
        stubs=stubs,
        libpython=_libpython_folder(),
    )


def _libpython_folder() -> Path | None:
    """The folder of the shared library that the stub links against.

    The loader's own default folders count, too.
    """
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    folders = [Path(sys.base_prefix) / "lib", Path(sysconfig.get_config_var("LIBDIR") or sys.base_prefix)]
    for folder in folders:
        if (folder / name).exists():
            return folder
    try:
        ctypes.CDLL(name)
    except OSError:
        return None
    return folders[0]


def main() -> int:
    """Command line (`python -m model_repository.wheel`): can the wheel's tritonserver run here?

    The exit status is 0 where it can, else 1 with the reason.
    """
    reason = misfit(_host(_package()))
    if reason is not None:
        sys.stderr.write(reason + "\n")
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main())
