"""The sentences of chapter 4, each way that the evidence can turn out."""

from __future__ import annotations

import pandas as pd
import pytest

from mlflow_study.evidence.records import Kpi
from mlflow_study.presentation import traceability as view


def share(found: int, n: int, interval: tuple[float, float] | None = None, id: str = "x.y") -> Kpi:
    return Kpi(
        id=id,
        chapitre="04_tracabilite",
        libelle="x",
        valeur=found / n,
        unite="proportion",
        intervalle=interval,
        n=n,
        methode="forgée",
    )


def tally(found: int, n: int) -> Kpi:
    return share(1, 1).model_copy(update={"valeur": found, "unite": "", "n": n})


def cost(operation: str, store: str, low: float, high: float) -> tuple[str, Kpi]:
    id = f"tracabilite.remede.cout_{operation}.{store}"
    record = share(1, 1, (low, high), id).model_copy(
        update={"valeur": (low + high) / 2, "unite": "rapport", "n": 60}
    )
    return id, record.model_copy(update={"conditions": {"operation": operation}})


def test_a_link_that_is_there_is_not_said_true() -> None:
    said = view._origins(share(74, 74), tally(13, 29))
    assert "ces liens tiennent, tant que" in said
    assert "il ne l’est pas dans 13 des 29 contextes" in said
    assert "est le code qui a tourné, dans les 29" in view._origins(share(74, 74), tally(0, 29))
    assert "entiers pour 1 version sur 2" in view._origins(share(1, 2), tally(0, 29)).replace(
        "\u00a0", " "
    )


def test_the_surprise_stands_alone() -> None:
    assert "sur les 13" in view._surprise(tally(13, 29), tally(6, 13))
    assert "13 des 29" in view._surprise(tally(13, 29), tally(0, 13))
    assert "Aucun des 29" in view._surprise(tally(0, 29), tally(0, 0))


@pytest.mark.parametrize(
    ("followed", "alias", "said"),
    [(0, 0, "ne garde pas"), (37, 0, "garde en partie"), (37, 200, "garde l’histoire")],
)
def test_how_much_of_the_history_is_kept(followed: int, alias: int, said: str) -> None:
    assert said in view._history(share(followed, 37), share(alias, 200))


def test_a_declared_list_is_counted_and_a_draw_keeps_its_interval() -> None:
    assert view._share(share(9, 37)) == "9 sur 37"
    assert "IC" in view._share(share(20, 200, (0.07, 0.15)))
    assert view._above(share(20, 20), share(0, 200, (0, 0.02)))
    assert not view._above(share(9, 37), share(9, 37))
    assert not view._above(share(12, 100, (0.07, 0.2)), share(9, 100, (0.05, 0.16)))


def test_the_log_costs_only_where_the_interval_says_so() -> None:
    dear = cost("lot", "sqlite", 1.1, 1.2)
    free = cost("alias", "postgresql", 0.9, 1.1)
    some = view._log_cost(dict([dear, free]))
    assert "lot, 1,15" in some
    assert "sur SQLite" in some
    assert "Aucun surcoût n’est montré ailleurs (alias, sur PostgreSQL)" in some
    assert "ailleurs" not in view._log_cost(dict([dear]))
    assert view._log_cost(dict([free])).startswith("Aucun surcoût du journal")
    assert view._log_cost({}) == ""


def test_the_convention_is_told_once_for_the_stores_that_agree() -> None:
    ids = [f"tracabilite.remede.convention_90.{store}" for store in ("sqlite", "postgresql")]
    said = view._discipline({id: share(18, 20, id=id) for id in ids})
    assert "18 alias passés sur 20 se retrouvent (SQLite et PostgreSQL)" in said
    assert view._discipline({}) == ""


@pytest.mark.parametrize(
    ("commits", "said"), [(2, "mènent toutes"), (1, "commit, 1"), (0, "commit, 0")]
)
def test_the_lineage_is_whole_or_told_link_by_link(commits: int, said: str) -> None:
    found = {"modèle": 2, "run": 2, "run non supprimé": 1, "données": 2, "code": commits}
    links = pd.DataFrame({"maillon": list(found), "complets": list(found.values()), "n": 2})
    text = view._lineage_links(links)
    assert said in text
    assert "Le run est supprimé pour 1." in text


def test_every_wrong_commit_is_listed_or_counted() -> None:
    wrong = pd.DataFrame(
        [
            ("script", "python -c", "code validé"),
            ("git_model_versioning", "jamais validé", "code hors de tout commit"),
        ],
        columns=["famille", "libelle", "verite"],
    )
    said = view._wrong_commits(wrong)
    assert "`python -c` ; et 1 avec `enable_git_model_versioning`" in said
    assert "sur 2 : un dépôt propre ne suffit pas" in said
    assert "dépôt propre" not in view._wrong_commits(wrong[1:])
    assert view._warned_commits(0) == ""
    assert "il est dit modifié" in view._warned_commits(1)
    assert "2 autres commits" in view._warned_commits(2)


def test_where_the_stores_differ() -> None:
    said = view._kept_where(["sqlite", "file", "mariadb"], ["nulle part", "API", "nulle part"])
    assert said == "par l’API (fichiers) ; nulle part (SQLite et MariaDB)"


def test_the_changes_made_behind_mlflow_are_counted_apart() -> None:
    assert view._followed(31, 0, 15).endswith(
        "aucun ne se suit tout à fait ; 15\u00a0ne laissent aucune trace"
    )
    assert view._followed(31, 1, 1).endswith(
        "1\u00a0se suit tout à fait ; 1\u00a0ne laisse aucune trace"
    )
    assert view._followed(31, 31, 0).endswith(
        "31\u00a0se suivent tout à fait ; tous laissent une trace"
    )
    assert view._behind(6, 6).endswith(
        "6 autres sont faits derrière MLflow, sur le disque ou dans la base : aucun ne laisse de trace."
    )
    assert view._behind(6, 1).endswith(": 1\u00a0ne laisse aucune trace.")
    assert view._behind(1, 0).startswith("1 autre est fait")
    assert view._behind(6, 0).endswith("tous laissent une trace.")
    assert view._behind(0, 0) == ""


def test_the_grid_of_contexts_says_what_is_wrong_and_missing() -> None:
    rows = pd.DataFrame(
        [
            (context, question, note)
            for context, code, machine in (("a", "fausse", "absente"), ("b", "juste", "absente"))
            for question, note in (("code", code), ("machine", machine), ("arguments", "juste"))
        ],
        columns=["contexte", "question", "note"],
    )
    said = view._contexts_title(rows).replace("\u00a0", " ")
    assert said == "Le commit est faux 1 fois sur 2, la machine absente 2 fois"
    right = rows.assign(note="juste")
    assert view._contexts_title(right) == "Aucun commit faux dans 2 façons de lancer Python"


def test_the_parameters_of_a_lineage_are_one_node() -> None:
    nodes = pd.DataFrame(
        {"id": ["run", "parametre-C", "parametre-n"], "genre": ["activité", "entité", "entité"]}
    )
    links = pd.DataFrame(
        {"de": ["run", "run"], "vers": ["parametre-C", "parametre-n"], "relation": "Usage"}
    )
    drawn, arrows = view._grouped(nodes, links)
    assert drawn["id"].tolist() == ["run", "parametre"]
    assert len(arrows) == 1
