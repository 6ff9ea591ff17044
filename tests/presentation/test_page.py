"""What a notebook puts on the page: each block's form, and what is refused."""

from __future__ import annotations

from datetime import date
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from mlflow_study.evidence.records import Claim, Criterion, Source, Verdict
from mlflow_study.presentation import page

SOURCE = Source(titre="Model Registry", lien="https://mlflow.org/docs/", lu=date(2026, 11, 24))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bundles that were displayed, in order."""
    bundles: list[dict[str, Any]] = []
    for name in ("display", "update_display"):
        monkeypatch.setattr(
            page, name, lambda bundle, **options: bundles.append({**bundle, **options})
        )
    return bundles


def html(bundle: dict[str, Any]) -> BeautifulSoup:
    return BeautifulSoup(bundle["text/html"], "html.parser")


def test_the_brief_is_shown_first_and_filled_later(shown: list[dict[str, Any]]) -> None:
    bref = page.brief()
    answer = bref.fill(
        question="Où sont les données ?",
        answer="Dans **SQLite**.",
        figures=["`a` : 2"],
        surprise="x",
    )
    first, second = shown
    assert first["display_id"] == second["display_id"]
    assert html(first).select_one(".bref.attente") is not None
    filled = html(second)
    assert filled.select_one(".attente") is None
    assert filled.select_one(".question").get_text() == "Où sont les données\u202f?"  # type: ignore[union-attr]
    assert filled.select_one(".reponse strong").get_text() == "SQLite"  # type: ignore[union-attr]
    assert filled.select_one(".chiffres code").get_text() == "a"  # type: ignore[union-attr]
    assert answer == {
        "question": "Où sont les données ?",
        "answer": "Dans **SQLite**.",
        "figures": ["`a` : 2"],
        "surprise": "x",
    }


def test_text_is_typeset_markdown(shown: list[dict[str, Any]]) -> None:
    page.prose("Vrai ? Oui.")
    page.finding("Rien ne\nse perd", "n = 300 cas")
    assert shown[0]["text/markdown"] == "Vrai\u202f? Oui."
    assert shown[1]["text/markdown"] == "### Rien ne se perd\n\nn\u00a0=\u00a0300 cas"


def test_a_figure_is_an_image_with_words(shown: list[dict[str, Any]]) -> None:
    fig, ax = plt.subplots()
    plt.close(fig)
    ax.plot([0, 1], [0, 1])
    page.figure(
        fig,
        label="fig-x",
        title="Cela monte",
        caption="Une mesure par point.",
        alt="Une droite monte d'un coin à l'autre.",
    )
    figure = html(shown[0]).figure
    assert figure is not None
    assert figure["id"] == "fig-x"
    image = figure.img
    assert image is not None
    assert str(image["src"]).startswith("data:image/svg+xml,")
    assert image["alt"] == "Une droite monte d’un coin à l’autre."
    assert figure.svg is None


def test_a_witness_keeps_its_code(shown: list[dict[str, Any]]) -> None:
    page.witness("x = 'a' < \"b\"  # n'est-ce pas ?\n", title="Un témoin", shows="Il affiche x.")
    code = html(shown[0]).pre
    assert code is not None
    assert code.get_text() == "x = 'a' < \"b\"  # n'est-ce pas ?"


def test_a_notice_says_why(shown: list[dict[str, Any]]) -> None:
    page.missing("MariaDB : aucun serveur.")
    assert html(shown[0]).get_text() == "Non éprouvé. MariaDB\u00a0: aucun serveur."


def _claim(**fields: Any) -> Claim:
    criterion = Criterion(forme="universelle", kpis=["a.b"], texte="un contre-exemple suffit")
    common = {"id": "T1", "domaine": "suivi", "chapitre": "02_suivi", "enonce": "NaN est gardé"}
    return Claim(**{**common, "source": SOURCE, "critere": criterion, **fields})


def test_claims_before_show_their_statement(shown: list[dict[str, Any]]) -> None:
    page.claims([_claim(), _claim(id="T2", critere=None, non_eprouvee="aucun serveur")])
    lines = html(shown[0]).select("p.affirmations")[0].get_text().splitlines()
    assert lines == ["T1. NaN est gardé", "T2. NaN est gardé"]


def _verdict(**fields: Any) -> Verdict:
    common = {
        "id": "T1",
        "domaine": "suivi",
        "enonce": "NaN est gardé",
        "source": SOURCE,
        "critere": "c",
        "verdict": "réfutée",
        "motif": "contredite : fichiers",
        "preuves": ["a.b"],
        "temoin": "print(1)",
        "chapitre": "02_suivi",
    }
    return Verdict(**{**common, **fields})


def test_claims_after_show_word_shape_and_reason_of_what_does_not_hold(
    shown: list[dict[str, Any]],
) -> None:
    held = [_verdict(id=name, verdict="confirmée", motif="n = 9") for name in ("T2", "T3")]
    page.claims([*held, _verdict()])
    kind, first, last = html(shown[0]).select("ul.affirmations li")
    assert kind.get_text() == "✗\u00a0réfutée"
    assert "Contredite" in first.get_text()
    assert last.get_text() == "✓\u00a0confirmées T2 et T3"


@pytest.mark.parametrize(
    "call",
    [
        lambda: page.finding("  "),
        lambda: page.witness("\n", title="t", shows="s"),
        lambda: page.claims([]),
        lambda: page.table(pd.DataFrame({"a": [1]}), label="x", title="t"),
        lambda: page.brief().fill(question="", answer="a"),
    ],
)
def test_an_empty_block_is_refused(shown: list[dict[str, Any]], call: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        call()
