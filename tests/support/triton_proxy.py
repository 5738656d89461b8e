"""A proxy before a real Triton that makes one version err or slow."""

import http.client
import http.server
import threading
import time
from urllib.parse import urlsplit


class TritonProxy:
    """Passes requests on; `fails` and `delay_s` say what becomes of inferences of `version`."""

    def __init__(self, url, version):
        self._target, self._version = urlsplit(f"//{url}"), f"/versions/{version}/infer"
        self.fails, self.delay_s = False, 0.0

    def __enter__(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                status, headers, content = proxy._answer(self.command, self.path, body, dict(self.headers))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, method, path, body, headers):
        if path.endswith(self._version):
            time.sleep(self.delay_s)  # what is slow here is the model
            if self.fails:
                return 500, [("Content-Type", "application/json")], b'{"error": "the device ran out of memory"}'
        connection = http.client.HTTPConnection(self._target.hostname, self._target.port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        dropped = {"content-length", "connection", "transfer-encoding"}
        return answer.status, [(name, value) for name, value in answer.getheaders() if name.lower() not in dropped], content
