"""Python environments as of a date, made with ``uv`` and kept under ``build/cache``.

An environment is named by what it holds: the same requirements resolved at the same date
are built once.  Nothing here knows where packages come from: that is the client's own
configuration.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from filelock import FileLock

from mlflow_study.errors import StudyError, Unavailable
from mlflow_study.executables import find_uv
from mlflow_study.paths import cache_folder

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TIMEOUT_S = 900


class ResolutionError(StudyError):
    """The requirements cannot be satisfied or installed; the message is the installer's."""


@dataclass(frozen=True)
class Environment:
    """A built environment: its interpreter, its exact packages, what it took to make."""

    python: Path
    packages: dict[str, str]
    resolve_s: float
    install_s: float
    cached: bool


def uv() -> str:
    """Path of ``uv``.  Raises Unavailable."""
    found = find_uv()
    if found is None:
        raise Unavailable(
            "Le programme uv n’est pas sur le PATH : aucun environnement n’est reconstruit."
        )
    return found


def interpreter(python: str = PYTHON) -> Path:
    """An installed interpreter of that version; nothing is downloaded.  Raises Unavailable."""
    if python == PYTHON:
        return Path(sys.executable)
    done = _run([uv(), "python", "find", "--no-python-downloads", "--system", python])
    if done.returncode == 0:
        return Path(done.stdout.strip())
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    if found := sorted(pyenv.glob(f"versions/{python}.*/bin/python")):
        return found[-1]
    raise Unavailable(
        f"aucun Python {python} trouvé, ni sur le PATH, ni par uv (uv python find {python}), "
        "ni par pyenv ; rien n’est téléchargé"
    )


def resolve(requirements: Iterable[str], before: date | None, python: str = PYTHON) -> list[str]:
    """Exact pins for ``requirements``, from packages published up to the end of ``before``.

    Raises ResolutionError with the resolver's own words.
    """
    command = [uv(), "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--python", str(interpreter(python)), "--no-emit-index-url", *_until(before), "-"]
    done = _run(command, "\n".join(requirements))
    if done.returncode != 0:
        raise ResolutionError(_last_words(done.stderr))
    return [line for line in done.stdout.splitlines() if "==" in line]


def build(
    requirements: Iterable[str], before: date | None = None, python: str = PYTHON
) -> Environment:
    """Resolve, then install in a fresh virtual environment (or take the cached one).

    ``before`` None means today.  Raises ResolutionError, Unavailable.
    """
    asked = list(requirements)
    started = time.perf_counter()
    pins = resolve(asked, before, python)
    resolve_s = time.perf_counter() - started
    name = hashlib.sha256("\n".join([python, *sorted(pins)]).encode()).hexdigest()[:16]
    final = cache_folder() / "environnements" / name
    final.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with FileLock(f"{final}.lock"):
        cached = (final / "complet").exists()
        if not cached:
            shutil.rmtree(final, ignore_errors=True)
            _checked([uv(), "venv", "--quiet", "--python", str(interpreter(python)), str(final)])
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
                lock.write("\n".join(pins))
                lock.flush()
                _checked(
                    [
                        uv(),
                        "pip",
                        "install",
                        "--quiet",
                        "--no-deps",
                        *_until(before),
                        "--python",
                        str(final / "bin" / "python"),
                        "-r",
                        lock.name,
                    ]
                )
            (final / "complet").touch()
    packages = dict(_pin(line) for line in pins)
    return Environment(
        final / "bin" / "python", packages, resolve_s, time.perf_counter() - started, cached
    )


def _pin(line: str) -> tuple[str, str]:
    name, _, rest = line.partition("==")
    return normal_name(name.split("[")[0]), rest.split(";")[0].strip()


def normal_name(name: str) -> str:
    """A distribution's name as the packaging standard compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def _until(before: date | None) -> list[str]:
    if before is None:
        return []
    return ["--exclude-newer", f"{before + timedelta(days=1)}T00:00:00Z"]


def _run(command: list[str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH")}
    env["NO_COLOR"] = "1"
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, env=env
    )


def _checked(command: list[str]) -> None:
    done = _run(command)
    if done.returncode != 0:
        raise ResolutionError(_last_words(done.stderr))


def _last_words(text: str) -> str:
    return without_paths(text)[:400]


def without_paths(text: str) -> str:
    """A message on one line, without addresses or folders of this machine."""
    kept = re.sub(r"https?://[^\s/]+\S*|(?<![\w.])/(?:[\w.+-]+/)+", "…/", text)
    return " ".join(kept.split())
