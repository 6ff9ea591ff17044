"""The synthesis, told from the evidence of all chapters: no sentence here holds a result."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
        answer = " ".join([*_in_substance(synthesis), _tally(synthesis, tested)])
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


def _in_substance(synthesis: Synthesis) -> list[str]:
    """What MLflow keeps and what it does not, in a sentence each: only what was measured."""
    kpis = synthesis.kpis
    kept = _ordinary(matching(kpis, [f"{ORDINARY}.*"])), _lost(matching(kpis, [LOST]))
    short = (
        _repeated(kpis.get("reproductibilite.reussite.conclusion.mlflow")),
        _followed(kpis.get("tracabilite.changements.suivis.sqlite")),
    )
    sentences = [fr.join(text for text in part if text) for part in (kept, short)]
    subjects = f"MLflow {synthesis.context.mlflow}", "Mais il" if sentences[0] else "MLflow"
    return [f"{who} {text}." for who, text in zip(subjects, sentences, strict=True) if text]


ORDINARY, LOST = "suivi.ordinaires.alterees", "suivi.pannes.synchrone.perdues"
"""Ordinary entries that come back altered; synchronous writes acknowledged under a fault and lost."""


def _ordinary(found: Sequence[Kpi]) -> str:
    altered, n = _summed(found)
    if not n:
        return ""
    if altered:
        return f"altère {fr.integer(altered)} des {fr.count(n, 'entrée ordinaire', 'entrées ordinaires')} essayées"
    return (
        f"rend telles quelles les {fr.count(n, 'entrée ordinaire', 'entrées ordinaires')} essayées"
    )


def _lost(found: Sequence[Kpi]) -> str:
    lost, n = _summed(found)
    if not n:
        return ""
    writes = f"{fr.count(n, 'écriture synchrone acquittée', 'écritures synchrones acquittées')} sous une panne"
    return f"perd {fr.integer(lost)} des {writes}" if lost else f"ne perd aucune des {writes}"


def _summed(found: Sequence[Kpi]) -> tuple[int, int]:
    """(cases counted, cases tried) over the stores."""
    measured = [kpi for kpi in found if kpi.valeur is not None]
    counted = sum(
        round(float(kpi.valeur or 0) * (kpi.n or 0))
        if kpi.unite == "proportion"
        else int(kpi.valeur or 0)
        for kpi in measured
    )
    return counted, sum(kpi.n or 0 for kpi in measured)


def _repeated(kpi: Kpi | None) -> str:
    if kpi is None or kpi.valeur is None or not kpi.n:
        return ""
    same = round(float(kpi.valeur) * kpi.n)
    if same == kpi.n:
        return f"ramène à la même conclusion les {fr.count(same, 'expérience refaite', 'expériences refaites')}"
    return (
        "ne suffit pas toujours à refaire une expérience "
        f"({fr.integer(same)} sur {fr.integer(kpi.n)} ramènent à la même conclusion)"
    )


def _followed(kpi: Kpi | None) -> str:
    if kpi is None or kpi.valeur is None or not kpi.n:
        return ""
    kept = round(float(kpi.valeur) * kpi.n)
    what = "l’ancienne valeur, la date et l’auteur"
    if not kept:
        return (
            f"ne garde pour aucune des {fr.count(kpi.n, 'sorte', 'sortes')} de changements {what}"
        )
    return f"garde {what} de {fr.integer(kept)} sortes de changements sur {fr.integer(kpi.n)}"


def _tally(synthesis: Synthesis, tested: Sequence[Verdict]) -> str:
    """How many claims of MLflow, and how many expectations of readers, got each verdict."""
    claims = {claim.id: claim for claim in synthesis.register}
    expected = [v for v in tested if v.id in claims and claims[v.id].attente]
    stated = [v for v in tested if v not in expected]
    text = (
        f"Sur {fr.count(len(stated), 'affirmation éprouvée', 'affirmations éprouvées')}, choisies parce "
        f"qu’on peut les attaquer et non tirées au sort, nous comptons {counted(counts(stated))}."
    )
    if expected:
        words = fr.count(len(expected), "attente de lecteur", "attentes de lecteurs")
        text += (
            f" S’y ajoutent {words}, que MLflow ne promet pas\u00a0: {counted(counts(expected))}."
        )
    return text


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
    longest = max(Counter(v.domaine for v in synthesis.verdicts).values())
    for row, domain in enumerate(domains):
        start = 0
        found = counts(v for v in synthesis.verdicts if v.domaine == domain)
        for kind in ORDER:
            number = found[kind]
            if not number:
                continue
            ax.barh(row, number, left=start, color=figures.VERDICT_COLOURS[kind], height=0.6)
            word = f"{number} {kind if number == 1 else fr.verdict_plurals[kind]}"
            wide = 72 * number / longest > 1 + len(word)  # characters that the bar has room for
            ax.text(
                start + number / 2,
                row,
                word if wide else str(number),
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
    """The KPIs that the subject asks for: one row per measurement, one column per condition."""
    for domain, title in QUESTIONS.items():
        rows = [_kpi_row(synthesis.kpis, item) for item in wanted if item.domain == domain]
        if not rows:
            continue
        columns = [c for c in (*KPI_COLUMNS.values(), ALONE) if any(c in row for row in rows)]
        table = pd.DataFrame(rows).reindex(columns=["Mesure", *columns])
        page.table(
            table.fillna("–"),
            label=f"tab-kpi-{domain}",
            title=f"{title}\u00a0: les KPI du sujet",
            caption="Entre parenthèses : l’intervalle à 95\u00a0% où il se calcule, et le nombre de mesures. "
            "«\u00a0–\u00a0» : non mesuré dans ce profil ou sous cette condition."
            + (BOUNDS if table.map(str).stack().str.contains("[≤≈]").any() else ""),
        )


BOUNDS = " «\u00a0≤\u00a0» : déjà dépassé à cette taille\u202f; «\u00a0≈\u00a0» : extrapolé."
KPI_COLUMNS = {
    "file": "fichiers",
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "http+sqlite": "serveur, SQLite",
    "tutoriel": "comme un tutoriel",
    "soin": "avec soin",
    "autolog": "automatique",
    "projet": "projet",
    "modele": "modèle",
    "carnet": "sans MLflow",
}
"""Condition of a KPI, the last part of its id → column: stores, ways of recording."""
ALONE = "ensemble"
FEW = 100
"""A share of no more cases than this is told as a count."""


def _kpi_row(kpis: Mapping[str, Kpi], item: SubjectKpi) -> dict[str, str]:
    row = {"Mesure": f"{item.name}\u00a0: {item.measure}"}
    named = (
        {item.stem: ALONE}
        if item.alone
        else {f"{item.stem}.{key}{item.suffix}": column for key, column in KPI_COLUMNS.items()}
    )
    found = {column: kpis[id] for id, column in named.items() if id in kpis}
    found = {column: kpi for column, kpi in found.items() if kpi.valeur is not None}
    sizes = {kpi.n for kpi in found.values()}
    alike = len(found) > 1 and len(sizes) == 1 and not any(map(_bounded_or_share, found.values()))
    if alike and (n := sizes.pop()):
        row["Mesure"] += f" (n\u00a0=\u00a0{fr.integer(n)})"
    return row | {column: _cell(kpi, with_n=not alike) for column, kpi in found.items()}


def _bounded_or_share(kpi: Kpi) -> bool:
    """A size reached or extrapolated, or a share of few cases: told without «n = …»."""
    few = kpi.unite == "proportion" and kpi.n is not None and 0 < kpi.n <= FEW
    return few or "origine" in kpi.conditions


def _cell(kpi: Kpi, *, with_n: bool = True) -> str:
    if "origine" in kpi.conditions:
        return practical_size(kpi)
    if _bounded_or_share(kpi):
        n = kpi.n or 0
        return f"{fr.integer(round(float(kpi.valeur or 0) * n))} sur {fr.integer(n)}"
    told = fr.measured(kpi.valeur, kpi.unite, kpi.intervalle, kpi.n if with_n else None)
    return re.sub(r"IC à 95\s%\s: ", "", told)


def verdicts_of(synthesis: Synthesis, *kinds: str) -> list[Verdict]:
    """Verdicts of the given kinds, in the order of the register."""
    return [verdict for verdict in synthesis.verdicts if verdict.verdict in kinds]


def verdict_list(verdicts: Sequence[Verdict], empty: str) -> None:
    """One line per claim: its number, its statement, and why."""
    page.prose(
        "\n".join(f"- [@affirmation-{v.id}] {v.enonce} *{v.motif}.*" for v in verdicts) or empty
    )


def strengths(synthesis: Synthesis) -> None:
    """The claims that hold, each with what supports it: a bound, or the number of cases."""
    lines = [
        f"- {v.id}. {v.enonce} ({support})"
        if (support := _support(v, synthesis.kpis))
        else f"- {v.id}. {v.enonce}"
        for v in verdicts_of(synthesis, "confirmée")
    ]
    page.prose("\n".join(lines) or "Aucune affirmation n’est confirmée dans cette exécution.")


def _support(verdict: Verdict, kpis: Mapping[str, Kpi]) -> str:
    """The bound that a reason ends with, else the fewest cases under any of its conditions."""
    bound = re.search(r"taux d’échec d’au plus [^;]+|cas choisis[^;]+", verdict.motif)
    if bound:
        return bound[0].strip()
    sizes = [kpis[id].n for id in verdict.preuves if id in kpis and kpis[id].n]
    return f"n\u00a0=\u00a0{fr.integer(min(n for n in sizes if n))}" if sizes else ""


CONSEQUENCES: Mapping[str | None, str] = {
    "silence": "Altéré, perdu ou dit faux, en silence",
    "echec": "Refusé, ou qui échoue",
    "manque": "Ni gardé, ni retrouvé",
    "cout": "Plus coûteux qu’annoncé",
    None: "Autrement qu’annoncé",
}
"""What a user meets where a claim does not hold, the worst first."""


def failings(synthesis: Synthesis) -> None:
    """The claims that do not hold, by what a user meets, the worst first.

    Those that hold nowhere are told with what to do; the others are named.
    """
    claims = {claim.id: claim for claim in synthesis.register}
    failed = verdicts_of(synthesis, "réfutée", "nuancée")
    if not failed:
        page.prose("Aucune affirmation n’est réfutée ni nuancée dans cette exécution.")
    for consequence, title in CONSEQUENCES.items():
        own = [v for v in failed if claims[v.id].consequence == consequence]
        refuted = [v for v in own if v.verdict == "réfutée"]
        partly = [v for v in own if v.verdict == "nuancée"]
        lines = [
            f"- [@affirmation-{v.id}] {v.enonce} {_kind(claims[v.id])}{_capital(_against(v))}.{_advice(claims[v.id])}"
            for v in refuted
        ]
        if partly:
            named = fr.join(f"[@affirmation-{v.id}]" for v in partly)
            words = "Tient en partie" if len(partly) == 1 else "Tiennent en partie"
            lines.append(f"\n{words}\u00a0: {named}.")
        if own:
            count = fr.count(len(own), "affirmation")
            page.finding(f"{title}\u00a0: {count}", "\n".join(lines))


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
    """What an earlier text states, and the measurements to set beside it.

    ``claims``: a claim of the register → whether it says the same as the text (else the
    contrary), so that its verdict tells for or against the text.
    """

    statement: str
    claims: Mapping[str, bool] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()


STUDY_OF_2024: tuple[Earlier, ...] = (
    Earlier("Paramètres et métriques sont tracés, si l’on veut automatiquement.", {"T13": True}),
    Earlier("Les versions du code ne sont pas tracées.", {"P1": False, "P2": False}),
    Earlier(
        "Les dépendances sont gardées avec le modèle, non avec le run.", {"R3": True, "R4": True}
    ),
    Earlier(
        "MLflow ne propose pas d’espace de stockage à proprement parler.",
        {"S1": False, "S6": False},
    ),
    Earlier(
        "L’exécutabilité est assurée\u202f; conclure sur la reproductibilité est trop complexe "
        "sans tests statistiques plus poussés.",
        patterns=(
            "reproductibilite.reussite.tourne.mlflow",
            "reproductibilite.reussite.conclusion.mlflow",
        ),
    ),
)
ARTICLE_OF_2018: tuple[Earlier, ...] = (
    Earlier(
        "Un défi est de garder la trace des entrées d’une application\u202f: versions des données, "
        "code, paramètres.",
        {"T3": True, "T8": True, "T13": True, "P2": True, "P7": True, "R5": True},
    ),
    Earlier("Un autre est de reproduire les résultats.", {"R1": True, "R9": True}),
    Earlier(
        "Les interfaces sont génériques\u202f: toute bibliothèque, tout algorithme, tout langage.",
        {"R7": True},
    ),
)


def earlier_study(synthesis: Synthesis) -> None:
    """The conclusions of the student study of 2024, beside what this run measured."""
    _set_beside(
        synthesis,
        STUDY_OF_2024,
        "L’étude de 2024 conclut",
        label="tab-etude-2024",
        title="L’étude de 2024 et la nôtre, question par question",
        caption="Les conclusions de 2024 sont résumées d’après leur texte\u202f; elles portent sur une "
        "version antérieure de MLflow et reposent surtout sur la lecture de sa documentation.",
    )


def founding_article(synthesis: Synthesis) -> None:
    """What the abstract of the article of 2018 announces, beside what this run measured."""
    _set_beside(
        synthesis,
        ARTICLE_OF_2018,
        "L’article de 2018 annonce",
        label="tab-article-2018",
        title="Ce qu’annonçait l’article de 2018, et ce qu’il en est",
        caption="D’après son résumé, traduit et abrégé\u202f; le rapprochement avec le registre est de nous.",
    )


def _set_beside(
    synthesis: Synthesis, texts: Sequence[Earlier], says: str, *, label: str, title: str, caption: str
) -> None:  # fmt: skip
    verdicts = {verdict.id: verdict for verdict in synthesis.verdicts}
    rows = []
    for earlier in texts:
        found = [(verdicts[c], same) for c, same in earlier.claims.items() if c in verdicts]
        measured = [f"{v.id}, {v.verdict}\u00a0: {v.enonce.rstrip('.')}" for v, _ in found]
        measured += [
            f"{kpi.libelle}\u00a0: {fr.kpi(kpi)}"
            for kpi in matching(synthesis.kpis, earlier.patterns)
        ]
        rows.append(
            {
                says: earlier.statement,
                "Ce qu’il en reste": _stance(found) if earlier.claims else "mesuré depuis",
                "Ce que cette exécution mesure": " · ".join(measured) or "non mesuré ici",
            }
        )
    page.table(pd.DataFrame(rows), label=label, title=title, caption=caption)


def _stance(found: Iterable[tuple[Verdict, bool]]) -> str:
    """Whether verdicts are for an earlier text; ``found``: whether each claim says the same."""
    kinds = {(v.verdict, same) for v, same in found}
    kinds = {kind for kind in kinds if kind[0] in ("confirmée", "nuancée", "réfutée")}
    if not kinds:
        return "non tranché ici"
    if kinds <= {("confirmée", True), ("réfutée", False)}:
        return "tient"
    if kinds <= {("confirmée", False), ("réfutée", True)}:
        return "ne tient pas"
    return "tient en partie"


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
    SubjectKpi("suivi", EXACT, "entrées ordinaires altérées", ORDINARY),
    SubjectKpi(
        "suivi", EXACT, "entrées tirées aux bords, identiques", "suivi.allerretour.identique"
    ),
    SubjectKpi("suivi", EXACT, "aux bords, altérées en silence", "suivi.allerretour.en-silence"),
    SubjectKpi(
        "suivi", EXACT, "aux bords, nuisibles à ce qui était stocké", "suivi.allerretour.nuisible"
    ),
    SubjectKpi("suivi", SOUND, "filtres de recherche faux en silence", "suivi.filtres.faux"),
    SubjectKpi("suivi", SOUND, "filtres de recherche refusés", "suivi.filtres.refuses"),
    SubjectKpi("suivi", SOUND, "lots refusés dont une partie reste", "suivi.lots.partiels"),
    SubjectKpi(
        "suivi",
        SOUND,
        "écritures mises en file puis perdues quand Python finit ses fonctions de sortie",
        "suivi.sortie.perdues",
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
        SubjectKpi("reproductibilite", RATE, label, f"reproductibilite.reussite.{rung}")
        for label, rung in (
            ("le programme tourne de nouveau", "tourne"),
            ("même conclusion", "conclusion"),
            ("métriques identiques au bit", "metriques"),
        )
    ),
    *(
        SubjectKpi("reproductibilite", EFFORT, label, f"reproductibilite.effort.{key}")
        for label, key in (
            ("faits à chercher hors du magasin", "faits"),
            ("commandes par expérience", "commandes"),
            ("temps de préparation", "preparation"),
            ("temps d’exécution", "execution"),
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
        "champs remplis dans aucune notice",
        "tracabilite.transparence.jamais",
        alone=True,
    ),
    SubjectKpi("tracabilite", PAST, "états passés retrouvés", "tracabilite.registre.etats_passes"),
    SubjectKpi("tracabilite", PAST, "alias passés retrouvés", "tracabilite.registre.alias"),
)
