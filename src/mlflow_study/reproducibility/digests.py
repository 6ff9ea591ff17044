"""Does a data set's digest change exactly when the data do?

A declared, stratified, seeded sampler makes tables and arrays of several sizes and changes
them; the digest is asked of ``mlflow.data`` before and after.  A change of content that
leaves the digest alone is *missed*; a digest that moves while the content stands is a
*false alarm*.  Source of the mechanism: ``mlflow/data/digest_utils.py``.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlflow_study import nursery
from mlflow_study.errors import StudyError

Frame = pd.DataFrame
Generator = np.random.Generator
Row = dict[str, Any]

ROWS = (10, 1_000, 9_999, 20_000)
"""Table sizes: two below MLflow's bound of 10 000 rows, one beside it, one beyond."""


def table(rows: int, rng: Generator) -> Frame:
    """A table with the usual kinds of columns."""
    return pd.DataFrame(
        {
            "mesure": rng.normal(size=rows),
            "compte": rng.integers(0, 50, rows),
            "ville": rng.choice(["Lyon", "Nice", "Brest"], rows),
            "date": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), "D"),
            "actif": rng.random(rows) < 0.5,
            "classe": pd.Categorical(rng.choice(["a", "b", "c"], rows)),
            "note": [None]
            + [None if v < 0.1 else f"n{int(v * 100)}" for v in rng.random(rows - 1)],
        }
    )


def _at(data: Frame, rng: Generator, low: float, high: float) -> int:
    """A row drawn between two fractions of the table."""
    rows = len(data)
    return int(rng.integers(int(low * rows), max(int(high * rows), int(low * rows) + 1)))


def _set(column: str, change: Callable[[Any], Any]) -> Callable[[Frame, Generator], Frame]:
    def mutate(data: Frame, rng: Generator) -> Frame:
        changed, row = data.copy(), _at(data, rng, 0, 1)
        changed[column] = changed[column].astype(object) if column == "note" else changed[column]
        changed.loc[row, column] = change(data.loc[row, column])
        return changed

    return mutate


def _middle(data: Frame, rng: Generator) -> Frame:
    changed = data.copy()
    values = changed["mesure"].to_numpy().copy()
    values[_at(data, rng, 0.55, 0.95)] += 1.0
    changed["mesure"] = values
    return changed


def _swap_rows(data: Frame, rng: Generator) -> Frame:
    order = np.arange(len(data))
    first, second = rng.choice(len(data), 2, replace=False)
    order[[first, second]] = order[[second, first]]
    return data.iloc[order].reset_index(drop=True)


def _drop_last(data: Frame, _: Generator) -> Frame:
    return data.iloc[:-1]


def _swap_labels(data: Frame, _: Generator) -> Frame:
    """Two columns exchange their names: the values stay, their meaning moves."""
    return data.rename(columns={"mesure": "compte", "compte": "mesure"})


@dataclass(frozen=True)
class Mutation:
    """One kind of change; ``changes``: does the content differ afterwards?"""

    name: str
    changes: bool
    apply: Callable[[Frame, Generator], Frame]


TABLE_MUTATIONS: tuple[Mutation, ...] = (
    Mutation("nombre modifié", True, _set("mesure", lambda v: v + 1e-9)),
    Mutation("entier modifié", True, _set("compte", lambda v: v + 1)),
    Mutation("texte modifié", True, _set("ville", lambda v: v + "s")),
    Mutation("nombre modifié dans la seconde moitié", True, _middle),
    Mutation("deux lignes échangées", True, _swap_rows),
    Mutation("dernière ligne retirée", True, _drop_last),
    Mutation("noms de deux colonnes échangés", True, _swap_labels),
    Mutation("date modifiée", True, _set("date", lambda v: v + pd.Timedelta(days=1))),
    Mutation("booléen inversé", True, _set("actif", lambda v: not v)),
    Mutation("catégorie modifiée", True, _set("classe", lambda v: "a" if v != "a" else "b")),
    Mutation("texte modifié, colonne à trous", True, _set("note", lambda v: f"{v}x")),
    Mutation("copie", False, lambda d, _: d.copy()),
    Mutation("autre index, mêmes lignes", False, lambda d, _: d.set_index(d.index + 1)),
    Mutation("aller-retour Parquet", False, lambda d, _: _parquet(d)),
    Mutation("entiers 64 -> 32 bits", False, lambda d, _: d.astype({"compte": "int32"})),
    Mutation("flottants 64 -> nullable", False, lambda d, _: d.astype({"mesure": "Float64"})),
)


def _parquet(data: Frame) -> Frame:
    import io

    buffer = io.BytesIO()
    data.to_parquet(buffer)
    buffer.seek(0)
    return pd.read_parquet(buffer)


ARRAY_SHAPES = ((100, 4), (1_000, 30), (600, 64), (20_000, 2))
"""(rows, columns): the bound is on elements, so the second and later ones pass it."""


def digest_of(data: Any) -> str:
    """The digest that MLflow records for a table or an array."""
    import mlflow.data

    if isinstance(data, pd.DataFrame):
        return str(mlflow.data.from_pandas(data).digest)
    return str(mlflow.data.from_numpy(data).digest)


def measure_mutations(draws: int, graine: int) -> pd.DataFrame:
    """``draws`` mutations of each kind and size; one row each.

    Each size has random numbers and a process of its own.  Columns: forme, mutation, taille,
    contenu_change, empreinte_change.  Raises StudyError when a process fails.
    """
    with tempfile.TemporaryDirectory(prefix="mlflow-empreintes-") as scratch:
        jobs = []
        for index, size in enumerate([*reversed(ROWS), *ARRAY_SHAPES]):
            function = _mutate_table if isinstance(size, int) else _mutate_array
            folder = Path(scratch) / str(index)
            folder.mkdir()
            values = (size, draws, [graine, index])
            jobs.append(nursery.Job(folder, function=function, values=values))
        outcomes = nursery.run_all(jobs)
    for outcome in outcomes:
        if not outcome.ok:
            raise StudyError(f"L’épreuve des empreintes a échoué : {outcome.error}")
    return pd.DataFrame([row for outcome in outcomes for row in outcome.value])


def _mutate_table(size: int, draws: int, seed: list[int]) -> list[Row]:
    rng = np.random.default_rng(seed)
    data = table(size, rng)
    before = digest_of(data)
    return [
        _row(
            "table",
            mutation.name,
            size,
            mutation.changes,
            digest_of(mutation.apply(data, rng)) != before,
        )
        for mutation in TABLE_MUTATIONS
        for _ in range(draws)
    ]


def _mutate_array(shape: tuple[int, int], draws: int, seed: list[int]) -> list[Row]:
    rng = np.random.default_rng(seed)
    height, width = shape
    array = rng.normal(size=shape)
    before = digest_of(array)
    variants: list[tuple[str, bool, np.ndarray[Any, Any]]] = []
    for _ in range(draws):
        changed = array.copy()
        changed[rng.integers(0, height), rng.integers(0, width)] += 1.0
        variants.append(("nombre modifié", True, changed))
        variants.append(("lignes mélangées", True, array[rng.permutation(height)]))
    variants.append(("copie", False, array.copy()))
    variants.append(("arrondi à 32 bits", True, array.astype("float32").astype("float64")))
    return [
        _row("tableau", name, height * width, changes, digest_of(variant) != before)
        for name, changes, variant in variants
    ]


def _row(shape: str, mutation: str, size: int, changes: bool, moved: bool) -> Row:
    return {
        "forme": shape,
        "mutation": mutation,
        "taille": size,
        "contenu_change": changes,
        "empreinte_change": moved,
    }


def measure_collision(limit: int) -> pd.DataFrame:
    """The first two one-cell arrays [0], [1], … that share a digest.

    The digest keeps 32 bits of MD5, so a pair is expected near 2^16 · 1.25 ≈ 82 000 tries.
    The search repeats MLflow's own steps (``pandas.util.hash_array``, shape, MD5, eight
    characters) and the pair is confirmed by ``mlflow.data``.  One row; ``confirmee`` False
    where no pair was found in ``limit`` tries.
    """
    hashes = pd.util.hash_array(np.arange(limit, dtype=np.int64))
    shape = np.int64(1).tobytes()
    seen: dict[bytes, int] = {}
    for value in range(limit):
        short = hashlib.md5(hashes[value].tobytes() + shape, usedforsecurity=False).digest()[:4]
        if short in seen:
            first = seen[short]
            digests = [digest_of(np.array([number])) for number in (first, value)]
            return pd.DataFrame(
                [
                    {
                        "premier": first,
                        "second": value,
                        "essais": value + 1,
                        "empreinte": digests[0],
                        "confirmee": digests[0] == digests[1],
                    }
                ]
            )
        seen[short] = value
    return pd.DataFrame(
        [{"premier": -1, "second": -1, "essais": limit, "empreinte": "", "confirmee": False}]
    )


def measure_digest_time(sizes: tuple[int, ...], repetitions: int, graine: int) -> pd.DataFrame:
    """Seconds to compute a digest, and to hash the whole table with SHA-256, by size."""
    rng = np.random.default_rng(graine)
    rows: list[Row] = []
    for size in sizes:
        data = table(size, rng)
        digest_of(data)
        for _ in range(repetitions):
            started = time.perf_counter()
            digest_of(data)
            partial = time.perf_counter() - started
            started = time.perf_counter()
            hashlib.sha256(pd.util.hash_pandas_object(data).to_numpy().tobytes()).hexdigest()
            rows.append(
                {
                    "lignes": size,
                    "empreinte_s": partial,
                    "complete_s": time.perf_counter() - started,
                }
            )
    return pd.DataFrame(rows)
