"""One model's complete record as W3C PROV: written, validated, read back, drawn.

Everything comes from the store through MLflow's public API.  What PROV asks and the
record does not hold is *guessed* under a stated rule, or left out, and listed either way.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow_study.traceability.questions import Asker

NAMESPACE = "https://example.org/mlflow-a-l-epreuve#"
FORMATS = ("json", "xml", "provn")
"""Serialisations of W3C that are tried."""


@dataclass
class Export:
    """A PROV document, and the account of what was guessed or could not be said."""

    document: Any
    guessed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def _time(ms: int | None) -> datetime | None:
    return datetime.fromtimestamp(ms / 1000, UTC) if ms else None


def export_version(asker: Asker, number: str) -> Export:
    """The record of one registered version: version <- model <- run <- data, code; agents."""
    from prov.model import PROV_TYPE, ProvDocument

    client = asker.client
    document = ProvDocument()
    document.add_namespace("etude", NAMESPACE)
    export = Export(document)
    version = client.get_model_version(asker.model, number)
    model = client.get_logged_model(version.source.rpartition("/")[2])
    run = client.get_run(model.source_run_id)

    def entity(name: str, kind: str, **attributes: Any) -> Any:
        pairs = {f"etude:{key}": value for key, value in attributes.items() if value is not None}
        return document.entity(f"etude:{name}", {PROV_TYPE: kind, **pairs})

    version_entity = entity(
        f"version-{number}", "version", nom=asker.model, numero=number, source=version.source
    )
    model_entity = entity("modele", "modele", identifiant=model.model_id, statut=str(model.status))
    activity = document.activity(
        "etude:run",
        _time(run.info.start_time),
        _time(run.info.end_time),
        {"etude:nom": run.info.run_name, "etude:statut": run.info.status},
    )
    document.specializationOf(version_entity, model_entity)
    document.wasGeneratedBy(model_entity, activity, _time(model.creation_timestamp))
    export.guessed.append(
        "la version est une spécialisation du modèle (MLflow dit seulement « source »)"
    )

    for key, value in run.data.params.items():
        parameter = entity(f"parametre-{key}", "parametre", cle=key, valeur=value)
        document.used(activity, parameter)
    export.missing.append("moment où chaque paramètre a été lu : MLflow ne le date pas")
    for key in run.data.metrics:
        for point in client.get_metric_history(run.info.run_id, key):
            name = f"metrique-{key}-{point.step}"
            measured = entity(name, "metrique", cle=key, pas=point.step, valeur=point.value)
            document.wasGeneratedBy(measured, activity, _time(point.timestamp))
    for item in client.list_artifacts(run.info.run_id):
        artifact = entity(f"artefact-{item.path}", "artefact", octets=item.file_size)
        document.wasGeneratedBy(artifact, activity)
        export.missing.append(f"moment et empreinte de l’artefact {item.path}")
    for index, used in enumerate(run.inputs.dataset_inputs):
        data = entity(
            f"donnees-{index}",
            "donnees",
            nom=used.dataset.name,
            empreinte=used.dataset.digest,
            adresse=_path_free(used.dataset.source),
        )
        document.used(activity, data)
        document.wasDerivedFrom(model_entity, data)
        export.guessed.append("le modèle dérive de toutes les données lues par son run")

    tags = run.data.tags
    if tags.get("mlflow.source.git.commit"):
        code = entity(
            "code",
            "code",
            commit=tags["mlflow.source.git.commit"],
            depot=tags.get("mlflow.source.git.repoURL"),
        )
        document.used(activity, code)
        export.guessed.append(
            "le commit est le code qui a tourné (rien ne dit que le dépôt était propre)"
        )
    else:
        export.missing.append("code du run")
    parent = tags.get("mlflow.parentRunId")
    if parent:
        above = document.activity("etude:run-parent", None, None, {"etude:identifiant": "parent"})
        document.wasInformedBy(activity, above)
        export.guessed.append("le run parent a informé le run (MLflow dit seulement « parent »)")
    user = tags.get("mlflow.user")
    if user:
        person = document.agent("etude:auteur", {PROV_TYPE: "prov:Person"})
        document.wasAssociatedWith(activity, person)
        document.wasAttributedTo(model_entity, person)
        export.guessed.append("l’auteur du run est l’auteur du modèle")
    software = document.agent("etude:mlflow", {PROV_TYPE: "prov:SoftwareAgent"})
    document.wasAssociatedWith(activity, software)
    registration = document.activity("etude:enregistrement", _time(version.creation_timestamp))
    document.used(registration, model_entity)
    document.wasGeneratedBy(version_entity, registration, _time(version.creation_timestamp))
    export.guessed.append("l’acte d’enregistrement : MLflow garde sa date, pas l’acte")
    export.missing += [
        "auteur de la version",
        "auteur, date et état antérieur de chaque alias",
        "états antérieurs des étiquettes et de la description",
        "machine du run",
    ]
    return export


def _path_free(source: str) -> str:
    """The data's address without the machine's folders."""
    loaded = json.loads(source)
    return str(Path(str(loaded.get("uri") or loaded.get("url") or source)).name)


def validate(document: Any) -> list[str]:
    """Constraints of PROV-CONSTRAINTS that a record can break; [] when it holds.

    Checked: every relation points at a declared element; an activity ends no sooner than
    it starts (constraint 30); an entity is generated within its activity (34, 36); no
    entity is generated twice by different acts, save a shared time (24); the derivation
    graph has no cycle (58).
    """
    from prov.model import (
        ProvActivity,
        ProvDerivation,
        ProvElement,
        ProvGeneration,
        ProvRelation,
    )

    broken = []
    elements = {e.identifier: e for e in document.get_records(ProvElement)}
    for relation in document.get_records(ProvRelation):
        for _, value in relation.formal_attributes:
            if hasattr(value, "localpart") and value not in elements:
                broken.append(f"{value} n’est pas déclaré")
    spans = {}
    for activity in document.get_records(ProvActivity):
        start, end = activity.get_startTime(), activity.get_endTime()
        spans[activity.identifier] = (start, end)
        if start and end and end < start:
            broken.append(f"{activity.identifier} finit avant de commencer")
    for generation in document.get_records(ProvGeneration):
        entity, activity, when = (value for _, value in generation.formal_attributes)
        start, end = spans.get(activity, (None, None))
        if when and start and when < start:
            broken.append(f"{entity} est engendré avant le début de son activité")
        if when and end and when > end:
            broken.append(f"{entity} est engendré après la fin de son activité")
    arrows: dict[Any, set[Any]] = {}
    for derivation in document.get_records(ProvDerivation):
        values = [value for _, value in derivation.formal_attributes]
        arrows.setdefault(values[0], set()).add(values[1])
    if _cyclic(arrows):
        broken.append("la dérivation tourne en rond")
    return broken


def _cyclic(arrows: dict[Any, set[Any]]) -> bool:
    def reaches(node: Any, seen: frozenset[Any]) -> bool:
        return node in seen or any(reaches(n, seen | {node}) for n in arrows.get(node, ()))

    return any(reaches(node, frozenset()) for node in arrows)


def described(export: Export) -> dict[str, list[dict[str, Any]]]:
    """Rows for the reader.

    ``formats`` (format, octets, relu: read back equal, or why not); ``contraintes``
    (contrainte), the constraints that the record breaks; ``noeuds`` (id, genre, libelle)
    and ``liens`` (de, vers, relation), the lineage graph; ``manques`` (sorte: deviné or
    absent, texte).
    """
    from prov.model import ProvActivity, ProvAgent, ProvElement, ProvRelation

    document = export.document
    nodes, links = [], []
    for element in document.get_records(ProvElement):
        kind = (
            "activité"
            if isinstance(element, ProvActivity)
            else "agent"
            if isinstance(element, ProvAgent)
            else "entité"
        )
        nodes.append(
            {
                "id": element.identifier.localpart,
                "genre": kind,
                "libelle": element.identifier.localpart,
            }
        )
    for relation in document.get_records(ProvRelation):
        ends = [v.localpart for _, v in relation.formal_attributes if hasattr(v, "localpart")]
        links.append({"de": ends[0], "vers": ends[1], "relation": relation.get_type().localpart})
    return {
        "formats": [_round_trip(document, name) for name in FORMATS],
        "contraintes": [{"contrainte": text} for text in validate(document)],
        "noeuds": nodes,
        "liens": links,
        "manques": [
            *({"sorte": "deviné", "texte": text} for text in dict.fromkeys(export.guessed)),
            *({"sorte": "absent", "texte": text} for text in dict.fromkeys(export.missing)),
        ],
    }


def _round_trip(document: Any, name: str) -> dict[str, Any]:
    from prov.model import ProvDocument

    text = document.serialize(format=name)
    try:
        again = ProvDocument.deserialize(io.StringIO(text), format=name)
        state = "égal" if again == document else "différent"
    except NotImplementedError:
        state = "illisible par la bibliothèque"
    return {"format": name, "octets": len(text.encode()), "relu": state}
