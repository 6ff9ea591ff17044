"""Figures, tables and computed sentences of ``03_reproductibilite.ipynb``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlflow_study.evidence.records import Kpi, Verdict
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import INK, LINE, new
from mlflow_study.reproducibility.vocabulary import (
    DIGEST_LABELS,
    RECORDING_LABELS,
    RECORDINGS,
    REGIMES,
    RUNGS,
    STAGE_SHORT,
    TIME_STAGES,
)

_RUNG_HUES = ("#b3261e", "#d98324", "#e0c04c", "#a8c686", "#4c9f70", "#00705a")
_RUNG_INK = ("#ffffff", "#1b1b1b", "#1b1b1b", "#1b1b1b", "#ffffff", "#ffffff")
ALL = (*RECORDINGS, "carnet")

Kpis = Mapping[str, Kpi]


def recording(name: str) -> str:
    return RECORDING_LABELS[name]


# --- the ladder ------------------------------------------------------------------------


def ladder_figure(rungs: pd.DataFrame) -> None:
    """One cell per experiment: the rung that the record alone gives."""
    alone = rungs[rungs["mode"] == "autonome"]
    subjects = list(dict.fromkeys(alone["sujet"]))
    columns = [name for name in ALL if (alone["enregistrement"] == name).any()]
    fig, ax = new(height=1.5 + 0.42 * len(subjects))
    for row, subject in enumerate(subjects):
        for column, name in enumerate(columns):
            cell = alone[(alone["sujet"] == subject) & (alone["enregistrement"] == name)]
            if cell.empty:
                continue
            rung = int(cell["echelon"].iloc[0])
            ax.add_patch(_square(column, row, _RUNG_HUES[rung]))
            ax.text(column, row, str(rung), ha="center", va="center", color=_RUNG_INK[rung])
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(subjects) - 0.5, -0.5)
    ax.set_xticks(range(len(columns)), [_wrap(recording(name)) for name in columns], fontsize=7.5)
    ax.set_yticks(range(len(subjects)), [_subject(alone, s) for s in subjects])
    ax.xaxis.tick_top()
    ax.grid(False)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    best = alone[alone["enregistrement"].isin(RECORDINGS)]
    same = int((best["echelon"] >= 2).sum())
    page.figure(
        fig,
        label="fig-echelle",
        title=f"{_of(same, len(best))} redonnent au moins la même conclusion, "
        "à partir du seul enregistrement",
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


def _square(x: float, y: float, hue: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=hue, edgecolor="none")


def _wrap(text: str, width: int = 14) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def _subject(rungs: pd.DataFrame, name: str) -> str:
    row = rungs[rungs["sujet"] == name].iloc[0]
    return f"{name}\n({row['nature']}, données : {row['donnees']})"


def _of(part: int, whole: int) -> str:
    return f"{fr.count(part, 'expérience')} sur {fr.integer(whole)}"


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
        caption="Reproduction automatique, sans aide ; intervalle de Wilson à 95 % ; n par ligne.",
        row_header="manière d’enregistrer",
    )


def _rate(kpi: Kpi) -> str:
    if kpi.valeur is None or kpi.intervalle is None:
        return str(fr.kpi(kpi))
    low, high = kpi.intervalle
    return (
        f"{fr.percent(float(kpi.valeur))} "
        f"({fr.number(100 * low, 2)}–{fr.number(100 * high, 2)} ; n = {kpi.n})"
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
            f"{_of(len(short), len(alone))} n’atteignent pas l’identité au bit, alors que rien ne "
            "manque à leur enregistrement : le programme tire au hasard sans graine."
        )
    told = [
        f"{what} ({fr.count(n, 'fois', 'fois')})"
        for what, n in sorted(lacks.items(), key=lambda pair: -pair[1])
    ]
    return (
        f"{_of(len(short), len(alone))} n’atteignent pas l’identité au bit. "
        f"Ce qui manque au magasin : {fr.join(told)}."
    )


def _kind(item: str) -> str:
    return "la valeur d’une option du programme" if "option" in item else item


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


def effort_sentence(kpis: Kpis) -> str:
    def facts(name: str) -> float:
        return float(kpis[f"reproductibilite.effort.faits.{name}"].valeur or 0)

    best = min(RECORDINGS, key=facts)
    worst = max(RECORDINGS, key=facts)
    if facts(best) == facts(worst):
        return "Toutes les manières demandent le même nombre de faits cherchés hors du magasin."
    return (
        f"La manière « {recording(best)} » demande {fr.number(facts(best), 2)} fait cherché hors "
        f"du magasin par expérience, « {recording(worst)} » en demande "
        f"{fr.number(facts(worst), 2)}, et le carnet sans MLflow {fr.number(facts('carnet'), 2)}."
    )


def fields_table(fields: pd.DataFrame) -> None:
    """Variables × recordings: share of the runs that hold each one."""
    wide = fields.pivot_table(
        index=["groupe", "variable"], columns="enregistrement", values="present", sort=False
    )
    rows = []
    for keys, values in wide.iterrows():
        group, variable = keys if isinstance(keys, tuple) else (keys, keys)
        row: dict[str, Any] = {"variable": f"{variable} ({group})"}
        for name in RECORDINGS:
            row[recording(name)] = _mark(values.get(name))
        rows.append(row)
    page.table(
        pd.DataFrame(rows),
        label="tab-variables",
        title="Ce que l’enregistrement contient, variable par variable",
        caption="Variables d’après [@gundersen2018] ; « selon les cas » : une partie des runs.",
        row_header="variable",
    )


def _mark(share: Any) -> str:
    if share is None or pd.isna(share):
        return "sans objet"
    return "oui" if share == 1 else "non" if share == 0 else "selon les cas"


def ablation_table(table: pd.DataFrame) -> None:
    shown = table.groupby("retire", sort=False).agg(
        echelon=("echelon", "min"), manque=("manque", "first"), arret=("arret", "first")
    )
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
        title=f"{fr.count(len(lost), 'élément')} sur {len(rows) - 1} font perdre au moins un échelon",
        caption="Enregistrement soigné d’un programme à graine, données hors du dépôt Git.",
        row_header="on retire",
    )


def factors_table(table: pd.DataFrame) -> None:
    rows = []
    for _, row in table.iterrows():
        if row["motif"]:
            result, noticed = f"non éprouvé ({row['motif']})", ""
        else:
            result = "change" if row["bouge"] else "identique au bit"
            noticed = str(row["remarque"]) or "aucune trace"
        rows.append(
            {
                "facteur changé": row["facteur"],
                "résultat": result,
                "écart relatif de la perte": row["ecart"],
                "trace dans l’enregistrement": noticed,
                "en silence": bool(row["silence"]) if not row["motif"] else None,
            }
        )
    page.table(
        pd.DataFrame(rows),
        label="tab-facteurs",
        title=factors_title(table),
        caption="Un modèle linéaire et un petit réseau sur 12 000 lignes, graine fixée ; "
        "comparaison au bit avec l’exécution de référence.",
        formats={"écart relatif de la perte": lambda v: fr.number(v, 2)},
        row_header="facteur changé",
    )


def factors_title(table: pd.DataFrame) -> str:
    played = table[table["motif"] == ""]
    moved = played[played["bouge"].astype(bool)]
    silent = moved[moved["silence"].astype(bool)]
    if moved.empty:
        return "Aucun des facteurs éprouvés ne change le résultat"
    if silent.empty:
        return "Tout changement de résultat laisse une trace dans l’enregistrement"
    names = fr.join([str(f) for f in silent["facteur"]])
    return (
        f"{fr.count(len(silent), 'facteur')} sur {len(moved)} "
        f"{'change' if len(silent) == 1 else 'changent'} le résultat en silence : {names}"
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
    fig, ax = new(height=0.9 + 0.33 * len(kinds))
    for row, kind in enumerate(kinds):
        for column, size in enumerate(sizes):
            cell = tables[(tables["mutation"] == kind) & (tables["taille"] == size)]
            missed = 1.0 - float(cell["empreinte_change"].mean())
            hue = _RUNG_HUES[5] if missed == 0 else _RUNG_HUES[0] if missed == 1 else _RUNG_HUES[1]
            ink = "#ffffff" if missed in (0.0, 1.0) else "#1b1b1b"
            ax.add_patch(_square(column, row, hue))
            ax.text(column, row, fr.percent(missed, 2), ha="center", va="center", color=ink)
    ax.set_xlim(-0.5, len(sizes) - 0.5)
    ax.set_ylim(len(kinds) - 0.5, -0.5)
    ax.set_xticks(range(len(sizes)), [f"{fr.integer(int(s))} lignes" for s in sizes])
    ax.set_yticks(range(len(kinds)), kinds)
    ax.xaxis.tick_top()
    ax.grid(False)
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
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
            + ", ".join(
                fr.percent(
                    1
                    - float(
                        tables[(tables["mutation"] == kind) & (tables["taille"] == s)][
                            "empreinte_change"
                        ].mean()
                    ),
                    2,
                )
                for s in sizes
            )
            + " non vus."
            for kind in kinds
        ),
    )


def digest_sentence(kpis: Kpis) -> str:
    parts = [
        f"{label} : {fr.kpi(kpis[f'reproductibilite.empreinte.taux_manque.{key}'])} non vus"
        for key, label in DIGEST_LABELS.items()
        if key != "contenu_inchange"
    ]
    alarms = kpis["reproductibilite.empreinte.fausses_alertes"]
    collision = kpis["reproductibilite.empreinte.collision"]
    text = " ; ".join(parts) + f". Fausses alertes : {fr.kpi(alarms)}. "
    if collision.valeur is None:
        return text + f"Aucune collision en {fr.integer(collision.n or 0)} essais."
    return (
        text + "La plus petite collision trouvée tient en une case : deux tableaux d’un seul "
        f"nombre ont la même empreinte après {fr.integer(int(collision.valeur))} essais."
    )


# --- models ----------------------------------------------------------------------------


def formats_table(formats: pd.DataFrame) -> None:
    default = formats[formats["format"] == "défaut"]
    refused = default[~default["enregistre"].astype(bool)]
    rows = [
        {
            "modèle": row["modele"],
            "format par défaut": "refusé" if not row["enregistre"] else "enregistré",
            "type que le format refuse": _types(str(row["refus"])),
            "prédictions après rechargement": "identiques au bit"
            if row["memes_bits"]
            else ("sans objet" if not row["charge"] else "différentes"),
        }
        for _, row in default.iterrows()
    ]
    page.table(
        pd.DataFrame(rows),
        label="tab-formats",
        title=formats_title(len(refused), len(default)),
        caption="`mlflow.sklearn.save_model(modele, chemin)` sans autre option.",
        row_header="modèle",
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
    rows = [
        {"la même table, présentée": r["entree"], "issue": r["issue"], "écart relatif": r["ecart"]}
        for _, r in inputs.iterrows()
    ]
    page.table(
        pd.DataFrame(rows),
        label="tab-entrees",
        title=inputs_title(inputs),
        caption="Modèle linéaire avec signature, appelé par `mlflow.pyfunc`.",
        formats={"écart relatif": lambda v: fr.number(v, 2)},
        row_header="la même table, présentée",
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
            f"Un environnement neuf fait de cette seule liste suffit pour {good} modèle(s) "
            f"sur {len(enough)}. "
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
    return text + (f", et en rend {broken} impossible(s) à cloner" if broken else "")


# --- through time ----------------------------------------------------------------------


def provenance(context: pd.DataFrame, stages: pd.DataFrame) -> str:
    """When and where the recorded pass was made, and over how many releases."""
    row = context.iloc[0]
    machine = json.loads(row["machine"])
    return (
        f"**Preuve enregistrée** le {row['date'][:10]}, non mesurée dans cette exécution : "
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
    fig, ax = new(height=1.9 + 0.24 * len(ordered))
    for row in range(len(ordered)):
        for column, name in enumerate(columns):
            reached = bool(ordered.iloc[row][name])
            ax.add_patch(_square(column, row, _RUNG_HUES[5] if reached else _RUNG_HUES[0]))
            if not reached:
                ax.text(column, row, "×", ha="center", va="center", color="#ffffff")
    ax.set_xlim(-0.5, len(columns) - 0.5)
    ax.set_ylim(len(ordered) - 0.5, -0.5)
    ax.set_yticks(range(len(ordered)), [f"{r} ({d[:7]})" for r, d, _ in ordered.index])
    ax.set_xticks(range(len(columns)), [STAGE_SHORT[s] for _, s in columns], rotation=90)
    ax.grid(False)
    ax.tick_params(length=0)
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
    for side in ax.spines.values():
        side.set_visible(False)
    today = ("actuel", "executer")
    good = int(ordered[today].sum()) if today in columns else 0
    page.figure(
        fig,
        label=label,
        title=f"Refaite avec les versions d’aujourd’hui, l’expérience tourne pour {good} versions "
        f"de MLflow sur {len(ordered)}",
        caption=f"{when} Vert : l’étape réussit ; × : elle échoue ou n’a pu être tentée.",
        alt="Grille des versions de MLflow par étape. "
        + " ".join(
            f"{_regime(r)}, {TIME_STAGES[s]} : {int(ordered[(r, s)].sum())} sur {len(ordered)}."
            for r, s in columns
        ),
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
    return detail.split("\n")[0].split(" - ")[0][:110]


def age_sentence(kpis: Kpis) -> str:
    parts = []
    for years in (1, 2, 3):
        kpi = kpis.get(f"reproductibilite.temps.apres_{years}_ans")
        if kpi is not None:
            parts.append(f"{years} an{'s' if years > 1 else ''} : {fr.kpi(kpi)}")
    return (
        "Part des expériences qui tournent encore avec les versions actuelles, selon leur âge "
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
            "à l’origine, à 1e-6 près."
        )
    warned = stages[(stages["regime"] == "migre") & stages["etape"].str.startswith("charger")]
    said = warned["detail"].str.contains("InconsistentVersionWarning").any()
    return (
        f"Sur {fr.integer(loaded)} vieux modèles qui se rechargent aujourd’hui, "
        f"{fr.integer(changed)} {'prédit' if changed == 1 else 'prédisent'} **autre chose** "
        f"(écart de plus de 1e-6) : {fr.integer(int(forest.valeur))} forêts et "
        f"{fr.integer(int(linear.valeur))} modèles linéaires. "
        + (
            "scikit-learn n’en dit qu’un avertissement de version."
            if said
            else "Aucun avertissement de version n’est entendu."
        )
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
    for verdict in verdicts:
        if verdict.temoin and verdict.verdict in ("réfutée", "nuancée"):
            page.witness(
                verdict.temoin,
                title=f"Témoin de {verdict.id}.",
                shows="Sa dernière ligne commence par REFUTE quand le défaut est là, par CONFIRME "
                "quand il n’y est plus.",
            )


# --- the recipe ------------------------------------------------------------------------


def recipe(kpis: Kpis) -> None:
    """«Ce qu'il faut enregistrer pour être rejouable»: each line with the loss it avoids."""

    def left(key: str) -> str:
        kpi = kpis[f"reproductibilite.ablation.{key}"]
        rung = int(float(kpi.valeur or 0))
        return f"sans lui, échelon {rung} sur 5 : {RUNGS[rung]}"

    unread = kpis["reproductibilite.empreinte.taux_manque.dates_booleens_textes_a_trous"]
    refused = kpis["reproductibilite.modele.refuses.defaut"]
    silent = kpis["reproductibilite.facteurs.silence"]
    today = kpis["reproductibilite.temps.executer.actuel"]
    day = kpis["reproductibilite.temps.executer.jour"]
    local = kpis["reproductibilite.modele.module_local.sans_code_paths"]
    lines = [
        (
            "Valider le code et le pousser avant de lancer ; l’adresse du dépôt doit être connue de Git",
            "`git commit`, `git push`, puis `python train.py`",
            left("le_code_et_l_adresse_du_depot"),
        ),
        (
            "Refuser de lancer sur un dépôt modifié, ou enregistrer le `git diff`",
            "`mlflow.log_text(diff, 'code/diff.patch')`",
            f"facteurs qui changent le résultat sans trace : {fr.kpi(silent)}",
        ),
        ("Le commit", "étiquette automatique dans un dépôt Git", left("le_commit")),
        (
            "Tous les arguments, graine comprise",
            "`mlflow.log_params(vars(args))`",
            left("la_graine"),
        ),
        (
            "Chaque hyperparamètre changé",
            "même appel",
            left("un_hyperparametre"),
        ),
        (
            "Les données, ou une adresse durable",
            "`mlflow.log_artifact(chemin, 'data')`",
            left("les_donnees"),
        ),
        (
            "Une empreinte complète des données (SHA-256 du fichier), en plus de celle de MLflow",
            "`mlflow.set_tag('data.sha256', …)`",
            f"changements de dates, booléens et textes à trous non vus : {fr.kpi(unread)}",
        ),
        (
            "L’environnement entier, pas seulement les dépendances directes",
            "`mlflow.log_text(gel, 'environment/requirements.txt')`",
            "l’expérience tourne encore aujourd’hui : versions laissées ouvertes, "
            f"{fr.kpi(today)} ; versions du jour, {fr.kpi(day)}",
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
    ]
    page.table(
        pd.DataFrame(lines, columns=["enregistrer", "comment", "perte mesurée sans cela"]),
        label="tab-recette",
        title="Ce qu’il faut enregistrer pour être rejouable",
        caption="Chaque ligne est justifiée par une perte mesurée dans ce chapitre.",
        row_header="enregistrer",
    )


def answer(kpis: Kpis) -> str:
    """The chapter's answer, computed."""
    alone = kpis["reproductibilite.reussite.conclusion.mlflow"]
    carnet = kpis["reproductibilite.reussite.conclusion.carnet"]
    careful = kpis["reproductibilite.reussite.conclusion.soin"]
    rate = float(alone.valeur or 0)
    if rate == 1:
        verdict = "Oui, dans toutes les expériences éprouvées"
    elif rate >= 0.5:
        verdict = "En partie"
    else:
        verdict = "Rarement sans aide"
    return (
        f"{verdict} : à partir du seul magasin, {fr.kpi(alone)} des expériences redonnent au moins "
        f"la même conclusion ({fr.kpi(careful)} quand tout est enregistré avec soin ; "
        f"{fr.kpi(carnet)} avec un carnet honnête, sans MLflow). MLflow ne rend pas une expérience "
        "rejouable : il la rend rejouable quand on lui donne le code, les arguments, les données "
        "et l’environnement."
    )


def surprise(kpis: Kpis) -> str:
    refused = kpis["reproductibilite.modele.refuses.defaut"]
    changed = kpis["reproductibilite.temps.predictions_changees.foret"]
    if changed.valeur:
        return (
            f"{fr.count(int(changed.valeur), 'vieille forêt', 'vieilles forêts')} sur "
            f"{changed.n} se rechargent aujourd’hui avec un simple avertissement, et prédisent "
            "autre chose : leurs « probabilités » ne se somment plus à un."
        )
    if refused.valeur:
        return (
            f"le format par défaut des modèles scikit-learn refuse {refused.valeur} modèles "
            f"courants sur {refused.n}, dont les forêts : l’appel du tutoriel échoue."
        )
    today = kpis["reproductibilite.temps.executer.actuel"]
    return f"part des anciennes expériences qui tournent encore aujourd’hui : {fr.kpi(today)}."


def brief_figures(kpis: Kpis) -> list[str]:
    """The three figures that carry the answer."""
    facts = {name: kpis[f"reproductibilite.effort.faits.{name}"] for name in ("tutoriel", "soin")}
    return [
        f"même conclusion, à partir du seul magasin : "
        f"{fr.kpi(kpis['reproductibilite.reussite.conclusion.mlflow'])}",
        "faits cherchés hors du magasin, par expérience : "
        f"{fr.number(facts['tutoriel'].valeur, 2)} comme dans un tutoriel, "
        f"{fr.number(facts['soin'].valeur, 2)} avec soin",
        "anciennes versions de MLflow dont l’expérience tourne encore avec les paquets "
        f"d’aujourd’hui : {fr.kpi(kpis['reproductibilite.temps.executer.actuel'])}",
    ]
