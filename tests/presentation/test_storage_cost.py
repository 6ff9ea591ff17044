"""Sentences about the cost of storage, in each of their variants."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlflow_study.evidence.records import Kpi
from mlflow_study.presentation import page
from mlflow_study.presentation import storage_cost as cost


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reaches the page: titles and texts, in order."""
    said: list[str] = []
    monkeypatch.setattr(page, "finding", lambda title, text="": said.append(f"{title} | {text}"))
    monkeypatch.setattr(page, "prose", said.append)
    monkeypatch.setattr(page, "missing", lambda text: said.append(f"non éprouvé : {text}"))
    monkeypatch.setattr(page, "table", lambda df, **words: said.append(df.to_string()))
    monkeypatch.setattr(page, "figure", lambda fig, **words: said.append(words["title"]))
    return said


def kpi(id: str, value: float | None, low: float = 0, high: float = 0, **more: Any) -> Kpi:
    conditions = more.pop("conditions", {} if value is not None else {"motif": "n insuffisant"})
    return Kpi(
        id=id, chapitre="01_stockage", libelle=id, valeur=value, unite=more.pop("unite", "rapport"),
        intervalle=(low, high) if value is not None else None, n=60, methode="forgé", conditions=conditions,
    )  # fmt: skip


def table(*records: Kpi) -> dict[str, Kpi]:
    return {record.id: record for record in records}


def test_a_comparison_says_more_less_nothing_or_unknown() -> None:
    said = [
        cost.comparison(kpi("a.b", *values), "X", "Y")
        for values in ((3.0, 2.0, 4.0), (0.5, 0.4, 0.8), (1.1, 0.5, 2.0), (None,))
    ]
    assert "plus lent que Y" in said[0]
    assert "plus rapide que Y" in said[1]
    assert "2" in said[1], "the inverse of 0,5"
    assert "aucune différence" in said[2]
    assert "pas pu" in said[3]


def ratio(operation: str, value: float, low: float, high: float) -> Kpi:
    return kpi(f"stockage.acces.rapport_defaut.{operation}.file", value, low, high)


@pytest.mark.parametrize(
    ("records", "title"),
    [
        (
            [ratio("get_run", 0.1, 0.05, 0.2), ratio("search_page", 5, 4, 6)],
            "Ni les fichiers ni SQLite",
        ),
        ([ratio("get_run", 5, 4, 6)], "SQLite est plus rapide que les fichiers"),
        ([ratio("get_run", 0.1, 0.05, 0.2)], "Les fichiers sont plus rapides que SQLite"),
        ([ratio("get_run", 1, 0.5, 2)], "Aucune différence"),
        ([], "n’ont pas pu être comparés"),
    ],
)
def test_files_against_sqlite(shown: list[str], records: list[Kpi], title: str) -> None:
    cost.default_finding(table(*records))
    assert title in shown[0]


SCANNED, SEARCHED = "SCAN anon_1 LEFT-JOIN", "SEARCH anon_1 USING AUTOMATIC COVERING INDEX"


def sorting(shown: list[str], low: float, plan: str, cured: float, *stopped: int) -> str:
    """What is said of a law; ``stopped``: sizes at which the search reached its cap of 10 s."""
    sizes = [1000, *stopped]
    largest = sizes[-1]
    temps = pd.DataFrame(
        {"magasin": "sqlite", "operation": ["search_order"] * len(sizes) + ["search_order_analyze"],
         "taille": [*sizes, largest], "wall_s": [1.0, *(10.0 for _ in stopped), cured],
         "issue": ["mesure", *("plafond" for _ in stopped), "mesure"]}
    )  # fmt: skip
    plans = pd.DataFrame({"magasin": ["sqlite"], "operation": ["search_order"], "plan": [plan]})
    law = kpi("stockage.croissance.search_order.sqlite", low + 0.2, low, low + 0.4, unite="")
    cost.sorting_finding(table(law), temps, plans)
    return shown[-1]


def test_a_sorted_search_that_grows_worse_than_linearly_has_a_cause(shown: list[str]) -> None:
    bad = sorting(shown, 1.5, SCANNED, 0.01)
    assert "croît plus vite que leur nombre" in bad
    assert "en montre la cause, un travail en carré" in bad
    assert "100" in bad.partition("fois moins")[0][-12:]
    assert "explique la plus grande part de ce temps ; un seul appel l’indique" in bad
    other = sorting(shown, 1.5, SEARCHED, 0.95)
    assert "ne relit pas" in other
    assert "rien de net n’y change" in other
    assert "trop bas" in sorting(shown, 0.8, SCANNED, 0.01, 3000)


def test_a_sorted_search_whose_growth_is_not_shown_has_no_cause(shown: list[str]) -> None:
    good = sorting(shown, 0.8, SCANNED, 0.01)
    assert "aucune croissance plus que linéaire" in good
    assert "SCAN" not in good
    assert "ANALYZE" not in good
    assert "fois celle du magasin de fichiers" not in good
    ratio = kpi("stockage.volume.sur_fichiers.search_order.sqlite", 0.22, unite="rapport")
    ratio = ratio.model_copy(update={"conditions": {"runs": 1000}, "n": 1})
    assert "0,22 fois celle du magasin de fichiers (n = 1)" in cost._beside_files(table(ratio))
    cost.sorting_finding({}, pd.DataFrame(), pd.DataFrame())
    assert "n’a pas été mesurée" in shown[-1]


def test_a_sorted_search_that_was_stopped_has_no_established_law(shown: list[str]) -> None:
    text = sorting(shown, 0.8, SCANNED, 0.5, 3000, 10_000).replace("\u00a0", " ")
    assert "dépasse 10 s à 3\u202f000 runs ; sa loi de croissance n’est pas établie" in text
    assert "2 tailles sont arrêtées au plafond : il est sans doute trop bas" in text
    assert "annonce un travail en carré" in text
    assert "au moins 20 fois moins que le plafond : l’absence de statistiques explique" in text
    assert "le seul appel est arrêté au plafond de 10 s (n = 1)" in text
    assert "l’appel demande 0,5 s à" not in text
    assert "500 ms à 10\u202f000 runs (n = 1)" in text
    assert "1 taille est arrêtée" in sorting(shown, 0.8, SEARCHED, 9.0, 3000).replace("\u00a0", " ")
    assert "rien de net n’y change" in shown[-1]


def test_a_ratio_that_is_reached_is_rounded_down() -> None:
    assert [cost._floor(ratio) for ratio in (5.283, 5.29, 128.9, 2.0)] == ["5,2", "5,2", "128", "2"]


def test_a_sorted_search_that_was_stopped_says_where(shown: list[str]) -> None:
    temps = pd.DataFrame(
        {"magasin": "sqlite", "operation": "search_order", "taille": [1000, 10_000, 31_623, 100_000],
         "wall_s": [0.05, 3.5, 10.0, 10.0],
         "issue": ["mesure", "mesure", "plafond", "plafond (taille plus petite)"]}
    )  # fmt: skip
    plans = pd.DataFrame(
        {"magasin": ["sqlite"], "operation": ["search_order"], "plan": ["SCAN anon_1"]}
    )
    law = kpi("stockage.croissance.search_order.sqlite", None, unite="")
    cost.sorting_finding(table(law), temps, plans)
    assert "dépasse 10\u00a0s à 31\u202f623\u00a0runs" in shown[-1]
    assert "annonce un travail en carré" in shown[-1]
    assert "10 fois plus, sa durée est multipliée par 70 (n = 1 et 1)" in shown[-1]
    assert "à 100\u202f000\u00a0runs, il n’est pas tenté" in shown[-1]


def writers(errors: int, lost: int) -> pd.DataFrame:
    return pd.DataFrame(
        {"magasin": ["sqlite", "sqlite"], "ecrivains": [1, 8], "acquittes": [50, 50], "stockes": [50, 50 - lost],
         "erreurs": [0, errors], "detail": ["", "database is locked : 3" if errors else ""],
         "pire_s": [0.1, 2.0], "debit": [10.0, 20.0], "dispersion": [0.2, 0.2]}
    )  # fmt: skip


def test_writers_refused_lost_or_fine(shown: list[str]) -> None:
    cost.writers_finding(writers(0, 0))
    cost.writers_finding(writers(3, 0))
    cost.writers_finding(writers(0, 1))
    assert "Aucune écriture simultanée" in shown[0]
    assert "refusées, aucune perdue" in shown[1]
    assert "database is locked" in shown[1]
    assert "acquittée manque" in shown[2]


def test_asynchronous_everywhere_somewhere_nowhere(shown: list[str]) -> None:
    def waits(file: tuple[float, float, float]) -> dict[str, Kpi]:
        return table(
            kpi("stockage.asynchrone.attente.sqlite", 50, 40, 60),
            kpi("stockage.asynchrone.attente.file", *file),
            kpi("stockage.asynchrone.stocke.sqlite", 1, 0.9, 1.1),
        )

    cost.asynchronous_finding(waits((3, 2, 4)))
    cost.asynchronous_finding(waits((1, 0.5, 2)))
    cost.asynchronous_finding({})
    assert "sur tous les magasins" in shown[0]
    assert "sur SQLite ; ailleurs" in shown[1]
    assert "n’a pas été mesurée" in shown[2]


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        (
            {"sqlite": (0.5, 0.4, 0.6), "mariadb": (0.25, 0.2, 0.3)},
            "Jusqu’à ce que la donnée soit gardée, l’asynchrone est plus lent : 2 à 4 fois le temps synchrone (n = 60).",
        ),
        (
            {"sqlite": (0.5, 0.4, 0.6), "file": (0.7, 0.5, 1.1)},
            "plus lent sur SQLite : 2 fois le temps synchrone ; aucun écart n’est montré sur fichiers (n = 60).",
        ),
        (
            {"sqlite": (0.5, 0.4, 0.6), "file": (2, 1.5, 3)},
            "plus lent sur SQLite : 2 fois le temps synchrone ; l’asynchrone est plus rapide sur "
            "fichiers : 0,5 fois le temps synchrone (n = 60).",
        ),
        ({"file": (1, 0.5, 2)}, "soit gardée, aucun écart n’est montré sur fichiers (n = 60)."),
        ({}, "asynchrone : 50 fois, IC à 95 % : 40–60 ; n = 60 (SQLite)."),
    ],
)
def test_asynchronous_until_the_datum_is_kept(
    shown: list[str], ratios: dict[str, tuple[float, float, float]], words: str
) -> None:
    stored = [kpi(f"stockage.asynchrone.stocke.{s}", *values) for s, values in ratios.items()]
    cost.asynchronous_finding(table(kpi("stockage.asynchrone.attente.sqlite", 50, 40, 60), *stored))
    assert shown[0].replace("\u00a0", " ").rstrip().endswith(words)


def test_stores_that_are_missing_are_named_in_french(shown: list[str]) -> None:
    absent = pd.DataFrame({"magasin": ["uri", "file"], "motif": ["aucune adresse", "refus"]})
    cost.missing_stores([absent, absent])
    assert shown == [
        "non éprouvé : Votre propre serveur : aucune adresse",
        "non éprouvé : Fichiers : refus",
    ]


def test_plans_are_shown_as_code(shown: list[str]) -> None:
    plan = "Gather Merge (cost=1)\n  Workers Planned: 2"
    cost.plans_table(
        pd.DataFrame({"magasin": ["postgresql"], "operation": ["search_order"], "plan": [plan]})
    )
    assert "`Gather Merge ; Workers Planned: 2`" in shown[0]


def test_a_practical_size_says_how_it_is_known() -> None:
    def said(value: float | None, origin: str) -> str:
        conditions = {"origine": origin} | ({} if value else {"motif": "aucune croissance"})
        return cost.practical_size(kpi("a.b", value, unite="runs", conditions=conditions))

    assert said(3162.0, "mesuré") == "≤\u00a03\u202f200\u00a0runs"
    assert said(547_774.9, "extrapolé") == "≈\u00a0550\u202f000\u00a0runs"
    assert said(None, "aucune croissance montrée") == "–"
    assert said(None, "trop loin") == ">"
    assert said(None, "trop peu de tailles") == "?"


def test_practical_sizes_measured_extrapolated_and_none(shown: list[str]) -> None:
    prefix = "stockage.capacite.pratique_"
    cost.practical_table(
        table(
            kpi(f"{prefix}1s.search_all.sqlite", 1000, 100, 1000, conditions={"origine": "mesuré"}),
            kpi(f"{prefix}10s.search_all.sqlite", 12_345, 9_000, 20_000, conditions={"origine": "extrapolé"}),
            kpi(f"{prefix}1s.get_run.sqlite", None),
        )
    )  # fmt: skip
    text = shown[0].replace("\u202f", " ").replace("\u00a0", " ")
    assert "1 s : ≤ 1 000 ; 10 s : ≈ 12 000" in text
    assert "≈ 12 000 (9 000–20 000)" in text
    assert "`get_run`" in shown[1]


def test_quantiles_without_enough_calls_say_so(shown: list[str]) -> None:
    found = table(
        kpi("stockage.acces.get_run.p50.sqlite", 0.01, 0.009, 0.011, unite="s"),
        kpi("stockage.acces.get_run.p95.sqlite", None),
        kpi("stockage.acces.log_param.p50.sqlite", 0.012, 0.011, 0.013, unite="s"),
    )
    cost.access_table(found)
    assert "p95" not in shown[0]
    found["stockage.acces.log_param.p95.sqlite"] = kpi(
        "stockage.acces.log_param.p95.sqlite", 0.02, 0.01, 0.03
    )
    cost.access_table(found)
    text = shown[1].replace("\u00a0", " ")
    assert "p95 : 20 ms" in text
    assert "p99" not in text


def test_the_figures_state_a_finding(shown: list[str]) -> None:
    law = kpi("stockage.croissance.search_order.sqlite", 1.9, 1.7, 2.1, unite="")
    temps = pd.DataFrame(
        {"magasin": ["sqlite"] * 3, "operation": ["search_order"] * 3, "taille": [100, 1000, 10_000],
         "wall_s": [0.01, 0.1, 10.0], "issue": ["mesure", "mesure", "plafond"]}
    )  # fmt: skip
    cost.growth_figure(table(law), temps, 10.0)
    cost.writers_figure(writers(0, 0))
    cost.access_figure(
        table(kpi("stockage.acces.get_run.p50.sqlite", 0.01, 0.009, 0.011, unite="s"))
    )
    assert "croît plus vite que la taille" in shown[0]
    assert "Le débit monte jusqu’à 8\u00a0écrivains pour SQLite (2 fois)" in shown[1]
    assert shown[2].startswith("Écrivains, base et serveur se partagent les cœurs")
    assert "get_run, SQLite" in shown[3]


@pytest.mark.parametrize(
    ("issues", "words"),
    [
        (["mesure", "mesure"], None),
        (["mesure", "plafond"], "10 s (1 taille arrêtée)"),
        (["plafond", cost.NOT_TRIED], "10 s (1 taille arrêtée ; non tenté au-delà)"),
    ],
)
def test_what_was_not_tried_is_not_counted_as_stopped(
    monkeypatch: pytest.MonkeyPatch, issues: list[str], words: str | None
) -> None:
    captions: list[str] = []
    monkeypatch.setattr(page, "figure", lambda fig, **told: captions.append(told["caption"]))
    temps = pd.DataFrame(
        {"magasin": "sqlite", "operation": "search_order", "taille": [1000, 3000],
         "wall_s": [10.0, 10.0], "issue": issues}
    )  # fmt: skip
    cost.growth_figure({}, temps, 10.0)
    text = captions[0].replace("\u00a0", " ")
    assert ("Triangle" in text) == (words is not None)
    assert words is None or words in text


def few(id: str, value: float, low: float, high: float) -> Kpi:
    """A ratio of too few calls for an interval."""
    return Kpi(
        id=id, chapitre="01_stockage", libelle=id, valeur=value, unite="rapport", n=3, methode="forgé",
        conditions={"etendue_bas": low, "etendue_haut": high, "points": 9000, "points_au_moins": 100},
    )  # fmt: skip


def test_few_calls_have_a_range_and_no_interval(shown: list[str]) -> None:
    cost.history_finding(table(few("stockage.acces.get_run_historique.sqlite", 20, 12, 31)))
    assert "s’allonge" in shown[0]
    assert "(SQLite, étendue : 12–31 ; n = 3)" in shown[0]
    cost.default_finding(table(few("stockage.acces.rapport_defaut.search_filter.file", 2, 0.5, 4)))
    assert "Aucune différence n’est montrée pour la recherche filtrée" in shown[1]


@pytest.mark.parametrize(
    ("busy", "kept", "words"),
    [(0.0, False, "aucun tour"), (0.93, True, "93 % des tours, gardés, car"), (0.02, False, "2 % des tours, écartés")],
)  # fmt: skip
def test_times_say_what_they_hold_for(busy: float, kept: bool, words: str) -> None:
    share = kpi("stockage.acces.part_tours_occupes", busy, conditions={"gardes": kept, "runs": 100})
    said = cost.circumstances(table(share)).replace("\u00a0", " ")
    assert "magasin de 100 runs" in said
    assert words in said
    assert cost.circumstances({}) == ""


def test_the_clock_says_when_it_costs_too_much() -> None:
    def said(share: float, busy: float) -> str:
        return cost.clock_sentence(
            table(
                kpi("stockage.acces.part_horloge", share),
                kpi("stockage.acces.part_tours_occupes", busy),
            )
        )

    assert "sous la limite" in said(0.001, 0)
    assert "au-dessus de la limite" in said(0.02, 0)
    assert "Aucun tour" in said(0.001, 0)
    assert "occupée pendant" in said(0.001, 0.3)


def test_a_throughput_that_does_not_surely_change_is_not_said_to(shown: list[str]) -> None:
    table = writers(0, 0)
    cost.writers_figure(table.assign(dispersion=9.0))
    cost.writers_figure(table.assign(debit=[20.0, 10.0]))
    assert shown[0] == "Aucun changement de débit n’est montré pour SQLite"
    assert shown[2] == "Le débit baisse pour SQLite (−50\u00a0%)"


def several_writers(**rates: list[float]) -> pd.DataFrame:
    """Throughputs of 1, 2 and 8 writers, well known, by store."""
    return pd.DataFrame(
        {"magasin": store, "ecrivains": count, "acquittes": 100, "debit": rate, "dispersion": 0.2}
        for store, found in rates.items()
        for count, rate in zip((1, 2, 8), found, strict=True)
    )


def test_a_throughput_that_peaks_is_said_to_where_it_does(shown: list[str]) -> None:
    table = several_writers(file=[100, 200, 150], postgresql=[100, 200, 198], sqlite=[100, 101, 99])
    cost.writers_figure(table, 2)
    cost.writers_figure(table, 64)
    cost.writers_figure(several_writers(sqlite=[10, 20, 30]), 1)
    said = [text.replace("\u00a0", " ") for text in shown]
    assert said[0] == "Le débit culmine à 2 écrivains, puis retombe pour fichiers (−25 %)"
    assert (
        "Le débit monte jusqu’à 2 écrivains pour PostgreSQL (2 fois), sans retombée montrée"
        in said[1]
    )
    assert "aucun changement de débit n’est montré pour SQLite. Écrivains" in said[1]
    assert said[1].endswith(
        "les 2 cœurs de la machine : la limite peut être celle de la machine, et non du magasin."
    )
    assert said[3].endswith("se partagent les 64 cœurs de la machine.")
    assert said[4] == "Le débit monte jusqu’à 8 écrivains pour SQLite (3 fois)"
    assert "le seul cœur" in said[5]
    refused = several_writers(sqlite=[0, 0, 0]).assign(acquittes=0)
    assert cost._writers_clauses(refused) == ["aucun changement de débit n’est montré pour SQLite"]


def test_the_cores_are_those_of_the_machine_that_measured() -> None:
    log = [{"nom": "tournee", "machine": {"coeurs": 8}}, {"nom": "acces", "machine": {"coeurs": 2}}]
    assert cost.cores(log) == 2
    assert cost.cores([{"nom": "acces"}]) is None
    assert cost.cores(log[:1]) is None


@pytest.mark.parametrize(
    ("ratio", "words"),
    [((1.12, 1.05, 1.26), ": 1,12 fois plus (IC à 95 % : 1,05–1,26)."),
     ((0.5, 0.4, 0.8), ": 2 fois moins (IC à 95 % : 1,25–2,50)."),
     ((1.02, 0.9, 1.1), ": aucune différence n’est montrée (rapport de 1,02 ; IC à 95 % : 0,9–1,1).")],
)  # fmt: skip
def test_what_a_busy_machine_changes(ratio: tuple[float, float, float], words: str) -> None:
    compared = {"calmes": 21, "occupes": 279, "calme_s": 0.00743, "occupe_s": 0.00831,
                **dict(zip(("rapport", "bas", "haut"), ratio, strict=True))}  # fmt: skip
    told = {"gardes": True, "runs": 100, "calcul_ralenti": 1.5, "attente": 0.25}

    def found(conditions: dict[str, Any]) -> dict[str, Kpi]:
        share = kpi("stockage.acces.part_tours_occupes", 0.93, conditions=conditions)
        return table(kpi("stockage.acces.part_horloge", 0.001), share)

    said = cost.clock_sentence(found(told | compared)).replace("\u00a0", " ")
    assert "plus de 1,5 fois son meilleur temps" in said
    assert "plus de 25 % du temps" in said
    assert "prend 7,43 ms sur les 21 tours calmes, 8,31 ms sur les 279 tours occupés" in said
    assert said.endswith(words)
    assert "tours calmes," not in cost.clock_sentence(found(told))
    short = cost.circumstances(found(told | compared)).replace("\u00a0", " ")
    assert short.endswith("sur les 21 tours calmes, un point prend 7,43 ms.")


@pytest.mark.parametrize(
    ("bounds", "title"),
    [((1, 0.9, 1.1), "ne dépend pas"), ((9, 8, 10), "s’allonge"), ((1.4, 0.9, 2), "pas tranché")],
)
def test_reading_with_a_long_history(
    shown: list[str], bounds: tuple[float, float, float], title: str
) -> None:
    conditions = {"points": 20_000, "points_au_moins": 100}
    cost.history_finding(
        table(kpi("stockage.acces.get_run_historique.sqlite", *bounds, conditions=conditions))
    )
    assert title in shown[0]
    assert "20" in shown[0]
    cost.history_finding({})
    assert "n’a pas été mesurée" in shown[1]


@pytest.mark.parametrize(
    ("bounds", "words"),
    [((1, 0.9, 1.1), "il ne l’est pas"), ((9, 8, 10), "donc la cause (SQLite)"), ((1.4, 0.9, 2), "ne dit pas si")],
)  # fmt: skip
def test_the_index_is_a_cause_only_if_dropping_it_changes_the_time(
    shown: list[str], bounds: tuple[float, float, float], words: str
) -> None:
    conditions = {"points": 10_000, "points_au_moins": 100}
    cost.history_finding(
        table(
            kpi("stockage.acces.historique_parmi.sqlite", 1, 0.9, 1.1, conditions=conditions),
            kpi("stockage.acces.historique_parmi_sans_index.sqlite", *bounds),
        )
    )
    assert words in shown[0]
