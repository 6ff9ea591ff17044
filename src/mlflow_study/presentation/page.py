"""What a notebook puts on the page.

Each function displays one block: HTML with semantic classes for figures, tables and
notices, Markdown for text.  JupyterLab shows them as they are; the report's template
gives them its style, numbers them and resolves ``[@fig-x]``, ``[@tab-x]`` and ``[@key]``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

import pandas as pd
from IPython.display import display, update_display

from mlflow_study.evidence.records import Claim, Source, Verdict
from mlflow_study.presentation import figures as _figures
from mlflow_study.presentation import markdown as _markdown
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation import tables as _tables

_BRIEF = "bref"


def _show(html: str, plain: str, **options: Any) -> None:
    display({"text/html": html, "text/plain": plain}, raw=True, **options)  # type: ignore[no-untyped-call]


def _show_markdown(text: str) -> None:
    display({"text/markdown": text, "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]


class Brief:
    """The «En bref» slot: shown at the top of the chapter, filled at its end."""

    def __init__(self) -> None:
        _show(
            '<div class="bref attente"><p>La réponse est calculée à la fin du chapitre.</p></div>',
            "En bref",
            display_id=_BRIEF,
        )

    def fill(
        self, *, question: str, answer: str, figures: Sequence[str] = (), surprise: str = ""
    ) -> dict[str, Any]:
        """Put the answer in its place.  Every argument is Markdown; ``figures`` are the two
        or three figures that carry the answer, ``surprise`` the greatest one.

        Returns the answer, for ``Chapter.close``: the synthesis quotes it."""
        if not question.strip() or not answer.strip():
            raise ValueError("a brief needs a question and an answer")
        items = "".join(f"<li>{_markdown.inline(text)}</li>" for text in figures)
        parts = [
            '<p class="etiquette">En bref</p>',
            f'<p class="question">{_markdown.inline(question)}</p>',
            f'<div class="reponse">{_markdown.html(answer)}</div>',
            f'<ul class="chiffres">{items}</ul>' if items else "",
            f'<div class="surprise">{_markdown.html("**La surprise.** " + surprise)}</div>'
            if surprise
            else "",
        ]
        html = f'<div class="bref">{"".join(parts)}</div>'
        update_display(  # type: ignore[no-untyped-call]
            {"text/html": html, "text/plain": answer}, raw=True, display_id=_BRIEF
        )
        return {
            "question": question,
            "answer": answer,
            "figures": list(figures),
            "surprise": surprise,
        }


def brief() -> Brief:
    """Show the empty «En bref» slot and return it."""
    return Brief()


def prose(markdown: str) -> None:
    """One or more computed paragraphs."""
    _show_markdown(fr.clean(markdown))


def finding(title: str, markdown: str = "") -> None:
    """A result: its computed title *is* the finding; some text may follow."""
    if not title.strip():
        raise ValueError("a finding needs a title")
    heading = "### " + " ".join(title.split())
    _show_markdown(fr.clean(f"{heading}\n\n{markdown}".strip()))


def figure(fig: Any, *, label: str, title: str, caption: str, alt: str) -> None:
    """A figure: the title says what it shows, the caption how to read it, n and conditions;
    ``alt`` says what is seen.  Raises ValueError where one of them is empty or a placeholder."""
    _figures.check_words(label, title=title, caption=caption, alt=alt)
    uri = _figures.data_uri(_figures.svg(fig))
    width, height = (round(96 * inches) for inches in fig.get_size_inches())
    _show(
        f'<figure class="figure" id="{label}">'
        f'<p class="titre" id="{label}-titre">{_markdown.inline(title)}</p>'
        f'<div class="defile" role="group" aria-labelledby="{label}-titre" tabindex="0">'
        f'<img src="{uri}" width="{width}" height="{height}" alt="{escape(fr.clean(alt))}"></div>'
        f"<figcaption>{_markdown.inline(caption)}</figcaption></figure>",
        f"[figure {label}] {alt}",
    )


def table(
    df: pd.DataFrame,
    *,
    label: str,
    title: str,
    caption: str = "",
    formats: _tables.Formats | None = None,
    row_header: str | None = None,
    notes: str | None = None,
) -> None:
    """A table; see ``tables.render``.  Column names are printed as they are."""
    if not re.fullmatch(r"tab-[a-z0-9][a-z0-9-]*", label):
        raise ValueError(f"table label {label!r}: expected tab-name in lower case")
    html = _tables.render(
        df,
        label=label,
        title=title,
        caption=caption,
        formats=formats,
        row_header=row_header,
        notes=notes,
    )
    _show(html, f"[tableau {label}] {title}")


def witness(code: str, *, title: str, shows: str) -> None:
    """A block that a reader can paste and run: ``shows`` says what he will see."""
    if not code.strip():
        raise ValueError(f"witness {title!r} is empty")
    _show(
        f'<figure class="temoin"><figcaption>{_markdown.inline(title)} '
        f"{_markdown.inline(shows)}</figcaption>"
        f'<pre tabindex="0">{escape(code.strip(), quote=False)}</pre></figure>',
        code.strip(),
    )


def missing(text: str) -> None:
    """A notice: what could not be tested here, and why."""
    _show(
        f'<p class="non-eprouve"><strong>Non éprouvé.</strong> {_markdown.inline(text)}</p>',
        f"Non éprouvé. {text}",
    )


def source_link(source: Source) -> str:
    """A source as a link, or as a file of the installed package, left as it is.

    Where a passage is quoted, it is what is linked, and the title follows.
    """
    title = _markdown.label(source.titre, typeset=bool(source.passage))
    place = f"{title} ({escape(source.lien)})" if source.lien else title
    web = bool(re.match(r"https?://", source.lien))
    kind = f'a class="source" href="{escape(source.lien)}"' if web else 'cite class="source"'
    end = "a" if web else "cite"
    named = title if web else place
    if source.passage:
        return f'<{kind} lang="en">“{escape(source.passage, quote=False)}”</{end}>, {named}'
    return f"<{kind}>{named}</{end}>"


def verdict_badge(verdict: str, count: int = 1) -> str:
    """A verdict, or a kind of ``count`` verdicts, as word + shape + hue."""
    words = fr.verdict_words[verdict]
    if count > 1:
        words = words.replace(verdict, fr.verdict_plurals[verdict])
    words = words.replace(" ", fr.NBSP)
    return f'<span class="verdict {_figures.verdict_class(verdict)}">{words}</span>'


def claims(items: Sequence[Claim | Verdict]) -> None:
    """The chapter's claims: statements of ``Claim``, outcome of ``Verdict``.

    Sources, criteria, and the reasons of what holds stand in the register.
    """
    if not items:
        raise ValueError("no claim to show")
    verdicts = [item for item in items if isinstance(item, Verdict)]
    if not verdicts:
        lines = "\n".join(_stated(claim) for claim in items)
        _show(f'<p class="affirmations annoncees">{lines}</p>', "[Ce que MLflow affirme]")
        return
    judged = "".join(_outcome(verdicts))
    _show(f'<ul class="affirmations jugees">{judged}</ul>', "[Ce que valent ces affirmations]")


def _anchor(record: Claim | Verdict) -> str:
    return f'<a href="#affirmation-{record.id}">{record.id}</a>'


def _stated(record: Claim | Verdict) -> str:
    return f"{record.id}. {_markdown.inline(record.enonce)}"


def _outcome(verdicts: Sequence[Verdict]) -> list[str]:
    """By kind: what nothing supports or is not settled, with its reason; the numbers of the rest."""
    lines, named_only = [], ("nuancée", "confirmée")
    told = [kind for kind in fr.verdict_words if kind not in named_only]
    for kind in (*told, *named_only):
        own = [verdict for verdict in verdicts if verdict.verdict == kind]
        if not own:
            continue
        badge = verdict_badge(kind, len(own))
        if kind in named_only:
            named = fr.join(verdict.id for verdict in own)
            lines.append(f'<li class="groupe">{badge} {named}</li>')
            continue
        lines.append(f'<li class="groupe">{badge}</li>')
        lines += [
            f"<li>{_anchor(verdict)} {_markdown.inline(f'{verdict.enonce} {_reason(verdict)}')}</li>"
            for verdict in own
        ]
    return lines


def _reason(verdict: Verdict) -> str:
    reason = verdict.motif.rstrip(".")
    return f"{reason[:1].upper()}{reason[1:]}."
