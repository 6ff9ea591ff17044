"""The witnesses of this chapter: small scripts that a reader can paste and run.

Each lies in ``<claim id>_<slug>.py``, works in a new temporary folder and ends by printing
a line that starts with ``TÉMOIN``: the fact that a test checks.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def files() -> dict[str, Path]:
    """Witness files by claim id."""
    return {path.stem.partition("_")[0]: path for path in sorted(FOLDER.glob("T*_*.py"))}


def code(claim: str) -> str:
    """Source of the witness of a claim.  Raises KeyError."""
    return files()[claim].read_text(encoding="utf-8")
