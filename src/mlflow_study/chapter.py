"""What a notebook holds in its hand: its parameters, its laboratory, its findings.

    chapitre = open_chapter("01_stockage", globals())
    p = chapitre.parameters
    acces = chapitre.measure("acces", measure_access, backends=p.backends, …)
    chapitre.kpi("stockage.acces.create_run.sqlite", …)
    chapitre.close()

Nothing here knows MLflow, and nothing here draws.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlflow_study.chapters import chapter_info
from mlflow_study.evidence import context
from mlflow_study.evidence.files import read_register, write_json, write_records
from mlflow_study.evidence.observations import Instrument, Laboratory, default_laboratory
from mlflow_study.evidence.records import Claim, Kpi, Scalar, Verdict
from mlflow_study.evidence.statistics import Interval
from mlflow_study.evidence.verdicts import judge
from mlflow_study.parameters import ChapterParameters, validate
from mlflow_study.paths import REGISTER, Build

_IPYTHON_NAMES = {"In", "Out", "exit", "quit", "get_ipython", "open"}


@dataclass
class Chapter:
    """One notebook at work; made by ``open_chapter``."""

    name: str
    parameters: Any
    build: Build
    laboratory: Laboratory
    claims: list[Claim]
    started: str = field(default_factory=context.now)
    kpis: dict[str, Kpi] = field(default_factory=dict)
    witnesses: dict[str, str] = field(default_factory=dict)

    def measure(self, name: str, instrument: Instrument, **parameters: Any) -> Any:
        """Run an instrument and save its table, or read it back; see ``Laboratory.measure``."""
        return self.laboratory.measure(name, instrument, **parameters)

    def measure_together(
        self, jobs: Mapping[str, tuple[Instrument, dict[str, Any]]]
    ) -> dict[str, Any]:
        """Several instruments at once; see ``Laboratory.measure_together``."""
        return self.laboratory.measure_together(jobs)

    def measure_apart(self, name: str, instrument: Instrument, **parameters: Any) -> Any:
        """``measure`` in a process of its own, forked from the one that has imported MLflow.

        Nothing runs beside it: it may time.
        """
        return self.measure_together({name: (instrument, parameters)})[name]

    def kpi(
        self,
        id: str,
        libelle: str,
        valeur: Scalar | None,
        unite: str,
        *,
        methode: str,
        intervalle: Interval | None = None,
        n: int | None = None,
        conditions: Mapping[str, Scalar] | None = None,
    ) -> Kpi:
        """Record one KPI.  Raises ValueError when the id was already given."""
        if id in self.kpis:
            raise ValueError(f"KPI {id} is recorded twice")
        self.kpis[id] = Kpi(
            id=id,
            chapitre=self.name,
            libelle=libelle,
            valeur=_plain(valeur),
            unite=unite,
            intervalle=intervalle,
            n=n,
            methode=methode,
            conditions={k: _plain(v) for k, v in (conditions or {}).items() if v is not None},
        )
        return self.kpis[id]

    def not_measured(self, id: str, libelle: str, unite: str, *, methode: str, motif: str) -> Kpi:
        """Record that a KPI could not be measured here, and why (French)."""
        return self.kpi(id, libelle, None, unite, methode=methode, conditions={"motif": motif})

    def witness(self, claim: str, code: str) -> None:
        """Attach the smallest reproduction to a claim: lines that a reader can paste."""
        self.witnesses[claim] = code.strip() + "\n"

    def verdicts(self) -> list[Verdict]:
        """This chapter's claims, judged by what it has measured so far."""
        return [
            judge(claim, self.kpis, self.witnesses, [self.name])
            for claim in self.claims
            if claim.chapitre == self.name
        ]

    def close(self, answer: Mapping[str, Any] | None = None) -> None:
        """Save KPIs, witnesses and the account of what was measured; the last cell's call.

        ``answer`` is the chapter's answer in brief, which the synthesis quotes:
        ``{"question": …, "answer": …, "figures": […], "surprise": …}``.
        """
        folder = self.laboratory.folder
        write_records(folder / "kpi.json", self.kpis.values())
        write_json(folder / "temoins.json", self.witnesses)
        write_json(
            folder / "chapitre.json",
            {
                "chapitre": self.name,
                "parametres": self.parameters.model_dump(mode="json"),
                "debut": self.started,
                "fin": context.now(),
                "reponse": dict(answer or {}),
                "mesures": [
                    {k: v for k, v in entry.items() if k in _LOGGED}
                    for entry in self.laboratory.log
                ],
            },
        )


_LOGGED = (
    *("nom", "origine", "instrument", "date", "wall_s", "cpu_s", "key"),
    *("machine", "versions", "commit", "depot_modifie"),
)


def _plain(value: Any) -> Any:
    """A numpy scalar as the Python number that it stands for."""
    return value.item() if hasattr(value, "item") else value


def open_chapter(name: str, namespace: Mapping[str, Any]) -> Chapter:
    """Check the parameters that a notebook was given and open its laboratory.

    ``namespace`` is the notebook's ``globals()`` right after its parameters cells: a
    simple value under a name that is not a parameter is a typo that Papermill let
    through, and is refused.  Raises ParameterError.
    """
    schema: type[ChapterParameters] = chapter_info(name).parameters()
    simple = (bool, int, float, str, list, dict, tuple, type(None))
    given = {
        key: value
        for key, value in namespace.items()
        if not key.startswith("_") and key not in _IPYTHON_NAMES and isinstance(value, simple)
    }
    parameters = validate(schema, given)
    # MLflow's progress bars want ipywidgets; their absence is no news for a reader.
    warnings.filterwarnings("ignore", message="IProgress not found")
    build = Build.current()
    return Chapter(
        name=name,
        parameters=parameters,
        build=build,
        laboratory=default_laboratory(name, build.evidence),
        claims=read_register(REGISTER),
    )
