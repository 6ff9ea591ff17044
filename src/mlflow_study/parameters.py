"""Parameters, typed once: the same schema gives defaults, help, notebook cells and checks.

Each chapter declares one ``ChapterParameters`` in its own ``parameters`` module; field
names are French because users type them.  A default stands there and nowhere else: the
notebook's parameters cell is generated from it (``python -m mlflow_study cellules``).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from mlflow_study.errors import ParameterError

Schema = TypeVar("Schema", bound="ChapterParameters")


class ChapterParameters(BaseModel):
    """What every notebook takes; a chapter adds its own fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
    notebook: ClassVar[str]
    """Name of the notebook, ``01_stockage`` for instance."""

    graine: int = Field(
        default=20240417, ge=0, le=2**32 - 1, description="graine de tous les tirages aléatoires"
    )


_TYPES = {int: "un entier", float: "un nombre", bool: "true ou false", str: "un texte"}


def type_in_french(annotation: Any) -> str:
    """A French noun phrase for a type: «un entier», «une liste de …»."""
    origin = get_origin(annotation)
    if origin is Literal:
        return " ou ".join(str(value) for value in get_args(annotation))
    if origin in (list, tuple):
        inner = get_args(annotation)[0]
        return f"une liste ({type_in_french(inner)})"
    return _TYPES.get(annotation, str(annotation))


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """(smallest, largest) accepted value, None where unbounded."""
    low = high = None
    for constraint in field.metadata:
        low = getattr(constraint, "ge", getattr(constraint, "gt", low))
        high = getattr(constraint, "le", getattr(constraint, "lt", high))
    return low, high


def accepted(field: FieldInfo) -> str:
    """What a field accepts, in French, bounds included."""
    text = type_in_french(field.annotation)
    low, high = bounds(field)
    if low is not None and high is not None:
        return f"{text} de {low} à {high}"
    if low is not None:
        return f"{text}, au moins {low}"
    if high is not None:
        return f"{text}, au plus {high}"
    return text


def nearest(name: str, known: list[str]) -> str | None:
    """The known name closest to a mistyped one, if any is close."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return close[0] if close else None


def validate(schema: type[Schema], given: Mapping[str, Any]) -> Schema:
    """Check ``given`` against ``schema``.

    Raises ParameterError with one French sentence per fault: the parameter, what came,
    what is accepted, the nearest valid name.
    """
    known = list(schema.model_fields)
    try:
        return schema.model_validate(dict(given))
    except ValidationError as error:
        sentences = []
        for fault in error.errors(include_url=False):
            name = str(fault["loc"][0]) if fault["loc"] else ""
            if fault["type"] == "extra_forbidden":
                sentences.append(unknown_name(name, known, schema.notebook))
            else:
                came = fault["input"]
                sentences.append(
                    f"Le paramètre « {name} » de {schema.notebook} a reçu {came!r}\u00a0; "
                    f"il accepte {accepted(schema.model_fields[name])}."
                )
        raise ParameterError("\n".join(dict.fromkeys(sentences))) from None


def unknown_name(name: str, known: list[str], where: str) -> str:
    """The French sentence for a name that does not exist."""
    close = nearest(name, known)
    hint = f" Vouliez-vous dire « {close} » ?" if close else ""
    return (
        f"Le paramètre « {name} » n’existe pas dans {where}.{hint} "
        f"Noms acceptés : {', '.join(known)}."
    )


def parameters_cell(schema: type[ChapterParameters]) -> str:
    """Source of the notebook's ``parameters`` cell: one documented line per field.

    One line each, however long, since Papermill reads them line by line.
    """
    lines = ["# fmt: off"]
    for name, field in schema.model_fields.items():
        value = schema.model_validate({}).model_dump(mode="json")[name]
        kind = annotation_source(field.annotation)
        lines.append(f"{name}: {kind} = {value!r}  # {field.description} ({accepted(field)})")
    return "\n".join(lines)


def annotation_source(annotation: Any) -> str:
    """A built-in type name for the parameters cell, so that it runs before any import."""
    origin = get_origin(annotation)
    if origin is Literal:
        return type(get_args(annotation)[0]).__name__
    return getattr(origin or annotation, "__name__", "object")
