"""From KPIs to verdicts: each claim is judged by the criterion written before the run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from mlflow_study.evidence.records import Claim, Criterion, Judgement, Kpi, Verdict
from mlflow_study.evidence.statistics import zero_failure_bound

State = Literal["holds", "fails", "partial", "undecided"]


@dataclass(frozen=True)
class Finding:
    """What one KPI says of one criterion.

    ``bound``: that of the rate of failure, where none was found among cases drawn at random.
    """

    kpi: Kpi
    state: State
    bound: float | None = None


def examine(kpi: Kpi, criterion: Criterion) -> Finding:
    """Hold one measured KPI against a criterion.  Raises ValueError on a misfit."""
    value, n = kpi.valeur, kpi.n or 0
    if value is None:
        raise ValueError(f"{kpi.id} was not measured")
    match criterion.forme:
        case "universelle":
            failures = float(value)
            if failures > 0:
                return Finding(kpi, "fails")
            if n < criterion.n_min:
                return Finding(kpi, "undecided")
            return Finding(kpi, "holds", zero_failure_bound(n) if n and criterion.tire else None)
        case "taux" | "borne" | "rapport":
            return Finding(kpi, _against_threshold(kpi, criterion))
        case "presence":
            found = float(value)
            if n < criterion.n_min:
                return Finding(kpi, "undecided")
            if found >= n:
                return Finding(kpi, "holds")
            return Finding(kpi, "fails" if found == 0 else "partial")
        case "egalite":
            return Finding(kpi, "holds" if value == criterion.attendu else "fails")


def _against_threshold(kpi: Kpi, criterion: Criterion) -> State:
    assert criterion.seuil is not None
    assert kpi.valeur is not None
    if (kpi.n or 0) < criterion.n_min:
        return "undecided"
    low, high = kpi.intervalle or (float(kpi.valeur), float(kpi.valeur))
    if criterion.sens == "au_moins":
        low, high, threshold = -high, -low, -criterion.seuil
    else:
        threshold = criterion.seuil
    if high <= threshold:
        return "holds"
    return "fails" if low > threshold else "undecided"


def combine(findings: Iterable[Finding], criterion: Criterion) -> Judgement:
    """One judgement from the findings under every condition that was measured.

    One failing condition among others that hold makes it *nuancée*; failing
    everywhere makes it *réfutée*.  A witness is enough against a universal
    statement even where other conditions stay undecided; against a rate or a
    threshold, an undecided condition keeps the whole undecided.
    """
    states = {finding.state for finding in findings}
    if not states:
        return "non éprouvée"
    if "partial" in states or {"holds", "fails"} <= states:
        return "nuancée"
    if states == {"holds"}:
        return "confirmée"
    if states == {"fails"}:
        return "réfutée"
    pointwise = criterion.forme in ("universelle", "presence", "egalite")
    return "réfutée" if "fails" in states and pointwise else "indéterminée"


def judge(
    claim: Claim, kpis: Mapping[str, Kpi], witnesses: Mapping[str, str], chapters: Iterable[str]
) -> Verdict:
    """Weigh one claim.

    ``kpis`` are this run's KPIs by id, ``witnesses`` the pasteable reproductions by
    claim id, ``chapters`` the chapters that ran.  An accusation without a witness
    is not printed as one: the verdict falls back to *indéterminée*.
    """

    def verdict(judgement: Judgement, motif: str, proofs: list[str]) -> Verdict:
        return Verdict(
            id=claim.id,
            domaine=claim.domaine,
            enonce=claim.enonce,
            source=claim.source,
            critere=claim.critere.texte if claim.critere else "aucun",
            verdict=judgement,
            motif=motif,
            preuves=proofs,
            temoin=witnesses.get(claim.id),
            chapitre=claim.chapitre,
            conseil=claim.conseil,
            attente=claim.attente,
        )

    if claim.critere is None:
        return verdict("non éprouvée", claim.non_eprouvee or "", [])
    if claim.chapitre not in set(chapters):
        return verdict("non éprouvée", "le chapitre qui l’éprouve n’a pas été exécuté", [])
    matched = [
        kpi
        for kpi_id, kpi in sorted(kpis.items())
        if any(fnmatchcase(kpi_id, pattern) for pattern in claim.critere.kpis)
    ]
    measured = [kpi for kpi in matched if kpi.valeur is not None]
    if not measured:
        reasons = sorted({str(kpi.conditions["motif"]) for kpi in matched})
        return verdict(
            "non éprouvée", " ; ".join(reasons) or "aucune mesure dans cette exécution", []
        )
    findings = [examine(kpi, claim.critere) for kpi in measured]
    judgement = combine(findings, claim.critere)
    proofs = [kpi.id for kpi in measured]
    if judgement in ("réfutée", "nuancée") and claim.id not in witnesses:
        return verdict(
            "indéterminée", "un contre-exemple a été compté, mais aucun témoin enregistré", proofs
        )
    return verdict(judgement, _reason(findings, claim.critere), proofs)


_THRESHOLD: dict[State, str] = {"holds": "seuil tenu", "fails": "seuil manqué"}
_WORDS: dict[str, dict[State, str]] = {
    "universelle": {"holds": "aucun contre-exemple", "fails": "contre-exemples"},
    "presence": {"holds": "toujours", "partial": "en partie", "fails": "jamais"},
    "egalite": {"holds": "vérifiée", "fails": "contredite"},
    **dict.fromkeys(("taux", "borne", "rapport"), _THRESHOLD),
}
"""Form of a criterion → what is said before the labels of its KPIs.

The label of a KPI under a universal criterion names the defect that is counted, or the
condition; under a criterion of presence, what should be there.
"""
UNDECIDED = "mesure trop mince"
AGAINST = ("contre-exemples", "en partie", "jamais", "contredite", "seuil manqué")
"""The words that open a clause against the claim."""


def _reason(findings: list[Finding], criterion: Criterion) -> str:
    """A computed French clause: under which conditions the claim holds, and where not."""
    clauses = []
    for state, label in {**_WORDS[criterion.forme], "undecided": UNDECIDED}.items():
        labels = {f.kpi.libelle: _count(f, criterion) for f in findings if f.state == state}
        if labels:
            clauses.append(f"{label} : {_grouped(labels)}")
    held = all(finding.state == "holds" for finding in findings)
    bounds = [finding.bound for finding in findings if finding.bound is not None]
    if held and criterion.forme == "universelle" and not criterion.tire:
        fewest = min(finding.kpi.n or 0 for finding in findings)
        clauses.append(f"cas choisis, non tirés : n = {fewest} au moins")
    if bounds and all(finding.state != "fails" for finding in findings):
        worst = f"{100 * max(bounds):.2g}".replace(".", ",")
        clauses.append(f"taux d’échec d’au plus {worst}\u00a0% (borne à 95\u00a0%)")
    return " ; ".join(clauses).replace(" :", "\u00a0:").replace(" ;", "\u202f;")


_CONDITION = re.compile(r"(?P<measure>.+?)(?:, (?P<after>[^,()]+)| \((?P<within>[^()]+)\))")


def _count(finding: Finding, criterion: Criterion) -> str:
    """«3 sur 40», for what was counted against a claim; nothing where no case was counted."""
    counted = criterion.forme in ("universelle", "presence") and finding.state != "holds"
    value, n = finding.kpi.valeur, finding.kpi.n
    if not counted or value is None or not n:
        return ""
    return f"{float(value):,.0f} sur {n:,}".replace(",", "\u202f")


def _grouped(labels: Mapping[str, str]) -> str:
    """Labels «measure, condition» or «measure (condition)»; those of one measure together.

    ``labels``: label → how many cases, or nothing.
    """
    measures: dict[str, dict[str, str]] = {}
    for label in labels:
        found = _CONDITION.fullmatch(label)
        measure, condition = (found["measure"], found["after"] or found["within"]) if found else (label, "")  # fmt: skip
        measures.setdefault(measure, {})[condition] = label
    told = []
    for measure, conditions in measures.items():
        if len(conditions) == 1:
            (label,) = conditions.values()
            told.append(f"{label} ({labels[label]})" if labels[label] else label)
        else:
            cases = (f"{name} {labels[label]}".strip() for name, label in conditions.items())
            told.append(f"{measure} ({', '.join(cases)})")
    return " ; ".join(told)
