"""The space of what a user can log, sampled by strata.

A stratum varies one facet (a kind of number, a way of naming, a type of step…) and
leaves the others plain, so that a failure has one cause; the stratum ``tout`` varies
all of them.  ``sample`` draws the same number of cases from each stratum with a
seeded generator: its shares are rates over that declared distribution.  The
Hypothesis strategies of ``hunt`` cover the same facets and give witnesses, not rates.
"""

from __future__ import annotations

import math
import random
import struct
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

import numpy as np

Kind = Literal["métrique", "paramètre", "étiquette"]
Path = Literal["fluent", "client", "lot"]
PATHS: tuple[Path, ...] = ("fluent", "client", "lot")
MOMENT = 1_700_000_000_000
"""Plain timestamp, in milliseconds."""


@dataclass(frozen=True)
class Write:
    """One value handed to MLflow.  ``dataset`` is (name, digest); metrics only."""

    key: Any
    value: Any
    step: Any = 3
    timestamp: Any = MOMENT
    dataset: tuple[str, str] | None = None


@dataclass(frozen=True)
class Case:
    """A few writes of one kind through one call path; ``stratum`` names what varies."""

    kind: Kind
    stratum: str
    path: Path
    writes: tuple[Write, ...]
    on_model: bool = False


Draw = Callable[[random.Random], Any]

# --- numbers -------------------------------------------------------------------------


def finite_double(rng: random.Random) -> float:
    """A finite double, uniform over its 64-bit patterns."""
    while True:
        value: float = struct.unpack("<d", rng.randbytes(8))[0]
        if math.isfinite(value):
            return value


def edge_double(rng: random.Random) -> float:
    """Subnormals, ±0, and the neighbours of the largest and smallest doubles."""
    subnormal = struct.unpack("<d", struct.pack("<Q", rng.randrange(1, 2**52)))[0]
    edges = [-0.0, 0.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1, 1 / 3]
    return float(rng.choice((1, -1)) * rng.choice([subnormal, *edges]))


def large_integer(rng: random.Random) -> int:
    """An integer that a double cannot hold exactly, sometimes beyond any double."""
    size = rng.choice((54, 60, 63, 64, 100, 1023, 1100))
    return rng.choice((1, -1)) * ((1 << size) + rng.randrange(1, 1 << (size - 53)) * 2 + 1)


def numpy_scalar(rng: random.Random) -> Any:
    """A NumPy scalar of any width that holds a plain number."""
    kinds = (np.float16, np.float32, np.float64, np.longdouble, np.bool_)
    integers = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
    kind = rng.choice(kinds + integers)
    if kind in integers:
        info = np.iinfo(kind)
        return kind(rng.choice((info.min, info.max, rng.randrange(info.min, info.max))))
    return kind(rng.uniform(-100, 100))


def exact_number(rng: random.Random) -> Any:
    """A Decimal or a Fraction, most of which no double holds exactly."""
    if rng.random() < 0.5:
        return Decimal(rng.randrange(-(10**25), 10**25)).scaleb(-rng.randrange(0, 30))
    return Fraction(rng.randrange(-(10**12), 10**12), rng.randrange(1, 10**6))


def number_text(rng: random.Random) -> str:
    """Text that reads as a number, or nearly."""
    number = f"{rng.uniform(-1e6, 1e6):.6g}"
    forms = [number, f" {number}\n", "1_000", "١٢٣", "nan", "-Infinity", "1e999"]
    return rng.choice([*forms, "0x10", "1,5", "", "un", "True", "12 %", "½"])


def not_a_number(rng: random.Random) -> Any:
    """Arrays, lists, complex numbers and other things that are not one real number."""
    x = rng.uniform(-10, 10)
    values: list[Any] = [np.array(x), np.array([x]), np.array([[x]]), np.array([x, x])]
    values += [np.array([]), [x], (x,), None, complex(x, 1), np.datetime64("2024-01-01"), b"1"]
    return rng.choice(values)


# --- names and texts -----------------------------------------------------------------

_ASCII = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-. :"


def plain_name(rng: random.Random) -> str:
    """A name within the announced alphabet."""
    return "k" + "".join(rng.choices(_ASCII, k=rng.randrange(1, 12))) + str(rng.randrange(10**6))


def unicode_text(rng: random.Random, letters_only: bool = False, length: int | None = None) -> str:
    """Characters from the whole of Unicode (surrogates left out), letters only if asked."""
    size = rng.randrange(1, 8) if length is None else length
    chosen: list[str] = []
    while len(chosen) < size:
        code = rng.choice(
            (
                rng.randrange(0x20, 0x250),
                rng.randrange(0x250, 0x3000),
                rng.randrange(0x3000, 0x10FFFF),
            )
        )
        char = chr(code)
        category = unicodedata.category(char)
        if category == "Cs" or (letters_only and category[0] not in "LN"):
            continue
        chosen.append(char)
    return "".join(chosen)


def unicode_name(rng: random.Random) -> str:
    """Letters and digits of all scripts, look-alikes and both normal forms."""
    look_alikes = ["perte é", "perte e\u0301", "ﬁn", "Ａ", "lοss", "²", "ß", "ı"]
    text = rng.choice([*look_alikes, unicode_text(rng, letters_only=True)])
    return f"{text}{rng.randrange(10**6)}"


def long_name(rng: random.Random) -> str:
    """A name as long as the limit of 250, give or take, in narrow or wide letters."""
    size = rng.choice((100, 126, 200, 249, 250, 251, 255, 256, 300))
    tail = str(rng.randrange(10**6))
    return rng.choice(("a", "é", "漢")) * (size - len(tail)) + tail


def odd_name(rng: random.Random) -> Any:
    """Names outside the announced alphabet, or which are not text."""
    tail = str(rng.randrange(10**6))
    symbols = ["%", "é€", "a\nb", "a\tb", "\u200b", "😀", "a@b", "a=b", "'", '"', "\x00", "\\"]
    others: list[Any] = [tail + "\n", "", None, 7, "k" + tail + rng.choice(symbols)]
    return rng.choice([*others, rng.choice(symbols) + tail, unicode_text(rng) + tail])


def path_names(rng: random.Random) -> tuple[str, ...]:
    """One or two names that look like paths; the second may lie under the first."""
    a = f"p{rng.randrange(10**6)}"
    forms: list[tuple[str, ...]] = [(f"{a}/x",), (f"{a}/x/y", f"{a}/x2"), (a, f"{a}/x")]
    forms += [(f"{a}/x", a), (f"{a}//x",), (f"{a}/",), (f"/{a}",), (f"../{a}",), (f"{a}/..",)]
    return rng.choice([*forms, (f"{a}/./x",), (".",), (f"{a.upper()}", a), (f"{a}.",), (f"{a} ",)])


def texts(limit: int) -> Draw:
    """Texts of every sort, with lengths around ``limit``."""

    def draw(rng: random.Random) -> str:
        line_ends = ["a\r\nb", "a\rb", "a\n", "\n", "a\u2028b", "a\x85b", " a ", "\ta"]
        odd = ["", "e\u0301", "\x00", "a\x00b", "\x1b[31m", "\ufeffa", "\ud800", "😀", "null"]
        size = limit + rng.choice((-1, 0, 1, 2, 50))
        sized = rng.choice("aé漢😀") * (size - 2) + rng.choice(("yz", "é\n", "\r\n", "😀z"))
        return rng.choice([rng.choice(line_ends), rng.choice(odd), sized, unicode_text(rng)])

    return draw


def any_object(rng: random.Random) -> Any:
    """Values of the types that people give as parameters or tags."""
    x = rng.uniform(-10, 10)
    values: list[Any] = [
        True,
        None,
        3,
        2**70,
        x,
        1e-320,
        float("nan"),
        [1, "a"],
        {"b": 1, "a": None},
    ]
    values += [(1,), b"\xff\x00", np.float32(x), np.float64(x), np.arange(3), Decimal("1.10")]
    return rng.choice([*values, {1}, range(3), np.int64(3), slice(1, 2), "1.0", "True"])


# --- steps and timestamps ------------------------------------------------------------


def integer(rng: random.Random) -> int:
    """A signed 64-bit integer, small ones as often as large ones."""
    return rng.choice(
        (
            rng.randrange(-5, 6),
            rng.randrange(-(2**31), 2**31),
            rng.randrange(-(2**63), 2**63),
            2**63 - 1,
            -(2**63),
        )
    )


def odd_integer(rng: random.Random) -> Any:
    """What is not a 64-bit integer: larger, fractional, or another type."""
    values: list[Any] = [2**63, -(2**63) - 1, 10**30, 1.5, 2.0, -0.5, True, "3", np.int64(4)]
    return rng.choice(
        [*values, np.float64(2.5), float("nan"), float("inf"), Decimal(2), Fraction(1, 2)]
    )


def moment(rng: random.Random) -> int:
    """A timestamp that a clock may give, in milliseconds, from 1970 to far ahead."""
    return rng.choice(
        (0, 1, rng.randrange(2**31), rng.randrange(2**41), rng.randrange(2**63), 2**63 - 1)
    )


# --- strata --------------------------------------------------------------------------


def _metric(**draws: Draw) -> Callable[[random.Random], tuple[Write, ...]]:
    def make(rng: random.Random) -> tuple[Write, ...]:
        fields: dict[str, Any] = {"key": f"m{rng.randrange(10**9)}", "value": 0.5}
        fields |= {name: draw(rng) for name, draw in draws.items()}
        return (Write(**fields),)

    return make


def _paths(value: Any) -> Callable[[random.Random], tuple[Write, ...]]:
    return lambda rng: tuple(Write(key, value) for key in path_names(rng))


def _history(rng: random.Random) -> tuple[Write, ...]:
    """Several points of one metric: any order, equal steps, repeated and reversed."""
    key = f"h{rng.randrange(10**9)}"
    points = [
        Write(key, rng.choice((0.0, 1.0, 2.5)), rng.randrange(-2, 3), MOMENT + rng.randrange(3))
        for _ in range(rng.randrange(2, 6))
    ]
    return tuple(rng.sample([*points, points[0]], len(points) + 1))


def _dataset(rng: random.Random) -> tuple[str, str]:
    name = rng.choice(("iris", "jeu de test", "données", "a\nb", "x" * 500, "x" * 501))
    return name, rng.choice(("3b9aca00", "empreinte 2", "d" * 36, "d" * 37))


def _everything(rng: random.Random) -> tuple[Write, ...]:
    number = rng.choice((finite_double, edge_double, large_integer, numpy_scalar, exact_number))
    name = rng.choice((plain_name, unicode_name, long_name))
    return (Write(name(rng), number(rng), integer(rng), moment(rng)),)


Maker = Callable[[random.Random], tuple[Write, ...]]
STRATA: dict[str, tuple[Kind, Maker]] = {
    "valeur : double fini": ("métrique", _metric(value=finite_double)),
    "valeur : double extrême": ("métrique", _metric(value=edge_double)),
    "valeur : ±∞": ("métrique", _metric(value=lambda rng: rng.choice((math.inf, -math.inf)))),
    "valeur : NaN": ("métrique", _metric(value=lambda rng: rng.choice((math.nan, np.float32("nan"))))),
    "valeur : entier ≤ 2^53": ("métrique", _metric(value=lambda rng: rng.randrange(-(2**53), 2**53 + 1))),
    "valeur : entier > 2^53": ("métrique", _metric(value=large_integer)),
    "valeur : booléen": ("métrique", _metric(value=lambda rng: rng.random() < 0.5)),
    "valeur : scalaire NumPy": ("métrique", _metric(value=numpy_scalar)),
    "valeur : Decimal, Fraction": ("métrique", _metric(value=exact_number)),
    "valeur : texte": ("métrique", _metric(value=number_text)),
    "valeur : tableau et autres": ("métrique", _metric(value=not_a_number)),
    "nom : simple": ("métrique", _metric(key=plain_name)),
    "nom : Unicode": ("métrique", _metric(key=unicode_name)),
    "nom : long": ("métrique", _metric(key=long_name)),
    "nom : hors alphabet": ("métrique", _metric(key=odd_name)),
    "nom : chemins": ("métrique", _paths(0.5)),
    "pas : entier de 64 bits": ("métrique", _metric(step=integer)),
    "pas : autre": ("métrique", _metric(step=odd_integer)),
    "horodatage : entier": ("métrique", _metric(timestamp=moment)),
    "horodatage : autre": ("métrique", _metric(timestamp=lambda rng: rng.choice((odd_integer(rng), -1)))),
    "historique : ordre, doublons": ("métrique", _history),
    "jeu de données attaché": ("métrique", _metric(dataset=_dataset, step=lambda rng: rng.randrange(1, 9))),
    "modèle attaché": ("métrique", _metric(value=finite_double)),
    "modèle attaché : NaN": ("métrique", _metric(value=lambda _: math.nan)),
    "tout à la fois": ("métrique", _everything),
    "paramètre : texte": ("paramètre", lambda rng: (Write(f"p{rng.randrange(10**9)}", texts(6000)(rng)),)),
    "paramètre : autre type": ("paramètre", lambda rng: (Write(f"p{rng.randrange(10**9)}", any_object(rng)),)),
    "paramètre : nom": ("paramètre", lambda rng: (Write(rng.choice((plain_name, unicode_name, long_name, odd_name))(rng), "v"),)),
    "paramètre : chemins": ("paramètre", _paths("v")),
    "étiquette : texte": ("étiquette", lambda rng: (Write(f"t{rng.randrange(10**9)}", texts(8000)(rng)),)),
    "étiquette : autre type": ("étiquette", lambda rng: (Write(f"t{rng.randrange(10**9)}", any_object(rng)),)),
    "étiquette : nom": ("étiquette", lambda rng: (Write(rng.choice((plain_name, unicode_name, long_name, odd_name))(rng), "v"),)),
    "étiquette : chemins": ("étiquette", _paths("v")),
}  # fmt: skip


ORDINARY = frozenset(
    {
        "valeur : double fini",
        "valeur : entier ≤ 2^53",
        "valeur : booléen",
        "nom : simple",
        "pas : entier de 64 bits",
    }
)
"""Strata that were called ordinary once a first pass was known: ``sample`` gives them a seed of
their own, so that they are judged on cases which that pass had not drawn."""


def sample(cases: int, seed: int) -> list[Case]:
    """At least ``cases`` cases, as many of each stratum, with a random call path each."""
    share = math.ceil(cases / len(STRATA))
    drawn: list[Case] = []
    for number, (stratum, (kind, make)) in enumerate(STRATA.items()):
        rng = random.Random((seed + (stratum in ORDINARY)) * 1009 + number)
        for _ in range(share):
            path = rng.choice(PATHS)
            drawn.append(Case(kind, stratum, path, make(rng), stratum.startswith("modèle attaché")))
    return drawn
