"""What is measured once is read back, and nothing stale is ever shown."""

import os

import pandas as pd
import pytest

from mlflow_study import surroundings
from mlflow_study.errors import EvidenceError
from mlflow_study.evidence import observations
from mlflow_study.evidence.files import read_register, write_atomically, write_json
from mlflow_study.evidence.observations import Laboratory
from mlflow_study.paths import URI_VARIABLE

CALLS = []


def instrument(size, factor=2):
    CALLS.append(size)
    return pd.DataFrame({"n": range(size), "x": [factor * i for i in range(size)]})


def two_tables():
    CALLS.append("two")
    return {"mesures": pd.DataFrame({"a": [1]}), "temoins": pd.DataFrame({"b": ["é"]})}


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def test_the_same_measurement_is_read_back(tmp_path):
    lab = Laboratory(tmp_path)
    first = lab.measure("essai", instrument, size=3)
    again = lab.measure("essai", instrument, size=3)
    assert CALLS == [3]
    pd.testing.assert_frame_equal(first, again)
    assert [entry["origine"] for entry in lab.log] == ["mesurée", "relue"]


def test_another_parameter_measures_again(tmp_path):
    lab = Laboratory(tmp_path)
    lab.measure("essai", instrument, size=3)
    assert len(lab.measure("essai", instrument, size=4)) == 4
    assert CALLS == [3, 4]


@pytest.mark.parametrize("what", ["lock_key", "machine_key"])
def test_another_lock_or_machine_measures_again(tmp_path, monkeypatch, what):
    Laboratory(tmp_path).measure("essai", instrument, size=3)
    monkeypatch.setattr(observations.context, what, lambda: "other")
    Laboratory(tmp_path).measure("essai", instrument, size=3)
    assert CALLS == [3, 3]


def on_stores(backends):
    CALLS.append(backends)
    address = os.environ.get(URI_VARIABLE, "nulle part")
    return pd.DataFrame({"n": [1], "message": [f"échec de {address}/api"]})


def test_a_store_that_can_be_had_since_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(surroundings, "unavailable", lambda name: "absent")
    Laboratory(tmp_path).measure("essai", on_stores, backends=["mariadb"])
    monkeypatch.setattr(surroundings, "unavailable", lambda name: None)
    Laboratory(tmp_path).measure("essai", on_stores, backends=["mariadb"])
    assert len(CALLS) == 2


def test_another_address_is_another_measurement_and_its_password_is_not_kept(tmp_path, monkeypatch):
    for host in ("a", "b"):
        monkeypatch.setenv(URI_VARIABLE, f"http://eve:s3cret@{host}:5000")
        found = Laboratory(tmp_path).measure("essai", on_stores, backends=["uri"])
        assert found["message"].tolist() == [f"échec de http://eve:***@{host}:5000/api"]
    assert len(CALLS) == 2
    assert b"s3cret" not in (tmp_path / "essai.parquet").read_bytes()


def test_another_source_measures_again(tmp_path, monkeypatch):
    Laboratory(tmp_path).measure("essai", instrument, size=3)
    monkeypatch.setattr(observations, "source_key", lambda module: "edited")
    Laboratory(tmp_path).measure("essai", instrument, size=3)
    assert CALLS == [3, 3]


def test_presentation_is_not_part_of_the_source_of_an_instrument():
    files = observations.closure(["mlflow_study.stores"], without=observations._NOT_MEASURING)
    assert "mlflow_study.stores" in files
    assert "mlflow_study.errors" in files
    assert not any("presentation" in name for name in files)


def test_remeasure_forces(tmp_path):
    Laboratory(tmp_path).measure("essai", instrument, size=3)
    Laboratory(tmp_path, remeasure=True).measure("essai", instrument, size=3)
    assert CALLS == [3, 3]


def test_several_tables_come_back_together_or_not_at_all(tmp_path):
    Laboratory(tmp_path).measure("deux", two_tables)
    back = Laboratory(tmp_path).measure("deux", two_tables)
    assert sorted(back) == ["mesures", "temoins"]
    assert CALLS == ["two"]
    (tmp_path / "deux.temoins.parquet").unlink()
    Laboratory(tmp_path).measure("deux", two_tables)
    assert CALLS == ["two", "two"]


def test_recorded_evidence_is_told_again_without_measuring(tmp_path):
    Laboratory(tmp_path / "a").measure("essai", instrument, size=3)
    lab = Laboratory(tmp_path / "b", recorded=tmp_path / "a")
    assert len(lab.measure("essai", instrument, size=999)) == 3
    assert CALLS == [3]
    assert lab.log[0]["origine"] == "enregistrée"
    assert (tmp_path / "b" / "essai.parquet").exists()


def test_missing_recorded_evidence_is_an_error(tmp_path):
    with pytest.raises(EvidenceError, match="essai"):
        Laboratory(tmp_path / "b", recorded=tmp_path / "a").measure("essai", instrument, size=3)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kpi.json"
    write_atomically(path, b"old")
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["kpi.json"]


def test_nan_is_not_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", [float("nan")])


def test_the_register_refuses_an_id_given_twice(tmp_path):
    path = tmp_path / "affirmations.yaml"
    entry = """
- {id: S1, domaine: stockage, chapitre: c, enonce: e, non_eprouvee: r,
   source: {titre: t, lien: l, lu: 2026-11-24}}
"""
    path.write_text(entry * 2, encoding="utf-8")
    with pytest.raises(EvidenceError, match="S1"):
        read_register(path)
