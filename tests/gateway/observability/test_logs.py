import json
import subprocess
import sys

PROGRAM = """
import logging, os, warnings
import structlog
from gateway.observability import logs

log = structlog.get_logger()
logs.configure("info")
log.debug("unseen")
log.info("seen", path='a "quoted" path')
logging.getLogger("uvicorn.error").warning('a "quoted" %s', "warning\\nof two lines")
logging.getLogger("some.library").info("unseen")
warnings.warn("deprecated", stacklevel=1)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("some.library").exception("failed")
    log.exception("failed too")
logs.set_level("warning")
log.info("unseen")
assert not logs.requests_are_logged()
logs.set_level("debug")
log.debug("seen again")
assert logs.requests_are_logged()
print(os.getpid())
"""


def test_every_line_is_json_whichever_logger_wrote_it():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    *lines, pid = done.stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events[:2]] == ["seen", 'a "quoted" warning\nof two lines']
    assert [event["event"] for event in events[3:]] == ["failed", "failed too", "seen again"]
    assert events[2]["logger"] == "py.warnings"
    assert events[1]["logger"] == "uvicorn.error"
    assert all("ZeroDivisionError" in event["exception"] for event in events[3:5])
    assert {event["pid"] for event in events} == {int(pid)}
    assert all(event["timestamp"].endswith("Z") and event["level"] in {"info", "warning", "error", "debug"} for event in events)
