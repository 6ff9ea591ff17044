"""The instruments of this chapter, under one name for its notebook."""

from mlflow_study.programs import SUBJECTS
from mlflow_study.reproducibility.ablation import measure_ablation
from mlflow_study.reproducibility.digests import (
    measure_collision,
    measure_digest_time,
    measure_mutations,
)
from mlflow_study.reproducibility.factors import measure_factors, measure_moved_store
from mlflow_study.reproducibility.ladder import measure_ladder
from mlflow_study.reproducibility.managers import measure_managers
from mlflow_study.reproducibility.models import measure_models
from mlflow_study.reproducibility.power import measure_power
from mlflow_study.reproducibility.projects import measure_local_projects
from mlflow_study.reproducibility.recorded import read_recorded, recorded_digest
from mlflow_study.reproducibility.releases import through_time

__all__ = [
    "SUBJECTS",
    "measure_ablation",
    "measure_collision",
    "measure_digest_time",
    "measure_factors",
    "measure_ladder",
    "measure_local_projects",
    "measure_managers",
    "measure_models",
    "measure_moved_store",
    "measure_mutations",
    "measure_power",
    "read_recorded",
    "recorded_digest",
    "through_time",
]
