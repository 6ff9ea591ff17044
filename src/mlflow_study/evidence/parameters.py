"""Parameters of ``06_synthese.ipynb``."""

from __future__ import annotations

from typing import ClassVar

from mlflow_study.parameters import ChapterParameters


class Synthese(ChapterParameters):
    """The synthesis measures nothing: it takes the seed only, like every notebook."""

    notebook: ClassVar[str] = "06_synthese"
