"""Everything that is published from a build folder: the door that the pipeline uses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlflow_study.paths import Build
from mlflow_study.publication.html import build_report


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
    report = build_report(build, chapters)
    written = [report]
    if pdf:
        from mlflow_study.publication.pdf import write_pdf

        written.append(write_pdf(report))
    if slides:
        from mlflow_study.publication.slides import write_slides

        written.append(write_slides(report))
    if crate:
        from mlflow_study.publication.crate import write_crate

        written.append(write_crate(build))
    return written
