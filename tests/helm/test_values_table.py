import json

import pytest

from helm import values_table
from helm.values_table import Row, UndocumentedValue

README = values_table.CHART / "README.md"
VALUES = values_table.CHART / "values.yaml"


def test_the_readmes_table_is_made_from_the_present_values():
    readme = README.read_text(encoding="utf-8")
    assert values_table.with_table(readme, VALUES.read_text(encoding="utf-8")) == readme


def test_the_table_holds_every_default_of_the_chart(chart):
    def at(path):
        values = chart.values
        for key in path.split("."):
            values = values[key]
        return values

    rows = values_table.rows(VALUES.read_text(encoding="utf-8"))
    assert len(rows) == len({row.path for row in rows}) > 50
    for row in rows:
        assert json.loads(row.default) == at(row.path)


def test_rows_are_documented_values_and_nested_ones():
    text = "# plain\ngateway:\n  # -- how many\n  # of them\n  replicas: 2\n  # -- what it needs\n  resources: {limits: {memory: 1Gi}}\n"
    assert values_table.rows(text) == [
        Row("gateway.replicas", "2", "how many of them"),
        Row("gateway.resources", '{"limits": {"memory": "1Gi"}}', "what it needs"),
    ]


def test_a_value_without_a_comment_is_refused_by_name():
    with pytest.raises(UndocumentedValue, match=r"gateway\.workers"):
        values_table.rows("gateway:\n  # -- how many\n  replicas: 2\n  workers: 1\n")


def test_a_pipe_does_not_break_the_table():
    assert values_table.table("# -- a | b\nkey: 1\n").endswith("| `key` | `1` | a \\| b |")
