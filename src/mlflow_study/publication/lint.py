"""What the built page must not hold.  Each violation is one French sentence.

Structure (language, unique anchors, headings in order, links that lead somewhere),
independence (no request, no path of a machine), words (no ``nan``, no warning, no
English left over, French typography), and weight.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString

from mlflow_study.presentation.figures import placeholder
from mlflow_study.presentation.numbers import NBSP, integer
from mlflow_study.publication.numbering import attribute

MAX_BYTES = 3_000_000
MAX_ELEMENTS = 6_000

_VERBATIM = ("code", "pre", "script", "style", "kbd", "samp", "cite")
_FETCHING = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}
_FETCHING |= {"object": "data", "video": "src", "audio": "src", "embed": "src"}
_PRESENTATIONAL = ("border", "align", "valign", "bgcolor", "cellpadding", "cellspacing", "nowrap")

_PATHS = re.compile(
    r"(?<![\w:/])/(?:home|root|Users|tmp|work|private|var/folders)/\w|[A-Z]:\\Users"
)
_WARNINGS = re.compile(
    r"\b\w*Warning:|\bTraceback \(most recent|\bINFO mlflow|\bWARNING mlflow|\bDeprecated\b"
)
# «NaN» and «±inf» may be spoken of; what a program prints for a missing value may not
_NAN = re.compile(r"(?<![\w«±+−-])(nan|NaT|None|<NA>|inf|True|False)(?![\w»])")
_ENGLISH = re.compile(
    r"\b(the|with|from|which|this|that|these|are|was|were|has|have|not|and|show code|figure shows|"
    r"backend store|artifact store|table of contents|copy|loading)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"«[^»]*»")
"""A foreign term may be quoted."""
_MESSAGE = re.compile(r"\w(?:Error|Exception|Warning)\b")
"""What a program answered is told in its own words."""
_TYPOGRAPHY = (
    (re.compile(r"(?<=\S) [;!?](?=\s|$)"), "espace ordinaire devant ; ! ou ?"),
    (re.compile(r"\w[;!?](?=\s|$)"), "pas d’espace fine devant ; ! ou ?"),
    (re.compile(r"(?<=\S) :(?=\s|$)"), "espace ordinaire devant :"),
    (re.compile(r"« |(?<=\S) »"), "espace ordinaire à l’intérieur des guillemets"),
    (re.compile(r"\d ?%(?!\w)"), "espace ordinaire ou absente devant %"),
    (re.compile(r"(?<=[^\W\d])'(?=[^\W\d])"), "apostrophe droite"),
    # 3.7 may be a version; 0.5, 3.7 ms and 3.1416 are numbers
    (
        re.compile(
            r"(?<![\w.,])(?:0\.\d+|\d+\.\d{3,}|\d+\.\d+(?=[ \u00a0\u202f]?(?:%|fois|[nµm]?s\b|[kMG]?o\b)))"
            r"(?![\w.])"
        ),
        "point décimal",
    ),
    (re.compile(r"\d (?:ms|s|µs|ko|Mo|Go|Kio|Mio|Gio)\b"), "espace ordinaire devant une unité"),
)


def violations(page: str) -> list[str]:
    """Everything that breaks a rule in a built page, empty when it is fit to publish."""
    soup = BeautifulSoup(page, "lxml")
    checks = (_structure, _anchors, _headings, _independence, _media, words, _leftovers)
    return [fault for check in checks for fault in check(soup)]


def weight(page: str) -> list[str]:
    """What makes a page heavy.

    Apart from ``violations``: a run on many stores may pass these limits and still be read,
    so they bind the published edition, not every build.
    """
    found = []
    size = len(page.encode("utf-8"))
    if size > MAX_BYTES:
        found.append(f"la page pèse {integer(size)}{NBSP}octets, plus que {integer(MAX_BYTES)}")
    soup = BeautifulSoup(page, "lxml")
    elements = len(soup.find_all(True))
    if elements > MAX_ELEMENTS:
        parts = [(len(part.find_all(True)), attribute(part, "id")) for part in _parts(soup)]
        heavy = ", ".join(f"{name} {integer(n)}" for n, name in sorted(parts, reverse=True)[:12])
        found.append(
            f"la page compte {integer(elements)}{NBSP}éléments, plus que "
            f"{integer(MAX_ELEMENTS)}{NBSP}: {heavy}"
        )
    return found


def _parts(soup: BeautifulSoup) -> list[Tag]:
    return soup.select("main > section[id], div.tableau[id]")


def _structure(soup: BeautifulSoup) -> Iterator[str]:
    html = soup.find("html")
    if not isinstance(html, Tag) or html.get("lang") != "fr":
        yield "la langue de la page n’est pas le français"
    if "doctype" not in str(soup)[:20].lower():
        yield "la page n’a pas de doctype"
    for tag in soup.find_all(True):
        for name in _PRESENTATIONAL:
            if tag.has_attr(name):
                yield f"attribut de présentation « {name} » sur <{tag.name}>"
    for table in soup.find_all("table"):
        # a table written in Markdown has no caption: the sentence above announces it
        captioned = table.caption is not None and table.caption.get_text(strip=True)
        if table.find_parent(class_="tableau") is not None and not captioned:
            yield "tableau sans légende"
        if any(not header.get("scope") for header in table.find_all("th")):
            yield "en-tête de tableau sans portée (scope)"


def _anchors(soup: BeautifulSoup) -> Iterator[str]:
    ids = Counter(attribute(tag, "id") for tag in soup.find_all(id=True))
    for name, times in ids.items():
        if times > 1:
            yield f"l’identifiant « {name} » apparaît {times} fois"
    for link in soup.find_all("a", href=True):
        target = attribute(link, "href")
        if target.startswith("#") and target[1:] not in ids:
            yield f"le lien « {target} » ne mène nulle part"
        if not link.get_text(strip=True) and not link.get("aria-label"):
            yield f"le lien vers « {target} » n’a pas de texte"


def _headings(soup: BeautifulSoup) -> Iterator[str]:
    previous = 0
    headings = soup.find_all(re.compile(r"^h[1-6]$"))
    if [heading.name for heading in headings].count("h1") != 1:
        yield "la page n’a pas exactement un titre de premier niveau"
    for heading in headings:
        level = int(heading.name[1])
        if level > previous + 1:
            yield f"le titre « {heading.get_text(' ', strip=True)[:60]} » saute un niveau"
        previous = level


def _independence(soup: BeautifulSoup) -> Iterator[str]:
    for name, source in _FETCHING.items():
        for tag in soup.find_all(name):
            address = attribute(tag, source)
            if address and not address.startswith("data:"):
                yield f"<{name}> demande « {address[:60]} »"
    for style in soup.find_all("style"):
        if re.search(r"@import|url\((?!['\"]?data:)", style.get_text()):
            yield "la feuille de style demande une ressource"
    for link in soup.find_all("a", href=re.compile(r"^(file:|/)")):
        yield f"lien vers un fichier de la machine « {attribute(link, 'href')[:60]} »"


def _media(soup: BeautifulSoup) -> Iterator[str]:
    for image in soup.find_all("img"):
        alt = attribute(image, "alt")
        if placeholder(alt):
            yield f"texte de remplacement vide ou factice (« {alt} »)"
    for figure in soup.select("figure.figure"):
        caption = figure.find("figcaption")
        if caption is None or not caption.get_text(strip=True):
            yield f"figure « {figure.get('id')} » sans légende"


def _verbatim(tag: Tag) -> bool:
    """Code, foreign words and shapes are not French prose."""
    marks = {"faits", "verdict", "source", "mono"} & set(tag.get_attribute_list("class"))
    return (
        bool(marks)
        or tag.name in _VERBATIM
        or tag.get("lang") == "en"
        or bool(tag.get("aria-hidden"))
    )


def prose(soup: BeautifulSoup) -> Iterator[tuple[str, str]]:
    """(French text, place) of each block, verbatim parts replaced by ``…``."""
    for block in soup.find_all(
        [
            "p",
            "li",
            "td",
            "th",
            "dt",
            "dd",
            "caption",
            "figcaption",
            "h1",
            "h2",
            "h3",
            "h4",
            "summary",
        ]
    ):
        if block.find_parent(["pre"]) or block.find_parent(class_="biblio"):
            continue
        if block.find(["p", "li", "td", "dd"]):
            continue
        pieces = []
        for text in block.find_all(string=True):
            if type(text) is not NavigableString:
                continue
            verbatim = any(_verbatim(parent) for parent in text.parents)
            pieces.append("…" if verbatim else str(text))
        section = block.find_parent("section", id=True)
        yield "".join(pieces), attribute(section, "id") if isinstance(section, Tag) else "page"


def words(soup: BeautifulSoup) -> Iterator[str]:
    """Faults of the words alone: typography, raw values, English."""
    for text, place in prose(soup):
        for pattern, name in _TYPOGRAPHY:
            if match := pattern.search(text):
                around = text[max(0, match.start() - 25) : match.end() + 15].strip()
                yield f"{place}{NBSP}: {name} (« …{around}… »)"
        for match in _NAN.finditer(_QUOTED.sub("« … »", text)):
            around = match.string[max(0, match.start() - 25) : match.end() + 15].strip()
            yield f"{place}{NBSP}: valeur brute « {match[0]} » (« …{around}… »)"
        english = _ENGLISH.findall(_QUOTED.sub("", text))
        if len(english) >= 2 and not _MESSAGE.search(text):
            yield f"{place}{NBSP}: anglais non traduit (« {text.strip()[:80]} »)"


def _leftovers(soup: BeautifulSoup) -> Iterator[str]:
    if soup.select_one(".bref.attente"):
        yield "un « En bref » n’a pas été rempli"
    for text in soup.find_all(string=True):
        if text.find_parent(["script", "style", "nav"]):
            continue
        value = str(text)
        if match := _PATHS.search(value):
            yield f"chemin de la machine (« {value[match.start() : match.start() + 50]} »)"
        if text.find_parent(["code", "details"]) is None and (match := _WARNINGS.search(value)):
            yield f"avertissement dans la page (« {match[0]} »)"
        if text.find_parent(["code", "pre"]) is None and re.search(r"\[[@^][^\]]+\]", value):
            yield f"renvoi non résolu (« {value.strip()[:60]} »)"
        if text.find_parent(["code", "pre"]) is None and re.search(
            r"\*\*\w|\w\*\*|^#{1,6} ", value
        ):
            yield f"Markdown non rendu (« {value.strip()[:60]} »)"
