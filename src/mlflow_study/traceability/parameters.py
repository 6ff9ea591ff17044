"""Parameters of ``04_tracabilite.ipynb``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlflow_study.parameters import ChapterParameters
from mlflow_study.stores import StoreName


class Tracabilite(ChapterParameters):
    """Systems under test, contexts and sizes of the traceability chapter."""

    notebook: ClassVar[str] = "04_tracabilite"
    declined: ClassVar[dict[str, str]] = {
        "uri": "ce chapitre efface des données et modifie la base sans passer par MLflow ; "
        "il ne le fait que sur des magasins qu’il a lui-même ouverts."
    }

    backends: list[StoreName] = Field(
        default=["sqlite", "file", "postgresql"],
        min_length=1,
        description="magasins interrogés et modifiés ; celui qui manque est dit non éprouvé",
    )
    backends_contextes: list[StoreName] = Field(
        default=["sqlite"],
        min_length=1,
        description="magasins des contextes d’exécution (les étiquettes y naissent chez le client)",
    )
    processus_reels: bool = Field(
        default=False,
        description="lance chaque contexte du premier magasin dans un interpréteur neuf, Papermill et le serveur Jupyter compris, au lieu d’un processus dupliqué après l’import",
    )
    backends_registre: list[Literal["sqlite", "postgresql"]] = Field(
        default=["sqlite"],
        min_length=1,
        description="magasins où la vie du registre est jouée",
    )
    evenements: int = Field(
        default=1000, ge=50, le=100_000, description="événements de la vie du registre"
    )
    evenements_webhooks: int = Field(
        default=200, ge=20, le=5000, description="événements joués sur le serveur à webhooks"
    )
    sondages: int = Field(
        default=250,
        ge=50,
        le=20_000,
        description="instants passés, tirés au sort, dont l’état est demandé",
    )
    sujets: int = Field(
        default=1,
        ge=1,
        le=8,
        description="sujets de la population du chapitre 3, chacun enregistré de cinq façons",
    )
    tailles: list[Annotated[int, Field(ge=10, le=1_000_000)]] = Field(
        default=[100, 1000, 10_000],
        min_length=1,
        description="nombres de runs des magasins où l’on cherche",
    )
    repetitions: int = Field(
        default=5, ge=3, le=200, description="répétitions chronométrées de chaque recherche"
    )
    backends_recherche: list[Literal["sqlite", "postgresql", "http+sqlite", "http+postgresql"]] = (
        Field(
            default=["sqlite"],
            min_length=1,
            description="magasins remplis où l’on cherche",
        )
    )
    serveurs: bool = Field(
        default=False,
        description="éprouve aussi un serveur avec comptes et les webhooks du registre",
    )
    plafond_s: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="durée au-delà de laquelle une recherche n’est plus répétée, en secondes",
    )
