"""Everything that is published from a build folder: the door that the pipeline uses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlflow_study.paths import Build

FORMATS = {
    "pdf": "rapport.pdf",
    "diapos": "diapositives.html",
    "crate": "ro-crate-metadata.json",
}
"""What is made of a report that is already bound: option → file."""


def publish(
    build: Build,
    chapters: Iterable[str] | None = None,
    *,
    pdf: bool = False,
    slides: bool = False,
    crate: bool = False,
) -> list[Path]:
    """Write the report and what was asked for beside it; return the files written.

    The crate comes last: it describes the others.  Raises StudyError.
    """
    from mlflow_study.publication.html import build_report

    written = [build_report(build, chapters)]
    asked = {"pdf": pdf, "diapos": slides, "crate": crate}
    return written + [publish_as(build, name) for name, wanted in asked.items() if wanted]


def publish_as(build: Build, name: str) -> Path:
    """Write one of ``FORMATS`` from the report of a build.  Raises StudyError."""
    report = build.folder / "rapport.html"
    if name == "pdf":
        from mlflow_study.publication.pdf import write_pdf

        return write_pdf(report)
    if name == "diapos":
        from mlflow_study.publication.slides import write_slides

        return write_slides(report)
    from mlflow_study.publication.crate import write_crate

    return write_crate(build)
