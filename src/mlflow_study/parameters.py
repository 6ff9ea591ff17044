"""Parameters, typed once: the same schema gives defaults, help, notebook cells and checks.

Each chapter declares one ``ChapterParameters`` in its own ``parameters`` module; field
names are French because users type them.  A default stands there and nowhere else: the
notebook's parameters cell is generated from it (``python -m mlflow_study cellules``).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from mlflow_study.errors import ParameterError

Schema = TypeVar("Schema", bound="ChapterParameters")


class ChapterParameters(BaseModel):
    """What every notebook takes; a chapter adds its own fields.

    Nothing is converted (true is not 1, nor is a text a number), save that a whole number is
    taken where any number is, and the texts true and false, which Papermill's ``-p`` gives.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, strict=True, allow_inf_nan=False
    )
    notebook: ClassVar[str]
    """Name of the notebook, ``01_stockage`` for instance."""
    declined: ClassVar[dict[str, str]] = {}
    """Store that the chapter does not touch, though it could be opened → why, in French."""

    graine: int = Field(
        default=20240417, ge=0, le=2**32 - 1, description="graine de tous les tirages aléatoires"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _truth_as_text(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str) and cls.model_fields[str(info.field_name)].annotation is bool:
            return {"true": True, "false": False}.get(value.lower(), value)
        return value

    @field_validator("*")
    @classmethod
    def _each_once(cls, value: Any) -> Any:
        if isinstance(value, list) and len(set(value)) < len(value):
            raise ValueError("an item comes twice")
        return value


_TYPES = {int: "un entier", float: "un nombre", bool: "true ou false", str: "un texte"}


def type_in_french(annotation: Any) -> str:
    """A French noun phrase for a type: «un entier», «une liste de …»."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return accepted(FieldInfo.from_annotation(annotation))
    if origin is Literal:
        return " ou ".join(str(value) for value in get_args(annotation))
    if origin in (list, tuple):
        inner = get_args(annotation)[0]
        return f"une liste sans répétition ({type_in_french(inner)})"
    return _TYPES.get(annotation, str(annotation))


_LIMITS = {"ge": "au moins", "gt": "plus de", "le": "au plus", "lt": "moins de"}


def accepted(field: FieldInfo) -> str:
    """What a field accepts, in French: its type, its bounds, the forms that it may take."""
    known = {
        name: value
        for constraint in field.metadata
        for name in (*_LIMITS, "min_length", "pattern")
        if (value := getattr(constraint, name, None)) is not None
    }
    text = type_in_french(field.annotation)
    if "min_length" in known:
        text = text.replace("une liste", "une liste non vide,", 1)
    if "pattern" in known:
        text += f" : {_forms(known['pattern'])}"
    if {"ge", "le"} <= set(known):
        return f"{text} de {known['ge']} à {known['le']}"
    limits = [f"{words} {known[name]}" for name, words in _LIMITS.items() if name in known]
    return ", ".join([text, *limits])


def _forms(pattern: str) -> str:
    """A simple pattern in words: ``^(aucune|\\d+\\.\\d+)$`` is «aucune ou N.N (N entier)»."""
    forms = pattern.strip("^$").strip("()").replace(r"\d+", "N").replace(r"\.", ".").split("|")
    return " ou ".join(forms) + (" (N entier)" if r"\d+" in pattern else "")


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
