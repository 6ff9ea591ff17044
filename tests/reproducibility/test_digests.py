"""The digest instrument: what must be seen, what MLflow documents that it does not read."""

import numpy as np
import pandas as pd

from mlflow_study.reproducibility.digests import (
    ROWS,
    TABLE_MUTATIONS,
    digest_of,
    measure_collision,
    measure_digest_time,
    measure_mutations,
    table,
)


def same_content(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Equality of values alone: types and index apart."""
    if list(a.columns) != list(b.columns) or len(a) != len(b):
        return False
    return all(
        x == y or (pd.isna(x) and pd.isna(y))
        for column in a.columns
        for x, y in zip(a[column].tolist(), b[column].tolist(), strict=True)
    )


def test_every_mutation_does_what_it_declares():
    rng = np.random.default_rng(1)
    data = table(200, rng)
    for mutation in TABLE_MUTATIONS:
        assert same_content(data, mutation.apply(data, rng)) != mutation.changes, mutation.name


def test_a_change_that_must_be_seen_is_seen():
    data = table(50, np.random.default_rng(0))
    changed = data.assign(compte=data["compte"] + 1)
    assert digest_of(data) != digest_of(changed)
    assert digest_of(data) == digest_of(data.copy())


def test_rows_are_counted_for_every_kind_and_size():
    rows = measure_mutations(1, 0)
    tables = rows[rows["forme"] == "table"]
    assert len(tables) == len(TABLE_MUTATIONS) * len(ROWS)
    assert not rows[rows["mutation"] == "copie"]["empreinte_change"].any()


def test_the_collision_is_one_for_mlflow_too():
    found = measure_collision(200_000).iloc[0]
    assert found["confirmee"]
    assert found["premier"] != found["second"]
    assert digest_of(np.array([found["premier"]])) == digest_of(np.array([found["second"]]))
    assert not measure_collision(100).iloc[0]["confirmee"]


def test_times_are_positive():
    assert (measure_digest_time((100,), 2, 0)[["empreinte_s", "complete_s"]] > 0).all().all()
