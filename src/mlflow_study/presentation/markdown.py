"""Markdown to HTML, with the same rules for notebook cells and for computed text."""

from __future__ import annotations

import re
from functools import cache
from html import escape

import mistune

from mlflow_study.presentation.numbers import clean

_PLUGINS = ["strikethrough", "table", "def_list", "footnotes", "abbr", "superscript"]


@cache
def _renderer() -> mistune.Markdown:
    return mistune.create_markdown(escape=False, plugins=_PLUGINS)


def html(text: str) -> str:
    """Block HTML of a Markdown text, typography applied."""
    return str(_renderer()(clean(text))).strip()


def inline(text: str) -> str:
    """HTML of one line of Markdown, without its paragraph."""
    rendered = html(" ".join(text.split()))
    match = re.fullmatch(r"<p>(.*)</p>", rendered, re.DOTALL)
    return match[1] if match and "<p>" not in match[1] else escape(clean(text))


def label(text: str, *, typeset: bool = True) -> str:
    """Text of data (a cell, an axis name): only `code` is understood, the rest escaped.

    ``typeset=False`` leaves the words as they are: a title in its own language.
    """
    parts = [escape(part, quote=False) for part in re.split(r"`([^`]+)`", str(text))]
    for index, part in enumerate(parts):
        if index % 2:
            parts[index] = f"<code>{part}</code>"
        elif typeset:
            parts[index] = clean(part)
    return "".join(parts)
