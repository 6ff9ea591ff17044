"""The instruments on a real SQLite store, small."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from mlflow_study.scratch import memory_folder
from mlflow_study.stores import Store, open_store
from mlflow_study.tracking import filters as search
from mlflow_study.tracking.addresses import OTHER, SAME, addressed, judged
from mlflow_study.tracking.atomicity import atomicity
from mlflow_study.tracking.causes import causes
from mlflow_study.tracking.completeness import completeness
from mlflow_study.tracking.filters import filters
from mlflow_study.tracking.generators import Case, Write
from mlflow_study.tracking.hunt import hunt
from mlflow_study.tracking.listings import listings
from mlflow_study.tracking.roundtrip import Bench
from mlflow_study.tracking.semantics import PROPERTIES, TRIALS, semantics
from mlflow_study.tracking.workers import QUICK_BYTES


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with open_store("sqlite", memory_folder(QUICK_BYTES)) as opened:
        yield opened


def one(write: Write) -> Case:
    return Case("métrique", "essai", "client", (write,))


def test_known_cases_get_their_known_class(store: Store) -> None:
    import numpy as np

    outcomes = Bench.open(store).outcomes(
        [one(Write("a", 0.5)), one(Write("b", -0.0)), one(Write("c", float("inf"))), one(Write("a@b", 1.0))]
    )  # fmt: skip
    assert [o.classe for o in outcomes] == [
        "identique",
        "altérée en silence",
        "altérée avec avis",
        "refus clair",
    ]
    harmed = Bench.open(store).outcomes([one(Write("d", 0.5, step=np.int64(1)))])[0]
    assert (harmed.classe, harmed.lecture) == ("nuit à ce qui était stocké", "run voisin")


def test_a_harmful_case_does_not_stain_its_neighbours(store: Store) -> None:
    import numpy as np

    cases = [one(Write("a", 0.5)), one(Write("b", 0.5, step=np.int64(1))), one(Write("c", 0.5))]
    classes = [o.classe for o in Bench.open(store).outcomes(cases)]
    assert classes == ["identique", "nuit à ce qui était stocké", "identique"]


def test_semantics_tries_every_property(store: Store) -> None:
    table = semantics(store, 8, seed=1).set_index("propriete")
    assert set(table.index) == set(PROPERTIES) == set(TRIALS)
    assert (table.n >= 3).all()
    assert table.contre_exemples["nom-hors"] == 1  # the line end that closes a name
    assert table.contre_exemples["param-refus"] == 0
    assert table.contre_exemples["complet-infini"] == table.n["complet-infini"] == 10
    assert table.contre_exemples["dernier"] == 0
    assert table.contre_exemples["dernier-numpy"] == table.n["dernier-numpy"]
    assert table.contre_exemples["doublons"] == 0
    assert table.contre_exemples["experience-course"] == table.n["experience-course"] == 5


def test_the_search_oracle_on_values_worked_out_by_hand() -> None:
    assert search._matches(float("nan"), "!=", 1.0)
    assert not search._matches(float("nan"), "=", float("nan"))
    assert not search._matches(None, "!=", "a")
    assert search._matches(None, "IS NULL", None)
    assert search._matches("a\nb", "LIKE", "a%b")
    assert not search._matches("Adam", "LIKE", "a%")
    assert search._matches("ÉA", "ILIKE", "é%")
    assert not search._matches("a%m", "LIKE", "a\\%m")


def test_filters_are_compared_and_planted_truth_is_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = filters(store, runs=8, filters=12, orders=5, seed=2)
    assert set(table.issue) <= {"exact", "écart", "refus"}
    assert (table[table.genre == "ordre"].issue == "exact").all()
    monkeypatch.setattr(search, "_matches", lambda *_: False)
    lying = filters(store, runs=8, filters=12, orders=0, seed=2)
    assert (lying.issue == "écart").any()


def test_completeness_counts_every_point_and_sees_the_sampling(store: Store) -> None:
    table = completeness(store, [10, 2600], 20, seed=1)
    points = table[table.objet == "points"].set_index(["voie", "ecrits"]).rendus
    assert points["get_metric_history", 2600] == 2600
    assert points["get-history-bulk-interval", 2600] == 2500
    assert points["get-history-bulk-interval", 10] == 10
    quiet = table[table.voie.str.startswith("pages de 7")]
    assert (quiet.distincts == quiet.ecrits).all()


def test_other_listings_are_whole_at_rest_and_repeat_an_object_when_one_is_created(
    store: Store,
) -> None:
    table = listings(store, 16)
    assert set(table.objet) == {"expériences", "modèles", "versions", "traces"}
    busy = table.voie.str.contains("créé entre")
    assert (table[~busy].rendus == 16).all()
    assert (table[~busy].distincts == 16).all()
    assert table[~busy].ordonnes.all()
    assert (table[busy].distincts == 16).all()
    assert (table[busy].rendus > 16).all()


def test_a_client_of_one_store_writes_its_traces_in_another(store: Store) -> None:
    found = judged(addressed(store)).set_index("appel")
    assert found.issue["start_trace puis end_trace"] == "ailleurs"
    assert found.issue["load_table"] == "refus"
    for call in ("log_metric", "log_table", "create_run", "load_prompt", "set_trace_tag"):
        assert found.issue[call] == "même", call
        assert not found.touche[call], call
    assert len(found) > 50


def test_a_version_read_from_files_loses_the_metrics_of_its_model(tmp_path: Path) -> None:
    with open_store("file", tmp_path) as files:
        found = judged(addressed(files)).set_index("appel")
    assert found.issue["get_model_version"] == "autre"
    assert "'m': 0.5" in found.attendu["get_model_version"]
    assert "'m'" not in found.rendu["get_model_version"]


def test_calls_are_judged_by_what_reaches_the_other_store() -> None:
    def row(call: str, address: str, given: str = "1", error: str = "", more: int = 0) -> dict:
        return {
            "magasin": "sqlite", "appel": call, "adresse": address, "rendu": given,
            "erreur": error, "requetes": more, "lignes_ailleurs": more,
        }  # fmt: skip

    cases = {
        "même": row("même", OTHER),
        "autre": row("autre", OTHER, given="0"),
        "refus": row("refus", OTHER, given="", error="E"),
        "ailleurs": row("ailleurs", OTHER, given="0", more=1),
    }
    unsupported = [row("absent", SAME, given="", error="E"), row("absent", OTHER)]
    own = [row(name, SAME) for name in cases]
    found = judged(pd.DataFrame([*own, *cases.values(), *unsupported])).set_index("appel")
    assert found.issue.to_dict() == {name: name for name in cases}


def test_a_bad_item_in_a_batch(store: Store) -> None:
    table = atomicity(store, [20]).set_index(["mauvais", "place"])
    assert table.issue["métrique : nom refusé", "au milieu"] == "rien et une erreur"
    assert table.issue["métrique : pas de 2^63", "au milieu"] == "une partie et une erreur"
    assert not table.fautif_garde["métrique : nom refusé", "au milieu"]
    assert table.fautif_garde["étiquette : caractère nul", "au milieu"]
    assert not table.fautif_garde["paramètre : texte trop long", "au milieu"]
    assert table.avis["paramètre : texte trop long", "au milieu"]
    assert not table.avis["étiquette : nom trop long", "au milieu"]


def test_the_hunt_finds_and_shrinks_the_numpy_step(store: Store) -> None:
    table = hunt(store, ["pas"], 12)
    harm = table[table.classe == "nuit à ce qui était stocké"].iloc[0]
    assert "pas np.int64(0)" in harm.cas or "pas 0.5" in harm.cas


def test_every_cause_is_found_in_the_installed_mlflow() -> None:
    table = causes()
    assert (table.ligne > 0).all(), table[table.ligne == 0].defaut.tolist()
