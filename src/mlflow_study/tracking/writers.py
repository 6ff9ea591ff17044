"""Starting writers, striking them, and reading their journals.

``Zygote`` is our end of ``payload/writer.py``: importing MLflow costs more than a CPU
second, a fork of a process that already holds it a few milliseconds.  No engine, no
thread exists in the parent at the time of the fork.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlflow_study.errors import StudyError

SCRIPT = Path(__file__).parent / "payload" / "writer.py"


@dataclass
class Journal:
    """What a writer noted: names of items tried, acknowledged, refused; slow calls."""

    run_id: str | None = None
    tried: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    slowest_s: float = 0.0

    @classmethod
    def read(cls, path: Path) -> Journal:
        found = cls()
        if not path.exists():
            return found
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "R":
                found.run_id = rest
            elif kind == "B":
                found.tried.append(rest)
            elif kind == "A":
                found.acknowledged.add(rest)
            elif kind == "E":
                name, _, text = rest.partition(" ")
                found.refused[name] = text
            elif kind == "S":
                found.slowest_s = max(found.slowest_s, float(rest.partition(" ")[0]))
        return found


class Zygote:
    """The fork server; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "zygote.log").open("wb"),
            text=True,
            env={k: v for k, v in os.environ.items() if k != "MLFLOW_HTTP_REQUEST_MAX_RETRIES"},
        )

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with self.lock:
            print(json.dumps(request), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        if not answer:
            raise StudyError("Le serveur de processus écrivains s’est arrêté.")
        return dict(json.loads(answer))

    def start(self, **job: Any) -> Writer:
        with self.lock:
            self.count += 1
            name = f"ecrivain-{self.count}"
        journal = self.folder / f"{name}.journal"
        log = self.folder / f"{name}.log"
        answer = self.ask({**job, "journal": str(journal), "log": str(log)})
        return Writer(self, int(answer["pid"]), journal, log)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)


@dataclass
class Writer:
    """One forked writer."""

    zygote: Zygote
    pid: int
    journal_path: Path
    log: Path

    def journal(self) -> Journal:
        return Journal.read(self.journal_path)

    def wait_for(self, acknowledgements: int, timeout: float = 30.0) -> None:
        """Return once the writer has that many acknowledged items (or has ended)."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.journal_path.exists():
                text = self.journal_path.read_bytes()
                if text.count(b"\nA ") >= acknowledgements:
                    return
            if self.wait(0) is not None:
                return
            time.sleep(0.003)

    def strike(self, name: str) -> None:
        try:
            os.kill(self.pid, getattr(signal, name))
        except ProcessLookupError:
            return

    _status: int | None = None

    def wait(self, timeout: float) -> int | None:
        """Exit status, None while it lives.  Polls, so that other threads get their turn."""
        deadline = time.monotonic() + timeout
        while self._status is None:
            self._status = self.zygote.ask({"wait": self.pid, "timeout": 0})["status"]
            if self._status is not None or time.monotonic() >= deadline:
                break
            time.sleep(0.02)
        return self._status

    def finish(self, timeout: float) -> tuple[int | None, float]:
        """Wait for the end; SIGKILL after ``timeout``.  Returns (status or None, seconds)."""
        began = time.monotonic()
        status = self.wait(timeout)
        took = time.monotonic() - began
        if status is None:
            self.strike("SIGKILL")
            self.wait(10)
        return status, took


@contextmanager
def zygote(folder: Path) -> Iterator[Zygote]:
    """A fork server for the block."""
    server = Zygote(folder)
    try:
        yield server
    finally:
        server.close()
