"""Figures and sentences of «La capacité», «Le temps d’accès» and «L’écriture à plusieurs».

Everything is computed from the chapter's KPIs (by id) and from its observations; each
sentence exists in all its variants.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from mlflow_study.evidence.records import Kpi
from mlflow_study.evidence.statistics import rate_interval
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import page
from mlflow_study.presentation.figures import format_axis, new, store_colour, store_label
from mlflow_study.storage.cost_kpis import NOT_TRIED

Kpis = Mapping[str, Kpi]

STORES = ("file", "sqlite", "postgresql", "mariadb", "http+sqlite", "http+postgresql", "uri")
DEFAULT = "sqlite"
OPERATIONS = {
    "create_run": "create_run",
    "log_param": "log_param",
    "log_metric": "log_metric",
    "log_batch": "log_batch (1 000 métriques)",
    "log_artifact": "log_artifact (1 Mio)",
    "get_run": "get_run",
    "get_metric_history": "get_metric_history",
    "search_filter": "search_runs, filtre",
    "search_order": "search_runs, tri",
    "search_page": "search_runs, page 2",
    "search_last": "search_runs, dernière page",
    "search_all": "search_runs, tout",
    "load_model": "load_model",
    "get_run_history": "get_run (long historique)",
}
DATA = {
    "point": "point de métrique",
    "param": "paramètre",
    "etiquette": "étiquette",
    "run": "run (sa ligne, ou son dossier)",
    "modele": "modèle enregistré",
    "nom": "nom du registre",
    "version": "version du registre",
}
NOT_TESTED = "non éprouvé"
_WAL = "sqlite+wal"


def label(store: str) -> str:
    """French name of a store, the WAL variant of SQLite included."""
    return "SQLite, journal WAL" if store == _WAL else store_label(store)


def code(operation: str) -> str:
    return f"`{operation}`"


SEARCHES = {
    "search_filter": "filtrée",
    "search_order": "triée",
    "search_page": "de la page 2",
    "search_last": "de la dernière page",
    "search_all": "de tous les runs",
}
"""What each use of ``search_runs`` is; the other operations bear their name in the API."""


def called(names: Iterable[str]) -> list[str]:
    """«`get_run`», «la recherche triée»: operations in a sentence."""
    return [f"la recherche {SEARCHES[name]}" if name in SEARCHES else code(name) for name in names]


def bounds(record: Kpi) -> tuple[float, float]:
    """The interval of a ratio; the range of what two calls give, where calls are few."""
    if record.intervalle is not None:
        return record.intervalle
    low, high = (
        float(record.conditions.get(name, record.valeur or 0))
        for name in ("etendue_bas", "etendue_haut")
    )
    return low, high


def _certain(record: Kpi, low: float, high: float) -> str:
    """«IC à 95 % : 2–4 ; n = 60», or «étendue : 1–5 ; n = 3» where calls are few."""
    ranged = record.intervalle is None and "etendue_bas" in record.conditions
    name = "étendue" if ranged else "IC à 95 %"
    return f"{name} : {fr.interval(low, high)} ; n = {record.n}"


def value(kpis: Kpis, id: str) -> float | None:
    """The number of a KPI, None where it is absent or was not measured."""
    record = kpis.get(id)
    return None if record is None or record.valeur is None else float(record.valeur)


def stores_of(kpis: Kpis, prefix: str) -> list[str]:
    """Stores that have a KPI ``<prefix>.<store>``, in the order of the report."""
    return [store for store in (*STORES, _WAL) if f"{prefix}.{store}" in kpis]


def comparison(record: Kpi, subject: str, other: str, *, slower: bool = True) -> str:
    """«X est n fois plus lent que Y», «plus rapide», or no difference shown.

    ``record`` is the ratio of X's duration to Y's.  ``slower=False`` speaks of sizes.
    """
    more, less = ("plus lent", "plus rapide") if slower else ("plus gros", "plus petit")
    if record.valeur is None:
        return f"{subject} n’a pas pu être comparé à {other}"
    ratio = float(record.valeur)
    low, high = record.intervalle or (ratio, ratio)
    if low > 1:
        return f"{subject} est {_times(ratio, low, high, record.n)} {more} que {other}"
    if high < 1:
        return f"{subject} est {_times(1 / ratio, 1 / high, 1 / low, record.n)} {less} que {other}"
    return f"aucune différence n’est montrée entre {subject} et {other} ({fr.measured(ratio, 'rapport', (low, high), record.n)})"


def _times(ratio: float, low: float, high: float, n: int | None) -> str:
    return fr.measured(ratio, "rapport", (low, high), n)


# --- bytes --------------------------------------------------------------------------


def bytes_table(kpis: Kpis) -> None:
    """Bytes per datum on each store, and the share of indexes."""
    stores = [s for s in STORES if any(f"stockage.capacite.octets_{d}.{s}" in kpis for d in DATA)]
    rows = []
    for datum, words in DATA.items():
        row: dict[str, str] = {"Donnée": words}
        for store in stores:
            record = kpis.get(f"stockage.capacite.octets_{datum}.{store}")
            index = value(kpis, f"stockage.capacite.part_index_{datum}.{store}")
            text = NOT_TESTED
            if record is not None and record.valeur is not None:
                low, high = record.intervalle or (float(record.valeur),) * 2
                text = f"{fr.size(record.valeur)} ({fr.interval(low, high)})"
                if index is not None:
                    text += f", dont index {fr.percent(index, 2)}"
            row[store_label(store)] = text
        rows.append(row)
    page.table(
        pd.DataFrame(rows),
        label="tab-octets",
        title="Ce que pèse une donnée de plus",
        caption="Pente d’une droite ajustée aux tailles mesurées, avec son intervalle à 95 % en octets. "
        "Bases : lignes et index. Fichiers : blocs réellement pris sur le disque, dossiers compris.",
        row_header="Donnée",
    )


def bytes_sentence(kpis: Kpis) -> str:
    """What dominates: the blocks of small files, the indexes of databases."""
    parts = []
    param = kpis.get("stockage.capacite.octets_param.file")
    if param is not None and param.valeur:
        apparent = float(param.conditions.get("octets_apparents", 0))
        parts.append(
            f"Dans un magasin de fichiers, un paramètre de {fr.size(apparent)} occupe "
            f"{fr.size(param.valeur)} de disque : un fichier prend au moins un bloc."
        )
    shares = {store: value(kpis, f"stockage.capacite.part_index_point.{store}") for store in STORES}
    shown = [
        f"{fr.percent(share, 2)} dans {store_label(store)}"
        for store, share in shares.items()
        if share is not None
    ]
    if shown:
        parts.append(f"Les index font {fr.join(shown)} de ce que pèse un point de métrique.")
    return " ".join(parts) or "Aucune taille n’a pu être mesurée."


def point_title(kpis: Kpis) -> str:
    """The finding about a metric point, the smallest stores first."""
    found = {
        store: size
        for store in STORES
        if (size := value(kpis, f"stockage.capacite.octets_point.{store}")) is not None
    }
    if not found:
        return "Le poids d’un point de métrique n’a pas été mesuré"
    ordered = sorted(found.items(), key=lambda item: item[1])
    words = [f"{fr.size(size)} ({store_label(store)})" for store, size in ordered]
    return f"Un point de métrique pèse {fr.join(words)}"


# --- growth -------------------------------------------------------------------------

PANELS = ("search_page", "search_order", "search_filter", "search_all", "create_run", "get_metric_history")  # fmt: skip


STEEP = 1.1
"""An exponent surely above it is more than linear."""


def growth_figure(kpis: Kpis, temps: pd.DataFrame, cap_s: float) -> None:
    """Time of six operations against the size of the store; what was stopped is shown."""
    fig, axes = new(height=6.2, nrows=3, ncols=2, sharey=True)
    stopped, untried = 0, False
    for axis, operation in zip(axes.flat, PANELS, strict=True):
        for store, calls in temps[temps["operation"] == operation].groupby("magasin"):
            colour = store_colour(str(store))
            measured = calls[calls["issue"] == "mesure"]
            if len(measured):
                axis.plot(measured["taille"], measured["wall_s"], ".", color=colour, alpha=0.5)
                medians = measured.groupby("taille")["wall_s"].median()
                axis.plot(
                    medians.index,
                    medians.to_numpy(),
                    "-",
                    color=colour,
                    label=store_label(str(store)),
                )
            over = calls[calls["issue"] == "plafond"]
            stopped += int(over["taille"].nunique())
            untried |= bool((calls["issue"] == NOT_TRIED).any())
            axis.plot(over["taille"], [cap_s] * len(over), "^", color=colour, mfc="none")
        axis.axhline(1.0, linewidth=0.8, linestyle=":", color="0.5")
        axis.set(xscale="log", yscale="log", title=OPERATIONS[operation])
        axis.set_xlabel("points relus" if "history" in operation else "runs de l’expérience")
        format_axis(axis.yaxis, "s")
    handles: dict[str, Any] = {}
    for axis in axes.flat:
        handles |= {str(line.get_label()): line for line in axis.get_lines()
                    if not str(line.get_label()).startswith("_")}  # fmt: skip
    if handles:
        fig.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4)
    slowest = _worst_growth(kpis, temps)
    triangle = (
        f" Triangle : appel arrêté à {fr.duration(cap_s)} "
        f"({fr.count(stopped, 'taille arrêtée', 'tailles arrêtées')}"
        f"{' ; non tenté au-delà' if untried else ''})."
        if stopped
        else ""
    )
    page.figure(
        fig,
        label="fig-croissance",
        title=slowest,
        caption="Chaque point est un appel, le trait passe par les médianes ; échelles logarithmiques. "
        f"Pointillé : 1 s.{triangle} Le client et la base sont sur la même machine.",
        alt="Six graphiques du temps d’une opération selon la taille du magasin, une courbe par magasin. "
        + slowest + ".",
    )  # fmt: skip


def _worst_growth(kpis: Kpis, temps: pd.DataFrame) -> str:
    """The operation whose exponent is surely the largest; the first one stopped where none is steep."""
    laws = [
        record
        for id, record in kpis.items()
        if id.startswith("stockage.croissance.")
        and record.intervalle is not None
        and id.split(".")[2] in PANELS
    ]
    record = max(laws, key=_surely, default=None)
    low = -math.inf if record is None else _surely(record)
    stopped = temps[temps["issue"].eq("plafond") & temps["operation"].isin(PANELS)]
    if low <= STEEP and len(stopped):
        first = stopped.sort_values("taille").iloc[0]
        subject = f"{OPERATIONS[first['operation']]} ({store_label(str(first['magasin']))})"
        cap, size = fr.duration(float(first["wall_s"])), fr.count(int(first["taille"]), "run")
        return f"{subject} est arrêté au plafond de {cap} à {size}"
    if record is None:
        return "La croissance n’a pas pu être mesurée"
    operation, store = record.id.split(".")[2:]
    exponent = fr.measured(float(record.valeur or 0), "", record.intervalle, record.n)
    subject = f"{OPERATIONS[operation]} ({store_label(store)})"
    if low > STEEP:
        return f"{subject} croît plus vite que la taille du magasin, avec un exposant de {exponent}"
    if low > 0:
        return f"Rien ne croît nettement plus vite que la taille ; le plus pentu, {subject}, a un exposant de {exponent}"
    return "Aucune croissance n’est montrée aux tailles mesurées"


def _surely(record: Kpi) -> float:
    """The lower bound of a KPI's interval."""
    return record.intervalle[0] if record.intervalle is not None else -math.inf


def practical_table(kpis: Kpis) -> None:
    """Sizes at which each operation passes 1 s and 10 s."""
    prefix = "stockage.capacite.pratique_"
    ids = [id for id in kpis if id.startswith(prefix)]
    stores = [s for s in STORES if any(id.endswith(f".{s}") for id in ids)]
    operations = [o for o in OPERATIONS if any(f".{o}." in id for id in ids)]
    rows, flat = [], []
    for operation in operations:
        cells = {
            store_label(store): [
                kpis.get(f"{prefix}{threshold}.{operation}.{store}") for threshold in ("1s", "10s")
            ]
            for store in stores
        }
        if all(r is None or r.valeur is None for pair in cells.values() for r in pair):
            flat.append(operation)
            continue
        rows.append(
            {"Opération": OPERATIONS[operation]}
            | {
                name: f"1 s :\u00a0{_reached(one)} ; 10 s :\u00a0{_reached(ten)}"
                for name, (one, ten) in cells.items()
            }
        )
    if rows:
        page.table(
            pd.DataFrame(rows),
            label="tab-pratique",
            title="À quelle taille une opération courante devient lente",
            caption="Runs de l’expérience (points relus pour les historiques) où l’opération atteint 1 s, puis 10 s. "
            "« ≤ » : une taille mesurée la dépasse déjà ; « ≈ » : **extrapolé** par une loi ajustée aux trois plus grandes "
            "tailles, avec l’intervalle de sa pente ; « – » : aucune croissance montrée ; « > » : au-delà de cent fois la "
            "plus grande taille mesurée ; « ? » : moins de trois tailles mesurées, rien n’est extrapolé.",
            row_header="Opération",
        )
    if flat:
        page.prose(
            "Jusqu’aux tailles mesurées, aucun seuil n’est atteint ni ne peut être extrapolé pour "
            f"{fr.join(called(flat))}."
        )


_SIGNS = {"trop loin": ">", "trop peu de tailles": "?"}


def practical_size(record: Kpi, *, unit: bool = True) -> str:
    """Where an operation becomes slow: «≤ 3 200 runs» (a measured size), «≈ 550 000 runs» (extrapolated).

    ``record``: a KPI ``stockage.capacite.pratique_…``; without a value, a dash or a sign.
    """
    if record.valeur is None:
        return _SIGNS.get(str(record.conditions.get("origine")), fr.MISSING)
    sign = "\u2264" if record.conditions.get("origine") == "mesuré" else "\u2248"
    size = f"{sign}\u00a0{fr.integer(_round(float(record.valeur)))}"
    return f"{size}\u00a0{record.unite}" if unit else size


def _reached(record: Kpi | None) -> str:
    """A cell of the table: the size, with its interval where it is extrapolated."""
    if record is None:
        return NOT_TESTED
    text = practical_size(record, unit=False)
    if record.intervalle is not None and record.conditions.get("origine") != "mesuré":
        low, high = (_round(bound) for bound in record.intervalle)
        text += f" ({fr.integer(low)}–{fr.integer(high)})"
    return text


def _round(size: float) -> int:
    """Two significant digits: an extrapolation has no more."""
    if size <= 0:
        return 0
    digits = math.floor(math.log10(size)) - 1
    return int(round(size / 10**digits) * 10**digits) if digits > 0 else round(size)


def sorting_finding(kpis: Kpis, temps: pd.DataFrame, plans: pd.DataFrame) -> None:
    """Does SQLite's sorted search grow worse than linearly, why, and does ANALYZE cure it?

    A cause is given only where there is an effect: a growth that is shown, or calls that
    were stopped at their cap.
    """
    law = kpis.get("stockage.croissance.search_order.sqlite")
    if law is None:
        page.finding("La croissance de la recherche triée de SQLite n’a pas été mesurée")
        return
    sqlite = temps[temps["magasin"] == "sqlite"]
    sorting = sqlite[sqlite["operation"] == "search_order"]
    stopped = sorting[sorting["issue"] == "plafond"]
    grows = _surely(law) > 1
    exponent = (
        f"L’exposant de croissance de `search_runs(order_by=…)` sur SQLite vaut {fr.kpi(law)}. "
    )
    if law.valeur is None and len(stopped):
        title, text = _stopped_sorting(sorting, stopped)
    elif grows:
        title = "Sur le magasin par défaut, le temps d’un tri des runs par une métrique croît plus vite que leur nombre"
        text = exponent
    elif len(stopped):
        title = f"{_passes_cap(stopped)} ; sa loi de croissance n’est pas établie"
        text = exponent + _unsettled(stopped)
    else:
        title = "Sur le magasin par défaut, aucune croissance plus que linéaire de la recherche triée n’est montrée"
        text = exponent
    text += _largest_sorting(sorting) + _beside_files(kpis)
    if grows or len(stopped):
        scanned = _scanned(plans)
        text += " " + (_sorting_cause(grows) if scanned else _NOT_SCANNED)
        cured = sqlite[sqlite["operation"] == "search_order_analyze"]
        if len(cured):
            text += " " + _analyzed(sorting, cured["wall_s"], scanned)
    page.finding(title, text)


def _beside_files(kpis: Kpis) -> str:
    """The same search beside the file store, at the largest size that both reached."""
    ratio = kpis.get("stockage.volume.sur_fichiers.search_order.sqlite")
    if ratio is None or ratio.valeur is None:
        return ""
    return (
        f" À {fr.count(int(ratio.conditions['runs']), 'run')}, la plus grande taille que les deux "
        f"magasins ont atteinte, sa durée est {fr.number(float(ratio.valeur), 2)} fois celle du "
        f"magasin de fichiers (n = {ratio.n})."
    )


def _largest_sorting(sorting: pd.DataFrame) -> str:
    """How long the sorted search takes at the largest size; where it was stopped, or not tried."""
    largest = int(sorting["taille"].max())
    calls = sorting[sorting["taille"] == largest]
    tried = sorting[sorting["issue"] != NOT_TRIED]
    last = tried[tried["taille"] == tried["taille"].max()]
    size = fr.count(int(last["taille"].iloc[0]), "run")
    cap = fr.duration(float(last["wall_s"].max()))
    if (last["issue"] == "mesure").all():
        text = f"À {size}, elle demande {fr.duration(last['wall_s'].median())} (n = {len(last)})"
    else:
        text = f"À {size}, le seul appel est arrêté au plafond de {cap} (n = {len(last)})"
    untried = (calls["issue"] == NOT_TRIED).all()
    return text + (f" ; à {fr.count(largest, 'run')}, il n’est pas tenté." if untried else ".")


def _passes_cap(stopped: pd.DataFrame) -> str:
    """The sorted search passes its cap, at the first size where it was stopped."""
    first, cap = int(stopped["taille"].min()), float(stopped["wall_s"].max())
    return (
        "Sur le magasin par défaut, la recherche triée dépasse "
        f"{fr.duration(cap)} à {fr.count(first, 'run')}"
    )


def _unsettled(stopped: pd.DataFrame) -> str:
    """Why an exponent that leaves out the stopped calls says too little."""
    sizes = fr.count(stopped["taille"].nunique(), "taille est arrêtée", "tailles sont arrêtées")
    return f"Il n’est ajusté qu’aux appels achevés, et {sizes} au plafond : il est sans doute trop bas. "


def _scanned(plans: pd.DataFrame) -> bool:
    """Does SQLite read the whole subquery again for each run?"""
    plan = plans[(plans["magasin"] == "sqlite") & (plans["operation"] == "search_order")]
    return any("SCAN anon" in str(text) for text in plan["plan"])


_NOT_SCANNED = "Le plan de SQLite ne relit pas la sous-requête pour chaque run."


def _sorting_cause(grows: bool) -> str:
    """What the plan says: the cause of a growth that is shown, or a growth to be expected."""
    says = "en montre la cause, un" if grows else "annonce un"
    return (
        f"Le plan de SQLite {says} travail en carré du nombre de runs : la sous-requête qui porte la "
        "métrique est relue en entier pour chaque run (`SCAN anon_1`). MLflow écrit cette "
        "sous-requête dans `_get_orderby_clauses` (`mlflow/store/tracking/sqlalchemy_store.py`, l. 10093), "
        "et ne donne jamais à SQLite les statistiques qui lui feraient choisir un index. "
        "Nous n’avons pas trouvé ce cas signalé dans les sujets publics de mlflow/mlflow ; le plus proche, "
        "[le 2730](https://github.com/mlflow/mlflow/issues/2730), demande que la recherche passe le millier de runs."
    )


CURED = 1.5
"""The same call before and after ``ANALYZE``: beyond this ratio, it helps."""


def analyzed_size(temps: pd.DataFrame) -> tuple[int, float, int] | None:
    """(runs, seconds, calls) of SQLite’s sorted search after ``ANALYZE``, where it clearly helps."""
    sqlite = temps[temps["magasin"] == "sqlite"]
    cured = sqlite[sqlite["operation"] == "search_order_analyze"]
    if cured.empty:
        return None
    sorting = sqlite[sqlite["operation"] == "search_order"]
    before = sorting[sorting["taille"] == sorting["taille"].max()]["wall_s"].median()
    after = float(cured["wall_s"].median())
    helps = before / after > CURED
    return (int(cured["taille"].max()), after, len(cured)) if helps else None


def _analyzed(sorting: pd.DataFrame, cured: pd.Series[float], scanned: bool) -> str:
    """The same call after ANALYZE, at the largest size, against the call before or its cap."""
    before, after = sorting[sorting["taille"] == sorting["taille"].max()], float(cured.median())
    ratio = float(before["wall_s"].median()) / after
    stopped = before["issue"].str.startswith("plafond").any()
    size, n = fr.count(int(before["taille"].iloc[0]), "run"), len(cured)
    took = f"{fr.duration(after)} à {size} (n = {n})"
    if ratio <= CURED:
        return f"Après la commande `ANALYZE`, l’appel demande {took} : rien de net n’y change."
    text = f"Après la commande `ANALYZE` sur la base, l’appel demande {took}, soit "
    if stopped:
        text += f"au moins {_floor(ratio)} fois moins que le plafond"
    else:
        text += f"{fr.number(ratio, 2)} fois moins"
    if scanned and ratio > 2:
        once = " ; un seul appel l’indique, sans le prouver" if n == 1 else ""
        return f"{text} : l’absence de statistiques explique la plus grande part de ce temps{once}."
    return f"{text}."


def _floor(ratio: float) -> str:
    """Two significant digits, rounded down: what is said to be reached is."""
    digits = max(0, 1 - math.floor(math.log10(ratio)))
    return fr.number(math.floor(ratio * 10**digits) / 10**digits, 2)


def _stopped_sorting(sorting: pd.DataFrame, stopped: pd.DataFrame) -> tuple[str, str]:
    """(title, text) where the sorted search was stopped too soon for an exponent."""
    calls = sorting[sorting["issue"] == "mesure"].groupby("taille")["wall_s"]
    medians, counts = calls.median(), calls.count().tolist()
    text = "L’appel est arrêté à son plafond avant qu’un exposant puisse être ajusté. "
    if len(medians) >= 2:
        (small, early), (large, late) = list(medians.items())[-2:]
        text += (
            f"De {fr.integer(int(str(small)))} à {fr.count(int(str(large)), 'run')}, "
            f"{fr.number(float(str(large)) / float(str(small)), 2)} fois plus, sa durée est multipliée "
            f"par {fr.number(late / early, 2)} (n = {counts[-2]} et {counts[-1]}). "
        )
    return _passes_cap(stopped), text


def history_finding(kpis: Kpis) -> None:
    """Does reading a run, or one history, depend on all that the run holds?  Is an index why?"""
    lines, states = [], set()
    for name, words in (
        ("get_run_historique", "`get_run`, de {0} à {1} points d’historique"),
        (
            "historique_parmi",
            "`get_metric_history` de la même métrique, de {0} à {1} points dans le run",
        ),
    ):
        ratios = _ratios(kpis, f"stockage.acces.{name}")
        if not ratios:
            continue
        states |= {_state(record) for store, record in ratios.items() if store != "file"}
        least, most = (
            int(next(reversed(ratios.values())).conditions.get(key, 0))
            for key in ("points_au_moins", "points")
        )
        told = words.format(fr.integer(least), fr.integer(most))
        lines.append(f"{told} : {_told_ratios(ratios)}.")
    if not lines:
        page.finding("La lecture des historiques n’a pas été mesurée")
        return
    if states == {"flat"}:
        title = "Sur une base, lire un run ou un historique ne dépend pas du reste de l’historique"
    elif "grows" in states:
        title = "Sur au moins une base, une lecture s’allonge avec le reste de l’historique"
    else:
        title = "Il n’est pas tranché si une base lit plus lentement un run à long historique"
    bare = _ratios(kpis, "stockage.acces.historique_parmi_sans_index")
    if bare:
        lines.append(_without_index(bare))
    page.finding(title, "Durée rapportée à celle du plus petit : " + " ".join(lines))


def _ratios(kpis: Kpis, prefix: str) -> dict[str, Kpi]:
    """Store → the ratio that was measured."""
    found = {store: kpis[f"{prefix}.{store}"] for store in stores_of(kpis, prefix)}
    return {store: record for store, record in found.items() if record.valeur is not None}


def _state(record: Kpi) -> str:
    """Does the time grow with the rest, by the bound of S33 and S34?"""
    low, high = bounds(record)
    return "grows" if low > 1.5 else "flat" if high <= 1.5 else "unknown"


def _told_ratios(ratios: Mapping[str, Kpi]) -> str:
    return fr.join(
        f"{fr.number(record.valeur, 2)} fois ({store_label(store)}, {_certain(record, *bounds(record))})"
        for store, record in ratios.items()
    )


def _without_index(bare: Mapping[str, Kpi]) -> str:
    """What becomes of the last ratio once the composite index is dropped: is it the cause?"""
    said = {
        "grows": "Cet index en est donc la cause ({0}).",
        "flat": "À cette taille, il ne l’est pas : la base fait aussi bien sans lui ({0}).",
        "unknown": "La mesure ne dit pas si l’index en est la cause ({0}).",
    }
    text = f"Le même essai, l’index `(run_uuid, key, step)` retiré : {_told_ratios(bare)}."
    for state, words in said.items():
        stores = [store_label(store) for store, record in bare.items() if _state(record) == state]
        if stores:
            text += f" {words.format(fr.join(stores))}"
    return text


def plans_table(plans: pd.DataFrame, operation: str = "search_order") -> None:
    """The query plans of one operation, as the databases print them."""
    rows = plans[plans["operation"] == operation]
    if rows.empty:
        page.missing("Aucun plan de requête n’a pu être demandé.")
        return
    shown = pd.DataFrame(
        {
            "Magasin": [store_label(str(store)) for store in rows["magasin"]],
            "Plan": [code(_shorten(str(plan)).replace("`", "'")) for plan in rows["plan"]],
        }
    )
    page.table(
        shown,
        label="tab-plans",
        title="Comment chaque base exécute la recherche triée",
        caption="Étapes de `EXPLAIN`, coûts et colonnes de tri retirés.",
        row_header="Magasin",
    )


def _shorten(plan: str) -> str:
    steps = [line.split("(cost")[0].strip(" ->") for line in plan.splitlines()]
    kept = [s for s in steps if s and not s.startswith(("Sort Key", "Filter"))]
    return " ; ".join(kept)


# --- access -------------------------------------------------------------------------


def access_figure(kpis: Kpis) -> None:
    """Medians with their intervals, one line per operation, one hue per store."""
    operations = [o for o in OPERATIONS if any(f"stockage.acces.{o}.p50." in id for id in kpis)]
    stores = [s for s in STORES if any(id.endswith(f".p50.{s}") for id in kpis)]
    fig, ax = new(height=0.42 * len(operations) + 1.2)
    ratios = []
    for row, operation in enumerate(reversed(operations)):
        for place, store in enumerate(stores):
            record = kpis.get(f"stockage.acces.{operation}.p50.{store}")
            if record is None or record.valeur is None:
                continue
            low, high = record.intervalle or (float(record.valeur),) * 2
            y = row + 0.3 - 0.6 * place / max(1, len(stores) - 1)
            hue = store_colour(store)
            ax.plot([low, high], [y, y], "-", color=hue, linewidth=2.2)
            ax.plot(
                [record.valeur], [y], "o", color=hue, label=store_label(store) if row == 0 else None
            )
            ratios.append((float(record.valeur), operation, store))
    ax.set_yticks(range(len(operations)), [OPERATIONS[o] for o in reversed(operations)])
    ax.set(xscale="log", xlabel="médiane (échelle logarithmique)")
    format_axis(ax.xaxis, "s")
    handles, names = ax.get_legend_handles_labels()
    fig.legend(handles, names, loc="outside upper center", ncols=3)
    if not ratios:
        page.missing("Aucun temps d’accès n’a été mesuré.")
        return
    fastest, slowest = min(ratios), max(ratios)
    title = (
        f"Les médianes vont de {fr.duration(fastest[0])} ({OPERATIONS[fastest[1]]}, {store_label(fastest[2])}) "
        f"à {fr.duration(slowest[0])} ({OPERATIONS[slowest[1]]}, {store_label(slowest[2])})"
    )
    page.figure(
        fig,
        label="fig-acces",
        title=title,
        caption="Médiane de chaque opération et son intervalle à 95 % par statistiques d’ordre, appels mêlés au hasard. "
        "Magasin peuplé de 100 runs, client sur la même machine.",
        alt=f"Temps médian de {len(operations)} opérations, un point par magasin. {title}.",
    )  # fmt: skip


def access_table(kpis: Kpis) -> None:
    """The quantiles of each operation on each store that have an interval, with it."""
    stores = [s for s in STORES if any(id.endswith(f".p50.{s}") for id in kpis)]
    rows = [
        {"Opération": words} | {store_label(s): _quantiles(kpis, operation, s) for s in stores}
        for operation, words in OPERATIONS.items()
        if any(f"stockage.acces.{operation}.p50.{s}" in kpis for s in stores)
    ]
    if not rows:
        return
    absent = [
        name
        for name, words in _TAILS.items()
        if not any(words in cell for row in rows for cell in row.values())
    ]
    page.table(
        pd.DataFrame(rows),
        label="tab-acces",
        title="Le temps d’accès : la médiane, puis ce que dépasse un appel sur vingt ou sur cent",
        caption="Chaque quantile a son intervalle à 95 % par statistiques d’ordre ; n’est donné que celui dont "
        "l’intervalle existe (p95 : 59 appels ; p99 : 299).",
        row_header="Opération",
        notes=f"{fr.join(absent)} : pas assez d’appels dans cette exécution." if absent else None,
    )  # fmt: skip


_TAILS = {"p95": "p95 : ", "p99": "p99 : "}


def _quantiles(kpis: Kpis, operation: str, store: str) -> str:
    said = []
    for name, words in {"p50": "", **_TAILS}.items():
        record = kpis.get(f"stockage.acces.{operation}.{name}.{store}")
        if record is not None and record.valeur is not None:
            low, high = record.intervalle or (float(record.valeur),) * 2
            said.append(f"{words}{fr.duration(record.valeur)} ({fr.interval(low, high, 's')})")
    return " ; ".join(said) or NOT_TESTED


def floor_table(kpis: Kpis) -> None:
    """How many times its physical floor each operation takes."""
    prefix = "stockage.acces.rapport_plancher"
    stores = [s for s in STORES if any(id.startswith(prefix) and id.endswith(f".{s}") for id in kpis)]  # fmt: skip
    rows, counted = [], set[int]()
    for operation, words in OPERATIONS.items():
        records = {s: kpis.get(f"{prefix}.{operation}.{s}") for s in stores}
        counted |= {record.n for record in records.values() if record is not None and record.n}
        if any(record is not None for record in records.values()):
            rows.append({"Opération": words} | {store_label(s): _ratio(r) for s, r in records.items()})  # fmt: skip
    if not rows:
        page.missing("Aucun plancher n’a été mesuré.")
        return
    page.table(
        pd.DataFrame(rows),
        label="tab-plancher",
        title="Combien de fois le plancher du disque",
        caption="Rapport des médianes à la même écriture ou lecture faite sans MLflow, sur le même disque et dans les mêmes "
        f"tours (intervalle à 95 % par rééchantillonnage, étendue sous six appels ; n = {fr.join(map(fr.integer, sorted(counted)))} "
        "selon l’opération). Écritures : commit d’une ligne ou de 1 000, ajout au fichier sans "
        "`fsync`. Lectures : `SELECT` des mêmes lignes, lecture des mêmes fichiers.",
        row_header="Opération",
    )  # fmt: skip


def _ratio(record: Kpi | None) -> str:
    if record is None or record.valeur is None:
        return "\u2013"
    return f"{fr.number(record.valeur, 2)} ({fr.interval(*bounds(record))})"


def default_finding(kpis: Kpis) -> None:
    """Files against the default backend: who is faster, operation by operation."""
    faster: list[tuple[str, Kpi]] = []
    slower: list[tuple[str, Kpi]] = []
    same: list[tuple[str, Kpi]] = []
    for operation in OPERATIONS:
        record = kpis.get(f"stockage.acces.rapport_defaut.{operation}.file")
        if record is None or record.valeur is None:
            continue
        low, high = bounds(record)
        (slower if low > 1 else faster if high < 1 else same).append((operation, record))
    if not (faster or slower or same):
        page.finding("Fichiers et SQLite n’ont pas pu être comparés")
        return
    if faster and slower:
        title = "Ni les fichiers ni SQLite ne l’emportent partout"
    elif slower:
        title = "SQLite est plus rapide que les fichiers, ou l’écart n’est pas montré"
    elif faster:
        title = "Les fichiers sont plus rapides que SQLite, ou l’écart n’est pas montré"
    else:
        title = "Aucune différence n’est montrée entre fichiers et SQLite"
    lines = []
    for group, word in ((faster, "plus rapides"), (slower, "plus lents")):
        if group:
            names = called(o for o, _ in group)
            shown = [
                f"{name} ({_times_short(r)})" for name, (_, r) in zip(names, group, strict=True)
            ]
            lines.append(f"Les fichiers sont {word} que SQLite pour {fr.join(shown)}.")
    if same:
        lines.append(f"Aucune différence n’est montrée pour {fr.join(called(o for o, _ in same))}.")
    page.finding(title, " ".join(lines))


def _times_short(record: Kpi) -> str:
    ratio = float(record.valeur or 1)
    low, high = bounds(record)
    if ratio < 1:
        ratio, low, high = 1 / ratio, 1 / high, 1 / low
    return f"{fr.number(ratio, 2)} fois, {_certain(record, low, high)}"


def server_sentence(kpis: Kpis) -> str:
    """What the HTTP server adds to the cheapest write."""
    parts = []
    for backend in ("sqlite", "postgresql"):
        direct = value(kpis, f"stockage.acces.log_metric.p50.{backend}")
        served = value(kpis, f"stockage.acces.log_metric.p50.http+{backend}")
        if direct is not None and served is not None:
            added = served - direct
            word = "ajoute" if added >= 0 else "retire"
            parts.append(
                f"devant {store_label(backend)}, le serveur {word} {fr.duration(abs(added))} à un `log_metric`"
            )
    if not parts:
        return "Le serveur n’a pas pu être comparé à l’accès direct."
    text = fr.join(parts)
    return text[0].upper() + text[1:] + " (différence des médianes)."


def clock_sentence(kpis: Kpis) -> str:
    """The timer's own cost, and how quiet the machine was."""
    share, busy = (
        value(kpis, "stockage.acces.part_horloge"),
        value(kpis, "stockage.acces.part_tours_occupes"),
    )
    if share is None or busy is None:
        return "Le coût du chronomètre n’a pas été mesuré."
    verdict = "sous" if share <= 0.01 else "au-dessus de"
    text = f"Le chronomètre coûte {fr.percent(share, 2)} de la plus petite opération, {verdict} la limite de 1 %. "
    if busy == 0:
        return text + "Aucun tour n’a été pris sur une machine visiblement occupée."
    return text + (
        f"La machine était visiblement occupée pendant {fr.percent(busy, 2)} des tours ; ils sont marqués, refaits dans la "
        f"limite d’un budget, et {_busy_rounds(kpis)}.{_occupation(kpis)}"
    )


def _occupation(kpis: Kpis) -> str:
    """What «busy» means, and what it changes, where calm and busy rounds are enough to tell."""
    told = kpis["stockage.acces.part_tours_occupes"].conditions
    text = ""
    if "calcul_ralenti" in told:
        text = (
            " Un tour est dit occupé si un calcul de durée fixe y prend plus de "
            f"{fr.number(told['calcul_ralenti'], 2)} fois son meilleur temps, ou si, d’après Linux, des tâches y "
            f"attendent un processeur plus de {fr.percent(told['attente'], 2)} du temps."
        )
    if "rapport" not in told:
        return text
    ratio, low, high = (float(told[name]) for name in ("rapport", "bas", "haut"))
    word = "plus" if low > 1 else "moins"
    if high < 1:
        ratio, low, high = 1 / ratio, 1 / high, 1 / low
    certain = f"IC à 95 % : {fr.interval(low, high)}"
    verdict = (
        f"{fr.number(ratio)} fois {word} ({certain})"
        if low > 1
        else f"aucune différence n’est montrée (rapport de {fr.number(ratio)} ; {certain})"
    )
    return text + (
        f" Écrire un point sur SQLite prend {fr.duration(told['calme_s'])} sur les {fr.integer(told['calmes'])} "
        f"tours calmes, {fr.duration(told['occupe_s'])} sur les {fr.integer(told['occupes'])} tours occupés : {verdict}."
    )


def _busy_rounds(kpis: Kpis) -> str:
    """Were busy rounds left out?"""
    if kpis["stockage.acces.part_tours_occupes"].conditions.get("gardes"):
        return "gardés, car les tours calmes sont trop peu nombreux"
    return "écartés"


def circumstances(kpis: Kpis) -> str:
    """Size of the store that was timed, and how often the machine was busy."""
    record = kpis.get("stockage.acces.part_tours_occupes")
    if record is None or record.valeur is None:
        return ""
    runs = fr.count(int(record.conditions.get("runs") or 0), "run")
    busy = (
        f"la machine était visiblement occupée pendant {fr.percent(record.valeur, 2)} des tours, {_busy_rounds(kpis)}"
        if record.valeur
        else "la machine n’était visiblement occupée pendant aucun tour"
    )
    calm = record.conditions.get("calme_s")
    if calm is not None:
        rounds = fr.integer(record.conditions["calmes"])
        busy += f" ; sur les {rounds} tours calmes, un point prend {fr.duration(calm)}"
    return f"Ces temps valent pour un magasin de {runs} ; {busy}."


def batch_finding(kpis: Kpis) -> None:
    """One point by ``log_metric`` against one point of a batch."""
    shown = []
    for store in stores_of(kpis, "stockage.lot.rapport"):
        record = kpis[f"stockage.lot.rapport.{store}"]
        if record.valeur is not None:
            shown.append(f"{_times_short(record)} ({store_label(store)})")
    ratios = [
        value(kpis, f"stockage.lot.rapport.{s}") or 1
        for s in stores_of(kpis, "stockage.lot.rapport")
    ]
    if not shown:
        page.finding("L’écriture par lots n’a pas été mesurée")
    elif min(ratios) > 1:
        page.finding(
            "Écrire par lots divise le prix d’un point",
            f"Un point par `log_metric` coûte, rapporté à un point d’un lot de 1 000 : {fr.join(shown)}.",
        )
    else:
        page.finding(
            "Écrire par lots n’aide pas partout",
            f"Un point par `log_metric`, rapporté à un point d’un lot de 1 000 : {fr.join(shown)}.",
        )


# --- several writers ------------------------------------------------------------------


def cores(log: Iterable[Mapping[str, Any]]) -> int | None:
    """Processor cores of the machine that measured access times; ``log``: a laboratory’s."""
    machines = [entry.get("machine") or {} for entry in log if entry["nom"] == "acces"]
    return int(machines[-1].get("coeurs") or 0) or None if machines else None


def writers_figure(ecrivains: pd.DataFrame, cores: int | None = None) -> None:
    """Acknowledged points per second against the number of writers."""
    fig, ax = new(height=3.6)
    counts = sorted(int(count) for count in ecrivains["ecrivains"].unique())
    for store in [s for s in (*STORES, _WAL) if s in set(ecrivains["magasin"])]:
        rows = ecrivains[ecrivains["magasin"] == store].sort_values("ecrivains")
        style = "--" if store == _WAL else "-"
        hue = store_colour("sqlite" if store == _WAL else store)
        ax.plot(rows["ecrivains"], rows["debit"], style, marker="o", color=hue, label=label(store))
        bounds = [
            rate_interval(row["debit"], int(row["acquittes"]), row["dispersion"])
            for row in rows.to_dict("records")
        ]
        for count, bound in zip(rows["ecrivains"], bounds, strict=True):
            if bound is not None:
                ax.plot([count, count], bound, "-", color=hue, linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="écrivains simultanés")
    ax.set_ylabel("points acquittés par seconde")
    ax.set_xticks(counts, [fr.integer(count) for count in counts])
    ax.set_xticks([], minor=True)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    first, *others = _writers_clauses(ecrivains)
    title = first[0].upper() + first[1:]
    page.figure(
        fig,
        label="fig-ecrivains",
        title=title,
        caption="`log_metric` en boucle, un processus, un client et un run par écrivain ; échelles logarithmiques. "
        "Traits verticaux : intervalle à 95 % du débit. Tireté : SQLite avec le journal WAL, que MLflow "
        "n’active pas sur une base qu’il crée lui-même (une base née de `migrate-filestore` l’a).",
        alt=f"Débit d’écriture selon le nombre d’écrivains, une courbe par magasin. {title}.",
    )
    rest = " ; ".join(others)
    shared = (
        "les cœurs" if cores is None else "le seul cœur" if cores == 1 else f"les {cores} cœurs"
    )
    machine = f"Écrivains, base et serveur se partagent {shared} de la machine"
    if cores is None or cores <= counts[-1]:
        machine += " : la limite peut être celle de la machine, et non du magasin"
    page.prose(f"{rest[0].upper()}{rest[1:]}. {machine}." if rest else f"{machine}.")


def _writers_clauses(ecrivains: pd.DataFrame) -> list[str]:
    """Where the throughput peaks and what it loses afterwards, as far as the intervals show it."""
    peaks: dict[int, list[str]] = {}
    rises: dict[int, list[str]] = {}
    falls: list[str] = []
    flat, most = [], int(ecrivains["ecrivains"].max())
    for store in [s for s in (*STORES, _WAL) if s in set(ecrivains["magasin"])]:
        rows = ecrivains[ecrivains["magasin"] == store].sort_values("ecrivains").to_dict("records")
        best = max(rows, key=lambda row: float(row["debit"]))
        first, peak, last = (
            rate_interval(row["debit"], int(row["acquittes"]), row["dispersion"])
            for row in (rows[0], best, rows[-1])
        )
        rose = first is not None and peak is not None and peak[0] > first[1]
        fell = last is not None and peak is not None and last[1] < peak[0]
        count = int(best["ecrivains"])
        if fell:
            lost = fr.percent(1 - rows[-1]["debit"] / best["debit"], 2)
            told = f"{label(store)} ({fr.MINUS}{lost})"
            (peaks.setdefault(count, []) if rose else falls).append(told)
        elif rose:
            gain = fr.number(best["debit"] / rows[0]["debit"], 2)
            rises.setdefault(count, []).append(f"{label(store)} ({gain} fois)")
        else:
            flat.append(label(store))
    parts = [
        f"le débit culmine à {fr.count(count, 'écrivain')}, puis retombe pour {fr.join(stores)}"
        for count, stores in sorted(peaks.items())
    ]
    parts += [
        f"le débit monte jusqu’à {fr.count(count, 'écrivain')} pour {fr.join(stores)}"
        + (", sans retombée montrée" if count < most else "")
        for count, stores in sorted(rises.items())
    ]
    parts += [f"le débit baisse pour {fr.join(falls)}"] if falls else []
    parts += [f"aucun changement de débit n’est montré pour {fr.join(flat)}"] if flat else []
    return parts


def writers_finding(ecrivains: pd.DataFrame) -> None:
    """Errors and losses with several writers."""
    errors, lost = (
        int(ecrivains["erreurs"].sum()),
        int((ecrivains["acquittes"] - ecrivains["stockes"]).clip(lower=0).sum()),
    )
    done = int(ecrivains["acquittes"].sum())
    worst = ecrivains.sort_values("pire_s", na_position="first").to_dict("records")[-1]
    if errors == 0 and lost == 0:
        title = "Aucune écriture simultanée n’est refusée ni perdue"
    elif lost == 0:
        title = f"{fr.count(errors, 'écriture simultanée refusée', 'écritures simultanées refusées')}, aucune perdue"
    else:
        title = f"{fr.count(lost, 'écriture acquittée manque', 'écritures acquittées manquent')}"
    kinds = sorted({str(detail) for detail in ecrivains["detail"] if detail})
    text = f"Sur {fr.count(done, 'écriture acquittée', 'écritures acquittées')}, {fr.count(done - lost, 'est relue', 'sont relues')}. "
    text += (
        f"Erreurs reçues : {fr.join(map(code, kinds))}. "
        if kinds
        else "Aucune erreur n’est reçue. "
    )
    text += (
        f"L’écriture la plus longue attend {fr.duration(worst['pire_s'])} "
        f"({label(str(worst['magasin']))}, {fr.count(int(worst['ecrivains']), 'écrivain')}) : "
        "une écriture qui réussit peut avoir attendu longtemps son tour."
    )
    page.finding(title, text)


def asynchronous_finding(kpis: Kpis) -> None:
    """What asynchronous logging gives back to the caller, and to the data."""
    waits = {
        s: kpis[f"stockage.asynchrone.attente.{s}"]
        for s in stores_of(kpis, "stockage.asynchrone.attente")
    }
    shorter = [s for s, r in waits.items() if r.valeur is not None and bounds(r)[0] > 1]
    shown = [
        f"{_times_short(r)} ({store_label(s)})" for s, r in waits.items() if r.valeur is not None
    ]
    if not shown:
        page.finding("La journalisation asynchrone n’a pas été mesurée")
        return
    if len(shorter) == len(waits):
        title = "La journalisation asynchrone rend la main plus vite sur tous les magasins"
    elif shorter:
        title = f"La journalisation asynchrone rend la main plus vite sur {fr.join(store_label(s) for s in shorter)} ; ailleurs, rien n’est montré"
    else:
        title = "Aucun gain de la journalisation asynchrone n’est montré"
    stored = {
        s: kpis[f"stockage.asynchrone.stocke.{s}"]
        for s in stores_of(kpis, "stockage.asynchrone.stocke")
    }
    text = f"Attente de l’appelant par point, synchrone rapportée à asynchrone : {fr.join(shown)}."
    page.finding(title, f"{text} {_until_stored(stored)}".strip())


def _until_stored(stored: Mapping[str, Kpi]) -> str:
    """Asynchronous logging until the datum is kept: slower, faster, or neither shown.

    The records are synchronous over asynchronous; the sentence says the inverse.
    """
    groups: dict[str, list[tuple[str, float]]] = {"plus lent": [], "plus rapide": [], "": []}
    for store, record in stored.items():
        if record.valeur is not None:
            low, high = bounds(record)
            side = "plus lent" if high < 1 else "plus rapide" if low > 1 else ""
            groups[side].append((store_label(store), 1 / float(record.valeur)))
    parts = []
    for side in ("plus lent", "plus rapide"):
        if found := groups[side]:
            times = sorted(ratio for _, ratio in found)
            ends = [fr.number(ratio, 2) for ratio in (times[0], times[-1])]
            span = " à ".join(dict.fromkeys(ends))
            everywhere = len(found) == sum(map(len, groups.values()))
            where = "" if everywhere else f" sur {fr.join(store for store, _ in found)}"
            parts.append(f"l’asynchrone est {side}{where} : {span} fois le temps synchrone")
    if unclear := groups[""]:
        parts.append(f"aucun écart n’est montré sur {fr.join(store for store, _ in unclear)}")
    if not parts:
        return ""
    calls = sorted({record.n for record in stored.values() if record.n})
    n = f" (n = {fr.join(map(fr.integer, calls))})" if calls else ""
    return f"Jusqu’à ce que la donnée soit gardée, {' ; '.join(parts)}{n}."


def missing_stores(tables: Iterable[pd.DataFrame]) -> None:
    """Backends that could not be opened here, each with its reason."""
    seen: dict[str, str] = {}
    for table in tables:
        seen |= dict(zip(table["magasin"], table["motif"], strict=True))
    for store, reason in seen.items():
        name = "Votre propre serveur" if store == "uri" else store_label(store)
        page.missing(f"{name[:1].upper()}{name[1:]} : {reason}")


def fill_sentence(remplissage: pd.DataFrame) -> str:
    """How the large stores were filled, and how fast."""
    sums: Any = remplissage.groupby("magasin")[["lignes", "duree_s"]].sum()
    rates = [
        f"{fr.integer(_round(float(row['lignes'] / row['duree_s'])))} lignes par seconde ({store_label(str(store))})"
        for store, row in sums.iterrows()
        if row["duree_s"] > 0
    ]
    return (
        f"Remplissage en masse, magasins côte à côte : {fr.join(rates)}."
        if rates
        else "Aucun magasin n’a été rempli."
    )


def stops_notice(arrets: pd.DataFrame) -> None:
    """Sizes that were not tried, so that the disk is not filled."""
    for row in arrets.to_dict("records"):
        page.missing(
            f"{store_label(str(row['magasin']))}, {fr.integer(row['taille'])} "
            f"{'points' if row['serie'] == 'points' else 'runs'} : {row['motif']}."
        )


def leftovers_notice(tables: Iterable[pd.DataFrame]) -> None:
    """What stays, softly deleted, on a server that is not ours."""
    restes = pd.concat(tables)
    if len(restes):
        count = fr.count(len(restes), "expérience supprimée", "expériences supprimées")
        page.prose(
            f"Sur votre serveur, il reste {count} en douceur (identifiants {fr.join(map(str, restes['experience']))}) : "
            "`mlflow gc` les efface."
        )
