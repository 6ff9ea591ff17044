"""Progress events: written by each notebook's process, read by the one on the screen.

One JSON line per event in ``journaux/progression.jsonl``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["debut", "cellule", "fin", "echec"]


@dataclass(frozen=True)
class Event:
    """One step of one notebook.

    ``share`` is the part done (0 to 1), by the durations of the last run where they are
    known, else by the number of cells; ``left_s`` the estimate of what is left, or None.
    """

    chapter: str
    kind: Kind
    title: str = ""
    share: float = 0.0
    elapsed_s: float = 0.0
    left_s: float | None = None
    cause: str = ""
    where: str = ""


class EventLog:
    """Appends events; safe for several processes, since each line is one short write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, event: Event) -> None:
        line = json.dumps({"t": time.time(), **asdict(event)}, ensure_ascii=False) + "\n"
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(line)

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)

    def follow(self, position: int) -> Iterator[tuple[int, Event]]:
        """Events after byte ``position``, each with the position that follows it."""
        if not self.path.exists():
            return
        with self.path.open("rb") as stream:
            stream.seek(position)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                position += len(line)
                fields = json.loads(line)
                fields.pop("t")
                yield position, Event(**fields)


class Schedule:
    """Expected seconds per cell, from the last run of the same notebook."""

    def __init__(self, path: Path) -> None:
        self.path = path
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.known: dict[str, float] = known
        self.seen: dict[str, float] = {}

    def record(self, cell: str, seconds: float) -> None:
        self.seen[cell] = round(seconds, 3)

    def progress(self, cells: list[str], done: int) -> tuple[float, float | None]:
        """(share done, seconds left or None) after the first ``done`` of ``cells``."""
        if not cells:
            return 1.0, 0.0
        if not all(cell in self.known for cell in cells):
            return done / len(cells), None
        total = sum(self.known[cell] for cell in cells) or 1.0
        before = sum(self.known[cell] for cell in cells[:done])
        return before / total, total - before

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.seen), encoding="utf-8")
