"""Imported once by the fork server: what MLflow and scikit-learn would import in every fork.

Opens no database and starts no thread, so that forks are safe.  Beside importing modules it
lets MLflow read what depends on the installation alone: its migration scripts, and which
package each module comes from.  It asks MLflow nothing of a run: its Git context, for one,
remembers the first commit that it sees.
"""

from __future__ import annotations

import git  # noqa: F401
import mlflow
import mlflow.data.pandas_dataset
import mlflow.models.signature
import mlflow.projects.backend.local
import mlflow.pyfunc.loaders
import mlflow.pyfunc.utils
import mlflow.sklearn
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
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.store.tracking import sqlalchemy_store  # noqa: F401
from mlflow.tracking.context import registry  # noqa: F401
from mlflow.utils.requirements_utils import _init_modules_to_packages_map

mlflow.MlflowClient  # noqa: B018  (lazy attribute)
_get_latest_schema_revision()
_init_modules_to_packages_map()
