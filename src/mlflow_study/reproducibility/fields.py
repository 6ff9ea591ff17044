"""Which variables of an experiment its record holds: unasked, when asked, not at all.

The list follows the variables of O. E. Gundersen & S. Kjensmo (AAAI 2018), grouped in
method, data and experiment, brought to what a tracked program has.
"""

from __future__ import annotations

import json
from typing import Any

from mlflow_study.population import Recorded
from mlflow_study.reproducibility.record import Record, local_source, read_record

VARIABLES: tuple[tuple[str, str], ...] = (
    ("méthode", "code du programme"),
    ("méthode", "version du code"),
    ("méthode", "adresse du code"),
    ("méthode", "dépôt modifié ou non"),
    ("méthode", "commande complète"),
    ("méthode", "hyperparamètres choisis"),
    ("méthode", "graine"),
    ("données", "empreinte des données"),
    ("données", "données ou chemin qui y mène"),
    ("données", "découpage entraînement-test"),
    ("données", "données de test"),
    ("expérience", "résultats"),
    ("expérience", "modèle appris"),
    ("expérience", "versions des bibliothèques"),
    ("expérience", "version de Python"),
    ("expérience", "matériel"),
    ("expérience", "nombre de fils"),
    ("expérience", "auteur"),
    ("expérience", "dates"),
    ("expérience", "hypothèse et conclusion"),
)


def recorded_fields(recorded: Recorded, tracking_uri: str) -> list[dict[str, Any]]:
    """One row per variable: is it in this run's record?"""
    assert recorded.run_id is not None
    record = read_record(tracking_uri, recorded.run_id)
    present = _present(recorded, record)
    subject = recorded.experiment.subject
    rows = []
    for group, variable in VARIABLES:
        if variable == "graine" and "seed" not in [name for name, *_ in subject.arguments]:
            continue
        rows.append(
            {
                "experience": recorded.experiment.key,
                "enregistrement": recorded.experiment.recording,
                "groupe": group,
                "variable": variable,
                "present": present[variable],
            }
        )
    return rows


def _present(recorded: Recorded, record: Record) -> dict[str, bool]:
    subject = recorded.experiment.subject
    values = {str(v) for v in record.parameters.values()}
    chosen = [value for name, *_, value in subject.arguments if name != "seed"]
    seed = [value for name, *_, value in subject.arguments if name == "seed"]
    files = {**record.models, **record.artifacts}
    names = [path.rsplit("/", 1)[-1] for path in files]
    command = record.tag("command") or ""
    contexts = [entry["contexte"] for entry in record.datasets]
    return {
        "code du programme": "train.py" in names,
        "version du code": record.tag("mlflow.source.git.commit") == recorded.commit,
        "adresse du code": recorded.forge
        in (
            record.tag("mlflow.source.git.repoURL"),
            record.tag("git.url"),
            record.tag("mlflow.source.name"),
        ),
        "dépôt modifié ou non": any("dirty" in tag for tag in record.tags),
        "commande complète": all(o in command for o in subject.command_line())
        or record.tag("mlflow.source.type") == "PROJECT",
        "hyperparamètres choisis": all(_in(value, values) for value in chosen),
        "graine": all(_in(value, values) for value in seed),
        "empreinte des données": bool(record.datasets),
        "données ou chemin qui y mène": "data.csv" in names
        or any(local_source(entry) for entry in record.datasets),
        "découpage entraînement-test": "random_state" in values and "test_size" in values,
        "données de test": any("eval" in c or "test" in c for c in contexts),
        "résultats": bool(record.metrics),
        "modèle appris": any(n.startswith("model.") for n in names),
        "versions des bibliothèques": "requirements.txt" in names,
        "version de Python": "python_env.yaml" in names,
        "matériel": any("cpu" in k.lower() or "system" in k.lower() for k in record.metrics),
        "nombre de fils": any("n_jobs" in name for name in record.parameters),
        "auteur": bool(record.tag("mlflow.user")),
        "dates": True,
        "hypothèse et conclusion": bool(record.tag("mlflow.note.content")),
    }


def _in(value: str, recorded: set[str]) -> bool:
    """A value is there as text or as the same number."""
    if value in recorded:
        return True
    try:
        number = float(value)
    except ValueError:
        return False
    for text in recorded:
        try:
            if float(json.loads(text)) == number:
                return True
        except (ValueError, TypeError):
            continue
    return False
