"""One executed notebook as a piece of the page, through nbconvert and our template.

The template ``report/modele/index.html.j2`` inherits from nbconvert's ``base``; only
the Markdown renderer is ours.  What a cell *displays* is shown;
the bare value of its last line, warnings and standard error are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import HTMLExporter

from mlflow_study.chapters import ChapterInfo
from mlflow_study.errors import StudyError
from mlflow_study.paths import REPORT
from mlflow_study.presentation import markdown

TEMPLATE = "modele"


def chapter_id(name: str) -> str:
    """Anchor of a chapter: ``01_stockage`` → ``stockage``."""
    return re.sub(r"^\d+_", "", name).replace("_", "-")


class ChapterExporter(HTMLExporter):  # type: ignore[misc]
    """nbconvert's HTML exporter with our template, renderer and footnote anchors."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            template_name=TEMPLATE,
            extra_template_basedirs=[str(REPORT)],
            exclude_anchor_links=True,
            **options,
        )

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()
        texts = count(1)

        def prose(text: str) -> str:
            rendered = markdown.html(text)
            prefix = f"note-{next(texts)}-"
            return re.sub(r'((?:id="|href="#)fn(?:ref)?-)', rf"\g<1>{prefix}", rendered)

        yield "prose", prose

    def page(self, **values: Any) -> str:
        """The whole page, from the pieces (``page.html.j2``)."""
        return str(self.environment.get_template("page.html.j2").render(**values))


def read(path: Path) -> nbformat.NotebookNode:
    """An executed notebook.  Raises StudyError where it is missing, unread or failed."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError) as error:
        raise StudyError(f"Le carnet exécuté « {path.name} » est illisible.") from error
    for cell in notebook.cells:
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            raise StudyError(f"Le carnet exécuté « {path.name} » contient une erreur.")
    return notebook


def fragment(exporter: ChapterExporter, path: Path, chapter: ChapterInfo) -> str:
    """HTML of one chapter: ``<section class="chapitre" id=…>``."""
    html, _ = exporter.from_notebook_node(
        read(path),
        resources={
            "chapter": {
                "id": chapter_id(chapter.name),
                "name": chapter.name,
                "kind": "synthese" if chapter.synthesis else "mesure",
            }
        },
    )
    return str(html)
