"""Imported once by the fork server: what MLflow would otherwise import in every fork.

Opens no database and starts no thread, so that forks are safe.  The newest migration, which
MLflow looks for each time that it opens a store, is found once: it depends on the release alone.
"""

from __future__ import annotations

import gc
from functools import cache

import hypothesis  # noqa: F401
import mlflow
import mlflow.server.handlers
import mlflow.sklearn
import mlflow.store.db.utils
import mlflow.tracing.processor.otel
import sklearn.ensemble  # noqa: F401
from mlflow.store.tracking import file_store, sqlalchemy_workspace_store  # noqa: F401
from mlflow.tracking.context.registry import resolve_tags

mlflow.MlflowClient  # noqa: B018  (lazy attribute)
resolve_tags()
mlflow.store.db.utils._get_latest_schema_revision = cache(
    mlflow.store.db.utils._get_latest_schema_revision
)
mlflow.store.db.utils._get_latest_schema_revision()
gc.collect()
gc.freeze()  # forks then share these pages, and never look through them again
