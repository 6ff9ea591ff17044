"""Every witness still shows what its claim is accused of."""

import os
import subprocess
import sys

import pytest

from mlflow_study.executables import search_path
from mlflow_study.reproducibility.witnesses import FOLDER

FILES = sorted(FOLDER.glob("R*_*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_the_witness_shows_the_defect(path, tmp_path):
    env = {**os.environ, "TMPDIR": str(tmp_path), "PATH": search_path()}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=env,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-800:]
    assert done.stdout.strip().splitlines()[-1].startswith("REFUTE"), done.stdout


def test_no_witness_depends_on_this_study():
    assert FILES
    for path in FILES:
        assert "mlflow_study" not in path.read_text()
