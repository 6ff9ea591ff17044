"""A small study in a checkout of its own: two tiny notebooks through the real pipeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from mlflow_study.paths import ROOT

CHAPTERS = """
CHAPTERS = (
    ChapterInfo("01_stockage", "Premier", "mlflow_study.tiny:Premier"),
    ChapterInfo("02_suivi", "Second", "mlflow_study.tiny:Second"),
    ChapterInfo(
        "06_synthese", "La synthèse", "mlflow_study.evidence.parameters:Synthese", synthesis=True
    ),
)
"""
TINY = '''
"""Schemas and the instrument of the tiny study: it counts its calls in a file."""
import os
import time
from pathlib import Path
from typing import ClassVar

import pandas as pd
from pydantic import Field

from mlflow_study.parameters import ChapterParameters

CALLS = Path(__file__).with_name("calls.txt")
PUT_AWAY = Path(__file__).with_name("put_away.txt")


class Premier(ChapterParameters):
    notebook: ClassVar[str] = "01_stockage"
    taille: int = Field(default=3, ge=1, le=10, description="taille")
    attente_s: float = Field(default=0.0, ge=0, description="attente")


class Second(ChapterParameters):
    notebook: ClassVar[str] = "02_suivi"
    echec: bool = Field(default=False, description="faut-il échouer ?")
    attente_s: float = Field(default=0.0, ge=0, description="attente")


def count(taille: int, attente_s: float) -> pd.DataFrame:
    with CALLS.open("a") as stream:
        stream.write(f"{os.getpid()}\\n")
    time.sleep(attente_s)
    return pd.DataFrame({"n": range(taille)})
'''


def notebook(*cells: tuple[str, str]) -> nbformat.NotebookNode:
    built = nbformat.v4.new_notebook()
    built.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for kind, source in cells:
        source = textwrap.dedent(source).strip()
        if kind == "md":
            built.cells.append(nbformat.v4.new_markdown_cell(source))
        else:
            cell = nbformat.v4.new_code_cell(source)
            cell.metadata["tags"] = ["parameters"] if kind == "parameters" else []
            built.cells.append(cell)
    return built


def tiny_notebook(name: str, body: str) -> nbformat.NotebookNode:
    return notebook(
        ("md", f"# {name}"),
        ("parameters", "pass"),
        (
            "code",
            f"""
            from mlflow_study.chapter import open_chapter
            from mlflow_study.presentation import page

            chapitre = open_chapter("{name}", globals())
            p = chapitre.parameters
            bref = page.brief()
            """,
        ),
        ("md", "## Mesure"),
        ("code", body),
        (
            "code",
            """
            chapitre.close(bref.fill(question="Quoi ?", answer="Ceci."))
            """,
        ),
    )


@dataclass
class Checkout:
    """A copy of the project that a test may change."""

    root: Path
    home: Path

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_STUDY")}
        return {**kept, "PYTHONPATH": str(self.root / "src"), "HOME": str(self.home), **extra}

    def start(self, *arguments: str, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mlflow_study", *arguments],
            cwd=self.root,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,  # type: ignore[call-overload]
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    @property
    def calls(self) -> int:
        path = self.root / "src" / "mlflow_study" / "calls.txt"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def put_away(self) -> bool:
        """Whether the second notebook was interrupted, rather than killed."""
        return (self.root / "src" / "mlflow_study" / "put_away.txt").exists()

    @property
    def build(self) -> Path:
        return self.root / "build" / "rapide"


def make_checkout(folder: Path) -> Checkout:
    root = folder / "étude"
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "mlflow_study", root / "src" / "mlflow_study", ignore=skip)
    shutil.copytree(ROOT / "report", root / "report", ignore=shutil.ignore_patterns("rapport*"))
    shutil.copytree(ROOT / "notebooks" / "profils", root / "notebooks" / "profils")
    for name in ("Snakefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, root / name)
    for profile in (root / "notebooks" / "profils").glob("*.yaml"):
        profile.write_text("", encoding="utf-8")
    (root / "data").mkdir()
    (root / "data" / "affirmations.yaml").write_text("[]\n", encoding="utf-8")
    package = root / "src" / "mlflow_study"
    registry = (package / "chapters.py").read_text(encoding="utf-8")
    start, end = registry.index("CHAPTERS = ("), registry.index("def chapter_info")
    (package / "chapters.py").write_text(
        registry[:start] + CHAPTERS.strip() + "\n\n\n" + registry[end:], encoding="utf-8"
    )
    (package / "tiny.py").write_text(TINY, encoding="utf-8")
    first = tiny_notebook(
        "01_stockage",
        """
        from mlflow_study.tiny import count

        table = chapitre.measure("compte", count, taille=p.taille, attente_s=p.attente_s)
        chapitre.kpi("stockage.compte.n", "compte", len(table), "", methode="compter", n=len(table))
        """,
    )
    second = tiny_notebook(
        "02_suivi",
        """
        import time
        from mlflow_study.tiny import PUT_AWAY

        try:
            time.sleep(p.attente_s)
        except KeyboardInterrupt:
            PUT_AWAY.touch()
            raise
        assert not p.echec, "échec voulu : http://u:" + "secret@hôte"
        page.prose("Rien à signaler.")
        """,
    )
    notebooks = root / "notebooks"
    nbformat.write(first, notebooks / "01_stockage.ipynb")
    nbformat.write(second, notebooks / "02_suivi.ipynb")
    shutil.copy(ROOT / "notebooks" / "06_synthese.ipynb", notebooks / "06_synthese.ipynb")
    home = folder / "home"
    home.mkdir()
    return Checkout(root, home)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """One checkout for the tests of a module that go on from each other's state."""
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def fresh_checkout(tmp_path: Path) -> Checkout:
    """A checkout that nothing was run in."""
    return make_checkout(tmp_path)
