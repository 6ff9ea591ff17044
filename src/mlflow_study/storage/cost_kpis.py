"""From observations of capacity and access times to KPIs.

Every function takes the tables of ``measure_access`` or ``measure_capacity`` and returns
``KpiValues``: the arguments of ``Chapter.kpi``.  Medians and quantiles bear order-statistic
intervals, ratios of medians a bootstrap (a range below ``FEWEST`` calls), slopes Student’s
and exponents Sen’s, where they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlflow_study.evidence.statistics import (
    Affine,
    Growth,
    affine,
    median_ratio,
    power_law,
    quantile,
    quantile_min_n,
    rate_interval,
    straight_line,
)
from mlflow_study.storage.quiet import SLOW_SPIN, WAITING_SHARE
from mlflow_study.storage.scenes import POPULATION
from mlflow_study.store_names import STORES

KpiValues = dict[str, Any]
Tables = Mapping[str, pd.DataFrame]

SEED = 1
FEWEST = 6
"""Calls below which a median has no interval at 95 % (1 − 2 · 2⁻⁵ < 0.95): the range is given."""
ENOUGH_ROUNDS = 10
"""Calm and busy rounds below which the two are not compared."""
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
DEFAULT = "sqlite"
SQL = ("sqlite", "postgresql", "mariadb")
ARTIFACTS = ("log_artifact", "load_model")
"""Operations that mostly read or write artifacts, which lie in files with every store."""
WITNESSES = Path(__file__).with_name("witnesses")
CLAIMS = ("S4", "S30", "S31", "S32", "S33", "S34")
DATA = {
    "metrics": ("point", "point de métrique"),
    "params": ("param", "paramètre"),
    "tags": ("etiquette", "étiquette"),
    "runs": ("run", "run (sa ligne ou son dossier)"),
    "logged_models": ("modele", "modèle enregistré"),
    "registered_models": ("nom", "nom du registre"),
    "model_versions": ("version", "version du registre"),
}
THRESHOLDS_S = (1.0, 10.0)
WORSE_THAN_LINEAR = 1.5
"""Half-way between a linear and a square growth."""
STEEPEST = 3.0
"""Upper end of an exponent that calls stopped at their cap leave open: no search is that steep."""
CLEARLY = 0.6
"""The square law is preferred when its largest miss is below this share of the line's."""
GROWN = 1.3
"""Less growth than this between the fitted sizes is drift, not a law."""
FARTHEST = 100
"""A law is not stretched beyond this many times the largest size measured."""
SEARCHES = {
    "search_filter": "recherche filtrée",
    "search_order": "recherche triée",
    "search_page": "recherche de la page 2",
    "search_last": "recherche de la dernière page",
    "search_all": "recherche de tous les runs",
}
"""What each use of ``search_runs`` does; the other operations keep the name they have in the API."""
CALLS = {
    "log_batch": "log_batch de 1 000 métriques",
    "log_artifact": "log_artifact de 1 Mio",
    "get_run_history": "get_run à long historique",
}
"""Calls whose name does not say all."""
_METHOD = "un appel par tour, magasins et planchers mêlés dans un ordre tiré au hasard"


def quiet_part(access: pd.DataFrame) -> pd.DataFrame:
    """The calls that count: no warm-up, no error, no foreign noise where that leaves enough.

    Busy rounds are left out when what remains still allows a p95 for the light operations
    (or is at least nine tenths of the rounds); otherwise all rounds are kept, marked.
    """
    timed = access[~access["chauffe"] & (access["erreur"] == "")]
    quiet = timed[~timed["occupee"]]
    rounds, calm = timed["tour"].nunique(), quiet["tour"].nunique()
    heavy = quiet[quiet["operation"] == "log_batch"]["tour"].nunique()
    enough = (calm >= quantile_min_n(0.95) and heavy >= FEWEST) or calm >= 0.9 * rounds
    return quiet if enough else timed


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _by_store(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(store), rows) for store, rows in frame.groupby("magasin")]


def samples(access: pd.DataFrame) -> dict[tuple[str, str, str], np.ndarray[Any, Any]]:
    """(kind, operation, store) → wall seconds."""
    groups = quiet_part(access).groupby(["sorte", "operation", "magasin"])["wall_s"]
    return {key: values.to_numpy() for key, values in groups}  # type: ignore[misc]


def store_name(store: str) -> str:
    """French name of a store."""
    return "SQLite en journal WAL" if store == "sqlite+wal" else STORES[store]


def operation_name(operation: str) -> str:
    """French name of an operation, or its name in the API."""
    return SEARCHES.get(operation) or CALLS.get(operation, operation)


def _of_operation(operation: str) -> str:
    """«de la recherche triée», «de get_run»."""
    return f"de {'la ' * (operation in SEARCHES)}{operation_name(operation)}"


def floors_below(access: pd.DataFrame) -> dict[tuple[str, str], str]:
    """(operation, store) → the floor that bounds it from below there."""
    found = {}
    rows = access[access["sorte"] == "plancher"].drop_duplicates(["magasin", "operation"])
    for row in rows.itertuples():
        for operation in str(row.sous).split():
            found[operation, str(row.magasin)] = str(row.operation)
    return found


# --- access -------------------------------------------------------------------------


def access_kpis(tables: Tables) -> Iterator[KpiValues]:
    """Quantiles, ratios to the default store and to the floor, the clock, busy rounds."""
    access = tables["mesures"]
    found, below = samples(access), floors_below(access)
    for (kind, operation, store), seconds in found.items():
        if kind != "mlflow":
            continue
        where, name, place = {"magasin": store}, operation_name(operation), store_name(store)
        for rank, q in QUANTILES.items():
            estimate = quantile(seconds, q)
            base: KpiValues = {
                "id": f"stockage.acces.{operation}.{rank}.{store}",
                "libelle": f"{name}, {rank}, {place}",
                "unite": "s",
                "n": estimate.n,
                "methode": f"{_METHOD} ; intervalle par statistiques d’ordre",
            }
            if estimate.interval is None:
                least = quantile_min_n(max(q, 1 - q))
                reason = f"n insuffisant ({estimate.n} appels, il en faut {least})"
                yield base | {"valeur": None, "conditions": where | {"motif": reason}}
            else:
                yield base | {
                    "valeur": estimate.value, "intervalle": estimate.interval, "conditions": where,
                }  # fmt: skip
        default = found.get(("mlflow", operation, DEFAULT))
        if default is not None and store != DEFAULT:
            yield _ratio(
                f"stockage.acces.rapport_defaut.{operation}.{store}",
                f"rapport à {store_name(DEFAULT)}, {name}, {place}",
                seconds, default,
            )  # fmt: skip
        floor = found.get(("plancher", below.get((operation, store), ""), store))
        if floor is not None:
            yield _ratio(
                f"stockage.acces.rapport_plancher.{operation}.{store}",
                f"rapport au plancher, {name}, {place}",
                seconds, floor,
            )  # fmt: skip
        files = found.get(("mlflow", operation, "file"))
        if store in SQL and files is not None and operation not in ARTIFACTS:
            yield _ratio(
                f"stockage.acces.fichiers_sur_sql.{operation}.{store}",
                f"{name}, {STORES['file']}/{place}",
                files, seconds,
            )  # fmt: skip
    for store in sorted({store for _, _, store in found}):
        one, batch = found.get(("mlflow", "log_metric", store)), found.get(("mlflow", "log_batch", store))  # fmt: skip
        if one is not None and batch is not None:
            yield _ratio(
                f"stockage.lot.rapport.{store}",
                f"point seul/point d’un lot, {store_name(store)}",
                one, batch / 1000,
            )  # fmt: skip
    yield from _clock(tables, found)


def _ratio(id: str, label: str, above: Any, under: Any) -> KpiValues:
    """Ratio of two medians; below ``FEWEST`` calls, the range of what two calls can give."""
    value, interval = median_ratio(above, under, seed=SEED)
    n = int(min(len(above), len(under)))
    base = {"id": id, "libelle": label, "valeur": value, "unite": "rapport", "n": n}
    if n < FEWEST:
        low, high = float(min(above) / max(under)), float(max(above) / min(under))
        return base | {
            "methode": f"rapport des médianes ; étendue des rapports de deux appels, n étant sous {FEWEST}",
            "conditions": {"etendue_bas": low, "etendue_haut": high},
        }
    return base | {
        "intervalle": interval,
        "methode": "rapport des médianes, intervalle par rééchantillonnage (2 000 tirages)",
    }


def _clock(
    tables: Tables, found: Mapping[tuple[str, str, str], np.ndarray[Any, Any]]
) -> Iterator[KpiValues]:
    own = quantile(tables["horloge"]["wall_s"].to_numpy(), 0.5)
    smallest = min(float(np.median(x)) for (kind, *_), x in found.items() if kind == "mlflow")
    yield {
        "id": "stockage.acces.part_horloge",
        "libelle": "coût du chronomètre rapporté à la plus petite opération",
        "valeur": own.value / smallest,
        "unite": "proportion",
        "n": own.n,
        "methode": "médiane d’appels vides rapportée à la plus petite médiane mesurée",
    }
    timed = tables["mesures"][~tables["mesures"]["chauffe"]]
    busy = timed.groupby("tour")["occupee"].first()
    kept = bool(quiet_part(tables["mesures"])["occupee"].any())
    yield {
        "id": "stockage.acces.part_tours_occupes",
        "libelle": "part des tours pris sur une machine visiblement occupée",
        "valeur": float(busy.mean()),
        "unite": "proportion",
        "n": len(busy),
        "methode": "boucle d’étalonnage avant et après le tour, pression du processeur (Linux)",
        "conditions": {"gardes": kept, "runs": POPULATION.runs, "calcul_ralenti": SLOW_SPIN,
                       "attente": WAITING_SHARE, **_occupation(timed)},
    }  # fmt: skip


def _occupation(timed: pd.DataFrame) -> dict[str, Any]:
    """What a point costs on the default store in calm and in busy rounds, where both are enough."""
    points = timed[
        (timed["sorte"] == "mlflow") & (timed["operation"] == "log_metric")
        & (timed["magasin"] == DEFAULT) & (timed["erreur"] == "")
    ]  # fmt: skip
    calm, busy = (points[points["occupee"] == state]["wall_s"].to_numpy() for state in (False, True))  # fmt: skip
    if min(len(calm), len(busy)) < ENOUGH_ROUNDS:
        return {}
    ratio, (low, high) = median_ratio(busy, calm, seed=SEED)
    return {
        "calmes": len(calm), "occupes": len(busy), "calme_s": float(np.median(calm)),
        "occupe_s": float(np.median(busy)), "rapport": ratio, "bas": low, "haut": high,
    }  # fmt: skip


# --- several writers, asynchronous logging ----------------------------------------------


def writer_kpis(tables: Tables) -> Iterator[KpiValues]:
    """Throughput by number of writers; errors; acknowledged points that are not stored."""
    for row in _records(tables["ecrivains"]):
        count, store = int(row["ecrivains"]), str(row["magasin"])
        writers = "d’un écrivain" if count == 1 else f"de {count} écrivains"
        yield {
            "id": f"stockage.debit.{count}.{store}",
            "libelle": f"débit {writers}, {store_name(store)}",
            "valeur": float(row["debit"]),
            "unite": "points/s",
            "intervalle": rate_interval(row["debit"], row["acquittes"], row["dispersion"]),
            "n": int(row["acquittes"]),
            "methode": "log_metric en boucle, un processus et un run par écrivain ; intervalle de renouvellement",
        }
    for store, rows in _by_store(tables["ecrivains"]):
        done, errors = int(rows["acquittes"].sum()), int(rows["erreurs"].sum())
        yield {
            "id": f"stockage.concurrence.erreurs.{store}",
            "libelle": f"écritures simultanées refusées, {store_name(store)}",
            "valeur": errors,
            "unite": "écritures",
            "n": done + errors,
            "methode": "exceptions reçues par les écrivains",
        }
        yield {
            "id": f"stockage.concurrence.pertes.{store}",
            "libelle": f"écritures simultanées acquittées et non relues, {store_name(store)}",
            "valeur": int((rows["acquittes"] - rows["stockes"]).clip(lower=0).sum()),
            "unite": "points",
            "n": done,
            "methode": "points relus par get_metric_history après coup",
        }


def asynchronous_kpis(tables: Tables) -> Iterator[KpiValues]:
    """How much shorter the caller's wait is, and how much longer until the data is stored."""
    for store, rows in _by_store(tables["asynchrone"]):
        sync, later = rows[rows["synchrone"]], rows[~rows["synchrone"]]
        for column, name, what in (
            ("appel_s", "attente", "attente de l’appelant"),
            ("stocke_s", "stocke", "durée jusqu’à ce que la donnée soit gardée"),
        ):
            yield _ratio(
                f"stockage.asynchrone.{name}.{store}",
                f"{what}, synchrone/asynchrone, {store_name(store)}",
                sync[column].to_numpy(), later[column].to_numpy(),
            )  # fmt: skip


# --- bytes ------------------------------------------------------------------------------


def byte_kpis(tables: Tables) -> Iterator[KpiValues]:
    """Bytes per datum (slope of a straight line) and the share of indexes."""
    octets = tables["octets"]
    for (store, series, table), rows in octets.groupby(["magasin", "serie", "donnee"]):
        if table not in DATA or (table == "metrics" and series != "points"):
            continue
        short, label = DATA[table]
        files, place = store == "file", store_name(str(store))
        total = rows["blocs" if files else "total"]
        line = straight_line(rows["n"], total)
        largest = _records(rows.sort_values("n"))[-1]
        fitted = line.a + line.b * rows["n"]
        conditions: dict[str, Any] = {
            "magasin": store,
            "mesure_jusqu_a": int(largest["n"]),
            "ecart_relatif_max": float(((total - fitted).abs() / total.where(total > 0)).max()),
        }
        if files:
            conditions["octets_apparents"] = straight_line(rows["n"], rows["total"]).b
        yield {
            "id": f"stockage.capacite.octets_{short}.{store}",
            "libelle": f"octets par {label}, {place}",
            "valeur": line.b,
            "unite": "octets",
            "intervalle": line.b_interval,
            "n": line.n,
            "methode": "pente d’une droite, blocs du disque" if files else "pente d’une droite, index compris",
            "conditions": conditions,
        }  # fmt: skip
        if not files:
            yield {
                "id": f"stockage.capacite.part_index_{short}.{store}",
                "libelle": f"part des index, {label}, {place}",
                "valeur": float(largest["index"] / largest["total"]),
                "unite": "proportion",
                "n": int(largest["n"]),
                "methode": "au plus grand nombre mesuré",
            }


# --- growth and practical capacity ------------------------------------------------------


def growth_laws(tables: Tables) -> dict[tuple[str, str], tuple[Growth, bool]]:
    """(store, operation) → power law through the calls at the three largest sizes, bounded?

    Of the sizes where calls ended; where these are fewer than three, a call stopped at its
    cap counts as that long.  Where any was stopped, the exponent is a lower bound (True).
    """
    laws = {}
    timed = tables["temps"][tables["temps"]["issue"].isin(("mesure", "plafond"))]
    for (store, operation), rows in timed.groupby(["magasin", "operation"]):
        ended = rows[rows["issue"] == "mesure"]
        stopped = len(ended) < len(rows)
        rows = rows if ended["taille"].nunique() < 3 else ended
        top = sorted(rows["taille"].unique())[-3:]
        if len(top) == 3:
            rows = rows[rows["taille"].isin(top)]
            law = power_law(rows["taille"], rows["wall_s"])
            laws[str(store), str(operation)] = (law, stopped)
    return laws


def affine_laws(tables: Tables) -> dict[tuple[str, str], Affine]:
    """(store, operation) → fixed part plus a part growing as the size or as its square.

    Both are fitted to the calls at the three largest sizes; the square is kept where it
    clearly misses less.
    """
    laws = {}
    timed = tables["temps"][tables["temps"]["issue"] == "mesure"]
    for (store, operation), rows in timed.groupby(["magasin", "operation"]):
        top = sorted(rows["taille"].unique())[-3:]
        if len(top) == 3:
            rows = rows[rows["taille"].isin(top)]
            fits = [affine(rows["taille"], rows["wall_s"], power) for power in (1, 2)]
            line, square = fits
            grows = square if square.residual < CLEARLY * line.residual else line
            laws[str(store), str(operation)] = grows
    return laws


def practical(tables: Tables) -> pd.DataFrame:
    """For each (store, operation, threshold): where it is passed, and how that is known.

    ``origine``: «mesuré» (a size passed it; ``taille`` is the smallest such), «extrapolé»
    (from the law), or one of ``UNKNOWN``.
    """
    laws, rows = affine_laws(tables), []
    tried = tables["temps"][tables["temps"]["issue"] != NOT_TRIED]
    for (store, operation), calls in tried.groupby(["magasin", "operation"]):
        if str(operation).startswith(("search_order_analyze", "get_metric_history_crowd")):
            continue  # comparisons
        medians = {int(str(size)): float(times.median())
                   for size, times in calls.groupby("taille")["wall_s"]}  # fmt: skip
        law = laws.get((str(store), str(operation)))
        for threshold in THRESHOLDS_S:
            over = [size for size, time in medians.items() if time >= threshold]
            under = [size for size, time in medians.items() if time < threshold]
            row: dict[str, Any] = {"magasin": store, "operation": operation}
            row |= {"seuil_s": threshold, "mesure_jusqu_a": max(medians)}
            if over and not (under and max(under) > min(over)):
                size = float(min(over))
                row |= _reached("mesuré", size, float(max(under, default=0)), size)
            elif law is None:
                row |= _reached("trop peu de tailles", math.nan, math.nan, math.nan)
            elif law.b_interval[0] <= 0 or not _grown(law, sorted(medians)):
                row |= _reached("aucune croissance montrée", math.nan, math.nan, math.nan)
            else:
                value, bounds = law.reach(threshold)
                if value > FARTHEST * max(medians):
                    row |= _reached("trop loin", math.nan, math.nan, math.nan)
                else:
                    row |= _reached("extrapolé", value, *bounds)
            rows.append(row)
    return pd.DataFrame(rows)


def _grown(law: Affine, sizes: list[int]) -> bool:
    """True if the fitted time at the largest size is well above that at the smallest fitted."""
    low, high = (law.a + law.b * size**law.power for size in (sizes[-3], sizes[-1]))
    return bool(high > GROWN * low)


def _reached(origin: str, size: float, low: float, high: float) -> dict[str, Any]:
    return {"taille": size, "bas": low, "haut": high, "origine": origin}


NOT_TRIED = "plafond (taille plus petite)"
"""How a call ended that a smaller store had seen stopped at its cap: it was not made again."""
UNKNOWN = {
    "aucune croissance montrée": "aucune croissance montrée aux tailles mesurées",
    "trop loin": f"l’extrapolation dépasserait {FARTHEST} fois la plus grande taille mesurée",
    "trop peu de tailles": "moins de trois tailles mesurées : rien n’est extrapolé",
}
"""Why no size is known to pass a threshold, and how the report says it."""


def growth_kpis(tables: Tables) -> Iterator[KpiValues]:
    """Exponents of growth and practical capacities."""
    for (store, operation), (law, stopped) in growth_laws(tables).items():
        base: KpiValues = {
            "id": f"stockage.croissance.{operation}.{store}",
            "libelle": f"exposant {_of_operation(operation)}, {store_name(store)}",
            "unite": "",
            "n": law.n,
            "methode": "loi de puissance sur les trois plus grandes tailles mesurées (Theil–Sen)"
            + (" ; des appels arrêtés au plafond : borne inférieure" if stopped else ""),
        }
        conditions: dict[str, Any] = {"magasin": store, "ecart_max_log10": law.residual}
        interval = law.b_interval
        if interval and stopped and interval[0] <= WORSE_THAN_LINEAR:
            interval = (interval[0], max(interval[1], STEEPEST))  # it may have grown faster still
        yield base | {"valeur": law.b, "intervalle": interval, "conditions": conditions}
    for row in _records(practical(tables)):
        operation, store, size = row["operation"], row["magasin"], float(row["taille"])
        base = {
            "id": f"stockage.capacite.pratique_{row['seuil_s']:.0f}s.{operation}.{store}",
            "libelle": f"taille où la durée {_of_operation(operation)} atteint {row['seuil_s']:.0f} s, {store_name(store)}",
            "unite": "points" if "history" in operation else "runs",
            "methode": f"{row['origine']} (mesures jusqu’à {row['mesure_jusqu_a']})",
        }
        conditions = {"magasin": store, "origine": row["origine"]}
        if not math.isfinite(size):
            reason = UNKNOWN[str(row["origine"])]
            yield base | {"valeur": None, "conditions": conditions | {"motif": reason}}
            continue
        bounds = (float(row["bas"]), float(row["haut"]))
        if row["origine"] == "mesuré":  # between two sizes: a bracket, no interval at 95 %
            yield base | {
                "valeur": size,
                "conditions": conditions | {"taille_en_dessous": int(bounds[0])},
            }
            continue
        yield base | {
            "valeur": size,
            "intervalle": bounds if math.isfinite(bounds[1]) else None,
            "conditions": conditions,
        }
    yield from _beside_files(tables["temps"])
    yield from _history_independence(tables)


def _beside_files(temps: pd.DataFrame) -> Iterator[KpiValues]:
    """Each search on a database over the same on files, at the largest size both reached.

    A search counts as slower where each of its calls was longer than each on files, as not
    slower where each was shorter; else it is left out of the count.
    """
    timed = temps[temps["operation"].isin(list(SEARCHES)) & (temps["issue"] == "mesure")]
    for store in SQL:
        slower, decided, sizes = [], 0, []
        for operation in SEARCHES:
            calls = timed[timed["operation"] == operation]
            ours, files = (calls[calls["magasin"] == name] for name in (store, "file"))
            common = set(ours["taille"]) & set(files["taille"])
            if not common:
                continue
            size = int(max(common))
            one, two = (rows[rows["taille"] == size]["wall_s"].to_numpy() for rows in (ours, files))
            label = f"{operation_name(operation)}, {store_name(store)}/{STORES['file']}"
            ratio = _ratio(f"stockage.volume.sur_fichiers.{operation}.{store}", label, one, two)
            yield ratio | {"conditions": ratio.get("conditions", {}) | {"runs": size}}
            worse = min(one) > max(two)
            slower += [operation] if worse else []
            decided += worse or max(one) < min(two)
            sizes.append(size)
        if sizes:
            yield {
                "id": f"stockage.volume.plus_lentes.{store}",
                "libelle": f"recherches plus lentes que sur fichiers, {store_name(store)}",
                "valeur": len(slower),
                "unite": "recherches",
                "n": decided,
                "methode": "même recherche, à la plus grande taille que les deux magasins ont atteinte ; "
                "comptée si les durées ne se recouvrent pas",
                "conditions": {
                    "operations": ", ".join(slower),
                    "runs_min": min(sizes),
                    "runs_max": max(sizes),
                },
            }


INDEPENDENCE = {
    "get_run_history": ("get_run_historique", "get_run, historique long/court"),
    "get_metric_history_crowd": (
        "historique_parmi",
        "get_metric_history, beaucoup/peu de métriques",
    ),
    "get_metric_history_crowd_sans_index": (
        "historique_parmi_sans_index",
        "get_metric_history, beaucoup/peu de métriques, index composite retiré",
    ),
}
"""Operation whose time should not depend on the size → (KPI, label)."""


def _history_independence(tables: Tables) -> Iterator[KpiValues]:
    """Time at the largest size over time at the smallest."""
    temps = tables["temps"]
    for operation, (name, words) in INDEPENDENCE.items():
        calls = temps[(temps["operation"] == operation) & (temps["issue"] == "mesure")]
        for store, rows in _by_store(calls):
            sizes = sorted(rows["taille"].unique())
            long, short = (
                rows[rows["taille"] == size]["wall_s"].to_numpy() for size in (sizes[-1], sizes[0])
            )
            label = f"{words}, {store_name(store)}"
            ratio = _ratio(f"stockage.acces.{name}.{store}", label, long, short)
            points = {"points": int(sizes[-1]), "points_au_moins": int(sizes[0])}
            yield ratio | {"conditions": ratio.get("conditions", {}) | points}


def kpis(access: Tables | None = None, capacity: Tables | None = None) -> Iterator[KpiValues]:
    """All the KPIs of capacity and access time."""
    if access is not None:
        yield from access_kpis(access)
        yield from writer_kpis(access)
        yield from asynchronous_kpis(access)
    if capacity is not None:
        yield from byte_kpis(capacity)
        yield from growth_kpis(capacity)


def record(chapter: Any, found: Iterable[KpiValues]) -> None:
    """Hand KPIs to a chapter (``Chapter.kpi``)."""
    for values in found:
        chapter.kpi(**values)


def attach_witnesses(chapter: Any) -> None:
    """Attach to each claim of this half its pasteable reproduction, where there is one."""
    for claim in CLAIMS:
        for path in WITNESSES.glob(f"{claim}_*.py"):
            chapter.witness(claim, path.read_text(encoding="utf-8"))
