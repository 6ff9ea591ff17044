"""Chapter 1 on the page: what lies where, limits, paging, deletion, migration, defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from matplotlib.patches import FancyBboxPatch

from mlflow_study.evidence.records import Kpi
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import (
    ACCENT,
    INK,
    LINE,
    PAPER,
    SOFT,
    new,
    store_label,
)

Kpis = Mapping[str, Kpi]
Tables = Mapping[str, pd.DataFrame]
SQL = ("sqlite", "postgresql", "mariadb")

BASE, FILES, ARTIFACT, BOTH = "#0072b2", "#a6611a", "#00795a", "#b3261e"


def _backends(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["backend"]))


def _labels(names: Any) -> str:
    return fr.join([store_label(str(name)) for name in names])


def _code(text: str) -> str:
    return f"`{text}`"


def value(kpis: Kpis, id: str) -> Any:
    """Value of a KPI; None where it was not recorded or not measured."""
    return kpis[id].valeur if id in kpis else None


def _by_store(kpis: Kpis, prefix: str) -> dict[str, Kpi]:
    return {
        id.removeprefix(prefix): kpi
        for id, kpi in kpis.items()
        if id.startswith(prefix) and kpi.valeur is not None
    }


# --- defaults ------------------------------------------------------------------------


def defaults_table(defaults: pd.DataFrame) -> None:
    """What MLflow chose in each folder."""
    shown = pd.DataFrame(
        {
            "Dossier": defaults["libelle"],
            "Suivi": [_chosen(row) for row in defaults.to_dict("records")],
            "Registre": defaults["registre"],
            "Ce qui apparaît": [f.replace(", ", " ; ") or None for f in defaults["fichiers"]],
        }
    )
    page.table(
        shown,
        label="tab-defauts",
        title="Ce que MLflow choisit quand on ne lui dit rien",
        caption="Chaque ligne : un dossier et un processus neufs, un run et un modèle au registre.",
    )


def _chosen(row: Mapping[Any, Any]) -> str:
    if row["suivi"] == "refus":
        return "fichiers choisis, puis refusés"
    where = "base SQLite" if row["magasin"] == "sqlite" else "fichiers"
    return f"{row['suivi']} ({where})"


def existing_finding(kpis: Kpis) -> None:
    """Does MLflow go on using an existing ``./mlruns``?"""
    record = kpis["stockage.defaut.existant"]
    if record.valeur == "écrit":
        page.finding(
            "Des données existantes dans `mlruns` restent utilisées",
            "MLflow les trouve, les choisit et y écrit, sans réglage.",
        )
        return
    page.finding(
        "Des données existantes dans `mlruns` sont trouvées, choisies, puis refusées",
        "MLflow voit le dossier rempli et en fait son magasin ; puis ce magasin refuse de "
        "s’ouvrir sans `MLFLOW_ALLOW_FILE_STORE=true`. La documentation dit pourtant : « No "
        "action is required ». Le choix est fait dans "
        "`mlflow/tracking/_tracking_service/utils.py`, le refus dans "
        "`mlflow/store/tracking/file_store.py` : les deux ne se consultent pas. Le message "
        "d’erreur nomme la variable et la commande de migration : rien n’est perdu, mais un "
        "programme qui tournait s’arrête à la mise à jour.",
    )


def older_notice(older: pd.DataFrame) -> None:
    """What an older release did, or why it was not tried."""
    row: Any = older.iloc[0]
    if row["motif"]:
        page.missing(f"Une version plus ancienne de MLflow : {row['motif']}.")
        return
    where = "dans `mlruns`" if row["mlruns"] else "ailleurs que dans `mlruns`"
    read = str(row["lecture"])
    page.prose(
        f"MLflow {row['release']}, dans son propre environnement et un dossier vide, écrit {where}. "
        f"Devant une base SQLite écrite par la version étudiée, il "
        + ("la lit." if read.endswith(" run") else f"refuse : `{read}`.")
        + "".join(
            f" Devant {what}, il "
            + ("lit le run." if said.endswith(" run") else f"échoue : `{said}`.")
            for column, what in (
                ("lecture_fichiers", "un magasin de fichiers d’aujourd’hui"),
                ("lecture_serveur", "un serveur d’aujourd’hui"),
            )
            if (said := str(row.get(column, "")))
        )
        + " S2 et S8 ne sont éprouvées que sur cette version."
    )


def missing_stores(absent: pd.DataFrame) -> None:
    """Stores that cannot be opened here; the user's own, where none was named, goes unsaid."""
    for row in absent.to_dict("records"):
        if row["backend"] != "uri":
            page.missing(f"{store_label(str(row['backend']))} : {row['motif']}")


# --- places --------------------------------------------------------------------------


def _found(lieux: pd.DataFrame) -> pd.DataFrame:
    by_value = lieux[~lieux["nom"]]
    known = set(zip(by_value["backend"], by_value["genre"], strict=True))
    named = lieux[lieux["nom"]]
    alone = [pair not in known for pair in zip(named["backend"], named["genre"], strict=True)]
    return pd.concat([by_value, named[alone]], ignore_index=True)


def matrix_figure(tables: Tables, kinds: Mapping[str, str]) -> None:
    """Kind of datum × store → side, with the number of places."""
    found = _found(tables["lieux"])
    backends = _backends(tables["lieux"])
    fig, ax = new(height=0.235 * len(kinds) + 1.1)
    twice = nowhere = 0
    for y, kind in enumerate(kinds):
        for x, backend in enumerate(backends):
            cell = found[(found["genre"] == kind) & (found["backend"] == backend)]
            sides = set(cell["nature"])
            places = cell["lieu"].nunique()
            if not places:
                ax.text(x, y, "∅", ha="center", va="center", color=SOFT, fontsize=10)
                nowhere += 1
                continue
            twice += places > 1
            hue = BOTH if "artefact" in sides and len(sides) > 1 else _side_colour(sides)
            marker = "s" if sides == {"artefact"} else "o" if len(sides) == 1 else "D"
            ax.plot(x, y, marker, color=hue, markersize=11)
            ax.text(x, y, str(places), ha="center", va="center", color=PAPER, fontsize=7.5)
    ax.set_xlim(-0.6, len(backends) - 0.4)
    ax.set_ylim(len(kinds) - 0.4, -0.7)
    ax.set_xticks(range(len(backends)), [store_label(b).replace(" + ", "\n+ ") for b in backends])
    ax.set_yticks(range(len(kinds)), list(kinds.values()))
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    cells = len(kinds) * len(backends)
    page.figure(
        fig,
        label="fig-lieux",
        title=f"{fr.integer(twice)} cases sur {fr.integer(cells)} portent une donnée rangée en plusieurs lieux",
        caption="Rond : magasin de suivi (base ou fichiers). Carré : magasin d’artefacts. "
        "Losange : les deux. Le nombre est celui des lieux où le marqueur a été trouvé ; "
        f"∅ : nulle part. Un lieu est une colonne de table, ou un fichier.{_race(tables['traces'])}",
        alt=f"Grille de {len(kinds)} genres de données par {len(backends)} magasins. La plupart "
        "des données de suivi sont d’un seul côté ; les modèles, figures et textes sont parmi "
        f"les artefacts ; {nowhere} cases sont vides.",
    )


def _race(traces: pd.DataFrame) -> str:
    """The place of traces is drawn by lot, where their copies were counted and vary."""
    counted = traces[(traces["backend"] != "file") & (traces["doubles"] >= 0)]
    doubles = int(counted["doubles"].sum())
    if doubles in (0, int(counted["traces"].sum())):
        return ""
    return (
        " Avec une base, le contenu d’une trace (entrée, segments) est d’un côté ou des deux selon une course : "
        "sa place peut changer d’un essai à l’autre."
    )


def _side_colour(sides: set[str]) -> str:
    return {"base": BASE, "suivi": FILES, "artefact": ARTIFACT}[next(iter(sides))]


def places_table(tables: Tables, kinds: Mapping[str, str]) -> None:
    """Kind → its places in a database and in a file store."""
    found = _found(tables["lieux"])
    reference = next((b for b in SQL if b in _backends(found)), None)
    rows, alike = [], []
    for kind, label in kinds.items():
        row: dict[str, Any] = {"Donnée": label}
        for title, backend in (("En base", reference), ("Sur fichiers", "file")):
            if backend is None or backend not in set(found["backend"]):
                continue
            cell = found[(found["genre"] == kind) & (found["backend"] == backend)]
            row[title] = _places(cell)
        places = {str(place) for name, place in row.items() if name != "Donnée"}
        if len(row) == 3 and len(places) == 1:
            alike.append(label)
        else:
            rows.append(row)
    same = f" Au même endroit, ou nulle part, sur les deux : {fr.join(alike)}." if alike else ""
    page.table(
        pd.DataFrame(rows),
        label="tab-lieux",
        title="Où chaque donnée a été retrouvée",
        caption=f"En base : {store_label(reference or '')}, colonne de table, puis fichier. Les "
        f"identifiants sont remplacés par leur rôle, entre ‹ ›.{same}{_race(tables['traces'])}",
    )


def _places(cell: pd.DataFrame) -> Any:
    names = list(dict.fromkeys(cell["lieu"]))
    if not names:
        return None
    shown = [name.split("/artifacts/")[-1] for name in names]
    return _code(" ; ".join(dict.fromkeys(shown)))


def differences_sentence(tables: Tables, kinds: Mapping[str, str]) -> str:
    """Do the SQL stores and servers keep things in the same columns?"""
    found = _found(tables["lieux"])
    base = found[found["nature"] == "base"]
    backends = _backends(base)
    if len(backends) < 2:
        return ""
    places = {b: set(zip(g["genre"], g["lieu"], strict=True)) for b, g in base.groupby("backend")}
    # Where an artifact is said to lie is a matter of address, not of kind.
    common = set.intersection(*places.values())
    everything = set.union(*places.values())
    if common == everything:
        return (
            f"Les {len(backends)} magasins à base de données ({_labels(backends)}) rangent les "
            f"mêmes données dans les mêmes colonnes : {fr.count(len(common), 'lieu', 'lieux')}, "
            "sans une différence."
        )
    apart = sorted({kinds.get(kind, kind) for kind, _ in everything - common})
    return (
        f"Les magasins à base de données ({_labels(backends)}) s’accordent sur "
        f"{fr.count(len(common), 'lieu', 'lieux')} et diffèrent sur "
        f"{len(everything - common)} : {fr.join(apart)}."
    )


def nowhere_finding(kpis: Kpis, kinds: Mapping[str, str]) -> None:
    """What is kept nowhere."""
    records = _by_store(kpis, "stockage.lieu.nulle_part.")
    names = {
        kind
        for record in records.values()
        for kind in str(record.conditions.get("genres", "")).split(", ")
        if kind
    }
    if not names:
        page.finding("Toute donnée journalisée est retrouvée quelque part")
        return
    labels = fr.join(sorted(kinds[name] for name in names))
    extra = (
        " MLflow garde d’un jeu de données son nom, sa provenance, les noms de ses colonnes et "
        "une empreinte, jamais ses valeurs : si la source disparaît, elles sont perdues."
        if "dataset_value" in names
        else ""
    )
    page.finding(
        f"Introuvable dans tout magasin : {labels}"
        if all("dataset_value" in str(r.conditions.get("genres", "")) for r in records.values())
        else f"Introuvable dans certains magasins : {labels}",
        f"Le marqueur n’est dans aucune colonne ni aucun fichier.{extra}",
    )


def double_finding(kpis: Kpis) -> None:
    """Spans kept in the database and, by a race, among the artifacts too."""
    records = _by_store(kpis, "stockage.trace.deux_fois.")
    if not records:
        return
    doubled = {store: r for store, r in records.items() if int(r.valeur or 0) > 0}
    if not doubled:
        total = sum(int(r.n or 0) for r in records.values())
        page.finding(
            "Les segments d’une trace sont dans la base, et là seulement",
            f"Aucun fichier de plus pour {fr.count(total, 'trace')}, sur {_labels(records)}.",
        )
        return
    counts = fr.join(
        [f"{r.valeur} sur {r.n} ({store_label(store)})" for store, r in records.items()]
    )
    certain = all(r.valeur == r.n for r in records.values())
    page.finding(
        "Les segments d’une trace sont écrits deux fois"
        if certain
        else "Les segments d’une trace sont écrits une fois ou deux, selon une course",
        f"Traces dont les segments sont dans la base et, de plus, dans un fichier "
        f"`traces.json` : {counts}. Deux fils d’exécution exportent la trace : l’un écrit les "
        "segments en base et l’étiquette `mlflow.trace.spansLocation` ; l’autre crée la trace "
        "et n’ajoute le fichier que si cette étiquette n’y est pas encore "
        "(`mlflow/tracing/export/mlflow_v3.py:325`). L’ordre des deux n’est pas fixé : la copie "
        "que la demande 18533 voulait supprimer revient au hasard.",
    )


# --- the schema ----------------------------------------------------------------------

_LAYOUT: dict[str, tuple[float, float]] = {
    "experiments": (0, 0),
    "experiment_tags": (1, 0),
    "datasets": (2, 0),
    "runs": (0, 1),
    "params": (1, 1),
    "tags": (2, 1),
    "metrics": (0, 2),
    "latest_metrics": (1, 2),
    "inputs": (2, 2),
    "logged_models": (0, 3),
    "logged_model_metrics": (1, 3),
    "input_tags": (2, 3),
    "trace_info": (0, 4),
    "spans": (1, 4),
    "assessments": (2, 4),
    "registered_models": (0, 5),
    "model_versions": (1, 5),
    "registered_model_aliases": (2, 5),
}
"""Where a table is drawn, (column, row).  What is in it, and its links, come from the database."""
_SHOWN = 5
_W, _H = 0.88, 0.80


def schema_figure(columns: pd.DataFrame, links: pd.DataFrame) -> None:
    """The entity diagram, from the real tables, columns, keys and foreign keys."""
    if columns.empty:
        page.missing("Aucune base de données n’a pu être ouverte : le schéma n’est pas dessiné.")
        return
    present = set(columns["table"])
    drawn = {name: at for name, at in _LAYOUT.items() if name in present}
    fig, ax = new(height=11.5)
    ax.set_xlim(-0.06, 3.0)
    ax.set_ylim(6.0, -0.06)
    ax.axis("off")
    kept = [
        (str(row["table"]), str(row["vers"]))
        for row in links.to_dict("records")
        if row["table"] in drawn and row["vers"] in drawn and row["table"] != row["vers"]
    ]
    for source, target in kept:
        (sx, sy), (tx, ty) = drawn[source], drawn[target]
        if abs(sx - tx) + abs(sy - ty) == 1:
            _arrow(ax, drawn[source], drawn[target])
    for name, (x, y) in drawn.items():
        targets = dict.fromkeys(target for source, target in kept if source == name)
        _box(ax, x, y, name, columns[columns["table"] == name], list(targets))
    pointing = [source for source, target in kept if target == "runs"]
    page.figure(
        fig,
        label="fig-schema",
        title=f"{len(drawn)} tables portent une étude ; {fr.count(len(pointing), 'clé étrangère mène', 'clés étrangères mènent')} aux runs",
        caption=f"Lu dans la base même ({len(present)} tables, "
        f"{fr.count(len(links), 'clé étrangère', 'clés étrangères')}). En gras, la clé primaire ; « → » : "
        "clé étrangère, vers la table nommée, tracée entre voisines. Les tables sont placées à la main, leur contenu et leurs liens sont "
        "lus. Un lien qui manque n’est pas déclaré dans la base.",
        alt=f"Schéma de {len(drawn)} tables en trois colonnes : les tables params, tags, "
        "metrics et latest_metrics sont reliées à runs, runs à experiments ; inputs et "
        "logged_models ne sont pas reliées à runs.",
    )


def _box(ax: Any, x: float, y: float, name: str, columns: pd.DataFrame, targets: list[str]) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (x, y), _W, _H, boxstyle="round,pad=0,rounding_size=0.03", facecolor=PAPER,
            edgecolor=SOFT, linewidth=1,
        )
    )  # fmt: skip
    ax.text(x + 0.04, y + 0.08, name, fontsize=9, fontweight="bold", color=ACCENT, va="center")
    ax.plot([x, x + _W], [y + 0.15, y + 0.15], color=LINE, linewidth=0.8)
    ordered = columns.sort_values("cle", ascending=False, kind="stable")
    rows = ordered.to_dict("records")
    shown = rows if len(rows) <= _SHOWN + 1 else rows[:_SHOWN]
    for rank, row in enumerate(shown):
        ax.text(
            x + 0.04,
            y + 0.215 + 0.085 * rank,
            str(row["colonne"]),
            fontsize=7.8,
            fontweight="bold" if row["cle"] else "normal",
            color=INK,
            va="center",
        )
    if len(rows) > len(shown):
        rest = f"… et {len(rows) - len(shown)} autres"
        ax.text(
            x + 0.04, y + 0.215 + 0.085 * len(shown), rest, fontsize=7.8, color=SOFT, va="center"
        )
    if targets:
        foot = "→ " + ", ".join(targets)
        size = min(7.5, 230 / len(foot))  # the longest must hold in its box
        ax.text(x + 0.04, y + _H - 0.06, foot, fontsize=size, color=ACCENT, va="center")


def _arrow(ax: Any, source: tuple[float, float], target: tuple[float, float]) -> None:
    (sx, sy), (tx, ty) = source, target
    if sy == ty:
        start = (sx, sy + 0.08) if sx > tx else (sx + _W, sy + 0.08)
        end = (tx + _W, ty + 0.08) if sx > tx else (tx, ty + 0.08)
    else:
        start = (sx + _W * 0.5, sy if sy > ty else sy + _H)
        end = (tx + _W * 0.5 + 0.1 * (sx - tx), ty + _H if sy > ty else ty)
    ax.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": SOFT, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 1,
                    "connectionstyle": "arc3,rad=0.08"},
        zorder=0,
    )  # fmt: skip


def schema_sentence(columns: pd.DataFrame, links: pd.DataFrame) -> str:
    """Which tables name a run without a foreign key to it."""
    naming = {
        str(row["table"])
        for row in columns.to_dict("records")
        if row["colonne"] in ("run_uuid", "run_id", "source_run_id", "destination_id")
        and row["table"] != "runs"
    }
    tied = set(links[links["vers"] == "runs"]["table"])
    loose = sorted(naming - tied)
    text = f"Tables liées à `runs` par une clé étrangère : {fr.join([_code(t) for t in sorted(tied)])}."
    if loose:
        text += (
            f" Tables qui désignent un run sans être liées à lui : "
            f"{fr.join([_code(t) for t in loose])}. La base n’y protège pas de l’orphelin : "
            "nous y revenons à la suppression."
        )
    return text


_HEAVIEST = 8
"""Tables shown of one rich experiment; the others weigh their first pages."""


def tables_table(tables: Tables) -> None:
    """Rows and bytes of the tables that hold something, with their indexes."""
    data = tables["tables"]
    if data.empty:
        return
    direct = data[data["backend"].isin(SQL)]
    if direct.empty:
        direct = data
    backends = _backends(direct)
    filled = direct[direct["lignes"] > 0]
    order = filled.groupby("table")[["octets", "octets_index"]].sum().sum(axis=1)
    rows = []
    for name in order.sort_values(ascending=False).index[:_HEAVIEST]:
        part: Any = filled[filled["table"] == name].set_index("backend")
        row: dict[str, Any] = {"Table": _code(str(name)), "Lignes": int(part["lignes"].iloc[0])}
        for backend in backends:
            if backend in part.index:
                record = part.loc[backend]
                row[store_label(backend)] = (
                    f"{fr.size(record['octets'])} + {fr.size(record['octets_index'])}"
                )
        rows.append(row)
    empty = direct[direct["lignes"] == 0].groupby("backend").size()
    shares = []
    for backend in backends:
        part = direct[direct["backend"] == backend]
        total = part["octets"].sum() + part["octets_index"].sum()
        shares.append(f"{store_label(backend)} {fr.percent(part['octets_index'].sum() / total, 2)}")
    page.table(
        pd.DataFrame(rows),
        label="tab-tables",
        title="Ce que pèse une seule étude, table par table",
        caption=f"Données + index, tels que chaque base les compte ; les {_HEAVIEST} plus lourdes.",
        notes=f"Part des index dans toute la base : {fr.join(shares)}. "
        f"Tables vides : {int(empty.max() if len(empty) else 0)}, qui prennent chacune leurs pages.",
    )


def files_sentence(tables: Tables) -> str:
    """How many files one rich experiment makes, and their bytes, per store."""
    data = tables["fichiers"]
    parts = []
    for backend in _backends(data):
        if backend.startswith("http+"):
            continue
        rows = data[data["backend"] == backend]
        tracking = rows[rows["cote"] == "suivi"]
        artifacts = rows[rows["cote"] == "artefacts"]
        text = f"{fr.count(len(artifacts), 'fichier')} d’artefacts ({fr.size(artifacts['octets'].sum())})"
        if len(tracking):
            text += f" et {fr.count(len(tracking), 'fichier')} de suivi ({fr.size(tracking['octets'].sum())})"
        parts.append(f"{store_label(backend)} : {text}")
    return "Une seule étude laisse, sur le disque : " + " ; ".join(parts) + "."


# --- limits --------------------------------------------------------------------------

_SHORT = {
    "refus clair": "refus",
    "refus obscur": "refus obscur",
    "erreur de la base": "⚠ erreur de la base",
    "erreur du système": "⚠ erreur du système",
    "coupe annoncée": "coupe",
    "coupe muette": "⚠ coupe muette",
    "altérée": "⚠ altérée",
    "illisible": "⚠ illisible",
}


_EXPECTED = {"refus clair", "coupe annoncée"}


def limits_table(limites: pd.DataFrame) -> None:
    """Announced against found, per store; limits that are everywhere as announced in a note."""
    backends = _backends(limites)
    rows, kept = [], []
    for name in dict.fromkeys(limites["limite"]):
        part: Any = limites[limites["limite"] == name].set_index("backend")
        first: Any = part.iloc[0]
        if (part["trouvee"] == part["annoncee"]).all() and set(part["au_dela"]) <= _EXPECTED:
            kept.append(f"{first['libelle']} ({fr.integer(int(first['annoncee']))})")
            continue
        announced: Any = None if pd.isna(first["annoncee"]) else int(first["annoncee"])
        if announced is not None and first["unite"] == "octets":
            announced = fr.size(announced)
        row: dict[str, Any] = {"Borne": str(first["libelle"]), "Annoncée": announced}
        for backend in backends:
            row[store_label(backend)] = _limit(part.loc[backend]) if backend in part.index else None
        rows.append(row)
    page.table(
        pd.DataFrame(rows),
        label="tab-limites",
        title="La plus longue valeur relue intacte, et ce qui arrive à la suivante",
        caption="En caractères, sauf les lots (nombre d’éléments d’une requête, ou octets). "
        "≥ : rien n’a cédé jusque-là. ⚠ : ni un refus clair, ni une coupe annoncée.",
        notes=f"Partout comme annoncé, puis un refus clair ou une coupe annoncée : {fr.join(kept)}."
        if kept
        else None,
    )


def _limit(row: Any) -> Any:
    found = int(row["trouvee"])
    size = fr.size(found) if row["unite"] == "octets" else fr.integer(found)
    if not row["bornee"]:
        return f"≥ {size}"
    return f"{size}, {_SHORT.get(str(row['au_dela']), str(row['au_dela']))}"


def limits_finding(limites: pd.DataFrame) -> None:
    """How many announced limits are the real ones, and the worst of what happens beyond."""
    told = limites[limites["annoncee"].notna()]
    met = told[told["bornee"] & (told["trouvee"] == told["annoncee"])]
    rest = told[~told.index.isin(met.index)]
    where = fr.join([
        f"{name} ({_labels(part['backend'])})" for name, part in rest.groupby("libelle", sort=False)
    ])  # fmt: skip
    title = (
        f"{fr.integer(len(met))} des {fr.integer(len(told))} bornes annoncées sont exactes"
        if len(rest)
        else f"Les {fr.integer(len(told))} bornes annoncées sont exactes"
    )
    text = f"Ne le sont pas : {where}. " if len(rest) else ""
    text += _layer_sentence(limites)
    page.finding(title, text)


def _layer_sentence(limites: pd.DataFrame) -> str:
    database = limites[limites["au_dela"] == "erreur de la base"]
    silent = limites[limites["au_dela"].isin(["coupe muette", "altérée", "illisible"])]
    parts = []
    if len(database):
        parts.append(
            f"Au-delà, l’erreur SQL brute de la base apparaît dans "
            f"{fr.count(len(database), 'case')} ({_labels(dict.fromkeys(database['backend']))}) : "
            f"{_unchecked(database)}. SQLite, qui n’applique pas la longueur des colonnes, "
            "accepte tout : une étude qui passe sur un portable échoue sur le serveur."
        )
    if len(silent):
        names = fr.join([
            f"{name} ({_labels(part['backend'])})"
            for name, part in silent.groupby("libelle", sort=False)
        ])  # fmt: skip
        parts.append(
            f"Coupées sans un mot de ce côté : {names}. À travers un serveur, c’est lui qui coupe "
            "et qui avertit, dans son propre journal : celui qui écrit ne l’apprend pas."
        )
    return " ".join(parts)


def _unchecked(database: pd.DataFrame) -> str:
    """Where the database refuses: did MLflow check a length that is too great, or none?"""
    announced = database["annoncee"].notna()
    parts = [
        f"dans {fr.integer(count)}, {words}"
        for count, words in (
            (int(announced.sum()), "MLflow vérifie une longueur que la colonne ne peut pas recevoir"),
            (int((~announced).sum()), "aucune borne n’est annoncée, et MLflow ne vérifie rien"),
        )
        if count
    ]  # fmt: skip
    return " ; ".join(parts)


def batch_bytes_finding(limites: pd.DataFrame) -> None:
    """The announced limit of one megabyte per request."""
    rows = limites[limites["limite"] == "batch_bytes"]
    if rows.empty:
        return
    row: Any = rows.iloc[0]
    if row["bornee"]:
        page.finding(f"Une requête est bornée à {fr.size(float(row['trouvee']))}")
        return
    page.finding(
        "La borne de 1 Mo par requête n’est pas appliquée",
        f"Le serveur a pris {fr.size(float(row['trouvee']))} d’étiquettes en une requête. Le contrôle "
        "existe (`_validate_batch_log_api_req`, `mlflow/utils/validation.py:628`), mais reçoit le "
        "corps déjà analysé (`mlflow/server/handlers.py:2823`) : `len` y compte les clés d’un "
        "dictionnaire, quatre au plus, et non des octets.",
    )


# --- paging --------------------------------------------------------------------------


def paging_findings(pages: pd.DataFrame) -> None:
    """Complete at rest?  And while the experiment changes?"""
    still = pages[pages["essai"] == "complète"]
    faults = int((still["manquants"] + still["doublons"]).sum())
    if faults == 0:
        page.finding(
            "Au repos, la recherche page par page est complète",
            f"{fr.integer(int(still['attendus'].sum()))} runs attendus, tous lus une fois et une "
            f"seule, sur {_labels(_backends(still))}, même quand tous sont ex æquo.",
        )
    else:
        page.finding(
            f"Même au repos, {fr.count(faults, 'run oublié ou lu deux fois', 'runs oubliés ou lus deux fois')}"
        )
    added, removed = pages[pages["essai"] == "ajout"], pages[pages["essai"] == "retrait"]
    doubled, missed = int(added["doublons"].sum()), int(removed["manquants"].sum())
    if doubled or missed:
        page.finding(
            "Pendant que l’expérience change, la lecture page par page double ou oublie des runs",
            f"Un run créé après la première page : {fr.count(doubled, 'run lu deux fois', 'runs lus deux fois')} "
            f"en {fr.count(len(added), 'lecture')}. Un run supprimé après la première page : "
            f"{fr.count(missed, 'run oublié', 'runs oubliés')} en {fr.count(len(removed), 'lecture')}. "
            "Le jeton de page est un rang : tout ce qui entre ou sort au-dessus décale la suite. "
            "Lire chaque run une fois, même pendant une écriture, est une attente de lecteur : le "
            "chapitre 2 l’éprouve (T18). Un export fait pendant que des runs tournent peut être "
            "incomplet sans le dire.",
        )
    else:
        page.finding("La lecture page par page supporte un ajout et un retrait en cours de route")
    default = pages[(pages["essai"] == "défaut") & (pages["manquants"] > 0)]
    if len(default):
        row: Any = default.iloc[0]
        page.prose(
            f"Sans `max_results`, une seule page de {fr.integer(int(row['lus']))} runs est rendue sur "
            f"{fr.integer(int(row['attendus']))} : celui qui ne suit pas le jeton de page en oublie "
            f"{fr.integer(int(row['manquants']))}."
        )


# --- deletion ------------------------------------------------------------------------


COMPANIONS = (
    "model_param", "model_tag", "span_name", "trace_request", "feedback", "registered_model",
)  # fmt: skip
"""What may stay of a run besides what it bears itself: of its models, traces and versions."""


def deletion_table(restes: pd.DataFrame, kinds: Mapping[str, str], counted: Sequence[str]) -> None:
    """What remains after ``gc``: kind × store → places.

    ``counted``: the kinds that belong to the run itself; its companions are shown too.
    """
    backends = _backends(restes)
    rows = []
    labels = {**kinds, "id run": "identifiant du run", "id modèle": "identifiant du modèle",
              "id trace": "identifiant de la trace", "id run fils": "identifiant du run fils"}  # fmt: skip
    for kind in (*counted, *COMPANIONS):
        row: dict[str, Any] = {"Donnée": labels[kind]}
        for backend in backends:
            part = restes[(restes["backend"] == backend) & (restes["genre"] == kind)]
            row[store_label(backend)] = int(part["lieu"].nunique()) or None
        if any(v for k, v in row.items() if k != "Donnée"):
            rows.append(row)
    if rows:
        counts = [store_label(backend) for backend in backends]
        alike = pd.DataFrame(rows).groupby(counts, dropna=False, sort=False)["Donnée"]
        page.table(
            alike.agg(" ; ".join).reset_index()[["Donnée", *counts]],
            label="tab-restes",
            title="Ce qui reste d’un run après `mlflow gc`",
            caption="Nombre de lieux (colonnes ou fichiers) où la donnée est encore. "
            f"Les {len(counted)} genres comptés sont ceux que le run porte lui-même ; les traces, les "
            "appréciations, les paramètres et étiquettes de ses modèles et le registre sont montrés en plus.",
        )


def deletion_finding(kpis: Kpis, restes: pd.DataFrame) -> None:
    """Does collection remove all that belongs to a run?"""
    records = _by_store(kpis, "stockage.suppression.restes.")
    gone = _by_store(kpis, "stockage.suppression.run.")
    alive = sum(int(r.valeur or 0) for r in gone.values())
    count = sum(int(r.n or 0) for r in gone.values())
    page.finding(
        "`mlflow gc` supprime les runs pour de bon"
        if not alive
        else f"Après `mlflow gc`, {fr.count(alive, 'run répond', 'runs répondent')} encore",
        f"{fr.integer(count)} runs supprimés puis collectés sur {_labels(gone)} : "
        f"{'aucun ne répond plus' if not alive else fr.count(alive, 'répond', 'répondent')}.",
    )
    left = {store: int(r.valeur or 0) for store, r in records.items()}
    if not any(left.values()):
        page.finding("Rien d’un run ne reste après `mlflow gc`")
        return
    places = restes[(restes["genre"] == "id run") & (restes["nature"] == "base")]
    columns = fr.join([_code(p) for p in sorted(set(places["lieu"]))])
    least, most = min(left.values()), max(left.values())
    span = f"{least}" if least == most else f"{least} à {most}"
    page.finding(
        f"`mlflow gc` laisse {span} des {next(iter(records.values())).n} genres de données d’un run",
        (f"Le numéro du run collecté est encore dans {columns}. " if columns else "")
        + _remaining(restes)
        + " La commande "
        "ne parcourt que les tables de `_RUN_DELETE_CASCADE_MODELS` et le dossier d’artefacts du run "
        "(`mlflow/store/tracking/sqlalchemy_store.py:1319`) ; depuis MLflow 3 un modèle n’y est "
        "plus. Le sujet 17240, fermé, n’a réglé que le modèle supprimé à part.",
    )


def restore_sentence(kpis: Kpis) -> None:
    """A run that is deleted, then restored: is it whole?"""
    records = _by_store(kpis, "stockage.suppression.restauration.")
    whole = [store for store, record in records.items() if record.valeur is True]
    damaged = [store for store in records if store not in whole]
    if whole:
        page.prose(
            f"Supprimé puis restauré, le run revient entier sur {_labels(whole)} : paramètres, "
            "métriques, étiquettes, jeu de données et appréciations."
        )
    if damaged:
        page.prose(f"Supprimé puis restauré, le run ne revient pas entier sur {_labels(damaged)}.")
    lost = [
        store
        for store in damaged
        if records[store].conditions["rendues"] != records[store].conditions["appreciations"]
    ]
    if lost:
        page.prose(
            f"Sur {_labels(lost)}, les appréciations qui nomment le run, comme celles "
            "qu’écrit `mlflow.genai.evaluate`, sont effacées pour de bon dès sa suppression "
            "(`_mark_run_deleted`, `mlflow/store/tracking/sqlalchemy_store.py:964`) : rien ne "
            "reste à restaurer. Supprimer une expérience passe par la même fonction."
        )


def _remaining(restes: pd.DataFrame) -> str:
    """Which of a run's companions are still there."""
    kinds = set(restes["genre"])
    parts = []
    if "model_weight" in kinds:
        still = " (ils répondent encore à `get_logged_model`)"
        parts.append("ses modèles" + (still if restes["modele_lisible"].any() else ""))
    if "id trace" in kinds:
        parts.append("ses traces")
    if "feedback" in kinds:
        parts.append("leurs appréciations")
    if "dataset_context" in kinds:
        parts.append("le lien de son jeu de données")
    return f"Restent entiers : {fr.join(parts)}." if parts else "Rien d’autre n’en reste."


def space_table(place: pd.DataFrame) -> None:
    """Bytes of a heavy experiment: taken, given back by gc, by compaction."""
    rows = []
    for backend in _backends(place):
        at: Any = place[place["backend"] == backend].set_index("moment")["octets"]
        rows.append(
            {
                "Magasin": store_label(backend),
                "Pris": int(at["pleine"] - at["vide"]),
                "Rendu à la suppression": max(0, int(at["pleine"] - at["supprimée"])),
                "Rendu par gc": max(0, int(at["pleine"] - at["gc"])),
                "Rendu après compactage": int(at["pleine"] - at["compactée"]),
            }
        )
    size = {name: fr.size for name in rows[0] if name != "Magasin"}
    lines = int(place["lignes"].iloc[0])
    page.table(
        pd.DataFrame(rows),
        label="tab-place",
        title="La place que rend une suppression",
        caption=f"Une expérience de 20 runs ({fr.integer(lines)} lignes ou points), supprimée, collectée, puis la "
        "base compactée à sa manière : `VACUUM`, `VACUUM FULL`, `OPTIMIZE TABLE`.",
        formats=size,
    )


def space_finding(kpis: Kpis) -> None:
    """Does gc give the disk back?"""
    records = {
        store: float(r.valeur or 0)
        for store, r in _by_store(kpis, "stockage.suppression.place_rendue.").items()
    }
    none = [store for store, share in records.items() if share < 0.05]
    some = [store for store in records if store not in none]
    if not none:
        page.finding("`mlflow gc` rend la place au disque")
        return
    text = f"Rien, ou presque, n’est rendu sur {_labels(none)}"
    text += f" ; la place est rendue sur {_labels(some)}." if some else "."
    page.finding(
        "Supprimer ne rend pas la place : il faut compacter la base",
        text + " Les lignes effacées laissent des pages libres que la base garde pour elle, et "
        "réutilise. MLflow n’a pas de commande pour la compacter.",
    )


# --- migration -----------------------------------------------------------------------


def migration_table(cas: pd.DataFrame) -> None:
    """One row per trait of the file store."""
    rows = []
    for row in cas.to_dict("records"):
        if row["refus"]:
            outcome = "⚠ refusée en entier"
        elif row["silencieux"]:
            outcome = "⚠ « succès », avec perte"
        else:
            outcome = "fidèle"
        rows.append(
            {
                "Le magasin de fichiers contient": str(row["libelle"]),
                "Objets": int(row["objets"]),
                "Altérés": None if row["refus"] else int(row["alteres"]),
                "Perdus": None if row["refus"] else int(row["perdus"]),
                "Issue": outcome,
            }
        )
    page.table(
        pd.DataFrame(rows),
        label="tab-migration",
        title="La migration, cas par cas",
        caption="Objets : runs, paramètres, points, étiquettes… relus par l’interface des deux côtés.",
    )


def alterations_table(cas: pd.DataFrame, entites: pd.DataFrame) -> None:
    """What changed, with an example."""
    labels = dict(zip(cas["cas"], cas["libelle"], strict=True))
    harmed = entites[(entites["alteres"] + entites["perdus"]) > 0]
    if harmed.empty:
        return
    page.table(
        pd.DataFrame(
            {
                "Cas": [labels.get(str(case), str(case)) for case in harmed["cas"]],
                "Ce qui change": harmed["entite"],
                "Altérés ou perdus": harmed["alteres"] + harmed["perdus"],
                "Exemple": [
                    _example(str(entity), str(text))
                    for entity, text in zip(harmed["entite"], harmed["exemple"], strict=True)
                ],
            }
        ),
        label="tab-alterations",
        title="Ce que la migration change en disant « succès »",
        caption="Avant → après, tel que l’interface de MLflow le rend.",
    )


_FIELDS = {
    "appréciations": ("valeur", "justification", "date de l’appréciation"),
    "points de métrique": ("pas", "horodatage", "valeur"),
    "métriques de modèle": ("valeur", "run", "jeu de données", "empreinte"),
}
"""Entity → names of the fields that the comparison of a migration reads of it, in order."""


def _example(entity: str, text: str) -> str:
    """What changed: the fields that differ, by name, where an entity has several; else the texts.

    The beginning of both texts may be cut: fields are counted from the end.
    """
    if lost := re.match(r"perdu : \('([^']+)', ", text):
        return f"perdu : {_code(lost[1])}"
    whole = re.fullmatch(r"(.+)\) → (.+)\)", text)
    sides = [side.lstrip("(").split(", ") for side in whole.groups()] if whole else [[], []]
    names = _FIELDS.get(entity, ())
    if not 0 < len(sides[0]) == len(sides[1]) <= len(names):
        return _code(_short(text))
    fields = zip(names[-len(sides[0]) :], *sides, strict=True)
    changed = [(name, old, new) for name, old, new in fields if old != new]
    return " ; ".join(f"{name} : {_field(old)} → {_field(new)}" for name, old, new in changed)


def _field(text: str) -> str:
    """A value as it was read; the day of a time in milliseconds."""
    if not re.fullmatch(r"\d{13}", text):
        return _code(_short(text.strip("'")))
    day = datetime.fromtimestamp(int(text) / 1000, UTC)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


_MONTHS = ("janv.", "févr.", "mars", "avril", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")  # fmt: skip


def _short(text: str) -> str:
    text = re.sub(r"file:///\S+", "file:///…", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "‹id›", text).replace("`", "'")
    return text if len(text) <= 110 else text[:107] + "…"


_CUT = "abime"
"""The case that is no sound store: one of its files is cut, as after a crash."""
_CHANGES = {
    "infini": "l’infini, remplacé par le plus grand flottant (`_sanitize_metric_value`)",
    "retour": "les fins de ligne `\\r\\n`, lues par `read_text` qui les réduit à `\\n`",
    "modele": "la métrique `NaN` d’un modèle, que la base ne garde pas",
    "riche": "la date d’une appréciation, cherchée sous un nom que le fichier n’a pas (`create_time_ms`)",
    _CUT: "le run dont `meta.yaml` ne se lit pas, que la migration saute (`safe_read_yaml`)",
}
"""Case → what the source of the migration does to it (``mlflow/store/fs2db``)."""


def _silent_finding(cas: pd.DataFrame) -> None:
    """«Success» said, and data that are not the same: among sound stores, and the cut one."""
    silent, sound = cas[cas["silencieux"]], cas["cas"] != _CUT
    if silent.empty:
        return
    changed, cut = int((cas["silencieux"] & sound).sum()), bool((cas["silencieux"] & ~sound).any())
    where = []
    if changed:
        count = fr.count(changed, "magasin sain", "magasins sains")
        where.append(f"dans {count} sur {int(sound.sum())}")
    if cut:
        where.append(f"dans {'celui' if changed else 'le magasin'} dont un fichier est coupé")
    changes = [_CHANGES[case] for case in silent["cas"] if case in _CHANGES]
    page.finding(
        f"La migration dit « succès » et change ou perd des données {', et '.join(where)}",
        f"Cas : {' ; '.join(map(str, silent['libelle']))}. "
        + (f"En cause : {' ; '.join(changes)}." if changes else ""),
    )


_PHASES = {
    "schéma": "pendant que MLflow crée ses tables, quand rien ne peut être à moitié migré",
    "données": "une fois toutes les tables créées, les seuls que S19 compte",
}
"""Phase that a kill struck → what it means."""


def _struck_phases(struck: pd.DataFrame) -> str:
    """How many kills struck each phase, and when in the duration."""
    parts = []
    for phase, words in _PHASES.items():
        at = struck[struck["phase"] == phase]["moment"]
        if len(at):
            ends = dict.fromkeys(fr.percent(float(end), 2) for end in (at.min(), at.max()))
            when = f"de {' à '.join(ends)}" if len(ends) > 1 else f"à {next(iter(ends))}"
            parts.append(f"{len(at)} {words} ({when} de la durée)")
    return " ; ".join(parts)


def migration_findings(cas: pd.DataFrame, arrets: pd.DataFrame, ecrasement: pd.DataFrame) -> None:
    """Lossless?  Atomic?  Re-runnable?"""
    legal = cas[cas["cas"] != _CUT]
    refused, silent = legal[legal["refus"]], legal[legal["silencieux"]]
    harmed = len(refused) + len(silent)
    by_name: Any = legal.set_index("cas")
    if not harmed:
        page.finding(
            "La migration est fidèle dans tous les cas essayés",
            f"{fr.count(len(legal), 'cas', 'cas')}, chaque objet relu des deux côtés.",
        )
    elif "ordinaire" in by_name.index and by_name.loc["ordinaire", "refus"]:
        page.finding(
            "La migration refuse un magasin ordinaire : une métrique, puis un modèle",
            "Sur fichiers, `log_model` réécrit les métriques du run à son pas pour les lier au "
            "modèle (`mlflow/models/model.py:1127`) : le même point est alors deux fois dans le "
            "fichier. La base, elle, n’admet un point qu’une fois, et la migration "
            "insère ligne à ligne sans écarter les doubles "
            "(`mlflow/store/fs2db/_tracking.py`) : une erreur `UNIQUE constraint failed` annule "
            "tout. Quiconque a journalisé une métrique puis un modèle, dans le même run et au même "
            "pas (c’est le cas si l’on n’en donne aucun), avec MLflow 3 sur fichiers est exposé ; "
            "nous n’avons trouvé aucun sujet ouvert à ce propos.",
        )
    else:
        page.finding(f"La migration perd, altère ou refuse dans {harmed} cas sur {len(legal)}")
    _silent_finding(cas)
    struck = arrets[~arrets["fini"]]
    partial, failed = int(struck["partiel"].sum()), int((arrets["reprise"] != 0).sum())
    other = int((~arrets["identique"]).sum())
    if partial or failed or other:
        page.finding(
            "Tuée en route, la migration laisse un état intermédiaire",
            f"{fr.count(partial, 'état partiel', 'états partiels')}, "
            f"{fr.count(failed, 'reprise refusée', 'reprises refusées')}, "
            f"{fr.count(other, 'résultat différent', 'résultats différents')} en {fr.count(len(arrets), 'arrêt')}.",
        )
    else:
        alone = arrets["sans_reponse"].dropna()
        script = (
            " La reprise demande `Overwrite?` : dans un script, où personne ne répond, elle s’arrête."
            if len(alone) and int(alone.iloc[0]) != 0
            else ""
        )
        page.finding(
            "Tuée en route, la migration ne laisse rien à moitié, et se relance",
            f"{fr.count(len(struck), 'arrêt brutal', 'arrêts brutaux')} : {_struck_phases(struck)}. "
            "Jamais une partie des lignes n’est visible, et la reprise "
            f"donne la même base.{script} C’est ce que juge S20 : un arrêt brutal, puis la même "
            "commande, vers une base qui n’existait pas au départ. Une base déjà remplie est un autre cas.",
        )
    row: Any = ecrasement.iloc[0]
    lost = int(row["runs_avant"]) - int(row["runs_apres"])
    if lost:
        page.finding(
            "Une base existante est effacée avant que la migration ait réussi",
            "À la question `Overwrite?`, répondre oui efface la base aussitôt "
            "(`mlflow/store/fs2db/cli.py:42`) ; si la source est ensuite refusée, "
            f"l’ancienne est perdue : {fr.count(lost, 'run')} sur {row['runs_avant']} dans notre essai. "
            "S20 ne porte pas sur ce cas. "
            "La migration n’est atomique que pour ce qu’elle apporte.",
        )
