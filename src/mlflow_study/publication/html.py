"""The report: executed notebooks and evidence bound into one self-contained HTML file.

Summary and synthesis first, then the chapters that measure, then the register, the
measures, the glossary and the references.  Same inputs, same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EntitySubstitution
from bs4.formatter import HTMLFormatter

from mlflow_study.chapters import ChapterInfo, chapter_info
from mlflow_study.errors import StudyError
from mlflow_study.evidence.files import read_context, read_kpis, read_verdicts, write_atomically
from mlflow_study.paths import REPORT, Build
from mlflow_study.presentation import numbers as fr
from mlflow_study.presentation.figures import css_variables
from mlflow_study.publication import annexes, lint, numbering
from mlflow_study.publication.annexes import Evidence
from mlflow_study.publication.citations import Citations
from mlflow_study.publication.notebooks import ChapterExporter, chapter_id, fragment

FILE = "rapport.html"
TITLE = "MLflow à l’épreuve"
SUBTITLE = (
    "Comment MLflow gère-t-il les expériences de machine learning, et tient-il ce qu’il affirme ?"
)

_FORMAT = HTMLFormatter(
    entity_substitution=EntitySubstitution.substitute_xml, void_element_close_prefix=""
)


def read_evidence(build: Build) -> Evidence:
    """The evidence of a build.  Raises EvidenceError where a file is missing or malformed."""
    return Evidence(
        kpis=read_kpis(build.evidence / "kpi.json"),
        verdicts=read_verdicts(build.evidence / "verdicts.json"),
        context=read_context(build.evidence / "contexte.json"),
    )


def build_report(build: Build, chapters: Iterable[str] | None = None) -> Path:
    """Write ``rapport.html`` in the build folder and return its path.

    ``chapters`` are the names to bind, all executed ones by default.  Raises StudyError
    when there is nothing to bind, when a reference leads nowhere, or when the page breaks
    one of the rules of ``lint``.
    """
    executed = {path.stem: path for path in build.notebooks.glob("*.ipynb")}
    wanted = sorted(executed) if chapters is None else list(chapters)
    missing = [name for name in wanted if name not in executed]
    if missing or not wanted:
        raise StudyError(
            f"Il manque des carnets exécutés{fr.NBSP}: {', '.join(missing) or 'aucun n’a tourné'}.",
            next_step="./run_all.sh",
        )
    infos = [chapter_info(name) for name in wanted]
    page = assemble(
        sorted(infos, key=lambda info: (not info.synthesis, info.number)),
        executed,
        read_evidence(build),
    )
    violations = lint.violations(page)
    target = build.folder / FILE
    if violations:
        refused = build.folder / "rapport.refuse.html"
        write_atomically(refused, page.encode("utf-8"))
        shown = "\n".join(f"– {violation}" for violation in violations[:20])
        raise StudyError(
            f"Le rapport assemblé enfreint {fr.count(len(violations), 'règle')}"
            f"{fr.NBSP}:\n{shown}\nLa page refusée est gardée sous {refused.name}."
        )
    write_atomically(target, page.encode("utf-8"))
    return target


def assemble(infos: list[ChapterInfo], notebooks: dict[str, Path], evidence: Evidence) -> str:
    """The whole page as text; ``infos`` in the order of the page."""
    exporter = ChapterExporter()
    body = "".join(fragment(exporter, notebooks[info.name], info) for info in infos)
    soup = BeautifulSoup(f"<main>{body}</main>", "lxml")
    _tidy_cells(soup)
    _tidy_markdown_tables(soup)
    for section in soup.select("section.chapitre"):
        numbering.shift_headings(section)
    anchors = {info.name: chapter_id(info.name) for info in infos}
    anchors |= _claim_witnesses(soup, evidence)
    _front_matter(soup, infos, evidence)
    _back_matter(soup, evidence, anchors)
    names = numbering.number_floats(soup)
    names.words |= {f"affirmation-{verdict.id}": verdict.id for verdict in evidence.verdicts}
    citations = Citations()
    names.words |= _chapter_names(infos)
    numbering.resolve_references(soup, names, citations)
    _references(soup, citations)
    contents = numbering.number_sections(soup)
    numbering.number_footnotes(soup)
    main = soup.find("main")
    if not isinstance(main, Tag):
        raise StudyError("Le rapport assemblé n’a pas de corps.")
    template = REPORT / "modele"
    return exporter.page(
        title=TITLE,
        subtitle=fr.clean(SUBTITLE),
        edition=annexes.edition(evidence.context),
        contents=numbering.contents_html(contents),
        main=main.decode(formatter=_FORMAT),
        css=css_variables() + (template / "style.css").read_text(encoding="utf-8"),
        js=(template / "page.js").read_text(encoding="utf-8"),
    )


def _tidy_cells(soup: BeautifulSoup) -> None:
    """Gather the folded code of each part of a chapter (down to its next h2) at its end."""
    for cell in soup.select("div.cellule"):
        code = cell.find("details", class_="code", recursive=False)
        if isinstance(code, Tag):  # below what it shows
            cell.append(code.extract())
        cell.unwrap()
    for section in soup.select("section.chapitre"):
        fold: Tag | None = None
        for block in section.find_all(True, recursive=False):
            if block.name in ("h1", "h2"):
                fold = None
            elif "code" in block.get_attribute_list("class"):
                if fold is not None:
                    gathered, more = fold.find("pre"), block.find("pre")
                    if isinstance(gathered, Tag) and isinstance(more, Tag):
                        gathered.append(f"\n\n{more.get_text().strip()}")
                    block.replace_with(fold.extract())
                else:
                    fold = block


def _tidy_markdown_tables(soup: BeautifulSoup) -> None:
    """A table written in Markdown gets the scope of its headers, and scrolls by itself."""
    for table in soup.find_all("table"):
        if table.find_parent(class_="tableau") is None:
            for header in table.find_all("th"):
                header["scope"] = "col"
            box = soup.new_tag("div", attrs={"class": "defile", "tabindex": "0"})
            table.wrap(box)


def _claim_witnesses(soup: BeautifulSoup, evidence: Evidence) -> dict[str, str]:
    """Anchor the witnesses that chapters show; return ``temoin:<claim>`` → anchor."""
    by_code = {
        " ".join((verdict.temoin or "").split()): verdict.id
        for verdict in evidence.verdicts
        if verdict.temoin
    }
    found: dict[str, str] = {}
    for figure in soup.select("figure.temoin"):
        code = figure.find("pre")
        claim = by_code.get(" ".join(code.get_text().split())) if isinstance(code, Tag) else None
        if claim and f"temoin:{claim}" not in found:
            figure["id"] = found[f"temoin:{claim}"] = f"temoin-{claim}"
    return found


def _section(anchor: str, title: str, html: str, kind: str) -> Tag:
    section = BeautifulSoup(
        f'<section class="{kind}" id="{anchor}"><h2>{title}</h2>{html}</section>', "html.parser"
    ).section
    assert isinstance(section, Tag)
    return section


def _front_matter(soup: BeautifulSoup, infos: list[ChapterInfo], evidence: Evidence) -> None:
    """The summary: the synthesis' answer and the tally of verdicts.

    Where no synthesis is bound, each chapter's answer stands in its place.
    """
    answers = []
    for info in [] if any(info.synthesis for info in infos) else infos:
        brief = soup.select_one(f"#{chapter_id(info.name)} .bref")
        if brief is None:
            continue
        question, answer = brief.select_one(".question"), brief.select_one(".reponse p")
        if question is not None and answer is not None:
            answers.append(
                f"<dt>{question.decode_contents()}</dt><dd>{answer.decode_contents()} "
                f'<a href="#{chapter_id(info.name)}">Chapitre «{fr.NBSP}{info.title}{fr.NBSP}»</a></dd>'
            )
    undecided = sum(v.verdict in ("indéterminée", "non éprouvée") for v in evidence.verdicts)
    expected = sum(v.attente for v in evidence.verdicts)
    claims = fr.count(len(evidence.verdicts) - expected, "affirmation")
    besides = (
        f" et {fr.count(expected, 'attente de lecteur', 'attentes de lecteurs')}"
        if expected
        else ""
    )
    missed = sum(kpi.valeur is None for kpi in evidence.kpis)
    measured = fr.count(len(evidence.kpis) - missed, "mesure")
    not_taken = f" ({fr.integer(missed)} autres n’ont pu être prises)" if missed > 1 else ""
    html = [
        f"<p>{claims} de MLflow{besides}, {measured}{not_taken}. "
        f'Le détail est au <a href="#registre">registre</a>{fr.NBSP}:</p>',
        annexes.tally(evidence.verdicts),
        f"<p>{fr.count(undecided, 'affirmation reste', 'affirmations restent')} sans conclusion"
        f"{fr.NBSP}: le registre dit pourquoi.</p>"
        if undecided
        else "",
        f'<h3>Les réponses</h3><dl class="reponses">{"".join(answers)}</dl>' if answers else "",
    ]
    section = _section("resume", "Résumé", "".join(html), "liminaire")
    main = soup.find("main")
    assert isinstance(main, Tag)
    main.insert(0, section)
    synthesis = soup.select_one("section.synthese .bref")
    if synthesis is not None:
        heading = section.find("h2")
        assert isinstance(heading, Tag)
        heading.insert_after(synthesis.extract())


def _back_matter(soup: BeautifulSoup, evidence: Evidence, anchors: dict[str, str]) -> None:
    """Register, measures, witnesses not shown elsewhere, glossary, edition."""
    main = soup.find("main")
    assert isinstance(main, Tag)
    lonely = annexes.witnesses(evidence.verdicts, anchors)
    anchors |= {f"temoin:{v.id}": f"temoin-{v.id}" for v in evidence.verdicts if v.temoin}
    parts = [
        ("registre", "Registre des affirmations", annexes.register(evidence, anchors)),
        ("mesures", "Toutes les mesures", annexes.measures(evidence)),
        ("temoins", "Autres témoins", lonely),
        ("glossaire", "Glossaire", annexes.glossary()),
        ("edition", "Cette édition", annexes.versions(evidence.context)),
        ("citer", "Comment citer", annexes.how_to_cite(evidence.context)),
    ]
    for anchor, title, html in parts:
        if html:
            main.append(_section(anchor, title, html, "annexe"))


def _references(soup: BeautifulSoup, citations: Citations) -> None:
    items = "".join(f'<li id="ref-{key}">{html}</li>' for key, html in citations.references())
    main = soup.find("main")
    assert isinstance(main, Tag)
    if items:
        main.append(
            _section("references", "Références", f'<ul class="biblio">{items}</ul>', "annexe")
        )


def _chapter_names(infos: list[ChapterInfo]) -> dict[str, str]:
    """``[@stockage]`` → «chapitre 1»."""
    measured = [info for info in infos if not info.synthesis]
    names = {
        chapter_id(info.name): f"chapitre{fr.NBSP}{rank}" for rank, info in enumerate(measured, 1)
    }
    return names | {chapter_id(info.name): "synthèse" for info in infos if info.synthesis}
