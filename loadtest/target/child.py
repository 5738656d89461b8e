"""How a child process is stopped: asked first, then made to."""

import subprocess


def stop(process: "subprocess.Popen[str] | subprocess.Popen[bytes]", grace_s: float) -> None:
    """SIGTERM, and SIGKILL when it is still there after `grace_s` seconds; harmless when it has ended."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
