"""The records of the evidence contract: KPI, claim, verdict, context.

Field names are French because the files are part of what a reader opens; they
are a contract: other programs read them (see ``docs`` of the README).
"""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Scalar = bool | int | float | str
Domain = Literal["stockage", "suivi", "reproductibilite", "tracabilite", "terrain"]
Consequence = Literal["silence", "echec", "manque", "cout"]
Judgement = Literal["confirmée", "nuancée", "réfutée", "indéterminée", "non éprouvée"]
Form = Literal["universelle", "taux", "borne", "rapport", "presence", "egalite"]
KpiId = Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_+-]+)+$")]


BEFORE = "preuves d’avant cette mesure"
"""Why a KPI has no value when told from recorded evidence that does not hold it."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kpi(_Record):
    """One figure of the study, with what is needed to trust it.

    ``valeur`` is None when it could not be measured: ``conditions["motif"]``
    then says why.  ``intervalle`` is at 95 %.
    """

    id: KpiId
    chapitre: str
    libelle: str
    valeur: Scalar | None
    unite: str
    intervalle: tuple[float, float] | None = None
    n: int | None = None
    methode: str
    conditions: dict[str, Scalar] = Field(default_factory=dict)

    @field_validator("valeur")
    @classmethod
    def _finite(cls, value: Scalar | None) -> Scalar | None:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError("valeur must be finite or None")
        return value

    @model_validator(mode="after")
    def _coherent(self) -> Kpi:
        if self.valeur is None and not self.conditions.get("motif"):
            raise ValueError(f"{self.id}: valeur is None without conditions['motif']")
        if self.intervalle is not None:
            low, high = self.intervalle
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ValueError(f"{self.id}: intervalle is not an interval")
        return self


class Source(_Record):
    """Where a claim can be read: a page, a thread, or a file of the installed package."""

    titre: str
    lien: str
    passage: str | None = None
    lu: date


class Criterion(_Record):
    """What would confirm or refute a claim, written before the measurement.

    ``kpis`` are KPI ids, ``*`` allowed: one KPI per condition (a backend, say).

    - ``universelle``: valeur counts counter-examples in n trials, which were drawn at random
      where ``tire`` is true (a bound on their rate then means something);
    - ``taux``, ``borne``, ``rapport``: valeur against ``seuil``, in the ``sens``;
    - ``presence``: valeur counts the expected items that were found, n of them expected;
    - ``egalite``: valeur equals ``attendu``.
    """

    forme: Form
    kpis: list[str] = Field(min_length=1)
    seuil: float | None = None
    sens: Literal["au_moins", "au_plus"] | None = None
    attendu: Any = None
    n_min: int = Field(default=1, ge=1)
    tire: bool = False
    texte: str

    @model_validator(mode="after")
    def _complete(self) -> Criterion:
        if self.forme in ("taux", "borne", "rapport") and (self.seuil is None or self.sens is None):
            raise ValueError(f"criterion '{self.forme}' needs seuil and sens")
        if self.forme == "egalite" and self.attendu is None:
            raise ValueError("criterion 'egalite' needs attendu")
        return self


class Claim(_Record):
    """One line of the register ``data/affirmations.yaml``."""

    id: Annotated[str, Field(pattern=r"^[A-Z]\d+$")]
    domaine: Domain
    chapitre: str
    enonce: str
    source: Source
    critere: Criterion | None = None
    non_eprouvee: str | None = None
    conseil: str | None = None
    """What a user should do where the claim does not hold (French, one or two sentences)."""
    consequence: Consequence | None = None
    """What a user meets where it does not hold: something altered, lost or told wrong in
    silence; a failure that is seen; something that MLflow does not keep; a higher cost."""
    attente: bool = False
    """What readers expect, while MLflow states it nowhere."""

    @model_validator(mode="after")
    def _testable(self) -> Claim:
        if (self.critere is None) == (self.non_eprouvee is None):
            raise ValueError(f"{self.id}: give either critere or non_eprouvee")
        return self


class Verdict(_Record):
    """A claim weighed against this run's KPIs."""

    id: str
    domaine: Domain
    enonce: str
    source: Source
    critere: str
    verdict: Judgement
    motif: str
    preuves: list[str]
    temoin: str | None
    chapitre: str
    conseil: str | None = None
    attente: bool = False


class Context(_Record):
    """Where, when and with what a run was made."""

    mlflow: str
    python: str
    versions: dict[str, str]
    machine: dict[str, Scalar]
    commit: str | None
    depot_modifie: bool | None
    profil: str
    parametres: dict[str, dict[str, Any]]
    graine: int
    debut: str
    fin: str | None = None
    chapitres: dict[str, dict[str, Any]] = Field(default_factory=dict)
    preuves_enregistrees: bool = False
