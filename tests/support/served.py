"""A gateway on a fake Triton behind a real socket, in a thread of this process."""

import contextlib
import socket
import threading
import time

import uvicorn

from gateway.__main__ import server_config
from gateway.app import create_app
from gateway.http_server.listening import listen
from gateway.settings.settings import Settings


class Served:
    """Where it listens; `exchange` speaks to it byte by byte."""

    def __init__(self, host, port):
        self.host, self.port = host, port
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    @contextlib.contextmanager
    def connected(self):
        with socket.create_connection((self.host, self.port), timeout=10) as connection:
            yield connection

    def exchange(self, *pieces):
        """Send pieces; returns all bytes that come until the gateway closes the connection."""
        with self.connected() as connection:
            for piece in pieces:
                connection.sendall(piece)
            received = b""
            while piece := connection.recv(65536):
                received += piece
        return received


@contextlib.contextmanager
def served(triton, *, host="127.0.0.1", **settings):
    made = Settings(**{"auth": "off", "host": host, **settings})
    with listen(host, 0) as listener:
        server = uvicorn.Server(server_config(made, create_app(made, triton=triton)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.005)  # uvicorn has no event for it
            yield Served("::1" if host == "::" else host, listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
