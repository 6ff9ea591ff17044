"""Parameters of ``01_stockage.ipynb``."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mlflow_study.parameters import ChapterParameters
from mlflow_study.stores import StoreName


class Stockage(ChapterParameters):
    """Systems under test, sizes and repetitions of the storage chapter."""

    notebook: ClassVar[str] = "01_stockage"

    backends: list[StoreName] = Field(
        default=[
            "file",
            "sqlite",
            "postgresql",
            "mariadb",
            "http+sqlite",
            "http+postgresql",
            "uri",
        ],
        min_length=1,
        description="magasins éprouvés ; celui qui manque sur la machine est dit non éprouvé",
    )
