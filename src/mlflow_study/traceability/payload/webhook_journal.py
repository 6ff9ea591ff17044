"""A journal of MLflow's registry events, fed by its webhooks; copy it and run it.

    python webhook_journal.py journal.jsonl 8900 SECRET

Then, once, on a server with a SQL store:

    client.create_webhook("journal", "https://…/", EVENTS, secret="SECRET")

Each delivery whose signature holds becomes one JSON line: what MLflow sent (``entity``,
``action``, ``timestamp``, ``data``).  A delivery that does not is refused.  Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock

EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
)


def signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Does the signature that MLflow sends hold?  See ``mlflow/webhooks/delivery.py``."""
    told = headers.get("x-mlflow-signature", "")
    about = f"{headers.get('x-mlflow-delivery-id')}.{headers.get('x-mlflow-timestamp')}."
    digest = hmac.new(secret.encode(), about.encode() + body, hashlib.sha256).digest()
    return hmac.compare_digest(told, "v1," + base64.b64encode(digest).decode())


def receiver(port: int, secret: str, keep: Callable[[str], object]) -> ThreadingHTTPServer:
    """A server on loopback that hands each signed delivery, a line of JSON, to ``keep``."""
    one_at_a_time = Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            good = signed(secret, headers, body)
            if good:
                with one_at_a_time:
                    keep(body.decode())
            self.send_response(200 if good else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the journal is the record."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main() -> None:
    journal, port, secret = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

    def keep(line: str) -> None:
        with journal.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(json.loads(line), ensure_ascii=False) + "\n")

    receiver(port, secret, keep).serve_forever()


if __name__ == "__main__":
    main()
