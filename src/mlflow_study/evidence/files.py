"""Writing evidence: whole or not at all, checked against its schema."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from mlflow_study.errors import EvidenceError
from mlflow_study.evidence.records import Claim, Context, Kpi, Verdict

Record = TypeVar("Record", bound=BaseModel)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` in one step: a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(
            0o644
        )  # mkstemp keeps a file to its owner; what we write is published
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write UTF-8 JSON with stable layout; NaN is refused, since it is not JSON."""
    text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False)
    write_atomically(path, (text + "\n").encode("utf-8"))


def write_records(path: Path, records: Iterable[BaseModel]) -> None:
    """Write a list of validated records (``kpi.json``, ``verdicts.json``)."""
    write_json(path, [record.model_dump(mode="json") for record in records])


def _read_list(path: Path, kind: type[Record]) -> list[Record]:
    try:
        return TypeAdapter(list[kind]).validate_json(path.read_bytes())  # type: ignore[valid-type]
    except FileNotFoundError as error:
        raise EvidenceError(f"Le fichier de preuves « {path.name} » manque.") from error
    except ValidationError as error:
        raise EvidenceError(
            f"Le fichier de preuves « {path.name} » ne suit pas son schéma : {error}"
        ) from error


def read_kpis(path: Path) -> list[Kpi]:
    """Read and check ``kpi.json``."""
    return _read_list(path, Kpi)


def read_verdicts(path: Path) -> list[Verdict]:
    """Read and check ``verdicts.json``."""
    return _read_list(path, Verdict)


def read_context(path: Path) -> Context:
    """Read and check ``contexte.json``."""
    try:
        return Context.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise EvidenceError(f"Le contexte « {path.name} » manque ou est abîmé.") from error


def read_register(path: Path) -> list[Claim]:
    """Read ``data/affirmations.yaml``; ids must be unique.  Raises EvidenceError."""
    try:
        claims = TypeAdapter(list[Claim]).validate_python(
            yaml.safe_load(path.read_text(encoding="utf-8")) or []
        )
    except (FileNotFoundError, ValidationError, yaml.YAMLError) as error:
        raise EvidenceError(f"Le registre « {path.name} » est illisible : {error}") from error
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise EvidenceError(f"Le registre donne deux fois l’identifiant {claim.id}.")
        seen.add(claim.id)
    return claims
