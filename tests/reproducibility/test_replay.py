"""The user's command: what of his run could be repeated, and a real re-run."""

import pytest

from mlflow_study.errors import StudyError
from mlflow_study.population import Experiment, record_population
from mlflow_study.programs import SUBJECTS
from mlflow_study.reproducibility.replay import MetricComparison, in_french, replay
from mlflow_study.stores import open_store


@pytest.fixture(scope="module")
def careful(tmp_path_factory):
    subject = next(s for s in SUBJECTS if s.name == "wine-foret")
    folder = tmp_path_factory.mktemp("rejouer")
    with open_store("sqlite") as store:
        (recorded,) = record_population([Experiment(subject, "soin")], store, folder)
        yield store.tracking_uri, recorded


def test_nothing_runs_unless_asked(careful):
    uri, recorded = careful
    report = replay(recorded.run_id, uri)
    assert report.repeatable
    assert report.ran is None
    assert report.origin == "code enregistré", "the forge cannot be reached from here"
    text = in_french(report)
    assert "peut être relancé" in text
    assert "Rien n’a été exécuté" in text


def test_a_real_run_gives_the_same_bits(careful):
    uri, recorded = careful
    report = replay(recorded.run_id, uri, execute=True)
    assert report.ran, report.error
    assert {m.name for m in report.metrics} == set(recorded.metrics)
    assert {m.verdict for m in report.metrics} == {"identique au bit"}
    assert "Relancé en" in in_french(report)


def test_a_run_without_code_is_said_not_repeatable(careful):
    uri, _ = careful
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    run = client.create_run(client.create_experiment("vide"))
    report = replay(run.info.run_id, uri, execute=True)
    assert not report.repeatable
    assert report.ran is None
    assert "ne peut pas être relancé" in in_french(report)


def test_an_unknown_run_is_one_french_sentence(careful):
    uri, _ = careful
    with pytest.raises(StudyError, match="ne peut pas être lu"):
        replay("0" * 32, uri)


def test_metrics_are_compared_in_words():
    assert MetricComparison("m", 1.0, None).verdict == "absente de la relance"
    assert MetricComparison("m", 1.0, 1.0).verdict == "identique au bit"
    assert MetricComparison("m", 1.0, 1.0 + 1e-9).verdict == "proche"
    assert MetricComparison("m", 1.0, 1.1).verdict == "différente"
