"""Imported once by the fork server: what MLflow and scikit-learn would import in every fork.

Opens no database and starts no thread, so that forks are safe.  Beside importing modules it
lets MLflow find, once for all forks, what depends on the installation alone: the newest of
its migration scripts (it runs all of them each time that it opens a store), and which
package each module comes from.  It asks MLflow nothing of a run: its Git context, for one,
remembers the first commit that it sees.
"""

from __future__ import annotations

import gc
from functools import cache

import git  # noqa: F401
import hypothesis  # noqa: F401
import mlflow
import mlflow.data.pandas_dataset
import mlflow.models.signature
import mlflow.projects.backend.local
import mlflow.pyfunc.loaders
import mlflow.pyfunc.utils
import mlflow.sklearn
import mlflow.store.db.utils
import mlflow.tracing.processor.base_mlflow
import pyarrow.pandas_compat  # noqa: F401
import sklearn.datasets
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.neighbors
import sklearn.neural_network
import sklearn.pipeline  # noqa: F401
import sqlalchemy.dialects.sqlite  # noqa: F401
from mlflow.store.tracking import (  # noqa: F401
    file_store,
    sqlalchemy_store,
    sqlalchemy_workspace_store,
)
from mlflow.tracking.context import registry  # noqa: F401
from mlflow.utils.requirements_utils import _init_modules_to_packages_map

mlflow.MlflowClient  # noqa: B018  (lazy attribute)
mlflow.store.db.utils._get_latest_schema_revision = cache(
    mlflow.store.db.utils._get_latest_schema_revision
)
mlflow.store.db.utils._get_latest_schema_revision()
_init_modules_to_packages_map()
gc.collect()
gc.freeze()  # forks then share these pages, and never look through them again
