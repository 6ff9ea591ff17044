"""What the user sees while a run goes on, and at its end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from mlflow_study.chapters import chapter_info
from mlflow_study.evidence.files import read_verdicts
from mlflow_study.pipeline.progress import Event


def clock(seconds: float) -> str:
    """«4 s», «1 min 05 s»."""
    whole = round(seconds)
    return (
        f"{whole}\u00a0s" if whole < 60 else f"{whole // 60}\u00a0min\u00a0{whole % 60:02d}\u00a0s"
    )


class Screen:
    """One live line per notebook on a terminal; plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.elapsed: dict[str, float] = {}
        self.failure: Event | None = None
        self._live = console.is_terminal
        self._tasks: dict[str, TaskID] = {}
        self._shown: dict[str, str] = {}
        self._progress = Progress(
            TextColumn("{task.fields[chapter]:<20}"),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[times]:<28}"),
            TextColumn("{task.fields[title]}", style="dim"),
            console=console,
            disable=not self._live,
        )

    def __enter__(self) -> Screen:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, event: Event) -> None:
        """Take one event into account."""
        title = chapter_info(event.chapter).title
        if event.kind in ("fin", "echec"):
            self.elapsed[event.chapter] = event.elapsed_s
        if event.kind == "echec":
            self.failure = event
        times = clock(event.elapsed_s)
        if event.left_s is not None and event.kind == "cellule":
            times += f", reste environ {clock(event.left_s)}"
        if self._live:
            if event.chapter not in self._tasks:
                self._tasks[event.chapter] = self._progress.add_task(
                    "", total=1.0, chapter=title, times="", title=""
                )
            self._progress.update(
                self._tasks[event.chapter],
                completed=event.share,
                times=times,
                title="échec" if event.kind == "echec" else event.title[:40],
            )
            return
        words = {"debut": "commence", "fin": "terminé", "echec": "a échoué"}
        step = words.get(event.kind, event.title)
        if self._shown.get(event.chapter) != step and step:
            self._shown[event.chapter] = step
            share = f"{100 * event.share:3.0f}\u00a0%"
            self.console.print(
                f"{title:<20} {share}  {times:<28} {step}", highlight=False, soft_wrap=True
            )


def final_table(console: Console, elapsed: dict[str, float], build: Path, total_s: float) -> None:
    """Chapters, durations, verdict counts, and the path to open."""
    verdicts = read_verdicts(build / "preuves" / "verdicts.json")
    table = Table(title=f"Étude terminée en {clock(total_s)}", title_justify="left")
    table.add_column("Chapitre")
    table.add_column("Durée", justify="right")
    table.add_column("Verdicts")
    for name, seconds in sorted(elapsed.items()):
        counts = Counter(v.verdict for v in verdicts if v.chapitre == name)
        text = ", ".join(
            f"{count} {word}{'s' if count > 1 else ''}" for word, count in sorted(counts.items())
        )
        table.add_row(chapter_info(name).title, clock(seconds), text)
    console.print(table)
    console.print(f"Rapport à ouvrir : {build / 'rapport.html'}", highlight=False, soft_wrap=True)
