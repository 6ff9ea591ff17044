"""``python -m mlflow_study``: see ``cli``."""

import sys

from mlflow_study.cli import main

sys.exit(main())
