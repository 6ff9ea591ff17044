"""The real notebooks through the real runner: the contract, and what the reader must not see."""

from __future__ import annotations

import json

import nbformat
import pyarrow.parquet as pq
import pytest

from mlflow_study.chapters import CHAPTERS
from mlflow_study.evidence.files import read_context, read_kpis, read_register, read_verdicts
from mlflow_study.paths import REGISTER
from mlflow_study.publication import lint

pytestmark = pytest.mark.lent
MEASURING = [chapter for chapter in CHAPTERS if not chapter.synthesis]


@pytest.mark.parametrize("chapter", MEASURING, ids=lambda c: c.name)
def test_a_chapter_leaves_observations_kpis_and_an_answer(study, chapter):
    folder = study.evidence / chapter.name
    tables = list(folder.glob("*.parquet"))
    assert tables
    assert any(pq.read_metadata(table).num_rows > 0 for table in tables)
    assert read_kpis(folder / "kpi.json")
    account = json.loads((folder / "chapitre.json").read_text(encoding="utf-8"))
    assert account["reponse"]["question"]
    assert account["reponse"]["answer"]
    assert {m["origine"] for m in account["mesures"]} <= {"mesurée", "enregistrée"}


def test_every_claim_has_a_verdict_whose_evidence_exists(study):
    """Looked up in the files that the chapters left, not in what the synthesis made of them."""
    kpis: dict[str, object] = {}
    witnesses: dict[str, str] = {}
    for chapter in MEASURING:
        folder = study.evidence / chapter.name
        for kpi in json.loads((folder / "kpi.json").read_text(encoding="utf-8")):
            kpis[kpi["id"]] = kpi["valeur"]
        witnesses |= json.loads((folder / "temoins.json").read_text(encoding="utf-8"))
    verdicts = json.loads((study.evidence / "verdicts.json").read_text(encoding="utf-8"))
    assert [verdict["id"] for verdict in verdicts] == [c.id for c in read_register(REGISTER)]
    for verdict in verdicts:
        values = [kpis[proof] for proof in verdict["preuves"]]
        assert None not in values, verdict["id"]
        assert bool(values) == (verdict["verdict"] != "non éprouvée"), verdict["id"]
        if verdict["verdict"] in ("réfutée", "nuancée"):
            assert verdict["temoin"] == witnesses[verdict["id"]], verdict["id"]


def test_every_criterion_meets_a_measurement(study):
    """A glob that matches no KPI would leave its claim untested for ever."""
    unmet = [
        verdict.id
        for verdict in read_verdicts(study.evidence / "verdicts.json")
        if verdict.motif == "aucune mesure dans cette exécution"
    ]
    assert not unmet


def test_the_context_names_every_chapter(study):
    context = read_context(study.evidence / "contexte.json")
    assert list(context.chapitres) == [chapter.name for chapter in MEASURING]
    assert context.profil == "essai"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_an_executed_notebook_shows_no_error_and_no_warning(study, chapter):
    notebook = nbformat.read(study.notebooks / f"{chapter.name}.ipynb", as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
    warnings = study.logs / f"avertissements-{chapter.name}.log"
    assert warnings.read_text(encoding="utf-8") == ""


def test_the_report_breaks_no_rule(study):
    assert lint.violations((study.folder / "rapport.html").read_text(encoding="utf-8")) == []
