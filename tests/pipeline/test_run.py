"""The whole pipeline on a tiny study: what changed runs again, and nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from mlflow_study.evidence.files import read_context, read_kpis, read_verdicts
from mlflow_study.pipeline.execute import digest

pytestmark = pytest.mark.lent


def events(checkout):
    path = checkout.build / "journaux" / "progression.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def wait_for(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def family(checkout):
    """Processes that work for this checkout, whoever their parent is."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            if str(checkout.root) in process.environ().get("PYTHONPATH", ""):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


# These tests share one checkout and follow one another, as a user's calls do.


def test_the_first_call_gives_report_evidence_and_study_store(checkout):
    checkout.run("cellules")
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert (checkout.build / "rapport.html").exists()
    assert str(checkout.build / "rapport.html") in done.stdout
    assert [kpi.id for kpi in read_kpis(checkout.build / "preuves" / "kpi.json")] == [
        "stockage.compte.n"
    ]
    assert read_verdicts(checkout.build / "preuves" / "verdicts.json") == []
    context = read_context(checkout.build / "preuves" / "contexte.json")
    assert list(context.chapitres) == ["01_stockage", "02_suivi"]
    assert context.parametres["01_stockage"]["taille"] == 3
    with sqlite3.connect(checkout.build / "etude.db") as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (3,)
        assert database.execute("SELECT value FROM latest_metrics").fetchall() == [(3.0,)]
    assert checkout.calls == 1


def test_nothing_of_this_machine_is_in_what_is_published(checkout):
    published = [
        *(checkout.build / "notebooks").glob("*.ipynb"),
        *(checkout.build / "preuves").rglob("*.json"),
        checkout.build / "rapport.html",
    ]
    for path in published:
        text = path.read_text(encoding="utf-8")
        assert str(checkout.root) not in text, path.name
        assert str(checkout.home) not in text, path.name


def test_a_second_call_does_nothing_and_says_so(checkout):
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert "Rien à refaire" in done.stdout
    assert events(checkout) == []


def test_a_change_of_prose_draws_again_and_measures_nothing(checkout):
    notebook = checkout.root / "notebooks" / "01_stockage.ipynb"
    text = notebook.read_text(encoding="utf-8")
    notebook.write_text(text.replace("## Mesure", "## La mesure"), encoding="utf-8")
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert checkout.calls == 1
    chapters = {event["chapter"] for event in events(checkout)}
    assert chapters == {"01_stockage", "06_synthese"}


def test_a_change_of_template_only_assembles_again(checkout):
    style = next((checkout.root / "report" / "modele").rglob("*.css"))
    style.write_text(style.read_text(encoding="utf-8") + "\n/* essai */\n", encoding="utf-8")
    report = checkout.build / "rapport.html"
    before = report.stat().st_mtime_ns
    done = checkout.run()
    assert done.returncode == 0, done.stderr
    assert report.stat().st_mtime_ns > before
    assert events(checkout) == []


def test_another_parameter_measures_that_chapter_again(checkout):
    done = checkout.run("-p", "stockage.taille=4")
    assert done.returncode == 0, done.stderr
    assert checkout.calls == 2
    assert {event["chapter"] for event in events(checkout)} == {"01_stockage", "06_synthese"}
    assert read_kpis(checkout.build / "preuves" / "kpi.json")[0].valeur == 4


FOUR = ("-p", "stockage.taille=4")


def test_remesurer_measures_what_is_up_to_date(checkout):
    done = checkout.run(*FOUR, "--remesurer")
    assert done.returncode == 0, done.stderr
    assert checkout.calls == 3
    assert "Rien à refaire" in checkout.run(*FOUR).stdout


PDF = """
from mlflow_study.errors import StudyError


def weasyprint():
    pass


def write_pdf(report):
    target = report.with_suffix(".pdf")
    target.write_bytes(b"%PDF")
    return target
"""


def test_a_format_that_is_missing_is_made_and_one_that_fails_takes_nothing_with_it(checkout):
    maker = checkout.root / "src" / "mlflow_study" / "publication" / "pdf.py"
    ours = maker.read_text(encoding="utf-8")
    report, pdf = checkout.build / "rapport.html", checkout.build / "rapport.pdf"
    maker.write_text(PDF, encoding="utf-8")
    for _ in range(2):
        done = checkout.run(*FOUR, "--pdf")
        assert done.returncode == 0, done.stderr
        assert "Rien à refaire" not in done.stdout
        pdf.unlink()  # the second call must make it again
    assert "Rien à refaire" in checkout.run(*FOUR).stdout
    pdf.write_bytes(b"%PDF of the last run")
    failing = PDF.replace('target.write_bytes(b"%PDF")', 'raise StudyError("Pas de PDF.")')
    maker.write_text(failing, encoding="utf-8")
    done = checkout.run(*FOUR, "--pdf")
    assert done.returncode == 1
    assert done.stderr.startswith("Erreur : Pas de PDF.\nEnsuite :"), done.stderr
    assert report.stat().st_mtime > maker.stat().st_mtime
    assert pdf.read_bytes() == b"%PDF of the last run"
    maker.write_text(ours, encoding="utf-8")
    pdf.unlink()


def test_a_report_that_is_refused_leaves_the_last_one(checkout):
    style = checkout.root / "report" / "modele" / "page.html.j2"
    ours = style.read_text(encoding="utf-8")
    report = checkout.build / "rapport.html"
    before = report.read_bytes()
    style.write_text("{% cassé", encoding="utf-8")
    for _ in range(2):  # and it is not taken for the new one
        assert checkout.run(*FOUR).returncode == 1
        assert report.read_bytes() == before
    style.write_text(ours, encoding="utf-8")
    done = checkout.run(*FOUR)
    assert done.returncode == 0, done.stderr


def test_recorded_evidence_gives_the_report_again_without_measuring(checkout):
    before = (checkout.build / "preuves" / "kpi.json").stat().st_mtime_ns
    recorded = checkout.root / "enregistrées"
    shutil.copytree(checkout.build / "preuves", recorded)
    done = checkout.run(*FOUR, "--preuves", str(recorded))
    assert done.returncode == 0, done.stderr
    assert checkout.calls == 3
    output = checkout.root / "build" / "rapide-preuves"
    assert str(output / "rapport.html") in done.stdout
    assert read_kpis(output / "preuves" / "kpi.json")[0].valeur == 4
    assert read_context(output / "preuves" / "contexte.json").preuves_enregistrees
    assert (checkout.build / "preuves" / "kpi.json").stat().st_mtime_ns == before


def test_recorded_evidence_that_does_not_fit_is_refused_before_anything_is_touched(checkout):
    recorded, told = checkout.root / "enregistrées", checkout.root / "build" / "rapide-preuves"
    asked = checkout.run("--preuves", str(recorded))
    assert asked.returncode == 2
    assert "« taille » y vaut 4, et cette exécution demande 3" in asked.stderr
    assert "Ajoutez -p stockage.taille=4." in asked.stderr
    context = json.loads((recorded / "contexte.json").read_text(encoding="utf-8"))
    (recorded / "contexte.json").write_text(json.dumps({**context, "profil": "standard"}))
    assert "Ajoutez --profil standard." in checkout.run("--preuves", str(recorded)).stderr
    account = recorded / "01_stockage" / "chapitre.json"
    content = json.loads(account.read_text(encoding="utf-8"))
    del content["parametres"]["taille"]  # a parameter that came later
    content["parametres"]["ancien"] = 1
    account.write_text(json.dumps(content), encoding="utf-8")
    assert checkout.run("--preuves", str(recorded)).returncode == 0
    (recorded / "01_stockage" / "compte.parquet").unlink()
    missing = checkout.run("--preuves", str(recorded))
    assert missing.returncode == 2
    assert "où manquent des preuves (01_stockage)" in missing.stderr
    same = checkout.run("--preuves", str(told / "preuves"), "--sortie", str(told))
    assert same.returncode == 2
    assert "effacerait" in same.stderr
    assert read_kpis(told / "preuves" / "kpi.json")[0].valeur == 4


def test_a_failing_cell_says_where_why_and_what_next(checkout):
    done = checkout.run("-p", "echec=true", "--chapitre", "2")
    assert done.returncode == 1
    assert "Le carnet 02_suivi a échoué (cellule" in done.stderr
    assert "échec voulu" in done.stderr
    assert "Ensuite : ./run_all.sh --chapitre 2" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    kept = checkout.build / "echecs" / "02_suivi.ipynb"
    assert "échec voulu" in kept.read_text(encoding="utf-8")
    for told in (kept, checkout.build / "journaux" / "progression.jsonl"):
        assert "u:secret" not in told.read_text(encoding="utf-8"), told
    assert "u:secret" not in done.stderr
    assert not (checkout.build / "notebooks" / "02_suivi.ipynb").exists()


# Cuts: the run is struck in the middle of the second notebook.


def start_slow(checkout):
    checkout.run("cellules")
    process = checkout.start("-p", "suivi.attente_s=60", "--jobs", "1")
    wait_for(
        lambda: any(
            e["chapter"] == "02_suivi" and e["title"] == "Mesure" and e["kind"] == "cellule"
            for e in events(checkout)
        )
    )
    wait_for(
        lambda: any(e["chapter"] == "01_stockage" and e["kind"] == "fin" for e in events(checkout))
    )
    return process


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_a_cut_leaves_nothing_behind_and_the_next_call_goes_on(fresh_checkout, sign):
    process = start_slow(fresh_checkout)
    refused = fresh_checkout.run()
    assert refused.returncode == 1
    assert "Une autre exécution" in refused.stderr
    process.send_signal(sign)
    _, err = process.communicate(timeout=30)
    if sign == signal.SIGINT:
        assert process.returncode == 130
        assert "Interrompu" in err
        assert "Traceback" not in err
    wait_for(lambda: not family(fresh_checkout), 15)
    assert fresh_checkout.put_away  # the kernel was interrupted before it was killed
    scratch = f"etude-{digest(fresh_checkout.build)}-*"
    assert not list(Path(tempfile.gettempdir()).glob(scratch))
    assert not (fresh_checkout.build / "notebooks" / "02_suivi.ipynb").exists()
    done = fresh_checkout.run()
    assert done.returncode == 0, done.stderr
    assert fresh_checkout.calls == 1  # the first notebook was not run again


@pytest.mark.skipif(sys.platform != "linux", reason="il faut /dev/shm")
def test_what_a_killed_worker_has_left_is_deleted_by_the_next_call(checkout):
    name = f"etude-{digest(checkout.build)}-02"
    left = [Path(tempfile.gettempdir()) / name, Path("/dev/shm") / name]
    for folder in left:
        folder.mkdir()
    checkout.run("--chapitre", "1")
    assert not any(folder.exists() for folder in left)


# Refusals: before anything starts, in French, in less than two seconds.


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-p", "taile=3"], "Vouliez-vous dire « taille » ?"),
        (["-p", "taille=99"], "un entier de 1 à 10"),
        (["-p", "taille"], "nom=valeur"),
        (["--profil", "rapid"], "Vouliez-vous dire « rapide » ?"),
        (["--chapitre", "9"], "n’existe pas"),
        (["--jobs", "zéro"], "--jobs"),
        (["--jobs"], "attend une valeur"),
        (["--vitesse", "3"], "Argument inconnu"),
        (["dokteur"], "Vouliez-vous dire « docteur » ?"),
        (["--backends", "oracle"], "backends"),
        (["--uri", "ftp://x:secret@y"], "--uri a reçu"),
        (["--uri", "http://u:secret@127.0.0.1:9"], "aucun serveur n’y répond"),
        (["--uri", "sqlite:///nulle/part.db"], "ce fichier n’existe pas"),
        (["rejouer"], "attend l’identifiant d’un run"),
        (["--preuves", "nulle/part"], "n’est pas un dossier"),
        (["--preuves", "src"], "manquent des preuves (01_stockage, 02_suivi)"),
        (["--sortie", "."], "sources que l’étude effacerait"),
        (["--sortie", ".."], "sources que l’étude effacerait"),
        (["--sortie", "notebooks/profils"], "sources que l’étude effacerait"),
        (["--sortie", "copie"], "sources que l’étude effacerait"),
        (["--sortie", "autre"], "un rapport ou des sources que l’étude effacerait"),
        (["--sortie", "~inconnu/x"], "le dossier personnel de cet utilisateur est inconnu"),
    ],
)
def test_bad_input_is_refused_at_once(checkout, arguments, expected):
    (checkout.root / "copie" / "notebooks").mkdir(parents=True, exist_ok=True)  # not ours
    (checkout.root / "autre").mkdir(exist_ok=True)
    (checkout.root / "autre" / "rapport.html").write_text("à moi", encoding="utf-8")
    done = checkout.run(*arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_folder_that_cannot_be_written_is_refused(checkout, tmp_path):
    locked = tmp_path / "verrouillé"
    locked.write_text("a file stands where the folder should be", encoding="utf-8")
    done = checkout.run("--sortie", str(locked))
    assert done.returncode == 2
    assert "ne peut pas être écrit" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root écrit dans un dossier en lecture seule")
def test_a_read_only_folder_is_refused(checkout, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    done = checkout.run("--sortie", str(tmp_path / "x"))
    tmp_path.chmod(stat.S_IRWXU)
    assert done.returncode == 2
    assert "ne peut pas être écrit" in done.stderr


# A cluster: the same Snakefile, another executor.


def test_the_slurm_profile_plans_one_job_per_notebook(fresh_checkout):
    from mlflow_study.pipeline.run import snakemake_command
    from mlflow_study.pipeline.settings import Settings

    checkout, chapters = fresh_checkout, ("01_stockage", "02_suivi", "06_synthese")
    checkout.build.mkdir(parents=True)
    Settings("rapide", checkout.build, chapters, {name: {} for name in chapters}).save()
    profile = checkout.root / "notebooks" / "profils" / "slurm"
    command = [*snakemake_command(checkout.build, 2, profile), "--dry-run", "--forceall"]
    command[command.index("--snakefile") + 1] = str(checkout.root / "Snakefile")
    done = subprocess.run(
        command, cwd=checkout.root, env=checkout.environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in (*chapters, "rapport", "etude"):
        assert name in done.stdout + done.stderr


def test_a_folder_without_a_cluster_profile_is_refused(checkout):
    done = checkout.run("--grappe", "notebooks")
    assert done.returncode == 2
    assert "config.yaml" in done.stderr
