"""Numbers, anchors, cross-references and contents of the assembled page.

Works on the parsed page: headings get an anchor and a number, figures and tables their
rank, ``[@fig-x]``, ``[@tab-x]``, ``[@T1]``, ``[@01_stockage]`` and ``[@key]`` become links.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PageElement

from mlflow_study.errors import StudyError
from mlflow_study.presentation.numbers import NBSP
from mlflow_study.publication.citations import Citations

_REFERENCE = re.compile(r"\[@([^\]\[]+)\]")
_VERBATIM = {"code", "pre", "script", "style", "a"}


def slug(text: str) -> str:
    """«Où sont les données ?» → ``ou-sont-les-donnees``, at most eight words."""
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return "-".join(re.findall(r"[a-z0-9]+", plain)[:8]) or "partie"


@dataclass
class Entry:
    """One line of the contents."""

    anchor: str
    title: str
    number: str = ""
    children: list[Entry] = field(default_factory=list)


def shift_headings(section: Tag, by: int = 1) -> None:
    """h1 of a notebook is h2 of the page, and so on."""
    for level in range(6 - by, 0, -1):
        for heading in section.find_all(f"h{level}"):
            heading.name = f"h{level + by}"


class Anchors:
    """Unique anchors; those that the page already holds are taken."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._taken = {str(tag["id"]) for tag in soup.find_all(id=True)}

    def new(self, wanted: str) -> str:
        name, rank = wanted, 1
        while name in self._taken:
            rank += 1
            name = f"{wanted}-{rank}"
        self._taken.add(name)
        return name


def number_sections(soup: BeautifulSoup) -> list[Entry]:
    """Anchor every heading; number chapters that measure; return the contents."""
    anchors = Anchors(soup)
    contents: list[Entry] = []
    rank = 0
    for section in soup.select("section.chapitre, section.liminaire, section.annexe"):
        title = section.find("h2")
        if title is None:
            raise StudyError(f"La partie « {section.get('id')} » du rapport n’a pas de titre.")
        number = ""
        if "mesure" in section.get_attribute_list("class"):
            rank += 1
            number = str(rank)
        entry = Entry(str(section["id"]), title.get_text(" ", strip=True), number)
        contents.append(entry)
        _prefix(title, number)
        title["id"] = anchors.new(f"{section['id']}-titre")
        section["aria-labelledby"] = title["id"]
        for count, heading in enumerate(section.find_all("h3"), 1):
            text = heading.get_text(" ", strip=True)
            heading["id"] = heading.get("id") or anchors.new(f"{section['id']}-{slug(text)}")
            child_number = f"{number}.{count}" if number else ""
            entry.children.append(Entry(str(heading["id"]), text, child_number))
            _prefix(heading, child_number)
        for heading in section.find_all(["h4", "h5"]):
            text = heading.get_text(" ", strip=True)
            heading["id"] = heading.get("id") or anchors.new(f"{section['id']}-{slug(text)}")
    return contents


def _prefix(heading: Tag, number: str) -> None:
    if number:
        heading.insert(0, NavigableString(f"{number} "))


def chapter_of(tag: PageElement) -> str:
    """Anchor of the part of the page that holds an element."""
    section = tag.find_parent("section", id=True)
    return attribute(section, "id") if isinstance(section, Tag) else ""


@dataclass
class Names:
    """What can be referred to: ``words`` of each anchor, and each chapter's own labels."""

    words: dict[str, str] = field(default_factory=dict)
    own: dict[tuple[str, str], str] = field(default_factory=dict)

    def anchor(self, key: str, chapter: str) -> str | None:
        """Where ``[@key]`` leads when it is written in ``chapter``; None where nowhere."""
        candidates = (self.own.get((chapter, key)), key, f"affirmation-{key}")
        return next((name for name in candidates if name in self.words), None)


def _rename(block: Tag, label: str, new: str) -> None:
    """Give a figure or a table another anchor, its title's included."""
    for tag in [block, *block.find_all(True)]:
        for name in ("id", "aria-labelledby"):
            if attribute(tag, name).startswith(label):
                tag[name] = attribute(tag, name).replace(label, new, 1)


def number_floats(soup: BeautifulSoup) -> Names:
    """Give each figure and table its rank, and a label of its own in the page.

    Two chapters may use one label: each refers to its own.  Raises StudyError when one
    chapter uses it twice.
    """
    names = Names()
    for selector, word in (("figure.figure", "figure"), ("div.tableau", "tableau")):
        for rank, block in enumerate(soup.select(selector), 1):
            label, chapter = str(block["id"]), chapter_of(block)
            if (chapter, label) in names.own:
                raise StudyError(f"Deux figures ou tableaux portent le nom « {label} ».")
            anchor, times = label, 1
            while anchor in names.words:
                times += 1
                anchor = f"{label}-{times}"
            if anchor != label:
                _rename(block, label, anchor)
            names.own[chapter, label] = anchor
            names.words[anchor] = f"{word}{NBSP}{rank}"
            title = block.select_one(".titre")
            if title is not None:
                title.insert(0, NavigableString(f"{word.capitalize()}{NBSP}{rank}. "))
    return names


def resolve_references(soup: BeautifulSoup, names: Names, citations: Citations) -> None:
    """Replace every ``[@…]`` of the text by links.  Raises StudyError with all unknown names."""
    unknown: set[str] = set()
    for text in soup.find_all(string=_REFERENCE):
        if any(parent.name in _VERBATIM for parent in text.parents):
            continue
        chapter = chapter_of(text)

        def links(match: re.Match[str], chapter: str = chapter) -> str:
            keys = [key.strip().lstrip("@") for key in re.split(r"[;,]", match[1])]
            if all(key in citations for key in keys):
                return citations.cite(keys)
            anchors = [(key, names.anchor(key, chapter)) for key in keys]
            unknown.update(key for key, anchor in anchors if anchor is None)
            return ", ".join(
                f'<a href="#{anchor}">{names.words.get(anchor or "")}</a>' for _, anchor in anchors
            )

        replaced = _REFERENCE.sub(links, _escape(str(text)))
        text.replace_with(BeautifulSoup(replaced, "html.parser"))
    if unknown:
        raise StudyError(
            f"Renvois ou citations inconnus dans le rapport{NBSP}: {', '.join(sorted(unknown))}."
        )


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def number_footnotes(soup: BeautifulSoup) -> None:
    """Number notes through the whole page and gather those of a chapter at its end."""
    rank = 0
    for section in soup.select("section.chapitre"):
        notes = section.select("section.footnotes")
        if not notes:
            continue
        gathered = soup.new_tag("ol", attrs={"class": "notes-bas", "start": str(rank + 1)})
        ranks: dict[str, int] = {}
        for reference in section.select("sup.footnote-ref a"):
            target = str(reference["href"]).lstrip("#")
            if target not in ranks:
                rank += 1
                ranks[target] = rank
            reference.string = str(ranks[target])
            reference["aria-label"] = f"note {ranks[target]}"
        items = {str(item["id"]): item for block in notes for item in block.find_all("li")}
        for target in ranks:
            item = items[target].extract()
            for back in item.select("a.footnote"):
                back["aria-label"] = f"retour à l’appel de la note {ranks[target]}"
            gathered.append(item)
        for block in notes:
            block.decompose()
        section.append(gathered)


def contents_html(entries: list[Entry]) -> str:
    """Nested list of links."""

    def line(entry: Entry) -> str:
        number = f"{entry.number}{NBSP} " if entry.number else ""
        children = "".join(line(child) for child in entry.children)
        nested = f"<ol>{children}</ol>" if children else ""
        return f'<li><a href="#{entry.anchor}">{number}{_escape(entry.title)}</a>{nested}</li>'

    return f"<ol>{''.join(line(entry) for entry in entries)}</ol>"


def attribute(tag: Tag, name: str) -> str:
    """An attribute as one string, empty where absent."""
    value: Any = tag.get(name, "")
    return " ".join(value) if isinstance(value, list) else str(value)
