"""The assembled page: what stands where, numbered, linked, and the same every time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from mlflow_study.errors import StudyError
from mlflow_study.paths import Build
from mlflow_study.publication import lint
from mlflow_study.publication.html import build_report

CHAPTER = "01_stockage"


@pytest.fixture(scope="module")
def page(edition: Build) -> BeautifulSoup:
    return BeautifulSoup(build_report(edition).read_text(encoding="utf-8"), "lxml")


def text(page: BeautifulSoup, selector: str) -> str:
    found = page.select_one(selector)
    assert found is not None, selector
    return found.get_text(" ", strip=True)


def test_summary_then_synthesis_then_chapters_then_annexes(page: BeautifulSoup) -> None:
    sections = [section["id"] for section in page.select("main > section")]
    assert sections == [
        "resume",
        "synthese",
        "stockage",
        "registre",
        "mesures",
        "temoins",
        "glossaire",
        "edition",
        "citer",
        "references",
    ]


def test_the_answer_computed_last_stands_first(page: BeautifulSoup) -> None:
    assert "une affirmation sur quatre" in text(page, "#resume .bref .reponse")
    assert "Dans une base SQLite" in text(page, "#stockage .bref .reponse")
    assert page.select_one(".bref.attente") is None
    assert page.select_one("#synthese .bref") is None


def test_sections_figures_and_tables_are_numbered(page: BeautifulSoup) -> None:
    assert text(page, "#stockage h2").startswith("1 ")
    assert [h.get_text(" ", strip=True)[:3] for h in page.select("#stockage h3")] == [
        "1.1",
        "1.2",
        "1.3",
    ]
    assert text(page, "#fig-acces .titre").startswith("Figure\u00a01.")
    titles = [title.get_text() for title in page.select("caption .titre")]
    assert titles
    for number, title in enumerate(titles, 1):
        assert title.startswith(f"Tableau\u00a0{number}. ")


def test_references_are_resolved(page: BeautifulSoup) -> None:
    links = {a["href"]: a.get_text() for a in page.select("#stockage p a")}
    assert links["#fig-acces"] == "figure\u00a01"
    assert links["#tab-acces"] == "tableau\u00a01"
    assert links["#affirmation-T1"] == "T1"
    assert links["#ref-zaharia2018"].startswith("Zaharia")
    assert "ZAHARIA, Matei" in text(page, "#ref-zaharia2018")
    assert [a.get_text() for a in page.select('#synthese p a[href="#stockage"]')] == [
        "chapitre\u00a01"
    ]
    cited = {li["id"] for li in page.select("#references li")}
    assert cited == {
        "ref-zaharia2018",
        "ref-wilson1927",
        "ref-david2003",
        "ref-prov2013",
        "ref-schuirmann1987",
    }


def test_footnotes_are_gathered_at_the_end_of_their_chapter(page: BeautifulSoup) -> None:
    call = page.select_one("#stockage sup.footnote-ref a")
    assert call is not None
    note = page.find(id=str(call["href"])[1:])
    assert note is not None
    assert "Une note de bas de page." in note.get_text()
    assert note.find_parent("ol", class_="notes-bas") is not None
    assert note.find("a", href=f"#{call.parent['id']}") is not None  # type: ignore[index]


def test_claims_lead_to_their_evidence_and_back(page: BeautifulSoup) -> None:
    row = page.select_one("#affirmation-T3")
    assert row is not None
    targets = [a["href"] for a in row.select("td:last-child a")]
    assert targets == ["#kpi-stockage.acces.lecture", "#temoin-T3"]
    measure = page.find(id="kpi-stockage.acces.lecture")
    assert measure is not None
    assert "#affirmation-T3" in [a["href"] for a in measure.find_all("a")]
    assert "SQLite\u00a0: 19,6\u00a0ms" in measure.get_text()


def test_the_register_quotes_advises_and_tells_expectations_apart(page: BeautifulSoup) -> None:
    quote = page.select_one("#affirmation-T2 [lang]")
    assert quote is not None
    assert (quote["lang"], quote.get_text()) == ("en", "“every value is kept”")
    assert "Que faire\u00a0: Relire" in text(page, "#affirmation-T2")
    assert "Que faire" not in text(page, "#affirmation-T1")
    assert "(Attente de lecteur.)" in text(page, "#affirmation-T3")
    assert "4\u00a0affirmations de MLflow et 1\u00a0attente de lecteur" in text(page, "#resume")


def test_every_witness_is_shown_once(page: BeautifulSoup) -> None:
    assert page.select_one("#stockage #temoin-T3") is not None, "shown by its chapter"
    assert page.select_one("#temoins #temoin-T2") is not None, "shown in the annex"


def test_what_was_not_measured_says_why(page: BeautifulSoup) -> None:
    assert "MariaDB\u00a0: non éprouvé (aucun serveur)" in text(page, "#mesures ul li")


def test_measures_that_serve_no_verdict_are_listed_too(page: BeautifulSoup) -> None:
    assert "valeurs altérées en silence, fichiers\u00a0: 0\u00a0%" in text(page, "#mesures .lignes")


def test_code_is_folded_below_what_it_shows(page: BeautifulSoup) -> None:
    folds = page.select("details.code")
    assert folds
    assert all(fold.get("open") is None for fold in folds)
    assert {fold.summary.get_text() for fold in folds if fold.summary} == {"voir le code"}
    figure = page.select_one("#fig-acces")
    assert figure is not None
    code = figure.find_next_sibling("details")
    assert code is not None
    assert "page.figure(" in code.get_text()


def test_code_stays_as_it_ran(page: BeautifulSoup) -> None:
    assert any(
        'print("valeur", math.nan)' in code.get_text() for code in page.select(".temoin pre")
    )
    assert "code ; brut" in [code.get_text() for code in page.select("#stockage p code")]


def test_edition_is_said(page: BeautifulSoup) -> None:
    assert "MLflow 3.17.2" in text(page, ".edition")
    assert (
        "24\u00a0novembre\u00a02026 à 21\u00a0h\u00a005 (UTC)"
        in page.select_one("#edition dl").get_text()
    )  # type: ignore[union-attr]
    assert "0123456789ab" in text(page, "#citer")


def test_same_inputs_same_bytes(edition: Build) -> None:
    first = build_report(edition).read_bytes()
    assert build_report(edition).read_bytes() == first


def test_the_page_obeys_its_own_rules(edition: Build) -> None:
    assert lint.violations(build_report(edition).read_text(encoding="utf-8")) == []


def _with_notebook(edition: Build, tmp_path: Path, cells: list[nbformat.NotebookNode]) -> Build:
    build = Build(tmp_path / "edition")
    shutil.copytree(edition.folder, build.folder)
    nbformat.write(new_notebook(cells=cells), build.notebooks / f"{CHAPTER}.ipynb")
    return build


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (
            [new_markdown_cell("# T\n\nvoir [@fig-inconnue] et [@personne1999]")],
            "fig-inconnue, personne1999",
        ),
        ([new_markdown_cell("sans titre")], "pas de titre"),
        ([new_markdown_cell("# T\n\n### trop bas")], "saute un niveau"),
        ([new_markdown_cell("# T\n\nla valeur est nan")], "valeur brute"),
        ([new_markdown_cell("# T\n\n/home/alice/mlruns")], "chemin de la machine"),
        ([new_markdown_cell("# T\n\nThis is not the answer that was expected")], "anglais"),
        (
            [
                new_markdown_cell(
                    '# T\n\n<img src="https://a.b/c.png" alt="une image qui vient du réseau">'
                )
            ],
            "demande",
        ),
        ([new_markdown_cell("# T\n\n![](data:image/png;base64,AA)")], "texte de remplacement"),
        ([new_markdown_cell('# T\n\n<p id="stockage">deux fois</p>')], "apparaît 2 fois"),
        ([new_markdown_cell("# T\n\n[là](#nulle-part)")], "ne mène nulle part"),
        ([new_markdown_cell("# T\n\nun appel[^x] sans note")], "renvoi non résolu"),
    ],
)
def test_a_faulty_notebook_stops_the_build(
    edition: Build, tmp_path: Path, cells: list[nbformat.NotebookNode], complaint: str
) -> None:
    build = _with_notebook(edition, tmp_path, cells)
    (build.folder / "rapport.html").unlink(missing_ok=True)
    with pytest.raises(StudyError, match=re.escape(complaint)):
        build_report(build)
    assert not (build.folder / "rapport.html").exists()


def test_a_failed_notebook_is_refused(edition: Build, tmp_path: Path) -> None:
    cell = new_code_cell("1/0", outputs=[new_output("error", ename="E", evalue="e", traceback=[])])
    build = _with_notebook(edition, tmp_path, [new_markdown_cell("# T"), cell])
    with pytest.raises(StudyError, match="contient une erreur"):
        build_report(build)


def test_bare_values_and_warnings_are_not_shown(edition: Build, tmp_path: Path) -> None:
    outputs = [
        new_output("stream", name="stderr", text="FutureWarning: old"),
        new_output("execute_result", data={"text/plain": "Kpi(id='x')"}, execution_count=1),
    ]
    cells = [new_markdown_cell("# T"), new_code_cell("kpi", outputs=outputs)]
    html = build_report(_with_notebook(edition, tmp_path, cells)).read_text(encoding="utf-8")
    assert "FutureWarning" not in html
    assert "Kpi(id=" not in html


def test_without_synthesis_the_chapters_answer_in_the_summary(
    edition: Build, tmp_path: Path
) -> None:
    build = Build(tmp_path / "edition")
    shutil.copytree(edition.folder, build.folder)
    html = build_report(build, [CHAPTER]).read_text(encoding="utf-8")
    page = BeautifulSoup(html, "lxml")
    assert "Dans une base SQLite" in text(page, "#resume .reponses dd")
    assert page.select_one("#synthese") is None


def test_two_chapters_may_use_one_label(edition: Build, tmp_path: Path) -> None:
    build = Build(tmp_path / "edition")
    shutil.copytree(edition.folder, build.folder)
    table = '<div class="tableau" id="tab-acces"><table><caption id="tab-acces-titre">'
    table += '<strong class="titre">Autre</strong></caption><tr><td>x</td></tr></table></div>'
    outputs = [new_output("display_data", data={"text/html": table})]
    cells = [new_markdown_cell("# S\n\nvoir [@tab-acces]"), new_code_cell("t", outputs=outputs)]
    nbformat.write(new_notebook(cells=cells), build.notebooks / "06_synthese.ipynb")
    page = BeautifulSoup(build_report(build).read_text(encoding="utf-8"), "lxml")
    targets = {}
    for chapter in ("synthese", "stockage"):
        link = page.select_one(f'#{chapter} p a[href^="#tab-acces"]')
        assert link is not None
        found = page.find(id=str(link["href"])[1:])
        assert found is not None
        assert link.get_text().capitalize() + "." in found.get_text()
        targets[chapter] = found.find_parent("section")["id"]  # type: ignore[index]
    assert targets == {"synthese": "synthese", "stockage": "stockage"}


def test_one_chapter_may_not_use_a_label_twice(edition: Build, tmp_path: Path) -> None:
    figure = '<figure class="figure" id="fig-a"><figcaption>x</figcaption></figure>'
    cell = new_code_cell("f", outputs=[new_output("display_data", data={"text/html": figure * 2})])
    with pytest.raises(StudyError, match="fig-a"):
        build_report(_with_notebook(edition, tmp_path, [new_markdown_cell("# T"), cell]))


def test_a_missing_notebook_is_named(edition: Build) -> None:
    with pytest.raises(StudyError, match="02_suivi"):
        build_report(edition, [CHAPTER, "02_suivi"])
