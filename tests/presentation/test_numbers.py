"""French numbers against values worked out by hand.  ␣ stands for U+00A0, · for U+202F."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from mlflow_study.evidence.records import Kpi
from mlflow_study.presentation import numbers as fr


def seen(text: str) -> str:
    """No-break spaces made visible."""
    return text.replace("\u00a0", "␣").replace("\u202f", "·")


@pytest.mark.parametrize(
    ("x", "digits", "expected"),
    [
        (0, 3, "0"),
        (2.0, 3, "2"),
        (0.5, 3, "0,5"),
        (19.64, 3, "19,6"),
        (19.65, 3, "19,7"),
        (1234.56, 3, "1·235"),
        (1234.56, 5, "1·234,6"),
        (12345678, 3, "12·345·678"),
        (999.96, 3, "1·000"),
        (0.09996, 3, "0,1"),
        (-3.25, 3, "−3,25"),
        (0.0001234, 3, "0,000123"),
        (1.2e-5, 3, "1,2␣×␣10⁻⁵"),
        (-1.7976931348623157e308, 3, "−1,8␣×␣10³⁰⁸"),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
        (math.nan, 3, "–"),
        (None, 3, "–"),
        (pd.NA, 3, "–"),
    ],
)
def test_number(x: object, digits: int, expected: str) -> None:
    assert seen(fr.number(x, digits)) == expected


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (0.0, "0␣%"),
        (1.0, "100␣%"),
        (0.1234, "12,3␣%"),
        (0.9996, "99,96␣%"),
        (0.99996, "99,996␣%"),
        (0.00001, "0,001␣%"),
        (math.nan, "–"),
    ],
)
def test_percent_keeps_0_and_100_for_what_is_exact(p: float, expected: str) -> None:
    assert seen(fr.percent(p)) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0␣s"),
        (3e-9, "3␣ns"),
        (1.5e-4, "150␣µs"),
        (0.0196, "19,6␣ms"),
        (0.99961, "1␣s"),
        (90, "90␣s"),
        (150, "2,5␣min"),
        (5400, "90␣min"),
        (9000, "2,5␣h"),
        (259200, "3␣j"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    assert seen(fr.duration(seconds)) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [(0, "0␣o"), (12, "12␣o"), (1234, "1,23␣ko"), (999_960, "1␣Mo"), (5e9, "5␣Go")],
)
def test_size(size: float, expected: str) -> None:
    assert seen(fr.size(size)) == expected


@pytest.mark.parametrize(
    ("low", "high", "unit", "expected"),
    [
        (0.0181, 0.0210, "s", "18,1–21,0␣ms"),
        (0.123, 0.456, "proportion", "12,3–45,6␣%"),
        (0.0, 0.0038, "proportion", "0–0,38␣%"),
        (1.0001, 1.0002, "", "1,0001–1,0002"),
        (-1, 2, "", "de −1 à 2"),
        (1_000, 2_500_000, "octets", "0,001–2,5␣Mo"),
        (2.0, 2.61, "rapport", "2,00–2,61␣fois"),
    ],
)
def test_interval_ends_share_unit_and_decimals(
    low: float, high: float, unit: str, expected: str
) -> None:
    assert seen(fr.interval(low, high, unit)) == expected


def test_measured_carries_unit_interval_and_n_in_this_order() -> None:
    text = fr.measured(0.0196, "s", (0.0181, 0.0210), 300)
    assert seen(text) == "19,6␣ms (IC à 95␣%␣: 18,1–21,0·; n␣=␣300)"


@pytest.mark.parametrize(
    ("value", "unit", "interval", "n", "expected"),
    [
        (0.5, "proportion", (0.4, 0.6), 100, "50␣% (IC à 95␣%␣: 40–60·; n␣=␣100)"),
        (0.0, "proportion", (0.0, 0.0038), 1000, "0␣% (IC à 95␣%␣: 0–0,38·; n␣=␣1·000)"),
        (2.3, "rapport", (2.0, 2.61), 30, "2,30␣fois (IC à 95␣%␣: 2,00–2,61·; n␣=␣30)"),
        (3, "contre-exemples", None, 1000, "3␣contre-exemples (n␣=␣1·000)"),
        (1, "contre-exemples", None, None, "1␣contre-exemple"),
        (0, "cas", None, None, "0␣cas"),
        (1.5, "points/s", None, None, "1,5␣point/s"),
        (1_200_000, "octets", None, None, "1,2␣Mo"),
        (True, "", None, None, "oui"),
        ("FINISHED", "", None, None, "FINISHED"),
        (None, "s", (0, 1), None, "–"),
    ],
)
def test_measured(
    value: object, unit: str, interval: tuple[float, float] | None, n: int | None, expected: str
) -> None:
    assert seen(fr.measured(value, unit, interval, n)) == expected


def test_a_kpi_that_was_not_measured_says_why() -> None:
    kpi = Kpi(
        id="a.b",
        chapitre="01",
        libelle="x",
        valeur=None,
        unite="s",
        methode="m",
        conditions={"motif": "aucun serveur"},
    )
    assert fr.kpi(kpi) == "non éprouvé (aucun serveur)"


@pytest.mark.parametrize(
    ("n", "expected"), [(0, "0␣point"), (1, "1␣point"), (2, "2␣points"), (1200, "1·200␣points")]
)
def test_count_agrees(n: int, expected: str) -> None:
    assert seen(fr.count(n, "point")) == expected


def test_count_takes_an_irregular_plural() -> None:
    assert seen(fr.count(2, "cheval", "chevaux")) == "2␣chevaux"


def test_join() -> None:
    assert fr.join([]) == ""
    assert fr.join(["a"]) == "a"
    assert fr.join(["a", "b"]) == "a et b"
    assert fr.join(["a", "b", "c"], "ou") == "a, b ou c"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Vrai ? Oui ; non !", "Vrai·? Oui·; non·!"),
        ("Vrai? Oui; non!", "Vrai·? Oui·; non·!"),
        ("L'étude d'Arthur", "L’étude d’Arthur"),
        ("Résultat : un", "Résultat␣: un"),
        ("**Résultat** : un", "**Résultat**␣: un"),
        ("« mot »", "«␣mot␣»"),
        ("«mot»", "«␣mot␣»"),
        ('un "mot" cité', "un «␣mot␣» cité"),
        ("12 % et 3%", "12␣% et 3␣%"),
        ("100 000 points, 20 ms", "100·000␣points, 20␣ms"),
        ("en 2024 100 runs", "en 2024 100␣runs"),
        ("n = 300", "n␣=␣300"),
        ("fin...", "fin…"),
        ("à 12:30", "à 12:30"),
        ("| --: | :-- |", "| --: | :-- |"),
        ("`a ? 'b' ; c` ok ?", "`a ? 'b' ; c` ok·?"),
        ("```\nx = 'a' ; y ?\n```", "```\nx = 'a' ; y ?\n```"),
        ("[mot](https://a.b/c?d=e;f) ?", "[mot](https://a.b/c?d=e;f)·?"),
        ("https://a.b/c?d=1 ;", "https://a.b/c?d=1·;"),
        ("voir [@fig-a ; @b] ;", "voir [@fig-a ; @b]·;"),
        ('<a title="x ; y">z</a> ;', '<a title="x ; y">z</a>·;'),
        ("a &lt; b", "a &lt; b"),
    ],
)
def test_clean(raw: str, expected: str) -> None:
    assert seen(fr.clean(raw)) == expected
    assert fr.clean(fr.clean(raw)) == fr.clean(raw)
