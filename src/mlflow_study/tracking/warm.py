"""Imported once by the fork server: what MLflow would otherwise import in every fork.

Opens no database and starts no thread, so that forks are safe.
"""

from __future__ import annotations

import gc

import hypothesis  # noqa: F401
import mlflow
import mlflow.server.handlers
import mlflow.sklearn
import sklearn.ensemble  # noqa: F401
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.store.tracking import file_store, sqlalchemy_store  # noqa: F401
from mlflow.tracking.context.registry import resolve_tags

mlflow.MlflowClient  # noqa: B018  (lazy attribute)
resolve_tags()
_get_latest_schema_revision()
gc.collect()
gc.freeze()  # forks then share these pages, and never look through them again
