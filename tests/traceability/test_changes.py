"""Changes: what the search finds is what a second way of looking finds."""

from __future__ import annotations

import sqlite3

import pytest

from mlflow_study.stores import open_store, open_stores
from mlflow_study.traceability import audit
from mlflow_study.traceability.changes import (
    CHANGES,
    Change,
    _alarms,
    _on_store,
    follow_changes,
)
from mlflow_study.traceability.kpis import FILES
from mlflow_study.traceability.questions import default_uri

SOME = ("parametre", "etiquette", "metrique-apres", "metrique-antidatee", "donnees", "alias")
SOME += ("suppression", "version-supprimee", "base-parametre", "artefact-remplace")


def table(**given):
    return follow_changes(["sqlite"], SOME, **given).set_index("changement")


def test_what_the_store_remembers_without_and_with_the_log() -> None:
    bare = table()
    assert bare.loc["parametre", "issue"] == "refusé"
    assert bare.loc["donnees", "issue"] == "ignoré"
    assert bare.loc["etiquette", ["ancienne", "date", "auteur"]].tolist() == ["nulle part"] * 3
    assert bare.loc["metrique-apres", ["ancienne", "date"]].tolist() == ["API", "API"]
    assert bare.loc["metrique-apres", "alarme"]
    assert not bare.loc["metrique-antidatee", "alarme"]
    assert bare.loc["suppression", "date"] == "base"  # runs.deleted_time, not in the API
    assert bare.loc["version-supprimee", "ancienne"] == "base"  # storage_location is not redacted
    logged = table(journal=True)
    for change in ("etiquette", "alias", "base-parametre"):
        assert logged.loc[change, ["ancienne", "date"]].tolist() == ["base", "base"], change
    assert set(logged["auteur"]) == {"nulle part"}
    assert logged.loc["artefact-remplace", "ancienne"] == "nulle part"  # files are not rows


def test_a_change_that_signs_itself_is_seen_signed() -> None:
    """The search for the author finds one where there is one: it can succeed."""
    import getpass

    signed = Change(
        "signe",
        "signé",
        "run",
        "run",
        lambda s: s.client.set_tag(s.run, "par", f"{getpass.getuser()} {s.old}"),
        lambda s: s.client.set_tag(s.run, "v", s.old),
    )
    with open_store("sqlite") as store, default_uri(store.tracking_uri):
        row = next(iter(_on_store(store, [signed])))
    assert row["auteur"] == "API"
    assert row["ancienne"] == "API"


def test_alarms_ring_on_planted_signs_only() -> None:
    run = {
        "run": {"info": {"lifecycle_stage": "active", "end_time": 10, "start_time": 5}},
        "histories": {"m": [{"step": 0, "timestamp": 7}]},
    }
    assert _alarms({"runs": run}) == set()
    run["histories"]["m"].append({"step": 0, "timestamp": 11})
    assert _alarms({"runs": run}) == {"point daté après la fin", "deux points au même pas"}
    assert _alarms({"runs": {}}) == {"run introuvable"}


def test_a_models_file_is_held_against_what_its_notice_says() -> None:
    found = follow_changes(["sqlite"], FILES).set_index("changement")
    assert set(found["issue"]) == {"accepté"}
    assert found.index[found["alarme"]].tolist() == ["modele-tronque", "modele-efface"]
    assert found.loc["modele-edite", ["ancienne", "date"]].tolist() == ["nulle part"] * 2
    size, gone, load = (
        "taille autre que celle de `MLmodel`",
        "fichier nommé par `MLmodel`, absent",
        "chargement refusé",
    )
    assert found.loc["modele-tronque", "alarmes"] == f"{load} ; {size}"
    assert found.loc["modele-efface", "alarmes"] == f"{load} ; {gone}"


def test_ids_are_unique() -> None:
    ids = [change.id for change in CHANGES]
    assert len(ids) == len(set(ids))


@pytest.mark.lent
def test_file_and_sql_stores_differ_on_the_date_of_an_alias() -> None:
    found = follow_changes(["file", "postgresql"], ("alias",)).set_index("backend")
    assert found.loc["file", "date"] == "API"
    assert found.loc["postgresql", "date"] == "nulle part"


def test_the_log_sees_a_hand_in_the_database_on_both_engines() -> None:
    with open_stores(["sqlite", "postgresql"]) as stores:
        for store in stores.values():
            engine = store.engine()
            audit.install(engine)
            audit.install(engine)  # twice is once
            client = store.client()
            run = client.create_run(store.create_experiment()).info.run_id
            client.log_param(run, "p", "honnête")
            with engine.begin() as connection:
                connection.exec_driver_sql("UPDATE params SET value = 'retouché'")
            last = audit.read(engine)[-1]
            assert (last.table, last.before["value"], last.after["value"]) == (
                "params",
                "honnête",
                "retouché",
            )
            audit.remove(engine)
            n = len(audit.read(engine))
            client.set_tag(run, "t", "x")
            assert len(audit.read(engine)) == n
            engine.dispose()


def test_the_log_refuses_an_unknown_database() -> None:
    class Engine:
        class dialect:
            name = "mysql"

    with pytest.raises(ValueError, match="mysql"):
        audit.install(Engine())  # type: ignore[arg-type]


def test_sqlite_triggers_really_lie_in_the_file(tmp_path) -> None:
    with open_store("sqlite") as store:
        engine = store.engine()
        audit.install(engine)
        engine.dispose()
        path = store.database_url.removeprefix("sqlite:///")
        names = sqlite3.connect(path).execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'etude%'"
        )
        assert names.fetchone()[0] == 3 * len(audit.AUDITED)
