"""Where each defect of this chapter comes from in the installed MLflow, and what to do.

A cause is named by a fragment of source; its line is found in the installed package, so
that it cannot go stale in silence: a fragment that is gone is reported as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Cause:
    """``known``: the thread upstream, or what our search of the threads gave."""

    defect: str
    file: str
    fragment: str
    known: str
    advice: str


_NOT_FOUND = "aucun fil trouvé"
CAUSES = (
    Cause(
        "Une métrique NaN attachée à un modèle lui est rendue 0 (bases SQL)",
        "store/tracking/sqlalchemy_store.py",
        "            _, value = self.sanitize_metric_value(metric.value)\n            sanitized_metrics",
        "#25640, fermé : le même 0, dans les filtres de `search_runs` ; pour les modèles, aucun fil trouvé",
        "lire la métrique dans le run, et écarter les NaN avant de classer",
    ),
    Cause(
        "Un pas ou un horodatage de NumPy rend l’expérience illisible (SQLite)",
        "store/tracking/sqlalchemy_store.py",
        "                        step=metric.step,\n                        is_nan=is_nan,",
        _NOT_FOUND,
        "écrire `step=int(pas)`",
    ),
    Cause(
        "Un pas ou un horodatage à virgule rend l’expérience illisible (fichiers)",
        "store/tracking/file_store.py",
        "        step = int(metric_parts[2]) if len(metric_parts) == 3 else 0",
        "#15180, ouvert",
        "écrire `step=int(pas)`",
    ),
    Cause(
        "Le jeu de données attaché à une métrique est oublié (bases SQL)",
        "store/tracking/dbmodels/models.py",
        "            value=self.value if not self.is_nan else float(\"nan\"),\n            timestamp=self.timestamp,\n            step=self.step,\n        )",
        _NOT_FOUND,
        "attacher aussi un modèle (`model_id`), ou écrire une étiquette",
    ),
    Cause(
        "Le jeu de données attaché efface le pas, ou rend le run illisible (fichiers)",
        "store/tracking/file_store.py",
        'f"{metric.timestamp} {metric.value} {metric.step} {metric.dataset_name} "',
        _NOT_FOUND,
        "quitter le magasin de fichiers",
    ),
    Cause(
        "Un entier au-delà de 2^53 est arrondi en silence",
        "tracking/metric_value_conversion_utils.py",
        "        return float(x)\n    except ValueError:",
        "#25708",
        "l’écrire comme paramètre ou étiquette",
    ),
    Cause(
        "À égalité de pas et d’horodatage, NaN vaut 0 pour le choix du dernier point",
        "store/tracking/sqlalchemy_store.py",
        "            return (metric_a.step, metric_a.timestamp, metric_a.value) > (",
        _NOT_FOUND,
        "donner un pas distinct à chaque point",
    ),
    Cause(
        "Un horodatage de 0 est remplacé par l’heure (`mlflow.log_metric`)",
        "tracking/fluent.py",
        "    timestamp = timestamp or get_current_time_millis()",
        _NOT_FOUND,
        "passer par `MlflowClient`",
    ),
    Cause(
        "Deux noms qui ne diffèrent que par la casse se heurtent (MariaDB)",
        "store/tracking/dbmodels/models.py",
        '    key = Column(String(250))\n    """\n    Param key:',
        _NOT_FOUND,
        "créer la base avec une collation sensible à la casse",
    ),
    Cause(
        "Un texte trop long est coupé sans que le client le sache (serveur)",
        "utils/validation.py",
        "    if truncate and MLFLOW_TRUNCATE_LONG_VALUES.get():",
        _NOT_FOUND,
        "`MLFLOW_TRUNCATE_LONG_VALUES=false` sur le serveur, ou un artefact",
    ),
    Cause(
        "L’envoi asynchrone perd la fin quand le script se termine",
        "utils/async_logging/async_logging_queue.py",
        "                self._batch_logging_worker_threadpool.submit(logging_func, run_batch)",
        "PR #12831 : l’erreur est journalisée, la perte demeure",
        "`with mlflow.start_run()`, ou `mlflow.flush_async_logging()`",
    ),
    Cause(
        "Une exception sans `with` laisse le statut FINISHED",
        "tracking/fluent.py",
        "atexit.register(_safe_end_run)",
        "#3932, ouvert",
        "`with mlflow.start_run()`",
    ),
    Cause(
        "Une fin par `sys.exit(0)` dans `with` est marquée FAILED",
        "tracking/fluent.py",
        "            status = RunStatus.FINISHED if exc_type is None else RunStatus.FAILED",
        "#3932, ouvert",
        "sortir du bloc avant `sys.exit`",
    ),
    Cause(
        "Une réponse perdue crée un second run, une seconde version",
        "utils/rest_utils.py",
        "    max_retries = MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() if max_retries is None",
        "#8238, fermé",
        "créer le run une fois, puis chercher un jumeau par une étiquette unique",
    ),
    Cause(
        "Un Ctrl-C pendant une écriture verrouille la base, le run reste RUNNING (SQLite)",
        "store/db/utils.py",
        "        with SessionMaker() as session:\n            try:\n                if db_type == SQLITE:",
        "aucun fil sur l’interruption ; PR #20014 (mode WAL), sans effet dans 3.17.2",
        "une fois, sur le fichier de la base : `PRAGMA journal_mode=WAL`",
    ),
    Cause(
        "Un Ctrl-C pendant la fin d’un run vide son meta.yaml : l’expérience est illisible (fichiers)",
        "store/tracking/file_store.py",
        "        write_yaml(run_dir, FileStore.META_DATA_FILE_NAME, run_info_dict, overwrite=True)",
        "PR #9057, ouverte",
        "quitter le magasin de fichiers",
    ),
    Cause(
        "Le run va dans une autre expérience quand un autre processus vient de créer la sienne",
        "tracking/fluent.py",
        "                        return client.get_experiment_by_name(experiment_name)\n                    raise",
        "#12259, fermé : la même course, qui faisait alors échouer l’appel",
        "créer l’expérience avant de lancer les processus, ou `start_run(experiment_id=…)`",
    ),
    Cause(
        "Deux processus posent ensemble une même étiquette neuve : l’un est refusé (bases SQL)",
        "store/tracking/sqlalchemy_store.py",
        "                session.merge(SqlTag(run_uuid=run_id, key=tag.key, value=tag.value))",
        "#8442, ouvert",
        "recommencer l’appel, ou donner à chaque processus ses étiquettes",
    ),
    Cause(
        "Un point infini et le plus grand double, au même pas et au même instant, ne font qu’un (bases SQL)",
        "store/tracking/sqlalchemy_store.py",
        "            value = 1.7976931348623157e308 if metric_value > 0 else -1.7976931348623157e308",
        "remplacement de l’infini annoncé par la documentation de log_metric",
        "donner un pas distinct à chaque point",
    ),
    Cause(
        "Un lot refusé laisse une partie derrière lui",
        "store/tracking/sqlalchemy_store.py",
        "                self._log_params(run_id, params)\n                self._log_metrics(run_id, metrics)",
        "annoncé par la documentation de log_batch",
        "relire après une erreur",
    ),
    Cause(
        "Un filtre refuse la notation 1e+30",
        "utils/search_utils.py",
        "Expected numeric value type for metric. Found",
        _NOT_FOUND,
        "écrire le nombre sans exposant signé",
    ),
    Cause(
        "Les pages de search_runs se décalent quand un run est créé",
        "store/tracking/sqlalchemy_store.py",
        "                .order_by(*parsed_orderby)\n                .offset(offset)",
        _NOT_FOUND,
        "trier par `start_time ASC`, dédoublonner par `run_id`",
    ),
    Cause(
        "La trace d’un client va au magasin du processus",
        "tracing/provider.py",
        "        processor = _get_mlflow_span_processor(tracking_uri=mlflow.get_tracking_uri())\n        processors",
        _NOT_FOUND,
        "`mlflow.set_tracking_uri` avant chaque trace, ou un processus par magasin",
    ),
    Cause(
        "`load_table` cherche les tables dans le magasin du processus",
        "tracking/client.py",
        "        runs = mlflow.search_runs(experiment_ids=[experiment_id], filter_string=filter_string)",
        _NOT_FOUND,
        "`mlflow.set_tracking_uri`",
    ),
    Cause(
        "Une version est lue sans les métriques de son modèle (fichiers), ou ne peut être créée depuis `models:/m-…`",
        "store/model_registry/file_store.py",
        '                model = MlflowClient().get_logged_model(meta["model_id"])',
        "un TODO dans le code de MLflow ; aucun fil trouvé",
        "`mlflow.set_tracking_uri`",
    ),
    Cause(
        "Le graphique ne dessine qu’un échantillon, sans le dire",
        "server/handlers.py",
        "def get_metric_history_bulk_interval_handler():",
        "#11660, ouvert",
        "lire `get_metric_history`",
    ),
    Cause(
        "Deux écritures simultanées d’un paramètre sont acceptées (fichiers)",
        "store/tracking/file_store.py",
        "        if os.path.exists(param_path):\n            self._validate_new_param_value(",
        "PR #8038 (bases SQL)",
        "quitter le magasin de fichiers",
    ),
    Cause(
        "Une métrique calculée sur une copie des prédictions n’est pas enregistrée",
        "sklearn/__init__.py",
        "    def get_info_for_metric_api_call(",
        "limite annoncée par la documentation",
        "passer la prédiction elle-même, ou `mlflow.log_metric`",
    ),
)  # fmt: skip


def causes() -> pd.DataFrame:
    """Columns ``defaut, fichier, ligne`` (0 where the fragment is gone), ``connu, parade``."""
    spec = find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parent
    rows = []
    for cause in CAUSES:
        text = (root / cause.file).read_text(encoding="utf-8")
        where = text.find(cause.fragment)
        rows.append(
            {
                "defaut": cause.defect,
                "fichier": f"mlflow/{cause.file}",
                "ligne": text.count("\n", 0, where) + 1 if where >= 0 else 0,
                "connu": cause.known,
                "parade": cause.advice,
            }
        )
    return pd.DataFrame(rows)
