"""A run's folder: every file, read back; written again; not writable."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records import Profile
from rooflink.profiling.records.files import load_profile
from rooflink.profiling.render.report import write_run
from rooflink.profiling.render.roofline_png import roofline_png


def read_events(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    return events


def test_folder_is_complete_and_reads_back(profile: Profile, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "run"
    written = write_run(profile, folder)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(written)
    assert {"profile.json", "report.md", "report.html"} < {path.name for path in written}
    assert load_profile(folder) == profile


def test_events_hold_the_figures(profile: Profile, tmp_path: Path) -> None:
    write_run(profile, tmp_path)
    events = read_events(tmp_path)
    think = profile.phases[1]
    assert think.measured

    def last(tag: str) -> float:
        return events.Scalars(tag)[-1].value

    assert last("counted/think/flops") == pytest.approx(think.counted.flops)
    assert last("counted/think/hbm_bytes/kv_read") == pytest.approx(5_415_598_080)
    assert last("measured/think/time_s") == pytest.approx(think.measured.time_s.median)
    assert last("at_datasheet_peak/TPU_v5e/think/time_s") == pytest.approx(0.0934659)
    curve = events.Scalars("thought_counted/hbm_bytes/kv_read")
    assert [point.step for point in curve] == [p.tokens_thought for p in profile.thought]
    assert len(events.Scalars("thought_measured/step_s")) == len(profile.thought)
    assert events.Images("roofline")[0].width > 500
    assert events.Tags()["histograms"] == ["outcome/thought_tokens"]
    text = events.Tensors("report/text_summary")[0].tensor_proto.string_val[0]
    assert b"## Cost of each phase" in text


def test_writing_again_replaces_own_files_only(profile: Profile, tmp_path: Path) -> None:
    other = tmp_path / "events.out.tfevents.1.elsewhere"
    other.write_bytes(b"")
    stale = tmp_path / "events.out.tfevents.1.host.rooflink"
    stale.write_bytes(b"")
    write_run(profile, tmp_path)
    write_run(profile, tmp_path)
    assert other.exists()
    assert not stale.exists()
    assert len(list(tmp_path.glob("events.*.rooflink"))) == 1
    assert len(list(tmp_path.iterdir())) == 6  # with chips/


def test_counted_only(not_run: Profile, tmp_path: Path) -> None:
    write_run(not_run, tmp_path)
    tags = read_events(tmp_path).Tags()
    assert not [tag for tag in tags["scalars"] if "measured" in tag]
    assert tags["histograms"] == []
    assert load_profile(tmp_path) == not_run


def test_unwritable_folder_is_one_sentence(profile: Profile, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ProfileInputError, match=r"cannot write the run to .*file"):
        write_run(profile, file / "run")
    assert file.read_text() == "x"


def test_damaged_profile_is_refused(profile: Profile, tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text(profile.model_dump_json().replace("kv_read", "kv_red"))
    with pytest.raises(ProfileInputError, match="damaged at phases"):
        load_profile(tmp_path)


def test_no_image_without_a_roof(not_run: Profile) -> None:
    image = roofline_png(not_run)
    assert image is not None
    assert image.startswith(b"\x89PNG")
    assert roofline_png(not_run.model_copy(update={"placements": []})) is None
