"""Sessions of the HPARAMS tab and the layout of CUSTOM SCALARS, read back by TensorBoard."""

import re
from pathlib import Path

import pytest
from real_records import real_prediction
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar.layout_pb2 import Layout
from tensorboard.plugins.hparams.metadata import (
    EXPERIMENT_TAG,
    SESSION_START_INFO_TAG,
    parse_experiment_plugin_data,
    parse_session_start_info_plugin_data,
)

from rooflink.profiling.records import Profile
from rooflink.profiling.reports.renderers.tensorboard import METRICS, write_events
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.reports.write import profile_events


def write(profile: Profile, folder: Path) -> None:
    write_events(profile_events(profile, profile_document(profile)), folder)


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def started(events: EventAccumulator) -> dict[str, object]:
    """Hyperparameters of a session."""
    content = events.SummaryMetadata(SESSION_START_INFO_TAG).plugin_data.content
    found = parse_session_start_info_plugin_data(content).hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in found.items()}


def test_each_chip_has_a_session_with_what_is_known(profile: Profile, tmp_path: Path) -> None:
    prediction = real_prediction(economics=None)
    profile = profile.model_copy(update={"predictions": [prediction]})
    write(profile, tmp_path)
    names = {path.name for path in (tmp_path / "chips").iterdir()}
    others = {"TPU_v6e"}
    # v5e's lower bound gives way to its prediction
    assert names == {"this_machine", "v5e_2x4", *others}
    lenses = {name: started(read(tmp_path / "chips" / name))["lens"] for name in names}
    assert lenses == dict.fromkeys(others, "lower bound from the datasheet") | {
        "this_machine": "measured", "v5e_2x4": "predicted"}  # fmt: skip

    predicted = read(tmp_path / "chips" / "v5e_2x4")
    assert started(predicted) == {
        "made_by": "profile",
        "model": "reasoner", "parameters": 161_280.0, "dtype": "float32", "task": "chain:k=2-12",
        "prompts": 4.0, "batch": 4.0, "attempts": 4.0, "think_budget": 9.0,
        "sampling": "temperature 1.5", "chip": "TPU v5e", "chips": 8.0,
        "slice": "v5e:2x4", "lens": "predicted", "strategy": "none", "strategy_settings": "none",
    }  # fmt: skip
    time_s = prediction.time_s.median
    assert predicted.Scalars("cost/time_s")[0].value == pytest.approx(time_s)
    assert predicted.Scalars("cost/query_s")[0].value == pytest.approx(time_s / 4)  # prompts
    assert profile.outcome
    lengths = [each.think_tokens for each in profile.outcome.lengths]
    assert predicted.Scalars("outcome/accuracy")[0].value == pytest.approx(7 / 16)
    assert predicted.Scalars("outcome/think_tokens")[0].value == pytest.approx(sum(lengths) / 16)
    assert "cost/query_usd" not in predicted.Tags()["scalars"]  # without economics

    floor = read(tmp_path / "chips" / "TPU_v6e")
    total = sum(p.time_at_peak_s for p in profile.placements[1].phases)
    assert floor.Scalars("cost/time_s")[0].value == pytest.approx(total)


def test_all_sessions_declare_the_same(profile: Profile, not_run: Profile, tmp_path: Path) -> None:
    """Whichever the tab meets first holds for all."""
    declared = set()
    for name, each in (("ran", profile), ("not", not_run)):
        (tmp_path / name).mkdir()
        write(each, tmp_path / name)
        for folder in (tmp_path / name / "chips").iterdir():
            metadata = read(folder).SummaryMetadata(EXPERIMENT_TAG)
            experiment = parse_experiment_plugin_data(metadata.plugin_data.content)
            metrics = tuple(metric.name.tag for metric in experiment.metric_infos)
            assert metrics == METRICS
            declared.add(tuple(sorted(info.name for info in experiment.hparam_infos)))
    assert len(declared) == 1


def test_written_again_leaves_no_chip_that_is_gone(profile: Profile, tmp_path: Path) -> None:
    write(profile, tmp_path)
    kept = tmp_path / "chips" / "TPU_v5e" / "mine.txt"
    kept.write_text("x")
    write(profile.model_copy(update={"placements": profile.placements[1:]}), tmp_path)
    assert {path.name for path in (tmp_path / "chips").iterdir()} == {
        "this_machine", "TPU_v6e", "TPU_v5e"}  # fmt: skip
    assert list((tmp_path / "chips" / "TPU_v5e").iterdir()) == [kept]


def test_bytes_along_the_thought_share_a_chart(profile: Profile, tmp_path: Path) -> None:
    write(profile, tmp_path)
    events = read(tmp_path)
    (proto,) = events.Tensors("custom_scalars__config__")
    layout = Layout.FromString(proto.tensor_proto.string_val[0])
    (chart,) = layout.category[0].chart
    tags = events.Tags()["scalars"]
    drawn = [[tag for tag in tags if re.fullmatch(each, tag)] for each in chart.multiline.tag]
    assert [len(found) for found in drawn] == [1] * 5
