"""The parts of the pipeline, one by one."""

from __future__ import annotations

import ast
import io
import json
import signal
import subprocess
import sys
import textwrap
import time

import nbformat
import psutil
import pytest
from rich.console import Console

from mlflow_study.chapters import CHAPTERS
from mlflow_study.errors import StudyError
from mlflow_study.evidence.files import write_records
from mlflow_study.evidence.records import Kpi
from mlflow_study.paths import NOTEBOOKS
from mlflow_study.pipeline import ancestor, cells, demo, doctor, execute, study_store
from mlflow_study.pipeline.progress import Event, EventLog, Schedule
from mlflow_study.pipeline.screen import Screen
from mlflow_study.pipeline.settings import Settings
from mlflow_study.sources import notebook_sources, publication_sources

# --- notebooks in their committed form


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_notebooks_are_committed_in_form(chapter):
    path = NOTEBOOKS / f"{chapter.name}.ipynb"
    assert path.read_text(encoding="utf-8") == cells.committed_text(path, chapter)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_papermill_shows_the_parameters_of_a_notebook(chapter):
    from papermill import inspect_notebook

    described = inspect_notebook(str(NOTEBOOKS / f"{chapter.name}.ipynb"))
    found = {name: parameter["help"] for name, parameter in described.items()}
    assert list(found) == list(chapter.parameters().model_fields)
    assert all(found.values())


def test_cell_ids_come_from_the_words_and_are_unique():
    taken = set()
    assert cells.cell_id("## Ce qui est mesuré\ntexte", taken) == "ce-qui-est-mesure"
    assert cells.cell_id("## Ce qui est mesuré", taken) == "ce-qui-est-mesure-2"
    assert cells.cell_id("---", taken) == "cellule"


def test_a_notebook_without_a_parameters_cell_is_refused():
    with pytest.raises(StudyError, match="parameters"):
        cells.normalise(nbformat.v4.new_notebook(), CHAPTERS[0])


# --- declared inputs


def test_a_notebook_depends_on_its_instruments_and_its_words():
    names = {path.rsplit("mlflow_study/", 1)[-1] for path in notebook_sources("06_synthese")}
    assert {"chapter.py", "evidence/verdicts.py", "presentation/synthesis.py"} <= names
    assert "pipeline/run.py" not in names


def test_the_report_depends_on_template_and_style():
    endings = {path.rsplit(".", 1)[-1] for path in publication_sources()}
    assert {"py", "css", "j2", "bib"} <= endings


# --- progress


def test_events_are_read_as_they_come(tmp_path):
    log = EventLog(tmp_path / "e.jsonl")
    log.append(Event("01_stockage", "debut"))
    position, first = next(iter(log.follow(0)))
    assert first == Event("01_stockage", "debut")
    with log.path.open("a") as stream:
        stream.write('{"t": 1, "chapter": "x"')  # a line that is being written
    assert list(log.follow(position)) == []


def test_the_estimate_uses_the_last_run(tmp_path):
    schedule = Schedule(tmp_path / "d.json")
    assert schedule.progress(["a", "b"], 1) == (0.5, None)
    schedule.record("a", 1.0)
    schedule.record("b", 3.0)
    schedule.save()
    assert Schedule(tmp_path / "d.json").progress(["a", "b"], 1) == (0.25, 3.0)


def test_plain_lines_where_there_is_no_terminal():
    output = io.StringIO()
    with Screen(Console(file=output, width=200)) as screen:
        screen.show(Event("06_synthese", "cellule", "Les verdicts", 0.5, 65.0, 30.0))
        screen.show(Event("06_synthese", "echec", cause="c", where="cellule 2"))
    text = output.getvalue()
    assert "50\u00a0%" in text
    assert "1\u00a0min\u00a005\u00a0s, reste environ 30\u00a0s" in text
    assert "a échoué" in text
    assert screen.failure is not None


# --- failures and secrets


def test_the_cause_of_a_failure_is_one_sentence():
    class Failed(Exception):
        ename, evalue, exec_count = "ValueError", "\x1b[31mtrop grand\x1b[0m", 7

    assert execute.explain(Failed()) == ("ValueError : trop grand", "cellule 7")
    assert execute.explain(OSError("plein")) == ("OSError : plein", "avant la première cellule")


def test_the_cause_of_a_failure_tells_no_password():
    class Failed(Exception):
        ename, evalue, exec_count = "OSError", "pas de réponse de http://u:secret@h:5000", 7

    for failure in (Failed(), OSError("http://u:secret@h:5000")):
        assert "secret" not in execute.explain(failure)[0]


def test_warnings_go_to_the_log_not_to_the_notebook(tmp_path):
    path = tmp_path / "n.ipynb"
    notebook = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell("1")
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stderr", text="FutureWarning: x"),
        nbformat.v4.new_output("stream", name="stdout", text="bon"),
    ]
    cell.metadata["papermill"] = {"start_time": "2026"}
    notebook.cells = [cell]
    nbformat.write(notebook, path)
    execute.scrub(path, tmp_path / "w.log")
    text = path.read_text(encoding="utf-8")
    assert "FutureWarning" not in text
    assert "2026" not in text
    assert "bon" in text
    assert (tmp_path / "w.log").read_text() == "FutureWarning: x"


# --- no orphan


def test_a_worker_ends_with_its_ancestor():
    script = textwrap.dedent(
        """
        import subprocess, sys, time
        from mlflow_study.pipeline import ancestor
        child = "import time; from mlflow_study.pipeline.ancestor import die_with_ancestor;"
        child += "die_with_ancestor(); print('ready', flush=True); time.sleep(60)"
        env = {**__import__("os").environ, **ancestor.environment()}
        p = subprocess.Popen([sys.executable, "-c", child], env=env, stdout=subprocess.PIPE,
                             start_new_session=True)
        p.stdout.readline()
        print(p.pid, flush=True)
        time.sleep(60)
        """
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(owner.stdout.readline()))
    owner.kill()
    owner.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and worker.is_running():
        if worker.status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.1)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_reused_pid_is_not_the_ancestor():
    me = ancestor.environment()[ancestor.VARIABLE]
    assert ancestor.is_alive(me)
    assert not ancestor.is_alive(f"{me}0")
    assert not ancestor.is_alive(f"0{me}".replace(":", "0:"))


@pytest.mark.skipif(sys.platform != "linux", reason="ailleurs, cette date ne bouge pas")
def test_a_clock_that_is_set_does_not_make_the_ancestor_look_dead(monkeypatch):
    me = ancestor.environment()[ancestor.VARIABLE]
    monkeypatch.setattr(psutil.Process, "create_time", lambda _: 0.0)
    assert ancestor.is_alive(me)


INTERRUPTED = """
import subprocess, sys
from mlflow_study.pipeline import ancestor

ancestor.KERNEL_GRACE_S = 0.5
kernel = "import time; from pathlib import Path\\ntry: Path('ready').touch(); time.sleep(60)\\n"
kernel += "except KeyboardInterrupt: Path('put away').touch(); time.sleep({stubborn})"
try:
    with ancestor.interruptible():
        subprocess.Popen([sys.executable, "-c", kernel], start_new_session=True).wait()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("stubborn", [0, 60], ids=["obeys", "does not"])
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_worker_lets_its_kernel_put_things_away(tmp_path, stubborn, sign):
    script = INTERRUPTED.replace("{stubborn}", str(stubborn))
    worker = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path)
    deadline = time.monotonic() + 30
    while not (tmp_path / "ready").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    kernels = psutil.Process(worker.pid).children()
    worker.send_signal(sign)
    assert worker.wait(20) == 130
    assert (tmp_path / "put away").exists()
    assert kernels
    assert not [kernel.pid for kernel in kernels if running(kernel.pid)]


# --- the study store


@pytest.fixture
def finished(tmp_path):
    """A build folder as a run leaves it, with one chapter of two KPIs."""
    kpis = [
        Kpi(
            id="stockage.a.n",
            chapitre="06_synthese",
            libelle="a",
            valeur=0.1,
            unite="",
            methode="m",
        ),
        Kpi(
            id="stockage.b.http+x",
            chapitre="06_synthese",
            libelle="b",
            valeur=3,
            unite="",
            methode="m",
        ),
    ]
    write_records(tmp_path / "preuves" / "kpi.json", kpis)
    write_records(tmp_path / "preuves" / "verdicts.json", [])
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    nbformat.write(nbformat.v4.new_notebook(), notebooks / "06_synthese.ipynb")
    return Settings(
        profile="rapide",
        folder=tmp_path,
        chapters=("06_synthese",),
        parameters={"06_synthese": {"graine": 1}},
    )


def test_the_study_is_tracked_once_and_read_back(finished):
    first = study_store.track_study(finished)
    again = study_store.track_study(finished)
    assert first == again
    assert first["chapitres"]["06_synthese"]["metriques"] == 2
    from mlflow import MlflowClient

    client = MlflowClient(study_store.study_uri(finished.folder))
    run = client.get_run(first["chapitres"]["06_synthese"]["run_id"])
    assert run.data.metrics == {"stockage.a.n": 0.1, "stockage.b.http-x": 3.0}
    assert run.data.params == {"graine": "1"}
    assert [a.path for a in client.list_artifacts(run.info.run_id)] == ["06_synthese.ipynb"]


def test_a_store_that_gives_back_something_else_is_an_error(finished, monkeypatch):
    monkeypatch.setattr(study_store, "_metrics", lambda kpis: {"m": 1.0} if kpis else {})
    account = study_store.track_study(finished)
    from mlflow import MlflowClient

    client = MlflowClient(study_store.study_uri(finished.folder))
    client.log_metric(account["chapitres"]["06_synthese"]["run_id"], "m", 2.0, timestamp=2**42)
    with pytest.raises(StudyError, match="ne rend pas"):
        study_store.track_study(finished)


def test_a_cut_while_the_study_is_logged_does_not_spoil_the_next_call(finished, monkeypatch):
    from mlflow import MlflowClient

    log_batch = MlflowClient.log_batch

    def cut(self, run_id, metrics=(), **rest):
        if metrics:
            raise KeyboardInterrupt
        log_batch(self, run_id, **rest)

    monkeypatch.setattr(MlflowClient, "log_batch", cut)
    with pytest.raises(KeyboardInterrupt):
        study_store.track_study(finished)
    monkeypatch.undo()
    account = study_store.track_study(finished)
    assert account["chapitres"]["06_synthese"]["metriques"] == 2
    assert study_store.track_study(finished) == account


def test_a_study_whose_experiment_was_deleted_is_tracked_again(finished):
    from mlflow import MlflowClient

    first = study_store.track_study(finished)
    client = MlflowClient(study_store.study_uri(finished.folder))
    experiment = client.get_experiment_by_name(study_store.EXPERIMENT)
    client.delete_experiment(experiment.experiment_id)
    assert study_store.track_study(finished) == first


# --- doctor and lesson


def test_the_doctor_names_one_next_thing(monkeypatch):
    output = io.StringIO()
    bad = doctor.Check("Disque", "manque", "plein", "Libérez 3 Go.")
    worse = doctor.Check("Mémoire", "manque", "peu", "Fermez des programmes.")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: bad, lambda: worse))
    assert doctor.examine(Console(file=output, width=120)) == 1
    assert "À faire d’abord : Libérez 3 Go." in output.getvalue()
    assert "Fermez" not in output.getvalue()


def test_the_doctor_tells_every_check_of_this_machine_in_a_line():
    output = io.StringIO()
    checks = [check() for check in doctor.CHECKS]
    code = doctor.examine(Console(file=output, width=400))
    assert code == any(check.state == "manque" for check in checks)
    for check in checks:
        assert check.name in output.getvalue()
        assert check.state == "bon" or check.remedy


def test_a_lesson_needs_a_finished_study(tmp_path):
    with pytest.raises(StudyError, match="Aucune étude"):
        demo.demo(tmp_path, [], Console(file=io.StringIO()))


def test_a_lesson_on_a_study_tracked_elsewhere_asks_for_that_store(finished, monkeypatch):
    elsewhere = finished.folder / "ailleurs.db"
    monkeypatch.setenv(study_store.VARIABLE, study_store.create_sqlite(elsewhere))
    study_store.track_study(finished)
    finished.save()
    monkeypatch.delenv(study_store.VARIABLE)
    with pytest.raises(StudyError, match=r"ailleurs\.db"):
        demo.demo(finished.folder, [], Console(file=io.StringIO()))


@pytest.mark.lent
def test_a_lesson_opens_both_pages_on_copies_and_leaves_nothing(finished):
    import re
    import urllib.request

    from mlflow import MlflowClient

    run_id = study_store.track_study(finished)["chapitres"]["06_synthese"]["run_id"]
    finished.save()
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    output = io.StringIO()
    seen = {}

    def visit():
        text = output.getvalue()
        page, lab = re.findall(r"http://127\.0\.0\.1:\S+", text)[:2]
        seen["page"] = urllib.request.urlopen(page, timeout=10).status
        seen["lab"] = urllib.request.urlopen(lab, timeout=10).status
        family = psutil.Process().children(recursive=True)
        seen["processes"] = {p.pid for p in family} - before
        token = lab.partition("token=")[2]
        assert not [p for p in family if token in " ".join(p.cmdline())]
        copy = lab.replace("/lab?", "/api/contents/06_synthese.ipynb?")
        cells = json.load(urllib.request.urlopen(copy, timeout=10))["content"]["cells"]
        seen["injected"] = [c["source"] for c in cells if "injected-parameters" in str(c)]
        MlflowClient(page).delete_run(run_id)

    assert demo.demo(finished.folder, [], Console(file=output, width=200), wait=visit) == 0
    assert (seen["page"], seen["lab"]) == (200, 200)
    assert ["graine = 1" in source for source in seen["injected"]] == [True]
    original = MlflowClient(study_store.study_uri(finished.folder)).get_run(run_id)
    assert original.info.lifecycle_stage == "active"
    assert "Ctrl-C" in output.getvalue()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(map(running, seen["processes"])):
        time.sleep(0.1)
    assert not [pid for pid in seen["processes"] if running(pid)]


def running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_settings_survive_their_file_and_an_unchanged_one_keeps_its_date(finished):
    path = finished.save()
    before = path.stat().st_mtime_ns
    assert Settings.load(finished.folder) == finished
    finished.save()
    assert path.stat().st_mtime_ns == before
    assert "graine" in json.loads(path.read_text(encoding="utf-8"))["parametres"]["06_synthese"]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_no_parameter_is_hidden_by_an_import(chapter):
    """The first cells of a notebook must leave its parameters as Papermill set them."""
    notebook = nbformat.read(NOTEBOOKS / f"{chapter.name}.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    opening = next(source for source in sources if "open_chapter(" in source)
    names = {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(opening))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert not names & set(chapter.parameters().model_fields)
