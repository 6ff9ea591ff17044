"""Programs that this study uses where they are installed, and does without elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def search_path() -> str:
    """The PATH, then the folder of this Python, where ``uv`` is installed with the study."""
    beside = os.fspath(Path(sys.executable).parent)
    return os.pathsep.join([os.environ.get("PATH", os.defpath), beside])


def find_uv() -> str | None:
    """Path of ``uv``."""
    return shutil.which("uv", path=search_path())


def find_browser() -> str | None:
    """Path of a Chromium or Chrome that can be driven without a window."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)
