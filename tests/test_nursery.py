"""Processes of their own: where they are forked from."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlflow_study import nursery


def _parents(folder: str) -> tuple[int, int]:
    """Parent of this process, and of a program that it runs."""
    program = nursery.run(nursery.Job(Path(folder), function=os.getppid))
    assert program.ok, program.error
    return os.getppid(), int(program.value)


def test_a_forked_process_goes_on_with_the_server_that_it_came_from(tmp_path: Path) -> None:
    (tmp_path / "dedans").mkdir()
    values = (str(tmp_path / "dedans"),)
    outcome = nursery.run(nursery.Job(tmp_path, function=_parents, values=values))
    assert outcome.ok, outcome.error
    outer, inner = outcome.value
    assert inner == outer


PROBE = """import json, os, signal, sys, threading
signals = {s.name: str(signal.getsignal(s)) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
print(json.dumps({
    "argv": sys.argv, "cwd": os.getcwd(), "environment": dict(os.environ), "name": __name__,
    "path": sys.path[0], "stdin": sys.stdin.read(), "leads": os.getsid(0) == os.getpid(),
    "threads": threading.active_count(), "signals": signals,
    "open": sorted(f for f in os.listdir("/dev/fd") if os.path.exists(f"/dev/fd/{f}")),
}))
sys.exit(7)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/fd est lu comme Linux le montre")
def test_a_forked_module_sees_what_a_new_interpreter_sees(tmp_path: Path) -> None:
    (tmp_path / "sonde.py").write_text(PROBE)
    words, environment = ["sonde", "--port", "1"], {**os.environ, "MARQUE": "é"}
    started = subprocess.run(
        [sys.executable, "-m", *words],
        stdin=subprocess.DEVNULL, start_new_session=True, cwd=tmp_path, env=environment,
        capture_output=True, text=True, check=False,
        # what runs the tests may ignore SIGINT (a job in the background), and a child inherits it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    nursery.warm_up()
    forked = nursery.Leashed(words, tmp_path / "sonde.log", environment)
    assert forked.wait(timeout=60) == started.returncode == 7
    seen = json.loads((tmp_path / "sonde.log").read_text())
    assert seen == json.loads(started.stdout)


def test_a_forked_module_ends_when_its_leash_is_let_go(tmp_path: Path) -> None:
    (tmp_path / "sommeil.py").write_text(
        "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    )
    nursery.warm_up()
    log = tmp_path / "sommeil.log"
    forked = nursery.Leashed(["sommeil"], log, dict(os.environ))
    deadline = time.monotonic() + 60
    while not (log.exists() and log.read_text().strip()) and time.monotonic() < deadline:
        time.sleep(0.02)
    pid = int(log.read_text().split()[0])
    assert forked.poll() is None
    forked.stdin.close()
    forked.wait(timeout=10)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_account_without_a_name_has_one_for_getpass(monkeypatch: pytest.MonkeyPatch) -> None:
    assert nursery.account() == pwd.getpwuid(os.getuid()).pw_name

    def unknown(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("LOGNAME", raising=False)
    assert nursery.account() == f"uid-{os.getuid()}"
    monkeypatch.setenv("LOGNAME", "élève")
    assert nursery.clean_environment({})["LOGNAME"] == nursery.account() == "élève"
