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
REPORT_FILES = ("rapport.html", *FORMATS.values())


def publish(build: Build, chapters: Iterable[str] | None = None) -> Path:
    """Write the report; return its file.  Raises StudyError."""
    from mlflow_study.publication.html import build_report

    return build_report(build, chapters)


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
