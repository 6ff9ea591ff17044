"""The committed form of a notebook: no outputs, stable ids, a generated parameters cell.

``python -m mlflow_study cellules`` writes it, ``--verifier`` only compares: the tests
refuse a notebook that differs from its committed form.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any

import nbformat

from mlflow_study.chapters import CHAPTERS, ChapterInfo
from mlflow_study.errors import StudyError
from mlflow_study.parameters import parameters_cell
from mlflow_study.paths import NOTEBOOKS

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def cell_id(source: str, taken: set[str]) -> str:
    """An id made of the cell's first words, numbered where two cells begin alike."""
    ascii_text = unicodedata.normalize("NFKD", source.strip().split("\n")[0])
    words = re.sub(r"[^a-z0-9]+", "-", ascii_text.encode("ascii", "ignore").decode().lower())
    stem = words.strip("-")[:40].strip("-") or "cellule"
    candidate, number = stem, 1
    while candidate in taken:
        number += 1
        candidate = f"{stem}-{number}"
    taken.add(candidate)
    return candidate


def normalise(notebook: Any, chapter: ChapterInfo) -> Any:
    """Bring a notebook to its committed form, in place.  Raises StudyError on a bad shape."""
    tagged = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise StudyError(
            f"{chapter.name}.ipynb doit avoir une cellule « parameters » et une seule "
            f"({len(tagged)} trouvée(s))."
        )
    tagged[0].source = parameters_cell(chapter.parameters())
    taken: set[str] = set()
    for cell in notebook.cells:
        parameters = cell is tagged[0]
        cell.id = "parameters" if parameters else cell_id(cell.source, taken)
        cell.source = cell.source.strip("\n")
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in ("tags",) if cell.metadata.get(key)}
        )
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}, "title": chapter.title}
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def committed_text(path: Path, chapter: ChapterInfo) -> str:
    """The text that the notebook at ``path`` should have in the repository."""
    notebook = normalise(nbformat.read(path, as_version=4), chapter)
    nbformat.validate(notebook)
    return f"{nbformat.writes(notebook)}\n"


def normalise_all(*, check_only: bool = False) -> list[str]:
    """Names of the notebooks that differed from their committed form (and now do not)."""
    changed = []
    for chapter in CHAPTERS:
        path = NOTEBOOKS / f"{chapter.name}.ipynb"
        wanted = committed_text(path, chapter)
        if path.read_text(encoding="utf-8") != wanted:
            changed.append(chapter.name)
            if not check_only:
                path.write_text(wanted, encoding="utf-8")
    return changed
