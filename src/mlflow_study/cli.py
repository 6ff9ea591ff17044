"""The one door: ``./run_all.sh`` hands over to ``python -m mlflow_study``.

Everything is checked before anything starts; errors are French sentences, never
tracebacks, and the exit code tells (0 done, 1 failed, 2 refused, 130 interrupted).
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from mlflow_study.errors import ParameterError, StudyError
from mlflow_study.paths import ROOT, URI_VARIABLE

EPILOGUE = """commandes :
  (aucune)     installer, mener les expériences, bâtir le rapport ; ne refaire que ce qui a changé
  test         installer, puis lint, types et tests
  docteur      ce que cette machine sait faire, et la seule chose à faire ensuite
  parametres   tous les paramètres des carnets : valeur du profil, bornes, sens
  demo [N]     en classe : la page de MLflow sur l’étude et les carnets du chapitre N dans JupyterLab
  rejouer RUN  ce qu’il manque pour rejouer un de vos runs (--uri) ; --executer le rejoue
  nettoyer     effacer ce qui a été construit ; --tout, l’environnement aussi
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
            ("unrecognized arguments:", "argument inconnu :"),
            ("the following arguments are required:", "il manque :"),
            ("expected one argument", "attend une valeur"),
            ("invalid int value:", "attend un entier, reçu"),
            ("invalid choice:", "valeur inconnue :"),
            ("choose from", "choix :"),
            ("argument -", "l’option -"),
        ):
            message = message.replace(english, french)
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
    common.add_argument("--profil", default="rapide", help="rapide, standard ou complet")
    common.add_argument("--sortie", metavar="DOSSIER", help="dossier de sortie (build/<profil>)")
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
    )
    top.add_argument("-h", "--aide", "--help", action="store_true", help="cette aide")
    top.add_argument("--trace", action="store_true", help="montrer la trace Python d’une erreur")
    top.add_argument(
        "commande",
        nargs="?",
        default="lancer",
        metavar="COMMANDE",
        help="voir ci-dessous ; par défaut, mener l’étude",
    )
    top.add_argument("reste", nargs="*", help=argparse.SUPPRESS)
    top.add_argument("--tout", action="store_true", help="avec nettoyer : l’environnement aussi")
    top.add_argument("--verifier", action="store_true", help="avec cellules : comparer seulement")
    top.add_argument("--executer", action="store_true", help="avec rejouer : relancer vraiment")
    top._positionals.title = "commande"
    top._optionals.title = "options"
    return top


def launch(options: argparse.Namespace) -> int:
    """Check everything, then run the DAG."""
    from mlflow_study.pipeline import settings as s

    profile = s.read_profile(options.profil)
    chapters = s.resolve_chapters(options.chapitre)
    given = s.parse_assignments(options.assignments)
    if options.backends:
        given.setdefault("backends", [b.strip() for b in options.backends.split(",") if b.strip()])
    parameters = s.resolve_parameters(chapters, profile, given)
    digest = None
    if options.uri:
        digest = _check_uri(options.uri)
    if options.preuves and not (ROOT / options.preuves).is_dir():
        raise ParameterError(f"--preuves a reçu « {options.preuves} », qui n’est pas un dossier.")
    cluster = (ROOT / options.grappe) if options.grappe else None
    if cluster is not None and not (cluster / "config.yaml").is_file():
        raise ParameterError(
            f"--grappe a reçu « {options.grappe} », qui n’est pas un dossier de profil Snakemake "
            "(il y manque config.yaml). Exemple : --grappe notebooks/profils/slurm."
        )
    folder = s.output_folder(options.profil, options.sortie)
    if options.suivi:
        os.environ["MLFLOW_STUDY_SUIVI"] = options.suivi

    from rich.console import Console

    from mlflow_study.pipeline.run import run_study

    settings = s.Settings(
        profile=options.profil,
        folder=folder,
        chapters=tuple(chapter.name for chapter in chapters),
        parameters=parameters,
        evidence=str((ROOT / options.preuves).resolve()) if options.preuves else None,
        remeasure=options.remesurer,
        formats=tuple(name for name in ("pdf", "diapos", "crate") if getattr(options, name)),
        uri=digest,
        study_store=_digest(options.suivi) if options.suivi else None,
    )
    return run_study(settings, options.jobs, Console(), cluster)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _check_uri(uri: str) -> str:
    """Refuse an address that is not one; put it in the environment; return its digest."""
    from urllib.parse import urlsplit

    from mlflow_study.stores import hide_password

    scheme = urlsplit(uri).scheme
    if not scheme.startswith(("http", "postgresql", "mysql", "sqlite", "file")):
        raise ParameterError(
            f"--uri a reçu « {hide_password(uri)} » ; il accepte une adresse http://, https://, "
            "postgresql://, mysql://, sqlite:/// ou file://."
        )
    if scheme.startswith("http"):
        _check_server(uri)
    elif scheme == "sqlite" and not Path(urlsplit(uri).path.removeprefix("/")).exists():
        raise ParameterError(f"--uri a reçu « {uri} » : ce fichier n’existe pas.")
    os.environ[URI_VARIABLE] = uri
    return _digest(uri)


def _check_server(uri: str) -> None:
    """Refuse the address of a server that does not answer (any HTTP status is an answer)."""
    import urllib.error
    import urllib.request
    from urllib.parse import urlsplit, urlunsplit

    from mlflow_study.stores import hide_password

    parts = urlsplit(uri)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    try:
        urllib.request.urlopen(f"{bare.rstrip('/')}/health", timeout=5).close()
    except urllib.error.HTTPError:
        return
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise ParameterError(
            f"--uri a reçu « {hide_password(uri)} », mais aucun serveur n’y répond "
            f"({getattr(error, 'reason', error)})."
        ) from None


def _current_settings() -> Path:
    return Path.cwd()


def execute(options: argparse.Namespace) -> int:
    """Internal, called by the DAG in its build folder: run one notebook."""
    from mlflow_study.pipeline.ancestor import die_with_ancestor
    from mlflow_study.pipeline.execute import execute_chapter
    from mlflow_study.pipeline.settings import Settings

    die_with_ancestor()
    execute_chapter(options.reste[0], Settings.load(_current_settings()))
    return 0


def publish(_: argparse.Namespace) -> int:
    """Internal, called by the DAG in its build folder: assemble the report."""
    from mlflow_study.pipeline.ancestor import die_with_ancestor
    from mlflow_study.pipeline.settings import Settings
    from mlflow_study.publication.build import publish as publish_build

    die_with_ancestor()
    settings = Settings.load(_current_settings())
    publish_build(
        settings.build,
        settings.chapters,
        pdf="pdf" in settings.formats,
        slides="diapos" in settings.formats,
        crate="crate" in settings.formats,
    )
    return 0


def track(_: argparse.Namespace) -> int:
    """Internal, called by the DAG in its build folder: log the study in its store."""
    from mlflow_study.pipeline.ancestor import die_with_ancestor
    from mlflow_study.pipeline.settings import Settings
    from mlflow_study.pipeline.study_store import track_study

    die_with_ancestor()
    track_study(Settings.load(_current_settings()))
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
    from mlflow_study.pipeline.settings import output_folder

    return demo(output_folder(options.profil, options.sortie), options.reste, Console())


def replay_run(options: argparse.Namespace) -> int:
    """Say what of a run of the user's could be repeated today, and repeat it with --executer."""
    if len(options.reste) != 1 or not options.uri:
        raise ParameterError(
            "« rejouer » attend l’identifiant d’un run et l’adresse de son magasin, par exemple "
            "./run_all.sh rejouer 0123456789abcdef0123456789abcdef --uri http://127.0.0.1:5000."
        )
    _check_uri(options.uri)

    from mlflow_study.reproducibility.replay import in_french, replay

    report = replay(options.reste[0], options.uri, options.executer)
    print(in_french(report))
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
    """Make once what every run copies."""
    from mlflow_study.stores import prepare as prepare_stores

    prepare_stores()
    return 0


def clean(options: argparse.Namespace) -> int:
    """Delete what was built: the profile's folder, or with --tout the environment too."""
    targets = [ROOT / "build"]
    if options.tout:
        targets.append(ROOT / ".venv")
    for target in targets:
        if target.exists():
            shutil.rmtree(target)
            print(f"Effacé : {target.name}")
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    from mlflow_study.stores import hide_password

    words = list(sys.argv[1:] if arguments is None else arguments)
    for sign in (signal.SIGINT, signal.SIGTERM):  # even where a parent had them ignored
        signal.signal(sign, signal.default_int_handler)
    try:
        options = parser().parse_args(words)
        if options.aide:
            parser().print_help()
            return 0
        if options.commande not in COMMANDS:
            from mlflow_study.parameters import nearest

            close = nearest(options.commande, list(COMMANDS))
            hint = f" Vouliez-vous dire « {close} » ?" if close else ""
            raise ParameterError(
                f"La commande « {options.commande} » n’existe pas.{hint} "
                f"Commandes : {', '.join(COMMANDS)}."
            )
        return COMMANDS[options.commande](options)
    except StudyError as error:
        if "--trace" in words:
            traceback.print_exc()
        print(f"Erreur : {hide_password(str(error))}", file=sys.stderr)
        if error.next_step:
            print(f"Ensuite : {error.next_step}", file=sys.stderr)
        return 2 if isinstance(error, ParameterError) else 1
    except KeyboardInterrupt:
        print(
            "\nInterrompu. La prochaine exécution reprendra au dernier carnet terminé.",
            file=sys.stderr,
        )
        return 130
