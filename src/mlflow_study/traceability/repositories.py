"""Small Git repositories whose content is known, made for one experiment."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_TEMPLATE_DIR": "",  # a dozen example hooks less in each repository
    "GIT_CONFIG_COUNT": "3",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
    "GIT_CONFIG_KEY_1": "init.defaultBranch",
    "GIT_CONFIG_VALUE_1": "main",
    "GIT_CONFIG_KEY_2": "maintenance.auto",
    "GIT_CONFIG_VALUE_2": "false",
}


def environment() -> dict[str, str]:
    """This process's environment with a Git that ignores the user's own settings."""
    return {**os.environ, **_IDENTITY}


@dataclass(frozen=True)
class Repository:
    """A work tree under Git."""

    path: Path

    def git(self, *arguments: str) -> str:
        """Output of one Git command.  Raises CalledProcessError."""
        done = subprocess.run(
            ["git", "-C", str(self.path), *arguments],
            check=True,
            capture_output=True,
            text=True,
            env=environment(),
        )
        return done.stdout

    @classmethod
    def create(cls, path: Path, files: dict[str, str], remote: bool = True) -> Repository:
        """A repository with one commit on ``main`` and, unless refused, an ``origin``."""
        path.mkdir(parents=True, exist_ok=True)
        repository = cls(path)
        repository.git("init", "-q")
        if remote:
            repository.git("remote", "add", "origin", f"https://example.org/{path.name}.git")
        repository.commit(files, "first")
        return repository

    def write(self, files: dict[str, str]) -> None:
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")

    def commit(self, files: dict[str, str], message: str = "change") -> str:
        """Write ``files`` and commit them; returns the commit."""
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def holds(self, commit: str, files: dict[str, str]) -> bool:
        """Does ``commit`` exist here and hold every file with exactly this content?"""
        try:
            self.git("cat-file", "-e", f"{commit}^{{commit}}")
            return all(self.git("show", f"{commit}:{name}") == text for name, text in files.items())
        except subprocess.CalledProcessError:
            return False

    def holds_with_patch(self, commit: str, patch: str, files: dict[str, str]) -> bool:
        """Does ``commit`` plus ``patch``, applied by ``git apply``, hold every file?"""
        copy = self.path.parent / f"{self.path.name}-relu"
        try:
            self.git("worktree", "add", "-q", "--detach", "--force", str(copy), commit)
            subprocess.run(
                ["git", "-C", str(copy), "apply", "-"],
                input=patch,
                text=True,
                check=True,
                capture_output=True,
                env=environment(),
            )
            return all(
                (copy / name).exists() and (copy / name).read_text(encoding="utf-8") == text
                for name, text in files.items()
            )
        except subprocess.CalledProcessError:
            return False
        finally:
            subprocess.run(
                ["git", "-C", str(self.path), "worktree", "remove", "--force", str(copy)],
                capture_output=True,
                check=False,
                env=environment(),
            )
