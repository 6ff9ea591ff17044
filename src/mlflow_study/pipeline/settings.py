"""What one run is asked to do, checked before anything starts."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlflow_study.chapters import CHAPTERS, ChapterInfo, chapter_info
from mlflow_study.errors import ParameterError
from mlflow_study.evidence.files import write_atomically
from mlflow_study.parameters import ChapterParameters, nearest, unknown_name, validate
from mlflow_study.paths import NOTEBOOKS, PROFILES, REPORT, ROOT, Build
from mlflow_study.publication.build import REPORT_FILES

SETTINGS_FILE = "reglages.json"
SOURCES = (NOTEBOOKS, REPORT, *(ROOT / name for name in ("src", "tests", "data")))


@dataclass(frozen=True)
class Settings:
    """One run: profile, chapters in order, and every parameter of each of them."""

    profile: str
    folder: Path
    chapters: tuple[str, ...]
    parameters: dict[str, dict[str, Any]]
    evidence: str | None = None
    remeasure: bool = False
    formats: tuple[str, ...] = ()
    uri: str | None = None
    """Digest of the user's server address; the address itself stays in the environment."""
    study_store: str | None = None

    @property
    def build(self) -> Build:
        return Build(self.folder)

    def save(self) -> Path:
        """Write ``reglages.json``; an unchanged file keeps its date."""
        content = {
            "profil": self.profile,
            "chapitres": list(self.chapters),
            "parametres": self.parameters,
            "preuves": self.evidence,
            "remesurer": self.remeasure,
            "formats": list(self.formats),
            "uri": self.uri,
            "suivi": self.study_store,
        }
        text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        path = self.folder / SETTINGS_FILE
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_atomically(path, text.encode("utf-8"))
        return path

    @classmethod
    def load(cls, folder: Path) -> Settings:
        content = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        return cls(
            profile=content["profil"],
            folder=folder,
            chapters=tuple(content["chapitres"]),
            parameters=content["parametres"],
            evidence=content["preuves"],
            remeasure=content["remesurer"],
            formats=tuple(content["formats"]),
            uri=content["uri"],
            study_store=content["suivi"],
        )


def profiles() -> list[str]:
    """Names of the profiles that exist."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def read_profile(name: str) -> dict[str, dict[str, Any]]:
    """What a profile changes, by notebook.  Raises ParameterError for an unknown name."""
    if name not in profiles():
        close = nearest(name, profiles())
        hint = f" Vouliez-vous dire « {close} » ?" if close else ""
        raise ParameterError(
            f"Le profil « {name} » n’existe pas.{hint} Profils : {', '.join(profiles())}."
        )
    content = yaml.safe_load((PROFILES / f"{name}.yaml").read_text(encoding="utf-8")) or {}
    return {str(key): dict(value or {}) for key, value in content.items()}


class _Values(yaml.SafeLoader):
    """YAML without its surprises; see ``_as_written``."""


def _as_written(_: _Values, node: yaml.ScalarNode) -> int | float | str:
    """A decimal number, else the text as it stands: 010 is not 8, nor 2024-12-25 a date."""
    text = str(node.value)
    if node.style is None and not re.match(r"[-+]?0\d", text):
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                return kind(text)
    return text


for _tag in ("int", "float", "timestamp", "str"):
    _Values.add_constructor(f"tag:yaml.org,2002:{_tag}", _as_written)


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """``nom=valeur`` words as a mapping; values are read as YAML (true, 3, 1.5, [a, b]).

    Raises ParameterError for a word that is not of that form.
    """
    found: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise ParameterError(
                f"« -p {assignment} » n’est pas de la forme nom=valeur, par exemple -p graine=7."
            )
        try:
            found[name.strip()] = yaml.load(text, Loader=_Values)
        except yaml.YAMLError:
            found[name.strip()] = text
    return found


def resolve_chapters(numbers: Iterable[str]) -> list[ChapterInfo]:
    """The chapters asked for by number or name, in order; all of them when none is named.

    The synthesis is always among them.
    """
    wanted = list(numbers)
    if not wanted:
        return list(CHAPTERS)
    known = {str(chapter.number): chapter for chapter in CHAPTERS}
    known |= {chapter.name: chapter for chapter in CHAPTERS}
    chosen = {chapter.name for chapter in CHAPTERS if chapter.synthesis}
    for number in wanted:
        key = number.lstrip("0") if number.isdigit() else number
        if key not in known:
            names = ", ".join(f"{chapter.number} ({chapter.title})" for chapter in CHAPTERS)
            raise ParameterError(f"Le chapitre « {number} » n’existe pas. Chapitres : {names}.")
        chosen.add(known[key].name)
    return [chapter for chapter in CHAPTERS if chapter.name in chosen]


def resolve_parameters(
    chapters: Iterable[ChapterInfo],
    profile: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Every parameter of every chapter: defaults, then profile, then ``-p``.

    ``chapitre.nom`` sets one chapter, ``nom`` every chapter that has it.  Raises
    ParameterError, all faults at once.
    """
    chapters = list(chapters)
    schemas: dict[str, type[ChapterParameters]] = {c.name: c.parameters() for c in chapters}
    values = {name: dict(profile.get(name, {})) for name in schemas}
    faults: list[str] = []
    short = {name.partition("_")[2]: name for name in schemas} | {n: n for n in schemas}
    short |= {str(int(name[:2])): name for name in schemas}
    for key in sorted(given, key=lambda key: "." in key):  # what names its chapter comes last
        value, (prefix, dot, name) = given[key], key.rpartition(".")
        targets = [short[prefix]] if dot and prefix in short else list(schemas)
        if dot and prefix not in short:
            faults.append(
                f"Le chapitre « {prefix} » de « {key} » n’est pas de cette exécution. "
                f"Chapitres : {', '.join(schemas)}."
            )
            continue
        having = [target for target in targets if name in schemas[target].model_fields]
        for target in having:
            values[target][name] = value
        if not having:
            names = sorted({n for target in targets for n in schemas[target].model_fields})
            where = targets[0] if len(targets) == 1 else "les carnets de cette exécution"
            faults.append(unknown_name(name, names, where))
    resolved: dict[str, dict[str, Any]] = {}
    for name, schema in schemas.items():
        try:
            resolved[name] = validate(schema, values[name]).model_dump(mode="json")
        except ParameterError as error:
            faults.append(str(error))
    if faults:
        raise ParameterError("\n".join(dict.fromkeys(faults)))
    return resolved


def output_folder(profile: str, output: str | None) -> Path:
    """The build folder, made and seen to be writable.

    Raises ParameterError, also where it would overwrite sources: a run deletes its outputs,
    ``notebooks/01_stockage.ipynb`` for one, before it makes them anew.
    """
    try:
        folder = (Path(output).expanduser() if output else ROOT / "build" / profile).resolve()
    except RuntimeError:
        raise ParameterError(
            f"--sortie a reçu « {output} » : le dossier personnel de cet utilisateur est inconnu. "
            "Écrivez le chemin en entier."
        ) from None
    build = Build(folder)
    notebooks = build.notebooks
    written = (notebooks, build.evidence, *(folder / name for name in REPORT_FILES))
    foreign = any(map(Path.exists, written)) and not (folder / SETTINGS_FILE).exists()
    inside = any(notebooks.resolve().is_relative_to(source) for source in SOURCES)
    if output and (foreign or inside or ROOT.is_relative_to(folder)):
        raise ParameterError(
            f"--sortie a reçu « {output} » : ce dossier contient des carnets, des preuves, un rapport "
            "ou des sources que l’étude effacerait. Il accepte un dossier nouveau, ou celui d’une exécution "
            "précédente, par exemple --sortie build/essai."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".essai-{os.getpid()}"
        probe.write_text("", encoding="utf-8")
        probe.unlink()
    except OSError as error:
        raise ParameterError(
            f"Le dossier de sortie « {output or folder.name} » ne peut pas être écrit "
            f"({error.strerror}). Choisissez-en un autre avec --sortie DOSSIER."
        ) from None
    return folder


def check_recorded(settings: Settings) -> None:
    """See that the evidence of ``--preuves`` can tell what is asked.

    Raises ParameterError where a chapter's is missing, where it would be overwritten, or where
    it was measured with other parameters (those that it does not name are not compared).
    """
    if settings.evidence is None:
        return
    folder = Path(settings.evidence)
    came = f"--preuves a reçu « {folder} »"
    if folder == settings.build.evidence.resolve():
        raise ParameterError(
            f"{came}, que cette exécution effacerait. Donnez-lui un autre dossier de sortie avec "
            "--sortie DOSSIER."
        )
    wanted = [name for name in settings.chapters if not chapter_info(name).synthesis]
    accounts = {name: _recorded_account(folder / name) for name in wanted}
    missing = [name for name, account in accounts.items() if account is None]
    if missing:
        raise ParameterError(
            f"{came}, où manquent des preuves ({', '.join(missing)}). Il accepte le dossier "
            "« preuves » d’une exécution, par exemple --preuves data/resultats/standard ; "
            "--chapitre N ne demande que celles d’un chapitre."
        )
    for name, account in accounts.items():
        measured = account["parametres"] if account else {}
        for key, asked in settings.parameters[name].items():
            if key in measured and measured[key] != asked:
                value = json.dumps(measured[key], ensure_ascii=False)
                raise ParameterError(
                    f"{came}, mesuré avec d’autres paramètres : dans {name}, « {key} » y vaut "
                    f"{value}, et cette exécution demande {json.dumps(asked, ensure_ascii=False)}. "
                    + _same_settings(folder, settings.profile, f"{name[3:]}.{key}={value}")
                )


def _recorded_account(folder: Path) -> dict[str, Any] | None:
    """What a chapter left in ``folder``, None where a table is missing."""
    try:
        account = json.loads((folder / "chapitre.json").read_text(encoding="utf-8"))
        names = [measure["nom"] for measure in account["mesures"]]
        whole = all(any(folder.glob(f"{name}.*parquet")) for name in names)
        return {"parametres": dict(account["parametres"])} if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _same_settings(folder: Path, profile: str, assignment: str) -> str:
    """The option that asks for what was recorded: its profile, else the one parameter."""
    try:
        recorded = json.loads((folder / "contexte.json").read_text(encoding="utf-8"))["profil"]
    except (OSError, ValueError, KeyError, TypeError):
        recorded = None
    if recorded != profile and recorded in profiles():
        return f"Ajoutez --profil {recorded}."
    return f"Ajoutez -p {shlex.quote(assignment)}."
