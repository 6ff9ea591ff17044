"""How long the whole study takes, and where the time goes.

    .venv/bin/python benchmarks/study.py [--profil rapide]

Runs the study from nothing in a temporary folder, once more with nothing changed, then
again from its evidence alone: what that takes is ours (kernels, imports, drawing,
assembling), the rest is inside the instruments, that is MLflow and the databases, with
their fixtures.  Prints wall seconds per notebook.  CPU seconds and peak memory are the
operating system's own account of the processes that were waited for.

Before and after, it asks what the machine is worth that day: the duration of a fixed loop,
and how many cores the processors make when all work at once.  Two threads of one core, or
two processors that a host lends to others, make little more than one.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from mlflow_study.storage.quiet import spin

TURNS, WORK_S = 10, 0.2


def _spins(seconds: float) -> list[float]:
    """Seconds of each spin made in that time."""
    until, found = time.perf_counter() + seconds, list[float]()
    while time.perf_counter() < until:
        found.append(spin())
    return found


def processors() -> dict[str, float]:
    """``boucle_ms``: the fixed loop alone; ``coeurs_valent``: work of all at once over one's.

    One works alone, then all at once, in ten turns: drift hits both alike.
    """
    count = os.cpu_count() or 1
    alone, together = list[float](), 0
    with get_context("spawn").Pool(count) as pool:
        for _ in range(TURNS):
            alone += pool.apply(_spins, (WORK_S,))
            together += sum(map(len, pool.map(_spins, [WORK_S] * count, chunksize=1)))
    return {
        "boucle_ms": round(1e3 * statistics.median(alone), 3),
        "coeurs": count,
        "coeurs_valent": round(together / len(alone), 2),
    }


def run(profile: str, folder: Path, *more: str) -> tuple[float, float]:
    """(wall, CPU) seconds of one call of the command line."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    command = [sys.executable, "-m", "mlflow_study", "--profil", profile, "--sortie", str(folder)]
    command += more
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def per_notebook(folder: Path) -> list[dict[str, object]]:
    """One row per notebook: wall seconds, those of its measures added up, their CPU seconds."""
    rows: list[dict[str, object]] = []
    for line in (folder / "journaux" / "progression.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        if event["kind"] != "fin":
            continue
        account = folder / "preuves" / event["chapter"] / "chapitre.json"
        measures = json.loads(account.read_text("utf-8"))["mesures"]
        measuring = sum(measure["wall_s"] for measure in measures)
        cpu = sum(measure["cpu_s"] for measure in measures)
        rows.append(
            {
                "carnet": event["chapter"],
                "total_s": round(event["elapsed_s"], 1),
                "mesures_s": round(measuring, 1),
                "mesures_cpu_s": round(cpu, 1),
            }
        )
    return rows


def first_paint(report: Path) -> float | None:
    """Milliseconds to the first contentful paint in headless Chromium, None without one."""
    browser = shutil.which("chromium")
    if browser is None:
        return None
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(report.resolve().as_uri())
        found = page.evaluate(
            "performance.getEntriesByName('first-contentful-paint').map(e => e.startTime)"
        )
        chromium.close()
    return round(found[0], 1) if found else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profil", default="rapide")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "build"
        machine = [processors()]
        wall, cpu = run(options.profil, folder)
        rows = per_notebook(folder)
        machine.append(processors())
        again, again_cpu = run(options.profil, folder)
        told = Path(scratch) / "redite"
        _, ours = run(options.profil, told, "--preuves", str(folder / "preuves"))
        for row, retold in zip(rows, per_notebook(told), strict=True):
            row["nous_s"] = retold["total_s"]
        report = folder / "rapport.html"
        result = {
            "profil": options.profil,
            "total_s": round(wall, 1),
            "cpu_s": round(cpu, 1),
            "nous_cpu_s": round(ours, 1),
            "rien_de_change_s": round(again, 2),
            "rien_de_change_cpu_s": round(again_cpu, 2),
            "memoire_max_mo": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3),
            "html_mo": round(report.stat().st_size / 1e6, 2),
            "premier_affichage_ms": first_paint(report),
            "machine": machine,
            "carnets": rows,
        }
    print(f"{'carnet':<24}{'total s':>9}{'mesures s':>11}{'CPU s':>8}{'nous s':>8}")
    for row in rows:
        print(
            f"{row['carnet']:<24}{row['total_s']:>9}{row['mesures_s']:>11}"
            f"{row['mesures_cpu_s']:>8}{row['nous_s']:>8}"
        )
    for moment, found in zip(("avant", "après"), machine, strict=True):
        print(
            f"machine, {moment} : boucle de {found['boucle_ms']} ms ; "
            f"{found['coeurs']} cœurs qui en valent {found['coeurs_valent']}"
        )
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    main()
