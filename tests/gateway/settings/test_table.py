from pathlib import Path

from gateway.__main__ import main
from gateway.settings.settings import PREFIX, Settings
from gateway.settings.table import table

PAGE = Path(__file__).parents[3] / "gateway/docs/settings.md"


def test_the_page_of_settings_holds_the_table_that_the_command_prints(capsys):
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert printed == table(Settings.model_fields, PREFIX)
    assert PAGE.read_text().endswith("\n\n" + printed), "write the output of `python -m gateway settings` into the page"


def test_every_setting_has_a_row_with_a_default_and_a_description():
    rows = table(Settings.model_fields, PREFIX).splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    assert all(len(cells) == 3 and all(cells) for row in rows if (cells := row.strip("| ").split(" | ")))
    assert "| `HEADRACE_AUTH` | `keys` |" in "\n".join(rows)
