"""Imported once by the fork server: what MLflow and scikit-learn would import in every fork.

Opens no database and starts no thread, so that forks are safe.  Beside importing modules it
lets MLflow find, once for all forks, what depends on the installation alone: the newest of
its migration scripts (it runs all of them each time that it opens a store), and which
package each module comes from.  It asks MLflow nothing of a run: its Git context, for one,
remembers the first commit that it sees.
"""

from __future__ import annotations

import gc

gc.disable()  # nothing of what is imported is garbage

from functools import cache

import git
import hypothesis
import IPython  # MLflow asks it whether a run begins in a notebook
import matplotlib.backends.backend_agg
import matplotlib.pyplot
import mlflow
import mlflow.data.pandas_dataset
import mlflow.models.signature
import mlflow.projects.backend.local
import mlflow.pyfunc.loaders
import mlflow.pyfunc.utils
import mlflow.sklearn
import mlflow.store.db.utils
import mlflow.tracing.processor.base_mlflow
import psycopg
import pyarrow.pandas_compat
import sklearn.datasets
import sklearn.ensemble
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection
import sklearn.neighbors
import sklearn.neural_network
import sklearn.pipeline
import skops.io
import sqlalchemy.dialects.sqlite
from mlflow.store.tracking import (
    file_store,
    sqlalchemy_store,
    sqlalchemy_workspace_store,
)
from mlflow.tracking.context import registry
from mlflow.utils.requirements_utils import _init_modules_to_packages_map

from mlflow_study import population

mlflow.MlflowClient  # noqa: B018  (lazy attribute)
mlflow.store.db.utils._get_latest_schema_revision = cache(
    mlflow.store.db.utils._get_latest_schema_revision
)
mlflow.store.db.utils._get_latest_schema_revision()
_init_modules_to_packages_map()
gc.collect()
gc.freeze()  # forks then share these pages, and never look through them again
gc.enable()
