"""Figures, tables and computed sentences of ``03_reproductibilite.ipynb``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlflow_study.evidence.records import Kpi, Verdict
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import INK, LINE, new
from mlflow_study.presentation.synthesis import day
from mlflow_study.reproducibility.vocabulary import (
    DIGEST_LABELS,
    RECORDING_LABELS,
    RECORDINGS,
    REGIMES,
    RUNGS,
    STAGE_SHORT,
    TIME_STAGES,
    VARIABLE_LABELS,
)

_RUNG_HUES = ("#b3261e", "#d98324", "#e0c04c", "#a8c686", "#4c9f70", "#00705a")
_RUNG_INK = ("#ffffff", "#1b1b1b", "#1b1b1b", "#1b1b1b", "#ffffff", "#ffffff")
ALL = (*RECORDINGS, "carnet")

Kpis = Mapping[str, Kpi]


def recording(name: str) -> str:
    return RECORDING_LABELS[name]


# --- the ladder ------------------------------------------------------------------------


Cell = tuple[str, str, str]
"""Of one cell of a grid: its hue, its text, the colour of its text."""


def _grid(rows: Sequence[str], columns: Sequence[str], cell: Any, height: float) -> tuple[Any, Any]:
    """A grid of coloured squares; ``cell(row, column)`` gives a Cell, or None for a hole."""
    from matplotlib.patches import Rectangle

    fig, ax = new(height=height)
    for row in range(len(rows)):
        for column in range(len(columns)):
            shown: Cell | None = cell(row, column)
            if shown is None:
                continue
            hue, text, ink = shown
            corner = (column - 0.46, row - 0.42)
            ax.add_patch(Rectangle(corner, 0.92, 0.84, facecolor=hue, edgecolor="none"))
            ax.text(column, row, text, ha="center", va="center", color=ink)
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xticks(range(len(columns)), columns)
    ax.set_yticks(range(len(rows)), rows)
    ax.xaxis.tick_top()
    ax.grid(False)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return fig, ax


def ladder_figure(rungs: pd.DataFrame) -> None:
    """One cell per experiment: the rung that the record alone gives."""
    alone = rungs[rungs["mode"] == "autonome"]
    subjects = list(dict.fromkeys(alone["sujet"]))
    columns = [name for name in ALL if (alone["enregistrement"] == name).any()]
    reached = alone.set_index(["sujet", "enregistrement"])["echelon"]

    def cell(row: int, column: int) -> Cell | None:
        rung = reached.get((subjects[row], columns[column]))
        return None if rung is None else (_RUNG_HUES[int(rung)], str(rung), _RUNG_INK[int(rung)])

    fig, ax = _grid(
        [_subject(alone, name) for name in subjects],
        [_wrap(recording(name)) for name in columns],
        cell,
        1.5 + 0.42 * len(subjects),
    )
    ax.tick_params(axis="x", labelsize=7.5)
    best = alone[alone["enregistrement"].isin(RECORDINGS)]
    same = int((best["echelon"] >= 2).sum())
    page.figure(
        fig,
        label="fig-echelle",
        title=f"{_of(same, len(best))} {_verb(same, 'redonne', 'redonnent')} au moins la même "
        "conclusion, à partir du seul enregistrement",
        caption="Une case par expérience ; le nombre est l’échelon atteint : "
        + " ; ".join(f"{i}, {label}" for i, label in enumerate(RUNGS))
        + ". La dernière colonne est tenue sans MLflow.",
        alt="Grille des sujets par manière d’enregistrer. "
        + " ".join(
            f"{recording(name)} : échelons "
            + ", ".join(str(int(v)) for v in alone[alone["enregistrement"] == name]["echelon"])
            + "."
            for name in columns
        ),
    )


def _wrap(text: str, width: int = 14) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _subject(rungs: pd.DataFrame, name: str) -> str:
    row = rungs[rungs["sujet"] == name].iloc[0]
    return f"{name}\n({row['nature']}, données : {row['donnees']})"


def _of(part: int, whole: int) -> str:
    return f"{fr.count(part, 'expérience')} sur {fr.integer(whole)}"


def _verb(n: int, one: str, several: str) -> str:
    return one if n < 2 else several


def ladder_funnel(kpis: Kpis) -> None:
    """Shares at each rung, per recording, with intervals."""
    rows = []
    for name in (*RECORDINGS, "mlflow", "carnet"):
        label = "toutes, avec MLflow" if name == "mlflow" else recording(name)
        row: dict[str, Any] = {"manière d’enregistrer": label}
        for key, title in (
            ("tourne", "tourne"),
            ("conclusion", "même conclusion"),
            ("metriques", "métriques au bit"),
            ("predictions", "prédictions au bit"),
        ):
            row[title] = _rate(kpis[f"reproductibilite.reussite.{key}.{name}"])
        rows.append(row)
    page.table(
        pd.DataFrame(rows),
        label="tab-entonnoir",
        title="Part des expériences qui atteignent chaque échelon",
        caption="Reproduction automatique, sans aide. Par manière : intervalle de Wilson à 95 %, comme "
        "si les sujets étaient tirés d’une population d’expériences semblables. Toutes les manières "
        "rejouent les mêmes sujets : un compte, sans intervalle.",
        row_header="manière d’enregistrer",
    )


def _rate(kpi: Kpi) -> str:
    if kpi.valeur is None or kpi.intervalle is None:
        return _part(kpi)
    low, high = kpi.intervalle
    return (
        f"{fr.percent(float(kpi.valeur))} "
        f"({fr.number(100 * low, 2)}–{fr.number(100 * high, 2)} ; n = {kpi.n})"
    )


def _part(kpi: Kpi) -> str:
    """«4 sur 20»: a share of a list that was chosen, or counted cases; no interval."""
    if kpi.valeur is None:
        return str(fr.kpi(kpi))
    hits, n = _hits(kpi)
    return f"{fr.integer(hits)} sur {fr.integer(n)}"


def population_sentence(rungs: pd.DataFrame, subjects: Sequence[str]) -> str:
    """How much of the declared population this run played, and what an interval on it is worth."""
    alone = rungs[rungs["mode"] == "autonome"]
    played, ways = alone["sujet"].nunique(), alone["enregistrement"].nunique()
    with_mlflow = int(alone["enregistrement"].isin(RECORDINGS).sum())
    told = (
        f"Cette exécution joue {fr.count(played, 'sujet')} sur {len(subjects)}, de {ways} manières : "
        f"{fr.count(with_mlflow, 'expérience')} avec MLflow, {len(alone) - with_mlflow} au cahier de laboratoire. "
    )
    if played < len(subjects):
        told += (
            "La population entière, "
            f"{fr.count(len(subjects) * len(RECORDINGS), 'expérience')} avec MLflow, est jouée par "
            "le profil standard (paramètre `sujets`). "
        )
    return told + (
        "La population est une table déclarée d’expériences, et non un tirage. Le texte s’en tient "
        "donc au compte ; dans le tableau, l’intervalle de chaque manière décrit une population dont "
        "ces sujets seraient tirés au sort, et rien d’autre."
    )


def missing_sentence(rungs: pd.DataFrame) -> str:
    """What stopped the reproductions, most frequent first."""
    alone = rungs[(rungs["mode"] == "autonome") & rungs["enregistrement"].isin(RECORDINGS)]
    short = alone[alone["echelon"] < 4]
    if short.empty:
        return "Aucune reproduction n’a été arrêtée avant des métriques identiques."
    lacks: dict[str, int] = {}
    for text in short["manque"]:
        for item in str(text).split(", "):
            if item and "versions" not in item:
                lacks[_kind(item)] = lacks.get(_kind(item), 0) + 1
    if not lacks:
        return (
            f"{_of(len(short), len(alone))} {_verb(len(short), 'n’atteint', 'n’atteignent')} pas "
            "l’identité au bit, alors que rien ne manque à l’enregistrement : le programme tire au "
            "hasard sans graine."
        )
    told = [
        f"{what} ({fr.count(n, 'fois', 'fois')})"
        for what, n in sorted(lacks.items(), key=lambda pair: -pair[1])
    ]
    return (
        f"{_of(len(short), len(alone))} {_verb(len(short), 'n’atteint', 'n’atteignent')} pas "
        f"l’identité au bit. Ce qui manque au magasin : {fr.join(told)}."
    )


def _kind(item: str) -> str:
    return "la valeur d’une option du programme" if "option" in item else item


def power_sentence(kpis: Kpis, repetitions: int) -> str:
    """What the equivalence test can show with these repetitions."""
    same, edge, far = (kpis[f"reproductibilite.equivalence.ecart_{gap}"] for gap in (0, 3, 6))
    low, high = edge.intervalle or (0.0, 1.0)
    if low > 0.05:
        error = "au-delà des 5 % nominaux, car la marge est elle-même estimée"
    elif high < 0.05:
        error = "en deçà des 5 % nominaux"
    else:
        error = "sans écart montré aux 5 % nominaux"
    power, lenient = float(same.valeur or 0), low > 0.05
    if power >= 0.95:
        strength = "Le test reconnaît presque toujours deux programmes semblables"
    elif power >= 0.8:
        strength = "Le test manque parfois deux programmes semblables"
    else:
        strength = (
            "Le test est trop faible pour conclure, et il faut plus de relances (paramètre "
            "`repetitions`)"
        )
    if lenient:
        strength += (
            " ; il admet aussi, plus souvent qu’annoncé, des programmes qui diffèrent : « même "
            "conclusion » est un échelon indulgent"
        )
    elif power < 0.95:
        strength += " : « même conclusion » est une borne basse"
    return (
        f"**Ce que peut le test d’équivalence avec {fr.count(repetitions, 'relance')}**, éprouvé "
        f"sur des tirages normaux dont la vraie différence est connue. Même loi : équivalence "
        f"conclue dans {fr.kpi(same)} des cas. Moyennes à trois écarts-types, juste sur la marge : "
        f"{fr.kpi(edge)}, {error}. À six écarts-types : {fr.kpi(far)}. {strength}."
    )


def managers_sentence(managers: pd.DataFrame) -> None:
    """Which environment managers of ``mlflow run`` were tried, and why the others were not."""
    tried = managers[managers["reussi"].notna()]
    for _, row in tried.iterrows():
        outcome = (
            "refait l’environnement demandé par le projet, et le programme y tourne"
            if row["reussi"]
            else f"échoue : {_verbatim(str(row['motif']))}"
        )
        page.prose(f"`mlflow run --env-manager {row['gestionnaire']}` {outcome}.")
    left = managers[managers["reussi"].isna()]
    absent = [_absent(row) for _, row in left.iterrows() if row["absents"]]
    told = [f"`{r['gestionnaire']}`, {r['motif']}" for _, r in left.iterrows() if not r["absents"]]
    if absent:
        verb = _verb(len(absent), "est introuvable", "sont introuvables")
        told.append(f"{fr.join(absent)} {verb} sur le `PATH`")
    if told:
        page.missing(f"Gestionnaires d’environnement de `mlflow run` : {' ; '.join(told)}.")


def _absent(row: pd.Series[Any]) -> str:
    """The programs that a manager lacks; the manager itself, where it is the only one."""
    name, lacks = str(row["gestionnaire"]), str(row["absents"]).split(", ")
    if lacks == [name]:
        return f"`{name}`"
    return f"{fr.join([f'`{lack}`' for lack in lacks])} (pour `{name}`)"


def effort_table(kpis: Kpis) -> None:
    rows = []
    for name in ALL:
        row: dict[str, Any] = {"manière d’enregistrer": recording(name)}
        for key, title in (
            ("commandes", "commandes"),
            ("decisions", "décisions"),
            ("faits", "faits cherchés ailleurs"),
        ):
            row[title] = fr.number(kpis[f"reproductibilite.effort.{key}.{name}"].valeur, 2)
        for key, title in (("preparation", "préparation"), ("execution", "exécution")):
            row[title] = fr.duration(kpis[f"reproductibilite.effort.{key}.{name}"].valeur, 2)
        row["n"] = kpis[f"reproductibilite.effort.faits.{name}"].n
        rows.append(row)
    page.table(
        pd.DataFrame(rows),
        label="tab-effort",
        title="Effort moyen pour refaire une expérience, aide comprise",
        caption="Moyennes par expérience ; durées médianes, hors temps de lecture d’une personne.",
        row_header="manière d’enregistrer",
    )


def effort(kpis: Kpis) -> None:
    """What a reproduction costs: the finding, then the table."""
    facts = {
        name: float(kpis[f"reproductibilite.effort.faits.{name}"].valeur or 0)
        for name in (*RECORDINGS, "carnet")
    }
    best, worst = min(RECORDINGS, key=facts.__getitem__), max(RECORDINGS, key=facts.__getitem__)
    text = ""
    if facts[best] == facts[worst]:
        title = "Toutes les manières demandent autant de faits cherchés hors du magasin"
    else:
        title = (
            f"« {recording(best)} » demande le moins de faits cherchés hors du magasin, "
            f"« {recording(worst)} » le plus"
        )
        text = (
            "Faits cherchés hors du magasin, par expérience, aide comprise : "
            f"{fr.number(facts[best], 2)} contre {fr.number(facts[worst], 2)} ; pour le cahier de "
            f"laboratoire, sans MLflow, {fr.number(facts['carnet'], 2)}."
        )
    page.finding(title, text)
    effort_table(kpis)


def fields_figure(fields: pd.DataFrame) -> None:
    """Variables × recordings: do the runs hold each one?"""
    seeded = int((fields["variable"] == "graine").sum())
    fields = fields.assign(variable=fields["variable"].replace(VARIABLE_LABELS))
    wide = fields.pivot_table(
        index=["groupe", "variable"], columns="enregistrement", values="present", sort=False
    )[list(RECORDINGS)]
    shares = wide.to_numpy(dtype=float)
    words = {1.0: ("oui", 5), 0.0: ("non", 0)}

    def cell(row: int, column: int) -> Cell | None:
        share = shares[row, column]
        if np.isnan(share):
            return None
        text, rung = words.get(float(share), ("parfois", 2))
        return _RUNG_HUES[rung], text, _RUNG_INK[rung]

    names = [str(name) for name in wide.index.get_level_values("variable")]
    groups = [str(group) for group in wide.index.get_level_values("groupe")]
    variables = [f"{name} ({group})" for name, group in zip(names, groups, strict=True)]
    held = np.nan_to_num(shares).any(axis=1)
    never = [name for name, some in zip(names, held, strict=True) if not some]
    always = int((np.isnan(shares) | (shares == 1)).all(axis=1).sum())
    page.finding(
        f"De {len(wide)} variables, {always or 'aucune'} "
        f"{_verb(always, 'est dans tous les runs', 'sont dans tous les runs')}, "
        f"{len(never) or 'aucune'} {_verb(len(never), 'n’est', 'ne sont')} dans aucun"
    )
    fig, ax = _grid(
        variables, [_wrap(recording(n)) for n in wide.columns], cell, 1.2 + 0.27 * len(wide)
    )
    ax.tick_params(axis="x", labelsize=7.5)
    page.figure(
        fig,
        label="fig-variables",
        title=f"Aucune manière n’enregistre : {fr.join(never)}"
        if never
        else "Chaque variable est enregistrée par au moins une manière",
        caption="Variables tirées d’une grille publiée [@gundersen2018]. « oui » : dans tous les runs ; "
        "« parfois » : dans une partie ; « non » : dans aucun, tel que ces programmes enregistrent. "
        f"n = {fields['experience'].nunique()} runs.{_seedless(fields, seeded)} L’étiquette, le texte "
        "ou le fichier libres permettent d’y mettre toutes ces variables à la main.",
        alt="Grille des variables par manière d’enregistrer. "
        + " ".join(
            f"{recording(name)} enregistre toujours {int((wide[name] == 1).sum())} variables "
            f"sur {int(wide[name].notna().sum())}."
            for name in wide.columns
        ),
    )


def _seedless(fields: pd.DataFrame, seeded: int) -> str:
    """Which runs the line of the seed leaves out."""
    if not 0 < seeded < fields["experience"].nunique():
        return ""
    return (
        f" Les programmes sans graine sont écartés de la ligne « graine » (n = {seeded}), comme au "
        "chapitre de la traçabilité."
    )


def _worst(ablation: pd.DataFrame) -> pd.DataFrame:
    """Of each removal, the row of the subject that is left the lowest."""
    table = ablation.reset_index(drop=True)
    lowest = table.groupby("retire", sort=False)["echelon"].idxmin()
    return table.loc[lowest].set_index("retire")


def ablation_table(table: pd.DataFrame) -> None:
    shown = _worst(table)
    reference = int(shown["echelon"].to_numpy()[0])
    rows: list[dict[str, Any]] = [
        {
            "on retire": label,
            "échelon restant": f"{int(row['echelon'])} – {RUNGS[int(row['echelon'])]}",
            "perte": reference - int(row["echelon"]),
            "ce que dit le reproducteur": str(row["manque"]) or "rien ne manque",
        }
        for label, row in shown.iterrows()
    ]
    lost = [r for r in rows if r["perte"] > 0]
    page.table(
        pd.DataFrame(rows),
        label="tab-ablation",
        title=f"{fr.count(len(lost), 'élément')} sur {len(rows) - 1} "
        f"{_verb(len(lost), 'fait', 'font')} perdre au moins un échelon",
        caption=_ablated(table),
        row_header="on retire",
    )


def _ablated(table: pd.DataFrame) -> str:
    """Which programs were recorded, and which of their rungs is shown."""
    subjects = table.drop_duplicates("sujet")
    names = fr.join(
        [f"{r['sujet']} ({r['nature']}, données : {r['donnees']})" for _, r in subjects.iterrows()]
    )
    if len(subjects) == 1:
        return f"Enregistrement soigné d’un programme : {names}."
    return (
        f"Enregistrement soigné de {len(subjects)} programmes : {names} ; l’échelon est le plus "
        "bas de tous."
    )


_ANSI = re.compile(r"\x1b\[[0-9;]*m")
"""The colours of a terminal, which a tool may put in its own words."""
_QUOTED = re.compile(r" \(`(.*)`\)", re.DOTALL)
"""The words of a tool behind a reason in French."""
_ASKS = re.compile(r"([\w.-]+==[\w.]+) depends on (Python[<>=!~]+[\w.]+)")


def _verbatim(text: str) -> str:
    """A program's own words, as code: they keep their own language and typography."""
    return f"`{_ANSI.sub('', text).replace('`', chr(39))}`"


def _motive(text: str) -> str:
    """A reason in French: of a resolver's words, only which package asks for which Python."""
    quoted = _QUOTED.search(text)
    if quoted is None:
        return _ANSI.sub("", text)
    asks = _ASKS.search(_ANSI.sub("", quoted[1]))
    short = f" (`{asks[1]}` demande `{asks[2]}`)" if asks else ""
    return text.replace(quoted[0], short)


def factors_table(table: pd.DataFrame) -> None:
    """What was tried; then, in words, what was not, and why."""
    played = table[table["motif"] == ""]
    page.table(
        pd.DataFrame(
            [
                {
                    "facteur changé": row["facteur"],
                    "résultat": f"change : {fr.number(row['ecart'], 2)}"
                    if row["bouge"]
                    else "identique au bit",
                    "trace dans l’enregistrement": str(row["remarque"]).replace("jeu 0 ", "")
                    or "aucune",
                }
                for _, row in played.iterrows()
            ]
        ),
        label="tab-facteurs",
        title=factors_title(table),
        caption="Un modèle linéaire et un petit réseau sur 12 000 lignes, graine fixée ; "
        "comparaison au bit avec l’exécution témoin. Le nombre est l’écart relatif de la perte ; "
        "nul, la perte est la même et les prédictions changent.",
        row_header="facteur changé",
    )
    for reason, group in table[table["motif"] != ""].groupby("motif", sort=False):
        names = fr.join([str(name) for name in group["facteur"]])
        page.missing(f"{names[0].upper()}{names[1:]} : {_motive(str(reason))}.")


def factors_title(table: pd.DataFrame) -> str:
    played = table[table["motif"] == ""]
    moved = played[played["bouge"].astype(bool)]
    silent = moved[moved["silence"].astype(bool)]
    if moved.empty:
        return "Aucun des facteurs éprouvés ne change le résultat"
    if silent.empty:
        return "Tout changement de résultat laisse une trace dans l’enregistrement"
    names = fr.join([str(f) for f in silent["facteur"]])
    if len(moved) == 1:
        return f"Le seul facteur qui change le résultat le fait sans laisser de trace : {names}"
    return (
        f"Sur {len(moved)} facteurs qui changent le résultat, {len(silent)} "
        f"{_verb(len(silent), 'le fait', 'le font')} sans laisser de trace : {names}"
    )


def moved_sentence(table: pd.DataFrame) -> None:
    """A whole store moved to another folder: what is still found."""
    kept = [str(c) for c in table[table["retrouvee"].astype(bool)]["chose"]]
    lost = [str(c) for c in table[~table["retrouvee"].astype(bool)]["chose"]]
    if not lost:
        page.prose("Le magasin déménagé dans un autre dossier rend tout ce qu’il contenait.")
        return
    page.prose(
        f"Le magasin déménagé dans un autre dossier rend encore : {fr.join(kept)}. "
        f"Il ne rend plus : {fr.join(lost)}. L’adresse des artefacts est absolue, et fixée à la "
        "création de l’expérience."
        if kept
        else "Le magasin déménagé dans un autre dossier ne rend plus rien."
    )


# --- digests ---------------------------------------------------------------------------


def digest_figure(mutations: pd.DataFrame) -> None:
    """Missed share per kind of mutation and size of table."""
    tables = mutations[(mutations["forme"] == "table") & mutations["contenu_change"]]
    kinds = list(dict.fromkeys(tables["mutation"]))
    sizes = sorted(tables["taille"].unique())
    missed = 1.0 - tables.groupby(["mutation", "taille"])["empreinte_change"].mean()

    def cell(row: int, column: int) -> Cell:
        share = float(missed[kinds[row], sizes[column]])
        rung = {0.0: 5, 1.0: 0}.get(share, 1)
        return _RUNG_HUES[rung], fr.percent(share, 2), _RUNG_INK[rung]

    fig, _ = _grid(
        kinds, [f"{fr.integer(int(s))} lignes" for s in sizes], cell, 0.9 + 0.33 * len(kinds)
    )
    blind = [
        kind
        for kind in kinds
        if not tables[(tables["mutation"] == kind) & (tables["taille"] < 10_000)][
            "empreinte_change"
        ].any()
    ]
    title = (
        f"L’empreinte ne voit jamais, même sur une petite table : {fr.join(blind)}"
        if blind
        else "L’empreinte voit toutes les sortes de changement sur une petite table"
    )
    page.figure(
        fig,
        label="fig-empreinte",
        title=title,
        caption="Part des changements de contenu que l’empreinte ne voit pas ; "
        f"n = {len(tables) // max(1, len(kinds) * len(sizes))} tirages par case.",
        alt="Grille des sortes de changement par taille de table. "
        + " ".join(
            f"{kind} : "
            + ", ".join(fr.percent(float(missed[kind, size]), 2) for size in sizes)
            + " non vus."
            for kind in kinds
        ),
    )


def digest_sentence(kpis: Kpis, mutations: pd.DataFrame) -> str:
    parts = [
        f"{label} : {_part(kpis[f'reproductibilite.empreinte.taux_manque.{key}'])} non vus"
        for key, label in DIGEST_LABELS.items()
        if key != "contenu_inchange"
    ]
    alarms = kpis["reproductibilite.empreinte.fausses_alertes"]
    collision = kpis["reproductibilite.empreinte.collision"]
    text = " ; ".join(parts)
    text = (
        f"{text[0].upper()}{text[1:]}. "
        f"Fausses alertes (contenu inchangé, empreinte changée) : {_part(alarms)}"
        f"{_alarmed(mutations)}. Ces comptes suivent le nombre de tirages prévu par sorte et par "
        "taille : ce ne sont pas des fréquences d’usage. "
    )
    if collision.valeur is None:
        return text + f"Aucune collision en {fr.integer(collision.n or 0)} essais."
    return (
        text + "La plus petite collision trouvée tient en une case : deux tableaux d’un seul "
        f"nombre ont la même empreinte après {fr.integer(int(collision.valeur))} essais."
    )


def _alarmed(mutations: pd.DataFrame) -> str:
    """Which ways of writing the same content again move the digest, and how often each."""
    same = mutations[~mutations["contenu_change"].astype(bool)]
    alarms = same["empreinte_change"].astype(bool).groupby(same["mutation"], sort=False)
    kinds = [
        f"« {kind} » ({hits} sur {n})"
        for kind, hits, n in zip(alarms.groups, alarms.sum(), alarms.size(), strict=True)
        if hits
    ]
    return f", toutes dues à {fr.join(kinds)}" if kinds else ""


# --- models ----------------------------------------------------------------------------


def formats_table(formats: pd.DataFrame) -> None:
    """The models that the default format refuses; the others in a sentence."""
    default = formats[formats["format"] == "défaut"]
    saved = default["enregistre"].astype(bool)
    refused, accepted = default[~saved], default[saved]
    same = int(accepted["memes_bits"].sum())
    page.finding(
        formats_title(len(refused), len(default)),
        f"`mlflow.sklearn.save_model(modele, chemin)`, sans autre option, accepte "
        f"{fr.count(len(accepted), 'modèle')} ; {fr.integer(same)} "
        f"{'rend' if same == 1 else 'rendent'} les mêmes bits après rechargement.",
    )
    if refused.empty:
        return
    pickled = formats[formats["format"] == "cloudpickle"].set_index("modele")["memes_bits"]
    rows = [
        {
            "type que le format refuse": types,
            "modèles": ", ".join(group["modele"]),
            "en cloudpickle, mêmes bits": bool(pickled[list(group["modele"])].all()),
        }
        for types, group in refused.groupby(refused["refus"].map(_types), sort=False)
    ]
    page.table(
        pd.DataFrame(rows),
        label="tab-formats",
        title="Les modèles refusés, selon le type qui gêne",
        caption="Types que `skops` ne tient pas pour sûrs ; deux au plus sont nommés.",
        row_header="type que le format refuse",
    )


def formats_title(refused: int, n: int) -> str:
    if refused == 0:
        return f"Le format par défaut accepte les {n} modèles scikit-learn éprouvés"
    return f"Le format par défaut refuse {fr.count(refused, 'modèle')} scikit-learn sur {n}"


def _types(refusal: str) -> str:
    import re

    found = re.findall(r"'([\w.]+)'", refusal)
    return ", ".join(name.rsplit(".", 1)[-1] for name in found[:2]) if found else "aucun"


def inputs_table(inputs: pd.DataFrame) -> None:
    """One row per outcome: the ways of handing the same table over that lead to it."""

    def told(row: Any) -> str:
        if row.issue != "acceptée, autres valeurs":
            return str(row.entree)
        return f"{row.entree} (écart relatif : {fr.number(row.ecart, 2)})"

    rows = [
        {"issue": issue, "la même table, présentée": " ; ".join(map(told, group.itertuples()))}
        for issue, group in inputs.groupby("issue", sort=True)
    ]
    page.table(
        pd.DataFrame(rows),
        label="tab-entrees",
        title=inputs_title(inputs),
        caption=f"Modèle linéaire avec signature, appelé par `mlflow.pyfunc` ; {len(inputs)} formes."
        + (
            " Les colonnes de dates vont à un modèle à part."
            if inputs["entree"].str.contains("dates").any()
            else ""
        ),
        row_header="issue",
    )


def inputs_title(inputs: pd.DataFrame) -> str:
    same = inputs[inputs["entree"] == "identique"]["issue"].iloc[0]
    refused = int((inputs["issue"] == "refusée").sum())
    start = f"La signature refuse {fr.count(refused, 'forme')} d’entrée sur {len(inputs)}"
    if same == "acceptée, mêmes bits":
        return start + " ; la table d’origine rend les mêmes bits"
    return start + " ; même la table d’origine rend d’autres derniers bits"


def requirements_sentence(requirements: pd.DataFrame, local: pd.DataFrame) -> str:
    n, exact = len(requirements), int(requirements["exacte"].sum())
    text = (
        f"MLflow infère {fr.count(n, 'exigence')} pour "
        f"{fr.count(requirements['modele'].nunique(), 'modèle')}, dont {exact} "
        "à la version installée. "
    )
    judged = requirements.dropna(subset=["utile"])
    if len(judged):
        useless = sorted({str(v) for v in judged[~judged["utile"].astype(bool)]["exigence"]})
        text += (
            f"Sans effet sur le rechargement : {fr.join(useless)}. "
            if useless
            else "Chacune est nécessaire au rechargement. "
        )
        enough = requirements.dropna(subset=["suffisant"]).drop_duplicates("modele")
        good = int(enough["suffisant"].astype(bool).sum())
        text += (
            f"Un environnement neuf fait de cette seule liste suffit pour "
            f"{fr.count(good, 'modèle')} sur {len(enough)}. "
        )
    without = local[local["enregistrement"] == "sans code_paths"].iloc[0]
    with_code = local[local["enregistrement"] == "avec code_paths"].iloc[0]
    if not without["charge"] and with_code["memes"]:
        return text + (
            "Le module du projet n’en fait pas partie : le modèle qui en a besoin s’enregistre "
            "sans erreur et ne se recharge pas, sauf si `code_paths` le nomme."
        )
    return text + (
        "Un modèle qui utilise un module du projet "
        + ("se recharge" if without["charge"] else "ne se recharge pas")
        + " sans `code_paths`, "
        + ("se recharge" if with_code["charge"] else "ne se recharge pas")
        + " avec."
    )


def projects_table(table: pd.DataFrame) -> None:
    rows = [
        {
            "adresse donnée à mlflow run": r["forme"],
            "le projet tourne": bool(r["lance"]),
            "version de travail déplacée": bool(r["tete_deplacee"]),
            "fichiers ajoutés": str(r["ajouts"]) or "aucun",
            "se clone encore": bool(r["clonable"]),
        }
        for _, r in table.iterrows()
    ]
    page.table(
        pd.DataFrame(rows),
        label="tab-depots",
        title=projects_title(table),
        caption="`mlflow run ADRESSE -v COMMIT` sur un dépôt de la machine ; état avant et après.",
        row_header="adresse donnée à mlflow run",
    )


def projects_title(table: pd.DataFrame) -> str:
    altered = int(table["altere"].sum())
    if altered == 0:
        return "« mlflow run » laisse intact un dépôt local"
    broken = int((~table["clonable"].astype(bool)).sum())
    text = f"« mlflow run » modifie le dépôt local dans {fr.count(altered, 'cas', 'cas')} sur {len(table)}"
    if broken == 0:
        return text
    what = "rendu impossible" if broken == 1 else "rendus impossibles"
    return f"{text}, dont {broken} {what} à cloner"


# --- through time ----------------------------------------------------------------------


def provenance(context: pd.DataFrame, stages: pd.DataFrame) -> str:
    """When and where the recorded pass was made, and over how many releases."""
    row = context.iloc[0]
    machine = json.loads(row["machine"])
    return (
        f"**Preuve enregistrée** le {day(row['date'])}, non mesurée dans cette exécution : "
        f"{machine['processeur']}, {machine['coeurs']} cœurs, {machine['systeme']}, "
        f"Python {machine['python']} ; {fr.integer(stages['release'].nunique())} versions de "
        f"MLflow en {fr.duration(row['duree_s'], 2)}."
    )


def releases_figure(wide: pd.DataFrame, label: str, when: str) -> None:
    """Release × stage: reached or not, for each way of coming back."""
    columns = [
        (regime, stage)
        for regime in ("origine", "jour", "actuel", "present", "migre")
        for stage in TIME_STAGES
        if _has(wide, regime, stage)
    ]
    ordered = wide.sort_index(level="publication", key=pd.to_datetime)

    def cell(row: int, column: int) -> Cell:
        reached = bool(ordered.iloc[row][columns[column]])
        return (_RUNG_HUES[5], "", "#ffffff") if reached else (_RUNG_HUES[0], "×", "#ffffff")

    fig, ax = _grid(
        [f"{r} ({d[:7]})" for r, d, _ in ordered.index],
        [STAGE_SHORT[stage] for _, stage in columns],
        cell,
        1.9 + 0.24 * len(ordered),
    )
    ax.xaxis.tick_bottom()
    ax.tick_params(axis="x", labelrotation=90)
    start = 0
    for regime in dict.fromkeys(r for r, _ in columns):
        width = sum(r == regime for r, _ in columns)
        ax.text(
            start + width / 2 - 0.5,
            -0.75,
            _wrap(_regime(regime)),
            ha="center",
            va="bottom",
            fontsize=8,
            color=INK,
        )
        ax.axvline(start - 0.5, color=LINE, lw=1.5)
        start += width
    page.figure(
        fig,
        label=label,
        title=releases_title(wide),
        caption=f"{when} Vert : l’étape réussit ; × : elle échoue ou n’a pu être tentée. "
        "« métriques au bit » : l’entraînement aboutit, et ses métriques sont celles d’origine ; "
        "« enregistrement » : MLflow garde en outre le run et ses modèles.",
        alt="Grille des versions de MLflow par étape. "
        + " ".join(
            f"{_regime(r)}, {TIME_STAGES[s]} : {int(ordered[(r, s)].sum())} sur {len(ordered)}."
            for r, s in columns
        ),
    )


def releases_title(wide: pd.DataFrame) -> str:
    """With today's versions: for how many releases training gives the same, and MLflow keeps it."""
    same, kept = (
        int(wide[("actuel", stage)].sum()) if _has(wide, "actuel", stage) else 0
        for stage in ("métriques identiques", "executer")
    )
    start = "Avec les versions d’aujourd’hui, "
    if not same and not kept:
        return f"{start}l’expérience ne tourne pour aucune des {len(wide)} versions de MLflow"
    trained = (
        f"{start}l’entraînement redonne les mêmes métriques pour "
        f"{fr.count(same, 'version')} de MLflow sur {len(wide)}"
    )
    if kept == same:
        return f"{trained}, et MLflow l’enregistre"
    if kept > same:
        return f"{trained} ; MLflow l’enregistre pour {kept}"
    return (
        f"{trained} ; MLflow ne l’enregistre que pour {kept}"
        if kept
        else (f"{trained} ; MLflow ne l’enregistre pour aucune")
    )


def present_sentence(stages: pd.DataFrame) -> str:
    """The experiment run again by this study's own MLflow: is it kept, are its metrics the same?"""
    n = stages["release"].nunique()

    def reached(regime: str, stage: str) -> int:
        rows = stages[(stages["regime"] == regime) & (stages["etape"] == stage)]
        return int((rows["reussi"] == True).sum())  # noqa: E712

    kept, same, near = (
        reached("present", stage)
        for stage in ("executer", "métriques identiques", "métriques proches")
    )
    if not kept:
        return f"MLflow d’aujourd’hui ne rejoue l’expérience d’aucune des {n} versions."
    text = (
        "Rejouée par MLflow d’aujourd’hui, avec les bibliothèques de cette étude, l’expérience tourne "
        f"et s’enregistre pour {fr.count(kept, 'version')} sur {n}. "
    )
    if same == n:
        return f"{text}Ses métriques sont partout celles d’origine, au bit près."
    rows = stages[(stages["regime"] == "present") & (stages["etape"] == "métriques proches")]
    gap = rows["detail"].str.extract(r"écart (\S+)")[0].astype(float).max()
    then = reached("jour", "métriques identiques")
    return (
        f"{text}Ses métriques sont celles d’origine, au bit près, pour {same or 'aucune'} ; à 10⁻⁶ "
        f"près, pour {near or 'aucune'}. Le plus grand écart est de {fr.number(gap, 2)}. Avec les "
        f"versions d’époque, elles reviennent au bit pour {fr.count(then, 'version')} sur {n}."
    )


def _has(wide: pd.DataFrame, regime: str, stage: str) -> bool:
    return any(tuple(column) == (regime, stage) for column in wide.columns)


def _regime(name: str) -> str:
    return "à l’origine" if name == "origine" else REGIMES[name]


def causes_table(stages: pd.DataFrame) -> None:
    """The first error of each release and regime, most frequent first."""
    failed = stages[
        (stages["reussi"] == False)  # noqa: E712
        & stages["etape"].isin(["environnement", "importer", "ouvrir", "charger foret", "executer"])
        & (stages["regime"] != "origine")
    ].copy()
    if failed.empty:
        page.prose("Aucune étape n’a échoué.")
        return
    failed["cause"] = failed["detail"].map(_cause)
    first = failed.drop_duplicates(["release", "regime"])
    grouped = first.groupby(["regime", "cause"])["release"].agg(list).reset_index()
    grouped["n"] = grouped["release"].map(len)
    rows = [
        {
            "manière de revenir": _regime(str(r["regime"])),
            "première erreur": r["cause"],
            "versions de MLflow": ", ".join(r["release"]),
        }
        for _, r in grouped.sort_values("n", ascending=False).iterrows()
    ]
    page.table(
        pd.DataFrame(rows),
        label="tab-changements-echecs",
        title="Ce qui arrête le retour, et pour quelles versions",
        caption="Première étape en échec de chaque version.",
        row_header="manière de revenir",
    )


def _cause(detail: str) -> str:
    return _verbatim(detail.split("\n")[0].split(" - ")[0][:110].rstrip(" :"))


def age_sentence(kpis: Kpis) -> str:
    parts = []
    for years in (1, 2, 3):
        kpi = kpis.get(f"reproductibilite.temps.apres_{years}_ans")
        if kpi is not None:
            parts.append(f"{years} an{'s' if years > 1 else ''} : {_part(kpi)}")
    return (
        "Expériences que MLflow enregistre encore avec les versions d’aujourd’hui, selon leur âge "
        f"minimal : {fr.join(parts)}."
        if parts
        else "Aucune version éprouvée n’a un an."
    )


def changed_sentence(kpis: Kpis, stages: pd.DataFrame) -> str:
    """Old models that load today and predict something else."""
    forest = kpis["reproductibilite.temps.predictions_changees.foret"]
    linear = kpis["reproductibilite.temps.predictions_changees.lineaire"]
    if forest.valeur is None or linear.valeur is None:
        return "Aucun vieux modèle n’a pu être rechargé."
    changed = int(forest.valeur) + int(linear.valeur)
    loaded = int(forest.n or 0) + int(linear.n or 0)
    if changed == 0:
        return (
            f"Les {fr.integer(loaded)} vieux modèles qui se rechargent aujourd’hui prédisent comme "
            "à l’origine, à 10⁻⁶ près."
        )
    return (
        f"Sur {fr.integer(loaded)} vieux modèles qui se rechargent aujourd’hui, "
        f"{fr.integer(changed)} {'prédit' if changed == 1 else 'prédisent'} **autre chose** "
        f"(écart de plus de 10⁻⁶) : {fr.count(int(forest.valeur), 'forêt')} et "
        f"{fr.count(int(linear.valeur), 'modèle linéaire', 'modèles linéaires')}. "
        + (f"Pour les forêts, {_gap(kpis)}. {_counts(kpis)}" if forest.valeur else "")
        + (
            "scikit-learn n’en dit qu’un avertissement de version."
            if _warned(stages)
            else "Aucun avertissement de version n’est entendu."
        )
    )


def _warned(stages: pd.DataFrame) -> bool:
    """Did any old model warn of its version when today's MLflow loaded it?"""
    loaded = stages[(stages["regime"] == "migre") & stages["etape"].str.startswith("charger")]
    return bool(loaded["detail"].str.contains("InconsistentVersionWarning").any())


def _gap(kpis: Kpis) -> str:
    """The largest difference between the probabilities of an old forest, then and now."""
    gap = float(kpis["reproductibilite.temps.ecart_predictions.foret"].valeur or 0)
    beyond = (
        ", alors qu’une probabilité ne dépasse pas 1. La forêt rechargée rend des nombres d’exemples : "
        "le défaut est dans le format binaire de scikit-learn, et MLflow recharge sans refuser"
    )
    return (
        "l’écart entre les probabilités d’origine et celles d’aujourd’hui atteint "
        f"{fr.number(gap)}{beyond if gap > 1 else ''}"
    )


def _counts(kpis: Kpis) -> str:
    """Why probabilities are beyond 1, where they are: read in scikit-learn's source."""
    if float(kpis["reproductibilite.temps.ecart_predictions.foret"].valeur or 0) <= 1:
        return ""
    return (
        "Jusqu’à scikit-learn 1.3, une feuille gardait le nombre d’exemples de chaque classe, et "
        "`predict_proba` le divisait par leur total ; depuis, elle garde la proportion, et "
        "`predict_proba` la rend telle quelle. "
    )


def live_sentence(live: pd.DataFrame, recorded: pd.DataFrame) -> str:
    """Do the releases played in this run agree with the recorded evidence?"""
    keys = ["release", "regime", "etape"]
    both = live.merge(recorded, on=keys, suffixes=("", "_avant"))
    both = both[both["etape"].isin(TIME_STAGES)]
    same = int((both["reussi"] == both["reussi_avant"]).sum())
    names = fr.join(sorted(live["release"].unique()))
    text = (
        f"Rejouées en direct dans cette exécution : {names}. Sur {fr.integer(len(both))} étapes "
        f"comparables à la preuve enregistrée, {fr.integer(same)} donnent la même issue."
    )
    if same == len(both):
        return text
    changed = both[both["reussi"] != both["reussi_avant"]]
    cases = [f"{r.release}, {_regime(str(r.regime))}, {r.etape}" for r in changed.itertuples()]
    return f"{text} Changent : {'; '.join(cases)}."


# --- verdicts ---


def show_witnesses(verdicts: Sequence[Verdict]) -> None:
    """The witness of each claim that does not hold as it stands."""
    shown = [v for v in verdicts if v.temoin and v.verdict in ("réfutée", "nuancée")]
    if shown:
        page.prose(
            "La dernière ligne de chaque témoin commence par REFUTE quand le défaut est là, par "
            "CONFIRME quand il n’y est plus."
        )
    for verdict in shown:
        page.witness(verdict.temoin or "", title=f"Témoin de {verdict.id}.", shows=verdict.enonce)


# --- the recipe ------------------------------------------------------------------------


def recipe(kpis: Kpis, ablation: pd.DataFrame) -> None:
    """«Ce qu'il faut enregistrer pour être rejouable»: each line with the loss it avoids."""
    rungs, played = _worst(ablation)["echelon"], ablation["sujet"].nunique()

    def left(removed: str) -> str:
        rung = int(rungs[removed])
        if rung >= rungs["rien (témoin)"]:
            return "aucune perte : le reste de l’enregistrement y supplée"
        at_worst = "au pire, " if played > 1 else ""
        return f"{at_worst}échelon {rung} sur 5, {RUNGS[rung]} ({fr.count(played, 'sujet')})"

    unread = kpis["reproductibilite.empreinte.taux_manque.dates_booleens_textes_a_trous"]
    refused = kpis["reproductibilite.modele.refuses.defaut"]
    today = kpis["reproductibilite.temps.executer.actuel"]
    day = kpis["reproductibilite.temps.executer.jour"]
    local = kpis["reproductibilite.modele.module_local.sans_code_paths"]
    moved = kpis["reproductibilite.facteurs.magasin_deplace"]
    lines = [
        (
            "Le code, validé et poussé avant de lancer, et l’adresse du dépôt",
            "`git push` avant `python train.py`",
            left("le code et l’adresse du dépôt"),
        ),
        (
            "La différence au commit, ou refuser un dépôt modifié",
            "`mlflow.log_text(diff, 'code/diff.patch')`",
            _factor_loss(kpis["reproductibilite.facteurs.code_non_valide"]),
        ),
        ("Le commit", "étiquette automatique dans un dépôt Git", left("le commit")),
        ("Le nom du programme", "étiquette automatique", left("le nom du programme")),
        (
            "Tous les arguments, graine comprise",
            "`mlflow.log_params(vars(args))`",
            f"sans la graine : {left('la graine')} ; sans un hyperparamètre : "
            f"{left('un hyperparamètre')}",
        ),
        (
            "Les données, ou une adresse durable",
            "`mlflow.log_artifact(chemin, 'data')`",
            left("les données"),
        ),
        (
            "Le SHA-256 du fichier de données, en plus de l’empreinte de MLflow",
            "`mlflow.set_tag('data.sha256', …)`",
            f"changements de dates, booléens et textes à trous non vus : {_part(unread)}",
        ),
        (
            "Le noyau de calcul du processeur et le nombre de fils",
            "`mlflow.log_dict(threadpoolctl.threadpool_info(), …)`",
            _factor_loss(kpis["reproductibilite.facteurs.calcul"]),
        ),
        (
            "L’environnement entier, pas seulement les dépendances directes",
            "`mlflow.log_text(gel, 'environment/requirements.txt')`",
            f"expériences que MLflow enregistre encore : versions laissées ouvertes, {_part(today)} ; "
            f"versions d’époque, {_part(day)}",
        ),
        (
            "Le format du modèle, choisi et essayé",
            "`serialization_format=…`, puis `load_model`",
            f"modèles refusés par le format par défaut : {refused.valeur} sur {refused.n}",
        ),
        (
            "Les modules du projet dont le modèle a besoin",
            "`code_paths=[…]`",
            "sans lui, le modèle ne se recharge pas" if local.valeur else "aucune perte mesurée",
        ),
        (
            "Les artefacts derrière un serveur, jamais dans un dossier à déplacer",
            "`mlflow server --artifacts-destination …`",
            f"magasin déplacé : {moved.valeur} des {moved.n} choses demandées ne sont plus "
            "retrouvées"
            if moved.valeur
            else "aucune perte mesurée",
        ),
    ]
    page.table(
        pd.DataFrame(lines, columns=["enregistrer", "comment", "perte mesurée sans cela"]),
        label="tab-recette",
        title="Ce qu’il faut enregistrer pour être rejouable",
        caption="Ce que coûte l’absence de chaque élément, mesuré dans ce chapitre. Une ligne sans perte "
        "mesurée reste un conseil de prudence.",
        row_header="enregistrer",
    )


def _factor_loss(kpi: Kpi) -> str:
    """Of one family of changed factors: did it change the result without a trace?"""
    if kpi.valeur is None:
        return str(fr.kpi(kpi))
    if kpi.valeur == 0:
        return "aucune perte : rien n’a changé en silence"
    return f"le résultat change sans trace, {kpi.valeur} fois sur {kpi.n}"


def answer(kpis: Kpis) -> str:
    """The chapter's answer, computed."""
    hits, n = _hits(kpis["reproductibilite.reussite.conclusion.mlflow"])
    whole = 0 < n == hits
    if whole:
        verdict = "Oui, dans toutes les expériences éprouvées"
    elif 0 < n <= 2 * hits:
        verdict = "En partie"
    else:
        verdict = "Rarement sans aide"
    told = (
        f"{verdict} : à partir du seul magasin, {_of(hits, n)} "
        f"{_verb(hits, 'redonne', 'redonnent')} au moins la même conclusion. {_compared(kpis)}"
    )
    if whole:
        return told
    return (
        f"{told} MLflow seul ne suffit pas : il faut lui donner le code, les arguments, les données "
        "et l’environnement."
    )


def _hits(kpi: Kpi) -> tuple[int, int]:
    n = kpi.n or 0
    return round(float(kpi.valeur or 0) * n), n


def _compared(kpis: Kpis) -> str:
    """The careful record beside the honest notebook, subject by subject."""
    careful, carnet = (
        _part(kpis[f"reproductibilite.reussite.conclusion.{name}"]) for name in ("soin", "carnet")
    )
    text = f"Avec soin : {careful} ; avec un cahier de laboratoire honnête, sans MLflow : {carnet}"
    pairs = kpis["reproductibilite.reussite.differences.soin_carnet"]
    differ, chance = int(pairs.valeur or 0), float(pairs.conditions["p"])
    if differ == 0:
        return f"{text} ; les deux manières s’accordent sur chaque sujet."
    better, worse = int(pairs.conditions["soin"]), int(pairs.conditions["carnet"])
    split = (
        f"{fr.count(differ, 'sujet diffère', 'sujets diffèrent')} sur {pairs.n} ({better} pour "
        f"MLflow, {worse} pour le cahier ; test exact de McNemar, p = {fr.number(chance, 2)})"
    )
    if chance >= 0.05:
        return f"{text} ; {split} : trop peu pour les départager."
    best = "MLflow, tenu avec soin, fait mieux" if better > worse else "le cahier fait mieux"
    return f"{text} ; {split} : {best}."


def surprise(kpis: Kpis, stages: pd.DataFrame) -> str:
    refused = kpis["reproductibilite.modele.refuses.defaut"]
    changed = kpis["reproductibilite.temps.predictions_changees.foret"]
    if changed.valeur:
        warned = "avec un simple avertissement" if _warned(stages) else "sans avertissement"
        return (
            f"Sur {fr.count(changed.n or 0, 'vieille forêt', 'vieilles forêts')} que MLflow recharge "
            f"aujourd’hui, {int(changed.valeur)} {_verb(int(changed.valeur), 'prédit', 'prédisent')} "
            f"autre chose, {warned} : {_gap(kpis)}."
        )
    if refused.valeur:
        return (
            f"le format par défaut des modèles scikit-learn refuse {refused.valeur} modèles "
            f"courants sur {refused.n}, dont les forêts : l’appel du tutoriel échoue."
        )
    today = kpis["reproductibilite.temps.executer.actuel"]
    return f"anciennes expériences que MLflow enregistre encore aujourd’hui : {_part(today)}."


def brief_figures(kpis: Kpis) -> list[str]:
    """The three figures that carry the answer."""
    return [
        "Même conclusion, à partir du seul magasin : "
        f"{_of(*_hits(kpis['reproductibilite.reussite.conclusion.mlflow']))}",
        _time_and_effort(kpis),
        "Anciennes versions de MLflow, avec les paquets d’aujourd’hui : l’entraînement redonne les mêmes "
        f"métriques pour {_part(kpis['reproductibilite.temps.metriques_identiques.actuel'])}, MLflow "
        f"l’enregistre pour {_part(kpis['reproductibilite.temps.executer.actuel'])}",
    ]


def _time_and_effort(kpis: Kpis) -> str:
    """What it costs to bring an experiment back, by way of recording, the worst one first."""

    def values(key: str) -> dict[str, float]:
        return {
            name: float(kpis[f"reproductibilite.effort.{key}.{name}"].valeur or 0)
            for name in RECORDINGS
        }

    def by_way(key: str) -> str:
        ways: dict[str, list[str]] = {}
        for name, value in sorted(values(key).items(), key=lambda way: -way[1]):
            ways.setdefault(fr.number(value, 2), []).append(f"« {recording(name)} »")
        return fr.join([f"{value} ({_some(names)})" for value, names in ways.items()])

    def extent(key: str) -> str:
        times = values(key).values()
        return f"de {fr.duration(min(times), 2)} à {fr.duration(max(times), 2)}"

    n = kpis[f"reproductibilite.effort.faits.{RECORDINGS[0]}"].n
    return (
        f"Temps et effort par expérience (n = {n} par manière). Faits cherchés hors du magasin : {by_way('faits')}. "
        f"Commandes : {by_way('commandes')}. Préparation {extent('preparation')}, exécution "
        f"{extent('execution')}, selon la manière (médianes)"
    )


def _some(ways: Sequence[str]) -> str:
    """At most two ways by name; the rest of them in a word."""
    if len(ways) == len(RECORDINGS):
        return "toutes les manières"
    return fr.join(ways) if len(ways) < 3 else f"{len(ways)} manières"
