"""Slides for a class, cut from the built report: one file, offline, reveal.js inside.

One column of slides per chapter: question, answer in brief, each finding that has a figure or
a small table, the other findings by their titles, advice, the claims that do not hold.  The
text of the report goes to the speaker's notes (``?showNotes=true``).  reveal.js 6.0.2 (MIT) lies in ``report/modele/reveal``.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from jinja2 import Environment, FileSystemLoader

from mlflow_study.errors import StudyError
from mlflow_study.evidence.files import write_atomically
from mlflow_study.paths import REPORT
from mlflow_study.presentation.figures import css_variables

FILE = "diapositives.html"
CLAIMS_PER_SLIDE = 6
ITEMS_PER_SLIDE = 5
TITLES_PER_SLIDE = 8
MAX_ROWS, MAX_COLUMNS = 8, 6
MAX_TABLE = 700
"""Characters of a table, headers included, that a slide can hold at a readable size."""
_ADVICE = re.compile(r"([\d.]+ )?Que faire\b")


@dataclass
class Group:
    """A heading of a chapter and what stands under it, until the next heading."""

    heading: Tag
    blocks: list[Tag] = field(default_factory=list)


def write_slides(report: Path) -> Path:
    """Write ``diapositives.html`` beside the report.  Raises StudyError on a page of another make."""
    page = BeautifulSoup(report.read_text(encoding="utf-8"), "lxml")
    title, subtitle = page.select_one("h1"), page.select_one(".sous-titre")
    edition = page.select_one(".edition")
    if title is None or subtitle is None or edition is None:
        raise StudyError("Les diapositives se font à partir d’un rapport assemblé par cette étude.")
    columns = [_summary(page)]
    columns += [list(chapter(section)) for section in page.select("section.chapitre")]
    template = REPORT / "modele"
    environment = Environment(loader=FileSystemLoader(template), autoescape=False)
    html = environment.get_template("diapositives.html.j2").render(
        title=title.get_text(),
        subtitle=subtitle.decode_contents(),
        edition=edition.decode_contents(),
        columns=[column for column in columns if column],
        css=(template / "reveal" / "reveal.css").read_text(encoding="utf-8")
        + css_variables()
        + (template / "diapositives.css").read_text(encoding="utf-8"),
        js=(template / "reveal" / "reveal.js").read_text(encoding="utf-8"),
    )
    target = report.parent / FILE
    write_atomically(target, html.encode("utf-8"))
    return target


def _inner(tag: Tag | None) -> str:
    """Contents of an element without anchors and without links inside the report."""
    if tag is None:
        return ""
    part = copy.copy(tag)
    for link in part.select('a[href^="#"]'):
        link.unwrap()
    for note in part.select("sup.footnote-ref"):
        note.decompose()
    for marked in [part, *part.find_all(True)]:
        for name in ("id", "tabindex", "role", "aria-labelledby", "aria-label"):
            del marked[name]
    return part.decode_contents()


def _slide(title: str, content: str, *, notes: str = "", kind: str = "") -> str:
    aside = f'<aside class="notes">{notes}</aside>' if notes else ""
    return f'<section class="{kind}"><h2>{title}</h2>{content}{aside}</section>'


def _summary(page: BeautifulSoup) -> list[str]:
    """The synthesis' answer and how many claims got each verdict."""
    brief = page.select_one("#resume .bref")
    tally = page.select_one("#resume .bilan")
    content = f'<div class="reponse">{_inner(brief.select_one(".reponse"))}</div>' if brief else ""
    content += f'<ul class="bilan">{_inner(tally)}</ul>' if tally else ""
    question = _inner(brief.select_one(".question")) if brief else "En résumé"
    return [_slide(question, content, kind="bref")]


def groups(section: Tag) -> list[Group]:
    """Headings of a chapter with the blocks that follow each."""
    found: list[Group] = []
    for child in section.find_all(True, recursive=False):
        if child.name in ("h2", "h3", "h4"):
            found.append(Group(child))
        elif found:
            found[-1].blocks.append(child)
    return found


def chapter(section: Tag) -> Iterator[str]:
    """The slides of one chapter, in its own order."""
    heading = section.find("h2")
    brief = section.select_one(".bref")
    if not isinstance(heading, Tag):
        return
    question = _inner(brief.select_one(".question")) if brief else ""
    yield _slide(_inner(heading), f'<p class="question">{question}</p>', kind="chapitre")
    if brief is not None:
        figures = brief.select_one(".chiffres")
        surprise = brief.select_one(".surprise")
        yield _slide(
            "En bref",
            f'<div class="reponse">{_inner(brief.select_one(".reponse"))}</div>'
            + (f"<ul>{_inner(figures)}</ul>" if figures else "")
            + (f'<div class="surprise">{_inner(surprise)}</div>' if surprise else ""),
            kind="bref",
        )
    advice, untold = list[str](), list[str]()
    for group in groups(section):
        if _ADVICE.match(group.heading.get_text(" ", strip=True)):
            advice += _advice(group)
        elif group.heading.name == "h4":
            slides = list(_finding(group))
            if not slides and any(block.name == "p" for block in group.blocks):
                untold.append(f"<li>{_inner(group.heading)}</li>")
            yield from slides
        else:
            yield from _figures(group)
    for chunk in _chunks(untold, TITLES_PER_SLIDE):
        yield _slide("Autres constats", f"<ul>{chunk}</ul>", kind="constats")
    yield from advice
    yield from _refuted(section)


def _notes(group: Group) -> str:
    return "".join(str(p) for p in (f"<p>{_inner(b)}</p>" for b in group.blocks if b.name == "p"))


def _figure(figure: Tag) -> str:
    image = figure.select_one("img")
    caption = figure.find("figcaption")
    legend = _inner(caption) if isinstance(caption, Tag) else ""
    return f"<figure>{image}<figcaption>{legend}</figcaption></figure>" if image else ""


def _small(table: Tag) -> bool:
    rows = table.select("tbody tr")
    fits = 0 < len(rows) <= MAX_ROWS and len(table.select("thead th")) <= MAX_COLUMNS
    return fits and len(table.get_text()) <= MAX_TABLE


def _finding(group: Group) -> Iterator[str]:
    """A finding: its figures, else its small table; its witness.  Nothing where it has only words."""
    title, notes = _inner(group.heading), _notes(group)
    figures = [b for b in group.blocks if b.name == "figure" and b.select_one("img")]
    tables = [t for b in group.blocks for t in b.select("table") if _small(t)]
    witnesses = [b for b in group.blocks if "temoin" in b.get_attribute_list("class")]
    for figure in figures:
        yield _slide(title, _figure(figure), notes=notes, kind="constat")
    if not figures:
        for table in tables[:1]:
            yield _slide(title, f"<table>{_inner(table)}</table>", notes=notes, kind="constat")
    for witness in witnesses[:1]:
        code = witness.find("pre")
        if isinstance(code, Tag) and code.get_text().count("\n") < 16:
            shown = f"<pre><code>{_inner(code)}</code></pre>"
            yield _slide(title, shown, notes=_inner(witness.find("figcaption")), kind="temoin")


def _figures(group: Group) -> Iterator[str]:
    for block in group.blocks:
        if block.name == "figure" and block.select_one("img"):
            title = block.select_one(".titre")
            words = "".join(str(part) for part in title.contents[2:]) if title else ""
            yield _slide(words or _inner(group.heading), _figure(block), notes=_notes(group))


def _chunks(items: Sequence[str], size: int) -> Iterator[str]:
    for start in range(0, len(items), size):
        yield "".join(items[start : start + size])


def _advice(group: Group) -> Iterator[str]:
    items = [f"<li>{_inner(li)}</li>" for block in group.blocks for li in block.select("li")]
    if not items:
        items = [f"<li>{_inner(block)}</li>" for block in group.blocks if block.name == "p"]
    for chunk in _chunks(items, ITEMS_PER_SLIDE):
        yield _slide("Que faire", f"<ul>{chunk}</ul>", kind="conseils")


def _refuted(section: Tag) -> Iterator[str]:
    """The register's lines that this chapter judges and that nothing supports."""
    page = section.find_parent("main")
    judged = {link["href"] for link in section.select(".affirmations a")}
    rows = []
    for row in page.select("#registre tbody tr") if isinstance(page, Tag) else []:
        badge = row.select_one(".verdict")
        if f"#{row['id']}" not in judged or badge is None or "non" not in badge["class"]:
            continue
        statement = _inner(row.find_all("td")[0]).partition("<small")[0]
        rows.append(
            f'<tr><th scope="row">{_inner(row.find("th"))}</th><td>{statement}</td>'
            f"<td>{badge}</td></tr>"
        )
    head = '<thead><tr><th scope="col">N°</th><th scope="col">Affirmation</th><th scope="col">Verdict</th></tr></thead>'
    for chunk in _chunks(rows, CLAIMS_PER_SLIDE):
        yield _slide(
            "Ce qui ne tient pas", f"<table>{head}<tbody>{chunk}</tbody></table>", kind="verdicts"
        )
