"""A small run of the table that the docs show; the bounds allow for the chance of few runs."""

import re

import pytest
from pages import ROOT, blocks

from gateway.statistics.simulation.__main__ import _parser, main
from gateway.statistics.simulation.table import SCENARIOS, rows

PAGE = "gateway/docs/statistics.md"
RUNS = {
    "false-positives": 4,
    "returning-users": 12,
    "coverage": 10,
    "power": 15,
    "mismatch": 40,
    "rare-events": 12,
    "changed-weights": 6,
    "late-outcomes": 10,
    "latency-of-hits": 20,
}
WRONG = {
    "the same: analysed by request, as if each were a unit": 40,
    "the same: without epochs (Simpson's paradox)": 90,
    "the same: claimed on all requests": 90,
}
"""What other analyses claim falsely, in percent, at least."""


def documented():
    """The rows of the page's table: what, then whether it holds."""
    table = (ROOT / PAGE).read_text(encoding="utf-8").partition("| what | measured |")[2].partition("\n\n")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {row[0]: row[-1] for row in cells}


@pytest.mark.parametrize("name", SCENARIOS)
def test_conclusions_are_as_rarely_wrong_as_promised(name):
    played = list(rows(name, RUNS[name], seed=2))
    assert [str(row) for row in played if not row.holds] == []
    for row in played:
        if row.what in WRONG:
            assert float(row.measured.split()[0]) >= WRONG[row.what]
    assert {row.what for row in played} <= documented().keys()


def test_every_documented_row_holds():
    assert set(documented().values()) == {"yes"}


def test_the_command_of_the_page_is_taken():
    [command] = blocks("gateway/docs/statistics.md", "sh")
    arguments = re.fullmatch(r"\.venv/bin/python -m gateway\.statistics\.simulation (.+)\n", command)[1].split()
    assert _parser().parse_args(arguments).runs == 1000


def test_the_command_prints_a_table(capsys):
    assert main(["--only", "late-outcomes", "--runs", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["| late outcomes in another order: the result is another | 0 % | ≤ 0 % | 2 | yes |"]


def test_no_runs_are_refused():
    with pytest.raises(SystemExit):
        main(["--runs", "0"])
