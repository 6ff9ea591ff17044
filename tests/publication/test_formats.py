"""PDF, slides and research object, from the same page."""

from __future__ import annotations

import builtins
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from mlflow_study.errors import StudyError
from mlflow_study.paths import Build
from mlflow_study.publication.build import FORMATS, publish, publish_as


@pytest.fixture(scope="module")
def published(edition: Build) -> dict[str, Path]:
    pytest.importorskip("weasyprint", reason="WeasyPrint n’est pas installé")
    pytest.importorskip("rocrate", reason="ro-crate-py n’est pas installé")
    files = [publish(edition), *(publish_as(edition, name) for name in FORMATS)]
    return {path.name: path for path in files}


def test_what_was_asked_for_is_written(published: dict[str, Path]) -> None:
    assert list(published) == [
        "rapport.html",
        "rapport.pdf",
        "diapositives.html",
        "ro-crate-metadata.json",
    ]


def test_the_pdf_is_tagged_french_titled_and_repeatable(published: dict[str, Path]) -> None:
    import pydyf  # noqa: F401  (comes with WeasyPrint)

    from mlflow_study.publication.pdf import write_pdf

    content = published["rapport.pdf"].read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    for mark in (b"/MarkInfo", b"/StructTreeRoot", b"/Lang", b"/Outlines", b"pdfuaid"):
        assert mark in _inflated(content), mark
    again = write_pdf(published["rapport.html"]).read_bytes()
    assert hashlib.sha256(again).hexdigest() == digest


def _inflated(content: bytes) -> bytes:
    """The file with its compressed streams opened, to look for its marks."""
    import re
    import zlib

    parts = [content]
    for match in re.finditer(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            parts.append(zlib.decompress(match[1].strip(b"\r\n")))
        except zlib.error:
            continue
    return b"\n".join(parts)


def test_slides_hold_question_answer_finding_and_verdicts(published: dict[str, Path]) -> None:
    soup = BeautifulSoup(published["diapositives.html"].read_text(encoding="utf-8"), "lxml")
    titles = [h.get_text(" ", strip=True) for h in soup.select(".slides h2")]
    assert "MLflow tient-il ce qu’il affirme\u202f?" in titles
    assert "1 Le stockage" in titles
    assert "En bref" in titles
    assert "SQLite répond plus vite que les fichiers" in titles
    assert "Ce qui ne tient pas" in titles
    assert soup.select_one(".constat img[alt]") is not None
    assert [badge.get_text() for badge in soup.select(".verdicts .verdict")] == ["✗\u00a0réfutée"]
    assert soup.select_one("aside.notes") is not None


def test_slides_ask_for_nothing_and_repeat_no_anchor(published: dict[str, Path]) -> None:
    soup = BeautifulSoup(published["diapositives.html"].read_text(encoding="utf-8"), "lxml")
    assert soup.find("script", src=True) is None
    assert soup.select_one('link[rel="stylesheet"]') is None
    assert soup.select_one(".slides [id]") is None
    assert soup.select_one('.slides a[href^="#"]') is None


def test_the_crate_is_read_back_by_its_own_library(
    published: dict[str, Path], edition: Build
) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(str(edition.folder))
    files = {entity.id for entity in crate.data_entities}
    assert {"rapport.html", "rapport.pdf", "diapositives.html", "preuves/kpi.json"} <= files
    assert {"notebooks/01_stockage.ipynb", "notebooks/06_synthese.ipynb"} <= files
    assert all((edition.folder / name).is_file() for name in files)
    action = crate.dereference("#execution-01_stockage")
    assert action is not None
    assert action["instrument"]["softwareVersion"] == "3.17.2"
    assert action["startTime"].startswith("2026-11-24")
    text = published["ro-crate-metadata.json"].read_text(encoding="utf-8")
    assert str(edition.folder) not in text
    assert json.loads(text)["@context"] == "https://w3id.org/ro/crate/1.1/context"


@pytest.mark.parametrize(
    ("library", "option", "extra"),
    [("weasyprint", "pdf", "[pdf]"), ("rocrate", "crate", "[crate]")],
)
def test_a_missing_library_is_named(
    edition: Build, monkeypatch: pytest.MonkeyPatch, library: str, option: str, extra: str
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == library:
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StudyError) as caught:
        publish_as(edition, option)
    assert extra in (caught.value.next_step or "")
