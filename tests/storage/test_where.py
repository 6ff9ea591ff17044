"""What lies where, limits, paging, deletion, migration: against a second way of knowing."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from mlflow_study.evidence.files import read_register
from mlflow_study.evidence.records import Claim, Kpi
from mlflow_study.evidence.verdicts import judge
from mlflow_study.executables import search_path
from mlflow_study.paths import NOTEBOOKS, REGISTER, URI_VARIABLE
from mlflow_study.storage import deletion, inventory, kpis, limits, migration, paging
from mlflow_study.storage.rich_experiment import record
from mlflow_study.storage.survey import tour
from mlflow_study.stores import Store, create_sqlite, open_store

WITNESSES = sorted(
    path for claim in kpis.CLAIMS for path in kpis.WITNESSES.glob(f"{claim}_*.py")
)  # fmt: skip


# --- inventory -----------------------------------------------------------------------


def test_marker_is_found_in_the_column_and_in_the_file_where_it_was_put() -> None:
    with open_store("sqlite") as store:
        client = store.client()
        run = client.create_run(store.create_experiment()).info.run_id
        client.set_tag(run, "cle", "zqmarqueur")
        client.log_metric(run, "m", 0.123456789012345)
        client.log_text(run, "avant zqtexte après", "note.txt")
        client.log_text(run, "x", "zqnom.txt")
        words = {
            "tag": "zqmarqueur",
            "metric": "0.123456789012345",
            "text": "zqtexte",
            "name": "zqnom",
        }
        found = {
            (row["genre"], row["lieu"].split("/")[-1], row["nom"])
            for row in inventory.search(store, words)
        }
    assert found == {
        ("tag", "tags.value", False),
        ("metric", "metrics.value", False),
        ("metric", "latest_metrics.value", False),
        ("text", "note.txt", False),
        ("name", "zqnom.txt", True),
    }  # fmt: skip


def test_table_sizes_are_the_pages_of_the_file() -> None:
    with open_store("sqlite") as store:
        rows = inventory.tables(store)
        path = str(store.database_url).removeprefix("sqlite:///")
        connection = sqlite3.connect(path)
        (pages,) = connection.execute("SELECT SUM(pgsize) FROM dbstat").fetchone()
        (master,) = connection.execute(
            "SELECT SUM(pgsize) FROM dbstat WHERE name = 'sqlite_schema'"
        ).fetchone()
        counts = {
            name: connection.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        connection.close()
    measured = {row["table"]: row["lignes"] for row in rows}
    assert {name: counts[name] for name in measured} == measured
    total = sum(row["octets"] + row["octets_index"] for row in rows)
    assert pages - (master or 0) - total == 0 or total == pages


def test_ids_give_way_to_their_role() -> None:
    path = "17/0123456789abcdef0123456789abcdef/artifacts/riche-0123456789ab/x"
    assert inventory.plain(path, {"17": "‹expérience›"}) == "‹expérience›/‹id›/artifacts/riche/x"


# --- limits --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("real", "announced", "cap", "expected"),
    [
        (250, 250, 4096, (250, True)),
        (256, 500, 4096, (256, True)),
        (5000, 100_000, 2**17, (5000, True)),
        (300, None, 4096, (300, True)),
        (700, 250, 4096, (700, True)),
        (10**9, 250, 4096, (4096, False)),
        (0, 250, 4096, (0, True)),
        (4096, None, 4096, (4096, False)),
    ],
)  # fmt: skip
def test_frontier(real: int, announced: int | None, cap: int, expected: tuple[int, bool]) -> None:
    tried = []

    def works(n: int) -> bool:
        tried.append(n)
        return n <= real

    found, ended = limits.frontier(works, announced, cap)
    assert (found if ended else cap, ended) == expected
    if ended:
        assert found + 1 in tried, "the size just beyond must have been seen to fail"


def test_outcomes() -> None:
    from mlflow.exceptions import MlflowException

    def attempt(result: Any) -> limits.Attempt:
        def act(bench: Any, n: int) -> tuple[Any, Any]:
            if isinstance(result, Exception):
                raise result
            return result

        return act

    bench: Any = None
    seen = {
        limits.outcome(bench, attempt(result), 5)[0]
        for result in (("a", "a"), ("aaaaa", "aaa"), ("aaaaa", "b"), (5, 4))
    }
    assert seen == {"intacte", "coupe muette", "altérée"}
    for error, layer in (
        (MlflowException("'value' exceeds the maximum length of 250 characters"), "refus clair"),
        (MlflowException("no"), "refus obscur"),
        (MlflowException("(psycopg.errors.StringDataRightTruncation) value too long"), "erreur de la base"),
        (OSError(36, "File name too long"), "erreur du système"),
        (KeyError("k"), "illisible"),
    ):  # fmt: skip
        assert limits.classify(error) == layer


def test_cut_is_announced_where_mlflow_warns_here() -> None:
    with open_store("sqlite") as store:
        rows = {row["limite"]: row for row in limits.probe(store)}
    assert rows["param_value"]["au_dela"] == "coupe annoncée"
    assert rows["param_value"]["trouvee"] == rows["param_value"]["annoncee"]
    assert rows["metrics_batch"]["au_dela"] == "refus clair"


# --- paging --------------------------------------------------------------------------


class _Pages(list[Any]):
    token: str | None = None


class _Offset:
    """A search that pages by rank, as MLflow does, or by what was already seen."""

    def __init__(self, runs: list[str], stable: bool) -> None:
        self.runs, self.stable = runs, stable

    def search_runs(
        self, _: Any, max_results: int, order_by: Any, page_token: str | None
    ) -> _Pages:
        start = int(page_token or 0)
        runs = self.frozen if self.stable and page_token else list(self.runs)
        self.frozen = runs
        page = _Pages(
            type("R", (), {"info": type("I", (), {"run_id": r})()})()
            for r in runs[start : start + max_results]
        )
        page.token = str(start + max_results) if start + max_results < len(runs) else None
        return page


@pytest.mark.parametrize(("stable", "doubled"), [(False, 1), (True, 0)])
def test_walk_sees_a_run_read_twice(stable: bool, doubled: int) -> None:
    client = _Offset(list("abcdef"), stable)
    found = paging.walk(client, "0", 2, [], lambda: client.runs.insert(0, "z"))
    assert len(found) - len(set(found)) == doubled


def test_paging_on_a_real_store() -> None:
    with open_store("sqlite") as store:
        rows = paging.observe(store, 60, seed=3)
    trials = {row["essai"]: row for row in rows}
    assert trials["complète"]["manquants"] == trials["complète"]["doublons"] == 0
    assert trials["plafond"]["lus"] == paging.CAP


# --- deletion ------------------------------------------------------------------------


def test_deletion_is_seen_from_behind() -> None:
    with open_store("sqlite") as store:
        parts = deletion.observe(store, record(store, 3), 3)
        connection = sqlite3.connect(str(store.database_url).removeprefix("sqlite:///"))
        (models,) = connection.execute("SELECT COUNT(*) FROM logged_models").fetchone()
        (runs,) = connection.execute("SELECT COUNT(*) FROM runs").fetchone()
        connection.close()
    stages = {row["etape"]: row for row in parts["etapes"]}
    assert stages["avant"]["complet"]
    assert stages["avant"]["appreciations"] == 1
    assert stages["restauration"]["appreciations"] == 0  # see claim S15
    assert not stages["restauration"]["complet"]
    assert stages["restauration"]["liste"]
    assert not stages["suppression"]["liste"]
    assert not stages["gc"]["lisible"]
    assert runs == 0
    left = {row["lieu"] for row in parts["restes"] if row["genre"] == "id modèle"}
    assert ("logged_models.model_id" in left) == (models > 0)
    tables = {name: pd.DataFrame(rows) for name, rows in parts.items()}
    for older in (False, True):
        if older:
            tables["etapes"] = tables["etapes"].drop(columns="appreciations")
        found = {k["id"]: k for k in kpis.deletion_kpis(tables)}
        restored = found["stockage.suppression.restauration.sqlite"]
        assert restored["valeur"] is (None if older else False)
        assert ("motif" in restored["conditions"]) == older


# --- migration -----------------------------------------------------------------------


def _snapshot(**entities: dict[str, str]) -> migration.Snapshot:
    return {entity: entities.get(entity, {}) for entity in migration.ENTITIES}


def test_compare_names_what_is_lost_altered_added() -> None:
    before = _snapshot(runs={"a": "1", "b": "2", "c": "3"})
    after = _snapshot(runs={"a": "1", "b": "9", "d": "4"})
    row = next(row for row in migration.compare(before, after, "x") if row["entite"] == "runs")
    assert (row["identiques"], row["alteres"], row["perdus"], row["ajoutes"]) == (1, 1, 1, 1)


def test_snapshot_sees_every_kind_and_two_reads_agree() -> None:
    with open_store("file") as store:
        migration._rich(store, 3)
        first, second = migration.snapshot(store.client()), migration.snapshot(store.client())
    assert first == second
    assert [entity for entity, found in first.items() if not found] == []


def test_cases_migrate_as_the_database_says() -> None:
    tables = migration.migrate_cases(("ancien", "double", "infini"), 3)
    cases = tables["cas"].set_index("cas")
    assert not cases.loc["ancien", "refus"]
    assert cases.loc["ancien", "alteres"] == 0
    assert cases.loc["double", "refus"]
    assert "UNIQUE" in str(cases.loc["double", "message"])
    assert cases.loc["infini", "silencieux"]


def test_a_copied_schema_changes_nothing_to_a_migration(tmp_path: Path) -> None:
    """The file, schema and rows, is the one that MLflow makes alone, to the last line."""
    with open_store("file") as store:
        migration._rich(store, 3)
        source, alone, copied = str(store.files.parent), tmp_path / "a.db", tmp_path / "b.db"
        code, said = migration._command(source, str(alone), "")
        assert code == 0, said
        with migration.schema_copied():
            code, said = migration._command(source, str(copied), "")
        assert code == 0, said
    dumps = []
    for path in (alone, copied):
        with closing(sqlite3.connect(path)) as connection:
            text = "\n".join(connection.iterdump())
        # Anew each time: the order of a table's constraints, and the identifiers of inputs.
        text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "‹uuid›", text)
        dumps.append(sorted(line.strip("\t ,") for line in text.splitlines()))
    assert sum("INSERT INTO" in line for line in dumps[0]) > 50
    assert dumps[0] == dumps[1]


@pytest.mark.parametrize(("kills", "early"), [(1, 0), (4, 1), (16, 4)])
def test_one_kill_in_four_is_wanted_while_the_schema_is_made(kills: int, early: int) -> None:
    wanted = migration.moments(kills)
    for phase, count in (("schéma", early), ("données", kills - early)):
        parts = [moment for moment in wanted if moment.phase == phase]
        assert [m.low for m in parts] == pytest.approx([rank / count for rank in range(count)])
        assert [m.high - m.low for m in parts] == pytest.approx([1 / max(count, 1)] * count)


def test_kills_strike_a_migration_at_work_and_it_can_be_run_again() -> None:
    rows = migration.migrate_killed(kills=4, runs=20, seed=3)
    struck = rows[~rows["fini"]]
    assert len(rows) <= 8
    assert list(rows["moment"]) == sorted(rows["moment"])
    assert (struck["phase"] == "schéma").any(), "a kill comes while the schema is made"
    assert (struck["phase"] == "données").any(), "a kill comes after"
    assert rows[rows["phase"] == "données"]["tables"].nunique() == 1
    assert rows[rows["phase"] == "schéma"]["lignes"].eq(0).all()
    assert rows["sans_reponse"].dropna().ne(0).all()
    assert rows["sans_reponse"].notna().sum() == 1
    assert rows["identique"].all()


def test_only_kills_that_strike_the_data_tell_of_atomicity() -> None:
    """In a table of before ``phase``, the whole schema is the most tables that were seen."""
    kills = pd.DataFrame(
        {"fini": [False, False, False, True], "tables": [6, 65, 65, 65], "partiel": [False, False, True, False],
         "reprise": 0, "identique": True}
    )  # fmt: skip
    cases = pd.DataFrame(columns=["cas"])
    lost = pd.DataFrame([{"runs_avant": 1, "runs_apres": 0}])
    phases = ["schéma", "données", "données", "données"]
    for table in (kills, kills.assign(phase=phases, tables=0)):
        tables = {"cas": cases, "arrets": table, "ecrasement": lost}
        found = {k["id"]: k for k in kpis.migration_kpis(tables)}
        atomic, again = (found[f"stockage.migration.{n}"] for n in ("atomique", "reprise"))
        assert (atomic["valeur"], atomic["n"]) == (1, 2)
        assert (again["valeur"], again["n"]) == (0, 4)


@pytest.mark.parametrize(
    ("said", "value"),
    [("1 run", "lisible"), ("CommandError: Can't locate revision identified by 'x'", "refus"),
     ("MlflowException: Detected out-of-date database schema", "refus"), ("ImportError: no module", None)],
)  # fmt: skip
def test_only_the_schema_of_a_database_makes_a_refusal(said: str, value: str | None) -> None:
    folders = ("vide", "mlruns_vide", "mlruns_rempli", "demande", "accord", "demande_accord")
    defaults = pd.DataFrame(
        {"scenario": folders, "libelle": "x", "magasin": "", "suivi": "écrit", "registre": "écrit", "fichiers": ""}
    )  # fmt: skip
    older = {"release": "2.22.1", "uri": "file", "mlruns": True, "base": False, "motif": ""}
    found = kpis.default_kpis(defaults, pd.DataFrame([older | {"lecture": said}]))
    records = {k["id"]: Kpi(chapitre="01_stockage", **k) for k in found}
    assert records["stockage.version.lecture"].valeur == value
    assert records["stockage.version.defaut"].valeur == "fichiers"
    late = ("stockage.version.lecture_fichiers", "stockage.version.lecture_serveur")
    assert all(records[id].conditions == {"motif": kpis.BEFORE} for id in late)
    new = older | {"lecture": said, "lecture_fichiers": "1 run", "lecture_serveur": said}
    found = kpis.default_kpis(defaults, pd.DataFrame([new]))
    records = {k["id"]: Kpi(chapitre="01_stockage", **k) for k in found}
    assert [records[id].valeur for id in late] == ["lisible", value]


def test_the_register_names_the_release_that_the_profiles_try() -> None:
    import yaml

    profiles = [
        yaml.safe_load(path.read_text("utf-8")) for path in NOTEBOOKS.glob("profils/*.yaml")
    ]
    (release,) = {
        profile["01_stockage"].get("ancienne_version", "aucune") for profile in profiles if profile
    } - {"aucune"}
    for claim in CLAIMS:
        if claim.id in ("S2", "S8"):
            assert claim.critere is not None
            assert release in claim.critere.texte


def test_duplicates_are_removed_and_nothing_else(tmp_path: Path) -> None:
    metric = tmp_path / "0" / "run" / "metrics" / "m"
    metric.parent.mkdir(parents=True)
    metric.write_text("1 0.5 0\n1 0.5 0\n2 0.5 0\n")
    assert migration.without_duplicates(tmp_path) == 1
    assert metric.read_text() == "1 0.5 0\n2 0.5 0\n"


# --- verdicts ------------------------------------------------------------------------


CLAIMS = [claim for claim in read_register(REGISTER) if claim.id in kpis.CLAIMS]


def _forge(claim: Claim, good: bool, n: int = 1000) -> Kpi:
    criterion = claim.critere
    assert criterion is not None
    name = criterion.kpis[0].replace("*", "essai")
    if criterion.forme == "universelle":
        value: Any = 0 if good else 1
    else:
        assert criterion.forme == "egalite"
        value = criterion.attendu if good else "autre"
    return Kpi(
        id=name, chapitre="01_stockage", libelle="essai", valeur=value, unite="", n=n, methode="x"
    )  # fmt: skip


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_each_claim_can_come_out_either_way(claim: Claim) -> None:
    def verdict(kpi: Kpi, witnesses: dict[str, str]) -> str:
        return judge(claim, {kpi.id: kpi}, witnesses, ["01_stockage"]).verdict

    assert verdict(_forge(claim, good=True), {}) == "confirmée"
    assert verdict(_forge(claim, good=False), {claim.id: "code"}) == "réfutée"
    assert verdict(_forge(claim, good=False), {}) == "indéterminée"
    assert claim.critere is not None
    if claim.critere.forme == "universelle" and claim.critere.n_min > 1:
        assert verdict(_forge(claim, good=True, n=claim.critere.n_min - 1), {}) == "indéterminée"


def test_every_claim_has_a_kpi_of_its_own() -> None:
    """The ids that the claims ask for are those that the KPIs bear."""
    source = Path(kpis.__file__).read_text(encoding="utf-8")
    for claim in CLAIMS:
        assert claim.critere is not None
        for pattern in claim.critere.kpis:
            stem = pattern.removesuffix(".*").removesuffix("*").rpartition(".")[0]
            assert stem in source, f"{claim.id}: no KPI like {pattern}"


def test_forged_tables_give_the_kpis() -> None:
    limit_rows = [
        {"backend": "sqlite", "limite": name, "libelle": name, "unite": "caractères", "annoncee": 250,
         "trouvee": 250, "bornee": True, "au_dela": "refus clair"}
        for name in (*kpis.ANNOUNCED[:-1], "experiment_name")
    ]  # fmt: skip
    limit_rows[0]["trouvee"] = 300
    found = {k["id"]: k for k in kpis.limit_kpis({"limites": pd.DataFrame(limit_rows)})}
    assert found["stockage.limite.annonce.sqlite"]["valeur"] == 1
    assert found["stockage.limite.nom_experience.sqlite"]["valeur"] is True
    pages = pd.DataFrame(
        [
            {"backend": "file", "essai": e, "detail": "", "attendus": a, "lus": lus, "manquants": m, "doublons": d}
            for e, a, lus, m, d in (
                ("complète", 100, 100, 0, 0), ("défaut", 100, 100, 0, 0), ("plafond", 50_000, 50_000, 0, 0),
                ("ajout", 20, 21, 0, 1), ("retrait", 19, 18, 1, 0),
            )
        ]
    )  # fmt: skip
    values = {k["id"]: k["valeur"] for k in kpis.page_kpis({"pages": pages})}
    assert values == {
        "stockage.pages.complete.file": 0,
        "stockage.pages.mouvement.file": 2,
        "stockage.pages.bornes.file": None,  # a page of 100 runs cannot stop at 1 000
    }
    for listed, held in ((1000, True), (999, False)):
        pages.loc[pages["essai"] == "défaut", ["attendus", "lus"]] = [1100, listed]
        found = {k["id"]: k["valeur"] for k in kpis.page_kpis({"pages": pages})}
        assert found["stockage.pages.bornes.file"] is held


@pytest.mark.parametrize("path", WITNESSES, ids=lambda path: path.stem)
def test_witness_still_shows_what_it_says(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, timeout=180,
        env={**os.environ, "PATH": search_path()},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.splitlines()[-1] == "REFUTE", done.stdout


def test_a_foreign_store_is_spared() -> None:
    """On a server that is not ours, no registered model is made; elsewhere they are."""
    foreign = {limit.name for limit in limits.wanted(Store("uri", "http://serveur"))}
    ours = {limit.name for limit in limits.wanted(Store("sqlite", "sqlite:///x.db"))}
    outside = {limit.name for limit in limits.LIMITS if limit.outside}
    assert ours - foreign == {*outside, "metrics_batch"}
    assert foreign - ours == {"batch_bytes"}


def test_a_foreign_server_is_toured_within_experiments_that_are_then_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = create_sqlite(tmp_path / "sien.db")
    monkeypatch.setenv(URI_VARIABLE, uri)
    theirs = MlflowClient(uri, uri)
    theirs.create_experiment("à nous")
    tables = tour(backends=("uri",), runs=1000, traces=5, seed=1)
    assert set(tables["pages"]["backend"]) == {"uri"}
    assert set(tables["limites"]["backend"]) == {"uri"}
    assert [e.name for e in theirs.search_experiments()] == ["à nous", "Default"]
    deleted = theirs.search_experiments(view_type=ViewType.DELETED_ONLY)
    assert {e.experiment_id for e in deleted} == set(tables["laisses"]["experience"])
    assert not theirs.search_registered_models()
