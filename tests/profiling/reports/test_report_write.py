"""A run's folder: every file, read back; written again; not writable."""

from pathlib import Path

import pytest
from hostile_runs import text_runs
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.notebook.run_view import Run
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import load_profile
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.reports.write import write_run


@pytest.fixture(scope="module")
def written(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "new" / "run"
    files = write_run(profile, folder)
    assert set(files) <= {path for path in folder.rglob("*") if path.is_file()}
    return folder


def test_the_folder_reads_back(profile: Profile, written: Path) -> None:
    assert {"profile.json", "report.md", "report.html"} < {path.name for path in written.iterdir()}
    assert load_profile(written) == profile


def test_markdown_shows_the_charts_beside_it(profile: Profile, written: Path) -> None:
    drawn = {path.stem for path in (written / "charts").glob("*.svg")}
    assert drawn == {chart.name for chart in profile_document(profile).charts()}
    text = (written / "report.md").read_text()
    assert all(f"](charts/{name}.svg)" in text for name in drawn)


def test_events_hold_the_figures(profile: Profile, written: Path) -> None:
    events = EventAccumulator(str(written), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    think = profile.phases[1]
    assert think.measured

    def last(tag: str) -> float:
        return events.Scalars(tag)[-1].value

    assert last("counted/think/flops") == pytest.approx(think.counted.flops)
    assert last("counted/think/hbm_bytes/kv_read") == pytest.approx(think.counted.hbm_bytes.kv_read)
    assert last("measured/think/time_s") == pytest.approx(think.measured.time_s.median)
    (on_v5e,) = [p for p in profile.placements[0].phases if p.phase == "think"]
    assert last("at_datasheet_peak/TPU_v5e/think/time_s") == pytest.approx(on_v5e.time_at_peak_s)
    curve = events.Scalars("thought_counted/hbm_bytes/kv_read")
    assert [point.step for point in curve] == [p.tokens_thought for p in profile.thought]
    (image,) = events.Images("roofline")
    assert image.width > 500
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert events.Tags()["histograms"] == ["outcome/thought_tokens"]
    text = events.Tensors("report/text_summary")[0].tensor_proto.string_val[0]
    assert b"## Phases" in text


def test_writing_again_replaces_own_files_only(not_run: Profile, tmp_path: Path) -> None:
    other = tmp_path / "events.out.tfevents.1.elsewhere"
    other.write_bytes(b"")
    stale = tmp_path / "events.out.tfevents.1.host.rooflink"
    stale.write_bytes(b"")
    write_run(not_run, tmp_path)
    assert other.exists()
    assert not stale.exists()
    assert len(list(tmp_path.glob("events.*.rooflink"))) == 1


def test_charts_that_a_report_no_longer_has_are_removed_and_others_stay(
    profile: Profile, not_run: Profile, tmp_path: Path
) -> None:
    write_run(profile, tmp_path)
    before = {path.stem for path in (tmp_path / "charts").iterdir()}
    own = tmp_path / "charts" / "mine.svg"
    own.write_text("<svg/>")
    write_run(not_run, tmp_path)
    left = {path.stem for path in (tmp_path / "charts").iterdir()}
    assert left == {chart.name for chart in profile_document(not_run).charts()} | {"mine"}
    assert "time" in before - left


def test_an_unwritable_folder_is_one_sentence(not_run: Profile, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ProfileInputError, match=r"cannot write the report to .*file"):
        write_run(not_run, file / "run")
    assert file.read_text() == "x"


def test_texts_of_others_are_text_in_every_file(tmp_path: Path) -> None:
    """A prompt, a thought or a name may be markup, a script or a terminal's command."""
    hostile = Profile.model_validate_json(text_runs()[0])
    write_run(hostile, tmp_path)
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        assert "<img src=x" not in text
        assert "owned()</script>" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
    for chart in (tmp_path / "charts").iterdir():
        assert "<img" not in chart.read_text()
    shown = repr(Run(hostile))
    assert shown.isprintable()
