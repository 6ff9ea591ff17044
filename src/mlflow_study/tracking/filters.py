"""``search_runs`` against an oracle: generated filters and orders, the truth in pandas.

The oracle gives the expression the meaning that MLflow's search page describes: clauses
joined by AND; a run that lacks the key satisfies no comparison, and is what ``IS NULL``
selects; ``LIKE`` with ``%`` and ``_``, ``ILIKE`` without case; NaN equals nothing and
differs from everything.  Orders: asked keys first, runs without the key last, then the
natural order (newest start first, then run id).
"""

from __future__ import annotations

import math
import operator
import random
import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from mlflow_study.stores import Store

METRICS: tuple[float, ...] = (-1.0, 0.0, 0.5, 1.0, 1e300, math.nan, math.inf, -math.inf)
TEXTS = ("adam", "Adam", "ADAM", "a%m", "a_m", "", "éa", "ÉA", "10", "9", "a\\m", "l'un", 'le "b"', "a\nb", "ß")  # fmt: skip
PATTERNS = (
    "a%",
    "%m",
    "%a%",
    "a_m",
    "A%",
    "_dam",
    "a\\m",
    "%",
    "",
    "é%",
    "É%",
    "10",
    "a%b",
    "%'%",
    "SS",
)
STATUSES = ("FINISHED", "FAILED", "RUNNING", "KILLED")
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
Row = dict[str, Any]


def _population(rng: random.Random, runs: int) -> list[Row]:
    """Runs to be: ``None`` marks what a run does not have."""

    def maybe(values: tuple[Any, ...]) -> Any:
        return None if rng.random() < 0.2 else rng.choice(values)

    return [
        {
            "metrics.m": maybe(METRICS),
            "metrics.perte test": maybe(METRICS[:5]),
            "params.p": maybe(TEXTS),
            "tags.t": maybe(TEXTS),
            "attributes.status": rng.choice(STATUSES),
            "attributes.start_time": 1_700_000_000_000 + rng.randrange(6),
            "attributes.run_name": rng.choice(TEXTS[:5]),
        }
        for _ in range(runs)
    ]


def _write(store: Store, experiment: str, rows: list[Row]) -> pd.DataFrame:
    """Log the population; returns it as a table with the run ids."""
    from mlflow.entities import Metric, Param, RunTag

    client = store.client()
    for row in rows:
        run = client.create_run(
            experiment, row["attributes.start_time"], run_name=row["attributes.run_name"]
        ).info.run_id
        client.log_batch(
            run,
            metrics=[
                Metric(key.removeprefix("metrics."), value, 1, 0)
                for key, value in row.items()
                if key.startswith("metrics.") and value is not None
            ],
            params=[Param("p", row["params.p"])] if row["params.p"] is not None else [],
            tags=[RunTag("t", row["tags.t"])] if row["tags.t"] is not None else [],
        )
        client.set_terminated(run, row["attributes.status"])
        row["run_id"] = run
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=object) for name in rows[0]}
    )


# --- expressions ---------------------------------------------------------------------

Clause = tuple[str, str, Any]
"""(key, comparator, value)."""


def _clause(rng: random.Random) -> Clause:
    key = rng.choice(("metrics.m", "metrics.m", "metrics.perte test", "params.p", "params.p", "tags.t", "attributes.status", "attributes.start_time", "attributes.run_name"))  # fmt: skip
    if key.startswith("metrics."):
        return (
            key,
            rng.choice(tuple(COMPARE)),
            rng.choice((-1.0, -0.5, 0.0, 0.5, 1.0, 1e300, 1e308)),
        )
    if key == "attributes.start_time":
        return key, rng.choice(tuple(COMPARE)), 1_700_000_000_000 + rng.randrange(-1, 7)
    if key == "attributes.status":
        return key, rng.choice(("=", "!=")), rng.choice(STATUSES)
    texts = [t for t in TEXTS if not ("'" in t and '"' in t)]
    comparators = ["=", "!=", "LIKE", "ILIKE"]
    if not key.startswith("attributes."):
        comparators += ["IS NULL", "IS NOT NULL"]
    comparator = rng.choice(comparators)
    if comparator.startswith("IS"):
        return key, comparator, None
    return key, comparator, rng.choice(PATTERNS if "LIKE" in comparator else texts)


def _source(clause: Clause) -> str:
    key, comparator, value = clause
    family, _, name = key.partition(".")
    shown = f"{family}.`{name}`" if " " in name else key
    if value is None:
        return f"{shown} {comparator}"
    if isinstance(value, str):
        quote = '"' if "'" in value else "'"
        value = f"{quote}{value}{quote}"
    return f"{shown} {comparator} {value}"


def _like(text: str, pattern: str, flags: int) -> bool:
    """SQL LIKE with no escape character."""
    parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, flags | re.DOTALL) is not None


def _matches(value: Any, comparator: str, wanted: Any) -> bool:
    if comparator.startswith("IS"):
        return bool((value is None) == (comparator == "IS NULL"))
    if value is None:
        return False
    if comparator == "LIKE":
        return _like(value, wanted, 0)
    if comparator == "ILIKE":
        return _like(value, wanted, re.IGNORECASE)
    return bool(COMPARE[comparator](value, wanted))


def _family(clauses: list[Clause]) -> str:
    """What a filter exercises, for the table: its rarest sort of comparison."""
    kinds = {
        "LIKE, ILIKE" if "LIKE" in c else "IS NULL" if c.startswith("IS") else "métrique" if k.startswith("metrics") else "égalité de texte" if isinstance(v, str) else "attribut"
        for k, c, v in clauses
    }  # fmt: skip
    return next(
        f
        for f in ("LIKE, ILIKE", "IS NULL", "égalité de texte", "métrique", "attribut")
        if f in kinds
    )


# --- orders --------------------------------------------------------------------------


def _rank(value: Any) -> int:
    if value is None:
        return 2
    return 1 if isinstance(value, float) and math.isnan(value) else 0


def _ordered(table: pd.DataFrame, orders: list[tuple[str, bool]]) -> list[str]:
    rows = table.to_dict("records")
    rows.sort(key=lambda r: r["run_id"])
    rows.sort(key=lambda r: -r["attributes.start_time"])
    for key, ascending in reversed(orders):
        present = [r for r in rows if _rank(r[key]) == 0]
        present.sort(key=lambda r: r[key], reverse=not ascending)
        if not ascending:  # a reversed sort must stay stable
            present = [
                r
                for value in dict.fromkeys(r[key] for r in present)
                for r in rows
                if r[key] == value
            ]
        rest = sorted((r for r in rows if _rank(r[key])), key=lambda r: _rank(r[key]))
        rows = present + rest
    return [r["run_id"] for r in rows]


def _quoted(key: str) -> str:
    family, _, name = key.partition(".")
    return f"{family}.`{name}`" if " " in name else key


# --- trial ---------------------------------------------------------------------------


def _explain(missing: set[str], extra: set[str], table: pd.DataFrame, keys: list[str]) -> str:
    def show(ids: set[str]) -> str:
        chosen = table[table.run_id.isin(ids)][keys].drop_duplicates()
        return ", ".join(str(tuple(row)) for row in chosen.to_numpy().tolist()[:3])

    parts = []
    if missing:
        parts.append(f"{len(missing)} absent(s) : {show(missing)}")
    if extra:
        parts.append(f"{len(extra)} en trop : {show(extra)}")
    return " ; ".join(parts)


def filters(store: Store, runs: int, filters: int, orders: int, seed: int) -> pd.DataFrame:
    """Generated filters and orders against the oracle; the same runs on every store.

    One row per expression: ``magasin, genre`` (filtre, ordre), ``famille, expression,
    issue`` (exact, écart, refus), ``ecart`` (the difference, in values).
    """
    rng = random.Random(seed)
    client = store.client()
    experiment = store.create_experiment("filtres")
    table = _write(store, experiment, _population(rng, runs))
    out: list[Row] = []

    def record(kind: str, family: str, source: str, verdict: str, told: str) -> None:
        out.append({"magasin": store.name, "genre": kind, "famille": family, "expression": source, "issue": verdict, "ecart": told[:400]})  # fmt: skip

    for _ in range(filters):
        clauses = [_clause(rng) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
        source = " AND ".join(_source(clause) for clause in clauses)
        wanted = {
            row["run_id"]
            for row in table.to_dict("records")
            if all(_matches(row[key], comparator, value) for key, comparator, value in clauses)
        }
        try:
            found = {run.info.run_id for run in client.search_runs([experiment], source)}
        except Exception as error:  # a refusal of a valid expression is an outcome
            record("filtre", _family(clauses), source, "refus", f"{type(error).__name__}: {error}")
            continue
        told = _explain(wanted - found, found - wanted, table, sorted({c[0] for c in clauses}))
        record("filtre", _family(clauses), source, "écart" if told else "exact", told)
    keys = [str(k) for k in table if k not in ("run_id", "attributes.run_name")]
    for _ in range(orders):
        asked = [(key, rng.random() < 0.5) for key in rng.sample(keys, rng.choice((1, 1, 2)))]
        order_by = [f"{_quoted(key)} {'ASC' if up else 'DESC'}" for key, up in asked]
        shown = ", ".join(order_by)
        try:
            got = [run.info.run_id for run in client.search_runs([experiment], order_by=order_by)]
        except Exception as error:  # as above
            record("ordre", "order_by", shown, "refus", f"{type(error).__name__}: {error}")
            continue
        wanted_order = _ordered(table, asked)
        by_id = table.set_index("run_id")[[key for key, _ in asked]]
        first = next(
            (i for i, (a, b) in enumerate(zip(got, wanted_order, strict=False)) if a != b), None
        )
        told = ""
        if len(got) != len(wanted_order):
            told = f"{len(got)} runs au lieu de {len(wanted_order)}"
        elif first is not None:
            told = f"rang {first} : {tuple(by_id.loc[got[first]])} au lieu de {tuple(by_id.loc[wanted_order[first]])}"
        record("ordre", "order_by", shown, "écart" if told else "exact", told)
    return pd.DataFrame(out)
