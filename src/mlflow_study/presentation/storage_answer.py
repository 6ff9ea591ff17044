"""The end of chapter 1: its witnesses, its advice, its answer in brief."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from mlflow_study.evidence.records import Kpi, Verdict
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import store_label
from mlflow_study.presentation.storage_cost import analyzed_size, circumstances, practical_size

Kpis = Mapping[str, Kpi]
ACCUSING = ("réfutée", "nuancée")
QUESTION = (
    "Quelles données d’expérience MLflow range-t-il, comment et où ? Combien, et à quel prix "
    "d’accès ?"
)


def _value(kpis: Kpis, id: str) -> Any:
    return kpis[id].valeur if id in kpis else None


def _stores(kpis: Kpis, prefix: str) -> dict[str, Kpi]:
    return {
        id.removeprefix(prefix): record
        for id, record in kpis.items()
        if id.startswith(prefix) and record.valeur is not None
    }


def _number(record: Kpi) -> float:
    return float(record.valeur) if isinstance(record.valeur, (int, float)) else 0.0


def _any(kpis: Kpis, prefix: str) -> bool:
    """Does any KPI of this family count something?"""
    return any(_number(record) > 0 for record in _stores(kpis, prefix).values())


def witnesses(codes: Mapping[str, str], verdicts: Iterable[Verdict]) -> None:
    """The reproduction of every claim that this run refutes or nuances."""
    for verdict in verdicts:
        if verdict.verdict in ACCUSING and verdict.id in codes:
            code = codes[verdict.id]
            told = (ast.get_docstring(ast.parse(code)) or "").splitlines()
            page.witness(
                code,
                title=f"Témoin de {verdict.id}.",
                shows=told[0] if told else verdict.enonce,
            )


def _sorting(kpis: Kpis, temps: pd.DataFrame) -> str:
    """What to do before sorting runs on the default store, where a size that is too large is known."""
    one, ten, other = (
        kpis.get(f"stockage.capacite.pratique_{name}")
        for name in ("1s.search_order.sqlite", "10s.search_order.sqlite", "1s.search_order.postgresql")
    )  # fmt: skip
    if one is None or one.valeur is None:
        return ""
    slow = f"le tri atteint 1 s {_size(one)}"
    if ten is not None and ten.valeur == one.valeur:
        below = ten.conditions.get("taille_en_dessous")
        under = f", sous 1 s à {fr.count(int(below), 'run')}," if below else ""
        slow = f"le tri{under} atteint 10 s {_size(ten)}"
    elif ten is not None and ten.valeur is not None:
        slow += f" et 10 s {_size(ten)}"
    cured = analyzed_size(temps)
    if cured is None:
        text = f"**Ne pas trier par une métrique sur une grande base SQLite** : {slow}."
    else:
        size, seconds, calls = cured
        text = (
            f"**Sur SQLite, lancer `ANALYZE` avant de trier par une métrique** : sans elle, {slow} ; "
            f"après elle, il prend {fr.duration(seconds)} à {fr.count(size, 'run')} (n = {calls})."
        )
    if other is None:
        return text
    if other.valeur is not None and _number(other) > _number(one):
        text += f" Au-delà, passer à PostgreSQL : 1 s {_size(other)}."
    elif other.conditions.get("origine") in ("aucune croissance montrée", "trop loin"):
        text += " Au-delà, passer à PostgreSQL, où aucune taille mesurée n’atteint 1 s."
    return text


def _size(record: Kpi) -> str:
    """«dès 3 162 runs» where it was measured, «vers 340 000 runs (extrapolé)»."""
    if record.conditions.get("origine") == "mesuré":
        return f"dès {fr.count(int(_number(record)), 'run')}"
    return f"vers {practical_size(record)[2:]} (extrapolé)"


def advice(kpis: Kpis, temps: pd.DataFrame) -> None:
    """What to do, each piece with the measurement that asks for it.

    ``temps``: the durations of ``measure_capacity``.
    """
    items: list[str] = []
    refused = _value(kpis, "stockage.defaut.existant") == "refus"
    cost = _value(kpis, "stockage.acces.fichiers_sur_sql.search_filter.sqlite")
    text = "**Commencer par SQLite**, le choix par défaut : rien à installer, un seul fichier."
    if isinstance(cost, float) and cost > 1:
        text += f" Une recherche filtrée y est {fr.number(cost, 2)} fois plus rapide que sur des fichiers."
    items.append(text)
    if sorting := _sorting(kpis, temps):
        items.append(sorting)
    if refused:
        items.append(
            "**Avant de mettre à jour** un poste qui a un dossier `mlruns`, poser "
            "`MLFLOW_ALLOW_FILE_STORE=true` ou migrer : sans cela, le programme s’arrête."
        )
    cases = _stores(kpis, "stockage.migration.cas.")
    harmed = [record for record in cases.values() if record.valeur]
    if harmed:
        items.append(
            "**Avant de migrer** un magasin de fichiers, ôter les lignes répétées de ses fichiers de "
            "métriques, viser une base qui n’existe pas encore, garder `mlruns`, et comparer "
            f"avant et après : {fr.integer(len(harmed))} de nos {fr.count(len(cases), 'cas', 'cas')} en sortent "
            "refusés ou changés."
        )
    exposed = _stores(kpis, "stockage.limite.erreur_exposee.")
    database = [s for s in ("postgresql", "mariadb") if s in exposed and _number(exposed[s]) > 1]
    if database:
        items.append(
            "**Nommer court** : 250 caractères pour un run, une expérience ou un modèle passent "
            f"partout ; au-delà, une erreur SQL répond ({fr.join([store_label(s) for s in database])})."
        )
    if _any(kpis, "stockage.limite.muette."):
        items.append(
            "**Ne pas ranger de texte long** dans un paramètre ou une étiquette : à travers un serveur "
            "il est coupé sans que celui qui écrit l’apprenne. Poser "
            "`MLFLOW_TRUNCATE_LONG_VALUES=false` sur le serveur, ou en faire un artefact."
        )
    if _any(kpis, "stockage.pages.mouvement."):
        items.append(
            "**Exporter au repos**, ou dédoublonner par `run_id` et relire une seconde fois : "
            "deux pages ne sont pas lues au même instant."
        )
    if _any(kpis, "stockage.suppression.restes."):
        items.append(
            "**Pour effacer vraiment** un run : supprimer d’abord ses modèles et ses traces, puis "
            "`mlflow gc`, puis compacter la base (`VACUUM`)."
        )
    batch = _stores(kpis, "stockage.lot.rapport.")
    gains = [float(r.valeur) for r in batch.values() if isinstance(r.valeur, (int, float))]
    if gains and min(gains) > 1:
        items.append(
            f"**Écrire par lots** : un point y coûte {fr.number(min(gains), 2)} à {fr.number(max(gains), 2)} "
            "fois moins que par `log_metric`."
        )
    page.prose("\n".join(f"{rank}. {item}" for rank, item in enumerate(items, 1)))


def _where(kpis: Kpis) -> str:
    wrong = _stores(kpis, "stockage.lieu.mauvais_cote.")
    nowhere = _stores(kpis, "stockage.lieu.nulle_part.")
    judged, placed, kinds = (
        max((record.n or 0 for record in _stores(kpis, f"stockage.lieu.{name}.").values()), default=0)
        for name in ("mauvais_cote", "deux_fois", "nulle_part")
    )  # fmt: skip
    misplaced = [store for store, record in wrong.items() if record.valeur]
    text = (
        f"Sur {fr.integer(kinds)} genres de données suivis à la trace, {fr.integer(judged)} sont jugés : les "
        "métadonnées sont dans le magasin de suivi (base ou dossier de fichiers) et les fichiers parmi les artefacts"
    )
    text += "." if not misplaced else f", sauf sur {fr.join([store_label(s) for s in misplaced])}."
    if placed > judged:
        text += f" Le contenu des traces ({fr.count(placed - judged, 'genre')}) {_traces(kpis)}."
    if any("dataset_value" in str(r.conditions.get("genres")) for r in nowhere.values()):
        text += " Les valeurs d’un jeu de données ne sont nulle part : MLflow n’en garde que la description."
    return text


def _traces(kpis: Kpis) -> str:
    """On which side the content of traces is, by the copies that were counted in databases."""
    copies = _stores(kpis, "stockage.trace.deux_fois.").values()
    if all(_number(record) == 0 for record in copies):
        return "est jugé à part"
    always = all(_number(record) == record.n for record in copies)
    return "est des deux côtés" if always else "est tantôt d’un seul côté, tantôt des deux"


def _cost(kpis: Kpis) -> str:
    """Bytes, then times, on the default store, with what was timed and how quietly."""
    weights, times = _measured(kpis, _WEIGHTS), _measured(kpis, _TIMES)
    sentences = []
    if weights:
        sentences.append(f"Sur SQLite, le défaut, {fr.join(weights)}.")
    if times:
        sentences += [f"Sur SQLite, {fr.join(times)}.", circumstances(kpis)]
    return " ".join(filter(None, sentences))


_WEIGHTS = {
    "stockage.capacite.octets_point.sqlite": "un point de métrique pèse",
    "stockage.capacite.octets_run.sqlite": "la ligne d’un run pèse",
}
_TIMES = {
    "stockage.acces.log_metric.p50.sqlite": "écrire un point seul prend",
    "stockage.acces.search_filter.p50.sqlite": "une recherche filtrée prend",
}


def _measured(kpis: Kpis, wanted: Mapping[str, str]) -> list[str]:
    return [f"{words} {fr.kpi(kpis[id])}" for id, words in wanted.items() if _value(kpis, id) is not None]  # fmt: skip


def _surprise(kpis: Kpis) -> str:
    if "stockage.migration.cas.ordinaire" in kpis and _value(
        kpis, "stockage.migration.cas.ordinaire"
    ):
        return (
            "La migration « sans perte » des fichiers vers SQLite refuse un magasin ordinaire : une "
            "métrique journalisée avant un modèle, dans le même run, suffit."
        )
    if _value(kpis, "stockage.defaut.existant") == "refus":
        return "MLflow choisit un dossier `mlruns` existant, puis refuse de l’ouvrir."
    return ""


def _left(kpis: Kpis) -> str:
    """What collection leaves of a run: on the default store, then from the best to the worst."""
    records = _stores(kpis, "stockage.suppression.restes.")
    if not _any(kpis, "stockage.suppression.restes."):
        return ""
    store = "sqlite" if "sqlite" in records else next(iter(records))
    counts = sorted(int(_number(record)) for record in records.values())
    span = f" ({counts[0]} à {counts[-1]} selon le magasin)" if counts[0] < counts[-1] else ""
    kinds = fr.count(int(_number(records[store])), "genre", "genres")
    return (
        f"Après `mlflow gc` sur {store_label(store)}, {kinds} de données d’un run sur "
        f"{records[store].n} restent{span}."
    )


def fill(bref: Any, kpis: Kpis, verdicts: Iterable[Verdict]) -> Any:
    """Put the answer at the top of the chapter; returns it for ``Chapter.close``."""
    judged = [v for v in verdicts if v.verdict != "non éprouvée"]
    held = sum(v.verdict == "confirmée" for v in judged)
    against = [v.id for v in judged if v.verdict in ACCUSING]
    answer = " ".join(filter(None, [_where(kpis), _cost(kpis)]))
    answer += (
        f"\n\nDes {fr.count(len(judged), 'affirmation éprouvée', 'affirmations éprouvées')}, "
        f"{fr.count(held, 'est confirmée', 'sont confirmées')} et "
        f"{fr.count(len(against), 'est réfutée ou nuancée', 'sont réfutées ou nuancées')}."
    )
    figures = []
    cases = _stores(kpis, "stockage.migration.cas.")
    if cases:
        harmed = sum(bool(record.valeur) for record in cases.values())
        figures.append(
            f"Migration : {fr.integer(harmed)} cas sur {fr.integer(len(cases))} refusés ou altérés."
        )
    if left := _left(kpis):
        figures.append(left)
    ratio = kpis.get("stockage.acces.rapport_plancher.log_metric.sqlite")
    if ratio is not None and ratio.valeur is not None:
        figures.append(f"Écrire un point par MLflow, rapporté à la base seule : {fr.kpi(ratio)}.")
    return bref.fill(
        question=QUESTION, answer=answer, figures=figures[:3], surprise=_surprise(kpis)
    )
