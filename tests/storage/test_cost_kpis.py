"""KPIs of capacity and access time from tables made by hand, and the claims they decide."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import pytest

from mlflow_study.evidence.files import read_register
from mlflow_study.evidence.records import Kpi
from mlflow_study.evidence.verdicts import judge
from mlflow_study.paths import REGISTER
from mlflow_study.presentation import numbers as fr
from mlflow_study.storage import cost_kpis
from mlflow_study.storage.asynchrony import SERIES
from mlflow_study.storage.capacity import COMPARED

CHAPTER = "01_stockage"
CLAIMS = {claim.id: claim for claim in read_register(REGISTER)}


def named(values: Iterable[cost_kpis.KpiValues]) -> dict[str, Kpi]:
    return {v["id"]: Kpi(chapitre=CHAPTER, **v) for v in values}


def calls(
    operation: str, times: dict[int, list[float]], issue: str = "mesure"
) -> list[dict[str, Any]]:
    return [
        {
            "magasin": "sqlite",
            "operation": operation,
            "taille": size,
            "wall_s": wall,
            "issue": issue,
        }
        for size, walls in times.items()
        for wall in walls
    ]


def tables(rows: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    return {"temps": pd.DataFrame(rows)}


def test_a_threshold_that_was_measured_is_bracketed() -> None:
    found = cost_kpis.practical(
        tables(calls("search_all", {100: [0.1] * 3, 1000: [1.2] * 3, 10_000: [12.0] * 3}))
    ).set_index("seuil_s")
    assert found.loc[1.0, ["taille", "bas", "haut", "origine"]].tolist() == [
        1000,
        100,
        1000,
        "mesuré",
    ]
    assert found.loc[10.0, "taille"] == 10_000


def test_a_threshold_out_of_reach_is_extrapolated_and_marked() -> None:
    linear = {n: [0.001 + n * 1e-5, 0.0011 + n * 1.01e-5] for n in (1000, 3162, 10_000)}
    row = cost_kpis.practical(tables(calls("search_page", linear))).iloc[0]
    assert row["origine"] == "extrapolé"
    assert row["taille"] == pytest.approx(99_400, rel=0.02)
    assert row["bas"] < row["taille"] < row["haut"]


def test_a_square_growth_is_recognised() -> None:
    square = {n: [0.02 + n**2 * 4e-8, 0.021 + n**2 * 4.1e-8] for n in (1000, 3162, 8000)}
    law = cost_kpis.affine_laws(tables(calls("search_order", square)))["sqlite", "search_order"]
    assert law.power == 2
    row = cost_kpis.practical(tables(calls("search_order", square))).iloc[1]
    assert row["taille"] == pytest.approx(15_700, rel=0.03)


def test_what_does_not_grow_has_no_practical_limit_and_says_so() -> None:
    flat = {n: [0.010, 0.011, 0.009] for n in (100, 1000, 10_000)}
    found = named(cost_kpis.growth_kpis(tables(calls("create_run", flat))))
    limit = found["stockage.capacite.pratique_1s.create_run.sqlite"]
    assert limit.valeur is None
    assert "aucune croissance" in str(limit.conditions["motif"])


def test_a_law_is_not_stretched_beyond_a_hundred_times_what_was_measured() -> None:
    slow = {n: [0.001 + n * 1e-8, 0.001 + n * 1.01e-8] for n in (10_000, 31_620, 100_000)}
    found = named(cost_kpis.growth_kpis(tables(calls("get_run", slow))))
    assert "dépasserait 100 fois" in str(
        found["stockage.capacite.pratique_10s.get_run.sqlite"].conditions["motif"]
    )


def test_two_sizes_give_no_law_and_are_said_to_be_too_few() -> None:
    found = named(
        cost_kpis.growth_kpis(tables(calls("search_page", {100: [0.1] * 3, 1000: [1.2]})))
    )
    limit = found["stockage.capacite.pratique_10s.search_page.sqlite"]
    assert limit.valeur is None
    assert limit.conditions["origine"] == "trop peu de tailles"
    assert "moins de trois tailles mesurées" in str(limit.conditions["motif"])


def test_a_measured_capacity_has_a_bracket_and_no_interval() -> None:
    times = {100: [0.1] * 3, 1000: [1.2] * 3}
    found = named(cost_kpis.growth_kpis(tables(calls("search_page", times))))
    limit = found["stockage.capacite.pratique_1s.search_page.sqlite"]
    assert (limit.valeur, limit.intervalle, limit.conditions["taille_en_dessous"]) == (
        1000,
        None,
        100,
    )
    assert fr.kpi(limit).replace("\u202f", " ") == "entre 100 et 1 000\u00a0runs (tailles mesurées)"
    slow = named(cost_kpis.growth_kpis(tables(calls("search_page", {100: [2.0] * 3}))))
    limit = slow["stockage.capacite.pratique_1s.search_page.sqlite"]
    assert fr.kpi(limit) == "au plus 100\u00a0runs (la plus petite taille mesurée)"


def test_a_size_that_was_not_tried_is_not_said_to_be_measured() -> None:
    rows = calls("search_order", {100: [0.5], 1000: [5.0]})
    rows += calls("search_order", {10_000: [10.0]}, "plafond")
    rows += calls("search_order", {100_000: [10.0]}, "plafond (taille plus petite)")
    assert set(cost_kpis.practical(tables(rows))["mesure_jusqu_a"]) == {10_000}


def test_calm_and_busy_rounds_are_compared_where_both_are_enough() -> None:
    def share(calm: int) -> Kpi:
        rows = access("sqlite", "log_metric", [0.010] * 40)
        for row in rows:
            row["occupee"] = row["tour"] >= calm
            row["wall_s"] = 0.012 if row["occupee"] else 0.010
        found = named(cost_kpis.access_kpis(access_tables(rows)))
        return found["stockage.acces.part_tours_occupes"]

    assert "rapport" not in share(9).conditions
    told = share(10).conditions
    assert (told["calmes"], told["occupes"], told["calme_s"]) == (10, 30, 0.010)
    assert told["rapport"] == pytest.approx(1.2)


def test_what_was_stopped_at_the_cap_counts_as_reached() -> None:
    rows = calls("search_order", {100: [0.5], 1000: [5.0]})
    rows += calls("search_order", {10_000: [10.0]}, "plafond")
    found = cost_kpis.practical(tables(rows)).set_index("seuil_s")
    assert found.loc[10.0, ["taille", "origine"]].tolist() == [10_000, "mesuré"]


def test_a_growth_cut_by_the_cap_is_a_lower_bound_and_never_confirms() -> None:
    def exponent(early: dict[int, list[float]], cap: float) -> Kpi:
        rows = calls("search_order", early)
        rows += calls("search_order", {10_000: [cap] * 2}, "plafond")
        return named(cost_kpis.growth_kpis(tables(rows)))["stockage.croissance.search_order.sqlite"]

    steep = exponent({100: [0.01, 0.011], 1000: [1.0, 1.05]}, 100.0)
    assert float(steep.valeur or 0) == pytest.approx(2, abs=0.1)
    mild = exponent({100: [1.0, 1.1], 1000: [5.0, 5.1]}, 10.0)
    early = exponent({10: [1.0, 1.1], 100: [1.1, 1.2], 1000: [1.2, 1.3]}, 10.0)
    for bounded in (mild, early):
        assert bounded.intervalle is not None
        low, high = bounded.intervalle
        assert low < 1.5 < high  # undecided, whatever was measured
        assert "borne inférieure" in bounded.methode


def test_a_law_of_too_few_calls_has_no_interval_and_decides_nothing() -> None:
    times = {1000: [0.1, 0.11], 3162: [0.32, 0.33], 10_000: [1.0]}
    found = named(cost_kpis.growth_kpis(tables(calls("search_all", times))))
    law = found["stockage.croissance.search_all.sqlite"]
    assert (law.n, law.intervalle) == (5, None)


def test_a_ratio_of_few_calls_has_the_range_of_two_calls() -> None:
    few = cost_kpis._ratio("a.b", "x", [2.0, 4.0, 3.0], [1.0, 2.0, 1.5])
    assert "intervalle" not in few
    assert few["n"] == 3
    assert few["conditions"] == {"etendue_bas": 1.0, "etendue_haut": 4.0}
    assert cost_kpis._ratio("a.b", "x", [2.0] * 6, [1.0] * 6)["intervalle"] == (2, 2)


def access(
    store: str, operation: str, seconds: list[float], kind: str = "mlflow", **more: Any
) -> list[dict[str, Any]]:
    base = {"magasin": store, "sorte": kind, "operation": operation, "libelle": operation, "sous": "",
            "cpu_s": 0.0, "erreur": "", "chauffe": False, "occupee": False}  # fmt: skip
    return [base | {"wall_s": wall, "tour": tour} | more for tour, wall in enumerate(seconds)]


def access_tables(rows: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    return {"mesures": pd.DataFrame(rows), "horloge": pd.DataFrame({"wall_s": [1e-7] * 100})}


def test_quantiles_ratios_and_floors() -> None:
    rows = access("sqlite", "log_metric", [0.010] * 60) + access("file", "log_metric", [0.001] * 60)
    rows += access("sqlite", "commit", [0.005] * 60, "plancher", sous="create_run log_metric")
    found = named(cost_kpis.access_kpis(access_tables(rows)))
    assert found["stockage.acces.log_metric.p95.sqlite"].valeur == 0.010
    assert "il en faut 299" in str(
        found["stockage.acces.log_metric.p99.sqlite"].conditions["motif"]
    )
    assert found["stockage.acces.rapport_defaut.log_metric.file"].valeur == pytest.approx(0.1)
    assert found["stockage.acces.rapport_plancher.log_metric.sqlite"].valeur == pytest.approx(2)
    assert found["stockage.acces.fichiers_sur_sql.log_metric.sqlite"].valeur == pytest.approx(0.1)
    assert found["stockage.acces.part_horloge"].valeur == pytest.approx(1e-4)


def test_labels_name_operations_and_stores_in_french() -> None:
    rows = [*access("mariadb", "search_filter", [0.01] * 60), *access("file", "search_filter", [0.1] * 60)]  # fmt: skip
    found = named(cost_kpis.access_kpis(access_tables(rows)))
    ratio = found["stockage.acces.fichiers_sur_sql.search_filter.mariadb"]
    assert ratio.libelle == "recherche filtrée, fichiers/MariaDB"
    growth = named(
        cost_kpis.growth_kpis(
            tables([*calls("search_all", {n: [n / 1e3, n / 1e3] for n in (100, 316, 1000)}),
                    *calls("get_run", {n: [n / 1e3, n / 1e3] for n in (100, 316, 1000)})])
        )
    )  # fmt: skip
    label = growth["stockage.croissance.search_all.sqlite"].libelle
    assert label == "exposant de la recherche de tous les runs, SQLite"
    assert growth["stockage.croissance.get_run.sqlite"].libelle == "exposant de get_run, SQLite"


def test_busy_rounds_are_left_out_only_where_enough_remain() -> None:
    def rounds(busy: int) -> pd.DataFrame:
        rows = access("sqlite", "log_batch", [1.0] * 70)
        for row in rows:
            row["occupee"] = row["tour"] < busy
            row["wall_s"] = 9.0 if row["occupee"] else 1.0
        return pd.DataFrame(rows)

    share = named(cost_kpis.access_kpis(access_tables(rounds(40).to_dict("records"))))["stockage.acces.part_tours_occupes"]  # fmt: skip
    assert share.conditions == {"gardes": True, "runs": 100, "calcul_ralenti": 1.5, "attente": 0.25}
    assert cost_kpis.quiet_part(rounds(8))["wall_s"].max() == 1.0
    assert len(cost_kpis.quiet_part(rounds(40))) == 70


def test_warm_up_and_failed_calls_do_not_count() -> None:
    rows = access("sqlite", "get_run", [0.1] * 5, chauffe=True) + access(
        "sqlite", "get_run", [0.2] * 60
    )
    rows += access("sqlite", "get_run", [9.9], erreur="MlflowException")
    assert set(cost_kpis.quiet_part(pd.DataFrame(rows))["wall_s"]) == {0.2}


# --- verdicts that rest on timings: an accident or two must not move them ------------------


def spoilt(seconds: list[float], accidents: int) -> list[float]:
    """The same calls, the first ``accidents`` of them interrupted for twenty times as long."""
    return [20 * s if rank < accidents else s for rank, s in enumerate(seconds)]


@pytest.mark.parametrize("accidents", [0, 1, 2])
@pytest.mark.parametrize(("exponent", "low", "high"), [(0.2, 0, 1.5), (1.9, 1.5, 3)])
def test_accidents_do_not_move_the_exponent(
    exponent: float, low: float, high: float, accidents: int
) -> None:
    noise = [0.97, 1.0, 1.01, 1.03, 1.04]
    times = {n: spoilt([1e-3 * (n / 400) ** exponent * k for k in noise],
                       accidents if n == 1265 else 0) for n in (400, 1265, 4000)}  # fmt: skip
    found = named(cost_kpis.growth_kpis(tables(calls("search_order", times))))
    law = found["stockage.croissance.search_order.sqlite"]
    assert law.intervalle
    assert low <= law.intervalle[0] <= law.intervalle[1] <= high


@pytest.mark.parametrize(
    ("times", "expected"),
    [([0.2, 0.3], "confirmée"), ([2.0, 3.0], "réfutée"), ([0.2, 3.0], "indéterminée")],
)
def test_a_database_is_held_against_files_at_the_largest_size_that_both_reached(
    times: list[float], expected: str
) -> None:
    rows = []
    for operation in cost_kpis.SEARCHES:
        files = calls(operation, {100: [9.0], 1000: [1.0, 1.1]})
        files += calls(operation, {10_000: [10.0]}, "plafond")
        rows += [row | {"magasin": "file"} for row in files]
        rows += calls(operation, {100: [0.1], 1000: times, 10_000: [99.0]})
    found = named(cost_kpis.growth_kpis(tables(rows)))
    count = found["stockage.volume.plus_lentes.sqlite"]
    assert (count.conditions["runs_min"], count.conditions["runs_max"]) == (1000, 1000)
    assert verdict("S30", count) == expected
    assert "stockage.volume.plus_lentes.postgresql" not in found
    alone = named(cost_kpis.growth_kpis(tables([r for r in rows if r["magasin"] == "sqlite"])))
    assert not any("volume" in id for id in alone)


@pytest.mark.parametrize("accidents", [0, 1, 3])
@pytest.mark.parametrize(("claim", "operation"), [("S33", "get_run_history"), ("S34", "get_metric_history_crowd")])  # fmt: skip
@pytest.mark.parametrize(("factor", "expected"), [(1.05, "confirmée"), (2.5, "réfutée")])
def test_accidents_do_not_move_the_verdict_on_independence(
    claim: str, operation: str, factor: float, expected: str, accidents: int
) -> None:
    calm = [0.003 * (1 + 0.01 * (turn % 7)) for turn in range(COMPARED)]
    times = {100: calm, 10_000: spoilt([factor * s for s in calm], accidents)}
    found = named(cost_kpis.growth_kpis(tables(calls(operation, times))))
    (ratio,) = [kpi for id, kpi in found.items() if id.startswith("stockage.acces.")]
    assert verdict(claim, ratio) == expected


@pytest.mark.parametrize("accidents", [0, 1])
def test_an_accident_does_not_move_the_verdict_on_asynchrony(accidents: int) -> None:
    waits = {True: [0.0010] * SERIES, False: spoilt([0.0002] * SERIES, accidents)}
    frame = pd.DataFrame(
        {"magasin": "file", "synchrone": mode, "appel_s": wait, "stocke_s": wait}
        for mode, series in waits.items()
        for wait in series
    )
    found = named(cost_kpis.asynchronous_kpis({"asynchrone": frame}))
    assert verdict("S31", found["stockage.asynchrone.attente.file"]) == "confirmée"


# --- claims: each verdict, with forged KPIs ---------------------------------------------


def kpi(id: str, value: float, low: float, high: float, n: int = 60) -> Kpi:
    return Kpi(
        id=id,
        chapitre=CHAPTER,
        libelle=id,
        valeur=value,
        unite="rapport",
        intervalle=(low, high),
        n=n,
        methode="forgé",
    )


RATIO_AT_LEAST = {
    "S4": ("stockage.acces.fichiers_sur_sql.get_run.sqlite", "stockage.acces.fichiers_sur_sql.search_page.sqlite"),
    "S31": ("stockage.asynchrone.attente.sqlite", "stockage.asynchrone.attente.file"),
    "S32": ("stockage.lot.rapport.sqlite", "stockage.lot.rapport.file"),
}  # fmt: skip
BOUND_AT_MOST = {
    "S33": ("stockage.acces.get_run_historique.sqlite", "stockage.acces.get_run_historique.postgresql", 1.5),
    "S34": ("stockage.acces.historique_parmi.sqlite", "stockage.acces.historique_parmi.postgresql", 1.5),
}  # fmt: skip


def verdict(claim: str, *found: Kpi, witness: bool = True) -> str:
    proof = {claim: "print()"} if witness else {}
    return judge(CLAIMS[claim], {k.id: k for k in found}, proof, [CHAPTER]).verdict


@pytest.mark.parametrize("claim", RATIO_AT_LEAST)
def test_claims_of_a_gain(claim: str) -> None:
    one, two = RATIO_AT_LEAST[claim]
    assert verdict(claim, kpi(one, 3, 2, 4), kpi(two, 5, 4, 6)) == "confirmée"
    assert verdict(claim, kpi(one, 0.2, 0.1, 0.3), kpi(two, 0.5, 0.4, 0.6)) == "réfutée"
    assert verdict(claim, kpi(one, 3, 2, 4), kpi(two, 0.5, 0.4, 0.6)) == "nuancée"
    assert verdict(claim, kpi(one, 1.1, 0.5, 4), kpi(two, 5, 4, 6)) == "indéterminée"
    assert verdict(claim, kpi(one, 3, 2, 4, n=2)) == "indéterminée"
    assert verdict(claim, kpi(one, 0.2, 0.1, 0.3), witness=False) == "indéterminée"
    assert verdict(claim) == "non éprouvée"


@pytest.mark.parametrize("claim", BOUND_AT_MOST)
def test_claims_of_a_bound(claim: str) -> None:
    one, two, limit = BOUND_AT_MOST[claim]
    under, over = (limit * 0.7, limit * 0.6, limit * 0.8), (limit * 1.3, limit * 1.2, limit * 1.4)
    assert verdict(claim, kpi(one, *under), kpi(two, *under)) == "confirmée"
    assert verdict(claim, kpi(one, *over), kpi(two, *over)) == "réfutée"
    assert verdict(claim, kpi(one, *over), kpi(two, *under)) == "nuancée"
    assert verdict(claim, kpi(one, limit, limit * 0.9, limit * 1.1)) == "indéterminée"
    assert verdict(claim) == "non éprouvée"


def test_every_claim_of_this_half_is_in_the_register_and_tested_here() -> None:
    assert set(cost_kpis.CLAIMS) == {"S30", *RATIO_AT_LEAST, *BOUND_AT_MOST}
