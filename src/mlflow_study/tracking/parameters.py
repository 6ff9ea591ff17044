"""Parameters of ``02_suivi.ipynb``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlflow_study.parameters import ChapterParameters
from mlflow_study.stores import StoreName

Facet = Literal["valeur", "pas", "horodatage", "nom", "jeu de données", "paramètre", "étiquette"]


class Suivi(ChapterParameters):
    """Systems under test, numbers of cases, trials and faults of the tracking chapter."""

    notebook: ClassVar[str] = "02_suivi"

    backends: list[StoreName] = Field(
        default=["file", "sqlite", "postgresql", "http+sqlite", "uri"],
        min_length=1,
        description="magasins éprouvés ; celui qui manque sur la machine est dit non éprouvé",
    )
    cas: int = Field(
        default=1000,
        ge=32,
        le=1_000_000,
        description="cas tirés pour l’aller-retour dans SQLite et dans PostgreSQL",
    )
    cas_autres: int = Field(
        default=500,
        ge=32,
        le=1_000_000,
        description="cas tirés pour l’aller-retour dans chaque autre magasin",
    )
    etudies: list[Literal["file", "sqlite", "postgresql", "mariadb"]] = Field(
        default=["sqlite", "postgresql"],
        description="magasins dont on éprouve aussi la complétude, les pages, la recherche et les lots",
    )
    essais_sens: int = Field(
        default=20, ge=5, le=100_000, description="essais de chaque propriété (dernier, doublons…)"
    )
    exemples: int = Field(
        default=20, ge=5, le=100_000, description="exemples que Hypothesis essaie par facette"
    )
    facettes: list[Facet] = Field(
        default=["pas"], description="facettes où Hypothesis cherche un témoin"
    )
    filtres: int = Field(
        default=100, ge=10, le=1_000_000, description="expressions de search_runs tirées"
    )
    ordres: int = Field(default=30, ge=5, le=100_000, description="ordres de tri tirés")
    runs_filtres: int = Field(
        default=20, ge=5, le=10_000, description="runs sur lesquels portent filtres et ordres"
    )
    tailles: list[Annotated[int, Field(ge=1, le=10_000_000)]] = Field(
        default=[10, 3000, 26_000],
        min_length=1,
        description="longueurs des historiques relus par chaque voie",
    )
    taille_sqlite: int = Field(
        default=0,
        ge=0,
        le=10_000_000,
        description="longueur d’un historique de plus, relu dans SQLite seulement (0 : aucun)",
    )
    runs_pages: int = Field(default=40, ge=20, le=100_000, description="runs relus page par page")
    lots: list[Annotated[int, Field(ge=2, le=100_000)]] = Field(
        default=[20, 1200], min_length=1, description="tailles des lots qui portent un fautif"
    )
    pannes: list[Literal["sqlite", "postgresql", "mariadb", "file"]] = Field(
        default=["sqlite"], description="magasins dont l’écrivain est frappé par des pannes"
    )
    essais_pannes: int = Field(
        default=1, ge=1, le=1000, description="essais de chaque panne de l’écrivain"
    )
    essais_serveur: int = Field(
        default=1, ge=1, le=1000, description="essais de chaque panne entre client et serveur"
    )
    ecrivains: int = Field(default=4, ge=2, le=64, description="processus qui écrivent ensemble")
    interruptions: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="moments où chaque écriture est interrompue (Ctrl-C), de chaque façon ; moitié moins dans PostgreSQL",
    )
    bases_tuees: int = Field(
        default=1, ge=0, le=1000, description="nombre de fois que PostgreSQL est tué"
    )
    serveurs_tues: int = Field(
        default=1, ge=0, le=1000, description="nombre de fois que le serveur MLflow est tué"
    )
    navigateur: bool = Field(
        default=True, description="ouvrir la page de MLflow dans un navigateur"
    )
    points_page: int = Field(
        default=5000, ge=400, le=1_000_000, description="points de la courbe montrée par la page"
    )
