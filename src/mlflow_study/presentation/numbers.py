"""French numbers and typography: one formatter for prose, tables and axes.

Thin no-break space (U+202F) between thousands and before ``; ! ?``; no-break space
(U+00A0) before ``: %``, between a number and its unit and within « »; decimal comma;
en dash for intervals.  A missing or NaN value is ``MISSING``, never ``nan``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mlflow_study.evidence.records import Kpi

THIN = "\u202f"
NBSP = "\u00a0"
MINUS = "\u2212"
DASH = "–"
MISSING = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_DURATIONS = (
    (1e-9, "ns"),
    (1e-6, "µs"),
    (1e-3, "ms"),
    (1.0, "s"),
    (60.0, "min"),
    (3600.0, "h"),
    (86400.0, "j"),
)
_SIZES = ((1.0, "o"), (1e3, "ko"), (1e6, "Mo"), (1e9, "Go"), (1e12, "To"))

verdict_words: dict[str, str] = {
    "confirmée": "✓ confirmée",
    "nuancée": "≈ nuancée",
    "réfutée": "✗ réfutée",
    "indéterminée": "? indéterminée",
    "non éprouvée": "○ non éprouvée",
}
"""Verdict → the same word behind its shape: it is read without its colour."""

verdict_plurals: dict[str, str] = {
    "confirmée": "confirmées",
    "nuancée": "nuancées",
    "réfutée": "réfutées",
    "indéterminée": "indéterminées",
    "non éprouvée": "non éprouvées",
}


# --- plain numbers ---------------------------------------------------------------


def _absent(x: Any) -> bool:
    """None, NaN, NaT and pandas' NA are all «no value»."""
    if x is None:
        return True
    try:
        return bool(x != x)
    except (TypeError, ValueError):  # pandas.NA refuses to be a truth value
        return True


def _decimals(x: float, digits: int) -> int:
    """Decimals that leave ``digits`` significant digits; the integer part stays whole."""
    if x == 0 or not math.isfinite(x):
        return 0
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(x))))
    rounded = Decimal(repr(abs(x))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return max(0, digits - 1 - rounded.adjusted()) if rounded else decimals


def _fixed(x: float, decimals: int) -> str:
    """``x`` with exactly ``decimals`` decimals, thousands grouped, comma and true minus."""
    rounded = Decimal(repr(x)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    text = f"{abs(rounded):,.{decimals}f}".replace(",", THIN).replace(".", ",")
    return (MINUS if rounded < 0 else "") + text


def _trim(text: str) -> str:
    """Drop the zeros that end a decimal part."""
    return text.rstrip("0").rstrip(",") if "," in text else text


def number(x: Any, digits: int = 3) -> str:
    """``x`` at ``digits`` significant digits: ``number(1234.56, 5)`` is «1 234,6».

    The digits before the comma are never rounded away.  Below 10⁻⁴ and from 10¹⁵ on,
    a power of ten is written.
    """
    if _absent(x):
        return MISSING
    value = float(x)
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value != 0 and not 1e-4 <= abs(value) < 1e15:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        text = _trim(mantissa.replace(".", ",")).replace("-", MINUS)
        return f"{text}{NBSP}×{NBSP}10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    return _trim(_fixed(value, _decimals(value, digits)))


def integer(n: Any) -> str:
    """A whole number with thin thousands: «1 234»."""
    if _absent(n):
        return MISSING
    return f"{round(n):,}".replace(",", THIN).replace("-", MINUS)


def percent(p: Any, digits: int = 3) -> str:
    """A proportion as a percentage: ``percent(0.1234)`` is «12,3 %».

    0 and 100 are kept for exactly 0 and 1: digits are added until the text differs.
    """
    if _absent(p):
        return MISSING
    value = float(p)
    text = number(100 * value, digits)
    while text in ("0", "100") and value not in (0.0, 1.0) and digits < 17:
        digits += 1
        text = number(100 * value, digits)
    return f"{text}{NBSP}%"


# --- quantities: a value, its unit and its interval share one scale ---------------


def _scale(x: float, units: Sequence[tuple[float, str]]) -> tuple[float, str]:
    """The largest unit in which ``x`` reads at least 1, after rounding to three digits."""
    size = abs(x)
    chosen = units[0]
    for factor, name in units:
        limit = 2.0 if factor > 1 and name in ("min", "h", "j") else 0.9995
        if size >= limit * factor:
            chosen = (factor, name)
    return chosen


def _quantity(x: Any, units: Sequence[tuple[float, str]], digits: int) -> str:
    if _absent(x):
        return MISSING
    factor, unit = _scale(float(x), units) if math.isfinite(x) and x else _base(units)
    return f"{number(float(x) / factor, digits)}{NBSP}{unit}"


def _base(units: Sequence[tuple[float, str]]) -> tuple[float, str]:
    """The unit of zero: seconds or bytes."""
    return next(unit for unit in units if unit[0] == 1.0)


def duration(seconds: Any, digits: int = 3) -> str:
    """A time in its best unit: «19,6 ms», «90 s», «2,5 min»."""
    return _quantity(seconds, _DURATIONS, digits)


def size(n_bytes: Any, digits: int = 3) -> str:
    """A size in its best unit, powers of 1 000: «1,2 Mo»."""
    return _quantity(n_bytes, _SIZES, digits)


def _bounds(low: float, high: float, digits: int, at_least: int = 0) -> str:
    """Both ends with the same decimals, enough of them to tell one from the other."""
    finite = [abs(x) for x in (low, high) if math.isfinite(x)]
    if not finite:
        return f"{number(low)}{DASH}{number(high)}"
    decimals = max(_decimals(max(finite), digits), at_least)
    while low != high and len(finite) == 2 and decimals < 12:
        if _fixed(low, decimals) != _fixed(high, decimals):
            break
        decimals += 1
    ends = [_fixed(x, decimals) if math.isfinite(x) else number(x) for x in (low, high)]
    while all("," in end and end.endswith("0") for end in ends):
        ends = [end[:-1].rstrip(",") for end in ends]
    for rank, bound in enumerate((low, high)):
        if not ends[rank].strip(MINUS + "0,"):  # nothing is left: zero, or too small a part
            ends[rank] = number(bound, 2)
    if low < 0:
        return f"de {ends[0]} à {ends[1]}"
    return DASH.join(ends)


def interval(low: Any, high: Any, unit: str = "", digits: int = 3) -> str:
    """«18,1–21,0 ms».  ``unit`` is as in ``measured``; both ends share scale and decimals."""
    if _absent(low) or _absent(high):
        return MISSING
    factor, suffix = _unit(max(abs(float(low)), abs(float(high))), unit)
    text = _bounds(float(low) / factor, float(high) / factor, digits)
    return f"{text}{NBSP}{suffix}" if suffix else text


def _unit(reference: float, unit: str) -> tuple[float, str]:
    """(factor, printed suffix) of a unit of evidence, at the scale of ``reference``."""
    match unit:
        case "s" | "octets" | "o":
            units = _DURATIONS if unit == "s" else _SIZES
            usable = reference and math.isfinite(reference)
            return _scale(reference, units) if usable else _base(units)
        case "proportion":
            return 0.01, "%"
        case "rapport":
            return 1.0, "fois"
        case _:
            return 1.0, unit if abs(reference) >= 2 else _singular(unit)


def _singular(unit: str) -> str:
    """A unit of evidence, which is written in the plural, for one of it or less than two.

    «points/s» → «point/s»; «cas» stays, as does a unit's symbol.
    """
    word, slash, rest = unit.partition("/")
    plural = len(word) > 3 and word.endswith("s")
    return f"{word[:-1] if plural else word}{slash}{rest}"


def measured(
    value: Any,
    unit: str = "",
    interval: tuple[float, float] | None = None,
    n: int | None = None,
    digits: int = 3,
) -> str:
    """A value with what is needed to trust it.

    «19,6 ms (IC à 95 % : 18,1–21,0 ; n = 300)».  ``unit`` is one of ``s``, ``octets``,
    ``proportion`` (0..1, printed in %), ``rapport`` (printed «fois»), nothing, or any text.
    """
    if isinstance(value, bool):
        text = "oui" if value else "non"
    elif isinstance(value, str):
        text = value
    elif _absent(value):
        text = MISSING
    elif unit == "proportion":
        text = percent(value, digits)
    else:
        factor, suffix = _unit(float(value), unit)
        scaled = float(value) / factor
        whole = isinstance(value, int) and factor == 1.0
        text = integer(value) if whole else number(scaled, digits)
        if (
            interval is not None
            and not whole
            and math.isfinite(scaled)
            and 1e-4 <= abs(scaled) < 1e15
        ):
            text = _fixed(scaled, _decimals(scaled, digits))
        text += f"{NBSP}{suffix}" if suffix else ""
    details = []
    if interval is not None and not _absent(value):
        factor, _ = _unit(float(value), unit)
        low, high = (float(end) / factor for end in interval)
        details.append(f"IC à 95{NBSP}%{NBSP}: {_bounds(low, high, digits)}")
    if n is not None:
        details.append(f"n{NBSP}={NBSP}{integer(n)}")
    return f"{text} ({f'{THIN}; '.join(details)})" if details else text


def kpi(record: Kpi, digits: int = 3) -> str:
    """``measured`` of a KPI, or «non éprouvé (motif)».

    A size found between two that were measured is told by both, an extrapolated one marked.
    """
    if record.valeur is None:
        return f"non éprouvé ({record.conditions.get('motif', 'motif inconnu')})"
    text = measured(record.valeur, record.unite, record.intervalle, record.n, digits)
    if (below := record.conditions.get("taille_en_dessous")) is not None:
        if below:
            return f"entre {integer(below)} et {text} (tailles mesurées)"
        return f"au plus {text} (la plus petite taille mesurée)"
    return f"≈{NBSP}{text}" if record.conditions.get("origine") == "extrapolé" else text


# --- words -----------------------------------------------------------------------


def count(n: int, singular: str, plural: str | None = None) -> str:
    """«0 point», «1 point», «3 points»: French keeps the singular below two."""
    word = singular if abs(n) < 2 else (plural if plural is not None else f"{singular}s")
    return f"{integer(n)}{NBSP}{word}"


def join(words: Iterable[str], last: str = "et") -> str:
    """«a, b et c»."""
    items = list(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


# --- typography ------------------------------------------------------------------

_UNITS = "ns|µs|ms|s|min|h|j|ans?|o|ko|Mo|Go|To|Kio|Mio|Gio|octets?|fois|points?|runs?|Hz|MHz|GHz"
_KEEP = re.compile(
    r"""```.*?```|~~~.*?~~~            # fenced code
      |(?P<t>`+).+?(?P=t)              # code span
      |<(pre|code|kbd|samp|script|style)\b.*?</\2>
      |<!--.*?-->|</?[a-zA-Z][^<>]*>   # HTML tags
      |\]\([^)\s]*(?:\s"[^"]*")?\)     # target of a link
      |^\[[^\]]+\]:\s*\S+              # definition of a link
      |\[[@^][^\]]*\]                  # citation, cross-reference, footnote
      |\b[a-z][a-z0-9+]*:///?\S+       # address
      |&\#?\w+;                        # entity
    """,
    re.DOTALL | re.VERBOSE | re.MULTILINE,
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"\.\.\.", "…"),
        (r"(?<=\w)'(?=[\w«\"\x00])", "’"),
        (r"\"([^\"\n]+)\"", r"« \1 »"),
        (r"«[ \u00a0\u202f]*", f"«{NBSP}"),
        (r"[ \u00a0\u202f]*»", f"{NBSP}»"),
        (r"[ \u00a0\u202f]+([;!?]+)(?=\s|$|[)*_»\u00a0\u202f])", rf"{THIN}\1"),
        (r"(?<=[\w\x00)»*])([;!?]+)(?=\s|$)", rf"{THIN}\1"),
        (r"[ \u00a0\u202f]+:(?=\s|$|[*_])", f"{NBSP}:"),
        (r"(?<=[^\W\d])(?<!\w-)([*_]{0,2}):(?=\s)", rf"\1{NBSP}:"),
        (r"(?<=\d)[ \u00a0\u202f]*%", f"{NBSP}%"),
        (rf"(?<=\d)[ \u202f](?=(?:{_UNITS})\b)", NBSP),
        (r"\bn[ \u00a0]=[ \u00a0](?=\d)", f"n{NBSP}={NBSP}"),
        (r"\bn° ?(?=\d)", f"n°{NBSP}"),
    )
)
_THOUSANDS = re.compile(r"(?<![\d,.])\d{1,3}(?: \d{3})+(?![\d])")


def _typeset(text: str) -> str:
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _THOUSANDS.sub(lambda match: match[0].replace(" ", THIN), text)


def clean(text: str) -> str:
    """French typography over Markdown text; code, tags and addresses are left alone.

    Idempotent.  What must stay is masked by NUL-delimited numbers, typeset around, and
    put back.
    """
    kept: list[str] = []

    def mask(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x00"

    masked = _KEEP.sub(mask, text)
    return re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match[1])], _typeset(masked))


Formatter = Callable[[Any], str]


def formatter(unit: str) -> Formatter:
    """The formatter of a unit of evidence, for a table column or an axis."""
    known: dict[str, Formatter] = {"s": duration, "octets": size, "o": size, "proportion": percent}
    return known.get(unit, lambda x: measured(x, unit))
