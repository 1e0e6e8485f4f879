"""Run: what a notebook shows of a profile, and the tables that people work on."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sample_prediction import sample_prediction
from sample_profile import sample_profile

import rooflink.profiling as rp
from rooflink.profiling.board.places import floors
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.notebook import figures, page
from rooflink.profiling.notebook.run import Run
from rooflink.profiling.notebook.sensitivity import shares
from rooflink.profiling.records import Profile
from rooflink.profiling.render.templating import TEMPLATES

PNG = b"\x89PNG"


@pytest.fixture
def record() -> Profile:
    return sample_profile()


def test_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, rooflink.profiling as rp; assert 'profile' in dir(rp); "
        "print({'jax', 'matplotlib', 'tensorboard', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_an_unknown_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'profil'"):
        _ = rp.profil


def test_the_page_holds_each_phase_and_every_id_once(record: Profile) -> None:
    shown = Run(record)._repr_html_() + Run(record)._repr_html_()
    for phase in record.phases:
        assert f"</span>{phase.name}</th>" in shown
    picks = re.findall(r'id="(pick-[^"]*)"', shown)
    assert len(picks) == 2 * len(record.placements)
    assert len(set(picks)) == len(picks)
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", shown)  # nothing comes from elsewhere


def test_markup_in_a_record_is_escaped(record: Profile) -> None:
    model = record.model.model_copy(update={"name": "<script>alert(1)</script>"})
    shown = Run(record.model_copy(update={"model": model}))._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_drawings_are_well_formed(record: Profile) -> None:
    drawn = re.findall(r"<svg.*?</svg>", Run(record)._repr_html_(), re.S)
    assert len(drawn) == 4
    for each in drawn:
        ElementTree.fromstring(each)


def test_dark_themes_have_the_reports_dark_colours() -> None:
    report, own = (TEMPLATES / "report.css").read_text(), page.style()
    dark = report.split("prefers-color-scheme: dark")[1].split("}")[0]
    page_colour = re.search(r"--page: (#\w+)", dark)
    assert page_colour is not None
    rule = own.split(f":is({page.DARK_THEMES}) .rooflink {{")[1].split("}")[0]
    assert f"--page: {page_colour[1]};" in rule
    assert own.count("{") == own.count("}")
    assert not re.search(r"(?m)^\s*(:root|body)\b", own)  # nothing reaches the page around it


def test_rows_are_the_records_figures(record: Profile) -> None:
    rows = {row["phase"]: row for row in figures.phases(record)}
    for phase in record.phases:
        row, counted = rows[phase.name], phase.counted
        kinds = ("weight_bytes", "kv_read_bytes", "kv_write_bytes", "activation_bytes")
        assert sum(row[kind] for kind in kinds) == row["hbm_bytes"] == counted.hbm_bytes.total
        assert row["flops_per_byte"] == pytest.approx(counted.flops / row["hbm_bytes"])
    assert len(figures.thought(record)) == len(record.thought)


def test_without_pandas_rows_are_dicts(record: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rooflink.profiling.notebook.frames.find_spec", lambda name: None)
    assert Run(record).phases == figures.phases(record)


def test_with_pandas_rows_are_a_frame(record: Profile) -> None:
    pytest.importorskip("pandas")
    table = Run(record).phases
    assert list(table.index) == [phase.name for phase in record.phases]
    assert table.loc["think", "flops"] == record.phases[1].counted.flops


def test_shares_add_up_and_name_the_bound(record: Profile) -> None:
    """At datasheet peak a place whose phases are all bound by memory is all memory."""
    found = shares(record.model_copy(update={"predictions": []}))
    for place, on_chip in zip(floors(record), record.placements, strict=True):
        assert sum(found[place.name].values()) == pytest.approx(1)
        if all(phase.bound == "memory" for phase in on_chip.phases):
            assert found[place.name]["memory"] == pytest.approx(1)


def test_shares_are_of_predictions_where_there_are_any(record: Profile) -> None:
    prediction = sample_prediction()
    found = shares(record.model_copy(update={"predictions": [prediction]}))
    assert list(found) == [prediction.slice]


def test_pictures_are_png(record: Profile, tmp_path: Path) -> None:
    run = Run(record)
    assert run.roofline()._repr_png_().startswith(PNG)
    picture = run.sensitivity()
    assert picture.save(tmp_path / "s.png").read_bytes().startswith(PNG)
    assert "What holds most of the time" in repr(picture)


def test_without_a_chip_the_pictures_say_so(record: Profile) -> None:
    bare = Run(record.model_copy(update={"placements": [], "predictions": [], "machine": None}))
    for draw in (bare.roofline, bare.sensitivity):
        with pytest.raises(ProfileInputError, match=r"chips=\['v5e'\]"):
            draw()
    assert "Cost of each phase" in bare._repr_html_()


def test_what_is_saved_is_loaded(record: Profile, tmp_path: Path) -> None:
    folder = Run(record).save(tmp_path / "run")
    assert rp.load(folder).record == record
