"""Programs that this study uses where they are installed, and does without elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def find_uv() -> str | None:
    """Path of ``uv``: on the PATH, or beside this Python."""
    beside = Path(sys.executable).parent
    return shutil.which("uv") or shutil.which("uv", path=os.fspath(beside))


def find_browser() -> str | None:
    """Path of a Chromium or Chrome that can be driven without a window."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)
