"""The chapters' evidence put together: one list of KPIs, one of verdicts, one context."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from mlflow_study.chapters import CHAPTERS
from mlflow_study.errors import EvidenceError
from mlflow_study.evidence import context
from mlflow_study.evidence.files import read_kpis, read_register, write_json, write_records
from mlflow_study.evidence.records import Claim, Context, Kpi, Verdict
from mlflow_study.evidence.verdicts import judge
from mlflow_study.paths import CHAPTERS_VARIABLE, PROFILE_VARIABLE, REGISTER, Build


@dataclass(frozen=True)
class Synthesis:
    """All that one run can say.  ``answers`` holds each chapter's answer in brief."""

    kpis: dict[str, Kpi]
    verdicts: list[Verdict]
    context: Context
    answers: dict[str, dict[str, Any]]
    register: list[Claim]

    def chapters(self) -> list[str]:
        """Chapters that ran, in order."""
        return list(self.context.chapitres)


def chapters_with_evidence(build: Build) -> list[str]:
    """The chapters of this run that left evidence, in order."""
    named = os.environ.get(CHAPTERS_VARIABLE)
    wanted = set(named.split(",")) if named else {chapter.name for chapter in CHAPTERS}
    return [
        chapter.name
        for chapter in CHAPTERS
        if not chapter.synthesis
        and chapter.name in wanted
        and (build.evidence / chapter.name / "kpi.json").exists()
    ]


def weigh(build: Build, seed: int) -> Synthesis:
    """Gather the evidence, judge the register, write ``kpi``, ``verdicts`` and ``contexte``.

    Raises EvidenceError when a file does not follow its schema or an id comes twice.
    """
    chapters = chapters_with_evidence(build)
    kpis: dict[str, Kpi] = {}
    witnesses: dict[str, str] = {}
    accounts: dict[str, dict[str, Any]] = {}
    for name in chapters:
        folder = build.evidence / name
        for kpi in read_kpis(folder / "kpi.json"):
            if kpi.id in kpis:
                raise EvidenceError(f"Le KPI {kpi.id} est donné par deux chapitres.")
            kpis[kpi.id] = kpi
        witnesses |= json.loads((folder / "temoins.json").read_text(encoding="utf-8"))
        accounts[name] = json.loads((folder / "chapitre.json").read_text(encoding="utf-8"))
    register = read_register(REGISTER)
    verdicts = [judge(claim, kpis, witnesses, chapters) for claim in register]
    described = describe(accounts, seed)
    write_records(build.evidence / "kpi.json", kpis.values())
    write_records(build.evidence / "verdicts.json", verdicts)
    write_json(build.evidence / "contexte.json", described.model_dump(mode="json"))
    answers = {name: account.get("reponse", {}) for name, account in accounts.items()}
    return Synthesis(kpis, verdicts, described, answers, register)


def describe(accounts: dict[str, dict[str, Any]], seed: int) -> Context:
    """The context of a run, from the accounts that its chapters left.

    Machine, versions and commit are those of the measurements (the latest one where they
    were made over several), which a report that is built again from recorded evidence must
    not mistake for those of the reader.
    """
    measures = [m for account in accounts.values() for m in account.get("mesures", [])]
    recorded = any(m["origine"] == "enregistrée" for m in measures)
    source: dict[str, Any] = max(
        measures, key=lambda measure: str(measure.get("date", "")), default={}
    )
    versions = source.get("versions") or context.versions()
    machine = source.get("machine") or context.machine()
    return Context(
        mlflow=versions.get("mlflow", "inconnue"),
        python=str(machine.get("python", "inconnu")),
        versions=versions,
        machine=machine,
        commit=source.get("commit"),
        depot_modifie=any(bool(m.get("depot_modifie")) for m in measures),
        profil=os.environ.get(PROFILE_VARIABLE) or "carnet",
        parametres={name: account["parametres"] for name, account in accounts.items()},
        graine=seed,
        debut=min((m["date"] for m in measures), default=context.now()),
        fin=max((m["date"] for m in measures), default=None),
        chapitres={
            name: {
                "debut": account["debut"],
                "fin": account["fin"],
                "mesures": [
                    {k: m.get(k) for k in ("nom", "origine", "date", "wall_s", "cpu_s", "commit")}
                    for m in account.get("mesures", [])
                ],
            }
            for name, account in accounts.items()
        },
        preuves_enregistrees=recorded,
    )
