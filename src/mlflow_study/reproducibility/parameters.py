"""Parameters of ``03_reproductibilite.ipynb``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mlflow_study.parameters import ChapterParameters


class Reproductibilite(ChapterParameters):
    """How much of the population is reproduced, and what is rebuilt live."""

    notebook: ClassVar[str] = "03_reproductibilite"

    sujets: int = Field(
        default=2,
        ge=1,
        le=8,
        description="sujets de la population, chacun enregistré de six manières",
    )
    repetitions: int = Field(
        default=5, ge=2, le=50, description="relances par condition, pour l’équivalence"
    )
    essais_equivalence: int = Field(
        default=1_000,
        ge=100,
        le=100_000,
        description="tirages par vraie différence, pour la puissance du test d’équivalence",
    )
    ablation: list[str] = Field(
        default=["wine-foret"], min_length=1, description="sujets de l’ablation"
    )
    mutations: int = Field(
        default=2, ge=1, le=200, description="modifications tirées par sorte et par taille"
    )
    essais_collision: int = Field(
        default=300_000, ge=1_000, le=5_000_000, description="essais pour une collision"
    )
    environnements: bool = Field(
        default=False,
        description="reconstruire des environnements (uv), changer de bibliothèque et de Python",
    )
    versions_rejouees: list[str] = Field(
        default=[], description="versions de MLflow rejouées en direct"
    )
