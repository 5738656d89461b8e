"""The files of a report, in one folder."""

import json
from pathlib import Path

from loadtest.report.page import render_html
from loadtest.results.csv_tables import percentiles_csv, processes_csv, series_csv
from loadtest.results.results import Results


def write_report(results: Results, folder: Path) -> Path:
    """Write report.json, the page and the CSV files; gives the page.

    Raises:
        OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    files = {
        "report.json": json.dumps(results.to_dict(), indent=1) + "\n",
        "series.csv": series_csv(results),
        "percentiles.csv": percentiles_csv(results),
        "processes.csv": processes_csv(results),
        page.name: render_html(results),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return page
