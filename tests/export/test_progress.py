"""What a step prints into a pipe: a line at once, one now and then, and one with its result."""

import io
import re
import threading

from rich.console import Console

from export import progress
from export.progress import Progress, waiting


class Watched(io.StringIO):
    """A pipe that says when a number of lines has been written."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self.lines, self.written = lines, threading.Event()

    def write(self, text: str) -> int:
        done = super().write(text)
        if self.getvalue().count("\n") >= self.lines:
            self.written.set()
        return done


def test_a_long_step_is_never_silent(monkeypatch):
    monkeypatch.setattr(progress, "REPORT_EVERY_S", 0.01)
    pipe = Watched(3)
    shown = Progress(Console(file=pipe, highlight=False, soft_wrap=True, markup=False))
    with shown.step("onnx", "exporting the model") as step:
        step.advance(1, 4)
        assert pipe.written.wait(30)
        step.note = "91.0 MB"
    first, *between, last = pipe.getvalue().splitlines()
    assert first.strip() == "onnx: exporting the model …"
    assert all(re.fullmatch(r" +onnx( 25%,)? \d+ s …", line) for line in between)
    assert re.fullmatch(r" +\d+\.\d s  onnx          91\.0 MB", last)
    assert shown.seconds("onnx") == shown.finished[0].seconds
    assert shown.seconds("other") == 0.0


def test_a_wait_that_is_no_step_is_told_from_its_beginning():
    told: list[str] = []
    lasting = threading.Event()

    def tell(sentence: str) -> None:
        told.append(sentence)
        if len(told) > 1:
            lasting.set()

    with waiting("Triton loads weather", tell, every_s=0.001):
        assert lasting.wait(10)
    assert told[0] == "Triton loads weather …"
    assert re.fullmatch(r"Triton loads weather, \d+ s …", told[1])
