"""Chapter 3 says what was measured, whichever way it came out."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from mlflow_study.evidence.records import Kpi
from mlflow_study.evidence.statistics import wilson
from mlflow_study.presentation import page
from mlflow_study.presentation import reproducibility as tell
from mlflow_study.reproducibility.kpis import stage_success


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Texts, and rows and options of the tables, that are put on the page."""
    heard: list[Any] = []
    monkeypatch.setattr(page, "prose", heard.append)
    monkeypatch.setattr(page, "missing", heard.append)
    monkeypatch.setattr(page, "table", lambda df, **options: heard.append((df, options)))
    return heard


def rate(name: str, hits: int, n: int) -> Kpi:
    return Kpi(
        id=f"reproductibilite.reussite.conclusion.{name}", chapitre="03_reproductibilite",
        libelle="x", valeur=hits / n, unite="proportion", intervalle=wilson(hits, n), n=n,
        methode="m",
    )  # fmt: skip


def answer(
    everything: tuple[int, int], careful: tuple[int, int], carnet: tuple[int, int], p: float = 1.0
) -> str:
    rates = (rate("mlflow", *everything), rate("soin", *careful), rate("carnet", *carnet))
    better, worse = max(careful[0] - carnet[0], 0), max(carnet[0] - careful[0], 0)
    pairs = rates[0].model_copy(
        update={
            "id": "reproductibilite.reussite.differences.soin_carnet",
            "valeur": better + worse,
            "n": careful[1],
            "conditions": {"soin": better, "carnet": worse, "p": p},
        }
    )
    return tell.answer({kpi.id: kpi for kpi in (*rates, pairs)})


def test_the_answer_counts_the_subjects_that_differ() -> None:
    text = answer((33, 40), (8, 8), (7, 8))
    assert "En partie" in text
    assert "33\u00a0expériences sur 40 redonnent" in text
    assert "Avec soin : 8 sur 8" in text
    assert "1\u00a0sujet diffère sur 8" in text
    assert "trop peu pour les départager" in text
    assert "s’accordent" in answer((33, 40), (8, 8), (8, 8))
    assert "ne suffit pas" in text


@pytest.mark.parametrize(
    ("careful", "carnet", "words"),
    [((30, 30), (5, 30), "avec soin, fait mieux"), ((5, 30), (30, 30), "le cahier fait mieux")],
)
def test_the_answer_shows_a_difference(
    careful: tuple[int, int], carnet: tuple[int, int], words: str
) -> None:
    assert words in answer((9, 10), careful, carnet, p=1e-6)


def test_the_answer_agrees_with_its_numbers() -> None:
    assert "1\u00a0expérience sur 10 redonne au moins" in answer((1, 10), (1, 2), (0, 2))
    everything = answer((10, 10), (2, 2), (2, 2))
    assert everything.startswith("Oui")
    assert "ne suffit pas" not in everything


ABLATION = pd.DataFrame(
    [
        {"retire": removed, "sujet": subject, "nature": "à graine", "donnees": "dépôt",
         "echelon": rung, "manque": "" if rung == 5 else f"{removed} de {subject}"}
        for removed, rungs in (("rien (témoin)", (5, 5)), ("la graine", (5, 2)), ("l’index", (5, 5)))
        for subject, rung in zip(("a", "b"), rungs, strict=True)
    ]
)  # fmt: skip


def test_an_ablation_keeps_the_worst_subject_and_what_it_lacks(said: list[Any]) -> None:
    tell.ablation_table(ABLATION)
    ((shown, options),) = said
    assert list(shown["échelon restant"].str[0]) == ["5", "2", "5"]
    assert list(shown["ce que dit le reproducteur"])[1] == "la graine de b"
    assert options["title"].startswith("1\u00a0élément sur 2 fait perdre")
    assert "2 programmes" in options["caption"]
    assert "le plus bas de tous" in options["caption"]


def test_an_ablation_of_one_program_has_no_worst(said: list[Any]) -> None:
    tell.ablation_table(ABLATION[ABLATION["sujet"] == "b"])
    assert "plus bas" not in said[0][1]["caption"]


def _manager(name: str, absent: str, reason: str) -> dict[str, Any]:
    return {"gestionnaire": name, "absents": absent, "reussi": None, "motif": reason}


def test_absent_managers_are_one_sentence(said: list[Any]) -> None:
    none = "introuvable"
    rows = [_manager("virtualenv", "virtualenv", none), _manager("conda", "conda", none)]
    tell.managers_sentence(pd.DataFrame(rows))
    assert said[0].endswith("`virtualenv` et `conda` sont introuvables sur le `PATH`.")
    rows = [_manager("uv", "", "non demandé"), _manager("virtualenv", "pyenv", none)]
    tell.managers_sentence(pd.DataFrame(rows))
    assert "`uv`, non demandé ; `pyenv` (pour `virtualenv`) est introuvable sur" in said[1]


def test_of_a_resolver_s_words_only_the_package_is_told() -> None:
    words = "\x1b[31merror\x1b[39m: Because numpy==2.4.6 depends on Python>=3.11, no."
    assert tell._motive(f"sans équivalent (`{words}`)") == (
        "sans équivalent (`numpy==2.4.6` demande `Python>=3.11`)"
    )
    assert tell._motive("sans équivalent (`error: no`)") == "sans équivalent"
    assert tell._motive("aucun Python (3.10)") == "aucun Python (3.10)"


@pytest.mark.parametrize(
    ("moved", "silent", "title"),
    [
        (0, 0, "Aucun des facteurs"),
        (2, 0, "laisse une trace"),
        (1, 1, "Le seul facteur"),
        (3, 1, "Sur 3 facteurs qui changent le résultat, 1 le fait sans"),
        (3, 2, "Sur 3 facteurs qui changent le résultat, 2 le font sans"),
    ],
)
def test_factors_are_counted_among_those_that_move_the_result(
    moved: int, silent: int, title: str
) -> None:
    rows = [
        {"facteur": f"f{i}", "motif": "", "bouge": i < moved, "silence": i < silent}
        for i in range(4)
    ]
    assert title in tell.factors_title(pd.DataFrame(rows))


def test_an_error_is_told_as_code() -> None:
    assert tell._cause("ImportError: cannot import 'x'\nmore") == "`ImportError: cannot import 'x'`"


def _way_back(*rows: tuple[str, str, str, bool, str]) -> pd.DataFrame:
    columns = ["release", "regime", "etape", "reussi", "detail"]
    return pd.DataFrame(rows, columns=columns).assign(publication="2024-01-01", age_jours=1)


@pytest.mark.parametrize(
    ("same", "kept", "words"),
    [
        (2, 1, "pour 2 versions de MLflow sur 2 ; MLflow ne l’enregistre que pour 1"),
        (2, 0, "MLflow ne l’enregistre pour aucune"),
        (2, 2, "pour 2 versions de MLflow sur 2, et MLflow l’enregistre"),
        (1, 2, "pour 1 version de MLflow sur 2 ; MLflow l’enregistre pour 2"),
        (0, 0, "ne tourne pour aucune des 2 versions"),
    ],
)
def test_training_again_is_not_recording_again(same: int, kept: int, words: str) -> None:
    stages = _way_back(
        *(
            (release, "actuel", stage, rank < good, "")
            for stage, good in (("métriques identiques", same), ("executer", kept))
            for rank, release in enumerate(("2.0", "3.0"))
        )
    )
    title = tell.releases_title(stage_success(stages)).replace("\u00a0", " ")
    assert words in title


def test_what_today_s_mlflow_finds_again() -> None:
    rows = [
        ("2.0", "present", "executer", True, ""),
        ("2.0", "present", "métriques identiques", False, ""),
        ("2.0", "present", "métriques proches", True, "écart 7.46e-07"),
        ("2.0", "jour", "métriques identiques", True, ""),
    ]
    said = tell.present_sentence(_way_back(*rows)).replace("\u00a0", " ")
    assert "s’enregistre pour 1 version sur 1" in said
    assert "au bit près, pour aucune ; à 10⁻⁶ près, pour 1" in said
    assert "reviennent au bit pour 1 version sur 1" in said
    same = [(*row[:3], True, "écart 0") for row in rows]
    assert "partout celles d’origine" in tell.present_sentence(_way_back(*same))
    assert "d’aucune des 1" in tell.present_sentence(_way_back((*rows[0][:3], False, "x")))


def test_a_seedless_program_is_said_to_be_left_out() -> None:
    fields = pd.DataFrame({"experience": ["a", "b"], "variable": "auteur"})
    assert "(n = 1)" in tell._seedless(fields, 1)
    assert tell._seedless(fields, 2) == ""
    assert tell._seedless(fields, 0) == ""
