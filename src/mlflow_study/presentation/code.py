"""Code with few marks: comments, strings and keywords only, so that the page stays light."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import Any

from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, String


def _mark(kind: Any) -> str:
    if kind in Comment:
        return "c"
    return "s" if kind in String else "k" if kind in Keyword else ""


def highlight(source: str, marks: str = "csk") -> str:
    """HTML of Python source: spans ``c`` (comments), ``s`` (strings), ``k`` (keywords).

    ``marks`` are those that are wanted: each span counts in the weight of the page.
    """
    tokens = ((_mark(kind), text) for kind, text in PythonLexer(stripnl=False).get_tokens(source))
    wanted = ((mark if mark in marks else "", text) for mark, text in tokens)
    out = []
    for mark, group in groupby(wanted, key=lambda token: token[0]):
        text = escape("".join(text for _, text in group), quote=False)
        out.append(f'<span class="{mark}">{text}</span>' if mark else text)
    return "".join(out).rstrip("\n")
