"""The one door: what is asked wrong is refused in French, before anything starts."""

from __future__ import annotations

import builtins
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from mlflow_study import cli, scratch
from mlflow_study.errors import ParameterError
from mlflow_study.paths import ROOT, URI_VARIABLE
from mlflow_study.pipeline import run


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """No study starts, and the handlers of signals that ``main`` sets are put back."""
    monkeypatch.setattr(run, "run_study", lambda *_: pytest.fail("la mesure a commencé"))
    before = {sign: signal.getsignal(sign) for sign in (signal.SIGINT, signal.SIGTERM)}
    yield
    for sign, handler in before.items():
        signal.signal(sign, handler)


@pytest.fixture
def call(capsys):
    """``call(words…)`` gives the exit code and all that was printed."""

    def _call(*words):
        code = cli.main(words)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, printed.out + printed.err

    return _call


@pytest.fixture
def lacking(monkeypatch):
    """``lacking(library, error)``: importing that library raises that error."""
    real = builtins.__import__

    def _lacking(library, error):
        def without(name, *arguments, **options):
            if name.split(".")[0] == library:
                if isinstance(error, OSError):
                    print("Please install")  # as WeasyPrint does without Pango
                raise error
            return real(name, *arguments, **options)

        monkeypatch.setattr(builtins, "__import__", without)

    return _lacking


# --- the command line


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--p", "x"], "Argument inconnu : --p."),
        (["--pdf=oui"], "L’option --pdf n’attend pas de valeur, reçu 'oui'."),
        (["--jobs"], "L’option --jobs attend une valeur."),
        (["docteur", "rapide"], "« docteur » ne prend pas de mot de plus : « rapide »"),
        (["lancer", "rapide"], "« lancer » ne prend pas de mot de plus : « rapide »"),
        (["demo", "--profil", "standrad"], "Vouliez-vous dire « standard » ?"),
        (["nettoyer", "rapid"], "Vouliez-vous dire « rapide » ?"),
        (["nettoyer", "--sortie", "ailleurs"], "effacez « ailleurs » vous-même"),
        (["executer"], "l’enchaînement appelle lui-même"),
        (["publier"], "l’enchaînement appelle lui-même"),
        (["suivre"], "l’enchaînement appelle lui-même"),
        (["--backends", ""], "une liste non vide"),
    ],
)
def test_a_wrong_command_line_is_refused_in_french(call, words, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = call(*words)
    assert code == 2
    assert expected in said
    assert not (ROOT / "build" / "standrad").exists()


@pytest.mark.parametrize(("chapter", "why"), [("1", "Aucune adresse"), ("4", "efface des données")])
def test_a_chapter_without_a_store_is_refused_first(call, tmp_path, monkeypatch, chapter, why):
    monkeypatch.delenv(URI_VARIABLE, raising=False)
    folder = str(tmp_path / "build")
    code, said = call("--chapitre", chapter, "--backends", "uri", "--sortie", folder)
    assert code == 2
    assert f"ne laisse aucun magasin à éprouver au chapitre {chapter}" in said
    assert why in said


def test_a_temporary_folder_too_deep_for_sockets_is_refused_first(call, tmp_path, monkeypatch):
    deep = tmp_path / ("d" * 60)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    code, said = call("--sortie", str(tmp_path / "build"))
    assert code == 2
    assert f"TMPDIR a reçu « {deep} »" in said
    assert not (tmp_path / "build").exists()
    _, said = call("docteur")
    assert "trop profond" in said


def test_the_deepest_temporary_folder_accepted_holds_the_sockets(tmp_path):
    code = (
        "import multiprocessing, tempfile; from mlflow_study import scratch\n"
        "scratch.check_temporary_folder()\n"
        "with scratch.own_scratch('etude-12345678-01'):\n"
        "    tempfile.tempdir = None\n"
        "    multiprocessing.get_context('forkserver').Process(target=int).start()\n"
    )
    most = scratch._SOCKET_BYTES - len(scratch._LONGEST_SOCKET)
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        deep = Path(short) / ("d" * (most - len(short) - 1))
        deep.mkdir()
        environment = {**os.environ, "TMPDIR": str(deep)}
        ended = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True
        )
    assert ended.returncode == 0, ended.stderr


def test_a_step_called_without_its_notebook_or_its_format_names_them(call, tmp_path, monkeypatch):
    from mlflow_study.pipeline.settings import Settings

    Settings("rapide", tmp_path, ("02_suivi",), {"02_suivi": {}}).save()
    monkeypatch.chdir(tmp_path)
    for words in (["executer"], ["executer", "99"], ["publier", "02_suivi"]):
        code, said = call(*words)
        assert code == 2
        assert ("02_suivi" if words[0] == "executer" else "pdf, diapos, crate") in said


def test_words_and_options_come_in_any_order(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setitem(cli.COMMANDS, "demo", lambda options: seen.append(options) or 0)
    assert cli.main(["demo", "--profil", "standard", "2"]) == 0
    assert (seen[0].reste, seen[0].profil) == (["2"], "standard")


# --- what a format needs


@pytest.mark.parametrize(
    ("option", "library", "error", "remedy"),
    [
        ("--pdf", "weasyprint", ImportError("no"), "[pdf]"),
        ("--pdf", "weasyprint", OSError("cannot load library"), "libpango"),
        ("--crate", "rocrate", ImportError("no"), "[crate]"),
    ],
)
def test_a_format_that_cannot_be_written_is_refused_first(
    call, lacking, option, library, error, remedy
):
    lacking(library, error)
    code, said = call(option)
    assert code == 2
    assert f"{option} demande" in said
    assert remedy in said
    assert "Please" not in said


# --- addresses


@pytest.fixture
def ssh_port():
    """A port where something answers, but not HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("option", ["--uri", "--suivi"])
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:1", "connexion refusée"),
        ("http://localhost:5OOO", "adresse mal formée"),
        ("http://[::1", "adresse mal formée"),
        ("sqlite:///nulle/part.db", "ce fichier n’existe pas"),
        ("sqlite://", "ce fichier n’existe pas"),
        ("file:///nulle/part/mlruns", "ce dossier n’existe pas"),
        ("", "il accepte une adresse http://"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(call, option, address, expected):
    code, said = call(option, address)
    assert code == 2
    assert f"{option} a reçu « {address} »" in said
    assert expected in said


def test_a_server_that_does_not_speak_http_is_refused(call, ssh_port):
    code, said = call("--uri", f"http://127.0.0.1:{ssh_port}")
    assert code == 2
    assert "n’est pas un serveur HTTP" in said


def test_a_relative_address_starts_where_the_command_was_called(tmp_path, monkeypatch):
    monkeypatch.setenv(cli.CALLER_VARIABLE, str(tmp_path))
    (tmp_path / "m.db").touch()
    (tmp_path / "mes runs").mkdir()
    for address in ("sqlite:///m.db?timeout=3", f"sqlite:///{tmp_path}/m.db?timeout=3"):
        assert cli._address("--uri", address) == f"sqlite:///{tmp_path}/m.db?timeout=3"
    for address in ("file:mes%20runs", "file:./mes%20runs"):
        assert cli._address("--uri", address) == (tmp_path / "mes runs").as_uri()
    assert cli._address("--suivi", "sqlite:///neuf.db", may_be_new=True).endswith("/neuf.db")
    with pytest.raises(ParameterError):
        cli._address("--uri", "sqlite:///neuf.db")


def test_a_replay_reads_the_file_that_was_named(call, tmp_path, monkeypatch):
    from mlflow_study.reproducibility import replay

    seen = []

    def too_long(*asked):
        seen.append(asked)
        raise subprocess.TimeoutExpired("python", 3600)

    monkeypatch.setattr(replay, "replay", too_long)
    monkeypatch.setenv(cli.CALLER_VARIABLE, str(tmp_path))
    (tmp_path / "m.db").touch()
    code, said = call("rejouer", "--uri", "sqlite:///m.db", "--executer", "RUN")
    assert seen == [("RUN", f"sqlite:///{tmp_path}/m.db", True)]
    assert code == 1
    assert "plus de 1 h" in said


# --- cleaning


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with two builds."""
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    for profile in ("rapide", "standard"):
        folder = tmp_path / "build" / profile
        folder.mkdir(parents=True)
        (folder / ".verrou").touch()
    (tmp_path / ".venv").mkdir()
    return tmp_path


@pytest.mark.parametrize("words", [["rapide"], ["--profil", "rapide"]])
def test_only_the_named_profile_is_deleted(call, root, words):
    assert call("nettoyer", *words) == (0, "Effacé : build/rapide\n")
    assert [path.name for path in (root / "build").iterdir()] == ["standard"]
    assert call("nettoyer", *words) == (0, "Rien à effacer.\n")


def test_all_is_deleted_and_the_environment_only_when_asked(call, root):
    assert call("nettoyer") == (0, "Effacé : build\n")
    assert call("nettoyer", "--tout") == (0, "Effacé : .venv\n")
    assert not list(root.iterdir())


def test_nothing_is_deleted_under_a_study(call, root):
    with FileLock(root / "build" / "standard" / ".verrou"):
        code, said = call("nettoyer")
        assert code == 1
        assert "Une étude tourne" in said
        assert call("nettoyer", "rapide", "--tout")[0] == 1
        assert (root / "build" / "rapide").exists()
        assert call("nettoyer", "rapide")[0] == 0


def test_a_linked_build_is_left_alone(call, root, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("disque") / "build"
    (root / "build").rename(elsewhere)
    (root / "build").symlink_to(elsewhere)
    code, said = call("nettoyer")
    assert code == 1
    assert "est un lien vers" in said
    assert (elsewhere / "rapide").exists()


def test_what_cannot_be_deleted_is_named(call, root, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(cli.shutil, "rmtree", refuse)
    code, said = call("nettoyer")
    assert code == 1
    assert f"droits insuffisants (« {root / 'build'} »)" in said


# --- the script


@pytest.fixture
def script(tmp_path):
    """``script(words…)`` runs a copy of ``run_all.sh`` beside a build, from another folder."""
    project = tmp_path / "projet"
    (project / "build").mkdir(parents=True)
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / "run_all.sh").write_bytes((ROOT / "run_all.sh").read_bytes())

    def _script(*words):
        command = ["bash", str(project / "run_all.sh"), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)

    _script.project = project
    return _script


def test_an_interrupted_install_is_cleaned_without_another(script):
    refused = script("nettoyer", "rapide")
    assert refused.returncode == 2
    assert "sans environnement" in refused.stderr
    assert (script.project / "build").exists()
    assert script("nettoyer").stdout == "Effacé : build\n"
    assert (script.project / ".venv").exists()
    assert script("--tout", "nettoyer").stdout == "Effacé : build .venv\n"
    assert [path.name for path in script.project.iterdir()] == ["run_all.sh"]


def test_the_script_says_where_it_was_called_from(script):
    python = script.project / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "${cli.CALLER_VARIABLE}" "$PWD" "$@"\n')
    python.chmod(0o755)
    (script.project / ".venv" / ".empreinte").touch()
    done = script("--tout", "nettoyer")
    words = "-m mlflow_study --tout nettoyer"
    assert done.stdout == f"{script.project.parent} {script.project} {words}\n"


# --- what was not foreseen


def test_an_unexpected_error_is_one_sentence_without_secret(monkeypatch, capsys):
    def fail(_):
        error = RuntimeError("http://u:secret@hote ne répond plus")
        error.add_note("Journaux : ici")
        raise error

    monkeypatch.setitem(cli.COMMANDS, "docteur", fail)
    assert cli.main(["docteur"]) == 1
    said = capsys.readouterr().err
    assert "Erreur inattendue : RuntimeError : http://u:***@hote ne répond plus" in said
    assert "Journaux : ici" in said
    assert "Traceback" not in said
    monkeypatch.setenv(cli.TRACE_VARIABLE, "1")
    assert cli.main(["docteur"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "secret@" not in said


def test_the_logs_of_a_run_that_broke_are_named(call, monkeypatch, tmp_path):
    def broken(*_):
        raise ValueError("imprévu")

    monkeypatch.setattr(run, "run_study", broken)
    code, said = call("--sortie", str(tmp_path))
    assert code == 1
    assert f"Journaux : {tmp_path / 'journaux'}" in said
