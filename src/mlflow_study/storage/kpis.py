"""From observations to KPIs: places, limits, paging, deletion, migration, defaults.

Each function takes tables of one instrument and yields the arguments of ``Chapter.kpi``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mlflow_study.evidence.records import BEFORE
from mlflow_study.evidence.statistics import wilson
from mlflow_study.storage.defaults import READ_BY_OLDER
from mlflow_study.storage.migration import DATA, SCHEMA
from mlflow_study.store_names import STORES

Kpi = dict[str, Any]
Tables = Mapping[str, pd.DataFrame]


ARTIFACT_KINDS = ("text", "figure", "table", "model_weight", "model_signature", "model_example")
"""Kinds that MLflow calls artifacts: files of a run, and the files of a model."""
METADATA_KINDS = (
    "experiment_name", "experiment_tag", "run_name", "run_note", "run_tag", "param",
    "metric_first", "metric_last", "dataset_name", "dataset_source", "dataset_schema",
    "dataset_context", "nested_run", "model_name", "model_param", "model_tag", "model_metric",
    "registered_model", "version_note", "version_tag", "alias", "trace_tag", "trace_request",
    "span_name", "span_attribute", "feedback", "prompt",
)  # fmt: skip
"""Kinds that MLflow calls metadata.  ``dataset_value`` is neither: MLflow keeps no data."""

SPAN_KINDS = ("trace_request", "span_name", "span_attribute")
"""The content of a trace, which is metadata or artifact according to the store: see S17."""

RUN_KINDS = (
    "run_name", "run_note", "run_tag", "param", "metric_first", "metric_last", "dataset_context",
    "text", "figure", "table", "model_weight", "model_signature", "model_metric", "id run",
)  # fmt: skip
"""What belongs to a run: ``mlflow gc`` promises «all artifacts and metadata» of it."""

ANNOUNCED = (
    "param_key", "metric_key", "tag_key", "param_value", "tag_value", "metrics_batch",
    "params_batch", "tags_batch", "batch_bytes",
)  # fmt: skip
"""The limits of claim S9."""

WITNESSES = Path(__file__).with_name("witnesses")
CLAIMS = ("S1", "S2", "S3", *(f"S{n}" for n in range(5, 21)))
"""The claims of this half of the chapter (the cost of storage has its own)."""


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def found_places(places: pd.DataFrame) -> pd.DataFrame:
    """Places where the value itself lies; a name of a file or folder counts where alone."""
    by_value = places[~places["nom"]]
    others = places[places["nom"]]
    known = set(zip(by_value["backend"], by_value["genre"], strict=True))
    alone = [(b, g) not in known for b, g in zip(others["backend"], others["genre"], strict=True)]
    return pd.concat([by_value, others[alone]], ignore_index=True)


def place_kpis(tables: Tables) -> Iterator[Kpi]:
    """Which side each kind lies on; what is kept twice, or nowhere; where models go."""
    method = "un marqueur unique par genre de donnée, cherché dans chaque colonne et chaque fichier"
    places, refused = found_places(tables["lieux"]), tables["refus"]
    kinds = (*METADATA_KINDS, *ARTIFACT_KINDS)
    for backend, rows in places.groupby("backend"):
        label = STORES[str(backend)]
        excluded = set(refused[refused["backend"] == backend]["genre"])
        tried = [kind for kind in kinds if kind not in excluded]
        sides = rows.groupby("genre")["nature"].agg(set)
        wrong = [
            kind
            for kind in tried
            if kind in sides
            and kind not in SPAN_KINDS
            and (
                sides[kind] != {"artefact"} if kind in ARTIFACT_KINDS else "artefact" in sides[kind]
            )
        ]
        count = rows.groupby("genre")["lieu"].nunique()
        yield {
            "id": f"stockage.lieu.mauvais_cote.{backend}",
            "libelle": f"genres de données du mauvais côté, {label}",
            "valeur": len(wrong),
            "unite": "genres",
            "n": len([kind for kind in tried if kind not in SPAN_KINDS]),
            "methode": method,
            "conditions": {"genres": ", ".join(wrong)},
        }
        yield {
            "id": f"stockage.lieu.deux_fois.{backend}",
            "libelle": f"genres rangés en plusieurs lieux, {label}",
            "valeur": sum(int(count.get(kind, 0)) > 1 for kind in tried),
            "unite": "genres",
            "n": len(tried),
            "methode": method,
        }
        nowhere = [kind for kind in (*tried, "dataset_value") if kind not in sides]
        yield {
            "id": f"stockage.lieu.nulle_part.{backend}",
            "libelle": f"genres introuvables, {label}",
            "valeur": len(nowhere),
            "unite": "genres",
            "n": len(tried) + 1,
            "methode": method,
            "conditions": {"genres": ", ".join(nowhere)},
        }
        models = rows[rows["genre"].isin(["model_weight", "model_signature", "model_example"])]
        inside = models["lieu"].str.contains("/models/‹modèle›/", regex=False)
        yield {
            "id": f"stockage.modele.hors_place.{backend}",
            "libelle": f"fichiers de modèle hors de leur place, {label}",
            "valeur": int((~inside).sum()),
            "unite": "fichiers",
            "n": len(models),
            "methode": "lieux des coefficients, de la signature et de l’exemple du modèle",
        }
    for row in _records(tables["traces"]):
        doubles, traces = int(row["doubles"]), int(row["traces"])
        if doubles < 0 or row["backend"] == "file":
            continue
        yield {
            "id": f"stockage.trace.deux_fois.{row['backend']}",
            "libelle": f"traces aux segments rangés deux fois, {STORES[str(row['backend'])]}",
            "valeur": doubles,
            "unite": "traces",
            "n": traces,
            "methode": "traces dont les segments sont dans la base et dans un fichier traces.json",
            "conditions": dict(zip(("bas", "haut"), wilson(doubles, traces), strict=True)),
        }


def limit_kpis(tables: Tables) -> Iterator[Kpi]:
    """Announced limits held against those that were found."""
    method = "plus longue valeur relue intacte, par doublement puis dichotomie"
    for backend, rows in tables["limites"].groupby("backend"):
        label = STORES[str(backend)]
        held: Any = rows.set_index("limite")
        tried = [name for name in ANNOUNCED if name in held.index]
        missed = [name for name in tried if not _kept(held.loc[name])]
        yield {
            "id": f"stockage.limite.annonce.{backend}",
            "libelle": f"bornes annoncées non tenues, {label}",
            "valeur": len(missed),
            "unite": "limites",
            "n": len(tried),
            "methode": method,
            "conditions": {"limites": ", ".join(missed)},
        }
        if "experiment_name" in held.index:  # not tried on a server that is not ours
            name = held.loc["experiment_name"]
            yield {
                "id": f"stockage.limite.nom_experience.{backend}",
                "libelle": f"nom d’expérience de la longueur annoncée, {label}",
                "valeur": bool(_kept(name)),
                "unite": "",
                "methode": method,
                "conditions": {"trouvee": int(name["trouvee"]), "au_dela": str(name["au_dela"])},
            }
        values = [held.loc[n] for n in ("param_value", "tag_value")]
        cut = [bool(str(v["au_dela"]).startswith("coupe")) for v in values]
        yield {
            "id": f"stockage.limite.coupe.{backend}",
            "libelle": f"valeurs trop longues tronquées, {label}",
            "valeur": all(cut),
            "unite": "",
            "methode": "valeur d’un caractère de trop, relue",
            "conditions": {
                "parametre": str(values[0]["au_dela"]),
                "etiquette": str(values[1]["au_dela"]),
            },
        }
        exposed = rows["au_dela"].isin(["erreur de la base", "erreur du système"])
        silent = rows["au_dela"].isin(["coupe muette", "altérée", "illisible"])
        for what, flags in (("erreur_exposee", exposed), ("muette", silent)):
            yield {
                "id": f"stockage.limite.{what}.{backend}",
                "libelle": f"limites au-delà desquelles {_BEYOND[what]}, {label}",
                "valeur": int(flags.sum()),
                "unite": "limites",
                "n": len(rows),
                "methode": method,
                "conditions": {"limites": ", ".join(rows[flags]["limite"])},
            }


_BEYOND = {
    "erreur_exposee": "l’erreur d’une autre couche apparaît",
    "muette": "la valeur est changée sans un mot",
}


def _kept(row: Any) -> bool:
    """Is the announced limit the one that was found?

    A request weighs a little more than the values that it carries: there, 1 % is allowed.
    """
    if row["unite"] == "octets":
        return bool(row["bornee"] and 0.99 * row["annoncee"] <= row["trouvee"] <= row["annoncee"])
    return bool(row["bornee"] and row["trouvee"] == row["annoncee"])


def page_kpis(tables: Tables) -> Iterator[Kpi]:
    """Runs missed or read twice, at rest and while the experiment changes; page sizes."""
    for backend, rows in tables["pages"].groupby("backend"):
        label = STORES[str(backend)]
        faults = rows["manquants"] + rows["doublons"]
        still, moving = rows["essai"] == "complète", rows["essai"].isin(["ajout", "retrait"])
        for what, flags, of in (
            ("complete", still, "au repos"),
            ("mouvement", moving, "pendant un ajout ou un retrait"),
        ):
            yield {
                "id": f"stockage.pages.{what}.{backend}",
                "libelle": f"runs oubliés ou lus deux fois {of}, {label}",
                "valeur": int(faults[flags].sum()),
                "unite": "runs",
                "n": int(rows[flags]["attendus"].sum()),
                "methode": f"runs oubliés ou lus deux fois en lisant page par page, {of}",
            }
        default: Any = rows[rows["essai"] == "défaut"].iloc[0]
        cap: Any = rows[rows["essai"] == "plafond"].iloc[0]
        kept: bool | None = int(cap["lus"]) == 50_000
        conditions: dict[str, Any] = {"page": int(default["lus"]), "plafond": int(cap["lus"])}
        if int(default["attendus"]) > 1000:
            kept = kept and int(default["lus"]) == 1000
        elif kept:
            kept = None
            conditions["motif"] = "trop peu de runs pour voir une page s’arrêter à 1 000"
        yield {
            "id": f"stockage.pages.bornes.{backend}",
            "libelle": f"tailles de page annoncées, {label}",
            "valeur": kept,
            "unite": "",
            "methode": "runs d’une page sans max_results ; plus grand max_results accepté",
            "conditions": conditions,
        }


def deletion_kpis(tables: Tables) -> Iterator[Kpi]:
    """What deletion, restoration and collection leave."""
    stages, left, space = tables["etapes"], tables["restes"], tables["place"]
    for backend, rows in stages.groupby("backend"):
        label = STORES[str(backend)]
        stage: Any = rows.set_index("etape")
        place: Any = space[space["backend"] == backend].set_index("moment")
        collected = place.loc["gc"]
        remaining = int(stage.loc["gc", "lisible"]) + int(collected["runs_restants"])
        yield {
            "id": f"stockage.suppression.run.{backend}",
            "libelle": f"runs supprimés qui répondent encore après `mlflow gc`, {label}",
            "valeur": remaining,
            "unite": "runs",
            "n": 1 + int(collected["runs"]),
            "methode": "runs supprimés qui répondent encore après mlflow gc",
        }
        restored = stage.loc["restauration"]
        seen = "appreciations" in stage  # are the assessments among what was read again?
        yield {
            "id": f"stockage.suppression.restauration.{backend}",
            "libelle": f"run restauré entier, {label}",
            "valeur": bool(restored["lisible"] and restored["liste"] and restored["complet"])
            if seen
            else None,
            "unite": "",
            "methode": "run supprimé puis restauré : listé, et relu entier, ses appréciations comprises",
            "conditions": {
                "appreciations": int(stage.loc["avant", "appreciations"]),
                "rendues": int(restored["appreciations"]),
            }
            if seen
            else {"motif": BEFORE},
        }
        kinds = set(left[(left["backend"] == backend) & left["genre"].isin(RUN_KINDS)]["genre"])
        yield {
            "id": f"stockage.suppression.restes.{backend}",
            "libelle": f"genres de données du run restés après `mlflow gc`, {label}",
            "valeur": len(kinds),
            "unite": "genres",
            "n": len(RUN_KINDS),
            "methode": "marqueurs et identifiant du run cherchés partout après mlflow gc",
            "conditions": {"genres": ", ".join(sorted(kinds))},
        }
        taken = float(place.loc["pleine", "octets"] - place.loc["vide", "octets"])
        back = float(place.loc["pleine", "octets"] - collected["octets"])
        yield {
            "id": f"stockage.suppression.place_rendue.{backend}",
            "libelle": f"place rendue au disque par `mlflow gc`, {label}",
            "valeur": max(0.0, min(1.0, back / taken)) if taken > 0 else 0.0,
            "unite": "proportion",
            "methode": "octets d’une expérience de lignes nombreuses, avant et après mlflow gc",
            "conditions": {"octets": int(taken), "lignes": int(collected["lignes"])},
        }


_PLAIN = {
    "ordinaire": "une métrique puis un modèle",
    "riche": "une étude complète sans points en double",
}
"""Cases whose label has a comma, in words that can stand in a list."""


def migration_kpis(tables: Tables) -> Iterator[Kpi]:
    """Fidelity case by case, atomicity, resumption."""
    for row in _records(tables["cas"]):
        refused, case = bool(row["refus"]), str(row["cas"])
        objects = int(row["objets"])
        yield {
            "id": f"stockage.migration.{'abime' if case == 'abime' else f'cas.{case}'}",
            "libelle": f"objets refusés ou changés, {_PLAIN.get(case, row['libelle'])}",
            "valeur": objects if refused else int(row["alteres"]) + int(row["perdus"]),
            "unite": "objets",
            "n": objects,
            "methode": "chaque objet relu par l’interface, avant et après migrate-filestore",
            "conditions": {"refus": refused, "silencieux": bool(row["silencieux"])},
        }
    kills = observed(tables["arrets"])
    among = kills[~kills["fini"] & (kills["phase"] == DATA)]
    method = "SIGKILL à des moments tirés dans la durée de la migration"
    yield {
        "id": "stockage.migration.atomique",
        "libelle": "arrêts brutaux qui laissent une partie des lignes",
        "valeur": int(among["partiel"].sum()),
        "unite": "arrêts",
        "n": len(among),
        "methode": f"{method} ; comptés ceux d’après la création du schéma",
    }
    yield {
        "id": "stockage.migration.reprise",
        "libelle": "reprises manquées après un arrêt brutal",
        "valeur": int(((kills["reprise"] != 0) | ~kills["identique"]).sum()),
        "unite": "reprises",
        "n": len(kills),
        "methode": f"{method}, puis la même commande, à qui l’opérateur répond oui",
    }
    lost: Any = tables["ecrasement"].iloc[0]
    yield {
        "id": "stockage.migration.ecrasement",
        "libelle": "runs perdus d’une base existante quand la migration échoue",
        "valeur": int(lost["runs_avant"] - lost["runs_apres"]),
        "unite": "runs",
        "n": int(lost["runs_avant"]),
        "methode": "cible déjà remplie, source refusée, réponse oui à `Overwrite?`",
    }


def observed(kills: pd.DataFrame) -> pd.DataFrame:
    """Kills with the phase that each struck.

    Where it was not recorded, the most tables that were seen are the whole schema.
    """
    if "phase" in kills:
        return kills
    complete = kills["tables"] == kills["tables"].max()
    return kills.assign(phase=complete.map({True: DATA, False: SCHEMA}))


def default_kpis(defaults: pd.DataFrame, older: pd.DataFrame) -> Iterator[Kpi]:
    """The store chosen when nothing is said; the file store's gate; other releases."""
    method = "un run dans un dossier neuf, dans un processus neuf, sans réglage"
    held: Any = defaults.set_index("scenario")
    for name in ("vide", "mlruns_vide"):
        yield {
            "id": f"stockage.defaut.magasin.{name}",
            "libelle": str(held.loc[name, "libelle"]),
            "valeur": _chosen(held.loc[name]),
            "unite": "",
            "methode": method,
        }
    filled = held.loc["mlruns_rempli"]
    yield {
        "id": "stockage.defaut.existant",
        "libelle": "dossier `mlruns` rempli, rien de réglé",
        "valeur": str(filled["suivi"]),
        "unite": "",
        "methode": method,
        "conditions": {"magasin": str(filled["magasin"])},
    }
    expected = {
        "mlruns_rempli": "refus",
        "demande": "refus",
        "accord": "écrit",
        "demande_accord": "écrit",
    }
    outcomes = [
        str(held.loc[name, column]) == wanted
        for name, wanted in expected.items()
        for column in ("suivi", "registre")
    ]  # fmt: skip
    yield {
        "id": "stockage.defaut.accord",
        "libelle": "accord non respecté, suivi ou registre sur fichiers",
        "valeur": outcomes.count(False),
        "unite": "essais",
        "n": len(outcomes),
        "methode": "avec et sans MLFLOW_ALLOW_FILE_STORE",
    }
    old: Any = older.iloc[0]
    asked: list[tuple[str, str | None, str, str]] = [
        ("defaut", "fichiers" if old["mlruns"] and not old["base"] else str(old["uri"]), "", "")
    ]
    for column in READ_BY_OLDER:
        message = str(old.get(column, ""))
        read = _read_by_older(message)
        other = f"la lecture échoue pour une autre raison que le schéma : {message}"
        asked.append((column, read, "" if read else other if message else BEFORE, message))
    for what, value, reason, message in asked:
        reason = str(old["motif"]) or reason
        yield {
            "id": f"stockage.version.{what}",
            "libelle": (
                f"MLflow {old['release']}" if old["release"] else "une version plus ancienne"
            )
            + (f", {STORES[READ_BY_OLDER[what]]}" if what in READ_BY_OLDER else ""),
            "valeur": None if reason else value,
            "unite": "",
            "methode": "une version plus ancienne de MLflow, dans son propre environnement",
            "conditions": {"motif": reason}
            if reason
            else {"message": message or str(old["lecture"])},
        }


def _read_by_older(said: str) -> str | None:
    """Did an older release read the database, or refuse its schema?  None: it failed otherwise."""
    if said.endswith(" run"):
        return "lisible"
    return "refus" if re.search(r"revision|database schema", said) else None


def _chosen(row: Any) -> str:
    """What was written to, seen from the folder: a database, or files."""
    if row["suivi"] != "écrit":
        return str(row["suivi"])
    return "sqlite" if "mlflow.db" in str(row["fichiers"]) else "fichiers"


def record(chapter: Any, found: Iterator[Kpi]) -> None:
    """Hand KPIs to a chapter (``Chapter.kpi``)."""
    for values in found:
        chapter.kpi(**values)


def attach_witnesses(chapter: Any, claims: tuple[str, ...]) -> None:
    """Attach to each of ``claims`` its pasteable reproduction, where there is one."""
    for claim in claims:
        for path in sorted(WITNESSES.glob(f"{claim}_*.py")):
            chapter.witness(claim, path.read_text(encoding="utf-8"))
