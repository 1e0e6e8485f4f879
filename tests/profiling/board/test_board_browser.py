"""The tab in a real browser, in TensorBoard as `rooflink board` starts it.

What the page shows is held to Python: profiling/predicted/phase_terms.py says what each phase takes
and what bounds it wherever the sliders are, profiling/render/units.py how that is written.
"""

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
from sample_profile import sample_profile

from rooflink.profiling.board.places import Place, floors, predicted
from rooflink.profiling.predicted.phase_terms import grown, whole_elasticities
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import save_record
from rooflink.profiling.render import units

BINARY = chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="no Chromium on this machine"),
]
TAB = "document.querySelector('iframe[src*=rooflink]').contentDocument"
PHASES = ["prefill", "think", "answer"]


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
        open_tab(page, address, "#table td")
        yield page


def test_the_tab(page: Page, address: str, profiles: dict[str, Profile]) -> None:
    """One page for all: a browser and TensorBoard take seconds to start."""
    monday, tuesday = profiles["monday"], profiles["week/tuesday"]
    v5e = place_of(floors(monday), "TPU v5e")
    every_phase_is_drawn(page)
    damaged_files_are_listed(page)
    shows(page, 0, v5e, {})
    crossed = moving_a_slider_changes_bound_and_time(page, v5e)
    assert crossed, "no slider moved a phase over the ridge"
    two_runs_compare(page, v5e, place_of(floors(tuesday), "TPU v5e"))
    predictions_move_by_their_terms(page, predicted(tuesday)[0])
    keys_are_enough(page, predicted(tuesday)[0])
    every_control_is_reached_and_shows_it(page)
    it_follows_the_theme(page)
    assert page.errors == []
    host = urlsplit(address).netloc
    asked = [url for url in page.requests if not url.startswith(("data:", "blob:"))]
    assert {urlsplit(url).netloc for url in asked} == {host}


def every_phase_is_drawn(page: Page) -> None:
    for where in ("roofline", "time"):
        drawn = f"[...{TAB}.querySelectorAll('#{where} svg g[data-phase]')]"
        assert sorted(page.evaluate(f"{drawn}.map(e => e.dataset.phase)")) == sorted(PHASES)
        sizes = page.evaluate(f"{drawn}.map(e => e.getBoundingClientRect().width)")
        assert all(size > 0 for size in sizes)
    assert page.evaluate(f"{TAB}.querySelectorAll('svg:not([aria-label])').length") == 0


def damaged_files_are_listed(page: Page) -> None:
    said = page.evaluate(f"{TAB}.querySelector('#problems').textContent")
    assert "2 files cannot be shown whole" in said
    assert "damaged/profile.json" in said
    assert "damaged at byte 0" in said


def moving_a_slider_changes_bound_and_time(page: Page, place: Place) -> bool:
    """Whether a phase crossed the ridge on the way."""
    bounds = set()
    for resource, octaves in (("memory", 1.5), ("memory", 4.0), ("compute", -3.0)):
        move(page, resource, octaves)
        factors = {resource: 2.0**octaves}
        bounds |= set(shows(page, 0, place, factors).values())
        move(page, resource, 0.0)
    shows(page, 0, place, {})
    return bounds == {"compute", "memory"}


def two_runs_compare(page: Page, a: Place, b: Place) -> None:
    choose(page, "run-b", "week/tuesday")
    page.wait(f"!!{TAB}.querySelector('td[data-run=\"1\"]')")
    move(page, "memory", 1.0)
    shows(page, 0, a, {"memory": 2.0})
    shows(page, 1, b, {"memory": 2.0})
    times = [
        sum(grown(phase.terms, {"memory": 2.0}).time_s for phase in each.phases) for each in (a, b)
    ]
    ratios = page.evaluate(
        f"[...{TAB}.querySelectorAll('td[data-ratio]')].map(e => +e.dataset.ratio)"
    )
    assert ratios[-1] == pytest.approx(times[1] / times[0], rel=1e-12)
    drawn = f"{TAB}.querySelectorAll('#roofline g[data-run=\"1\"]').length"
    assert page.evaluate(drawn) == len(PHASES)
    move(page, "memory", 0.0)
    choose(page, "run-b", "")


def predictions_move_by_their_terms(page: Page, place: Place) -> None:
    choose(page, "run-a", "week/tuesday")
    page.wait(f"{TAB}.querySelector('#headline').textContent.startsWith('week/tuesday')")
    press(page, "basis-predicted")
    shows(page, 0, place, {})
    factors = {}
    for resource, octaves in (("memory", 2.0), ("links", 3.0), ("overhead", 1.0)):
        move(page, resource, octaves)
        factors[resource] = 2.0**octaves
        shows(page, 0, place, factors)
    press(page, "untouch")
    shows(page, 0, place, {})


def keys_are_enough(page: Page, place: Place) -> None:
    """Tab goes to the slider, an arrow moves it and the figures, and the focus is to be seen."""
    slider = f"{TAB}.getElementById('slider-memory')"
    page.evaluate("document.querySelector('iframe[src*=rooflink]').focus()")
    page.evaluate(f"{TAB}.querySelector('input[name=place]:checked').focus()")
    page.key("Tab", 9)
    assert page.evaluate(f"{TAB}.activeElement.id") == "slider-memory"
    ring = f"getComputedStyle({TAB}.activeElement).outlineStyle"
    assert page.evaluate(ring) != "none"
    page.key("ArrowRight", 39)
    assert page.evaluate(f"+{slider}.value") == pytest.approx(0.05)
    assert units.ratio(2**0.05) in page.evaluate(f"{slider}.getAttribute('aria-valuetext')")
    shows(page, 0, place, {"memory": 2**0.05})
    page.key("ArrowLeft", 37)
    shows(page, 0, place, {})
    unnamed = f"[...{TAB}.querySelectorAll('input, select')].filter(e => !e.labels.length).length"
    assert page.evaluate(unnamed) == 0


def every_control_is_reached_and_shows_it(page: Page) -> None:
    """From the first control on, Tab alone: each stop has a ring, and none is left out."""
    groups = (  # of radio buttons the chosen one is the stop
        f"[...{TAB}.querySelectorAll('select, button, summary, .scroll, input:not(:disabled)')]"
        ".filter(e => e.type !== 'radio' || e.checked).length"
    )
    page.evaluate(f"{TAB}.getElementById('run-a').focus()")
    stop = f"(e => e.closest('.pill') ?? e)({TAB}.activeElement)"
    seen = []
    for _ in range(page.evaluate(groups)):
        assert page.evaluate(f"getComputedStyle({stop}).outlineStyle") != "none", seen
        seen.append(page.evaluate(f"({stop}).textContent.trim() || {TAB}.activeElement.id"))
        page.key("Tab", 9)
    assert len(set(seen)) == len(seen), "the focus went round before it had been everywhere"
    assert {"slider-memory", "slider-compute"} <= set(seen)


def it_follows_the_theme(page: Page) -> None:
    """Light or dark as TensorBoard is, and every word can be read."""
    ground = f"getComputedStyle({TAB}.body).backgroundColor"
    seen = set()
    for dark in ("true", "false"):
        page.evaluate(f"document.body.classList.toggle('dark-mode', {dark})")
        page.wait(f"({TAB}.documentElement.dataset.theme === 'dark') === {dark}")
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
        assert page.evaluate(f"{TAB}.querySelectorAll('svg').length") == 0
        (folder / "good").mkdir()
        save_record(sample_profile("good"), folder / "good")
        page.evaluate(reload)
        page.wait(f"!!{TAB}.querySelector('#table td')")
        assert page.evaluate(f"{TAB}.getElementById('run-a').value") == "good"
        shutil.rmtree(folder / "good")
        page.evaluate(reload)
        page.wait(f"!{TAB}.querySelector('#table td')")
        assert page.evaluate(f"{TAB}.querySelector('#headline').textContent") == ""
        assert page.errors == []


def shows(page: Page, run: int, place: Place, factors: dict[str, float]) -> dict[str, str]:
    """Assert that the page has Python's times, bounds and elasticities; the bounds."""
    moved = {phase.phase: grown(phase.terms, factors) for phase in place.phases}
    bounds = {}
    for name, terms in moved.items():
        where = f'#table td[data-run="{run}"][data-phase="{name}"]'
        time = f"{TAB}.querySelector('{where}[data-time]')"
        assert page.evaluate(f"+{time}.dataset.time") == pytest.approx(terms.time_s, rel=1e-12)
        assert page.evaluate(f"{time}.textContent") == units.seconds(terms.time_s)
        bounds[name] = page.evaluate(f"{TAB}.querySelector('{where}[data-bound]').dataset.bound")
    assert bounds == {name: terms.bound for name, terms in moved.items()}
    ranking = f"{TAB}.querySelectorAll('#levers ol')[{run}].children"
    ranked = page.evaluate(f"[...{ranking}].map(e => [e.dataset.resource, +e.dataset.elasticity])")
    found = whole_elasticities(moved.values())
    assert dict(ranked) == pytest.approx({name: found[name] for name, _ in ranked}, abs=1e-12)
    assert [value for _, value in ranked] == sorted((value for _, value in ranked), reverse=True)
    assert sum(found.values()) - sum(dict(ranked).values()) < 0.02
    return bounds


def place_of(places: list[Place], name: str) -> Place:
    return next(place for place in places if place.name == name)


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


def press(page: Page, which: str) -> None:
    page.evaluate(f"{TAB}.getElementById('{which}').click()")
