"""Parameters of ``01_stockage.ipynb``."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from mlflow_study.parameters import ChapterParameters
from mlflow_study.stores import StoreName


class Stockage(ChapterParameters):
    """Systems under test, sizes and repetitions of the storage chapter."""

    notebook: ClassVar[str] = "01_stockage"

    backends: list[StoreName] = Field(
        default=[
            "file",
            "sqlite",
            "postgresql",
            "http+sqlite",
            "uri",
        ],
        min_length=1,
        description="magasins éprouvés ; celui qui manque sur la machine est dit non éprouvé",
    )
    tours: int = Field(
        default=60,
        ge=5,
        le=2000,
        description="tours de chronométrage des opérations légères (p95 dès 59, p99 dès 299)",
    )
    tours_lourds: int = Field(
        default=6,
        ge=3,
        le=2000,
        description="tours de chronométrage des opérations lourdes (lots, recherches, modèles)",
    )
    ecrivains: list[Annotated[int, Field(ge=1, le=64)]] = Field(
        default=[1, 2, 4, 8],
        min_length=1,
        description="nombres d’écrivains simultanés",
    )
    duree_ecriture_s: float = Field(
        default=0.1, gt=0, le=60, description="durée d’écriture de chaque cas, en secondes"
    )
    plafond_s: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="durée au-delà de laquelle une opération est arrêtée, en secondes",
    )
    patience_s: float = Field(
        default=0.3,
        gt=0,
        le=600,
        description="une opération qui a pris cette durée n’est plus répétée, ni essayée aux tailles plus grandes (mais extrapolée)",
    )
    runs_max: int = Field(
        default=2000, ge=400, le=1_000_000, description="runs du plus grand magasin SQL"
    )
    runs_max_fichiers: int = Field(
        default=400, ge=400, le=10_000, description="runs du plus grand magasin de fichiers"
    )
    points_max: int = Field(
        default=10_000, ge=1000, le=10_000_000, description="points de métriques mesurés en octets"
    )
    historique_max: int = Field(
        default=3_000,
        ge=400,
        le=10_000_000,
        description="points du plus long historique relu d’un coup",
    )
    # lieux, limites, pagination, suppression, migration (survey.py, migration.py, defaults.py)
    runs_pages: int = Field(
        default=1100, ge=40, le=100_000, description="runs à lire page par page, sur une base"
    )
    traces: int = Field(
        default=12, ge=1, le=2000, description="traces dont on compte les copies, par magasin"
    )
    arrets: int = Field(default=4, ge=1, le=200, description="arrêts brutaux pendant une migration")
    runs_migres: int = Field(
        default=20, ge=5, le=20_000, description="runs du magasin dont la migration est tuée"
    )
    ancienne_version: str = Field(
        default="aucune",
        pattern=r"^(aucune|\d+\.\d+\.\d+)$",
        description="version de MLflow à installer à part pour lui faire lire nos données, ou aucune",
    )
