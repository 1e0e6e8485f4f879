"""Run: what a notebook shows of a profile, and the tables that people work on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from html_page import parsed
from real_records import real_profile

import rooflink.profiling as rp
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.notebook.run_view import Run
from rooflink.profiling.predicted.phase_terms import resource_shares
from rooflink.profiling.records import Profile
from rooflink.profiling.reports import theme
from rooflink.profiling.reports.renderers import notebook
from rooflink.profiling.reports.renderers.html import DARK_THEMES, LIGHT_THEMES, notebook_style

PNG = b"\x89PNG"


@pytest.fixture
def record() -> Profile:
    return real_profile()


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


def test_a_cell_holds_each_phase_and_asks_for_nothing(record: Profile) -> None:
    page = parsed(Run(record)._repr_html_())
    assert {phase.name for phase in record.phases} <= set(page.words)
    sources = [value for name, value in page.attributes if name in ("src", "href")]
    assert all(source.startswith("data:") for source in sources)


def test_one_cell_brings_what_draws_the_charts_of_all(
    record: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebook, "_brought", [])
    first, second = (Run(record)._repr_html_() for _ in range(2))
    assert len(first) > len(second) + 200_000
    roots = [re.findall(r'id="(rooflink-\d+)"', shown) for shown in (first, second)]
    assert roots[0] != roots[1]
    monkeypatch.setitem(sys.modules, "google.colab", notebook)  # there each cell is a page
    assert len(Run(record)._repr_html_()) > len(second) + 200_000


def test_markup_in_a_record_is_escaped(record: Profile) -> None:
    model = record.model.model_copy(update={"name": "<script>alert(1)</script>"})
    shown = Run(record.model_copy(update={"model": model}))._repr_html_()
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown


def test_colours_follow_the_theme_of_the_notebook() -> None:
    own, (light, dark) = notebook_style(), theme.COLOURS["page"]
    assert f"--page: {dark};" in own.split(f":is({DARK_THEMES}) .rooflink {{")[1].split("}")[0]
    assert f"--page: {light};" in own.split(f":is({LIGHT_THEMES}) .rooflink {{")[1].split("}")[0]
    assert own.count("{") == own.count("}")


def test_rows_are_the_records_figures(record: Profile) -> None:
    rows = Run(record).phases.reset_index().set_index("phase", drop=False).to_dict("index")
    for phase in record.phases:
        row, counted = rows[phase.name], phase.counted
        kinds = ("weight_bytes", "kv_read_bytes", "kv_write_bytes", "activation_bytes")
        assert sum(row[kind] for kind in kinds) == row["hbm_bytes"] == counted.hbm_bytes.total
        assert row["flops_per_byte"] == pytest.approx(counted.flops / row["hbm_bytes"])
    assert len(Run(record).thought) == len(record.thought)


def test_without_pandas_rows_are_dicts(record: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "find_spec", lambda name: None)
    rows = Run(record).phases
    assert [row["phase"] for row in rows] == [phase.name for phase in record.phases]


def test_with_pandas_rows_are_a_frame(record: Profile) -> None:
    pytest.importorskip("pandas")
    table = Run(record).phases
    assert list(table.index) == [phase.name for phase in record.phases]
    assert table.loc["think", "flops"] == record.phases[1].counted.flops


def test_shares_name_the_bound(record: Profile) -> None:
    """At datasheet peak a chip whose phases are all bound by memory is all memory."""
    shares = resource_shares(record.model_copy(update={"predictions": []}))
    for placement in record.placements:
        if all(phase.bound == "memory" for phase in placement.phases):
            assert shares[placement.chip]["memory"] == pytest.approx(1)


def test_pictures_are_png(record: Profile, tmp_path: Path) -> None:
    run = Run(record)
    assert run.roofline()._repr_png_().startswith(PNG)
    picture = run.sensitivity()
    assert picture.save(tmp_path / "s.png").read_bytes().startswith(PNG)
    for odd in (tmp_path / "missing" / "s.png", tmp_path, "a\0b.svg", f"{'x' * 300}.svg"):
        with pytest.raises(ProfileInputError, match="cannot write the chart to"):
            picture.save(odd)
    assert "What holds most of the time" in repr(picture)


def test_without_a_chip_the_pictures_say_so(record: Profile) -> None:
    bare = Run(record.model_copy(update={"placements": [], "predictions": [], "machine": None}))
    for draw in (bare.roofline, bare.sensitivity):
        with pytest.raises(ProfileInputError, match=r"chips=\['v5e'\]"):
            draw()
    assert set(parsed(bare._repr_html_()).tags) >= {"table"}


def test_what_is_saved_is_loaded(record: Profile, tmp_path: Path) -> None:
    folder = Run(record).save(tmp_path / "run")
    assert rp.load(folder).record == record
