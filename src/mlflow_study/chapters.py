"""The notebooks of the study, in their order, and where each declares its parameters.

To add a chapter: write its notebook, its package with a ``parameters`` module, and one
line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from mlflow_study.parameters import ChapterParameters


@dataclass(frozen=True)
class ChapterInfo:
    """One notebook, and where its parameters are declared."""

    name: str
    title: str
    schema: str
    synthesis: bool = False

    @property
    def number(self) -> int:
        return int(self.name[:2])

    def parameters(self) -> type[ChapterParameters]:
        module, _, attribute = self.schema.partition(":")
        found: type[ChapterParameters] = getattr(import_module(module), attribute)
        return found


CHAPTERS = (
    ChapterInfo("01_stockage", "Le stockage", "mlflow_study.storage.parameters:Stockage"),
    ChapterInfo("02_suivi", "Le suivi", "mlflow_study.tracking.parameters:Suivi"),
    ChapterInfo(
        "03_reproductibilite",
        "La reproductibilité",
        "mlflow_study.reproducibility.parameters:Reproductibilite",
    ),
    ChapterInfo(
        "04_tracabilite", "La traçabilité", "mlflow_study.traceability.parameters:Tracabilite"
    ),
    ChapterInfo(
        "06_synthese",
        "La synthèse",
        "mlflow_study.evidence.parameters:Synthese",
        synthesis=True,
    ),
)


def chapter_info(name: str) -> ChapterInfo:
    """The chapter called ``name``.  Raises KeyError."""
    return {chapter.name: chapter for chapter in CHAPTERS}[name]
