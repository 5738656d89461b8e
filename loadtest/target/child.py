"""How a child process is stopped: it is asked first, and killed where it does not end."""

import subprocess


def stop(process: "subprocess.Popen[str] | subprocess.Popen[bytes]", grace_s: float) -> None:
    """Send SIGTERM, and SIGKILL if the process is still there after `grace_s` seconds.

    A process that has ended is left alone.
    """
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
