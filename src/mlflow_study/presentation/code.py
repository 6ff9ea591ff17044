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


def highlight(source: str) -> str:
    """HTML of Python source: spans ``c`` (comments), ``s`` (strings), ``k`` (keywords)."""
    tokens = ((_mark(kind), text) for kind, text in PythonLexer(stripnl=False).get_tokens(source))
    out = []
    for mark, group in groupby(tokens, key=lambda token: token[0]):
        text = escape("".join(text for _, text in group), quote=False)
        out.append(f'<span class="{mark}">{text}</span>' if mark else text)
    return "".join(out).rstrip("\n")
