"""Which files the result of a rule depends on: read from the imports, not listed by hand."""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from mlflow_study.paths import NOTEBOOKS, REPORT

PACKAGE = "mlflow_study"
_BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
"""Where a statement holds others.  An import is a statement: expressions need no visit."""


@cache
def _imported(source: str) -> frozenset[str]:
    """Modules of this package that a piece of Python imports, inside functions too."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        for block in _BLOCKS:
            todo += getattr(node, block, ())
    return frozenset(name for name in found if name.split(".")[0] == PACKAGE)


@cache
def module_file(name: str) -> Path | None:
    """The file of a module; None where the name is not a module.

    Those of this package are looked for without importing the packages that hold them.
    """
    if name.partition(".")[0] == PACKAGE:
        place = Path(__file__).parent.parent.joinpath(*name.split("."))
        files = (place / "__init__.py", place.with_name(f"{place.name}.py"))
        return next((path for path in files if path.is_file()), None)
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


def closure(modules: Iterable[str], without: tuple[str, ...] = ()) -> dict[str, Path]:
    """The given modules and all they use within this package, by name, with their files.

    Modules whose name starts with one of ``without`` are left out.
    """
    todo, found = list(modules), dict[str, Path]()
    while todo:
        name = todo.pop()
        path = module_file(name)
        if name in found or path is None or name.startswith(without or ("//",)):
            continue
        found[name] = path
        todo.extend(_imported(path.read_text(encoding="utf-8")))
    return found


def with_companions(files: Iterable[Path], folders: Iterable[str]) -> list[Path]:
    """The files, and the scripts that lie in the given ``folders`` beside them, sorted."""
    modules = set(files)
    beside = {p for path in modules for name in folders for p in path.parent.glob(f"{name}/*.py")}
    return sorted(modules | beside)


def notebook_sources(name: str) -> list[str]:
    """Sources that the executed notebook depends on: its imports and its parameters."""
    from mlflow_study.chapters import chapter_info

    # nbformat would check the notebook, and costs seconds to import: too much to find imports
    notebook = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    code = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code")
    modules = closure([*_imported(code), chapter_info(name).schema.partition(":")[0]])
    return [str(path) for path in with_companions(modules.values(), ["payload", "witnesses"])]


def publication_sources() -> list[str]:
    """Sources that the report depends on once the notebooks are executed."""
    modules = closure([f"{PACKAGE}.publication.build"]).values()
    templates = (path for path in (REPORT / "modele").rglob("*") if path.is_file())
    bibliography = REPORT / "references.bib"
    return sorted(str(path) for path in (*modules, *templates, bibliography) if path.exists())
