"""A report and cells of a notebook in a real browser, light and dark: drawn, asking nobody."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from devtools import Page, chromium, faint_words, open_page
from hostile_runs import text_runs
from real_records import real_codesign, real_evaluation, real_validation, whole_run

from rooflink.profiling.notebook.run_view import Run
from rooflink.profiling.records import Profile
from rooflink.profiling.reports import terms
from rooflink.profiling.reports.renderers import notebook
from rooflink.profiling.reports.renderers.html import html
from rooflink.profiling.reports.sections.codesign_document import codesign_document
from rooflink.profiling.reports.sections.evaluation_document import evaluation_document
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.reports.sections.validation_document import validation_document

BINARY = chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="no Chromium on this machine"),
]
WIDEST, PHONE = 1240, 390
DRAWN = "document.documentElement?.dataset.charts === 'drawn'"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all: it takes seconds to start."""
    assert BINARY
    with open_page(BINARY, tmp_path_factory.mktemp("chromium"), WIDEST) as page:
        yield page


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a profile with everything that one can have."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(html(profile_document(whole_run())))
    return file


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The reports of an evaluation, a co-design and a validation."""
    documents = {
        "evaluation": evaluation_document(real_evaluation()),
        "codesign": codesign_document(real_codesign()),
        "validation": validation_document(real_validation()),
    }
    files = {name: tmp_path_factory.mktemp(name) / "report.html" for name in documents}
    for name, document in documents.items():
        files[name].write_text(html(document))
    return files


def see(page: Page, scheme: str = "light", width: int = WIDEST, media: str = "") -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.call("Emulation.setEmulatedMedia", features=features, media=media)
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=1000, deviceScaleFactor=1,
              mobile=width == PHONE)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_is_drawn_and_read(page: Page, file: Path, scheme: str) -> None:
    assert read(page, file, scheme) >= 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("name", "charts"), [("evaluation", 5), ("codesign", 15), ("validation", 2)]
)
def test_a_studys_report_is_drawn_and_read(
    page: Page, studies: dict[str, Path], name: str, charts: int, scheme: str
) -> None:
    assert read(page, studies[name], scheme) >= charts


def read(page: Page, file: Path, scheme: str) -> int:
    """The number of charts on a page that can be read and asks nobody for anything."""
    see(page, scheme)
    asked = len(page.requests)
    page.open(file.as_uri(), DRAWN)
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    charts: int = page.evaluate("document.querySelectorAll('figure.chart').length")
    assert page.evaluate("document.querySelectorAll('.plot svg.marks').length") == charts
    assert faint_words(page, "document.body") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDEST
    elsewhere = [url for url in page.requests[asked:] if not url.startswith(("data:", "blob:"))]
    assert elsewhere == [file.as_uri()]
    assert page.errors == []
    return charts


def test_a_phone_sees_no_page_wider_than_itself(page: Page, file: Path) -> None:
    see(page, width=PHONE)
    page.open(file.as_uri(), DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert page.evaluate("document.querySelectorAll('.scroll.more').length") > 0


def test_a_pointer_on_a_bar_is_told_its_figures(page: Page, file: Path) -> None:
    see(page)
    page.open(file.as_uri(), DRAWN)
    bar = "document.querySelector('#chart-time .mark-rect path')"
    page.evaluate(f"{bar}.scrollIntoView({{block: 'center'}})")
    x, y = page.evaluate(
        f"(r => [r.x + r.width / 2, r.y + r.height / 2])({bar}.getBoundingClientRect())"
    )
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    page.wait(
        "document.querySelector('#vg-tooltip-element.visible')?.textContent.includes('prefill')"
    )


def test_the_reader_chooses_whose_roof_carries_the_rings(page: Page, file: Path) -> None:
    see(page)
    page.open(file.as_uri(), DRAWN)
    rings = "document.querySelector('#chart-roofline').view.scenegraph().root.items[0].items"
    heights = f"JSON.stringify({rings}.map(g => g.items.map(i => i.y)))"
    before = page.evaluate(heights)
    page.evaluate("[...document.querySelectorAll('#chart-roofline input')].at(-2).click()")
    page.wait(f"{heights} !== {before!r}")


def test_a_click_on_a_heading_sorts_and_the_total_stays_last(page: Page, file: Path) -> None:
    see(page)
    page.open(file.as_uri(), DRAWN)
    heads = "[...document.querySelectorAll('#table-phases thead button')]"
    page.evaluate(f"{heads}.find(b => b.textContent.trim().endsWith('FLOPs')).click()")
    rows = (
        "[...document.querySelectorAll('#table-phases tbody tr')].map(r => r.cells[0].textContent)"
    )
    assert page.evaluate(rows) == ["answer", "prefill", "think", "total"]
    page.evaluate(f"{heads}.find(b => b.textContent.trim().endsWith('FLOPs')).click()")
    assert page.evaluate(rows) == ["think", "prefill", "answer", "total"]


def test_a_table_is_filtered_copied_and_saved_as_csv(page: Page, studies: dict[str, Path]) -> None:
    """What is filtered away is neither copied nor saved; raw figures keep their intervals' ends."""
    see(page)
    page.open(studies["evaluation"].as_uri(), DRAWN)
    page.evaluate(
        "navigator.clipboard.writeText = async (text) => { window.copied = text; };"
        "URL.createObjectURL = (blob) => (blob.text().then(t => { window.saved = t; }), '#x');"
    )
    table = "document.querySelector('#table-costs')"
    tools = f"{table}.closest('.scroll').previousElementSibling"
    page.evaluate(
        f"(field => {{ field.value = 'V5E greedy'; field.dispatchEvent(new Event('input')); }})"
        f"({tools}.querySelector('input'))"
    )
    cells = [cell for cell in real_evaluation().cells if cell.strategy == "greedy"]
    ways = [cell.label for cell in cells]
    rows = f"[...{table}.tBodies[0].rows].filter(row => row.checkVisibility())"
    assert page.evaluate(f"{rows}.map(row => row.cells[0].textContent)") == ways
    page.evaluate(f"[...{tools}.querySelectorAll('button')].forEach(button => button.click())")
    page.wait("window.copied && window.saved")
    copied = page.evaluate("window.copied").split("\n")[1:]
    assert [line.split("\t")[0] for line in copied] == ways
    saved = list(csv.DictReader(io.StringIO(page.evaluate("window.saved"))))
    assert [row["way"] for row in saved] == ways
    times = [cell.slices[0].time_s for cell in cells]
    for end in ("", "_low", "_high"):
        figures = [getattr(time_s, end[1:] or "median") for time_s in times]
        assert [float(row[f"query{end}_s"]) for row in saved] == figures
    assert page.errors == []


def test_the_tools_of_a_table_are_reached_by_keyboard(page: Page, file: Path) -> None:
    see(page)
    page.open(file.as_uri(), DRAWN)
    page.evaluate("document.querySelector('.tools button').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                  windowsVirtualKeyCode=9)  # fmt: skip
    assert page.evaluate("document.activeElement.textContent") == "CSV"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    names = "[...document.querySelectorAll('.tools button')].map(b => b.getAttribute('aria-label'))"
    assert all(": " in name for name in page.evaluate(names))


def test_the_first_page_says_what_it_is(page: Page, file: Path) -> None:
    see(page)
    page.open(file.as_uri(), DRAWN)
    first = page.evaluate("document.querySelector('header').innerText")
    assert all(word in first for word in ("rooflink", terms.PURPOSE, *terms.FIRST_WORDS))
    links = (
        "[...document.querySelectorAll('.contents a')].map(a => a.getAttribute('href').slice(1))"
    )
    assert all(
        page.evaluate(f"!!document.getElementById('{name}')") for name in page.evaluate(links)
    )


def test_paper_gets_still_pictures(page: Page, file: Path) -> None:
    see(page, media="print")
    page.open(file.as_uri(), DRAWN)
    shown = "[...document.querySelectorAll('{}')].filter(e => e.checkVisibility()).length"
    assert page.evaluate(shown.format(".plot")) == 0
    assert page.evaluate(shown.format(".still")) >= 6


def test_cells_of_a_notebook_share_what_draws(
    page: Page, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And keep to themselves: their style does not reach the page around them."""
    monkeypatch.setattr(notebook, "_brought", [])
    see(page)
    run = Run(profile)
    cells = [run._repr_html_(), run.roofline()._repr_html_()]
    file = tmp_path / "notebook.html"
    body = '<body data-jp-theme-light="false"><p id="own">own</p>'
    file.write_text(f"<!DOCTYPE html><link rel=icon href='data:,'>{body}{''.join(cells)}</body>")
    page.open(file.as_uri(), "document.querySelectorAll('.rooflink[data-charts]').length === 2")
    assert page.evaluate("document.querySelectorAll('.plot svg.marks').length") >= 3
    colour = "getComputedStyle(document.querySelector('{}')).color"
    assert page.evaluate(colour.format("#own")) == "rgb(0, 0, 0)"
    assert page.evaluate(colour.format(".rooflink")) == "rgb(233, 231, 226)"  # by the theme
    assert page.errors == []


def test_no_script_of_a_record_runs(page: Page, tmp_path: Path) -> None:
    """What a payload calls would be an error; an image of its own would be a request."""
    file, before = tmp_path / "report.html", len(page.requests)
    for text in text_runs()[:2]:
        file.write_text(html(profile_document(Profile.model_validate_json(text))))
        page.open(file.as_uri(), DRAWN)
        assert page.evaluate("document.querySelectorAll('img:not(.still)').length") == 0
    assert page.errors == []
    asked = [url for url in page.requests[before:] if not url.startswith(("data:", "blob:"))]
    assert set(asked) == {file.as_uri()}
