"""Figures and computed sentences of chapter 4.  Takes tables and KPIs; measures nothing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap

from mlflow_study.evidence.records import Kpi, Verdict
from mlflow_study.evidence.statistics import quantile
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import (
    INK,
    PAPER,
    SOFT,
    VERDICT_COLOURS,
    WIDTH,
    end_labels,
    format_axis,
    new,
    store_colour,
    store_label,
)
from mlflow_study.reproducibility.vocabulary import RECORDING_LABELS
from mlflow_study.traceability.kpis import BEHIND

GRADES = ("juste", "partielle", "absente", "fausse")
GRADE_COLOURS = {
    "juste": VERDICT_COLOURS["confirmée"],
    "partielle": VERDICT_COLOURS["nuancée"],
    "absente": VERDICT_COLOURS["non éprouvée"],
    "fausse": VERDICT_COLOURS["réfutée"],
}
GRADE_SIGNS = {"juste": "✓", "partielle": "½", "absente": "–", "fausse": "✗"}
PLACES = ("API", "base", "nulle part")
PLACE_COLOURS = {
    "API": GRADE_COLOURS["juste"],
    "base": GRADE_COLOURS["partielle"],
    "nulle part": GRADE_COLOURS["fausse"],
}
ON_CELL = "#fefefe"
"""Ink on a cell whose hue stays the same in the dark: nearly white, so that the theme lets it be."""
NARROW = 4.4
"""Inches: a grid of few columns, whose words must be read on a phone."""
PLACE_SIGNS = {"API": "✓", "base": "b", "nulle part": "✗"}
QUESTIONS = {
    "code": "code",
    "valide": "validé ?",
    "depot": "dépôt",
    "branche": "branche",
    "fichier": "fichier",
    "arguments": "arguments",
    "utilisateur": "qui",
    "machine": "machine",
    "date": "quand",
}
PROV = {
    "entité": "données, modèles, résultats",
    "activité": "exécutions, changements",
    "agent": "personnes, machines, logiciels",
}
READERS = {
    "prudent": "lecteur prudent",
    "naif": "lecteur naïf",
    "journal": "journal de la base",
}
NATURES = {
    "alias": "alias",
    "etiquette": "étiquettes",
    "stade": "stades",
    "description": "descriptions",
    "existence": "existence d’une version",
}
TRUTHS = {
    "lieu-relecture": "d’une copie, à une autre adresse que celle du premier run",
    "mesure": "la dernière valeur du run, avant le point que Bob a ajouté",
    "mesure-antidatee": "oui, un point que Bob a daté d’avant la fin",
    "rapport": "le texte déposé par le run, que Bob a remplacé",
    "numero-reutilise": "le modèle d’avant la suppression du nom, que Bob a recréé pour un autre",
    "statut": "non, Bob a réécrit l’échec en succès",
    "nom-lancement": "le nom donné par Ada, que Bob a changé",
}
"""Question -> what the scenario did, where its answer may be false."""
LINKS = {"modèle": "modèle", "run": "run", "données": "données", "code": "commit"}
_IDENTIFIERS = re.compile(
    r"\bpython -[cm](?: [\w.]+)?|\bjupyter execute\b|\b(?:git|gc|worktree|LOGNAME)\b"
    r"|\bmlflow\.user\b|\brapport\.txt\b"
)


def stores_named(backends: Sequence[str]) -> str:
    """«fichiers, SQLite et PostgreSQL»."""
    return fr.join([store_label(name) for name in backends])


def _code(text: str) -> str:
    """The words of an instrument, its identifiers set as code."""
    return _IDENTIFIERS.sub(r"`\g<0>`", text)


def _bullets(lines: Sequence[str]) -> str:
    return "\n\n" + "\n".join(f"- {line}" for line in lines)


def _counted(record: Kpi) -> int:
    """How many cases a share or a count stands for."""
    value = float(record.valeur or 0)
    return round(value * (record.n or 0)) if record.unite == "proportion" else int(value)


def _share(record: Kpi) -> str:
    """«9 sur 37» over a declared list; with its interval where cases are drawn at random."""
    if record.valeur is None or record.intervalle is not None or record.n is None:
        return fr.kpi(record)
    return f"{fr.integer(_counted(record))} sur {fr.integer(record.n)}"


def absent(backend: str, reason: str) -> None:
    """A store that this chapter does not try, and why."""
    name = "votre propre serveur" if backend == "uri" else store_label(backend)
    page.missing(f"{name[0].upper()}{name[1:]} : {reason}")


def _grid(
    table: pd.DataFrame,
    colours: Mapping[str, str],
    signs: Mapping[str, str],
    *,
    groups: Sequence[str] | None = None,
    narrow: bool = False,
) -> Any:
    """A grid of coloured cells, each with its sign, so that no reading needs the hue.

    ``narrow`` is for few columns: cells first, words after, so that a phone shows every
    sign with the beginning of its line.
    """
    order = list(colours)
    codes = table.map(order.index).to_numpy(dtype=float)
    rows, columns = codes.shape
    fig, ax = new(height=0.9 + (0.17 if narrow else 0.2) * rows, width=NARROW if narrow else WIDTH)
    ax.imshow(
        codes,
        cmap=ListedColormap(list(colours.values())),
        vmin=0,
        vmax=len(order) - 1,
        aspect="auto",
        alpha=0.85,
    )
    for i in range(rows):
        for j in range(columns):
            sign = signs[str(table.iat[i, j])]
            ax.text(j, i, sign, ha="center", va="center", color=ON_CELL, fontsize=8)
    ax.set_xticks(
        range(columns), list(table.columns), rotation=35, ha="left", rotation_mode="anchor"
    )
    ax.xaxis.tick_top()
    ax.set_yticks(range(rows), list(table.index), fontsize=7 if narrow else 8)
    if narrow:
        ax.yaxis.tick_right()
    ax.set_xticks(np.arange(-0.5, columns), minor=True)
    ax.set_yticks(np.arange(-0.5, rows), minor=True)
    ax.grid(False)
    ax.grid(which="minor", color="#ffffff", linewidth=1)
    ax.tick_params(which="both", length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if groups is not None:
        for i in range(1, rows):
            if groups[i] != groups[i - 1]:
                ax.axhline(i - 0.5, color=INK, linewidth=1.2)
    return fig


def _key(signs: Mapping[str, str]) -> str:
    return fr.join([f"« {sign} » {name}" for name, sign in signs.items()])


# --- contexts ----------------------------------------------------------------------


def _wrong_commits(wrong: pd.DataFrame) -> str:
    """Where the commit is wrong, and in how many of these contexts all was committed."""
    versioned = wrong["famille"] == "git_model_versioning"
    names = wrong[~versioned]["libelle"].map(_code).tolist()
    if versioned.any():
        link = "et " if names else ""
        names.append(
            f"{link}{versioned.sum()} avec `enable_git_model_versioning`, au tableau suivant"
        )
    clean = int((wrong["verite"] == "code validé").sum())
    return (
        "MLflow y écrit un commit qui ne contient pas le code exécuté, et rien n’en avertit : "
        + " ; ".join(names)
        + "."
        + (
            f" Tout le code était pourtant validé dans {fr.count(clean, 'contexte')} sur {len(wrong)} : "
            "un dépôt propre ne suffit pas."
            if clean
            else ""
        )
        + " Un lecteur qui suit l’étiquette relance autre chose, et croit avoir reproduit."
    )


def _warned_commits(warned: int) -> str:
    """What is false in the grid and not counted: the tags say that the code was modified."""
    if not warned:
        return ""
    if warned == 1:
        return " Un autre commit est faux aussi, mais il est dit modifié : il n’est pas compté."
    return (
        f" {warned} autres commits sont faux aussi, mais ils sont dits modifiés : ils ne sont pas "
        "comptés."
    )


def contexts(table: pd.DataFrame, false: pd.DataFrame, backend: str) -> None:
    """The finding and the grid of contexts; ``false`` holds the commits that are wrong unsaid."""
    rows = table[table["backend"] == backend]
    code = rows[rows["question"] == "code"]
    recorded = code[code["note"] != "absente"]
    wrong = false[false["backend"] == backend]
    crossed = int((code["note"] == "fausse").sum())
    if len(wrong):
        title = f"Le commit enregistré est faux, sans avertissement, dans {fr.count(len(wrong), 'contexte')} sur les {len(recorded)} où il y en a un"
        text = _wrong_commits(wrong) + _warned_commits(crossed - len(wrong))
    else:
        title = f"Aucun commit faux dans les {len(recorded)} contextes où il y en a un"
        text = (
            "Là où MLflow écrit un commit sans le dire modifié, ce commit contient le code exécuté."
        )
    none = code[code["note"] == "absente"]["libelle"].map(_code).tolist()
    if none:
        text += " Ailleurs, il n’écrit aucun commit : " + " ; ".join(none) + "."
    page.finding(title, text)
    grid = rows.pivot(index="contexte", columns="question", values="note")
    order = rows["contexte"].drop_duplicates()
    names = rows.drop_duplicates("contexte").set_index("contexte")
    shown = grid.loc[order, list(QUESTIONS)].rename(columns=QUESTIONS)
    families = [str(names.loc[c, "famille"]) for c in order]
    shown.index = pd.Index(
        [
            f"{'versionnage : ' if f == 'git_model_versioning' else ''}{names.loc[c, 'libelle']}"
            for c, f in zip(order, families, strict=True)
        ]
    )
    counts = rows["note"].value_counts()
    empty = rows[rows["note"] == "absente"]["question"].value_counts()
    page.figure(
        _grid(shown, GRADE_COLOURS, GRADE_SIGNS, groups=families),
        label="fig-contextes",
        title=_contexts_title(rows),
        caption=f"{_key(GRADE_SIGNS)}. « ½ » : chemin relatif, à compléter, ou différence à réparer. Dans un dossier sans dépôt, ne rien répondre sur le dépôt, la branche et la validation est juste. Magasin : {store_label(backend)} ; un lancement par contexte, dans un processus à lui. Un trait sépare les familles.",
        alt=(
            f"Grille de {len(order)} contextes et de neuf questions : "
            + fr.join([f"{counts.get(g, 0)} réponses notées « {g} »" for g in GRADES])
            + f". La colonne du code a {fr.count(crossed, 'réponse fausse', 'réponses fausses')} ; il en manque {empty.get('machine', 0)} à celle de la machine, {empty.get('arguments', 0)} à celle des arguments."
        ),
    )


def _contexts_title(rows: pd.DataFrame) -> str:
    """What the grid shows first: wrong commits, then what is missing."""
    n, bad = rows["contexte"].nunique(), rows.groupby(["question", "note"]).size()
    wrong, machine, arguments = (
        int(bad.get(key, 0))
        for key in (("code", "fausse"), ("machine", "absente"), ("arguments", "absente"))
    )
    commit = (
        f"Le commit est faux {fr.count(wrong, 'fois', 'fois')} sur {n}"
        if wrong
        else f"Aucun commit faux dans {n} façons de lancer Python"
    )
    lacks = [
        f"{name} {fr.count(found, 'fois', 'fois')}"
        for name, found in (("la machine absente", machine), ("les arguments absents", arguments))
        if found
    ]
    return ", ".join([commit, *lacks])


def versioning(table: pd.DataFrame, backend: str) -> None:
    """What ``enable_git_model_versioning`` adds."""
    rows = table[(table["backend"] == backend) & (table["famille"] == "git_model_versioning")]
    code = rows[rows["question"] == "code"].set_index("contexte")
    state = rows[rows["question"] == "valide"].set_index("contexte")
    right = int((state["note"] == "juste").sum())
    restored = code[(code["verite"] == "code hors de tout commit")]
    full = int((restored["note"] == "juste").sum())
    page.finding(
        f"`enable_git_model_versioning` dit juste l’état du dépôt {right} fois sur {len(state)}, et redonne le code non validé {full} fois sur {len(restored)}"
    )
    page.table(
        pd.DataFrame(
            {
                "Contexte": code["libelle"],
                "Ce qui a tourné": code["verite"],
                "Ce que disent les étiquettes": code["reponse"].replace("", "rien").map(_code),
                "État dit": state["reponse"].reindex(code.index).replace("", "rien"),
                "Note (code)": code["note"],
            }
        ).reset_index(drop=True),
        label="tab-versionnage",
        title="Le versionnage par Git, contexte par contexte",
        caption="Code retrouvé : commit plus différence, appliquée par `git apply` à une copie propre.",
    )


# --- questions ---------------------------------------------------------------------


def questions(table: pd.DataFrame, backends: Sequence[str]) -> None:
    """Grades by class of W3C PROV, and what is false."""
    first = table[table["backend"] == backends[0]]
    n = len(first)
    counts = first["note"].value_counts()
    page.finding(
        f"À {n} questions de provenance, le magasin répond juste à {counts.get('juste', 0)}, en partie à {counts.get('partielle', 0)}, faux à {counts.get('fausse', 0)}, et rien à {counts.get('absente', 0)}"
    )
    notes = table.pivot(index="question", columns="backend", values="note")
    unlike = notes[notes.nunique(axis=1) > 1]
    if len(backends) > 1:
        page.prose(
            f"Les magasins éprouvés ({stores_named(backends)}) donnent les mêmes notes aux {n} questions."
            if unlike.empty
            else f"Les magasins diffèrent sur {fr.count(len(unlike), 'question', 'questions')}."
        )
    fig, ax = new(height=2.0)
    classes = list(PROV)
    base = np.zeros(len(classes))
    for grade in GRADES:
        values = np.array(
            [int(((first["prov"] == c) & (first["note"] == grade)).sum()) for c in classes]
        )
        ax.barh(range(len(classes)), values, left=base, color=GRADE_COLOURS[grade])
        for i, value in enumerate(values):
            if value:
                ax.text(
                    base[i] + value / 2,
                    i,
                    f"{GRADE_SIGNS[grade]} {value}" if value > 1 else GRADE_SIGNS[grade],
                    ha="center",
                    va="center",
                    color="#ffffff",
                    fontsize=8.5,
                )
        base += values
    ax.set_yticks(range(len(classes)), [f"{c} :\n{PROV[c]}" for c in classes])
    ax.invert_yaxis()
    ax.set_xlabel("nombre de questions")
    ax.grid(axis="y", visible=False)
    asked = {c: int((first["prov"] == c).sum()) for c in classes}
    right = {c: int(((first["prov"] == c) & (first["note"] == "juste")).sum()) for c in classes}
    worst = min(classes, key=lambda c: right[c] / max(1, asked[c]))
    page.figure(
        fig,
        label="fig-questions",
        title=f"« {PROV[worst].capitalize()} » : {fr.count(right[worst], 'réponse juste', 'réponses justes')} sur {asked[worst]}, la plus faible part",
        caption=f"{_key(GRADE_SIGNS)} ; un signe sans nombre en vaut une. Classes de W3C PROV ; magasin : {store_label(backends[0])}.",
        alt=fr.join(
            [
                f"classe {c} : {fr.count(right[c], 'réponse juste', 'réponses justes')} sur {asked[c]}"
                for c in classes
            ]
        )
        + ".",
    )
    wrong = first[first["note"] == "fausse"]
    false = [
        f"{text} Vrai : {TRUTHS[id]}." if id in TRUTHS else text
        for id, text in zip(wrong["question"], wrong["texte"], strict=True)
    ]
    empty = list(first.loc[first["note"] == "absente", "texte"])
    if false:
        head = "Réponses fausses" if len(false) > 1 else "Réponse fausse"
        page.prose(
            f"{head}, l’API étant prise au mot et la vérité venant du journal du scénario. La preuve "
            "garde la note, et non la réponse, qui nomme des lieux de la machine :"
            + _bullets(false)
        )
    if empty:
        page.prose("Sans réponse :" + _bullets(empty))


# --- changes -----------------------------------------------------------------------


def changes(table: pd.DataFrame, backend: str, kpis: Mapping[str, Kpi]) -> None:
    """The heat map change × what was kept."""
    rows = table[(table["backend"] == backend)].copy()
    done = rows[rows["issue"] == "accepté"]
    refused, ignored = (
        rows[rows["issue"] == i]["libelle"].map(_code).tolist() for i in ("refusé", "ignoré")
    )
    behind = done["changement"].isin(BEHIND)
    ours = done[~behind]
    who = int((ours["auteur"] != "nulle part").sum())
    old = int((ours["ancienne"] == "API").sum())
    mute = done[
        (done[["ancienne", "date", "auteur"]] == "nulle part").all(axis=1) & ~done["alarme"]
    ]
    author = (
        "L’auteur n’est gardé nulle part"
        if who == 0
        else f"L’auteur est gardé {fr.count(who, 'fois', 'fois')}"
    )
    followed = _counted(kpis[f"tracabilite.changements.suivis.{backend}"])
    silent = int(mute["changement"].isin(BEHIND).sum())
    page.finding(
        f"Des {len(ours)} sortes de changements faits par MLflow, {old or 'aucune'} "
        f"{'laissent' if old > 1 else 'laisse' if old else 'ne laisse'} lire l’ancienne valeur par l’API",
        f"{author}. Un changement se suit quand l’ancienne valeur, la date et l’auteur se lisent par l’API. "
        + _behind(int(behind.sum()), silent)
        + (f" Refusé, donc protégé : {' ; '.join(refused)}." if refused else "")
        + (f" Accepté sans effet, et sans un mot : {' ; '.join(ignored)}." if ignored else ""),
    )
    grid = done.set_index("libelle")[["ancienne", "date", "auteur"]].copy()
    grid["signe"] = np.where(done["alarme"], "API", "nulle part")
    grid.columns = pd.Index(["ancienne valeur", "date", "auteur", "un signe"])
    page.figure(
        _grid(grid, PLACE_COLOURS, PLACE_SIGNS, groups=done["famille"].tolist(), narrow=True),
        label="fig-changements",
        title=_followed(len(ours), followed, len(mute) - silent),
        caption=(
            "« ✓ » lisible par l’API ; « b » seulement dans la base ou les fichiers ; « ✗ » nulle part. "
            "« Un signe » : quelque chose, dans ce que montre l’API, dit qu’il y a eu changement. "
            f"Magasin : {store_label(backend)} ; chaque valeur, instant et auteur est cherché partout."
            + (
                f" Faits derrière MLflow : {' ; '.join(done[behind]['libelle'].map(_code))}."
                if behind.any()
                else ""
            )
        ),
        alt=f"Grille de {len(done)} changements, dont {int(behind.sum())} faits derrière MLflow. Pour les autres, l’ancienne valeur est lisible {old} fois, l’auteur {who} fois. {len(mute)} lignes sont entièrement vides.",
    )
    if len(mute):
        page.prose(
            "Aucune trace, ni dans l’API ni dans la base : "
            + " ; ".join(mute["libelle"].map(_code))
            + "."
        )


def _followed(n: int, followed: int, mute: int) -> str:
    """Of the changes made through MLflow: how many can be followed, how many leave nothing."""
    whole = (
        fr.count(followed, "se suit", "se suivent") if followed else "aucun ne se suit"
    ) + " tout à fait"
    traceless = (
        fr.count(mute, "ne laisse aucune trace", "ne laissent aucune trace")
        if mute
        else "tous laissent une trace"
    )
    return f"Des {n} changements faits par MLflow, {whole} ; {traceless}"


def _behind(n: int, mute: int) -> str:
    """The changes made on the disk or in the database."""
    if not n:
        return ""
    made = "autre est fait" if n == 1 else "autres sont faits"
    left = (
        "aucun ne laisse de trace"
        if mute == n
        else fr.count(mute, "ne laisse aucune trace", "ne laissent aucune trace")
        if mute
        else "tous laissent une trace"
    )
    return f"{n} {made} derrière MLflow, sur le disque ou dans la base : {left}."


def change_differences(table: pd.DataFrame, backends: Sequence[str]) -> None:
    """Where the stores differ: what a user loses or gains by moving."""
    parts, changed = list[str](), set[str]()
    for column, label in (
        ("ancienne", "L’ancienne valeur"),
        ("date", "La date"),
        ("auteur", "L’auteur"),
    ):
        wide = table.pivot(index="libelle", columns="backend", values=column)[list(backends)]
        unlike = wide[wide.nunique(axis=1) > 1]
        changed |= set(unlike.index)
        for places, rows in unlike.groupby(list(backends), sort=False):
            names = fr.join([f"« {_code(name)} »" for name in rows.index])
            parts.append(
                f"{label}, pour {names} : {_kept_where(backends, [str(place) for place in places])}."
            )
    if len(backends) < 2:
        page.missing("Un seul magasin est éprouvé : rien à comparer.")
        return
    if not parts:
        page.finding("Les magasins éprouvés oublient les mêmes choses")
        return
    page.finding(
        f"Passer d’un magasin à l’autre change la mémoire de {fr.count(len(changed), 'changement', 'changements')}"
    )
    page.prose("\n".join(f"- {part}" for part in parts))


def _kept_where(backends: Sequence[str], places: Sequence[str]) -> str:
    """«par l’API (fichiers) ; nulle part (SQLite et PostgreSQL)»."""
    words = {"API": "par l’API", "base": "seulement dans la base ou les fichiers"}
    stores: dict[str, list[str]] = {}
    for backend, place in zip(backends, places, strict=True):
        stores.setdefault(place, []).append(backend)
    return " ; ".join(
        f"{words.get(place, place)} ({stores_named(stores[place])})"
        for place in PLACES
        if place in stores
    )


# --- transparency ------------------------------------------------------------------


def fields(records: pd.DataFrame, classes: pd.DataFrame) -> None:
    """Which fields are filled, by way of recording."""
    counts = classes["classe"].value_counts()
    never = [f"« {name} »" for name in classes[classes["classe"] == "jamais"]["libelle"]]
    filled_everywhere = fr.count(int(counts.get("seul", 0)), "est rempli", "sont remplis")
    ways_tried = records["enregistrement"].nunique()
    page.finding(
        f"De {len(classes)} champs utiles au lecteur, {filled_everywhere} dans toutes les notices, {counts.get('demandé', 0)} dans une partie, {counts.get('jamais', 0)} dans aucune",
        (
            f"{'Remplis' if len(never) > 1 else 'Rempli'} dans aucune de nos {ways_tried} façons d’enregistrer "
            f"(MLflow permet d’en écrire certains à la main) : {fr.join(never)}."
            if never
            else ""
        ),
    )
    order = classes["champ"].tolist()
    share = records.pivot_table(
        index="champ", columns="enregistrement", values="rempli", sort=False
    )
    share = share.loc[order]
    fig, ax = new(height=1.1 + 0.2 * len(order))
    # The hue stays and its opacity is the share, so that an empty cell is the page's own paper.
    green = ListedColormap([GRADE_COLOURS["juste"]])
    ax.imshow(np.zeros(share.shape), cmap=green, alpha=0.85 * share.to_numpy(), aspect="auto")
    for i in range(len(order)):
        for j in range(share.shape[1]):
            value = float(share.to_numpy()[i, j])
            mark = "●" if value == 1 else "○" if value == 0 else fr.percent(value, 2)
            hue = ON_CELL if value > 0.6 else INK
            ax.text(j, i, mark, ha="center", va="center", fontsize=8, color=hue)
    ways = [textwrap.fill(RECORDING_LABELS[str(name)], 16) for name in share.columns]
    ax.set_xticks(range(share.shape[1]), ways, fontsize=8)
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(order)), classes["libelle"].tolist(), fontsize=8)
    ax.grid(False)
    ax.tick_params(length=0)
    groups = classes["groupe"].tolist()
    for i in range(1, len(groups)):
        if groups[i] != groups[i - 1]:
            ax.axhline(i - 0.5, color=INK, linewidth=1.2)
    experiments = records.groupby(["sujet", "enregistrement"]).ngroups
    seeded = int((records["champ"] == "graine").sum())
    seedless = (
        f" Les programmes sans graine sont écartés de la ligne « graine du hasard » (n = {seeded})."
        if 0 < seeded < experiments
        else ""
    )
    filled = records.groupby("enregistrement", sort=False)["rempli"].mean()
    best = str(filled.idxmax())
    page.figure(
        fig,
        label="fig-champs",
        title=f"Au mieux ({RECORDING_LABELS[best]}), {fr.percent(float(filled.max()))} des champs sont remplis",
        caption=f"● rempli dans toutes les expériences, ○ dans aucune ; n = {experiments} expériences de la population du chapitre 3.{seedless} Un trait sépare les groupes de champs.",
        alt=fr.join(
            [
                f"{RECORDING_LABELS[str(name)]} : {fr.percent(float(value))} des champs remplis"
                for name, value in filled.items()
            ]
        )
        + ".",
    )


def retrieval(table: pd.DataFrame) -> None:
    """Time and calls of the five tasks against the size of the store."""
    cases = table.groupby(["backend", "tache", "runs"])["juste"].all()
    wrong = int((~cases).sum())
    sizes = sorted(table["runs"].unique())
    backend = str(table["backend"].iloc[0])
    median = (
        table[table["backend"] == backend].groupby(["tache", "runs"])["temps_s"].median().unstack()
    )
    growth = median[sizes[-1]] / median[sizes[0]]
    slowest = str(median[sizes[-1]].idxmax())
    steepest = str(growth.idxmax())
    truth = (
        "Toutes les réponses sont justes"
        if wrong == 0
        else f"{fr.count(wrong, 'réponse est fausse', 'réponses sont fausses')}"
    )
    slower = (
        f"La plus longue, « {slowest} », est aussi celle qui croît le plus : sa durée"
        if slowest == steepest
        else f"La plus longue est « {slowest} » ; celle qui croît le plus est « {steepest} » : sa durée"
    )
    page.finding(
        f"À {fr.integer(sizes[-1])} runs, la plus longue de ces {len(median)} recherches prend {fr.duration(float(median[sizes[-1]].max()))} sur {store_label(backend)}",
        f"{truth} (n = {fr.integer(len(cases))} recherches distinctes, sur {stores_named(list(table['backend'].unique()))}). {slower} est multipliée "
        f"par {fr.number(float(growth.to_numpy().max()))} quand le magasin l’est par {fr.integer(round(sizes[-1] / sizes[0]))}.",
    )
    fig, ax = new(height=3.0)
    ends = []
    times = table[table["backend"] == backend].set_index(["tache", "runs"])["temps_s"].sort_index()
    for rank, (task, values) in enumerate(median.iterrows()):
        line = ("-", "--", "-.", ":", (0, (5, 1)))[rank % 5]
        bounds = [quantile(times.loc[(str(task), size)], 0.5).interval for size in sizes]
        ends_at = np.array([bound or (np.nan, np.nan) for bound in bounds]).T
        ax.errorbar(
            sizes,
            values,
            abs(ends_at - values.to_numpy()),
            fmt="o",
            linestyle=line,
            color=store_colour(backend),
            elinewidth=1.2,
            capsize=2.5,
            alpha=0.9,
        )
        ends.append((str(task), float(sizes[-1]), float(values.iloc[-1]), INK))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(sizes[0] * 0.8, sizes[-1] * 40)
    ax.set_xticks(sizes, [fr.integer(size) for size in sizes])
    ax.set_xticks([], minor=True)
    ax.spines["bottom"].set_bounds(sizes[0] * 0.8, sizes[-1])
    low, high = float(median.to_numpy().min()), float(median.to_numpy().max())
    ax.set_ylim(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)))
    ax.set_xlabel("runs dans le magasin (échelle logarithmique)")
    ax.set_ylabel("temps médian (échelle logarithmique)")
    format_axis(ax.yaxis, "s")
    end_labels(ax, ends)
    page.figure(
        fig,
        label="fig-recherches",
        title=f"De {fr.integer(sizes[0])} à {fr.integer(sizes[-1])} runs, « {steepest} » est la recherche qui s’allonge le plus",
        caption=f"Médianes du temps écoulé, et leur intervalle à 95 % ; magasin : {store_label(backend)} ; n = {int(table.groupby(['backend', 'runs', 'tache']).size().min())} répétitions par point.",
        alt=fr.join(
            [
                f"{task} : de {fr.duration(float(v.iloc[0]))} à {fr.duration(float(v.iloc[-1]))}"
                for task, v in median.iterrows()
            ]
        )
        + ".",
    )
    calls = table.groupby("tache", sort=False)["appels"].max()
    last = table[(table["backend"] == backend) & (table["runs"] == sizes[-1])]
    told = [
        f"{task}, {fr.count(int(count), 'appel', 'appels')}, "
        f"{fr.duration(float(last[last['tache'] == task]['temps_s'].median()))}"
        + (" (plafond atteint)" if last[last["tache"] == task]["plafond"].any() else "")
        for task, count in calls.items()
    ]
    page.prose(f"À {fr.integer(sizes[-1])} runs, sur {store_label(backend)} : {' ; '.join(told)}.")


# --- provenance --------------------------------------------------------------------

_KIND = {"entité": ("o", "#0072b2"), "activité": ("s", "#a6611a"), "agent": ("^", "#8a4f7d")}


_NODES = {
    "modele": "modèle",
    "enregistrement": "enregistrement",
    "donnees": "données",
    "mlflow": "MLflow",
    "run-parent": "run parent",
}


def _node_label(name: str) -> str:
    kind, _, rest = name.partition("-")
    if kind == "metrique":
        key, _, step = rest.rpartition("-")
        return f"{key}, pas {step}"
    if kind in ("parametre", "artefact"):
        return rest
    if kind == "version":
        return f"version {rest}"
    return _NODES.get(name, _NODES.get(kind, name))


def _named_node(text: str) -> str:
    """A broken constraint, its node named as in the figure."""
    return re.sub(r"etude:([\w.-]+)", lambda found: f"« {_node_label(found[1])} »", text)


def _places(nodes: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """From effect to cause: version, model, run; then what it made, above, and used, below."""
    spine = {
        "version": (0.0, 0.0),
        "enregistrement": (0.9, -1.6),
        "modele": (1.8, 0.0),
        "run": (3.3, 0.0),
    }
    place: dict[str, tuple[float, float]] = {}
    columns: dict[tuple[float, float], list[str]] = {}
    for name, kind in nodes:
        head = name.partition("-")[0]
        if name in spine or head == "version":
            place[name] = spine[head]
            continue
        made = head in ("metrique", "artefact")
        column = (2.5, 1.0) if kind == "agent" else (5.2, 0.6 if made else -0.6)
        columns.setdefault(column, []).append(name)
    for (x, step), names in columns.items():
        for rank, name in enumerate(names):
            place[name] = (x, step * (rank + 1.5 if x < 5 else rank + 0.6))
    return place


_LABELS: dict[str, dict[str, Any]] = {
    "version": {"xytext": (0, 12), "ha": "center"},
    "modele": {"xytext": (-5, 9), "ha": "right"},
    "enregistrement": {"xytext": (0, -13), "ha": "center"},
    "run": {"xytext": (-7, -10), "ha": "right"},
}
"""Where the name of a node of the spine stands, clear of its arrows."""


def _grouped(nodes: pd.DataFrame, links: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The nodes and links that are drawn: all the parameters are one node."""

    def group(names: pd.Series[Any]) -> pd.Series[Any]:
        return names.where(~names.str.startswith("parametre-"), "parametre")

    drawn = nodes.assign(id=group(nodes["id"])).drop_duplicates("id")
    return drawn, links.assign(de=group(links["de"]), vers=group(links["vers"])).drop_duplicates()


def lineage(tables: Mapping[str, pd.DataFrame], backend: str) -> None:
    """The PROV graph of one version, and what PROV asked in vain."""
    part = {k: v[v["backend"] == backend] for k, v in tables.items()}
    equal = int((part["formats"]["relu"] == "égal").sum())
    broken = [_named_node(text) for text in part["contraintes"]["contrainte"]]
    gaps = part["manques"]["sorte"].value_counts()
    late = (
        " (un point de métrique ajouté après coup)"
        if part["contraintes"]["contrainte"].str.contains("metrique").any()
        else ""
    )
    rule = (
        f"Elle rompt {fr.count(len(broken), 'contrainte', 'contraintes')} de PROV : {fr.join(broken)}{late}."
        if broken
        else "Elle ne rompt aucune des contraintes vérifiées."
    )
    page.finding(
        f"Une notice complète s’exporte en PROV et se relit égale dans {equal} formats sur {len(part['formats'])}, au prix de {fr.count(int(gaps.get('deviné', 0)), 'supposition', 'suppositions')}",
        rule,
    )
    nodes, links = part["noeuds"], part["liens"]
    drawn, arrows = _grouped(nodes, links)
    parameters = int(nodes["id"].str.startswith("parametre-").sum())
    place = _places([(str(n.id), str(n.genre)) for n in drawn.itertuples()])
    fig, ax = new(height=3.8)
    for link in arrows.itertuples():
        arrow = {"arrowstyle": "->", "color": SOFT, "lw": 0.8, "shrinkA": 7, "shrinkB": 7}
        ax.annotate("", place[str(link.vers)], place[str(link.de)], arrowprops=arrow)
    for node in drawn.itertuples():
        shape, hue = _KIND[str(node.genre)]
        x, y = place[str(node.id)]
        ax.plot(x, y, shape, color=hue, markersize=9)
        left = {"xytext": (-9, 0), "ha": "right"}
        side = _LABELS.get(
            str(node.id).partition("-")[0] if x < 5 else "",
            {"xytext": (9, 0), "ha": "left"} if x > 5 else left,
        )
        ax.annotate(
            fr.count(parameters, "paramètre")
            if node.id == "parametre"
            else _node_label(str(node.id)),
            (x, y),
            textcoords="offset points",
            fontsize=8,
            va="center",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.3},
            **side,
        )
    ax.axis("off")
    ax.set_xlim(-0.5, 7.0)
    ax.margins(y=0.12)
    page.figure(
        fig,
        label="fig-lignee",
        title=f"La lignée d’une version : {len(nodes)} nœuds, {len(links)} liens",
        caption="Ronds : entités ; carrés : activités ; triangles : agents. Une flèche va de l’effet vers sa cause (relations de W3C PROV). Tiré du magasin par l’API, puis du document PROV."
        + (f" Les {parameters} paramètres y sont un seul nœud." if parameters > 1 else ""),
        alt="De la version au modèle, du modèle au run, puis du run aux données, au code, aux paramètres et au run parent ; les métriques et l’artefact reviennent au run ; deux agents, l’auteur et MLflow.",
    )
    page.table(
        pd.DataFrame(
            {"Manque": part["manques"]["texte"].map(_code), "Sorte": part["manques"]["sorte"]}
        ),
        label="tab-prov",
        title="Ce qu’il a fallu deviner, et ce que la notice n’a pas",
    )


# --- registry ----------------------------------------------------------------------


def registry(tables: Mapping[str, pd.DataFrame], backend: str, kpis: Mapping[str, Kpi]) -> None:
    """The share of past states that can be told, by kind and reader."""
    rows = tables["questions"][tables["questions"]["backend"] == backend]
    life = tables["vie"][tables["vie"]["backend"] == backend].iloc[0]
    alias = kpis[f"tracabilite.registre.alias.{backend}"]
    state = kpis[f"tracabilite.registre.etats_passes.{backend}"]
    naive = kpis[f"tracabilite.registre.naif_faux.{backend}"]
    page.finding(
        f"Après {fr.integer(int(life['evenements']))} événements, le registre rend {fr.percent(float(state.valeur or 0))} de ses états passés, et {fr.percent(float(alias.valeur or 0))} des alias",
        f"États passés que l’API permet d’affirmer : {fr.kpi(state)}. Qui prend l’état présent pour l’état passé "
        f"se trompe dans {fr.kpi(naive)} des cas.",
    )
    fig, axes = new(height=2.6, ncols=3, sharey=True)
    for ax, (reader, title) in zip(axes, READERS.items(), strict=True):
        asked = rows[rows["lecteur"] == reader]
        base = np.zeros(len(NATURES))
        for grade in ("juste", "absente", "fausse"):
            share = np.array(
                [float((asked[asked["nature"] == k]["note"] == grade).mean()) for k in NATURES]
            )
            ax.barh(range(len(NATURES)), 100 * share, left=base, color=GRADE_COLOURS[grade])
            for i, value in enumerate(share):
                sign = f"{GRADE_SIGNS[grade]} " if value > 0.3 else ""
                if value > 0.14:
                    ax.text(
                        base[i] + 50 * value,
                        i,
                        f"{sign}{fr.percent(value, 2)}",
                        ha="center",
                        va="center",
                        color="#ffffff",
                        fontsize=7,
                    )
            base += 100 * share
        ax.set_title(title, fontsize=8.5)
        ax.set_xlim(0, 100)
        ax.set_xlabel("% des questions")
        ax.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(NATURES)), list(NATURES.values()))
    axes[0].invert_yaxis()
    log = kpis[f"tracabilite.registre.etats_passes_journal.{backend}"]
    page.figure(
        fig,
        label="fig-registre",
        title=f"« Quel était l’état à cet instant ? » : {fr.percent(float(log.valeur or 0))} avec un journal, {fr.percent(float(state.valeur or 0))} sans",
        caption=f"« ✓ » juste, « – » sans réponse, « ✗ » faux. n = {fr.integer(len(rows) // len(READERS))} questions tirées au sort, parts égales par nature ; magasin : {store_label(backend)}.",
        alt=fr.join(
            [
                f"{title} : {fr.percent(float((rows[rows['lecteur'] == r]['note'] == 'juste').mean()))} de réponses justes"
                for r, title in READERS.items()
            ]
        )
        + ".",
    )
    page.prose(_lineage_links(tables["lignee"][tables["lignee"]["backend"] == backend]))
    access = tables["acces"][tables["acces"]["backend"] == backend]
    wide = access.groupby(["operation", "evenements"], sort=False)["temps_s"].median().unstack()
    page.table(
        wide.set_axis([f"{fr.integer(int(c))} év." for c in wide.columns], axis=1)
        .rename_axis("Opération")
        .reset_index(),
        label="tab-acces-registre",
        title="Temps d’accès au registre pendant sa vie",
        caption="Médianes du temps écoulé, selon le nombre d’événements joués.",
        formats={f"{fr.integer(int(c))} év.": fr.duration for c in wide.columns},
    )


def _lineage_links(links: pd.DataFrame) -> str:
    """How far the lineage of the living versions leads."""
    n, found = int(links["n"].iloc[0]), links.set_index("maillon")["complets"].astype(int)
    whole = all(found[link] == n for link in LINKS)
    if whole and n > 1:
        text = (
            f"Les {fr.integer(n)} versions vivantes mènent toutes à leur modèle, à leur run, à leurs "
            "données et au commit que ce run a enregistré."
        )
    elif whole:
        text = (
            "La seule version vivante mène à son modèle, à son run, à ses données et au commit que "
            "ce run a enregistré."
        )
    else:
        told = [f"{name}, {found[link]}" for link, name in LINKS.items()]
        text = f"Liens trouvés pour {fr.count(n, 'version vivante', 'versions vivantes')} : {' ; '.join(told)}."
    deleted = found["run"] - found["run non supprimé"]
    if deleted:
        text += f" Le run est supprimé pour {fr.integer(deleted)}."
    return (
        text
        + " Que ce commit soit le code qui a tourné est une autre question, éprouvée plus haut."
    )


# --- servers -----------------------------------------------------------------------


_EVENTS = {
    "version": "versions créées",
    "alias": "alias posés",
    "etiquette": "étiquettes posées",
    "suppression-alias": "alias supprimés",
    "stade": "stades",
    "description": "descriptions",
    "suppression-version": "suppressions de version",
    "suppression-run": "suppressions de run",
    "renouvellement": "noms recréés",
}


def served(
    kpis: Mapping[str, Kpi],
    accounts: pd.DataFrame | None,
    webhooks: Mapping[str, pd.DataFrame] | None,
) -> None:
    """What accounts and webhooks add; says why when they were not tried."""
    if accounts is None:
        reason = kpis["tracabilite.comptes.auteur_magasin.comptes"].conditions["motif"]
        page.missing(f"Le serveur avec comptes : {reason}")
    else:
        _accounts(accounts)
    if webhooks is None:
        reason = kpis["tracabilite.webhooks.perdus.http+sqlite"].conditions["motif"]
        page.missing(f"Les webhooks du registre : {reason}")
    else:
        _webhooks(webhooks, kpis)


def _accounts(table: pd.DataFrame) -> None:
    done = table[(table["issue"] == "accepté") & ~table["changement"].isin(BEHIND)]
    shown = int((done["auteur"] == "API").sum())
    hidden = done[done["auteur"] == "base"]["libelle"].tolist()
    forged = (table.set_index("changement")["issue"].get("auteur")) == "accepté"
    title = (
        f"Un serveur avec comptes montre l’auteur de {fr.count(shown, 'changement', 'changements')} sur {len(done)}"
        if shown
        else f"Un serveur avec comptes ne montre l’auteur d’aucun des {len(done)} changements faits par MLflow"
    )
    few = "seul" if len(hidden) == 1 else ""
    also = fr.count(len(hidden), "autre", "autres") if shown else f"{len(hidden)} {few}".strip()
    page.finding(
        title,
        (
            f"La base des comptes le garde pour {also} ({' ; '.join(map(_code, hidden))}), par le droit "
            "donné à qui crée un objet ; aucune réponse de l’API du registre ou des runs ne le dit. "
            if hidden
            else "La base des comptes ne le garde pas davantage. "
        )
        + (
            "Un compte peut même signer d’un autre nom : `mlflow.user` se réécrit sans contrôle."
            if forged
            else "Un compte ne peut pas signer d’un autre nom."
        ),
    )


def _webhooks(tables: Mapping[str, pd.DataFrame], kpis: Mapping[str, Kpi]) -> None:
    kinds = tables["annonces"]
    lost = kpis["tracabilite.webhooks.perdus.http+sqlite"]
    mute = kinds[~kinds["promis"] & (kinds["joues"] > 0)]["genre"].map(_EVENTS).tolist()
    right, wrong, silent, signed = (
        kpis[f"tracabilite.webhooks.{name}"]
        for name in ("etats_justes", "etats_fausses", "muets", "auteur")
    )
    promised, missed = int(lost.n or 0), _counted(lost)
    heard = "" if missed == 0 else f"{fr.integer(promised - missed)} des "
    late, undue = (
        kpis.get(f"tracabilite.webhooks.{name}.http+sqlite") for name in ("manques", "indus")
    )
    early = "Posés d’avance, les" if late is not None and late.valeur else "Les"
    page.finding(
        f"{early} webhooks annoncent {heard or 'les '}{fr.integer(promised)} événements promis, "
        f"et rendent {fr.percent(float(right.valeur or 0))} des états passés",
        (
            f"Événements qu’aucun webhook n’annonce ({fr.join(mute)}) : {_counted(silent)} sur {fr.integer(silent.n)}. "
            if mute
            else ""
        )
        + (
            f"Le journal tenu par les seuls webhooks répond faux à {fr.kpi(wrong)} des questions : une version "
            "supprimée y reste en place, avec ses alias et ses étiquettes. "
            if wrong.valeur
            else "Le journal tenu par les seuls webhooks ne répond faux à aucune question. "
        )
        + (
            f"Annonces qui disent qui a agi : {_share(signed)}."
            if signed.valeur
            else f"Aucune des {fr.integer(signed.n)} annonces ne dit qui a agi."
        )
        + _stale_list(late, undue),
    )


def _stale_list(late: Kpi | None, undue: Kpi | None) -> str:
    """What a webhook just made misses, and what one just deleted still gets."""
    if late is None or undue is None or late.valeur is None or undue.valeur is None:
        return ""
    missed, got = _counted(late), _counted(undue)
    if not missed and not got:
        return (
            f" Un webhook tout juste posé annonce les {fr.integer(late.n)} événements qui suivent, "
            "un webhook supprimé n’en annonce plus aucun."
        )
    return (
        " Le serveur garde un temps la liste de ses webhooks (60 s par défaut, "
        "`MLFLOW_WEBHOOK_CACHE_TTL`), sans la relire quand elle change : juste après la pose d’un "
        f"webhook, {fr.count(missed, 'événement promis manque', 'événements promis manquent')} "
        f"sur {fr.integer(late.n)} ; juste après sa suppression, "
        f"{fr.count(got, 'événement lui est encore annoncé', 'événements lui sont encore annoncés')} "
        f"sur {fr.integer(undue.n)}."
    )


# --- remedies ----------------------------------------------------------------------


def _above(after: Kpi, before: Kpi) -> bool:
    """Is ``after`` above ``before``, intervals apart where there are any?"""
    low = after.intervalle[0] if after.intervalle else float(after.valeur or 0)
    high = before.intervalle[1] if before.intervalle else float(before.valeur or 0)
    return low > high


def remedies(kpis: Mapping[str, Kpi], backend: str, contexts_backend: str) -> None:
    """Before and after, for each remedy."""
    pairs = [
        ("journal de la base", "ancienne valeur d’un changement", f"tracabilite.changements.ancienne_magasin.{backend}", f"tracabilite.remede_journal.ancienne_magasin.{backend}"),
        ("journal de la base", "date d’un changement", f"tracabilite.changements.date_magasin.{backend}", f"tracabilite.remede_journal.date_magasin.{backend}"),
        ("journal de la base", "états passés du registre", f"tracabilite.registre.etats_passes.{backend}", f"tracabilite.registre.etats_passes_journal.{backend}"),
        ("convention d’étiquettes", "alias passés", f"tracabilite.registre.alias.{backend}", f"tracabilite.remede.convention_100.{backend}"),
        ("mandataire", "auteur d’un changement", f"tracabilite.changements.auteur_magasin.{backend}", "tracabilite.remede_mandataire.auteur_magasin.mandataire"),
        ("crochet de code", "code qui a tourné", f"tracabilite.remede.code_juste_sans.{contexts_backend}", f"tracabilite.remede.code_juste_avec.{contexts_backend}"),
    ]  # fmt: skip
    known = [
        (r, w, kpis[a], kpis[b])
        for r, w, a, b in pairs
        if a in kpis and b in kpis and kpis[b].valeur is not None
    ]
    gained = sum(_above(b, a) for _, _, a, b in known)
    false = [
        kpis.get(f"tracabilite.remede.code_faux_{n}.{contexts_backend}") for n in ("sans", "avec")
    ]
    some = fr.count(gained, "se réduit", "se réduisent") if gained else "aucun ne se réduit"
    page.finding(
        f"Les {len(known)} manques que les remèdes visent se réduisent tous"
        if gained == len(known)
        else f"Des {len(known)} manques que les remèdes visent, {some}",
        (
            f"Réponses fausses sur le code : {_share(false[0])} sans le crochet, {_share(false[1])} avec."
            if false[0] is not None and false[1] is not None
            else ""
        ),
    )
    unlike = fr.join([f"« {w} »" for _, w, a, b in known if a.n != b.n])
    page.table(
        pd.DataFrame(
            [(w, r, _share(a), _share(b)) for r, w, a, b in known],
            columns=["Ce qu’il rend", "Remède", "Sans", "Avec"],
        ),
        label="tab-remedes",
        title="Ce que rend chaque remède",
        caption=f"Avec et sans le remède, sur {stores_named(list(dict.fromkeys([backend, contexts_backend])))} ; le nombre d’essais est donné"
        + (f", il diffère pour {unlike}" if unlike else "")
        + ". Ancienne valeur, date et auteur : par l’API ou dans la base, pour tous les changements, ceux qui sont faits derrière MLflow compris. Un manque se réduit si le remède "
        "rend plus de cas ; là où les cas sont tirés au sort, nous ne le disons que si les intervalles à "
        "95 % sont disjoints : c’est une règle prudente, non un test.",
    )
    for sentence in (_discipline(kpis), _log_cost(kpis)):
        if sentence:
            page.prose(sentence)


def _discipline(kpis: Mapping[str, Kpi]) -> str:
    """What the convention still tells when some forget it."""
    stores: dict[tuple[str, str], list[str]] = {}
    slack = False
    for id, record in kpis.items():
        share, _, backend = id.removeprefix("tracabilite.remede.convention_").partition(".")
        if share == "100" or not share.isdigit():
            continue
        slack |= float(record.valeur or 0) < 1
        found = f"{_counted(record)} alias passés sur {record.n}"
        stores.setdefault((share, found), []).append(backend)
    told = [
        f"si {share} % des déplacements la suivent, {found} se retrouvent ({stores_named(backends)})"
        for (share, found), backends in stores.items()
    ]
    if not told:
        return ""
    head = (
        "La convention ne tient que par la discipline" if slack else "La convention souffre l’oubli"
    )
    return f"{head} : {' ; '.join(told)}."


def _log_cost(kpis: Mapping[str, Kpi]) -> str:
    """What the log costs where a cost is shown: where the interval of the ratio is above 1."""
    shown: dict[str, list[str]] = {}
    silent: dict[str, list[str]] = {}
    for id, record in kpis.items():
        if not id.startswith("tracabilite.remede.cout_"):
            continue
        operation, store = str(record.conditions["operation"]), store_label(id.rpartition(".")[2])
        if record.intervalle and record.intervalle[0] > 1:
            shown.setdefault(operation, []).append(f"{fr.kpi(record)} sur {store}")
        else:
            silent.setdefault(operation, []).append(store)
    free = " ; ".join(f"{o}, sur {fr.join(stores)}" for o, stores in silent.items())
    if not shown:
        return f"Aucun surcoût du journal n’est montré ({free})." if free else ""
    dear = " ; ".join(f"{o}, {fr.join(told)}" for o, told in shown.items())
    return (
        f"Durée d’une écriture avec le journal, rapportée à la durée sans lui : {dear}. "
        + (f"Aucun surcoût n’est montré ailleurs ({free})." if free else "")
    ).strip()


def account(verdicts: Sequence[Verdict]) -> str:
    """«2 confirmées, 3 nuancées…»."""
    names = [v.verdict for v in verdicts]
    return fr.join(
        [
            f"{names.count(k)} {k}{'s' if names.count(k) > 1 else ''}"
            for k in VERDICT_COLOURS
            if k in names
        ]
    )


def witnesses(verdicts: Sequence[Verdict]) -> None:
    """The reproductions of what is refuted or qualified."""
    for verdict in verdicts:
        if verdict.verdict in ("réfutée", "nuancée") and verdict.temoin:
            page.witness(verdict.temoin, title=f"Témoin de {verdict.id}.", shows=verdict.enonce)


def answer(
    kpis: Mapping[str, Kpi],
    verdicts: Sequence[Verdict],
    backend: str,
    contexts_backend: str,
    registry_backend: str,
) -> dict[str, Any]:
    """The chapter in brief."""
    right = kpis[f"tracabilite.questions.juste.{backend}"]
    false = kpis[f"tracabilite.questions.fausse.{backend}"]
    followed = kpis[f"tracabilite.changements.suivis.{backend}"]
    alias = kpis[f"tracabilite.registre.alias.{registry_backend}"]
    alone = kpis["tracabilite.transparence.seul"]
    past = kpis[f"tracabilite.registre.etats_passes.{registry_backend}"]
    lineage_kpi = kpis[f"tracabilite.registre.lignee.{registry_backend}"]
    commits = kpis[f"tracabilite.contextes.commit_faux.{contexts_backend}"]
    clean = kpis[f"tracabilite.contextes.commit_faux_valide.{contexts_backend}"]
    return {
        "question": "Peut-on suivre chaque changement, expliquer chaque modèle, et croire l’histoire ?",
        "answer": (
            f"{_origins(lineage_kpi, commits)} {_history(followed, alias)} "
            f"Sur {len(verdicts)} affirmations : {account(verdicts)}."
        ),
        "figures": [
            f"**Traçabilité des modifications** (sortes de changements faits par MLflow qui se suivent par l’API) : {_share(followed)}.",
            f"**Transparence des processus** (champs remplis dans toutes les notices) : {_share(alone)} ; "
            f"{fr.count(_counted(right), 'réponse juste', 'réponses justes')} et "
            f"{fr.count(_counted(false), 'fausse', 'fausses')} à {right.n} questions.",
            f"**Historique des versions** (états passés retrouvés) : {fr.kpi(past)}.",
        ],
        "surprise": _surprise(commits, clean),
    }


def _origins(links: Kpi, commits: Kpi) -> str:
    """Two measures that must not be taken for one: the links are there, and what they say is true."""
    n, wrong, recorded = links.n or 0, _counted(commits), commits.n or 0
    there = (
        "Chaque version mène à un run, à des données et à un commit : ces liens tiennent, tant que "
        "« mlflow gc » n’a pas purgé le run."
        if _counted(links) == n
        else f"Les liens vers un run, des données et un commit sont entiers pour {_share_of(links)}."
    )
    true = (
        "Que ce commit soit le code qui a tourné n’est pas garanti : il ne l’est pas dans "
        f"{wrong} des {recorded} contextes où MLflow en enregistre un, et rien n’en avertit."
        if wrong
        else f"Ce commit est le code qui a tourné, dans les {recorded} contextes où MLflow en enregistre un."
    )
    return f"{there} {true}"


def _share_of(links: Kpi) -> str:
    return f"{fr.count(_counted(links), 'version', 'versions')} sur {links.n}"


def _history(followed: Kpi, alias: Kpi) -> str:
    """What is kept of the changes: of every sort, then of the aliases."""
    kept, past = _counted(followed), _counted(alias)
    shares = [float(record.valeur or 0) for record in (followed, alias)]
    keeps = "garde" if min(shares) >= 0.95 else "garde en partie"
    if max(shares) < 0.5:
        keeps = "ne garde pas"
    sorts = (
        f"{kept} des {followed.n} sortes de changements faits par MLflow {'se suit' if kept == 1 else 'se suivent'}"
        if kept
        else f"aucune des {followed.n} sortes de changements faits par MLflow ne se suit"
    )
    told = (
        f"{fr.percent(shares[1])} des alias passés se retrouvent"
        if past
        else "aucun alias passé ne se retrouve"
    )
    return f"MLflow {keeps} l’histoire des changements : {sorts} (ancienne valeur, date, auteur), et {told}."


def _surprise(commits: Kpi, clean: Kpi) -> str:
    """What astonishes most in the recorded commits; the synthesis quotes it alone."""
    wrong, recorded = _counted(commits), commits.n or 0
    if clean.valeur:
        return (
            f"Valider son code ne suffit pas : dans {fr.count(_counted(clean), 'contexte')} sur les {wrong} où le "
            "commit enregistré n’est pas le code qui a tourné, tout le code était validé. Rien n’en avertit."
        )
    if wrong:
        return (
            f"Dans {wrong} des {recorded} contextes où MLflow enregistre un commit, ce commit ne contient pas "
            "le code qui a tourné, et rien n’en avertit."
        )
    return f"Aucun des {recorded} commits enregistrés n’est faux."
