"""A door before an MLflow server: it asks who you are and writes down what you change.

    python audit_proxy.py journal.db 8900 http://127.0.0.1:5000 comptes.json

``comptes.json`` maps names to passwords; users set MLFLOW_TRACKING_USERNAME and
MLFLOW_TRACKING_PASSWORD; the server itself must be out of their reach.  Every request
but reads leaves a row: the moment, the account, the request, its body.  An example to
start from: put it behind HTTPS.  Standard library only.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import sqlite3
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

TABLE = (
    "CREATE TABLE IF NOT EXISTS journal "
    "(at INTEGER, account TEXT, method TEXT, path TEXT, body TEXT, status INTEGER)"
)
_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "authorization", "server", "date"}


def account(header: str, passwords: Mapping[str, str]) -> str | None:
    """The account of an ``Authorization`` header; None when it is not proved."""
    try:
        name, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    except ValueError:
        return None
    known = passwords.get(name)
    if known is None or not hmac.compare_digest(known.encode(), password.encode()):
        return None
    return name


def proxy(
    port: int, upstream: str, passwords: Mapping[str, str], journal: Path
) -> ThreadingHTTPServer:
    """A proxy on loopback, ready to serve."""
    target = urlsplit(upstream)
    book = sqlite3.connect(journal, check_same_thread=False, isolation_level=None)
    book.execute(TABLE)
    one_at_a_time = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            who = account(self.headers.get("Authorization", ""), passwords)
            if who is None:
                self._answer(401, [("WWW-Authenticate", "Basic")], b"")
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP}
            server = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)
            try:
                server.request(self.command, self.path, body, headers)
                answer = server.getresponse()
                content = answer.read()
            finally:
                server.close()
            if self.command != "GET" and not self.path.partition("?")[0].endswith("/search"):
                row = (int(time.time() * 1000), who, self.command, self.path)
                with one_at_a_time:
                    book.execute(
                        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?)",
                        (*row, body.decode(errors="replace"), answer.status),
                    )
            self._answer(answer.status, answer.getheaders(), content)

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
            self.send_response(status)
            for key, value in headers:
                if key.lower() not in _HOP | {"content-length"}:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

        def log_message(self, *_: object) -> None:
            """Say nothing: the journal is the record."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    journal, port, upstream, accounts = sys.argv[1:]
    passwords = json.loads(Path(accounts).read_text(encoding="utf-8"))
    proxy(int(port), upstream, passwords, Path(journal)).serve_forever()


if __name__ == "__main__":
    main()
