"""The traced generation in every report: the same figures, the rest named, the overhead stated."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from sample_trace import sample_trace

from rooflink.profiling.records import Profile, Trace
from rooflink.profiling.records.files import load_profile, save_profile
from rooflink.profiling.render.console import show
from rooflink.profiling.render.html import html
from rooflink.profiling.render.markdown import markdown
from rooflink.profiling.render.tensorboard import scalars
from rooflink.profiling.render.trace_tables import scopes_table, trace_notes


def traced(profile: Profile, **changes: object) -> Profile:
    return profile.model_copy(update={"trace": sample_trace().model_copy(update=changes)})


def test_rows_are_scopes_and_the_rest_comes_last() -> None:
    table = scopes_table(sample_trace())
    assert [column.title for column in table.columns] == [
        "scope", "think", "prefill", "answer", "between phases", "all", "share",
    ]  # fmt: skip
    assert table.rows == [
        ["mlp", "4.00 s", "1.00 s", "", "", "5.00 s", "50 %"],
        ["attention/scores", "3.00 s", "", "", "", "3.00 s", "30 %"],
        ["head", "", "", "1.00 s", "", "1.00 s", "10 %"],
        ["unattributed", "750 ms", "", "", "250 ms", "1.00 s", "10 %"],
        ["total", "7.75 s", "1.00 s", "1.00 s", "250 ms", "10.0 s", "100 %"],
    ]


def test_small_scopes_are_added_up() -> None:
    rows = scopes_table(sample_trace(), most=1).rows
    assert [row[0] for row in rows] == ["mlp", "2 others", "unattributed", "total"]
    assert rows[1][-2:] == ["4.00 s", "40 %"]


def test_shares_and_overhead_of_the_record() -> None:
    trace = sample_trace()
    assert trace.thread_s == 10
    assert trace.attributed_share == pytest.approx(0.9)
    assert trace.overhead == pytest.approx(1.0)


def test_the_overhead_is_said_unless_noise_hides_it(profile: Profile) -> None:
    assert any(
        "4.00 s (3.00 to 5.00 s): an overhead of 100 %" in note
        for note in trace_notes(traced(profile))
    )
    hidden = trace_notes(traced(profile, traced_s=4.5))
    assert any("nothing that this machine's noise lets through" in note for note in hidden)


def test_every_report_has_it(profile: Profile) -> None:
    run = traced(profile)
    screen = StringIO()
    show(run, Console(file=screen, width=80))
    page, text = html(run), markdown(run)
    for report in (screen.getvalue(), page, text):
        assert "attention/scores" in report
        assert "90 % belongs to a phase and a scope" in " ".join(report.split())
    assert "mlp, think: 4.00 s, 40 % of all, measured" in page
    found = {name: value for name, value, _ in scalars(run)}
    assert found["measured/trace/think/attention_scores/self_time_s"] == 3.0
    assert found["measured/trace/attributed_share"] == pytest.approx(0.9)
    assert found["measured/trace/overhead"] == pytest.approx(1.0)


def test_why_there_is_no_table_is_said(profile: Profile) -> None:
    empty = Trace(
        session=None, clock=None, lines=0, scopes=[], dispatch_s=0, traced_s=None,
        untraced_s=None, problem="the trace holds nothing",
    )  # fmt: skip
    run = profile.model_copy(update={"trace": empty})
    for report in (html(run), markdown(run)):
        assert "No table: the trace holds nothing." in report
    assert "Where the time goes" not in html(profile)


def test_older_files_have_none(profile: Profile, tmp_path: Path) -> None:
    path = save_profile(traced(profile), tmp_path)
    assert load_profile(path).trace == sample_trace()
    save_profile(profile, tmp_path)
    path.write_text(path.read_text().replace(' "trace": null,\n', ""))
    assert load_profile(path) == profile
