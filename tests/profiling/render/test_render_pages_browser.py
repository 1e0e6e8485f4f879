"""The reports in a real browser, light and dark: every word can be read, nothing is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from devtools import Page, chromium, faint_words, open_page
from real_records import real_evaluation
from sample_codesign import sample_codesign

from rooflink.profiling.render.codesign_html import codesign_html
from rooflink.profiling.reports.renderers.html import html
from rooflink.profiling.reports.sections.evaluation_document import evaluation_document

BINARY = chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="no Chromium on this machine"),
]
WIDEST = 1240


def pages() -> dict[str, str]:
    """Each report, with everything that it can have."""
    return {
        "evaluation": html(evaluation_document(real_evaluation())),
        "codesign": codesign_html(sample_codesign()),
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """One browser for all: it takes seconds to start."""
    assert BINARY
    with open_page(BINARY, tmp_path_factory.mktemp("chromium"), WIDEST) as page:
        yield page


@pytest.mark.parametrize("name", ["evaluation", "codesign"])
def test_a_report_is_read_in_light_and_dark(name: str, page: Page, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.html"
    file.write_text(pages()[name])
    grounds = set()
    for scheme in ("light", "dark"):
        page.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        asked = len(page.requests)
        page.open(file.as_uri(), "document.readyState === 'complete'")
        page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert faint_words(page, "document.body") == [], scheme
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= WIDEST, f"the page is {wide} pixels wide"
        assert [
            url
            for url in page.requests[asked:]
            if url != file.as_uri() and not url.startswith("data:")
        ] == []
    assert len(grounds) == 2
    assert page.errors == []
