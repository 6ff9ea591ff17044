"""Cells run in a Jupyter kernel, by the roads that notebooks take.

``run_in_kernel`` speaks to a kernel that was started by hand, as Papermill and nbclient
do.  ``run_in_server`` does what JupyterLab does in a browser: it asks a Jupyter server,
over REST, for a session on the notebook, then sends the cells over the websocket.
"""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TIMEOUT_S = 60.0
_TOKEN = "etude"


def run_in_kernel(connection: Path, cells: Sequence[str]) -> None:
    """Run ``cells`` in the kernel that writes ``connection``, then shut it down."""
    from jupyter_client.blocking.client import BlockingKernelClient

    _wait_for(connection)
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=TIMEOUT_S)
        for cell in cells:
            client.execute(cell, reply=True, timeout=TIMEOUT_S)
    finally:
        client.shutdown()
        client.stop_channels()


def server_command() -> list[str]:
    """What follows ``python``: a Jupyter server on a free loopback port."""
    options = {"ip": "127.0.0.1", "port": 0, "allow_root": True, "open_browser": False}
    flags = [f"--ServerApp.{key}={value}" for key, value in options.items()]
    return ["-m", "jupyter_server", *flags, f"--IdentityProvider.token={_TOKEN}"]


def run_in_server(runtime: Path, notebook: str, cells: Sequence[str]) -> None:
    """Run ``cells`` in a session on ``notebook`` of the server that writes to ``runtime``."""
    import websocket

    server = json.loads(_wait_for(runtime, "jpserver-*.json").read_text(encoding="utf-8"))
    url = str(server["url"]).rstrip("/")
    _wait_until_it_answers(f"{url}/api")
    kernel = {"name": "python3"}
    session = _post(
        f"{url}/api/sessions",
        {"path": notebook, "name": notebook, "type": "notebook", "kernel": kernel},
    )
    number = session["kernel"]["id"]
    channel = websocket.create_connection(
        f"{url.replace('http', 'ws', 1)}/api/kernels/{number}/channels?token={_TOKEN}",
        timeout=TIMEOUT_S,
    )
    try:
        for cell in cells:
            _execute(channel, cell)
    finally:
        channel.close()
        _post(f"{url}/api/shutdown", {})


def _execute(channel: Any, cell: str) -> None:
    """Send one cell; return once its reply has come.  Raises RuntimeError with its error."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "version": "5.3"}
    header |= {"username": "etude", "session": uuid.uuid4().hex}
    content = {"code": cell, "silent": False, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    channel.send(json.dumps(message | {"channel": "shell", "buffers": []}))
    while True:
        answer = json.loads(channel.recv())
        if answer["parent_header"].get("msg_id") != number:
            continue
        if answer["msg_type"] == "execute_reply":
            if answer["content"]["status"] != "ok":
                raise RuntimeError(str(answer["content"]))
            return


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"token {_TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.loads(answer.read() or "null")


def _wait_until_it_answers(url: str) -> None:
    """The server writes its file before it listens.  Raises TimeoutError."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer")


def _wait_for(path: Path, pattern: str | None = None) -> Path:
    """``path``, or a file of that folder, once it is there and whole.  Raises TimeoutError."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        for found in path.glob(pattern) if pattern else [path]:
            if found.exists() and found.read_text(encoding="utf-8").rstrip().endswith("}"):
                return found
        time.sleep(0.02)
    raise TimeoutError(f"{path} did not come")
