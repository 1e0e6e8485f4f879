"""The co-design report's page, Markdown, terminal and events: complete, self-contained, escaped."""

import re
from io import StringIO
from pathlib import Path

import pytest
from html_page import parsed
from rich.console import Console
from sample_codesign import HARDWARE_ASKS, MODEL_ASKS, sample_codesign
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records.codesign import CodesignReport
from rooflink.profiling.render.codesign_asks import first_page
from rooflink.profiling.render.codesign_console import show_codesign
from rooflink.profiling.render.codesign_html import codesign_html
from rooflink.profiling.render.codesign_markdown import codesign_markdown
from rooflink.profiling.render.codesign_report import write_codesign
from rooflink.profiling.render.codesign_words import headline
from rooflink.profiling.render.svg import NAMESPACE


@pytest.fixture(scope="module")
def report() -> CodesignReport:
    return sample_codesign()


@pytest.fixture(scope="module")
def text(report: CodesignReport) -> str:
    return codesign_html(report)


def test_page_needs_nothing_but_itself(text: str) -> None:
    page = parsed(text)
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert "//" not in text.replace(NAMESPACE, "")
    assert "@import" not in text
    assert "url(" not in text
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    named = [v for name, value in page.attributes if "labelledby" in name for v in value.split()]
    assert set(named) <= set(ids)


def test_words_of_others_are_escaped(text: str) -> None:
    assert "small <b>" not in text
    assert "small &lt;b&gt; on v5e:2x4" in text
    assert "small <b>" not in codesign_markdown(sample_codesign())


@pytest.mark.parametrize("render", [codesign_html, codesign_markdown])
def test_every_ask_has_its_sentence_number_interval_and_evidence(render, report) -> None:  # type: ignore[no-untyped-def]
    words = re.sub(r"<[^>]+>", " ", render(report)).replace("&gt;", ">").replace("&#39;", "'")
    words = " ".join(words.replace("\\", "").split())
    for ask in [*HARDWARE_ASKS, *MODEL_ASKS]:
        assert ask.sentence[1:] in words
        for evidence in ask.evidence:
            assert evidence[1:] in words
    assert "31 % less time" in words
    assert "25 to 37 %" in words


def test_evidence_that_asks_share_stands_once(report: CodesignReport) -> None:
    page = first_page(report)
    assert page.shared == ["Predicted lens: small on v5e:2x4, think is memory-bound."]
    assert [side.shared for side in page.sides] == [
        ["Hardware lens: of hardware alone."],
        ["Model lens: of model alone."],
    ]
    assert page.sides[1].asks[0].evidence == ["This ask's own: kv_dtype."]
    assert codesign_markdown(report).count("think is memory-bound") == 1


def test_a_single_ask_keeps_its_evidence(report: CodesignReport) -> None:
    alone = report.model_copy(update={"model_asks": [], "hardware_asks": HARDWARE_ASKS[:1]})
    page = first_page(alone)
    assert page.shared == []
    assert len(page.sides[0].asks[0].evidence) == 3
    assert "Nothing was found to ask for." in codesign_html(alone)


def test_headline_counts_the_cases_that_are_alike(report: CodesignReport) -> None:
    said = headline(report).replace("\N{NO-BREAK SPACE}", " ")
    assert said.startswith("In 2 of 2 cases think takes 90 % of a query's time and is memory-bound")
    assert "for hardware: HBM bandwidth +25 %, 19 % less time" in said
    one = report.model_copy(update={"cases": report.cases[:1], "hardware_asks": []})
    assert headline(one).startswith("Think takes")


@pytest.mark.parametrize("render", [codesign_html, codesign_markdown])
def test_every_part_has_its_figures_and_lens(render, report) -> None:  # type: ignore[no-untyped-def]
    words = " ".join(re.sub(r"<[^>]+>", " ", render(report)).replace("\\", "").split())
    for figure in (
        "5. prompt",
        "DOES NOT FIT this slice",
        "cost only, quality not measured",
        "measured: sums accuracy 62% [55%, 69%]",
        "beyond 1.9x HBM bandwidth"[1:],
        "so in 93 % of the draws",
        "1.52 to 2.28\N{MULTIPLICATION SIGN}",
        "memory \N{RIGHTWARDS ARROW} overhead",
        "3.10 TB/s (3.79\N{MULTIPLICATION SIGN})",
        "304,317 designs swept",
        "2.40\N{MULTIPLICATION SIGN} (1.92 to 2.88\N{MULTIPLICATION SIGN})",
        "$11,520 ($9,216 to $13,824)",
        "1.70 MWh (1.36 to 2.04 MWh)",
        "1,900,000",
        "TrendForce 2025",
        "fp8 was left out",
        "cost model",
        "datasheet",
    ):
        assert figure in words, figure
    assert words.count("predicted") > 40


def test_what_is_not_known_is_left_out_not_invented(report: CodesignReport) -> None:
    cases = [
        case.model_copy(update={"usd_per_query": None, "usd_per_correct": None, "accuracy": None})
        for case in report.cases
    ]
    bare = report.model_copy(
        update={"cases": cases, "pareto": [], "searches": [], "data_centers": [], "seeds": []}
    )
    for words in (codesign_html(bare), codesign_markdown(bare)):
        assert "$ a query" not in words
        assert "accuracy of an attempt" not in words
        assert "The chip to build" not in words
        assert "The data center" not in words
        assert "None" not in words
        assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]", "", words)


def test_folder_holds_record_pages_and_events(report: CodesignReport, tmp_path: Path) -> None:
    written = write_codesign(report, tmp_path / "deep" / "out")
    names = {path.relative_to(tmp_path / "deep" / "out").parts[0].split(".")[0] for path in written}
    assert names == {"codesign", "report", "events", "cases"}
    assert CodesignReport.model_validate_json(written[0].read_text()) == report
    events = EventAccumulator(str(written[0].parent))
    events.Reload()
    assert events.Tags()["images"] == [
        "tornado/small_b_on_v5e_2x4", "roofline/small_b_on_v5e_2x4",
        "crossovers/small_b_on_v5e_2x4_attempts_1", "crossovers/small_b_on_v5e_2x4_attempts_2",
        "tornado/small_b_on_v5p_2x2x1", "roofline/small_b_on_v5p_2x2x1",
        "crossovers/small_b_on_v5p_2x2x1_attempts_1", "crossovers/small_b_on_v5p_2x2x1_attempts_2",
        "pareto/small_b", "search/small", "power/small_b_on_v5e_2x4",
    ]  # fmt: skip
    saved = {event.step: event.value for event in events.Scalars("asks_predicted/model/saving")}
    assert saved[1] == pytest.approx(0.31)
    assert len(saved) == 5
    again = write_codesign(report, tmp_path / "deep" / "out")
    assert len(list(again[0].parent.iterdir())) == 5


def test_unwritable_folder_is_a_sentence(report: CodesignReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ProfileInputError, match="cannot write the report to"):
        write_codesign(report, tmp_path / "file")


def test_terminal_prints_the_first_page_and_what_was_left_out(report: CodesignReport) -> None:
    stream = StringIO()
    show_codesign(report, Console(file=stream, width=200))
    printed = stream.getvalue()
    assert printed.index("To the hardware team") < printed.index("To the model team")
    assert "1. 31 % less time (25 to 37 %)  KV cache bfloat16 -> int8 saves 31%" in printed
    assert "small <b> on v5p:2x2x1" in printed
    assert "fp8 was left out" in printed
