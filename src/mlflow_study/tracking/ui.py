"""What MLflow's own page shows, against what is stored: a real browser on a real server.

Three things are compared: numbers in the table of runs, in the details of a run and on
the labels of its bars; the number of points that a chart draws (read from Plotly's data in the page), and
whether an isolated peak is drawn; and whether an experiment still opens when one of its
runs was written straight to the database with a step from NumPy.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlflow_study.executables import find_browser
from mlflow_study.stores import Store

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN: dict[str, float] = {
    "tiers": 1 / 3,
    "precis": 123456789.123456789,
    "petit": 1.23456789e-7,
    "entier": float(2**53),
    "negatif": -0.000123456789,
    "arrondi": 0.1 + 0.2,
}
PEAK = 1000.0
PLOTS = "() => [...document.querySelectorAll('.js-plotly-plot')].map(g => g.data.map(d => [d.type, [...(d.y || [])], [...(d.x || [])], [d.text].flat().join(' ')]))"
CELLS = """() => Object.fromEntries(
    [...document.querySelectorAll('[row-index] [col-id^="metrics.`"]')]
        .map(cell => [cell.closest('[row-index]').getAttribute('row-index') + ' '
                      + cell.getAttribute('col-id').slice(9, -1), cell.innerText]))"""
COLUMNS = ("quoi", "objet", "stocke", "montre", "egal", "detail")


def missing() -> str | None:
    """Why no browser can be driven here, in French; None when one can."""
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "le paquet playwright n’est pas installé"
    return None if find_browser() else "aucun navigateur Chromium n’est installé"


def _prepare(store: Store, points: int) -> dict[str, str]:
    """Write the runs to look at; returns their ids."""
    import numpy as np
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    assert store.database_url is not None
    client = MlflowClient(store.database_url)
    experiment, poisoned = store.create_experiment("page"), store.create_experiment("empoisonnee")
    runs = {}
    for name in ("un", "deux"):
        run = client.create_run(experiment, run_name=name).info.run_id
        client.log_batch(run, metrics=[Metric(key, value, 1, 0) for key, value in SHOWN.items()])
        client.set_terminated(run)
        runs[name] = run
    curve = [
        Metric("courbe", PEAK if i == points // 3 + 1 else float(i % 2), i, i)
        for i in range(points)
    ]
    client.log_batch(runs["un"], metrics=curve)
    good = client.create_run(poisoned, run_name="sain").info.run_id
    client.log_metric(good, "m", 1.0, step=1)
    bad = client.create_run(poisoned, run_name="pas de NumPy").info.run_id
    client.log_metric(bad, "m", 1.0, step=np.int64(1))
    return {**runs, "experience": experiment, "empoisonnee": poisoned}


def _numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?", text)]


def _row(
    quoi: str, objet: str, stocke: float, montre: float | None, detail: str = ""
) -> dict[str, Any]:
    return {
        "quoi": quoi,
        "objet": objet,
        "stocke": stocke,
        "montre": montre,
        "egal": montre == stocke,
        "detail": detail,
    }


def _details(page: Page, base: str, ids: dict[str, str]) -> list[dict[str, Any]]:
    page.goto(f"{base}/#/experiments/{ids['experience']}/runs/{ids['un']}")
    page.get_by_text("arrondi", exact=True).first.wait_for(timeout=20000)
    lines = page.inner_text("body").splitlines()
    rows = []
    for name, value in SHOWN.items():
        after = lines[lines.index(name) + 1] if name in lines[:-1] else ""
        shown = next(iter(_numbers(after)), None)
        rows.append(_row("nombre, détail d’un run", name, value, shown, after))
    return rows


def _table(page: Page, base: str, ids: dict[str, str]) -> list[dict[str, Any]]:
    """The table of runs, once its columns of metrics are shown: every metric of both runs."""
    page.goto(f"{base}/#/experiments/{ids['experience']}/runs")
    page.get_by_text("deux", exact=True).first.wait_for(timeout=20000)
    page.get_by_text("Columns", exact=True).first.click()
    page.get_by_text(re.compile(r"^Metrics \(\d+\)$")).first.click()
    page.locator('[row-index] [col-id="metrics.`tiers`"]').first.wait_for(timeout=10000)
    cells: dict[str, str] = page.evaluate(CELLS)
    rows = []
    for line in range(2):
        for name, value in SHOWN.items():
            text = cells.get(f"{line} {name}", "non trouvé")
            shown = next(iter(_numbers(text)), None)
            rows.append(_row("nombre, tableau des runs", name, value, shown, text))
    return rows


def _labels(plots: list[list[list[Any]]]) -> list[dict[str, Any]]:
    """Labels of the bars that the page draws for metrics of one point."""
    labels = {x[0]: str(text) for plot in plots for kind, _, x, text in plot if kind == "bar" and x}
    rows = []
    for name, value in SHOWN.items():
        label = labels.get(value, "")
        shown = next(iter(_numbers(label)), None)
        rows.append(
            _row("nombre, étiquette d’un graphique", name, value, shown, label or "non trouvé")
        )
    return rows


def _chart(page: Page, base: str, ids: dict[str, str], points: int) -> list[dict[str, Any]]:
    page.goto(f"{base}/#/experiments/{ids['experience']}/runs/{ids['un']}/model-metrics")
    drawn: list[float] = []
    plots: list[list[list[Any]]] = []
    for _ in range(100):
        page.wait_for_timeout(100)
        plots = page.evaluate(PLOTS)
        curves = [
            [v for v in y if v is not None]
            for plot in plots
            for kind, y, *_ in plot
            if kind != "bar"
        ]
        drawn = max(curves, key=len, default=[])
        if len(drawn) > 1 and sum(kind == "bar" for plot in plots for kind, *_ in plot) >= len(
            SHOWN
        ):
            break
    text = page.inner_text("body").lower()
    told = [word for word in ("sampl", "échantillon", "downsampl") if word in text]
    return [
        _row(
            "points d’un graphique",
            "courbe",
            float(points),
            float(len(drawn)),
            "avertit" if told else "sans avertissement",
        ),
        _row("pic d’un graphique", "courbe", PEAK, max(drawn, default=math.nan)),
        *_labels(plots),
    ]


def _poisoned(page: Page, base: str, ids: dict[str, str]) -> list[dict[str, Any]]:
    statuses: list[int] = []
    page.on(
        "response", lambda r: statuses.append(r.status) if r.url.endswith("runs/search") else None
    )
    page.goto(f"{base}/#/experiments/{ids['empoisonnee']}/runs")
    for _ in range(60):
        page.wait_for_timeout(100)
        if statuses:
            break
    page.wait_for_timeout(700)
    seen = sum(name in page.inner_text("body") for name in ("sain", "pas de NumPy"))
    return [
        _row(
            "runs d’une expérience",
            "pas entier de NumPy",
            2.0,
            float(seen),
            f"réponse HTTP {sorted(set(statuses))}",
        )
    ]


def look(store: Store, points: int) -> pd.DataFrame:
    """Numbers and points shown by MLflow's page against those stored, on a running server.

    ``points`` of one curve.  Columns ``COLUMNS``.
    """
    from playwright.sync_api import sync_playwright

    ids = _prepare(store, points)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = browser.new_page(viewport={"width": 2400, "height": 1400})
            rows = _table(page, store.tracking_uri, ids)
            rows += _details(page, store.tracking_uri, ids)
            rows += _chart(page, store.tracking_uri, ids, points)
            rows += _poisoned(page, store.tracking_uri, ids)
        finally:
            browser.close()
    return pd.DataFrame(rows, columns=list(COLUMNS))


def not_looked(reason: str) -> pd.DataFrame:
    """The table of a page that was not opened, and why."""
    row = _row("non éprouvée", "", math.nan, None, reason)
    return pd.DataFrame([row], columns=list(COLUMNS))
