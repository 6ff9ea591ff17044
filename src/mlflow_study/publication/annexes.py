"""What the page says of the evidence itself: register, measures, edition, glossary.

All of it is written from the evidence files, none of it from the notebooks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import takewhile
from pathlib import Path

from mlflow_study.chapters import CHAPTERS
from mlflow_study.evidence.records import Context, Kpi, Verdict
from mlflow_study.paths import REPORT
from mlflow_study.presentation import markdown
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation.figures import store_label
from mlflow_study.presentation.page import source_link, verdict_badge
from mlflow_study.presentation.tables import stacked, stacked_row
from mlflow_study.publication.numbering import slug

GLOSSARY = REPORT / "modele" / "glossaire.md"
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin", "juillet"),
    *("août", "septembre", "octobre", "novembre", "décembre"),
)


@dataclass(frozen=True)
class Evidence:
    """What a run left: its KPIs, verdicts and context."""

    kpis: Sequence[Kpi]
    verdicts: Sequence[Verdict]
    context: Context


def date(stamp: str, *, hour: bool = False) -> str:
    """An ISO instant in French, UTC: «24 novembre 2026», «… à 21 h 05 (UTC)»."""
    at = datetime.fromisoformat(stamp)
    at = at.astimezone(UTC) if at.tzinfo else at
    day = "1er" if at.day == 1 else str(at.day)
    text = f"{day}{fr.NBSP}{_MONTHS[at.month - 1]}{fr.NBSP}{at.year}"
    return f"{text} à {at.hour}{fr.NBSP}h{fr.NBSP}{at.minute:02d} (UTC)" if hour else text


def chapter_titles() -> dict[str, str]:
    """Name → title of every chapter."""
    return {chapter.name: chapter.title for chapter in CHAPTERS}


def tally(verdicts: Iterable[Verdict]) -> str:
    """How many claims got each verdict, as a list of badges."""
    counts: Counter[str] = Counter(verdict.verdict for verdict in verdicts)
    items = "".join(
        f"<li><b>{fr.integer(counts[name])}</b> {verdict_badge(name, counts[name])}</li>"
        for name in fr.verdict_words
        if counts[name]
    )
    return f'<ul class="bilan">{items}</ul>'


def edition(context: Context) -> str:
    """One line: version of MLflow, date, profile, machine."""
    machine = context.machine
    cores = int(machine.get("coeurs", 0))
    recorded = " ; mesures relues d’une édition enregistrée" if context.preuves_enregistrees else ""
    first, last = date(context.debut), date(context.fin or context.debut)
    when = f"le {first}" if first == last else f"du {first} au {last}"
    return markdown.inline(
        f"MLflow {context.mlflow} · mesuré {when} · profil « {context.profil} » · "
        f"{machine.get('processeur', 'processeur inconnu')}, {fr.count(cores, 'cœur')}, "
        f"{fr.size(machine.get('memoire_octets'), 2)} de mémoire{recorded}"
    )


def family(kpi_id: str) -> str:
    """A KPI's id without its condition (the system under test, most often)."""
    return kpi_id.rpartition(".")[0]


def _proofs(verdict: Verdict, anchors: Mapping[str, str]) -> str:
    """Links from a claim to what supports its verdict: its measures, its witness.

    One link for the measures of one claim: they stand together.  A claim that was not
    measured leads to its chapter.
    """
    links = []
    if verdict.preuves:
        measured = len(set(map(family, verdict.preuves)))
        words = "mesure" if measured == 1 else f"{measured} mesures"
        links.append(f'<a href="#kpi-{escape(family(verdict.preuves[0]))}">{words}</a>')
    if witness := anchors.get(f"temoin:{verdict.id}"):
        links.append(f'<a href="#{witness}">témoin</a>')
    elif not links and (chapter := anchors.get(verdict.chapitre)):
        links.append(f'<a href="#{chapter}">chapitre</a>')
    return f"({', '.join(links)})" if links else ""


def register(evidence: Evidence, anchors: Mapping[str, str]) -> str:
    """The register: each claim, its source, its verdict with the reason, its evidence.

    ``anchors``: chapter name → anchor, and ``temoin:<claim>`` → anchor of its witness.
    """
    rows = []
    for verdict in evidence.verdicts:
        kind = "(Attente de lecteur.) " if verdict.attente else ""
        statement = (
            f"{markdown.inline(verdict.enonce)} <small>{kind}{source_link(verdict.source)}. "
            f"Critère{fr.NBSP}: {markdown.inline(verdict.critere)}</small>"
        )
        judgement = (
            f"{verdict_badge(verdict.verdict)} {markdown.inline(verdict.motif)} "
            f"{_proofs(verdict, anchors)}"
        )
        if verdict.conseil and verdict.verdict == "nuancée":  # the synthesis tells the others
            judgement += f" Que faire{fr.NBSP}: {markdown.inline(verdict.conseil)}"
        rows.append(stacked_row([verdict.id, statement, judgement], f"affirmation-{verdict.id}"))
    return stacked(
        "tab-registre",
        "Les affirmations éprouvées, leur verdict et leurs preuves",
        "Le passage cité est celui de la source, dans sa langue. « Mesure » mène au chiffre, "
        "« témoin » à quelques lignes à coller.",
        ("N°", "Affirmation de MLflow, ou attente de lecteur", "Verdict, et pourquoi"),
        rows,
    )


def families(kpis: Iterable[Kpi]) -> dict[str, list[Kpi]]:
    """KPIs that measure one thing under several conditions, together."""
    found: dict[str, list[Kpi]] = {}
    for kpi in kpis:
        found.setdefault(family(kpi.id), []).append(kpi)
    return found


def _common(labels: Sequence[str]) -> str:
    """The words that all labels begin with, up to a parenthesis or a quotation left open."""
    shared = takewhile(
        lambda words: len(set(words)) == 1, zip(*map(str.split, labels), strict=False)
    )
    text = " ".join(words[0] for words in shared)
    for opening, closing in ("()", "«»"):
        if text.count(opening) > text.count(closing):
            text = text[: text.rindex(opening)].strip()
    return text


def _condition(kpi: Kpi, common: str) -> str:
    """What tells a KPI from the others of its family: its system, or the rest of its label."""
    last = kpi.id.rpartition(".")[2]
    named = store_label(last)
    if named != last:
        return named
    rest = kpi.libelle[len(common) :].strip(" ,:")
    if rest.startswith("(") and rest.endswith(")"):
        rest = rest[1:-1]
    return rest or last.replace("_", " ")


def _values(kpis: Sequence[Kpi]) -> tuple[str, list[str]]:
    """(label of a family, one line per condition)."""
    if len(kpis) == 1:
        return kpis[0].libelle, [fr.kpi(kpis[0])]
    common = _common([kpi.libelle for kpi in kpis])
    lines = [f"{_condition(kpi, common)}{fr.NBSP}: {fr.kpi(kpi)}" for kpi in kpis]
    return common.strip(" ,:(") or kpis[0].libelle, lines


def _rank(claim: str) -> tuple[str, int]:
    """S2 before S10."""
    return claim[:1], int(claim[1:])


def measures(evidence: Evidence) -> str:
    """Every KPI of the run, folded by chapter.

    Those that a verdict rests on have an anchor, their method and the claims they serve;
    the others, which only inform, stand together below.
    """
    serves: dict[str, set[str]] = {}
    for verdict in evidence.verdicts:
        for kpi_id in verdict.preuves:
            serves.setdefault(family(kpi_id), set()).add(verdict.id)
    titles = chapter_titles()
    blocks = []
    for chapter in sorted({kpi.chapitre for kpi in evidence.kpis}):
        kpis = [kpi for kpi in evidence.kpis if kpi.chapitre == chapter]
        proofs, others = [], []
        for name, members in families(kpis).items():
            label, lines = _values(members)
            if name not in serves:
                others.append(f"{label}{fr.NBSP}: {f'{fr.THIN}; '.join(lines)}.")
                continue
            claims = ", ".join(
                f'<a href="#affirmation-{claim}">{claim}</a>'
                for claim in sorted(serves[name], key=_rank)
            )
            text = "\n".join([*lines, f"Méthode{fr.NBSP}: {members[0].methode}"])
            proofs.append(
                f'<li id="kpi-{escape(name)}">{markdown.label(label)}\n'
                f"{markdown.label(text)}\nAffirmations{fr.NBSP}: {claims}</li>"
            )
        rest = f'<p class="lignes">{markdown.label(chr(10).join(others))}</p>' if others else ""
        count = fr.count(len(kpis), "mesure")
        blocks.append(
            f"<details><summary>{titles.get(chapter, chapter)}{fr.NBSP}: {count}</summary>"
            + (f'<ul class="mesures">{"".join(proofs)}</ul>' if proofs else "")
            + (f"<p>Les autres mesures de ce chapitre{fr.NBSP}:</p>" if rest and proofs else "")
            + f"{rest}</details>"
        )
    return "".join(blocks)


def witnesses(verdicts: Iterable[Verdict], shown: Mapping[str, str]) -> str:
    """The witnesses that no chapter shows, so that each accusation can be checked."""
    blocks = []
    for verdict in verdicts:
        if verdict.temoin and f"temoin:{verdict.id}" not in shown:
            blocks.append(
                f'<figure class="temoin" id="temoin-{verdict.id}"><figcaption>Témoin de '
                f'<a href="#affirmation-{verdict.id}">{verdict.id}</a>. '
                f"{markdown.inline(verdict.enonce)}</figcaption>"
                f"<pre>{escape(verdict.temoin.strip(), quote=False)}</pre></figure>"
            )
    return "".join(blocks)


def versions(context: Context) -> str:
    """Machine, versions and seed, as a list of terms."""
    machine = context.machine
    commit = (context.commit or "")[:12]
    state = " (dépôt modifié, non validé)" if context.depot_modifie else ""
    facts = [
        (
            "Mesures",
            f"du {date(context.debut, hour=True)} au {date(context.fin or context.debut, hour=True)}",
        ),
        ("Code de l’étude", f"`{commit}`{state}" if commit else "hors d’un dépôt Git"),
        ("Profil et graine", f"{context.profil}, graine {context.graine}"),
        (
            "Machine",
            f"{machine.get('processeur', 'inconnue')}, {machine.get('coeurs', '?')} cœurs, "
            f"{fr.size(machine.get('memoire_octets'), 2)}",
        ),
        (
            "Système",
            f"{machine.get('systeme', '')} {machine.get('noyau', '')} "
            f"({machine.get('architecture', '')}), Python {context.python}",
        ),
        ("Bibliothèques", ", ".join(f"{k} {v}" for k, v in sorted(context.versions.items()))),
    ]
    items = "".join(f"<dt>{k}</dt><dd>{markdown.label(str(v))}</dd>" for k, v in facts)
    return f'<dl class="faits">{items}</dl>'


def how_to_cite(context: Context) -> str:
    """A reference to this edition, in words and in BibTeX."""
    year = context.debut[:4]
    commit = (context.commit or "hors dépôt")[:12]
    bibtex = (
        "@techreport{mlflow-a-l-epreuve,\n"
        "  title = {{MLflow} à l'épreuve : rapport de recherche reproductible},\n"
        f"  year  = {{{year}}},\n"
        f"  note  = {{MLflow {context.mlflow}, profil {context.profil}, "
        f"{context.debut[:10]}, code {commit}}},\n"
        "}"
    )
    sentence = markdown.inline(
        f"*MLflow à l’épreuve : rapport de recherche reproductible*. Édition du "
        f"{date(context.debut)}, MLflow {context.mlflow}, profil « {context.profil} », "
        f"code `{commit}`."
    )
    return (
        f'<p>{sentence}</p><figure class="temoin"><pre>{escape(bibtex, quote=False)}</pre></figure>'
    )


def glossary(path: Path = GLOSSARY) -> str:
    """The glossary, each term with an anchor ``glossaire-<terme>``."""
    html = markdown.html(path.read_text(encoding="utf-8"))
    return re.sub(
        r"<dt>(.*?)</dt>",
        lambda match: f'<dt id="glossaire-{slug(re.sub("<[^>]+>", "", match[1]))}">{match[1]}</dt>',
        html,
    )
