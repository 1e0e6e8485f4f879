"""One directory of a profile, an evaluation, a training and a co-design report, as TensorBoard
reads it."""

from pathlib import Path
from typing import Any

import pytest
from real_records import real_codesign, real_evaluation, whole_run
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, get_experiment
from tensorboard.plugins.hparams.list_session_groups import Handler

import rooflink.model.training
from rooflink.profiling.records.files import load_record
from rooflink.profiling.records.training import Training
from rooflink.profiling.reports.renderers.tensorboard import HYPERPARAMETERS, METRICS, write_events
from rooflink.profiling.reports.sections.codesign_document import codesign_document
from rooflink.profiling.reports.sections.codesign_scalars import codesign_events
from rooflink.profiling.reports.sections.evaluation_document import evaluation_document
from rooflink.profiling.reports.sections.evaluation_scalars import evaluation_events, thought_tokens
from rooflink.profiling.reports.sections.profile_document import profile_document
from rooflink.profiling.reports.sections.training_document import training_document, training_events
from rooflink.profiling.reports.write import profile_events

RESULTS = Path(rooflink.model.training.__file__).parent / "results"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> MultiplexerDataProvider:
    folder = tmp_path_factory.mktemp("runs")
    training = load_record(Training, RESULTS / "rejection.json")
    run = whole_run()  # of short thoughts: one call made each, which times no step of its own
    timed = [point.model_copy(update={"measured_step_s": 1e-3}) for point in run.thought]
    profile = run.model_copy(update={"thought": timed})
    written = {
        "profile": lambda at: write_events(profile_events(profile, profile_document(profile)), at),
        "evaluation": lambda at: write_events(
            evaluation_events(real_evaluation(), evaluation_document(real_evaluation())), at
        ),
        "training": lambda at: write_events(
            training_events(training, training_document(training)), at
        ),
        "codesign": lambda at: write_events(
            codesign_events(real_codesign(), codesign_document(real_codesign())), at
        ),
    }
    for name, write in written.items():
        (folder / name).mkdir()
        write(folder / name)
    events = EventMultiplexer()
    events.AddRunsFromDirectory(str(folder))
    events.Reload()
    return MultiplexerDataProvider(events, str(folder))


def tags(tree: MultiplexerDataProvider, plugin: str, run: str) -> set[str]:
    lists = {"scalars": tree.list_scalars, "images": tree.list_blob_sequences}
    listed = lists.get(plugin, tree.list_tensors)
    found = listed(RequestContext(), experiment_id="", plugin_name=plugin)
    return set(found.get(run, {}))


@pytest.mark.parametrize(
    ("run", "scalars", "images"),
    [
        ("profile", {"thought_counted/intensity", "thought_counted/hbm_bytes/total",
                     "thought_measured/step_s", "thought_measured/token_s",
                     "counted/think/intensity"}, {"roofline"}),
        ("evaluation", {"outcome/greedy/right", "attempts/sample_n_4_6/pass"},
         {"frontier/usd_v5e_1x1", "attempts/sample_n_4_6"}),
        ("training", {"training/reward", "counted/think/intensity", "measured/update/time_s"},
         set()),
        ("codesign", {"asks_predicted/hardware/saving"}, {"search/llama3-8b"}),
    ],
)  # fmt: skip
def test_each_kind_of_run_has_its_scalars_and_images(
    tree: MultiplexerDataProvider, run: str, scalars: set[str], images: set[str]
) -> None:
    assert scalars <= tags(tree, "scalars", run)
    assert images <= tags(tree, "images", run)


@pytest.mark.parametrize("run", ["profile", "evaluation", "training", "codesign"])
def test_each_kind_of_run_has_its_report_as_text(tree: MultiplexerDataProvider, run: str) -> None:
    assert any("report" in tag for tag in tags(tree, "text", run))


def test_thought_lengths_are_histograms(tree: MultiplexerDataProvider) -> None:
    assert tags(tree, "histograms", "profile") == {"outcome/thought_tokens"}
    names = {f"counted/{way}/think/query_tokens" for way in ("greedy", "sample_n_4")}
    assert tags(tree, "histograms", "evaluation") == names
    read = tree.read_tensors(
        RequestContext(), experiment_id="", plugin_name="histograms", downsample=9,
        run_tag_filter=None,
    )  # fmt: skip
    points = read["evaluation"]["counted/greedy/think/query_tokens"]
    assert [point.step for point in points] == [2, 6]  # budgets
    greedy = [cell for cell in real_evaluation().cells if cell.strategy == "greedy"]
    for point, cell in zip(points, greedy, strict=True):
        thoughts, buckets = thought_tokens(cell), point.numpy
        assert buckets[:, 2].sum() == len(thoughts)
        assert buckets[0, 0] <= min(thoughts)
        assert buckets[-1, 1] >= max(thoughts)


def sessions(tree: MultiplexerDataProvider, **asked: Any) -> list[dict[str, Any]]:
    """Rows of the HPARAMS tab: hyperparameters and metrics by name."""
    context = backend_context.Context(TBContext(data_provider=tree))
    columns = [api_pb2.ColParams(metric=api_pb2.MetricName(tag=tag)) for tag in METRICS]
    columns += [
        api_pb2.ColParams(hparam=name, filter_regexp=asked[name], exclude_missing_values=True)
        if name in asked
        else api_pb2.ColParams(hparam=name)
        for name in HYPERPARAMETERS
    ]  # fmt: skip
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=1000, col_params=columns,
        allowed_statuses=[api_pb2.STATUS_SUCCESS],
    )  # fmt: skip
    experiment = get_experiment.Handler(
        RequestContext(), context, "", api_pb2.GetExperimentRequest()
    ).run()
    assert {info.name for info in experiment.hparam_infos} == set(HYPERPARAMETERS)
    assert {info.name.tag for info in experiment.metric_infos} == set(METRICS)
    found = Handler(RequestContext(), context, "", request).run()
    return [
        {name: getattr(value, value.WhichOneof("kind")) for name, value in group.hparams.items()}
        | {each.name.tag: each.value for each in group.metric_values}
        for group in found.session_groups
    ]


def test_runs_of_all_kinds_are_rows_of_one_table(tree: MultiplexerDataProvider) -> None:
    rows = sessions(tree)
    assert {row["made_by"] for row in rows} == {"profile", "evaluation", "training", "codesign"}
    (cell,) = [c for c in real_evaluation().cells if (c.strategy, c.budget) == ("greedy", 2)]
    greedy = {
        r.get("slice", "none"): r
        for r in rows
        if (r["made_by"], r.get("strategy"), r.get("think_budget")) == ("evaluation", "greedy", 2.0)
    }
    here, there = greedy["none"], greedy["v5e:1x1"]
    assert (here["lens"], there["lens"]) == ("measured", "predicted")
    assert cell.time_per_question_s
    assert here["cost/query_s"] == pytest.approx(cell.time_per_question_s.median)
    assert here["outcome/accuracy"] == pytest.approx(4 / 8)
    assert (there["chip"], there["chips"]) == ("TPU v5e", 1.0)
    assert there["cost/correct_usd"] == pytest.approx(2 * there["cost/query_usd"])
    assert all("cost/time_s" in r for r in rows if r["made_by"] in ("training", "codesign"))


def test_rows_filter(tree: MultiplexerDataProvider) -> None:
    assert {row["made_by"] for row in sessions(tree, strategy="greedy")} == {"evaluation"}
