"""Figures: words are required, bytes are repeatable, ticks are French, dark is provided."""

from __future__ import annotations

import itertools
import re
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest

from mlflow_study.presentation import figures

WORDS = {
    "title": "SQLite répond plus vite",
    "caption": "Médiane de 12 mesures.",
    "alt": "Deux courbes montent ; celle de SQLite reste en bas.",
}


def drawn(log: bool = False) -> Any:
    fig, ax = figures.new()
    x = np.arange(1, 2001, 50)
    ax.plot(x, x / 10, color=figures.store_colour("sqlite"))
    ax.text(1000, 50, "aperçu", color=figures.INK)
    ax.set_xlabel("points")
    if log:
        ax.set_xscale("log")
        figures.format_axis(ax.yaxis, "s")
    return fig


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize("name", ["title", "caption", "alt"])
@pytest.mark.parametrize("text", ["", "  ", "Figure 3", "image", "plot.png", "TODO", "…"])
def test_empty_or_placeholder_words_are_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=name):
        figures.check_words("fig-x", **{**WORDS, name: text})


@pytest.mark.parametrize(
    "alt",
    [
        "Graphique de la latence selon le magasin",
        "courbe des temps de lecture mesurés",
        "trop court",
        WORDS["title"],
    ],
)
def test_an_alt_that_does_not_say_what_is_seen_is_refused(alt: str) -> None:
    with pytest.raises(ValueError, match="alt"):
        figures.check_words("fig-x", **{**WORDS, "alt": alt})


@pytest.mark.parametrize("label", ["x", "Fig-x", "fig_x", "fig-", "tab-x"])
def test_labels_have_one_form(label: str) -> None:
    with pytest.raises(ValueError, match="label"):
        figures.check_words(label, **WORDS)


def test_good_words_pass() -> None:
    figures.check_words("fig-x", **WORDS)


def test_same_figure_same_bytes() -> None:
    first, second = figures.svg(drawn()), figures.svg(drawn())
    assert first == second
    assert "<dc:date>" not in first
    assert "<metadata" not in first


def test_ticks_are_french_on_linear_and_logarithmic_axes() -> None:
    linear = texts(figures.svg(drawn()))
    assert "1\u202f000" in linear
    assert not any("." in text for text in linear)
    logarithmic = texts(figures.svg(drawn(log=True)))
    assert {"1", "10", "100", "1\u202f000"} <= set(logarithmic)
    assert any(text.endswith("\u00a0s") for text in logarithmic)


def test_minor_ticks_of_a_logarithmic_axis_are_bare() -> None:
    fig, ax = figures.new()
    ax.plot([1, 8], [1, 8])
    ax.set_xscale("log")
    ax.set_xticks([1, 2, 4, 8], ["1", "2", "4", "8"])
    shown = texts(figures.svg(fig))
    assert {"1", "2", "4", "8"} <= set(shown)
    assert not any("10" in text for text in shown)


def test_decimal_ticks_use_the_comma() -> None:
    fig, ax = figures.new()
    ax.plot([0, 1], [0, 1])
    assert "0,2" in texts(figures.svg(fig))


def test_dark_colours_are_swapped_inside_the_image() -> None:
    svg = figures.svg(drawn())
    assert "prefers-color-scheme:dark" in svg
    for light in (figures.INK, figures.store_colour("sqlite")):
        assert f'{light}"]' in svg


def test_a_figure_is_small_and_its_address_holds_no_raw_delimiter() -> None:
    uri = figures.data_uri(figures.svg(drawn()))
    assert len(uri) < 30_000
    assert '"' not in uri
    assert "<" not in uri
    assert unquote(uri.partition(",")[2]).startswith("<svg")


def _luminance(hue: str) -> float:
    channels = [int(hue[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: str, b: str) -> float:
    high, low = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "store", ["file", "sqlite", "postgresql", "mariadb", "http+sqlite", "http+postgresql", "uri"]
)
def test_each_store_has_one_hue_seen_on_light_and_dark(store: str) -> None:
    light = figures.store_colour(store)
    assert _contrast(light, "#fdfdfc") >= 3
    assert _contrast(figures._DARK[light], "#15181b") >= 3
    assert figures.store_label(store) != store or store == "mariadb"


def test_hues_differ_from_one_store_to_another() -> None:
    hues = [light for light, _ in figures._HUES.values()]
    assert len(set(hues)) == len(hues)


@pytest.mark.parametrize("verdict", list(figures.VERDICT_COLOURS))
def test_verdicts_are_read_in_text_colour(verdict: str) -> None:
    hue = figures.VERDICT_COLOURS[verdict]
    assert _contrast(hue, "#f4f5f4") >= 4.5
    assert _contrast(figures._DARK[hue], "#1f2428") >= 4.5


def test_end_labels_never_overlap() -> None:
    fig, ax = figures.new()
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 100)
    figures.end_labels(ax, [(f"série {i}", 1.0, 50 + i, figures.INK) for i in range(6)])
    heights = sorted(
        float(y)
        for y, text in re.findall(r'y="([\d.]+)"[^>]*>([^<]*)</text>', figures.svg(fig))
        if text.startswith("série")
    )
    assert len(heights) == 6
    assert min(b - a for a, b in itertools.pairwise(heights)) >= 11.5


@pytest.mark.parametrize(
    "colour", ["#000000", "#ffffff", "#0072b2", "#fde725", "#777777", "#440154"]
)
def test_ink_reads_on_any_colour(colour: str) -> None:
    ink = figures.ink_on(colour)
    assert _contrast(ink, colour) >= 4.0
    assert ink not in figures._DARK
