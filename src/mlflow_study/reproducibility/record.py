"""What a store says of one run: read through MLflow's public API, nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Record:
    """Everything that MLflow gives back for a run.

    ``artifacts`` and ``models`` map a path inside the run, or inside a logged model, to the
    URI that downloads it.  ``datasets`` hold name, digest, source type, source and context.
    """

    run_id: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    datasets: tuple[Mapping[str, str], ...]
    artifacts: Mapping[str, str]
    models: Mapping[str, str]
    unread: tuple[str, ...] = field(default=())
    """Parts of the record that could not be read, with MLflow's error."""

    def tag(self, name: str) -> str | None:
        return self.tags.get(name)

    def without(self, item: str) -> Record:
        """The same record less one item: ``parametre:C``, ``etiquette:git.url``, ``artefact:code``."""
        kind, _, name = item.partition(":")
        match kind:
            case "parametre":
                return replace(self, parameters=_drop(self.parameters, name))
            case "etiquette":
                return replace(self, tags=_drop(self.tags, name))
            case "artefact":
                return replace(
                    self,
                    artifacts=_drop_under(self.artifacts, name),
                    models=_drop_under(self.models, name),
                )
        raise ValueError(f"unknown item {item}")

    def files(self, folder: str) -> dict[str, str]:
        """Files recorded under a folder name, in the run or in a model: name -> URI."""
        found: dict[str, str] = {}
        for path, uri in {**self.models, **self.artifacts}.items():
            parts = path.split("/")
            if folder in parts[:-1]:
                found["/".join(parts[parts.index(folder) + 1 :])] = uri
        return found


def _drop(mapping: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in mapping.items() if k != name}


def _drop_under(mapping: Mapping[str, str], folder: str) -> dict[str, str]:
    return {k: v for k, v in mapping.items() if folder not in k.split("/")}


def read_record(uri: str, run_id: str) -> Record:
    """Read a run.  Raises MlflowException when the run itself cannot be read."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    run = client.get_run(run_id)
    unread: list[str] = []
    artifacts: dict[str, str] = {}
    models: dict[str, str] = {}
    try:
        artifacts = _walk(client, run_id)
    except (MlflowException, OSError) as error:
        unread.append(f"artefacts : {error}")
    outputs = run.outputs.model_outputs if run.outputs else []
    for output in outputs:
        try:
            model = client.get_logged_model(output.model_id)
            models |= _walk_model(client, model)
        except (MlflowException, OSError) as error:
            unread.append(f"modèle {output.model_id} : {error}")
    datasets = tuple(
        {
            "nom": entry.dataset.name,
            "empreinte": entry.dataset.digest,
            "type": entry.dataset.source_type,
            "source": entry.dataset.source,
            "contexte": ", ".join(tag.value for tag in entry.tags),
        }
        for entry in (run.inputs.dataset_inputs if run.inputs else [])
    )
    return Record(
        run_id=run_id,
        status=run.info.status,
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
        datasets=datasets,
        artifacts=artifacts,
        models=models,
        unread=tuple(unread),
    )


def _walk(client: Any, run_id: str, path: str | None = None) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in client.list_artifacts(run_id, path):
        if entry.is_dir:
            found |= _walk(client, run_id, entry.path)
        else:
            found[entry.path] = f"runs:/{run_id}/{entry.path}"
    return found


def _walk_model(client: Any, model: Any, path: str | None = None) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in client.list_logged_model_artifacts(model.model_id, path):
        if entry.is_dir:
            found |= _walk_model(client, model, entry.path)
        else:
            found[f"{model.name}/{entry.path}"] = f"{model.artifact_location}/{entry.path}"
    return found


def download(uri: str, folder: Path, tracking_uri: str) -> Path:
    """Fetch one recorded file into ``folder``."""
    from mlflow.artifacts import download_artifacts

    folder.mkdir(parents=True, exist_ok=True)
    return Path(
        download_artifacts(artifact_uri=uri, dst_path=str(folder), tracking_uri=tracking_uri)
    )


def local_source(dataset: Mapping[str, str]) -> str | None:
    """The path or address that a data set entry names, None where it names code only."""
    try:
        source = json.loads(dataset["source"])
    except json.JSONDecodeError:
        return dataset["source"]
    uri = source.get("uri") or source.get("url")
    return str(uri) if uri else None
