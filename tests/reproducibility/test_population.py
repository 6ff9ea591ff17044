"""The population: declared, balanced, isolated."""

from collections import Counter
from pathlib import Path

import pytest

from mlflow_study import nursery
from mlflow_study.population import (
    NOTEBOOK_RECORD,
    POPULATION,
    Experiment,
    forge_access,
    git,
    record_population,
    select,
)
from mlflow_study.programs import SUBJECTS, program
from mlflow_study.stores import open_store


def test_the_table_is_balanced_and_large_enough():
    assert len(POPULATION) >= 24
    assert len({e.key for e in (*POPULATION, *NOTEBOOK_RECORD)}) == len(POPULATION) + len(SUBJECTS)
    assert set(Counter(e.recording for e in POPULATION).values()) == {len(SUBJECTS)}
    assert {e.nature for e in POPULATION} == {
        "déterministe",
        "à graine",
        "sans graine",
        "à plusieurs fils",
    }
    assert len(select(2)) == 10


@pytest.mark.parametrize("experiment", [*POPULATION, *NOTEBOOK_RECORD], ids=lambda e: e.key)
def test_every_program_is_python(experiment):
    for name, text in program(experiment.subject, experiment.recording).items():
        if name.endswith(".py"):
            compile(text, name, "exec")


def _draw():
    import os

    import numpy as np

    return float(np.random.random()), sorted(os.environ), str(Path.cwd())


def test_processes_are_isolated(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_STUDY_SECRET", "1")
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    first, second = nursery.run_all(nursery.Job(f, function=_draw) for f in folders)
    assert first.value[0] != second.value[0], "the fork must not copy the random state"
    assert "MLFLOW_STUDY_SECRET" not in first.value[1]
    assert first.value[2] == str(folders[0])


def _fail():
    raise ValueError("non")


def _vanish():
    import os

    os._exit(3)


def test_a_failure_is_told(tmp_path):
    failed = nursery.run(nursery.Job(tmp_path, function=_fail))
    assert (failed.ok, failed.error) == (False, "ValueError: non")
    assert "Traceback" in failed.output
    gone = nursery.run(nursery.Job(tmp_path, function=_vanish))
    assert not gone.ok
    assert gone.error


def test_an_experiment_leaves_a_run_a_forge_and_no_author(tmp_path):
    subject = next(s for s in SUBJECTS if s.place == "hors dépôt")
    with open_store("sqlite") as store:
        (recorded,) = record_population([Experiment(subject, "soin")], store, tmp_path)
        run = store.client().get_run(recorded.run_id)
    assert recorded.error == ""
    assert run.data.metrics == recorded.metrics
    assert run.data.tags["mlflow.source.git.commit"] == recorded.commit
    assert not (tmp_path / "auteur" / recorded.experiment.key).exists()
    assert recorded.predictions is not None
    bare = next((tmp_path / "forge").glob("*.git"))
    assert git(bare, "rev-parse", "main") != recorded.commit, "the author went on"
    assert "insteadOf" in forge_access(tmp_path)["GIT_CONFIG_KEY_0"]
