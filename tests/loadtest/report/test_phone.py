"""Pages on a phone: nothing makes them wider than its screen, 390 pixels."""

import dataclasses
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from sweep_made import results

from loadtest.planning.comparison.comparison import compare
from loadtest.planning.comparison.documents import read_document
from loadtest.report.comparison_page import render_comparison
from loadtest.results.contention import Contention

CHROMIUM = shutil.which("chromium")
BUSY = Contention(cores=2, load_average_1m=4.8, before_share=0.9, others_share=0.8, steal_share=0.0, shared=True)
FRAME = """<pre>waiting</pre><iframe style="width:390px;height:800px" srcdoc="{page}"></iframe><script>
document.querySelector("iframe").addEventListener("load", event => {{
  document.querySelector("pre").textContent = event.target.contentDocument.documentElement.scrollWidth;
}});
</script>"""


def width_on_a_phone(page: str, folder: Path) -> int:
    """How many pixels wide a page is in a window of 390, but for a scroll bar."""
    (folder / "frame.html").write_text(FRAME.format(page=html.escape(page)), encoding="utf-8")
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", f"--user-data-dir={folder / 'chromium'}"]
    shown = subprocess.run(
        [CHROMIUM or "", *arguments, "--dump-dom", f"file://{folder}/frame.html"], capture_output=True, text=True, check=True, timeout=120
    )
    found = re.search(r"<pre>(\d+)</pre>", shown.stdout)
    assert found, shown.stdout[:200]
    return int(found[1])


@pytest.mark.integration
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed; .ci/run installs it")
def test_a_long_path_breaks_in_a_caution(tmp_path: Path) -> None:
    documents = []
    for side in ("before", "after"):
        path = tmp_path / f"{side}-{'of_a_long_name_' * 6}.json"
        path.write_text(json.dumps(dataclasses.replace(results(20, 0.06), contention=BUSY).to_dict()), encoding="utf-8")
        documents.append([read_document(path)])
    comparison = compare(*documents)
    assert comparison.cautions
    assert width_on_a_phone(render_comparison(comparison, [], *documents, "loadtest compare"), tmp_path) <= 390
