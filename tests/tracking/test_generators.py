"""The sampler: declared, stratified, repeatable."""

import random
from collections import Counter

from mlflow_study.tracking import kpis
from mlflow_study.tracking.generators import ORDINARY, PATHS, STRATA, finite_double, sample
from mlflow_study.tracking.roundtrip import numbers


def test_every_stratum_gets_as_many_cases_and_the_seed_decides_all() -> None:
    cases = sample(200, seed=3)
    assert len(cases) >= 200
    assert set(Counter(case.stratum for case in cases).values()) == {len(cases) // len(STRATA)}
    assert repr(cases) == repr(sample(200, seed=3))
    assert repr(cases) != repr(sample(200, seed=4))


def test_a_case_has_the_same_name_and_content_in_samples_of_any_size() -> None:
    small, large = sample(64, seed=1), sample(160, seed=1)
    by_name = dict(zip(numbers(large), large, strict=True))
    for name, case in zip(numbers(small), small, strict=True):
        assert repr(by_name[name]) == repr(case)


def test_ordinary_strata_have_a_seed_of_their_own() -> None:
    assert set(kpis.ORDINARY) == ORDINARY
    assert set(STRATA) > ORDINARY
    first = next(case for case in sample(64, seed=1) if case.stratum == "valeur : double fini")
    rng = random.Random(2 * 1009)  # of the seed after, the stratum being the first
    rng.choice(PATHS)
    rng.randrange(10**9)
    assert first.writes[0].value == finite_double(rng)
