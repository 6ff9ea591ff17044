"""What one run is asked to do, checked before anything starts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlflow_study.chapters import CHAPTERS, ChapterInfo
from mlflow_study.errors import ParameterError
from mlflow_study.evidence.files import write_atomically
from mlflow_study.parameters import ChapterParameters, nearest, unknown_name, validate
from mlflow_study.paths import PROFILES, ROOT, Build

SETTINGS_FILE = "reglages.json"


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


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """``nom=valeur`` words as a mapping; values are read as YAML (true, 3, 1.5, [a, b])."""
    found: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise ParameterError(
                f"« -p {assignment} » n’est pas de la forme nom=valeur, par exemple -p graine=7."
            )
        try:
            found[name.strip()] = yaml.safe_load(text)
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
    for key, value in given.items():
        prefix, dot, name = key.rpartition(".")
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
    """The build folder, made and seen to be writable.  Raises ParameterError."""
    folder = Path(output).expanduser().resolve() if output else ROOT / "build" / profile
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
