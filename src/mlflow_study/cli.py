"""The one door: ``./run_all.sh`` hands over to ``python -m mlflow_study``.

Everything is checked before anything starts; errors are French sentences, never
tracebacks, and the exit code tells (0 done, 1 failed, 2 refused, 130 interrupted).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlflow_study.errors import ParameterError, StudyError
from mlflow_study.paths import ROOT, URI_VARIABLE

if TYPE_CHECKING:
    from mlflow_study.chapters import ChapterInfo
    from mlflow_study.pipeline.settings import Settings

DEFAULT_PROFILE = "rapide"
CALLER_VARIABLE = "MLFLOW_STUDY_APPEL"
"""Environment variable: the folder that ``run_all.sh`` was called from, before it left it."""
TRACE_VARIABLE = "MLFLOW_STUDY_TRACE"
"""Environment variable: non-empty shows the traceback of an error, as ``--trace`` does."""

EPILOGUE = """commandes :
  (aucune)     installer, mener les expériences, bâtir le rapport ; ne refaire que ce qui a changé
  test         installer, puis lint, types et tests
  docteur      ce que cette machine sait faire, et la seule chose à faire ensuite
  parametres   tous les paramètres des carnets : valeur du profil, bornes, sens
  demo [N]     en classe : la page de MLflow sur l’étude et les carnets du chapitre N dans JupyterLab
  rejouer RUN  ce qu’il manque pour rejouer un de vos runs (--uri) ; --executer le rejoue
  nettoyer     effacer ce qui a été construit, ou pour un seul profil (nettoyer rapide) ;
               --tout, l’environnement aussi
  preparer     faire d’avance ce que toute exécution copie (schémas des bases) ; l’installation s’en charge
  cellules     remettre en forme les carnets après une modification (--verifier : seulement comparer)
  executer, publier, suivre
               les étapes que l’enchaînement appelle lui-même : un carnet, le rapport, le suivi

Un carnet qui mesure prend toute la machine : rien ne tourne à côté de lui. Après une coupure,
la même commande reprend au dernier carnet terminé. Codes de sortie : 0 fait, 1 échec,
2 demande refusée (rien n’a commencé), 130 interrompu.

exemples :
  ./run_all.sh                                   l’étude entière, profil rapide, puis le rapport
  ./run_all.sh --chapitre 1                      le stockage seul, la synthèse et le rapport
  ./run_all.sh --profil standard                 plus de mesures, des intervalles plus étroits
  ./run_all.sh -p graine=7 -p stockage.points_max=10000
  ./run_all.sh --backends sqlite,postgresql      seulement ces magasins
  ./run_all.sh --uri http://127.0.0.1:5000       éprouver aussi votre propre serveur MLflow
  ./run_all.sh docteur                           ce que cette machine sait faire
  ./run_all.sh parametres                        tous les paramètres, leurs valeurs et leurs bornes
  ./run_all.sh demo 1                            ouvrir la page de MLflow et les carnets, en classe
  ./run_all.sh rejouer RUN_ID --uri URI          ce qui manque pour rejouer un de vos runs
  ./run_all.sh nettoyer                          effacer ce qui a été construit
  ./run_all.sh test                              installer, puis lint, types et tests
"""


class FrenchParser(argparse.ArgumentParser):
    """argparse, speaking French and naming what came."""

    def error(self, message: str) -> NoReturn:
        for english, french in (
            (r"^argument (\S+):", r"l’option \1"),
            ("unrecognized arguments:", "argument inconnu :"),
            ("expected one argument", "attend une valeur"),
            ("ignored explicit argument", "n’attend pas de valeur, reçu"),
        ):
            message = re.sub(english, french, message)
        raise ParameterError(message[:1].upper() + message[1:] + ". Voir ./run_all.sh --aide.")


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise ParameterError(f"--jobs a reçu « {text} » ; il accepte un entier, au moins 1.")
    return value


def parser() -> argparse.ArgumentParser:
    """Every command and option."""
    common = FrenchParser(add_help=False)
    common.add_argument("--profil", help="rapide (par défaut), standard ou complet")
    common.add_argument(
        "--sortie",
        metavar="DOSSIER",
        help="dossier de sortie (build/<profil>, ou build/<profil>-preuves)",
    )
    run = FrenchParser(add_help=False, parents=[common])
    run.add_argument(
        "--chapitre", action="append", default=[], metavar="N", help="1 à 4, répétable"
    )
    run.add_argument(
        "-p",
        dest="assignments",
        action="append",
        default=[],
        metavar="NOM=VALEUR",
        help="un paramètre d’un carnet, répétable ; chapitre.nom=valeur pour un seul chapitre",
    )
    run.add_argument("--backends", metavar="LISTE", help="magasins, séparés par des virgules")
    run.add_argument(
        "--uri", help="adresse de votre serveur MLflow ; y écrit dans ses propres expériences"
    )
    run.add_argument("--suivi", metavar="URI", help="magasin où l’étude elle-même est suivie")
    run.add_argument(
        "--preuves", metavar="DOSSIER", help="refaire le rapport depuis des preuves enregistrées"
    )
    run.add_argument("--remesurer", action="store_true", help="mesurer même si rien n’a changé")
    run.add_argument(
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="cœurs que l’étude peut prendre (tous par défaut)",
    )
    run.add_argument(
        "--grappe", metavar="PROFIL", help="dossier d’un profil Snakemake, pour une grappe"
    )
    run.add_argument("--pdf", action="store_true", help="aussi rapport.pdf")
    run.add_argument("--diapos", action="store_true", help="aussi diapositives.html")
    run.add_argument("--crate", action="store_true", help="aussi ro-crate-metadata.json")

    top = FrenchParser(
        prog="./run_all.sh",
        description="MLflow à l’épreuve : mène les expériences et bâtit le rapport.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EPILOGUE,
        parents=[run],
        add_help=False,
        allow_abbrev=False,
    )
    top.add_argument("-h", "--aide", "--help", action="store_true", help="cette aide")
    top.add_argument("--trace", action="store_true", help="montrer la trace Python d’une erreur")
    top.add_argument(
        "mots",
        nargs="*",
        metavar="COMMANDE",
        help="voir ci-dessous ; par défaut, mener l’étude",
    )
    top.add_argument("--tout", action="store_true", help="avec nettoyer : l’environnement aussi")
    top.add_argument("--verifier", action="store_true", help="avec cellules : comparer seulement")
    top.add_argument("--executer", action="store_true", help="avec rejouer : relancer vraiment")
    top._positionals.title = "commande"
    top._optionals.title = "options"
    return top


def launch(options: argparse.Namespace) -> int:
    """Check everything, then run the DAG."""
    from mlflow_study.pipeline import settings as s
    from mlflow_study.scratch import check_temporary_folder

    check_temporary_folder()
    name = options.profil or DEFAULT_PROFILE
    profile = s.read_profile(name)
    chapters = s.resolve_chapters(options.chapitre)
    given = s.parse_assignments(options.assignments)
    if options.backends is not None:
        given.setdefault("backends", [b.strip() for b in options.backends.split(",") if b.strip()])
    parameters = s.resolve_parameters(chapters, profile, given)
    if options.pdf:
        from mlflow_study.publication.pdf import weasyprint

        weasyprint()
    if options.crate:
        from mlflow_study.publication.crate import rocrate

        rocrate()
    uri = study_store = None
    if options.uri is not None:
        uri = os.environ[URI_VARIABLE] = _address("--uri", options.uri)
    if options.suivi is not None:
        study_store = _address("--suivi", options.suivi, may_be_new=True)
        os.environ["MLFLOW_STUDY_SUIVI"] = study_store
    if not options.preuves:
        _check_stores(chapters, parameters)
    if options.preuves and not (ROOT / options.preuves).is_dir():
        raise ParameterError(f"--preuves a reçu « {options.preuves} », qui n’est pas un dossier.")
    cluster = (ROOT / options.grappe) if options.grappe else None
    if cluster is not None and not (cluster / "config.yaml").is_file():
        raise ParameterError(
            f"--grappe a reçu « {options.grappe} », qui n’est pas un dossier de profil Snakemake "
            "(il y manque config.yaml). Exemple : --grappe notebooks/profils/slurm."
        )
    folder = s.output_folder(f"{name}-preuves" if options.preuves else name, options.sortie)

    from rich.console import Console

    from mlflow_study.pipeline.run import run_study
    from mlflow_study.publication.build import FORMATS

    settings = s.Settings(
        profile=name,
        folder=folder,
        chapters=tuple(chapter.name for chapter in chapters),
        parameters=parameters,
        evidence=str((ROOT / options.preuves).resolve()) if options.preuves else None,
        remeasure=options.remesurer,
        formats=tuple(form for form in FORMATS if getattr(options, form)),
        uri=_digest(uri),
        study_store=_digest(study_store),
    )
    try:
        return run_study(settings, options.jobs, Console(), cluster)
    except Exception as error:
        error.add_note(f"Journaux : {settings.build.logs}")
        raise


def _check_stores(
    chapters: Iterable[ChapterInfo], parameters: Mapping[str, Mapping[str, Any]]
) -> None:
    """Raises ParameterError where a chapter is left without a store to try."""
    from mlflow_study.stores import unavailable

    for chapter in chapters:
        declined = chapter.parameters().declined
        why = [
            (name, declined.get(name) or unavailable(name))
            for name in parameters[chapter.name].get("backends", [])
        ]
        if why and all(reason for _, reason in why):
            told = " ; ".join(f"{name} : {reason}" for name, reason in why)
            raise ParameterError(
                f"« backends » ne laisse aucun magasin à éprouver au chapitre {chapter.number} ({told})"
            )


def _digest(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]


def _address(option: str, uri: str, *, may_be_new: bool = False) -> str:
    """The address, made absolute where it is that of a file: instruments change folder.

    A relative one starts where the user called the command.  Raises ParameterError for what is
    no address, for a server that does not answer and for a file that does not exist; the folder
    of the latter is enough when it ``may_be_new``.
    """
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    from mlflow_study.stores import hide_password

    came = f"{option} a reçu « {hide_password(uri)} »"
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise ParameterError(f"{came}, une adresse mal formée.") from None
    kind = parts.scheme.partition("+")[0]
    if kind in ("http", "https"):
        if reason := _unanswered(uri):
            raise ParameterError(f"{came}, mais aucun serveur n’y répond ({reason}).")
        return uri
    if kind in ("postgresql", "mysql"):
        return uri
    here = Path(os.environ.get(CALLER_VARIABLE) or Path.cwd())
    if kind == "sqlite":
        start, _, rest = uri.partition("///")
        name, mark, query = rest.partition("?")
        path = here / name
        what, found, absolute = "fichier", path.is_file(), f"{start}///{path}{mark}{query}"
    elif kind == "file":
        name = url2pathname(parts.path)
        path = here / name
        what, found, absolute = "dossier", path.is_dir(), path.as_uri()
    else:
        raise ParameterError(
            f"{came} ; il accepte une adresse http://, https://, postgresql://, mysql://, "
            "sqlite:/// ou file://."
        )
    if not name or not (found or (may_be_new and not path.exists() and path.parent.is_dir())):
        raise ParameterError(f"{came} : ce {what} n’existe pas ({path}).")
    return absolute


def _unanswered(uri: str) -> str:
    """Why no server answers there, in French; empty when one does, whatever the HTTP status."""
    import http.client
    import socket
    import ssl
    import urllib.error
    import urllib.request
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(uri)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    try:
        urllib.request.urlopen(f"{bare.rstrip('/')}/health", timeout=5).close()
    except urllib.error.HTTPError:
        return ""
    except (OSError, ValueError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        known = (
            (ConnectionRefusedError, "connexion refusée"),
            (socket.gaierror, "nom de machine introuvable"),
            (TimeoutError, "pas de réponse en 5 s"),
            (ssl.SSLError, "échange TLS refusé"),
            (http.client.InvalidURL, "adresse mal formée"),
            (http.client.HTTPException, "ce qui écoute là n’est pas un serveur HTTP"),
            (OSError, "machine injoignable"),
        )
        return next((why for kind, why in known if isinstance(cause, kind)), "adresse mal formée")
    return ""


def _settings(options: argparse.Namespace) -> Settings:
    """Those of the build folder that the DAG calls from.  Raises ParameterError elsewhere."""
    from mlflow_study.pipeline.settings import SETTINGS_FILE, Settings

    if not Path(SETTINGS_FILE).is_file():
        raise ParameterError(
            f"« {options.commande} » est une étape que l’enchaînement appelle lui-même, dans un "
            "dossier de sortie.",
            next_step="./run_all.sh",
        )
    return Settings.load(Path.cwd())


def execute(options: argparse.Namespace) -> int:
    """Internal, called by the DAG in its build folder: run one notebook."""
    from mlflow_study.pipeline.ancestor import die_with_ancestor
    from mlflow_study.pipeline.execute import execute_chapter

    die_with_ancestor()
    settings = _settings(options)
    if len(options.reste) != 1 or options.reste[0] not in settings.chapters:
        raise ParameterError(
            f"« executer » attend un carnet de cette exécution : {', '.join(settings.chapters)}."
        )
    execute_chapter(options.reste[0], settings)
    return 0


def publish(options: argparse.Namespace) -> int:
    """Internal, called by the DAG in its build folder: the report, or a named format of it."""
    from mlflow_study.pipeline.ancestor import die_with_ancestor
    from mlflow_study.publication import build

    die_with_ancestor()
    settings = _settings(options)
    if not options.reste:
        build.publish(settings.build, settings.chapters)
    elif len(options.reste) == 1 and options.reste[0] in build.FORMATS:
        build.publish_as(settings.build, options.reste[0])
    else:
        raise ParameterError(f"« publier » accepte un format : {', '.join(build.FORMATS)}.")
    return 0


def track(options: argparse.Namespace) -> int:
    """Internal, called by the DAG in its build folder: log the study in its store."""
    from mlflow_study.pipeline.ancestor import die_with_ancestor
    from mlflow_study.pipeline.study_store import track_study

    die_with_ancestor()
    settings = _settings(options)
    track_study(settings)
    return 0


def normalise(options: argparse.Namespace) -> int:
    """Bring the notebooks to their committed form."""
    from mlflow_study.pipeline.cells import normalise_all

    changed = normalise_all(check_only=options.verifier)
    if changed and options.verifier:
        raise StudyError(
            f"Ces carnets ne sont pas sous leur forme validée : {', '.join(changed)}.",
            next_step="python -m mlflow_study cellules",
        )
    print("Carnets réécrits : " + ", ".join(changed) if changed else "Carnets déjà en forme.")
    return 0


def doctor(_: argparse.Namespace) -> int:
    """Examine the machine."""
    from rich.console import Console

    from mlflow_study.pipeline.doctor import examine

    return examine(Console())


def lesson(options: argparse.Namespace) -> int:
    """Open MLflow's page on the study and the notebooks, for a class."""
    from rich.console import Console

    from mlflow_study.pipeline.demo import demo
    from mlflow_study.pipeline.settings import output_folder, read_profile

    profile = options.profil or DEFAULT_PROFILE
    read_profile(profile)
    if options.suivi is not None:
        os.environ["MLFLOW_STUDY_SUIVI"] = _address("--suivi", options.suivi)
    return demo(output_folder(profile, options.sortie), options.reste, Console())


def replay_run(options: argparse.Namespace) -> int:
    """Say what of a run of the user's could be repeated today, and repeat it with --executer."""
    if len(options.reste) != 1 or not options.uri:
        raise ParameterError(
            "« rejouer » attend l’identifiant d’un run et l’adresse de son magasin, par exemple "
            "./run_all.sh rejouer 0123456789abcdef0123456789abcdef --uri http://127.0.0.1:5000."
        )
    uri = _address("--uri", options.uri)

    from mlflow_study.reproducibility.replay import EXECUTION_TIMEOUT_S, in_french, replay
    from mlflow_study.stores import hide_password

    try:
        report = replay(options.reste[0], uri, options.executer)
    except subprocess.TimeoutExpired:
        raise StudyError(
            f"La relance dure plus de {EXECUTION_TIMEOUT_S / 3600:.0f} h : elle a été arrêtée.",
            next_step="Relancez ce run vous-même ; sans --executer, sa commande est affichée.",
        ) from None
    print(hide_password(in_french(report)))
    return 0 if report.repeatable else 1


def show_parameters(_: argparse.Namespace) -> int:
    """Print every parameter of every notebook, with its default and what it accepts."""
    from mlflow_study.chapters import CHAPTERS
    from mlflow_study.parameters import parameters_cell

    for chapter in CHAPTERS:
        print(f"{chapter.name}  ({chapter.title})")
        for line in parameters_cell(chapter.parameters()).splitlines():
            print(f"    {line}")
    return 0


def prepare(_: argparse.Namespace) -> int:
    """Make once what every run copies; ``docteur`` tells what this machine cannot make."""
    from mlflow_study.stores import prepare as prepare_stores

    prepare_stores()
    return 0


def clean(options: argparse.Namespace) -> int:
    """Delete what was built, or the folders of the named profiles; with --tout the environment.

    Raises StudyError while a study runs there, and where something cannot be deleted.
    """
    from filelock import FileLock, Timeout

    from mlflow_study.pipeline.settings import read_profile

    if options.sortie:
        raise ParameterError(
            f"« nettoyer » n’efface que build/ : effacez « {options.sortie} » vous-même."
        )
    profiles = [*options.reste, *([options.profil] if options.profil else [])]
    for profile in profiles:
        read_profile(profile)
    build = ROOT / "build"
    targets = [build / name for p in profiles for name in (p, f"{p}-preuves")] or [build]
    targets += [ROOT / ".venv"] if options.tout else []
    for target in targets:
        if target.is_symlink():
            raise StudyError(
                f"« {target} » est un lien vers « {target.resolve()} » : rien n’est effacé.",
                next_step="Effacez le lien vous-même, puis ce vers quoi il mène.",
            )
    found = [target for target in targets if target.exists()]
    try:
        with ExitStack() as locks:
            for lock in build.glob("*/.verrou"):
                if options.tout or not profiles or lock.parent in targets:
                    locks.enter_context(FileLock(lock, timeout=0))
            for target in found:
                shutil.rmtree(target)
                print(f"Effacé : {target.relative_to(ROOT)}")
    except Timeout as error:
        raise StudyError(
            f"Une étude tourne dans « {Path(error.lock_file).parent} » : rien n’est effacé.",
            next_step="Attendez sa fin, ou arrêtez-la par Ctrl-C.",
        ) from None
    except OSError as error:
        why = "droits insuffisants" if isinstance(error, PermissionError) else error.strerror
        raise StudyError(
            f"Tout n’a pas pu être effacé : {why} (« {error.filename} »).",
            next_step="Rendez ce fichier effaçable, puis ./run_all.sh nettoyer.",
        ) from None
    if not found:
        print("Rien à effacer.")
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "lancer": launch,
    "docteur": doctor,
    "parametres": show_parameters,
    "demo": lesson,
    "rejouer": replay_run,
    "nettoyer": clean,
    "preparer": prepare,
    "cellules": normalise,
    "executer": execute,
    "publier": publish,
    "suivre": track,
}
TAKING_WORDS = ("demo", "rejouer", "nettoyer", "executer", "publier")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--trace" in words:  # the processes that this one starts see it too
        os.environ[TRACE_VARIABLE] = "1"
    for variable in ("no_proxy", "NO_PROXY"):  # our own servers are not behind the user's proxy
        others = os.environ.get(variable, "")
        os.environ[variable] = ",".join(filter(None, (others, "127.0.0.1", "localhost")))
    for sign in (signal.SIGINT, signal.SIGTERM):  # even where a parent had them ignored
        signal.signal(sign, signal.default_int_handler)
    try:
        return _obey(words)
    except StudyError as error:
        _tell(f"Erreur : {error}", *([f"Ensuite : {error.next_step}"] if error.next_step else []))
        return 2 if isinstance(error, ParameterError) else 1
    except KeyboardInterrupt:
        print(
            "\nInterrompu. La prochaine exécution reprendra au dernier carnet terminé.",
            file=sys.stderr,
        )
        return 130
    except Exception as error:
        _tell(
            f"Erreur inattendue : {type(error).__name__} : {error}",
            *getattr(error, "__notes__", []),
            "Ensuite : la même commande avec --trace montre la trace Python.",
        )
        return 1


def _obey(words: Sequence[str]) -> int:
    """Read the command line and do what it asks.  Raises ParameterError when it is wrong."""
    options = parser().parse_intermixed_args(words)
    if options.aide:
        parser().print_help()
        return 0
    options.commande, *options.reste = options.mots or ["lancer"]
    if options.commande not in COMMANDS:
        from mlflow_study.parameters import nearest

        close = nearest(options.commande, list(COMMANDS))
        hint = f" Vouliez-vous dire « {close} » ?" if close else ""
        raise ParameterError(
            f"La commande « {options.commande} » n’existe pas.{hint} "
            f"Commandes : {', '.join(COMMANDS)}."
        )
    if options.reste and options.commande not in TAKING_WORDS:
        raise ParameterError(
            f"La commande « {options.commande} » ne prend pas de mot de plus : "
            f"« {' '.join(options.reste)} ». Voir ./run_all.sh --aide."
        )
    return COMMANDS[options.commande](options)


def _tell(*lines: str) -> None:
    """Show an error, after its traceback where that was asked for, without passwords."""
    from mlflow_study.stores import hide_password

    trace = [traceback.format_exc()] if os.environ.get(TRACE_VARIABLE) else []
    print(hide_password("\n".join([*trace, *lines])), file=sys.stderr)
