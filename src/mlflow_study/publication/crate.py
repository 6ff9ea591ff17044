"""The build folder as a research object: RO-Crate 1.1, read back by any tool that knows it.

Only metadata is added to the folder: ``ro-crate-metadata.json`` lists the report, the
executed notebooks and the evidence, says which notebook made what, with which software
and when.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from mlflow_study.chapters import CHAPTERS
from mlflow_study.errors import ParameterError
from mlflow_study.evidence.files import read_context, write_atomically
from mlflow_study.paths import Build

FILE = "ro-crate-metadata.json"
_MEDIA = {
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".json": "application/json",
    ".ipynb": "application/x-ipynb+json",
    ".parquet": "application/vnd.apache.parquet",
}
_ROLES = {
    "rapport.html": "Rapport",
    "rapport.pdf": "Rapport sur papier",
    "diapositives.html": "Diapositives",
    "preuves/kpi.json": "Mesures",
    "preuves/verdicts.json": "Verdicts",
    "preuves/contexte.json": "Contexte de la mesure",
}


def published_files(build: Build) -> list[Path]:
    """Report, notebooks and evidence of a build, relative to its folder, sorted."""
    patterns = ("*.html", "*.pdf", "notebooks/*.ipynb", "preuves/**/*.json", "preuves/**/*.parquet")
    return sorted(
        path.relative_to(build.folder)
        for pattern in patterns
        for path in build.folder.glob(pattern)
        if path.is_file() and not path.name.endswith(".refuse.html")
    )


def rocrate() -> tuple[Any, Any]:
    """Its ``ContextEntity`` and ``ROCrate``.  Raises ParameterError where it is not installed."""
    try:
        from rocrate.model.contextentity import ContextEntity
        from rocrate.rocrate import ROCrate
    except ImportError:
        raise ParameterError(
            "--crate demande la bibliothèque ro-crate-py, qui n’est pas installée.",
            next_step='pip install -e ".[crate]"',
        ) from None
    return ContextEntity, ROCrate


def write_crate(build: Build) -> Path:
    """Write ``ro-crate-metadata.json`` in the build folder.  Raises ParameterError; see ``rocrate``."""
    ContextEntity, ROCrate = rocrate()
    context = read_context(build.evidence / "contexte.json")
    crate = ROCrate(version="1.1")
    crate.name = "MLflow à l’épreuve"
    crate.description = "Rapport de recherche reproductible, ses carnets exécutés et ses preuves"
    crate.root_dataset["inLanguage"] = "fr"
    crate.root_dataset["datePublished"] = context.debut[:10]
    crate.license = "https://spdx.org/licenses/MIT"
    software = crate.add(
        ContextEntity(
            crate,
            "https://github.com/mlflow/mlflow",
            properties={
                "@type": "SoftwareApplication",
                "name": "MLflow",
                "softwareVersion": context.mlflow,
            },
        )
    )
    titles = {chapter.name: chapter.title for chapter in CHAPTERS}
    entities = {}
    for path in published_files(build):
        name = path.as_posix()
        chapter = path.stem if path.suffix == ".ipynb" else path.parent.name
        label = _ROLES.get(name) or f"{titles.get(chapter, 'Preuves')} : {path.name}"
        entities[name] = crate.add_file(
            build.folder / path,
            dest_path=name,
            properties={
                "name": label,
                "encodingFormat": _MEDIA[path.suffix],
                "contentSize": str((build.folder / path).stat().st_size),
            },
        )
    for name in sorted(n for n in entities if n.endswith(".ipynb")):
        stem = Path(name).stem
        results = [e for n, e in entities.items() if n.startswith(f"preuves/{stem}/")]
        crate.add(
            ContextEntity(
                crate,
                f"#execution-{stem}",
                properties={
                    "@type": "CreateAction",
                    "name": f"Exécution de {stem}",
                    "startTime": context.debut,
                    "endTime": context.fin or context.debut,
                    "instrument": {"@id": software.id},
                    "object": {"@id": name},
                    "result": [{"@id": entity.id} for entity in results],
                },
            )
        )
    return _write(build, crate, context.debut)


def _write(build: Build, crate: object, stamp: str) -> Path:
    """The crate's own JSON-LD, with the date of the run in place of the date of writing."""
    with tempfile.TemporaryDirectory() as folder:
        crate.metadata.write(folder)  # type: ignore[attr-defined]
        graph = json.loads((Path(folder) / FILE).read_text(encoding="utf-8"))
    for entity in graph["@graph"]:
        if entity["@id"] == "./":
            entity["datePublished"] = stamp[:10]
    target = build.folder / FILE
    text = json.dumps(graph, ensure_ascii=False, indent=1)
    write_atomically(target, (text + "\n").encode("utf-8"))
    return target
