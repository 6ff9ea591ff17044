"""A loopback HTTP proxy that loses replies, or cuts uploads, on demand.

It forwards each request to the real server, and so lets the work be done; then, when
told to, it closes the client's connection without a word.
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy(ThreadingHTTPServer):
    """``lose``: replies still to be lost; ``cut``: uploads still to be cut half-way."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = urlsplit(upstream)
        self.lose = 0
        self.cut = 0
        self.seen = 0
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, what: str) -> bool:
        """Whether this request is one of those to harm; counts it."""
        with self.lock:
            left: int = getattr(self, what)
            if left:
                setattr(self, what, left - 1)
            return left > 0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _forward(self) -> None:
        proxy = self.server
        assert isinstance(proxy, Proxy)
        length = int(self.headers.get("Content-Length") or 0)
        if self.command == "PUT" and proxy.take("cut"):
            self._half(proxy, length)
            return
        body = self.rfile.read(length)
        upstream = http.client.HTTPConnection(
            proxy.upstream.hostname or "", proxy.upstream.port, timeout=60
        )
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        with proxy.lock:
            proxy.seen += 1
        if self.command != "GET" and proxy.take("lose"):
            self._hang_up()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _half(self, proxy: Proxy, length: int) -> None:
        """Send half of an upload to the server, then hang up on both sides."""
        with socket.create_connection(
            (proxy.upstream.hostname or "", proxy.upstream.port or 80)
        ) as s:
            head = f"{self.command} {self.path} HTTP/1.1\r\n" + "".join(
                f"{k}: {v}\r\n" for k, v in self.headers.items()
            )
            s.sendall(head.encode() + b"\r\n" + self.rfile.read(length // 2))
        self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def open_proxy(upstream: str) -> Iterator[Proxy]:
    """A running proxy before ``upstream``."""
    proxy = Proxy(upstream)
    thread = threading.Thread(
        target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join(5)
