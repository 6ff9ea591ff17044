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
from bs4.element import NavigableString

from mlflow_study.errors import StudyError
from mlflow_study.presentation.numbers import NBSP
from mlflow_study.publication.citations import Citations

_REFERENCE = re.compile(r"\[@([^\]\[]+)\]")
_CLAIM = re.compile(r"[A-Z]\d+")
_REPEATABLE = ("tab-affirmations-", "tab-verdicts-")
"""Tables that ``page.claims`` names itself: the synthesis may show a chapter's again."""
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
        _prefix(soup, title, number)
        title["id"] = anchors.new(f"{section['id']}-titre")
        section["aria-labelledby"] = title["id"]
        for count, heading in enumerate(section.find_all("h3"), 1):
            text = heading.get_text(" ", strip=True)
            heading["id"] = heading.get("id") or anchors.new(f"{section['id']}-{slug(text)}")
            child_number = f"{number}.{count}" if number else ""
            entry.children.append(Entry(str(heading["id"]), text, child_number))
            _prefix(soup, heading, child_number)
        for heading in section.find_all(["h4", "h5"]):
            text = heading.get_text(" ", strip=True)
            heading["id"] = heading.get("id") or anchors.new(f"{section['id']}-{slug(text)}")
    return contents


def _prefix(soup: BeautifulSoup, heading: Tag, number: str) -> None:
    if number:
        mark = soup.new_tag("span", attrs={"class": "rang"})
        mark.string = number
        heading.insert(0, NavigableString(" "))
        heading.insert(0, mark)


def _rename(block: Tag, label: str, taken: dict[str, str]) -> str:
    """Give a repeated table of claims an anchor of its own."""
    rank = 2
    while f"{label}-{rank}" in taken:
        rank += 1
    new = f"{label}-{rank}"
    for tag in [block, *block.find_all(True)]:
        for name in ("id", "aria-labelledby"):
            if attribute(tag, name).startswith(label):
                tag[name] = attribute(tag, name).replace(label, new, 1)
    return new


def number_floats(soup: BeautifulSoup) -> dict[str, str]:
    """Give each figure and table its rank; return label → «figure 3».

    Raises StudyError when two of them share a label.
    """
    names: dict[str, str] = {}
    for selector, word in (("figure.figure", "figure"), ("div.tableau", "tableau")):
        for rank, block in enumerate(soup.select(selector), 1):
            label = str(block["id"])
            if label in names and label.startswith(_REPEATABLE):
                label = _rename(block, label, names)
            if label in names:
                raise StudyError(f"Deux figures ou tableaux portent le nom « {label} ».")
            names[label] = f"{word}{NBSP}{rank}"
            title = block.select_one(".titre")
            if title is not None:
                mark = soup.new_tag("span", attrs={"class": "rang"})
                mark.string = f"{word.capitalize()}{NBSP}{rank}."
                title.insert(0, NavigableString(" "))
                title.insert(0, mark)
    return names


def resolve_references(soup: BeautifulSoup, names: dict[str, str], citations: Citations) -> None:
    """Replace every ``[@…]`` of the text by a link.  Raises StudyError with all unknown names."""
    unknown: list[str] = []
    for text in soup.find_all(string=_REFERENCE):
        if any(parent.name in _VERBATIM for parent in text.parents):
            continue

        def link(match: re.Match[str]) -> str:
            keys = [key.strip().lstrip("@") for key in re.split(r"[;,]", match[1])]
            if len(keys) == 1 and keys[0] in names:
                return f'<a href="#{keys[0]}">{names[keys[0]]}</a>'
            if len(keys) == 1 and f"affirmation-{keys[0]}" in names:
                return f'<a href="#affirmation-{keys[0]}">{keys[0]}</a>'
            if all(key in citations for key in keys):
                return citations.cite(keys)
            unknown.extend(key for key in keys if key not in citations and key not in names)
            return match[0]

        replaced = _REFERENCE.sub(link, _escape(str(text)))
        text.replace_with(BeautifulSoup(replaced, "html.parser"))
    if unknown:
        raise StudyError(
            "Renvois ou citations inconnus dans le rapport"
            f"{NBSP}: {', '.join(sorted(set(unknown)))}."
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
        number = f'<span class="rang">{entry.number}</span> ' if entry.number else ""
        children = "".join(line(child) for child in entry.children)
        nested = f"<ol>{children}</ol>" if children else ""
        return f'<li><a href="#{entry.anchor}">{number}{_escape(entry.title)}</a>{nested}</li>'

    return f"<ol>{''.join(line(entry) for entry in entries)}</ol>"


def attribute(tag: Tag, name: str) -> str:
    """An attribute as one string, empty where absent."""
    value: Any = tag.get(name, "")
    return " ".join(value) if isinstance(value, list) else str(value)
