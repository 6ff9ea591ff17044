"""Parameters of ``03_reproductibilite.ipynb``."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mlflow_study.parameters import ChapterParameters

SubjectName = Literal[
    "iris-logistique",
    "wine-foret",
    "diabetes-ridge",
    "wine-foret-libre",
    "cancer-gradient",
    "digits-neurones",
    "cancer-recherche",
    "iris-module",
]
"""The subjects of ``programs.SUBJECTS``."""
Release = Literal[
    "2.3.2",
    "2.5.0",
    "2.7.1",
    "2.9.2",
    "2.11.3",
    "2.13.2",
    "2.15.1",
    "2.17.2",
    "2.19.0",
    "2.21.3",
    "2.22.1",
    "3.0.1",
    "3.2.0",
    "3.4.0",
    "3.6.0",
    "3.8.1",
    "3.10.1",
    "3.12.0",
    "3.14.0",
    "3.17.2",
]
"""The releases of ``releases.RELEASES``."""


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
    ablation: list[SubjectName] = Field(
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
    versions_rejouees: list[Release] = Field(
        default=[], description="versions de MLflow rejouées en direct"
    )
