"""Figures and computed sentences of chapter 4.  Takes tables and KPIs; measures nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap

from mlflow_study.evidence.records import Kpi, Verdict
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import (
    INK,
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


def stores_named(backends: Sequence[str]) -> str:
    """«fichiers, SQLite et PostgreSQL»."""
    return fr.join([store_label(name) for name in backends])


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


def contexts(table: pd.DataFrame, backend: str) -> None:
    """The finding and the grid of contexts."""
    rows = table[table["backend"] == backend]
    code = rows[rows["question"] == "code"]
    recorded = code[code["note"] != "absente"]
    wrong = code[code["note"] == "fausse"]
    if len(wrong):
        title = f"Le commit enregistré est faux dans {len(wrong)} contextes sur les {len(recorded)} où il y en a un"
        plain = wrong[wrong["famille"] != "git_model_versioning"]["libelle"].tolist()
        text = (
            f"Dans ces contextes ({' ; '.join(plain)}), MLflow écrit un commit qui ne contient pas le code "
            "exécuté, et rien n’en avertit. Un lecteur qui suit l’étiquette relance autre chose, et "
            "croit avoir reproduit."
        )
    else:
        title = f"Aucun commit faux dans les {len(recorded)} contextes où il y en a un"
        text = "Là où MLflow écrit un commit, il contient le code exécuté."
    absent = code[code["note"] == "absente"]["libelle"].tolist()
    if absent:
        text += " Ailleurs, il n’écrit aucun commit : " + " ; ".join(absent) + "."
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
    page.figure(
        _grid(shown, GRADE_COLOURS, GRADE_SIGNS, groups=families),
        label="fig-contextes",
        title=f"Neuf questions, {len(order)} façons de lancer Python",
        caption=f"{_key(GRADE_SIGNS)}. Magasin : {store_label(backend)} ; un lancement par contexte, dans un processus à lui. Un trait sépare les familles.",
        alt=(
            f"Grille de {len(order)} contextes et de neuf questions : "
            + fr.join([f"{counts.get(g, 0)} réponses notées « {g} »" for g in GRADES])
            + f". La colonne du code a {len(wrong)} réponses fausses ; celles de la machine et des arguments sont presque toutes vides."
        ),
    )


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
                "Ce que disent les étiquettes": code["reponse"].replace("", "rien"),
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
        f"À {n} questions de provenance, le magasin répond juste à {counts.get('juste', 0)}, rien à {counts.get('absente', 0)}, et faux à {counts.get('fausse', 0)}"
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
    shares = {
        c: int(((first["prov"] == c) & (first["note"] == "juste")).sum())
        / max(1, int((first["prov"] == c).sum()))
        for c in classes
    }
    worst = min(shares, key=lambda c: shares[c])
    page.figure(
        fig,
        label="fig-questions",
        title=f"Sur les « {PROV[worst]} », {fr.percent(shares[worst])} de réponses justes",
        caption=f"{_key(GRADE_SIGNS)} ; un signe sans nombre en vaut une. Classes de W3C PROV ; magasin : {store_label(backends[0])}.",
        alt=fr.join([f"classe {c} : {fr.percent(shares[c])} de réponses justes" for c in classes])
        + ".",
    )
    false = first[first["note"] == "fausse"]
    if len(false):
        page.prose(
            f"Réponse fausse, lue au mot dans l’API : {' ; '.join(false['texte'])}. "
            "La vérité vient du journal du scénario."
        )
    empty = first[first["note"] == "absente"]["texte"].tolist()
    if empty:
        page.prose("Sans réponse : " + " ; ".join(t.rstrip(" ?") for t in empty) + ".")


# --- changes -----------------------------------------------------------------------


def changes(table: pd.DataFrame, backend: str, kpis: Mapping[str, Kpi]) -> None:
    """The heat map change × what was kept."""
    rows = table[(table["backend"] == backend)].copy()
    done = rows[rows["issue"] == "accepté"]
    refused, ignored = (rows[rows["issue"] == i]["libelle"].tolist() for i in ("refusé", "ignoré"))
    who = int((done["auteur"] != "nulle part").sum())
    old = int((done["ancienne"] == "API").sum())
    mute = done[
        (done[["ancienne", "date", "auteur"]] == "nulle part").all(axis=1) & ~done["alarme"]
    ]
    author = (
        "L’auteur n’est gardé nulle part"
        if who == 0
        else f"L’auteur est gardé {fr.count(who, 'fois', 'fois')}"
    )
    page.finding(
        f"De {len(done)} sortes de changements, {old} laissent lire l’ancienne valeur, {len(mute)} ne laissent aucune trace",
        f"{author}. Se suivent tout à fait (ancienne valeur, date et auteur lisibles par l’API) : "
        f"{fr.kpi(kpis[f'tracabilite.changements.suivis.{backend}'])}."
        + (f" Refusé, donc protégé : {fr.join(refused)}." if refused else "")
        + (f" Accepté sans effet, et sans un mot : {fr.join(ignored)}." if ignored else ""),
    )
    grid = done.set_index("libelle")[["ancienne", "date", "auteur"]].copy()
    grid["signe"] = np.where(done["alarme"], "API", "nulle part")
    grid.columns = pd.Index(["ancienne valeur", "date", "auteur", "un signe"])
    page.figure(
        _grid(grid, PLACE_COLOURS, PLACE_SIGNS, groups=done["famille"].tolist(), narrow=True),
        label="fig-changements",
        title="Ce qui reste après chaque changement",
        caption=(
            "« ✓ » lisible par l’API ; « b » seulement dans la base ou les fichiers ; « ✗ » nulle part. "
            "« Un signe » : quelque chose, dans ce que montre l’API, dit qu’il y a eu changement. "
            f"Magasin : {store_label(backend)} ; chaque valeur, instant et auteur est cherché partout."
        ),
        alt=f"Grille de {len(done)} changements : l’ancienne valeur est lisible {old} fois, l’auteur {who} fois, et {len(mute)} lignes sont entièrement vides.",
    )
    if len(mute):
        page.prose(
            "Aucune trace, ni dans l’API ni dans la base : "
            + " ; ".join(mute["libelle"].tolist())
            + "."
        )


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
            said = [f"{store_label(b)} : {p}" for b, p in zip(backends, places, strict=True)]
            names = fr.join([f"« {name} »" for name in rows.index])
            parts.append(f"{label}, pour {names}. {' ; '.join(said)}.")
    if len(backends) < 2:
        page.missing("Un seul magasin est éprouvé : rien à comparer.")
        return
    if not parts:
        page.finding("Les magasins éprouvés oublient les mêmes choses")
        return
    page.finding(
        f"Passer d’un magasin à l’autre change la mémoire de {fr.count(len(changed), 'changement', 'changements')}"
    )
    page.prose(" ".join(parts))


# --- transparency ------------------------------------------------------------------


def fields(records: pd.DataFrame, classes: pd.DataFrame) -> None:
    """Which fields are filled, by way of recording."""
    counts = classes["classe"].value_counts()
    never = classes[classes["classe"] == "jamais"]["libelle"].tolist()
    page.finding(
        f"De {len(classes)} champs utiles au lecteur, {counts.get('seul', 0)} se remplissent seuls, {counts.get('demandé', 0)} si on le demande, {counts.get('jamais', 0)} jamais",
        ("Jamais remplis : " + " ; ".join(never) + "." if never else ""),
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
    filled = records.groupby("enregistrement", sort=False)["rempli"].mean()
    best = str(filled.idxmax())
    page.figure(
        fig,
        label="fig-champs",
        title=f"Le mieux rempli ({RECORDING_LABELS[best]}) l’est à {fr.percent(float(filled.max()))}",
        caption=f"● rempli dans toutes les expériences, ○ dans aucune ; n = {records.groupby(['sujet', 'enregistrement']).ngroups} expériences de la population du chapitre 3. Un trait sépare les groupes de champs.",
        alt=fr.join(
            [
                f"{RECORDING_LABELS[str(name)]} : {fr.percent(float(value))} des champs remplis"
                for name, value in filled.items()
            ]
        )
        + ".",
    )


def retrieval(table: pd.DataFrame, kpis: Mapping[str, Kpi]) -> None:
    """Time and calls of the five tasks against the size of the store."""
    wrong = int((~table["juste"]).sum())
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
    page.finding(
        f"À {fr.integer(sizes[-1])} runs, la recherche la plus longue prend {fr.duration(float(median[sizes[-1]].max()))}",
        f"{truth} (n = {fr.integer(len(table))}). La plus longue est « {slowest} » ; celle qui croît le plus, "
        f"« {steepest} », est multipliée par {fr.number(float(growth.to_numpy().max()))} quand le magasin l’est par {fr.integer(round(sizes[-1] / sizes[0]))}.",
    )
    fig, ax = new(height=3.0)
    ends = []
    for rank, (task, values) in enumerate(median.iterrows()):
        line = ("-", "--", "-.", ":", (0, (5, 1)))[rank % 5]
        ax.plot(sizes, values, marker="o", linestyle=line, color=store_colour(backend), alpha=0.9)
        ends.append((str(task), float(sizes[-1]), float(values.iloc[-1]), INK))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(sizes[0] * 0.8, sizes[-1] * 40)
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
        caption=f"Médianes au mur ; magasin : {store_label(backend)} ; n = {int(table.groupby(['backend', 'runs', 'tache']).size().min())} répétitions par point.",
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
    page.prose(f"À {fr.integer(sizes[-1])} runs : {' ; '.join(told)}.")
    _ = kpis


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


def _places(nodes: Sequence[tuple[str, str]]) -> dict[str, tuple[float, float]]:
    """Columns from effect to cause: version, model, run, what it made, what it used."""
    spine = {
        "version": (0.0, 0.0),
        "enregistrement": (0.9, -1.6),
        "modele": (1.8, 0.0),
        "run": (3.3, 0.0),
    }
    place: dict[str, tuple[float, float]] = {}
    columns: dict[float, list[str]] = {}
    for name, kind in nodes:
        head = name.partition("-")[0]
        if name in spine or head == "version":
            place[name] = spine[head]
        elif kind == "agent":
            columns.setdefault(2.5, []).append(name)
        else:
            made = head in ("metrique", "artefact")
            columns.setdefault(4.7 if made else 6.6, []).append(name)
    for x, names in columns.items():
        for rank, name in enumerate(names):
            y = 1.8 + 0.9 * rank if x == 2.5 else (len(names) - 1) / 2 - rank
            place[name] = (x, y)
    return place


def lineage(tables: Mapping[str, pd.DataFrame], backend: str) -> None:
    """The PROV graph of one version, and what PROV asked in vain."""
    part = {k: v[v["backend"] == backend] for k, v in tables.items()}
    equal = int((part["formats"]["relu"] == "égal").sum())
    broken = part["contraintes"]["contrainte"].tolist()
    gaps = part["manques"]["sorte"].value_counts()
    late = (
        " (un point de métrique ajouté après coup)" if any("metrique" in b for b in broken) else ""
    )
    rule = (
        f"Elle rompt {fr.count(len(broken), 'contrainte', 'contraintes')} de PROV : {fr.join(broken)}{late}."
        if broken
        else "Elle ne rompt aucune des contraintes vérifiées."
    )
    page.finding(
        f"Une notice complète s’exporte en PROV et se relit égale dans {equal} formats sur {len(part['formats'])}, au prix de {fr.count(int(gaps.get('deviné', 0)), 'supposition', 'suppositions')}",
        rule.replace("etude:", ""),
    )
    nodes, links = part["noeuds"], part["liens"]
    place = _places([(str(n.id), str(n.genre)) for n in nodes.itertuples()])
    fig, ax = new(height=3.8)
    for link in links.itertuples():
        arrow = {"arrowstyle": "->", "color": SOFT, "lw": 0.8, "shrinkA": 7, "shrinkB": 7}
        ax.annotate("", place[str(link.vers)], place[str(link.de)], arrowprops=arrow)
    for node in nodes.itertuples():
        shape, hue = _KIND[str(node.genre)]
        x, y = place[str(node.id)]
        ax.plot(x, y, shape, color=hue, markersize=9)
        side = (
            {"xytext": (8, 0), "ha": "left", "va": "center"}
            if x > 4
            else {"xytext": (0, 8), "ha": "center"}
        )
        ax.annotate(
            _node_label(str(node.id)), (x, y), textcoords="offset points", fontsize=8, **side
        )
    ax.axis("off")
    ax.set_xlim(-0.5, 8.2)
    ax.margins(y=0.12)
    page.figure(
        fig,
        label="fig-lignee",
        title=f"La lignée d’une version : {len(nodes)} nœuds, {len(links)} liens",
        caption="Ronds : entités ; carrés : activités ; triangles : agents. Une flèche va de l’effet vers sa cause (relations de W3C PROV). Tiré du magasin par l’API, puis du document PROV.",
        alt="De la version au modèle, du modèle au run, puis du run aux données, au code, aux paramètres et au run parent ; les métriques et l’artefact reviennent au run ; deux agents, l’auteur et MLflow.",
    )
    page.table(
        pd.DataFrame({"Manque": part["manques"]["texte"], "Sorte": part["manques"]["sorte"]}),
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
    links = tables["lignee"][tables["lignee"]["backend"] == backend]
    n = int(links["n"].iloc[0])
    page.prose(
        f"La lignée tient : des {fr.count(n, 'version vivante', 'versions vivantes')}, "
        + fr.join([f"{int(str(r.complets))} mènent à « {r.maillon} »" for r in links.itertuples()])
        + "."
    )
    access = tables["acces"][tables["acces"]["backend"] == backend]
    wide = access.groupby(["operation", "evenements"], sort=False)["temps_s"].median().unstack()
    page.table(
        wide.set_axis([f"{fr.integer(int(c))} év." for c in wide.columns], axis=1)
        .rename_axis("Opération")
        .reset_index(),
        label="tab-acces-registre",
        title="Temps d’accès au registre pendant sa vie",
        caption="Médianes au mur, selon le nombre d’événements joués.",
        formats={f"{fr.integer(int(c))} év.": fr.duration for c in wide.columns},
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
    done = table[table["issue"] == "accepté"]
    shown = int((done["auteur"] == "API").sum())
    hidden = done[done["auteur"] == "base"]["libelle"].tolist()
    forged = (table.set_index("changement")["issue"].get("auteur")) == "accepté"
    page.finding(
        f"Un serveur avec comptes montre l’auteur de {fr.count(shown, 'changement', 'changements')} sur {len(done)}",
        (
            f"La base des comptes le garde pour {fr.count(len(hidden), 'autre', 'autres')} "
            f"({fr.join(hidden)}), par le droit donné à qui crée un objet ; aucune réponse de l’API du "
            "registre ou des runs ne le dit. "
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
    missed = int(float(lost.valeur or 0))
    page.finding(
        f"Les webhooks annoncent {fr.integer(int(lost.n or 0) - missed)} des {fr.integer(int(lost.n or 0))} événements promis, "
        f"et rendent {fr.percent(float(right.valeur or 0))} des états passés",
        f"Ce qu’aucun événement n’annonce ({fr.join(mute)}) fait {fr.kpi(silent)} de la vie jouée. "
        f"Le journal tenu par les seuls webhooks répond faux à {fr.kpi(wrong)} des questions : une version "
        "supprimée y reste en place, avec ses alias et ses étiquettes. "
        f"Annonces qui disent qui a agi : {fr.kpi(signed)}.",
    )


# --- remedies ----------------------------------------------------------------------


def _above(after: Kpi, before: Kpi) -> bool:
    """Is ``after`` above ``before``, intervals apart?"""
    return bool(
        after.intervalle and before.intervalle and after.intervalle[0] > before.intervalle[1]
    )


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
    gained = [w for _, w, a, b in known if _above(b, a)]
    false = [
        kpis.get(f"tracabilite.remede.code_faux_{n}.{contexts_backend}") for n in ("sans", "avec")
    ]
    page.finding(
        f"Des {len(known)} manques que les remèdes visent, {len(gained)} se réduisent nettement",
        (
            f"Le crochet fait passer les réponses fausses sur le code de {fr.kpi(false[0])} à {fr.kpi(false[1])}."
            if false[0] is not None and false[1] is not None
            else ""
        ),
    )
    page.table(
        pd.DataFrame(
            [(w, r, fr.kpi(a), fr.kpi(b)) for r, w, a, b in known],
            columns=["Ce qu’il rend", "Remède", "Sans", "Avec"],
        ),
        label="tab-remedes",
        title="Ce que rend chaque remède",
        caption="Mêmes épreuves, avec et sans. « Nettement » : les intervalles à 95 % ne se recouvrent pas.",
    )
    slack = [
        k
        for i, k in kpis.items()
        if i.startswith("tracabilite.remede.convention_")
        and not i.startswith("tracabilite.remede.convention_100.")
    ]
    if slack:
        page.prose(
            "La convention ne tient que par la discipline : "
            + " ; ".join(f"{k.libelle} : {fr.kpi(k)}" for k in slack)
            + "."
        )
    cost = [k for i, k in kpis.items() if i.startswith("tracabilite.remede.cout_")]
    page.prose("Le journal coûte : " + " ; ".join(f"{k.libelle} : {fr.kpi(k)}" for k in cost) + ".")


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
    commits = kpis[f"tracabilite.contextes.commit_faux.{contexts_backend}"]
    alias = kpis[f"tracabilite.registre.alias.{registry_backend}"]
    lineage_kpi = kpis[f"tracabilite.registre.lignee.{registry_backend}"]
    alone = kpis["tracabilite.transparence.seul"]
    wrong, recorded = int(float(commits.valeur or 0)), int(commits.n or 0)
    followed_share, alias_share = float(followed.valeur or 0), float(alias.valeur or 0)
    holds = "tient" if float(lineage_kpi.valeur or 0) >= 0.9 else "ne tient pas toujours"
    keeps = "garde" if alias_share >= 0.95 else "ne garde pas"
    surprise = (
        f"Dans {wrong} des {recorded} contextes où MLflow enregistre un commit, ce commit ne contient pas "
        "le code qui a tourné, et rien n’en avertit."
        if wrong
        else f"Aucun des {recorded} commits enregistrés n’est faux."
    )
    return {
        "question": "Peut-on suivre chaque changement, expliquer chaque modèle, et croire l’histoire ?",
        "answer": (
            f"MLflow dit bien d’où vient un modèle : la lignée de la version au run, aux données et au commit {holds}. "
            f"Il {keeps} l’histoire des changements : {fr.percent(followed_share)} des sortes de changements se suivent "
            f"(ancienne valeur, date, auteur), et {fr.percent(alias_share)} des alias passés se retrouvent. "
            f"Sur {len(verdicts)} affirmations : {account(verdicts)}."
        ),
        "figures": [
            f"**Traçabilité des modifications** : {fr.kpi(followed)} de changements suivis par l’API.",
            f"**Transparence des processus** : {fr.kpi(alone)} de champs remplis sans qu’on le demande ; "
            f"{fr.kpi(right)} de questions bien répondues, {fr.percent(float(false.valeur or 0))} de réponses fausses.",
            f"**Historique des versions** : {fr.kpi(kpis[f'tracabilite.registre.etats_passes.{registry_backend}'])} d’états passés retrouvés.",
        ],
        "surprise": surprise,
    }
