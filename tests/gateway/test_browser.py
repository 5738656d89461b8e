"""Pages in a real browser ask the gateway from their own origin."""

import contextlib
import html
import http.server
import json
import re
import shutil
import subprocess
import threading

import pytest
from served import served

from gateway.fakes.manifests import make_manifest
from gateway.fakes.triton import FakeTriton

CHROMIUM = shutil.which("chromium")
PAGE = """<pre>waiting</pre><script type="module">
const answered = await fetch(location.search.slice(1) + "/v1/models/topics:predict", {
  method: "POST",
  headers: {"Content-Type": "application/json", "Authorization": "Bearer hr_key", "X-Unit-ID": "ada"},
  body: JSON.stringify({instances: ["opec"]}),
}).then(
  async answer => ({status: answer.status, version: answer.headers.get("X-Model-Version"), body: await answer.json()}),
  fault => ({fault: fault.name}),
);
document.querySelector("pre").textContent = JSON.stringify(answered);
</script>"""


@contextlib.contextmanager
def page_of_its_own_origin():
    """Serves a page that asks the gateway in its query; gives the page's origin."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def seen_in_browser(url, profile):
    """What the page shows once its requests are answered."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--virtual-time-budget=20000", "--dump-dom"]
    dom = subprocess.run([CHROMIUM, *options, url], capture_output=True, text=True, timeout=60, check=True).stdout
    return json.loads(html.unescape(re.search("<pre>(.*?)</pre>", dom)[1]))


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed; .ci/run installs it")
def test_a_page_of_an_allowed_origin_gets_answers_and_reads_our_headers_and_another_gets_none(tmp_path):
    with page_of_its_own_origin() as origin:
        with served(FakeTriton(make_manifest("topics")), cors_origins=f"https://app.example,{origin}") as gateway:
            found = seen_in_browser(f"{origin}?{gateway.url}", tmp_path)
            assert (found["status"], found["version"], len(found["body"]["predictions"])) == (200, "1", 1)
        with served(FakeTriton(make_manifest("topics")), cors_origins="https://app.example") as gateway:
            assert seen_in_browser(f"{origin}?{gateway.url}", tmp_path) == {"fault": "TypeError"}
