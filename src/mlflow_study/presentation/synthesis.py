"""The synthesis, told from the evidence of all chapters: no sentence here holds a result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd
from babel.dates import format_date

from mlflow_study.evidence.records import Claim, Context, Judgement, Kpi, Verdict
from mlflow_study.evidence.synthesis import Synthesis
from mlflow_study.evidence.verdicts import AGAINST
from mlflow_study.presentation import figures, page
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation.storage_cost import practical_size

ORDER: tuple[Judgement, ...] = (
    "réfutée",
    "nuancée",
    "confirmée",
    "indéterminée",
    "non éprouvée",
)
QUESTIONS = {
    "stockage": "Stockage",
    "suivi": "Suivi",
    "reproductibilite": "Reproductibilité",
    "tracabilite": "Traçabilité",
    "terrain": "Terrain",
}


@dataclass(frozen=True)
class SubjectKpi:
    """One KPI that the subject asks for, and one measurement that answers it.

    ``stem`` is a KPI id without its last part, the system under test and ``suffix``;
    ``alone`` where the measurement has none.
    """

    domain: str
    name: str
    measure: str
    stem: str
    suffix: str = ""
    alone: bool = False


def counts(verdicts: Iterable[Verdict]) -> Counter[str]:
    """How many verdicts of each kind."""
    return Counter(verdict.verdict for verdict in verdicts)


def counted(found: Mapping[str, int]) -> str:
    """«3 réfutées, 2 nuancées et 10 confirmées»: only the kinds that occur."""
    parts = [
        fr.count(found[kind], kind, fr.verdict_plurals[kind]) for kind in ORDER if found.get(kind)
    ]
    return fr.join(parts) if parts else "aucune affirmation jugée"


def brief(synthesis: Synthesis) -> dict[str, Any]:
    """The general answer, for the «En bref» slot."""
    tested = [v for v in synthesis.verdicts if v.verdict != "non éprouvée"]
    found = counts(tested)
    decided = found["confirmée"] + found["nuancée"] + found["réfutée"]
    if not decided:
        answer = (
            "Cette exécution n’a tranché aucune affirmation\u00a0: "
            "ses chapitres n’ont pas encore été exécutés, ou leurs mesures sont trop minces."
        )
    else:
        answer = (
            f"MLflow {synthesis.context.mlflow} tient sans réserve {found['confirmée']} des "
            f"{fr.count(decided, 'affirmation tranchée', 'affirmations tranchées')} par cette exécution. "
            f"Sur {fr.count(len(tested), 'affirmation éprouvée', 'affirmations éprouvées')}, choisies parce "
            f"qu’on peut les attaquer et non tirées au sort, nous comptons {counted(found)}."
            f"{_expected(synthesis, tested)}"
        )
    figures_ = [
        f"**{QUESTIONS[domain]}.** {told.splitlines()[0]}"
        for domain in QUESTIONS
        if (told := _told(synthesis, domain, "answer"))
    ]
    return {
        "question": "Comment MLflow gère-t-il les expériences de machine learning, et tient-il "
        "ce qu’il affirme\u202f?",
        "answer": answer,
        "figures": figures_,
        "surprise": "",
    }


def _expected(synthesis: Synthesis, tested: Sequence[Verdict]) -> str:
    """How many of the claims are what readers expect, and MLflow does not state."""
    claims = {claim.id: claim for claim in synthesis.register}
    found = [v.id for v in tested if v.id in claims and claims[v.id].attente]
    if not found:
        return ""
    words = fr.count(len(found), "est une attente", "sont des attentes")
    return f" Parmi elles, {words} de lecteur, que MLflow ne promet pas ({fr.join(found)})."


def _told(synthesis: Synthesis, domain: str, what: str) -> str:
    """One part of the answer in brief that a domain's chapter gave; empty where it gave none."""
    for name, answer in synthesis.answers.items():
        if name.partition("_")[2] == domain:
            return str(answer.get(what, ""))
    return ""


def surprises(synthesis: Synthesis) -> None:
    """The greatest surprise of each chapter."""
    found = [
        f"- **{QUESTIONS[domain]}.** {told}"
        for domain in QUESTIONS
        if (told := _told(synthesis, domain, "surprise"))
    ]
    page.prose("\n".join(found) or "Aucun chapitre n’a été exécuté.")


def abstract(synthesis: Synthesis) -> None:
    """Versions, date, machine, profile: what the reader must know before the figures."""
    c = synthesis.context
    machine = c.machine
    recorded = (
        " Les mesures viennent de preuves enregistrées, non de cette machine."
        if c.preuves_enregistrees
        else ""
    )
    changed = " (dépôt modifié)" if c.depot_modifie else ""
    commits = _commits(c)
    words = "au commit" if len(commits) == 1 else "aux commits"
    commit = f", {words} {fr.join(commits)}{changed}" if commits else ""
    first, last = day(c.debut), day(c.fin or c.debut)
    page.prose(
        f"Mesures du {first if first == last else f'{first} au {last}'}, profil `{c.profil}`, graine {c.graine}{commit}. "
        f"MLflow {c.mlflow}, Python {c.python}, {machine.get('systeme', '')} "
        f"{machine.get('architecture', '')}, {fr.count(int(machine.get('coeurs', 0)), 'cœur', 'cœurs')}, "
        f"{fr.size(int(machine.get('memoire_octets', 0)))} de mémoire.{recorded} "
        "Cette étude n’est ni commandée ni financée par les auteurs de MLflow."
    )


def _commits(context: Context) -> list[str]:
    """The commits that the measures were made at, the earliest first."""
    measures = [m for chapter in context.chapitres.values() for m in chapter.get("mesures", [])]
    made = sorted(measures, key=lambda m: str(m.get("date")))
    found = dict.fromkeys(m["commit"] for m in made if m.get("commit"))
    return [f"`{commit[:10]}`" for commit in found or ([context.commit] if context.commit else [])]


def day(iso: str) -> str:
    """«24 novembre 2026» for an ISO date."""
    told = format_date(date.fromisoformat(iso[:10]), "d MMMM y", locale="fr")
    return re.sub(r"^1 ", "1er ", told)


def verdict_figure(synthesis: Synthesis) -> None:
    """Verdicts by sub-question: one square per claim."""
    domains = [d for d in QUESTIONS if any(v.domaine == d for v in synthesis.verdicts)]
    if not domains:
        page.missing("Le registre est vide\u00a0: aucune affirmation n’est à juger.")
        return
    fig, ax = figures.new(height=0.7 + 0.55 * len(domains))
    for row, domain in enumerate(domains):
        start = 0
        found = counts(v for v in synthesis.verdicts if v.domaine == domain)
        for kind in ORDER:
            number = found[kind]
            if not number:
                continue
            ax.barh(row, number, left=start, color=figures.VERDICT_COLOURS[kind], height=0.6)
            word = f"{number} {kind if number == 1 else fr.verdict_plurals[kind]}"
            if number >= 3:
                ax.text(
                    start + number / 2,
                    row,
                    word,
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color="white",
                )
            else:
                ax.text(
                    start + number / 2,
                    row,
                    str(number),
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color="white",
                )
            start += number
    ax.set_yticks(range(len(domains)), [QUESTIONS[d] for d in domains])
    ax.invert_yaxis()
    ax.set_xlabel("nombre d’affirmations")
    ax.spines[["left"]].set_visible(False)
    found = counts(synthesis.verdicts)
    page.figure(
        fig,
        label="fig-verdicts",
        title=f"Le registre en un coup d’œil\u00a0: {counted(found)}",
        caption=f"Chaque barre est une sous-question\u202f; sa longueur est le nombre d’affirmations "
        f"(n = {len(synthesis.verdicts)}).",
        alt=". ".join(
            f"{QUESTIONS[d]} : {counted(counts(v for v in synthesis.verdicts if v.domaine == d))}"
            for d in domains
        ),
    )


def kpi_table(synthesis: Synthesis, wanted: Sequence[SubjectKpi]) -> None:
    """The KPIs that the subject asks for: one row per measurement, one column per store."""
    for domain, title in QUESTIONS.items():
        rows = [_kpi_row(synthesis.kpis, item) for item in wanted if item.domain == domain]
        if not rows:
            continue
        columns = [c for c in (*KPI_STORES.values(), ALONE) if any(c in row for row in rows)]
        table = pd.DataFrame(rows).reindex(columns=["Mesure", *columns])
        page.table(
            table.fillna("–"),
            label=f"tab-kpi-{domain}",
            title=f"{title}\u00a0: les KPI du sujet, par magasin",
            caption="Valeurs de cette exécution\u202f; intervalles et n au tableau de toutes les mesures. "
            "«\u00a0–\u00a0» : non mesuré dans ce profil ou sur ce magasin."
            + (BOUNDS if table.map(str).stack().str.contains("[≤≈]").any() else ""),
        )


BOUNDS = " «\u00a0≤\u00a0» : déjà dépassé à cette taille\u202f; «\u00a0≈\u00a0» : extrapolé."
KPI_STORES = {
    "file": "fichiers",
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "http+sqlite": "serveur, SQLite",
}
ALONE = "ensemble"


def _kpi_row(kpis: Mapping[str, Kpi], item: SubjectKpi) -> dict[str, str]:
    row = {"Mesure": f"{item.name}\u00a0: {item.measure}"}
    named = (
        {item.stem: ALONE}
        if item.alone
        else {f"{item.stem}.{store}{item.suffix}": column for store, column in KPI_STORES.items()}
    )
    for kpi_id, column in named.items():
        kpi = kpis.get(kpi_id)
        if kpi is not None and kpi.valeur is not None:
            bounded = "origine" in kpi.conditions  # a size reached, or extrapolated
            row[column] = practical_size(kpi) if bounded else fr.measured(kpi.valeur, kpi.unite)
    return row


def verdicts_of(synthesis: Synthesis, *kinds: str) -> list[Verdict]:
    """Verdicts of the given kinds, in the order of the register."""
    return [verdict for verdict in synthesis.verdicts if verdict.verdict in kinds]


def verdict_list(verdicts: Sequence[Verdict], empty: str, *, reasons: bool = True) -> None:
    """One line per claim: its number, its statement and, with ``reasons``, why."""
    page.prose(
        "\n".join(
            f"- [@affirmation-{v.id}] {v.enonce} *{v.motif}.*"
            if reasons
            else f"- {v.id}. {v.enonce}"
            for v in verdicts
        )
        or empty
    )


CONSEQUENCES: Mapping[str | None, str] = {
    "silence": "Altéré, perdu ou dit faux, en silence",
    "echec": "Refusé, ou qui échoue",
    "manque": "Ni gardé, ni retrouvé",
    "cout": "Plus coûteux qu’annoncé",
    None: "Autrement qu’annoncé",
}
"""What a user meets where a claim does not hold, the worst first."""


def failings(synthesis: Synthesis) -> None:
    """The claims that do not hold, by what a user meets, each with what to do."""
    claims = {claim.id: claim for claim in synthesis.register}
    failed = verdicts_of(synthesis, "réfutée", "nuancée")
    if not failed:
        page.prose("Aucune affirmation n’est réfutée ni nuancée dans cette exécution.")
    for consequence, title in CONSEQUENCES.items():
        own = [v for v in failed if claims[v.id].consequence == consequence]
        if own:
            page.finding(
                f"{title}\u00a0: {fr.count(len(own), 'affirmation')}",
                "\n".join(
                    f"- [@affirmation-{v.id}] {v.enonce} {_kind(claims[v.id])}{_capital(_against(v))}.{_advice(claims[v.id])}"
                    for v in own
                ),
            )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _kind(claim: Claim) -> str:
    return "(Attente de lecteur, non promesse.) " if claim.attente else ""


def _advice(claim: Claim) -> str:
    return f" → {claim.conseil}" if claim.conseil else ""


def _against(verdict: Verdict) -> str:
    """The part of a reason that tells against the claim."""
    found = re.search(rf"({'|'.join(AGAINST)})\s:", verdict.motif)
    return verdict.motif[found.start() :] if found else verdict.motif


@dataclass(frozen=True)
class Earlier:
    """What an earlier study concluded, and the measurements to set beside it."""

    statement: str
    claims: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


STUDY_OF_2024: tuple[Earlier, ...] = (
    Earlier("Paramètres et métriques sont tracés, si l’on veut automatiquement.", ("T13",)),
    Earlier("Les versions du code ne sont pas tracées.", ("P1", "P2")),
    Earlier("Les dépendances sont gardées avec le modèle, non avec le run.", ("R3", "R4")),
    Earlier("MLflow ne propose pas d’espace de stockage à proprement parler.", ("S1", "S6")),
    Earlier(
        "L’exécutabilité est assurée\u202f; conclure sur la reproductibilité est trop complexe "
        "sans tests statistiques plus poussés.",
        patterns=("reproductibilite.reussite.conclusion.*",),
    ),
)


def student_study(synthesis: Synthesis) -> None:
    """The conclusions of the student study of 2024, beside what this run measured."""
    verdicts = {verdict.id: verdict for verdict in synthesis.verdicts}
    rows = []
    for earlier in STUDY_OF_2024:
        found = [
            f"{verdicts[claim].verdict} ({claim})\u00a0: {verdicts[claim].enonce}"
            for claim in earlier.claims
            if claim in verdicts
        ]
        found += [
            f"{kpi.libelle}\u00a0: {fr.kpi(kpi)}"
            for kpi in matching(synthesis.kpis, earlier.patterns)
        ]
        rows.append(
            {
                "L’étude de 2024 conclut": earlier.statement,
                "Cette exécution mesure": " · ".join(found[:4]) or "non mesuré ici",
            }
        )
    page.table(
        pd.DataFrame(rows),
        label="tab-etude-2024",
        title="L’étude de 2024 et la nôtre, question par question",
        caption="Les conclusions de 2024 sont résumées d’après leur texte\u202f; elles portent sur une "
        "version antérieure de MLflow et reposent surtout sur la lecture de sa documentation.",
    )


def matching(kpis: Mapping[str, Kpi], patterns: Sequence[str]) -> list[Kpi]:
    """The KPIs whose id matches one of the patterns, in the order of the chapters."""
    return [kpi for kpi_id, kpi in kpis.items() if any(fnmatchcase(kpi_id, p) for p in patterns)]


CAPACITY, ACCESS = "Capacité de stockage", "Temps d’accès"
EXACT, SOUND = "Précision du suivi", "Intégrité"
RATE, EFFORT = "Taux de réussite", "Facilité de reconfiguration"
CHANGES, CLEAR, PAST = "Traçabilité des modifications", "Transparence", "Historique des versions"

SUBJECT_KPIS: tuple[SubjectKpi, ...] = (
    SubjectKpi(
        "stockage", CAPACITY, "octets par point de métrique", "stockage.capacite.octets_point"
    ),
    SubjectKpi("stockage", CAPACITY, "octets par run", "stockage.capacite.octets_run"),
    SubjectKpi(
        "stockage",
        CAPACITY,
        "points où lire un historique prend 1 s",
        "stockage.capacite.pratique_1s.get_metric_history",
    ),
    SubjectKpi(
        "stockage",
        CAPACITY,
        "runs où une recherche triée prend 1 s",
        "stockage.capacite.pratique_1s.search_order",
    ),
    SubjectKpi("stockage", ACCESS, "log_metric, médiane", "stockage.acces.log_metric.p50"),
    SubjectKpi(
        "stockage", ACCESS, "log_batch de 1 000 points, médiane", "stockage.acces.log_batch.p50"
    ),
    SubjectKpi("stockage", ACCESS, "get_run, médiane", "stockage.acces.get_run.p50"),
    SubjectKpi(
        "stockage", ACCESS, "search_runs filtré, médiane", "stockage.acces.search_filter.p50"
    ),
    SubjectKpi("stockage", ACCESS, "load_model, médiane", "stockage.acces.load_model.p50"),
    SubjectKpi("suivi", EXACT, "entrées rendues à l’identique", "suivi.allerretour.identique"),
    SubjectKpi("suivi", EXACT, "altérées en silence", "suivi.allerretour.en-silence"),
    SubjectKpi("suivi", EXACT, "nuisibles à ce qui était stocké", "suivi.allerretour.nuisible"),
    SubjectKpi("suivi", SOUND, "filtres de recherche faux", "suivi.filtres.faux"),
    SubjectKpi("suivi", SOUND, "lots refusés dont une partie reste", "suivi.lots.partiels"),
    SubjectKpi(
        "suivi",
        SOUND,
        "écritures mises en file puis perdues, toutes fins, envoi asynchrone",
        "suivi.panne.perdues",
        "+asynchrone",
    ),
    SubjectKpi(
        "suivi",
        SOUND,
        "écritures acquittées puis perdues, toutes fins, envoi synchrone",
        "suivi.panne.perdues",
        "+synchrone",
    ),
    *(
        SubjectKpi(
            "reproductibilite", RATE, label, f"reproductibilite.reussite.{rung}.mlflow", alone=True
        )
        for label, rung in (
            ("le programme tourne de nouveau", "tourne"),
            ("même conclusion", "conclusion"),
            ("métriques identiques au bit", "metriques"),
            ("prédictions identiques au bit", "predictions"),
        )
    ),
    *(
        SubjectKpi("reproductibilite", EFFORT, label, f"reproductibilite.effort.{key}", alone=True)
        for label, key in (
            ("faits à chercher hors du magasin, comme un tutoriel", "faits.tutoriel"),
            ("faits à chercher hors du magasin, avec soin", "faits.soin"),
            ("faits à chercher hors du magasin, carnet sans MLflow", "faits.carnet"),
            ("commandes par expérience, comme un tutoriel", "commandes.tutoriel"),
            ("commandes par expérience, avec soin", "commandes.soin"),
        )
    ),
    SubjectKpi(
        "tracabilite", CHANGES, "sortes de changements suivies", "tracabilite.changements.suivis"
    ),
    SubjectKpi("tracabilite", CLEAR, "réponses justes", "tracabilite.questions.juste"),
    SubjectKpi("tracabilite", CLEAR, "réponses fausses", "tracabilite.questions.fausse"),
    SubjectKpi(
        "tracabilite",
        CLEAR,
        "champs remplis dans toutes les notices",
        "tracabilite.transparence.seul",
        alone=True,
    ),
    SubjectKpi(
        "tracabilite",
        CLEAR,
        "champs remplis dans une partie des notices",
        "tracabilite.transparence.demande",
        alone=True,
    ),
    SubjectKpi(
        "tracabilite",
        CLEAR,
        "champs remplis dans aucune notice",
        "tracabilite.transparence.jamais",
        alone=True,
    ),
    SubjectKpi("tracabilite", PAST, "états passés retrouvés", "tracabilite.registre.etats_passes"),
    SubjectKpi("tracabilite", PAST, "alias passés retrouvés", "tracabilite.registre.alias"),
)
