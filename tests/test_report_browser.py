"""The report in a real browser: no request, no overflow, accessible, printable.

Opens the page of the fixture ``report_html``: the synthetic edition, or the report that
``MLFLOW_STUDY_RAPPORT`` names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlflow_study.executables import find_browser
from mlflow_study.publication import lint

pytestmark = pytest.mark.navigateur

TAGS = ["RGAAv4", "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
PHONE, DESKTOP = 320, 1280


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium; without one the tests are skipped, and fail in continuous integration."""
    path = find_browser()
    if path is None:
        reason = "aucun navigateur Chromium sur cette machine"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright n’est pas installé")
    with playwright.sync_playwright() as engine:
        chromium = engine.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def opened(browser: Any, path: Path, width: int = DESKTOP, scheme: str = "light") -> Any:
    """The page at a width and in a colour scheme; its requests and errors are kept on it."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(180_000)  # axe is slow on a busy machine
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: page.errors.append(line.text) if line.type == "error" else None)
    page.goto(path.as_uri())
    return page


def violations(page: Any, **options: Any) -> list[str]:
    """What axe finds, one line per node."""
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(page, options={"resultTypes": ["violations"], **options})
    return [
        f"{violation['id']} : {node['html'][:120]} {node.get('failureSummary', '')[:300]}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")])
def test_no_accessibility_rule_is_broken(
    browser: Any, report_html: Path, width: int, scheme: str
) -> None:
    page = opened(browser, report_html, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert violations(page, runOnly={"type": "tag", "values": TAGS}) == []
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_contrast_elsewhere(browser: Any, report_html: Path, width: int, scheme: str) -> None:
    page = opened(browser, report_html, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert violations(page, runOnly={"type": "rule", "values": ["color-contrast"]}) == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_on_paper(browser: Any, report_html: Path, scheme: str) -> None:
    page = opened(browser, report_html, scheme=scheme)
    page.emulate_media(media="print")
    assert violations(page, runOnly={"type": "rule", "values": ["color-contrast"]}) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.close()


def test_no_request_leaves_the_page(browser: Any, report_html: Path) -> None:
    page = opened(browser, report_html)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(300)
    asked = [url for url in page.requests if not url.startswith("data:")]
    assert asked == [report_html.as_uri()]
    assert page.errors == []
    page.close()


@pytest.mark.parametrize("width", [PHONE, 390, 800, DESKTOP])
def test_nothing_overflows(browser: Any, report_html: Path, width: int) -> None:
    page = opened(browser, report_html, width)
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    wide = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
        [...document.querySelectorAll('main *, header *, nav *')]
          .filter((e) => !e.parentElement.closest('.defile') && e.getBoundingClientRect().right > innerWidth + 1)
          .slice(0, 5).map((e) => e.outerHTML.slice(0, 160))"""
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_page_stays_light(browser: Any, report_html: Path) -> None:
    page = opened(browser, report_html)
    assert page.evaluate("document.querySelectorAll('*').length") <= lint.MAX_ELEMENTS
    assert lint.weight(report_html.read_text(encoding="utf-8")) == []
    page.close()


def test_images_are_drawn_and_follow_the_colour_scheme(browser: Any, report_html: Path) -> None:
    darkness = {}
    for scheme in ("light", "dark"):
        page = opened(browser, report_html, scheme=scheme)
        images = page.locator("figure.figure img")
        assert images.count() > 0
        assert page.evaluate(
            "[...document.querySelectorAll('img')].every((i) => i.complete && i.naturalWidth > 0)"
        )
        # the mean luminance of the first figure's opaque strokes, drawn on a canvas
        darkness[scheme] = page.evaluate(
            """async () => { const i = document.querySelector('figure.figure img');
            await i.decode(); const c = document.createElement('canvas');
            c.width = 600; c.height = 300; const x = c.getContext('2d');
            x.drawImage(i, 0, 0, 600, 300); const d = x.getImageData(0, 0, 600, 300).data;
            let s = 0, n = 0; for (let k = 0; k < d.length; k += 4) if (d[k + 3] > 200) {
              s += d[k] + d[k + 1] + d[k + 2]; n += 3; } return s / n; }"""
        )
        page.close()
    assert darkness["dark"] > darkness["light"] + 30


def test_contents_are_always_at_hand(browser: Any, report_html: Path) -> None:
    page = opened(browser, report_html, DESKTOP)
    page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    assert page.locator(".sommaire a").first.is_visible()
    assert page.evaluate("document.querySelector('.sommaire').getBoundingClientRect().top") >= 0
    page.close()
    page = opened(browser, report_html, PHONE)
    assert not page.locator(".sommaire a").first.is_visible()
    page.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    summary = page.locator(".sommaire summary")
    summary.click()
    link = page.locator(".sommaire a").last
    link.click()
    assert not page.locator(".sommaire a").first.is_visible()
    page.close()


def test_skip_link_comes_first_and_leads_to_the_contents(browser: Any, report_html: Path) -> None:
    page = opened(browser, report_html)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "evitement"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "contenu"
    page.close()


def test_links_inside_the_page_lead_somewhere(browser: Any, report_html: Path) -> None:
    page = opened(browser, report_html)
    lost = page.evaluate(
        """[...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute('href'))
        .filter((h) => !document.getElementById(decodeURIComponent(h.slice(1))))"""
    )
    assert lost == []
    page.close()


def test_a_folded_measure_opens_when_linked_to(browser: Any, report_html: Path) -> None:
    page = opened(browser, report_html)
    link = page.locator('#registre a[href^="#kpi-"]').first
    target = link.get_attribute("href")
    assert target is not None
    link.click()
    measure = page.locator(f'[id="{target[1:]}"]')
    measure.wait_for(state="visible", timeout=2000)
    back = measure.locator('a[href^="#affirmation-"]')
    assert back.count() > 0, "a measure leads back to the claims that it serves"
    page.close()


def test_a_witness_is_copied_by_one_gesture(browser: Any, report_html: Path) -> None:
    page = opened(browser, report_html)
    witness = page.locator(".temoin").first
    witness.locator("button").click()
    page.wait_for_timeout(200)
    assert witness.locator("button").inner_text() in ("Copié", "Sélectionné")
    page.close()


def test_without_scripts_the_page_says_the_same(browser: Any, report_html: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 900})
    page = context.new_page()
    page.goto(report_html.as_uri())
    assert page.locator(".sommaire a").first.is_visible()
    assert page.locator(".temoin pre").first.is_visible()
    context.close()


def test_paper(browser: Any, report_html: Path, tmp_path: Path) -> None:
    page = opened(browser, report_html)
    page.emulate_media(media="print")
    hidden = page.locator("details.code").first
    assert not hidden.is_visible()
    address = page.evaluate(
        """getComputedStyle(document.querySelector('main a[href^="http"]'), '::after').content"""
    )
    assert "http" in address
    content = page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", content)) >= 3
    page.close()


def test_structure(browser: Any, report_html: Path) -> None:
    """The frame of the page as a screen reader meets it."""
    page = opened(browser, report_html)
    frame = page.locator("body").aria_snapshot()
    for line in (
        'link "Aller au contenu"',
        'heading "MLflow à l’épreuve" [level=1]',
        'navigation "Sommaire"',
        'heading "Résumé" [level=2]',
        'heading "Registre des affirmations" [level=2]',
        'heading "Glossaire" [level=2]',
    ):
        assert line in frame
    page.close()


def test_slides_fit_and_ask_for_nothing(browser: Any, report_html: Path, tmp_path: Path) -> None:
    from mlflow_study.publication.slides import write_slides

    copy = tmp_path / "rapport.html"
    copy.write_bytes(report_html.read_bytes())
    path = write_slides(copy)
    page = browser.new_page(viewport={"width": 1120, "height": 680})
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function("Reveal.isReady()")
    count = page.evaluate("Reveal.getTotalSlides()")
    assert count >= 6
    too_tall = []
    for _ in range(count):
        height, title = page.evaluate(
            """() => { const s = Reveal.getCurrentSlide();
            const t = s.getBoundingClientRect().top, k = Reveal.getScale();
            const b = [...s.children].filter((e) => !e.matches('aside'))
              .map((e) => (e.getBoundingClientRect().bottom - t) / k);
            return [Math.max(...b), s.querySelector('h1,h2').textContent]; }"""
        )
        if height > 680:
            too_tall.append((title, height))
        page.evaluate("Reveal.next()")
    assert too_tall == []
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert errors == []
    page.close()
