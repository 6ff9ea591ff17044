"""One theme for every figure, and their way into the page: small, stable, dark-proof SVG.

    fig, ax = new(height=3.2)
    ax.plot(x, y, color=store_colour("sqlite"))

Colours of the theme are swapped by a style inside the SVG where the reader prefers the
dark; the palette is Okabe and Ito's, safe for colour-blind readers, one hue per system
under test.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import matplotlib
import seaborn as sns
from cycler import cycler
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogFormatter, NullFormatter, ScalarFormatter

from mlflow_study.presentation import numbers as fr
from mlflow_study.store_names import STORES

WIDTH = 7.0
"""Inches: the reading column."""

INK, SOFT, LINE, PAPER = "#23272b", "#5c646b", "#d5d9dd", "#ffffff"

_HUES: dict[str, tuple[str, str]] = {
    "file": ("#a6611a", "#e0a567"),
    "sqlite": ("#0072b2", "#56b4e9"),
    "postgresql": ("#00795a", "#35c79c"),
    "mariadb": ("#8a4f7d", "#d79bc9"),
    "http+sqlite": ("#3f8fc4", "#8fd0f5"),
    "http+postgresql": ("#3f9d83", "#8be3c9"),
    "uri": ("#c2410c", "#ff9b6a"),
}
"""Store → hue on light, hue on dark."""

VERDICT_COLOURS: dict[str, str] = {
    "confirmée": "#00705a",
    "nuancée": "#8a5a00",
    "réfutée": "#b3261e",
    "indéterminée": "#5b5f8f",
    "non éprouvée": "#5c646b",
}
_VERDICT_DARK = {
    "confirmée": "#4fd0ad",
    "nuancée": "#e6b455",
    "réfutée": "#ff8f84",
    "indéterminée": "#aab0f0",
    "non éprouvée": "#a3abb3",
}

ACCENT = "#0b5fa5"
_DARK: dict[str, str] = {
    INK: "#e4e7ea",
    SOFT: "#a3abb3",
    LINE: "#3a4147",
    PAPER: "#15181b",
    ACCENT: "#7cbcf5",
    **dict(_HUES.values()),
    **{VERDICT_COLOURS[name]: dark for name, dark in _VERDICT_DARK.items()},
}


_VERDICT_CLASSES = {
    "confirmée": "ok",
    "nuancée": "nuance",
    "réfutée": "non",
    "indéterminée": "doute",
    "non éprouvée": "vide",
}


def verdict_class(verdict: str) -> str:
    """CSS class of a verdict; its hue comes with ``css_variables``."""
    return _VERDICT_CLASSES[verdict]


def css_variables() -> str:
    """The palette as CSS variables, light and dark, so that page and figures agree."""
    light = {"encre": INK, "doux": SOFT, "trait": LINE, "accent": ACCENT}
    light |= {f"v-{_VERDICT_CLASSES[name]}": hue for name, hue in VERDICT_COLOURS.items()}

    def block(hues: dict[str, str]) -> str:
        return ":root{" + "".join(f"--{name}:{hue};" for name, hue in hues.items()) + "}"

    dark = {name: _DARK[hue] for name, hue in light.items()}
    return f"{block(light)}@media screen and (prefers-color-scheme:dark){{{block(dark)}}}\n"


def store_colour(name: str) -> str:
    """The hue of a system under test, the same in every figure.  Unknown names are soft grey."""
    return _HUES[name][0] if name in _HUES else SOFT


def store_label(name: str) -> str:
    """The French name of a system under test."""
    return STORES.get(name, name)


def theme() -> None:
    """Apply the theme to matplotlib and seaborn; ``new`` calls it."""
    sns.set_theme(
        context="paper",
        style="white",
        rc={
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": 9.5,
            "axes.labelsize": 9.5,
            "axes.titlesize": 10,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": SOFT,
            "axes.linewidth": 0.8,
            "xtick.color": SOFT,
            "ytick.color": SOFT,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "axes.grid": True,
            "grid.color": LINE,
            "grid.linewidth": 0.6,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "patch.edgecolor": "none",
            "axes.prop_cycle": cycler(color=[hue for hue, _ in _HUES.values()]),
            "axes.unicode_minus": True,
            "svg.fonttype": "none",
            "svg.hashsalt": "mlflow-study",
            "figure.dpi": 96,
        },
    )


def new(height: float = 3.2, width: float = WIDTH, **subplots: Any) -> tuple[Any, Any]:
    """A themed figure as wide as the column; ``subplots`` as in ``plt.subplots``.

    It is not registered with pyplot's display hook: only ``page.figure`` shows it.
    """
    theme()
    subplots.setdefault("layout", "constrained")
    fig, axes = plt.subplots(figsize=(width, height), **subplots)
    plt.close(fig)
    return fig, axes


# --- labels ---


def ink_on(colour: Any) -> str:
    """Black or white, whichever reads better on ``colour``; the dark style leaves it alone.

    For words on a heat map, whose colours stay the same in the dark.
    """
    red, green, blue = to_rgb(colour)
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    ]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#101214" if luminance > 0.18 else "#fefefe"


def end_labels(ax: Any, labels: Iterable[tuple[str, float, float, str]], gap: float = 12.0) -> None:
    """Write each (text, x, y, colour) right of its point, spread so that none overlaps.

    ``gap`` is the least distance between two lines of text, in points.  Call it last: it
    needs the final limits of the axes.
    """
    ax.figure.draw_without_rendering()
    scale = 72 / ax.figure.dpi
    placed = sorted(
        (
            (ax.transData.transform((x, y))[1] * scale, text, x, y, hue)
            for text, x, y, hue in labels
        ),
    )
    heights = [height for height, *_ in placed]
    for rank in range(1, len(heights)):
        heights[rank] = max(heights[rank], heights[rank - 1] + gap)
    if placed:
        shift = (sum(heights) - sum(height for height, *_ in placed)) / len(placed)
        heights = [height - shift for height in heights]
    for target, (height, text, x, y, hue) in zip(heights, placed, strict=True):
        ax.annotate(
            text,
            (x, y),
            xytext=(7, target - height),
            textcoords="offset points",
            color=hue,
            va="center",
            annotation_clip=False,
        )


# --- axes ------------------------------------------------------------------------


def format_axis(axis: Any, unit: str) -> None:
    """French ticks in a unit of evidence: ``format_axis(ax.xaxis, "s")`` → «10 ms»."""
    format = fr.formatter(unit)
    axis.set_major_formatter(FuncFormatter(lambda x, _: format(float(f"{x:.10g}"))))
    axis.set_minor_formatter(NullFormatter())


class _French(ScalarFormatter):
    """matplotlib's own choice of decimals, written the French way."""

    def __init__(self) -> None:
        super().__init__(useOffset=False)
        self.set_scientific(False)

    def __call__(self, x: float, pos: int | None = None) -> str:
        text = str(super().__call__(x, pos)).replace("\u2212", "-")
        sign = fr.MINUS if text.startswith("-") else ""
        whole, dot, decimals = text.lstrip("-").partition(".")
        grouped = fr.integer(int(whole)) if whole.isdigit() and len(whole) > 3 else whole
        return f"{sign}{grouped}{',' if dot else ''}{decimals}"


def _power(x: float, _: Any = None) -> str:
    """Ticks of a logarithmic axis: powers of ten only, as numbers or as 10ⁿ."""
    if x <= 0 or abs(math.log10(x) - round(math.log10(x))) > 1e-6:
        return ""
    exponent = round(math.log10(x))
    if -3 <= exponent <= 5:
        return fr.number(float(f"1e{exponent}"))
    return "10" + str(exponent).translate(fr._SUPERSCRIPT)


def french_axes(fig: Any) -> None:
    """Replace matplotlib's English tick formatters by French ones; others are left."""
    for ax in fig.axes:
        for axis in (ax.xaxis, ax.yaxis):
            current = axis.get_major_formatter()
            if type(current) is ScalarFormatter:
                axis.set_major_formatter(_French())
            elif isinstance(current, LogFormatter):
                axis.set_major_formatter(FuncFormatter(_power))
            if isinstance(axis.get_minor_formatter(), LogFormatter):
                axis.set_minor_formatter(NullFormatter())


# --- SVG -------------------------------------------------------------------------

_FONTS = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif"


def _dark_style(svg: str) -> str:
    rules = []
    for light, dark in _DARK.items():
        for property in ("fill", "stroke"):
            if f"{property}: {light}" in svg:
                rules.append(f'[style*="{property}: {light}"]{{{property}:{dark}!important}}')
    return (
        f"<style>text{{font-family:{_FONTS}!important}}"
        f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}</style>"
    )


def svg(fig: Figure) -> str:
    """The figure as one SVG text: same figure, same bytes; no date, no metadata.

    Text stays text, so it is small and follows the reader's fonts; colours of the theme
    change where the reader prefers the dark.
    """
    french_axes(fig)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mlflow-study"}):
        fig.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    text = buffer.getvalue().decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"(\d+\.\d{2})\d+", r"\1", text)
    text = re.sub(r"\s*\n\s*", " ", text).replace("> <", "><")
    text = re.sub(r"font-family: [^;\"]*(; )?", "", text)
    text = re.sub(r" transform=\"rotate\(-0 [^\"]*\"", "", text)
    return re.sub(r"(<svg[^>]*>)", lambda match: match[1] + _dark_style(text), text, count=1)


def data_uri(svg_text: str) -> str:
    """``data:image/svg+xml,…``: shorter than base64, and still compresses well."""
    return "data:image/svg+xml," + quote(
        svg_text.replace('"', "'").replace("\n", " "),
        safe=" ='/:;,()!*@+$?[]{}|^~`",
        encoding="utf-8",
    )


_PLACEHOLDER = re.compile(
    r"^\W*(figure|image|graphique|graphe|plot|chart|todo|alt|no description.*|sans titre"
    r"|[\w-]+\.(svg|png|jpe?g))?\W*\d*\W*$",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"^\s*(graphique|image|figure|diagramme|plot|courbe)s?\s+(de|des|du|of)\b", re.I
)


def placeholder(text: str) -> bool:
    """Is this no description at all: empty, a file name, «figure 3»?"""
    return bool(_PLACEHOLDER.match(text or ""))


def check_words(label: str, *, title: str, caption: str, alt: str) -> None:
    """Refuse a figure without words.  Raises ValueError.

    The alternative text must say what is seen: at least five words, no placeholder, not
    «graphique de…», not the title over again.
    """
    if not re.fullmatch(r"fig-[a-z0-9][a-z0-9-]*", label):
        raise ValueError(f"figure label {label!r}: expected fig-name in lower case")
    for name, text in (("title", title), ("caption", caption), ("alt", alt)):
        if placeholder(text):
            raise ValueError(f"figure {label}: {name} is empty or a placeholder ({text!r})")
    if _ANNOUNCES.match(alt) or len(alt.split()) < 5 or alt.strip() == title.strip():
        raise ValueError(
            f"figure {label}: alt must say what is seen, in five words or more ({alt!r})"
        )
