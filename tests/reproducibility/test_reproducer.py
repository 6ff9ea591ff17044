"""The rules of the reproducer, on forged records: no store, no network."""

import pytest

from mlflow_study.reproducibility.record import Record, local_source
from mlflow_study.reproducibility.reproducer import (
    ADDRESS,
    COMMIT,
    SOURCE,
    TYPE,
    Helping,
    Plan,
    accepted_options,
    follow,
    launch_command,
)


def record(**changes):
    given = {
        "run_id": "r",
        "status": "FINISHED",
        "parameters": {"C": "0.3", "seed": "4"},
        "metrics": {},
        "tags": {},
        "datasets": (),
        "artifacts": {"code/train.py": "u1", "data/data.csv": "u2"},
        "models": {},
    }
    return Record(**{**given, **changes})


def planned(tmp_path, tags, helping=None, **changes):
    plan = Plan("r")
    follow(plan, record(tags=tags, **changes), tmp_path, "", helping or Helping())
    return plan


def test_an_item_can_be_taken_away():
    full = record(tags={"command": "train.py"})
    assert full.without("parametre:C").parameters == {"seed": "4"}
    assert full.without("etiquette:command").tags == {}
    assert full.without("artefact:code").artifacts == {"data/data.csv": "u2"}
    assert full.artifacts["code/train.py"] == "u1"
    with pytest.raises(ValueError, match="unknown item"):
        full.without("rien:x")


def test_files_are_found_under_a_folder_of_the_run_or_of_a_model():
    full = record(models={"model/code/features.py": "u3", "model/MLmodel": "u4"})
    assert full.files("code") == {"train.py": "u1", "features.py": "u3"}


def test_nothing_recorded_means_nothing_to_run(tmp_path):
    plan = planned(tmp_path, {}, artifacts={})
    assert (plan.kind, plan.stage) == ("rien", "code")
    assert "le code lui-même" in plan.missing


def test_a_project_is_run_again_with_its_parameters(tmp_path):
    tags = {TYPE: "PROJECT", SOURCE: "https://x.invalid/a.git", COMMIT: "c" * 40}
    plan = planned(tmp_path, tags, artifacts={})
    assert (plan.kind, plan.stage) == ("projet", "prêt")
    command = launch_command(vars(plan))
    assert command[:3] == ["mlflow", "run", "https://x.invalid/a.git"]
    assert command[-4:] == ["-P", "C=0.3", "-P", "seed=4"]


def test_a_fact_found_outside_is_counted(tmp_path):
    tags = {COMMIT: "c" * 40, SOURCE: "train.py"}
    plan = planned(tmp_path, tags, Helping(address=str(tmp_path / "absent")), artifacts={})
    assert [e for e in plan.journal if e["effort"] == "fait extérieur"]
    assert ADDRESS not in tags


def test_options_are_read_in_the_source(tmp_path):
    program = tmp_path / "train.py"
    program.write_text("p.add_argument(\"--C\", type=float)\np.add_argument('--max-iter')\n")
    assert accepted_options(program) == {"C", "max-iter"}


def test_the_source_of_a_data_set():
    assert local_source({"source": '{"uri": "/x/data.csv"}'}) == "/x/data.csv"
    assert local_source({"source": '{"tags": {"mlflow.user": "a"}}'}) is None
