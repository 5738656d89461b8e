import re
import shlex
import socket
import sys
from pathlib import Path

import pytest

from loadtest.__main__ import main
from loadtest.verbs.command import command_shown, program


def arguments(default_corpus: Path, default_report: Path, **changes: str) -> list[str]:
    files = {"corpus": str(default_corpus), "report": str(default_report)}
    values = {"url": "http://127.0.0.1:9", "model": "topics", "users": "2", "duration": "1"} | files
    return ["run", *(part for name, value in (values | changes).items() for part in (f"--{name.replace('_', '-')}", value))]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"users": "0"}, "users must be at least 1"),
        ({"users": "many"}, "invalid int value"),
        ({"duration": "0"}, "duration must be more than 0 seconds"),
        ({"duration": "inf"}, "duration must be more than 0 seconds"),
        ({"repeat": "1.5"}, "repeat must be between 0 and 1"),
        ({"repeat": "nan"}, "repeat must be between 0 and 1"),
        ({"batch_size": "65"}, "batch-size must be between 1 and 64"),
        ({"units": "0"}, "units must be at least 1"),
        ({"version": "0"}, "version must be at least 1"),
        ({"usd_per_hour": "-1"}, "--usd-per-hour must not be negative"),
        ({"url": "127.0.0.1:8080"}, "url must be like http://HOST:PORT"),
        ({"url": "http://me:secret@host"}, "url must not hold a password"),
        ({"header": "no colon"}, "not of the form"),
        ({"corpus": "/absent/corpus.jsonl"}, "No such file"),
        ({"report": "/proc/absent"}, "--report /proc/absent"),
        ({"report": __file__}, "is a file; name a folder"),
    ],
)
def test_a_bad_argument_is_named_and_exits_with_2(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, str], said: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments(corpus, tmp_path / "report", **changes))
    assert exit_.value.code == 2
    assert said in capsys.readouterr().err


def test_a_corpus_is_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", "--url", "http://h", "--model", "m", "--users", "1", "--duration", "1", "--report", str(tmp_path)])
    assert exit_.value.code == 2
    assert "--corpus" in capsys.readouterr().err


def test_a_server_that_is_down_gives_one_sentence_and_a_report_that_says_so(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert main(arguments(corpus, tmp_path / "report", url=url)) == 1
    assert capsys.readouterr().err == f"No answer from {url}: Connection refused. Is the server running there?\n"
    page = (tmp_path / "report" / "report.html").read_text()
    assert f"No answer from {url}: Connection refused. Is the server running there?" in page
    assert "<svg" not in page


def test_the_recorded_command_holds_no_keys() -> None:
    shown = command_shown(["run", "--header", "Authorization: Bearer k1", "--header=X-Key: k2", "--url", "http://h"])
    assert "k1" not in shown
    assert "k2" not in shown
    assert shown.startswith(f"{shlex.join(program())} run --header 'Authorization: …'")


def test_a_command_that_is_shown_can_be_pasted_where_it_was_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(Path(sys.executable).parent.parent.parent)
    assert program()[0] == str(Path(sys.executable).relative_to(Path.cwd()))
    monkeypatch.chdir(tmp_path)
    assert program() == [sys.executable, "-m", "loadtest"]


@pytest.mark.parametrize("page", sorted(Path("loadtest/docs").glob("*.md")), ids=str)
def test_commands_of_the_docs_name_the_interpreter_that_the_readme_installs(page: Path) -> None:
    named = re.findall(r"(\S*)python -m (?:loadtest|export)", page.read_text(encoding="utf-8"))
    assert set(named) <= {".venv/bin/", "`.venv/bin/"}
