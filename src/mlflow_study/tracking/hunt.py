"""Hypothesis hunts for the smallest input that MLflow alters, loses or chokes on.

It covers the same facets as ``generators`` and gives witnesses, no rate: its search is
guided, so its counts mean nothing.  Runs are repeatable: ``derandomize``, no database of
examples, no deadline.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from mlflow_study.paths import cache_folder
from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, StoreName, open_store
from mlflow_study.tracking.generators import Case, Write
from mlflow_study.tracking.roundtrip import CLASSES, DEFECTS, Bench, Outcome, describe
from mlflow_study.tracking.workers import QUICK_BYTES

COLUMNS = ("magasin", "facette", "classe", "cas", "relu", "message", "essais", "code")
Judge = Callable[[Case], Outcome]


def strategy(facet: str) -> Any:
    """Hypothesis strategy of the cases that vary one facet."""
    from hypothesis import strategies as st

    words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    whole = st.integers(-(2**63), 2**63 - 1)
    numbers = st.one_of(
        st.floats(), st.integers(), st.booleans(), st.decimals(allow_nan=False), st.fractions(), words,
        st.floats(width=32).map(np.float32), whole.map(np.int64),
    )  # fmt: skip
    # Just beyond 64 bits, where stores end: each bit more costs the shrinker a dozen tries.
    moments = st.one_of(
        st.integers(-(2**64), 2**64),
        st.integers(2**53, 2**64),
        st.floats(),
        st.booleans(),
        whole.map(np.int64),
        st.fractions(),
    )
    long = st.integers(5998, 8003).map(lambda size: "a" * size)

    def metric(**fields: Any) -> Any:
        plain = {
            "key": st.just("m"),
            "value": st.just(0.5),
            "step": st.just(1),
            "timestamp": st.just(1),
        }
        writes = st.builds(Write, **{**plain, **fields})
        return writes.map(lambda write: Case("métrique", facet, "client", (write,)))

    def text(kind: Any) -> Any:
        writes = st.builds(Write, key=st.just("p"), value=st.one_of(words, long))
        return writes.map(lambda write: Case(kind, facet, "client", (write,)))

    return {
        "valeur": lambda: metric(value=numbers),
        "pas": lambda: metric(step=moments),
        "horodatage": lambda: metric(timestamp=moments),
        "nom": lambda: metric(key=words),
        "jeu de données": lambda: metric(dataset=st.tuples(words.filter(bool), st.just("e"))),
        "paramètre": lambda: text("paramètre"),
        "étiquette": lambda: text("étiquette"),
    }[facet]()


RUNS_PER_EXPERIMENT = 16
"""Runs beyond which an experiment is left: all are read again at each case."""


@dataclass
class Ground:
    """An experiment for the next case: the same until a case harms it, or until it is full."""

    bench: Bench
    experiment: str | None = None
    runs: int = 0

    def outcome(self, case: Case) -> Outcome:
        if self.experiment is None or self.runs >= RUNS_PER_EXPERIMENT:
            self.experiment, self.runs = self.bench.store.create_experiment("chasse"), 0
        self.runs += 1
        try:
            found = self.bench.together([case], self.experiment)[0]
        except Exception as error:  # the run itself was harmed
            found = Outcome(CLASSES[6], message=f"{type(error).__name__}: {error}"[:200])
        if found.classe == CLASSES[6]:
            self.experiment = None
        return found


def hunt(store: Store, facets: Sequence[str], examples: int) -> pd.DataFrame:
    """Smallest witnesses found, one row per (facet, class of defect).

    Columns ``COLUMNS``.  A missing row means that ``examples`` examples showed nothing,
    not that there is nothing.
    """
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis.configuration import set_hypothesis_home_dir
    from hypothesis.errors import NoSuchExample

    set_hypothesis_home_dir(cache_folder() / "hypothesis")  # else beside the notebook
    ground = Ground(Bench.open(store))
    rows = []
    for facet in facets:
        seen: dict[str, Outcome] = {}

        def outcome(case: Case, seen: dict[str, Outcome] = seen) -> Outcome:
            key = repr(case)
            if key not in seen:
                seen[key] = ground.outcome(case)
            return seen[key]

        def is_wanted(wanted: str, case: Case, judge: Judge = outcome) -> bool:
            return judge(case).classe == wanted

        for wanted in sorted(DEFECTS, key=CLASSES.index, reverse=True):
            try:
                case = find(
                    strategy(facet),
                    partial(is_wanted, wanted),
                    settings=settings(
                        max_examples=examples,
                        derandomize=True,
                        database=None,
                        deadline=None,
                        phases=(Phase.generate, Phase.shrink),
                        suppress_health_check=list(HealthCheck),
                    ),
                )
            except NoSuchExample:
                continue
            found = outcome(case)
            rows.append(
                {
                    "magasin": store.name,
                    "facette": facet,
                    "classe": wanted,
                    "cas": describe(case),
                    "relu": found.relu,
                    "message": found.message,
                    "essais": len(seen),
                    "code": witness(case, store.name),
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def hunt_alone(name: StoreName, facets: Sequence[str], examples: int) -> pd.DataFrame:
    """``hunt`` in a new store: files are slow to create among many experiments."""
    with open_store(name, memory_folder(QUICK_BYTES)) as store:
        return hunt(store, facets, examples)


def witness(case: Case, store: str) -> str:
    """Lines to paste that log the case in a new store and print what is read back."""
    write = case.writes[0]
    uri = {
        "sqlite": 'f"sqlite:///{dossier}/mlflow.db"',
        "file": 'f"file://{dossier}/mlruns"',
    }.get(store, '"postgresql+psycopg://…"  # une base vide')
    if case.kind == "métrique":
        names = {"step": write.step, "timestamp": write.timestamp}
        if write.dataset:
            names |= {"dataset_name": write.dataset[0], "dataset_digest": write.dataset[1]}
        words = ", ".join(f"{name}={value!r}" for name, value in names.items())
        call = f"client.log_metric(run, {write.key!r}, {write.value!r}, {words})"
        shown = f"[(m.value, m.step, m.timestamp) for m in client.get_metric_history(run, {write.key!r})]"
    else:
        method, field = ("log_param", "params") if case.kind == "paramètre" else ("set_tag", "tags")
        call = f"client.{method}(run, {write.key!r}, {write.value!r})"
        shown = f"client.get_run(run).data.{field}.get({write.key!r})"
    return textwrap.dedent(f"""\
        import os, tempfile
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        import numpy as np
        from decimal import Decimal
        from fractions import Fraction
        from mlflow import MlflowClient

        dossier = tempfile.mkdtemp()
        client = MlflowClient({uri})
        run = client.create_run(client.create_experiment("temoin")).info.run_id
        inf, nan = float("inf"), float("nan")
        {call}
        print({shown})
        client.get_run(run).to_proto()  # ce qu’un serveur enverrait
        """)
