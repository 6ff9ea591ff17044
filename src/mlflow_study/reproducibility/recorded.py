"""The full pass through time, kept in the repository as dated evidence.

``python -m mlflow_study.reproducibility.recorded`` makes it again (some twenty minutes, a
few gigabytes of environments under ``build/cache``); a notebook reads it back and says
when and on what machine it was made.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from mlflow_study.errors import EvidenceError
from mlflow_study.evidence.observations import Laboratory
from mlflow_study.paths import ROOT
from mlflow_study.reproducibility.releases import RELEASES, through_time

FOLDER = ROOT / "data" / "resultats" / "releases"
NAME = "releases"


def recorded_digest(folder: Path = FOLDER) -> str:
    """Digest of the recorded files: a parameter of ``read_recorded``, so that it is not stale."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob(f"{NAME}.*.parquet")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def read_recorded(empreinte: str) -> dict[str, pd.DataFrame]:
    """The recorded tables, plus ``contexte``: one row with date, machine and versions.

    Raises EvidenceError when they are missing or are not those of ``empreinte``.
    """
    if not (FOLDER / f"{NAME}.etapes.parquet").exists():
        raise EvidenceError("Les preuves enregistrées de la traversée des versions manquent.")
    if recorded_digest() != empreinte:
        raise EvidenceError("Les preuves enregistrées ont changé pendant la lecture.")
    tables: dict[str, pd.DataFrame] = {}
    about: dict[str, object] = {}
    for part in ("etapes", "paquets"):
        arrow = pq.read_table(FOLDER / f"{NAME}.{part}.parquet")
        about = json.loads((arrow.schema.metadata or {}).get(b"mlflow_study", b"{}"))
        tables[part] = arrow.to_pandas()
    tables["contexte"] = pd.DataFrame(
        [
            {
                "date": about["date"],
                "duree_s": about["wall_s"],
                "machine": json.dumps(about["machine"], ensure_ascii=False),
                "versions": json.dumps(about["versions"], ensure_ascii=False),
            }
        ]
    )
    return tables


def main() -> None:
    """Measure every release and keep the evidence."""
    laboratory = Laboratory(FOLDER, remeasure=True)
    laboratory.measure(NAME, through_time, releases=tuple(RELEASES))


if __name__ == "__main__":
    main()
