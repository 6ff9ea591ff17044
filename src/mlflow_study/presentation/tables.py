"""Tables as a reader, a screen reader and a phone need them.

Caption first, headers with their scope, numbers aligned right, missing values shown as
«–» and explained, no presentational attribute.  More columns than a phone can hold are
turned on their side, or put in a container that scrolls by keyboard too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd

from mlflow_study.presentation import markdown
from mlflow_study.presentation import numbers as fr

MAX_COLUMNS = 7
SHORT = 14
"""Rows of the longest table that is printed on one page."""
Formats = Mapping[str, Callable[[Any], str]]


_ONLY_CODE = re.compile(r"<code>([^<]*)</code>")
"""A cell that holds one piece of code and nothing else is set as code itself."""


_EXPLAINED = re.compile(rf"«\s*{fr.MISSING}\s*»")
"""A caption that says itself what its «–» stand for."""


class Markup(str):
    """HTML that is already safe: a cell of this type is not escaped."""

    __slots__ = ()


def _numeric(column: pd.Series[Any]) -> bool:
    values = [
        value.item() if hasattr(value, "item") else value
        for value in column
        if not fr._absent(value)
    ]
    return bool(values) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )


def cell(value: Any, format: Callable[[Any], str] | None = None) -> str:
    """HTML of one value: formatted, escaped; «–» where there is none."""
    if fr._absent(value):
        return fr.MISSING
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, Markup):
        return str(value)
    if format is not None:
        shown: Any = format(value)
    elif isinstance(value, bool):
        shown = "oui" if value else "non"
    elif isinstance(value, int):
        shown = fr.integer(value)
    elif isinstance(value, float):
        shown = fr.number(value)
    else:
        shown = value
    return str(shown) if isinstance(shown, Markup) else markdown.label(str(shown))


def render(
    df: pd.DataFrame,
    *,
    label: str,
    title: str,
    caption: str = "",
    formats: Formats | None = None,
    row_header: str | None = None,
    notes: str | None = None,
) -> str:
    """HTML of a table; column names are the headers as printed.

    ``row_header`` names the column whose cells head their rows (the first by default).
    Raises ValueError without a title, without rows, or with two columns of one name.
    """
    if not title.strip():
        raise ValueError(f"table {label}: a title is needed")
    if df.empty:
        raise ValueError(f"table {label}: no rows; say «non éprouvé» with page.missing instead")
    if not df.columns.is_unique:
        raise ValueError(f"table {label}: two columns have the same name")
    head = str(row_header) if row_header is not None else str(df.columns[0])
    names = [head, *(str(c) for c in df.columns if str(c) != head)]
    body = df.rename(columns=str)[names].reset_index(drop=True).astype(object)
    chosen = {str(name): format for name, format in (formats or {}).items()}
    numeric = {name for name in names if _numeric(body[name])}
    grid = [[cell(value, chosen.get(name)) for value in body[name]] for name in names]
    columns = [markdown.label(name) for name in names]
    right = [name in numeric for name in names]
    if len(names) > MAX_COLUMNS and len(body) < MAX_COLUMNS:
        rows = [[columns[0], *grid[0]]] + [
            [c, *values] for c, values in zip(columns[1:], grid[1:], strict=True)
        ]
        header, lines = rows[0], rows[1:]
        alignment = [[False] + [flag] * len(body) for flag in right[1:]]
        header_right = [False] + [all(right[1:])] * len(body)
    else:
        header, lines = columns, [list(line) for line in zip(*grid, strict=True)]
        alignment = [right for _ in lines]
        header_right = right
    return _html(label, title, caption, header, header_right, lines, alignment, notes)


def _html(
    label: str,
    title: str,
    caption: str,
    header: list[str],
    header_right: list[bool],
    lines: list[list[str]],
    alignment: list[list[bool]],
    notes: str | None,
) -> str:
    def tag(kind: str, content: str, right: bool, scope: str = "") -> str:
        code = _ONLY_CODE.fullmatch(content)
        style = "num" if right else "mono" if code else ""
        attributes = (f' scope="{scope}"' if scope else "") + (f' class="{style}"' if style else "")
        return f"<{kind}{attributes}>{code[1] if code else content}</{kind}>"

    head = "".join(
        tag("th", text, right, "col") for text, right in zip(header, header_right, strict=True)
    )
    rows = []
    for line, flags in zip(lines, alignment, strict=True):
        first = tag("th", line[0], False, "row")
        rest = "".join(
            tag("td", text, right) for text, right in zip(line[1:], flags[1:], strict=True)
        )
        rows.append(f"<tr>{first}{rest}</tr>")
    holes = any(text == fr.MISSING for line in lines for text in line)
    if holes and not _EXPLAINED.search(caption):
        caption = f"{caption} {fr.MISSING} : sans valeur.".strip()
    legend = f' <span class="legende">{markdown.inline(caption)}</span>' if caption else ""
    name = escape(label)
    kind = "tableau court" if len(rows) <= SHORT else "tableau"
    scrolls = f'role="group" aria-labelledby="{name}-titre" tabindex="0"'
    table = (
        f'<table><caption id="{name}-titre"><strong class="titre">{markdown.inline(title)}</strong>'
        f"{legend}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )
    if not notes:
        return f'<div class="{kind} defile" id="{name}" {scrolls}>{table}</div>'
    return (
        f'<div class="{kind}" id="{name}"><div class="defile" {scrolls}>{table}</div>'
        f'<div class="notes">{markdown.html(notes)}</div></div>'
    )


def stacked_row(cells: Sequence[str], anchor: str = "") -> str:
    """A row of a ``stacked`` table, HTML cells; the first one is its header.

    The roles keep it a row for a screen reader where a phone stacks it.
    """
    head, *rest = cells
    name = f' id="{escape(anchor)}"' if anchor else ""
    return (
        f'<tr{name} role="row"><th scope="row" role="rowheader">{head}</th>'
        + "".join(f'<td role="cell">{cell}</td>' for cell in rest)
        + "</tr>"
    )


def stacked(
    label: str, title: str, caption: str, columns: Sequence[str], rows: Sequence[str]
) -> str:
    """HTML of a table of sentences: a phone shows each row as a short stack of lines."""
    head = "".join(f'<th scope="col" role="columnheader">{column}</th>' for column in columns)
    legend = f' <span class="legende">{markdown.inline(caption)}</span>' if caption else ""
    return (
        f'<div class="tableau large" id="{label}"><table role="table">'
        f'<caption id="{label}-titre"><strong class="titre">{markdown.inline(title)}</strong>'
        f'{legend}</caption><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table></div>'
    )
