"""Measuring, and remembering what was measured.

``measure`` runs an instrument and saves its table before anything is drawn, or
reads the table back when the very same measurement was already made: same source,
same parameters, same stores at hand, same lock, same machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from mlflow_study import nursery
from mlflow_study.errors import EvidenceError
from mlflow_study.evidence import context
from mlflow_study.evidence.files import write_atomically
from mlflow_study.paths import EVIDENCE_VARIABLE, REMEASURE_VARIABLE, ROOT, URI_VARIABLE
from mlflow_study.sources import closure, with_companions
from mlflow_study.stores import hide_password
from mlflow_study.surroundings import surroundings

_NOT_MEASURING = ("mlflow_study.presentation", "mlflow_study.publication", "mlflow_study.pipeline")
_METADATA = b"mlflow_study"

TOGETHER = 2
"""Instruments that ``measure_together`` runs at the same time."""

Tables = dict[str, pd.DataFrame]
Instrument = Callable[..., pd.DataFrame | Tables]


@cache
def source_key(module: str) -> str:
    """Digest of a module and of every module of this package that it uses.

    Presentation does not count: it measures nothing.  Scripts in a folder ``payload/``
    beside a module do: an instrument runs them in other environments.
    """
    digest = hashlib.sha256()
    for path in with_companions(closure([module], without=_NOT_MEASURING).values(), ["payload"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Produced:
    """What one call of an instrument gave, and what it cost."""

    tables: Tables
    wall_s: float
    cpu_s: float


def _produce(instrument: Instrument, parameters: dict[str, Any]) -> Produced:
    before, wall = _cpu(), time.perf_counter()
    produced = instrument(**parameters)
    tables = produced if isinstance(produced, dict) else {"": produced}
    if os.environ.get(URI_VARIABLE):
        tables = {name: _without_secrets(table) for name, table in tables.items()}
    return Produced(tables, time.perf_counter() - wall, _cpu() - before)


def _without_secrets(table: pd.DataFrame) -> pd.DataFrame:
    """The table without the password of the user's server, which MLflow's errors quote."""
    texts = table.select_dtypes(["object", "string"])
    return table.assign(
        **texts.map(lambda value: hide_password(value) if isinstance(value, str) else value)
    )


def _produce_apart(instrument: Instrument, parameters: dict[str, Any]) -> Produced:
    """``_produce`` in a folder of its own: MLflow writes ./mlflow.db where it is not told better."""
    with tempfile.TemporaryDirectory(prefix="etude-") as folder, contextlib.chdir(folder):
        return _produce(instrument, parameters)


def _unwrapped(tables: Tables) -> pd.DataFrame | Tables:
    return tables[""] if list(tables) == [""] else tables


@dataclass
class Laboratory:
    """The place where one chapter measures: reads back or runs, and keeps count.

    ``folder`` is ``preuves/<chapitre>``; ``recorded`` is the same folder of an
    earlier edition when the chapter must be told again from its evidence alone.
    """

    folder: Path
    recorded: Path | None = None
    remeasure: bool = False
    log: list[dict[str, Any]] = field(default_factory=list)

    def measure(self, name: str, instrument: Instrument, **parameters: Any) -> Any:
        """The tables of ``instrument(**parameters)``: a DataFrame, or a dict of them.

        ``name`` names the files: ``<name>.parquet``, or ``<name>.<part>.parquet`` for
        each part of a dict.  Parameters must have a faithful ``repr``.
        """
        found = self._recall(name, instrument, parameters)
        if found is None:
            found = self._keep(name, instrument, parameters, _produce(instrument, parameters))
        return found

    def measure_together(
        self, jobs: Mapping[str, tuple[Instrument, dict[str, Any]]]
    ) -> dict[str, Any]:
        """``measure`` several instruments at once, two at a time, in processes of their own.

        For instruments that time nothing: wall time is halved on two cores.  ``jobs`` maps
        a name to (instrument, parameters).  Returns name -> tables, as ``measure`` does.
        """
        results = {n: self._recall(n, instrument, given) for n, (instrument, given) in jobs.items()}
        todo = {name: jobs[name] for name, tables in results.items() if tables is None}
        if todo:
            with ProcessPoolExecutor(
                TOGETHER, mp_context=nursery.warm_up(), max_tasks_per_child=1
            ) as pool:
                futures = {n: pool.submit(_produce_apart, *job) for n, job in todo.items()}
            ended = {n: future for n, future in futures.items() if future.exception() is None}
            for name, future in ended.items():  # what is measured is kept, whatever else failed
                results[name] = self._keep(name, *todo[name], future.result())
            for future in futures.values():
                future.result()  # raises the first failure
        return results

    def _recall(self, name: str, instrument: Instrument, parameters: dict[str, Any]) -> Any:
        """The saved tables, or None when they must be measured.  Raises EvidenceError."""
        if self.recorded is not None:
            tables, about = _read(self.recorded, name, None)
            if tables is None:
                raise EvidenceError(
                    f"Les preuves enregistrées ne contiennent pas « {name} » ({self.recorded.name})."
                )
            if self.recorded != self.folder:
                _write(self.folder, name, tables, about)
            origin = "enregistrée"
        else:
            key = self._key(instrument, parameters)
            tables, about = (None, {}) if self.remeasure else _read(self.folder, name, key)
            if tables is None:
                return None
            origin = "relue"
        self.log.append({"nom": name, "origine": origin, **about})
        return _unwrapped(tables)

    def _keep(
        self, name: str, instrument: Instrument, parameters: dict[str, Any], produced: Produced
    ) -> Any:
        """Save what an instrument has just produced."""
        commit, modified = context.commit()
        about = {
            "key": self._key(instrument, parameters),
            "instrument": f"{instrument.__module__}.{instrument.__qualname__}",
            "parameters": {k: repr(v) for k, v in sorted(parameters.items())},
            "parts": sorted(produced.tables),
            "date": context.now(),
            "wall_s": produced.wall_s,
            "cpu_s": produced.cpu_s,
            "machine": context.machine(),
            "versions": context.versions(),
            "commit": commit,
            "depot_modifie": modified,
        }
        _write(self.folder, name, produced.tables, about)
        self.log.append({"nom": name, "origine": "mesurée", **about})
        return _unwrapped(produced.tables)

    def _key(self, instrument: Instrument, parameters: dict[str, Any]) -> str:
        module = inspect.unwrap(instrument).__module__
        parts = [
            module,
            instrument.__qualname__,
            source_key(module),
            repr(sorted(parameters.items())),
            *surroundings(parameters),
            context.lock_key(),
            context.machine_key(),
        ]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _cpu() -> float:
    """CPU seconds of this process, its living children and those that it has waited for.

    A job of ``measure_together`` does not see what the fork server runs for it.
    """
    me = psutil.Process()
    total = sum(me.cpu_times()[:4])
    for child in me.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return float(total)


def _path(folder: Path, name: str, part: str) -> Path:
    return folder / (f"{name}.{part}.parquet" if part else f"{name}.parquet")


def _write(folder: Path, name: str, tables: Tables, about: dict[str, Any]) -> None:
    for stale in (*folder.glob(f"{name}.parquet"), *folder.glob(f"{name}.*.parquet")):
        stale.unlink()
    metadata = json.dumps(about, ensure_ascii=False, default=str).encode()
    for part, table in tables.items():
        arrow = pa.Table.from_pandas(table, preserve_index=False)
        arrow = arrow.replace_schema_metadata(
            {**(arrow.schema.metadata or {}), _METADATA: metadata}
        )
        buffer = io.BytesIO()
        pq.write_table(arrow, buffer, compression="zstd")
        write_atomically(_path(folder, name, part), buffer.getvalue())


def _read(folder: Path, name: str, key: str | None) -> tuple[Tables | None, dict[str, Any]]:
    """The tables saved as ``name``; None if absent, incomplete or of another key."""
    paths = [
        p for p in (folder / f"{name}.parquet", *folder.glob(f"{name}.*.parquet")) if p.exists()
    ]
    tables: Tables = {}
    about: dict[str, Any] = {}
    for path in paths:
        arrow = pq.read_table(path)
        about = json.loads((arrow.schema.metadata or {}).get(_METADATA, b"{}"))
        if key is not None and about.get("key") != key:
            return None, {}
        tables[path.name[len(name) : -len(".parquet")].lstrip(".")] = arrow.to_pandas()
    if not tables or sorted(tables) != about.get("parts"):
        return None, {}
    return tables, about


def default_laboratory(chapter: str, evidence: Path) -> Laboratory:
    """The laboratory that the environment asks for (build folder, recorded evidence, force)."""
    recorded = os.environ.get(EVIDENCE_VARIABLE)
    return Laboratory(
        folder=evidence / chapter,
        recorded=(ROOT / recorded / chapter).resolve() if recorded else None,
        remeasure=bool(os.environ.get(REMEASURE_VARIABLE)),
    )
