"""The report on paper: the very page, through WeasyPrint, tagged (PDF/UA-1).

The tags, the language, the title and the outline are there; no validator has said that
the file conforms to the standard, and we do not claim it.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import Any

from mlflow_study.errors import ParameterError
from mlflow_study.evidence.files import write_atomically

FILE = "rapport.pdf"
_EPOCH = "SOURCE_DATE_EPOCH"


def weasyprint() -> tuple[Any, Any]:
    """Its ``HTML`` and ``URLFetcher``.  Raises ParameterError without it or without Pango."""
    try:
        with contextlib.redirect_stdout(None):  # it explains the lack of Pango in English
            from weasyprint import HTML
            from weasyprint.urls import URLFetcher
    except ImportError:
        raise ParameterError(
            "--pdf demande WeasyPrint, qui n’est pas installé.",
            next_step='pip install -e ".[pdf]"',
        ) from None
    except OSError:
        raise ParameterError(
            "--pdf demande la bibliothèque Pango du système, qui manque.",
            next_step="Installez-la (apt install libpango-1.0-0 libpangoft2-1.0-0), "
            "ou passez-vous de --pdf.",
        ) from None
    return HTML, URLFetcher


def write_pdf(report: Path) -> Path:
    """Write ``rapport.pdf`` beside the page.  Raises ParameterError; see ``weasyprint``."""
    HTML, URLFetcher = weasyprint()
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    before = os.environ.get(_EPOCH)
    os.environ[_EPOCH] = before or "0"  # same page, same bytes
    try:
        only_data = URLFetcher(allowed_protocols=["data"], fail_on_errors=True)
        document = HTML(string=report.read_text(encoding="utf-8"), url_fetcher=only_data)
        content = document.write_pdf(pdf_variant="pdf/ua-1")
    finally:
        if before is None:
            del os.environ[_EPOCH]
    target = report.parent / FILE
    write_atomically(target, content)
    return target
