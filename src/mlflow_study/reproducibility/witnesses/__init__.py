"""The smallest reproductions: one file per accused claim, ``<claim>_<slug>.py``."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def witnesses() -> dict[str, str]:
    """Claim id -> lines that a reader can paste and run."""
    return {
        path.stem.split("_")[0]: path.read_text(encoding="utf-8")
        for path in sorted(FOLDER.glob("R*_*.py"))
    }
