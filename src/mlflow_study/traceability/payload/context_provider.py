"""A hook for MLflow that records which code really runs; copy it into your team's package.

MLflow calls every class declared under the entry point ``mlflow.run_context_provider``
each time a run starts.  This one takes, in each Git repository that holds a module that
is loaded, a *snapshot commit* of the files as they are (changes and new files included,
ignored ones left out), without touching the branch, the index or the files, and keeps it
under ``refs/mlflow/`` so that it is not collected; push these refs to share them.

Tags written:

- ``code.commits``: JSON, repository folder -> snapshot commit;
- ``code.changed_since_import``: "true" when files changed between the start of the
  program and the start of the run, so that what is loaded may be older;
- ``code.outside``: JSON, programs or modules that run but are in no snapshot (ignored by
  Git, or typed on the command line);
- ``code.host``, ``code.arguments``, ``code.folder``: machine, command line, folder.

Standard library and MLflow's ``RunContextProvider`` only.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from mlflow.tracking.context.abstract_context import RunContextProvider

STARTED_IN = os.getcwd()


def _git(folder: str, *arguments: str, **env: str) -> str:
    return subprocess.run(
        ["git", "-C", folder, *arguments],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    ).stdout.strip()


def _files() -> set[str]:
    """The program and every module that is loaded, Python's and the packages' apart."""
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    if sys.argv and sys.argv[0]:
        files.append(sys.argv[0])
    mine = {file for file in files if file and _ours(file)}
    here = {os.path.realpath(os.path.join(STARTED_IN, file)) for file in mine}
    return {file for file in here if _ours(file)}


def _ours(file: str) -> bool:
    return "site-packages" not in file and not file.startswith(sys.base_prefix)


def _repositories() -> dict[str, set[str]]:
    """Top folders of the repositories at work -> the files of each that are loaded."""
    found: dict[str, set[str]] = {}
    for file in _files():
        folder = os.path.dirname(file)
        try:
            top, *above = _git(
                folder, "rev-parse", "--show-toplevel", "--show-superproject-working-tree"
            ).splitlines()
        except (OSError, subprocess.CalledProcessError):
            continue
        found.setdefault(top, set()).add(file)
        for parent in above:
            found.setdefault(parent, set())
    return found


def _outside(repositories: dict[str, set[str]]) -> list[str]:
    """Files that run and that no snapshot holds."""
    missing = []
    for top, files in repositories.items():
        for file in sorted(files):
            try:
                _git(top, "check-ignore", "-q", file)
                missing.append(file)
            except subprocess.CalledProcessError:
                if not os.path.exists(file):
                    missing.append(os.path.basename(file))
    return missing


def snapshot(folder: str) -> str:
    """Commit holding the files of ``folder`` as they are; HEAD itself when nothing differs."""
    head, committed = _git(folder, "rev-parse", "HEAD", "HEAD^{tree}").split()
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git(folder, "read-tree", "HEAD", **index)
        _git(folder, "add", "-A", **index)
        tree = _git(folder, "write-tree", **index)
    if tree == committed:
        return head
    date = {"GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z"}
    who = {f"GIT_{r}_{k}": "mlflow" for r in ("AUTHOR", "COMMITTER") for k in ("NAME", "EMAIL")}
    commit = _git(folder, "commit-tree", tree, "-p", head, "-m", "snapshot", **date, **who)
    _git(folder, "update-ref", f"refs/mlflow/{commit}", commit)
    return commit


class CodeContext(RunContextProvider):
    """See the module."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self.watch()

    def watch(self) -> None:
        """Note the state of the code now, as the program begins."""
        self._first = {top: snapshot(top) for top in _repositories()}

    def in_context(self) -> bool:
        return True

    def tags(self) -> dict[str, str]:
        repositories = _repositories()
        now = {top: snapshot(top) for top in repositories}
        changed = any(now.get(top, commit) != commit for top, commit in self._first.items())
        self._first = {**now, **self._first}
        return {
            "code.commits": json.dumps(now),
            "code.changed_since_import": str(changed).lower(),
            "code.outside": json.dumps(_outside(repositories)),
            "code.host": platform.node(),
            "code.arguments": json.dumps(sys.argv[1:]),
            "code.folder": os.getcwd(),
        }
