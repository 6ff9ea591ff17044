"""The bibliography: every entry is complete enough to be found, and printed in French."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlflow_study.errors import StudyError
from mlflow_study.publication.citations import Citations, read_bibliography

NAMED_BY_THE_SUBJECT = {"zaharia2018", "chen2020", "octo", "kernix", "littlebigcode"}
NAMED_BY_THE_SUBJECT |= {"mlflowdocs", "mlflowgithub", "mlflowprojects"}
# Their addresses are known from those who cite them: no date of reading can be given.
ADDRESS_NOT_READ = {"octo", "kernix", "littlebigcode", "gundersen2022", "zaharia2018"}
ADDRESS_NOT_READ |= {"mltraq", "jepsen", "prov2013", "yprov4ml"}


def test_entries_are_unique_titled_and_authored() -> None:
    items = read_bibliography()
    keys = [item["id"] for item in items]
    assert len(keys) == len(set(keys))
    assert set(keys) >= NAMED_BY_THE_SUBJECT
    for item in items:
        assert item.get("title"), item["id"]
        assert item.get("author"), item["id"]
        if "URL" in item:
            assert item["URL"].startswith("http"), item["id"]
            assert ("accessed" in item) == (item["id"] not in ADDRESS_NOT_READ), item["id"]


def test_every_entry_can_be_cited_and_listed() -> None:
    citations = Citations()
    for key in citations.items:
        assert f'href="#ref-{key}"' in citations.cite([key])
    references = dict(citations.references())
    assert set(references) == set(citations.items)
    for key, html in references.items():
        assert ". ." not in html, key
        assert "{" not in html, key


def test_a_reference_in_iso_690_french() -> None:
    citations = Citations()
    assert "Zaharia\u00a0et al., 2018" in citations.cite(["zaharia2018"])
    (reference,) = dict(citations.references()).values()
    assert reference.startswith("ZAHARIA, Matei, CHEN, Andrew")
    assert "<i>IEEE Data Engineering Bulletin</i> [en\u00a0ligne]" in reference
    assert "Vol.\u00a041, n°\u00a04" in reference
    assert "Disponible à l’adresse" in reference


def test_two_works_in_one_citation() -> None:
    html = Citations().cite(["wilson1927", "holm1979"])
    assert html.count("<a ") == 2
    assert "\u202f; " in html


def test_a_missing_bibliography_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"rien\.bib"):
        Citations(tmp_path / "rien.bib")
