"""``./run_all.sh docteur``: what this machine can run, and the single next thing to do."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import psutil
from rich.console import Console

from mlflow_study.errors import ParameterError
from mlflow_study.executables import find_browser
from mlflow_study.paths import LOCK, ROOT

State = Literal["bon", "facultatif", "manque"]
MIN_DISK = 3_000_000_000
MIN_MEMORY = 2_000_000_000


@dataclass(frozen=True)
class Check:
    """One line of the examination; ``remedy`` is the thing to do when it is not good."""

    name: str
    state: State
    found: str
    remedy: str = ""


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Check("Python", "bon" if good else "manque", found, "Installez Python 3.11 ou 3.12.")


def _packages() -> Check:
    wanted = {}
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        name, separator, rest = line.partition("==")
        if separator and not line.startswith((" ", "#")) and name in ("mlflow", "snakemake"):
            wanted[name] = rest.split()[0]
    wrong = []
    for name, release in wanted.items():
        try:
            if version(name) != release:
                wrong.append(f"{name} {version(name)} au lieu de {release}")
        except PackageNotFoundError:
            wrong.append(f"{name} absent")
    found = ", ".join(wrong) or ", ".join(f"{n} {r}" for n, r in wanted.items())
    return Check(
        "Paquets",
        "manque" if wrong else "bon",
        found,
        "Lancez ./run_all.sh nettoyer --tout puis ./run_all.sh.",
    )


def _disk() -> Check:
    free = shutil.disk_usage(ROOT).free
    state: State = "bon" if free >= MIN_DISK else "manque"
    return Check("Disque", state, f"{free / 1e9:.0f} Go libres", "Libérez 3 Go de disque.")


def _memory() -> Check:
    free = psutil.virtual_memory().available
    state: State = "bon" if free >= MIN_MEMORY else "manque"
    return Check(
        "Mémoire", state, f"{free / 1e9:.0f} Go libres", "Fermez des programmes : il faut 2 Go."
    )


def _writable() -> Check:
    folder = ROOT / "build"
    target = folder if folder.exists() else ROOT
    good = os.access(target, os.W_OK)
    return Check(
        "Dossier build",
        "bon" if good else "manque",
        "inscriptible" if good else "protégé",
        "Rendez le dossier inscriptible, ou utilisez --sortie DOSSIER.",
    )


def _temporary() -> Check:
    from mlflow_study.scratch import check_temporary_folder

    try:
        check_temporary_folder()
    except ParameterError as error:
        return Check("Dossier temporaire", "manque", "trop profond", str(error))
    return Check("Dossier temporaire", "bon", tempfile.gettempdir())


def _port() -> Check:
    from mlflow_study.stores import free_port

    try:
        return Check("Ports locaux", "bon", f"libres (par exemple {free_port()})")
    except OSError as error:
        return Check(
            "Ports locaux", "manque", str(error.strerror), "Autorisez les connexions à 127.0.0.1."
        )


def _store(name: str, remedy: str) -> Callable[[], Check]:
    def check() -> Check:
        from mlflow_study.stores import unavailable

        reason = unavailable(name)
        return Check(
            f"Magasin {name}", "facultatif" if reason else "bon", reason or "disponible", remedy
        )

    return check


def _browser() -> Check:
    found = find_browser()
    return Check(
        "Navigateur",
        "bon" if found else "facultatif",
        Path(found).name if found else "aucun Chromium",
        "Installez le paquet « chromium » du système pour éprouver la page de MLflow.",
    )


def _pdf() -> Check:
    from mlflow_study.publication.pdf import weasyprint

    try:
        weasyprint()
    except ParameterError as error:
        return Check("PDF", "facultatif", str(error), error.next_step or "")
    return Check("PDF", "bon", "WeasyPrint")


CHECKS: tuple[Callable[[], Check], ...] = (
    _python,
    _packages,
    _disk,
    _memory,
    _writable,
    _temporary,
    _port,
    _store(
        "postgresql",
        "PostgreSQL embarqué : lancez sous un compte ordinaire, ou autorisez les espaces de noms.",
    ),
    _store("mariadb", "Installez le paquet « mariadb-server » du système pour éprouver MariaDB."),
    _browser,
    _pdf,
)


def examine(console: Console) -> int:
    """Print every check and the next thing to do; exit code 1 when something needed is missing."""
    checks = [check() for check in CHECKS]
    marks = {"bon": "✔", "facultatif": "○", "manque": "✘"}
    for check in checks:
        console.print(f"{marks[check.state]} {check.name:<20} {check.found}", highlight=False)
    missing = [check for check in checks if check.state == "manque"]
    optional = [check for check in checks if check.state == "facultatif"]
    if missing:
        console.print(f"\nÀ faire d’abord : {missing[0].remedy}", highlight=False)
    elif optional:
        console.print(f"\nTout est prêt. En option : {optional[0].remedy}", highlight=False)
    else:
        console.print("\nTout est prêt : lancez ./run_all.sh.", highlight=False)
    return 1 if missing else 0
