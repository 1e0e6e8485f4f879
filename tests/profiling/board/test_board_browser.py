"""The tab in a real browser, in TensorBoard as `rooflink board` starts it.

What the page shows is Python's, wherever the sliders are: profiling/predicted/phase_terms.py says
what each phase takes.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from devtools import Page, chromium, faint_words, open_page
from hostile_runs import record, text_runs
from real_records import real_profile

from rooflink.profiling.board.places import place_of, places_at_peak, places_predicted
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import save_record
from rooflink.profiling.reports import units

BINARY = chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="no Chromium on this machine"),
]
TAB = "document.querySelector('iframe[src*=rooflink]').contentDocument"
PHASES = ["prefill", "think", "answer"]
DRAWN = "#figures > div[data-charts]"
KEYS = (
    f"(t => [...t.tBodies[0].rows].slice(0, -1).map(r => +r.cells["
    f"[...t.tHead.rows[0].cells].findIndex(c => c.textContent.trim() === 'time')].dataset.key))"
    f"({TAB}.getElementById('table-phases'))"
)


@pytest.fixture
def address(logdir: Path) -> Iterator[str]:
    """TensorBoard on the runs, with one damaged file of each kind beside them."""
    (logdir / "damaged").mkdir()
    (logdir / "damaged" / "profile.json").write_text("{")
    (logdir / "damaged" / "events.out.tfevents.1.host").write_bytes(b"nothing like an event")
    with board_on(logdir) as found:
        yield found


@contextmanager
def board_on(folder: Path) -> Iterator[str]:
    """The address of `rooflink board FOLDER`."""
    command = "from rooflink.profiling.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", command, "board", str(folder), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=dict(os.environ),
    ) as board:  # fmt: skip
        assert board.stdout is not None
        try:
            said = next((line for line in board.stdout if line.startswith("TensorBoard with")), "")
            yield said.split(": ", 1)[1].strip()
        finally:
            board.terminate()


def open_tab(page: Page, address: str, drawn: str) -> None:
    """The tab, once it has an element `drawn`."""
    page.open(address, f"!!document.querySelector('iframe') && !!{TAB}"
              f" && !!{TAB}.querySelector('{drawn}')")  # fmt: skip


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Page]:
    """The tab, drawn."""
    assert BINARY
    with open_page(BINARY, tmp_path / "chromium") as page:
        open_tab(page, address, DRAWN)
        yield page


def test_the_tab(page: Page, address: str, profiles: dict[str, Profile]) -> None:
    """One page for all: a browser and TensorBoard take seconds to start."""
    it_opens_on_the_newest_run_and_draws_every_phase(page)
    damaged_files_are_listed(page)
    a_slider_moves_the_figures(page, profiles)
    a_key_moves_a_slider(page)
    two_runs_compare(page, profiles)
    every_control_shows_its_focus(page)
    it_follows_the_theme(page)
    assert page.errors == []
    host = urlsplit(address).netloc
    asked = [url for url in page.requests if not url.startswith(("data:", "blob:"))]
    assert {urlsplit(url).netloc for url in asked} == {host}


def it_opens_on_the_newest_run_and_draws_every_phase(page: Page) -> None:
    assert page.evaluate(f"{TAB}.getElementById('run').value") == "week/tuesday"
    assert page.evaluate(f"{TAB}.querySelectorAll('.plot svg.marks').length") == 4
    words = page.evaluate(
        f"[...{TAB}.querySelectorAll('.plot svg.marks text')].map(e => e.textContent)"
    )
    assert set(PHASES) <= set(words)


def damaged_files_are_listed(page: Page) -> None:
    listed = page.evaluate(f"{TAB}.querySelector('#problems').textContent")
    assert "2 files cannot be shown whole" in listed
    assert "damaged/profile.json" in listed
    assert "damaged at byte 0" in listed


def a_slider_moves_the_figures(page: Page, profiles: dict[str, Profile]) -> None:
    (place,) = places_predicted(profiles["week/tuesday"])
    before = times(page)
    assert before == pytest.approx([phase.terms.time_s for phase in place.phases])
    for resource, octaves in (("memory", 2.0), ("overhead", 1.0)):
        move(page, resource, octaves)
    moved = place.under({"memory": 4.0, "overhead": 2.0})
    page.wait(f"{KEYS}[0] !== {before[0]!r}")
    wait_for(page, [terms.time_s for terms in moved.values()])
    assert units.ratio(4.0) in page.evaluate(f"{TAB}.getElementById('said-memory').textContent")
    page.evaluate(f"{TAB}.getElementById('untouch').click()")
    wait_for(page, before)


def a_key_moves_a_slider(page: Page) -> None:
    """And the focus stays on it."""
    page.evaluate("document.querySelector('iframe[src*=rooflink]').focus()")
    page.evaluate(f"{TAB}.getElementById('slider-memory').focus()")
    before = times(page)
    page.key("ArrowRight", 39)
    page.wait(f"{TAB}.getElementById('slider-memory').ariaValueText?.includes('1.04')")
    page.wait(f"{KEYS}[1] < {before[1]!r}")
    assert page.evaluate(f"{TAB}.activeElement.id") == "slider-memory"
    page.key("ArrowLeft", 37)
    wait_for(page, before)
    unnamed = f"[...{TAB}.querySelectorAll('input, select')].filter(e => !e.labels.length).length"
    assert page.evaluate(unnamed) == 0


def two_runs_compare(page: Page, profiles: dict[str, Profile]) -> None:
    page.evaluate(f"{TAB}.getElementById('lens-at datasheet peak').click()")
    choose(page, "other", "monday")
    page.wait(f"{TAB}.getElementById('headline').textContent.includes('monday takes')")
    places = [
        place_of(places_at_peak(profiles[name]), "TPU v5e") for name in ("week/tuesday", "monday")
    ]
    a, b = (sum(phase.terms.time_s for phase in place.phases) for place in places if place)
    page.wait(
        f"{TAB}.getElementById('headline').textContent.endsWith('{units.ratio(b / a)} of that.')"
    )
    choose(page, "other", "")


def every_control_shows_its_focus(page: Page) -> None:
    page.wait(f"!{TAB}.getElementById('headline').textContent.includes('monday takes')")
    for element in ("run", "slider-memory", "untouch"):
        page.evaluate(f"{TAB}.getElementById('{element}').focus()")
        page.key("Shift", 16)
        ring = f"getComputedStyle({TAB}.activeElement).outlineStyle"
        assert page.evaluate(ring) != "none", element


def it_follows_the_theme(page: Page) -> None:
    """Light or dark as TensorBoard is, and every word can be read."""
    ground = f"getComputedStyle({TAB}.body).backgroundColor"
    seen = set()
    for dark in ("true", "false"):
        page.evaluate(f"document.body.classList.toggle('dark-mode', {dark})")
        page.wait(f"({TAB}.documentElement.dataset.drawn === 'dark') === {dark}")
        seen.add(page.evaluate(ground))
        assert faint_words(page, f"{TAB}.body") == []
    assert len(seen) == 2


def test_without_a_sound_run_the_tab_says_so(tmp_path: Path) -> None:
    """And finds one once it is there, and lets go of it once it is gone."""
    assert BINARY
    folder = tmp_path / "runs"
    (folder / "bad").mkdir(parents=True)
    (folder / "bad" / "profile.json").write_text('{"schema_version": "rooflink.profile/9"}')
    reload = f"{TAB}.getElementById('reload').click()"
    with board_on(folder) as address, open_page(BINARY, tmp_path / "chromium") as page:
        open_tab(page, address, "#problems li")
        said = page.evaluate(f"{TAB}.querySelector('#problems').textContent")
        assert "No readable profile under" in said
        assert "has schema 'rooflink.profile/9'" in said
        assert page.evaluate(f"{TAB}.querySelectorAll('.plot svg.marks').length") == 0
        (folder / "good").mkdir()
        save_record(real_profile("good"), folder / "good")
        page.evaluate(reload)
        page.wait(f"!!{TAB}.querySelector('{DRAWN}')")
        assert page.evaluate(f"{TAB}.getElementById('run').value") == "good"
        shutil.rmtree(folder / "good")
        page.evaluate(reload)
        page.wait(f"!{TAB}.querySelector('{DRAWN}')")
        assert page.evaluate(f"{TAB}.querySelector('#headline').textContent") == ""
        assert page.errors == []


def test_no_script_of_a_run_runs(tmp_path: Path) -> None:
    """Neither from a run's name nor from its texts; what a payload calls would be an error."""
    assert BINARY
    folder = tmp_path / "runs"
    names = ["<img src=x onerror=owned()>", "a:Q", "texts", "template"]
    for name, text in zip(names, [json.dumps(record())] * 2 + text_runs(), strict=False):
        (folder / name).mkdir(parents=True)
        (folder / name / "profile.json").write_text(text, encoding="utf-8")
    with board_on(folder) as address, open_page(BINARY, tmp_path / "chromium") as page:
        open_tab(page, address, DRAWN)
        for name in names:
            choose(page, "run", name)
            page.wait(f"{TAB}.getElementById('headline').textContent.startsWith('{name} takes')")
            page.wait(f"{TAB}.querySelectorAll('.plot svg.marks').length === 4")
        assert page.evaluate(f"{TAB}.querySelectorAll('#figures img').length") == 0
        assert page.errors == []


def times(page: Page) -> list[float]:
    """Seconds of each phase, as the table has them."""
    found: list[float] = page.evaluate(KEYS)
    return found


def wait_for(page: Page, expected: list[float]) -> None:
    """Until the table has these times, to the last digits."""
    page.wait(f"{KEYS}.every((t, i) => Math.abs(t / {expected!r}[i] - 1) < 1e-12)")


def move(page: Page, resource: str, octaves: float) -> None:
    """A slider, as a hand would leave it."""
    page.evaluate(
        f"(e => {{ e.value = {octaves}; e.dispatchEvent(new Event('input')); }})"
        f"({TAB}.getElementById('slider-{resource}'))"
    )


def choose(page: Page, which: str, value: str) -> None:
    page.evaluate(
        f"(e => {{ e.value = '{value}'; e.dispatchEvent(new Event('change')); }})"
        f"({TAB}.getElementById('{which}'))"
    )
    page.wait(f"{TAB}.getElementById('{which}').value === '{value}'")
