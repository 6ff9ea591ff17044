"""The four grades of an answer, the same in every experiment of the chapter."""

from __future__ import annotations

from typing import Literal

Grade = Literal["juste", "partielle", "absente", "fausse"]
GRADES: tuple[Grade, ...] = ("juste", "partielle", "absente", "fausse")
"""``fausse`` is the worst: the store states something that did not happen."""
