"""`rooflink predict` from the outside: its tables, its JSON, and how it refuses."""

import csv
import json
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sample_calibration import sample_calibration

from rooflink.profiling.records import Prediction

LLAMA = ("predict", "--model", "llama3-8b")
SHORT = ("--prompt", 200, "--think", 100, "--answer", 10)


@pytest.fixture(autouse=True)
def _calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("predict", "calibration"):
        monkeypatch.setattr(
            f"rooflink.profiling.predicted.{module}.default_calibration", sample_calibration
        )


def predictions(out: str) -> list[Prediction]:
    read = json.loads(out)
    assert read["schema"] == "rooflink.predictions/2"
    return [Prediction.model_validate(each) for each in read["predictions"]]


def table(rooflink, name: str, *arguments: object) -> list[dict[str, str]]:
    """The rows of a table of the result, as `--csv` writes it."""
    folder = mkdtemp(dir=".")
    done = rooflink(*arguments, "--csv", folder)
    assert done.code == 0, done.err
    with Path(folder, f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_chips_figure_is_set_and_said(rooflink) -> None:
    options = (*LLAMA, "--slice", "v5e-8", *SHORT)
    plain, faster = (
        predictions(rooflink(*options, *more, "--json").out)[0]
        for more in ((), ("--set", "memory.bandwidth=2x"))
    )
    assert faster.phases[1].time_s.median < plain.phases[1].time_s.median
    assert faster.cautions == ["Set on the command line, of TPU v5e: memory.bandwidth=2x."]
    refused = rooflink(*options, "--set", "memory.bandwith=2x")
    assert (refused.code, refused.out) == (2, "")
    assert "expected memory.bandwidth" in refused.err


def test_one_slice_says_all_that_was_asked(rooflink) -> None:
    asked = (*LLAMA, "--slice", "v5e-8", "--batch", 4, "--attempts", 2, *SHORT)
    done = rooflink(*asked)
    assert done.code == 0, done.err
    said = " ".join(done.out.split())
    (found,) = predictions(rooflink(*asked, "--json").out)
    terms = found.economics.terms
    assert found.basis.startswith("7 measurements of TPU v5e")
    assert (terms.usd_per_chip_hour, terms.pue, found.chip_confidence) == (1.2, 1.09, "high")
    for words in (found.basis, found.parallelism_reason, found.energy_basis, terms.price,
                  terms.host, terms.pue_source, terms.grid,
                  "the slice costs $7,010 a month"):  # fmt: skip
        assert " ".join(words.split()) in said
    assert "predicted, not measured" in said
    assert "80 % interval" in said
    rows = table(rooflink, "phases-v5e-2x4", *asked)
    assert [row["phase"] for row in rows] == [phase.phase for phase in found.phases]


def test_json_is_the_record(rooflink) -> None:
    done = rooflink(*LLAMA, "--slice", "v5e-8", "--batch", 4, *SHORT, "--stack", "VLLM", "--json")
    (found,) = predictions(done.out)
    assert (found.slice, found.chips, found.stack) == ("v5e:2x4", 8, "vLLM")
    assert found.phases[1].tokens == 400
    assert found.usd_per_month == pytest.approx(8 * 1.2 * 730)
    assert found.economics.per_query.usd.median == pytest.approx(
        found.time_s.median * 8 * 1.2 / 3600 / 4
    )


def test_ideal_decode_is_the_roofline_by_hand(rooflink) -> None:
    """Llama-3-8B on one v5e: weights read a step and 2048 positions of KV at 819 GB/s, 18.65 ms."""
    done = rooflink(*LLAMA, "--slice", "v5e", "--prompt", 2048, "--think", 0, "--answer", 2,
                    "--ideal", "--batch", 1, "--json")  # fmt: skip
    (found,) = predictions(done.out)
    assert found.phases[2].steps == 1
    assert found.phases[2].time_s.median == pytest.approx(18.65e-3, rel=0.01)
    assert found.time_s.low == found.time_s.high


def test_a_request_has_its_times(rooflink) -> None:
    done = rooflink(*LLAMA, "--slice", "h100", *SHORT, "--batch", 1)
    said = " ".join(done.out.split())
    for words in ("time to first token", "time per output token", "one request"):
        assert words in said
    (found,) = predictions(rooflink(*LLAMA, "--slice", "h100", *SHORT, "--batch", 1, "--json").out)
    assert found.ttft_s.median == pytest.approx(found.phases[0].time_s.median)
    assert found.ttft_s.low < found.ttft_s.median < found.ttft_s.high
    assert found.tpot_s.low < found.tpot_s.median < found.tpot_s.high


def test_drafts_prefixes_chunks_and_requests_in_flight(rooflink) -> None:
    options = (*LLAMA, "--slice", "h100", *SHORT, "--concurrency", 32, "--prefill-chunk", 64,
               "--prefix-hit", 0.25, "--speculate", "drafts=4,conditional=0.5")  # fmt: skip
    said = " ".join(rooflink(*options).out.split())
    for words in ("32 requests in flight, of which memory holds 32", "(50 of them cached)",
                  "prompts read 64 tokens a step", "4 drafts a step by eagle, which yield 1.94",
                  "time to first token", "of the 32 requests that memory holds"):  # fmt: skip
        assert words in said
    (found,) = predictions(rooflink(*options, "--json").out)
    assert (found.concurrency, found.prefix_tokens, found.prefill_chunk) == (32, 50, 64)
    assert (found.speculation.drafts, found.speculation.accepted_tokens) == (4, 1.9375)
    assert found.running.median < 32
    cached = rooflink(*LLAMA, "--slice", "h100", *SHORT, "--prefix-hit", 50, "--json").out
    assert {each.prefix_tokens for each in predictions(cached)} == {50}


def test_slices_side_by_side(rooflink) -> None:
    done = rooflink(*LLAMA, "--slice", "v5e-8", "--slice", "h100", *SHORT)
    assert done.code == 0, done.err
    assert done.out.count("us-central1 (Iowa)") == 1  # what all share is said once
    both = rooflink(*LLAMA, "--slice", "v5e-8", "--slice", "h100", *SHORT, "--json")
    assert [found.slice for found in predictions(both.out)] == ["v5e:2x4"] * 3 + ["h100:1"] * 3


def test_without_a_batch_three_operating_points_with_their_prices(rooflink) -> None:
    asked = (*LLAMA, "--slice", "v5e-8", "--slice", "h100", *SHORT, "--tpot", "20ms")
    found = predictions(rooflink(*asked, "--json").out)
    for one, within, full in (found[:3], found[3:]):
        points = [each.operating_point for each in (one, within, full)]
        assert points == ["one user", "latency target", "full batch"]
        assert one.prompts == 1 < within.prompts <= full.prompts == full.fit.largest_batch
        assert within.tpot_s.median <= 0.02
        assert one.usd_per_million_output.median > full.usd_per_million_output.median
    rows = table(rooflink, "slices", *asked)
    assert [row["operating_point"] for row in rows] == [each.operating_point for each in found]
    for row, each in zip(rows, found, strict=True):
        figures = {
            "output_tokens_per_s": each.output_tokens_per_s,
            "tokens_per_s_per_user": each.tokens_per_s_per_user,
            "tpot_s": each.tpot_s,
            "usd_per_million_output_tokens": each.usd_per_million_output,
            "usd_per_million_tokens": each.usd_per_million_tokens,
        }
        for column, figure in figures.items():
            assert float(row[column]) == pytest.approx(figure.median), column


def test_a_target_that_no_batch_meets_is_said(rooflink) -> None:
    asked = (*LLAMA, "--slice", "v5e", "--dtype", "int8", *SHORT, "--tpot", "0.1ms")
    found = predictions(rooflink(*asked, "--json").out)
    assert [each.operating_point for each in found] == ["one user", "full batch"]
    (caution,) = found[0].cautions
    assert caution == "No batch meets 0.1 ms per output token on v5e:1x1."
    assert " ".join(rooflink(*asked).out.split()).count(caution) == 1


def test_a_stated_mesh_that_cannot_run_one_user_leaves_out_that_point(rooflink) -> None:
    asked = (*LLAMA, "--slice", "h100-8", "--mesh", "data=4,tensor=2", *SHORT)
    found = predictions(rooflink(*asked, "--json").out)
    assert [each.operating_point for each in found] == ["latency target", "full batch"]
    assert all(each.prompts >= 4 and each.parallelism == "tensor=2,data=4" for each in found)
    left_out = ("One user is left out: the stated mesh 'tensor=2,data=4' has 4 copies of "
                "attention's weights, and each needs a prompt.")  # fmt: skip
    assert " ".join(rooflink(*asked).out.split()).count(left_out) == 1
    slow = " ".join(rooflink(*asked, "--tpot", "0.001ms").out.split())
    assert "No batch meets 0.001 ms" in slow
    assert left_out in slow
    refused = rooflink(*asked, "--batch", 1)
    assert refused.code == 2
    assert "4 copies of attention's weights for a batch of 1" in refused.err
    whole = predictions(rooflink(*LLAMA, "--slice", "h100-8", "--mesh", "tensor=8", *SHORT,
                                 "--json").out)  # fmt: skip
    assert whole[0].operating_point == "one user"


def test_prices_of_two_sellers_are_said_at_the_top(rooflink) -> None:
    slices = ("--slice", "v5e-8", "--slice", "mi300x")
    said = " ".join(rooflink(*LLAMA, *slices, *SHORT).out.split())
    assert "Prices are of 2 sellers: google-cloud for v5e:2x4; digitalocean for mi300x:1." in said
    alone = rooflink(*LLAMA, "--slice", "v5e-8", "--slice", "h100", *SHORT).out
    assert "sellers" not in alone


def test_tiers_side_by_side(rooflink) -> None:
    both = rooflink(*LLAMA, "--slice", "v5e-8", *SHORT, "--batch", 1, "--compare", "--json")
    thinking, quick = predictions(both.out)
    assert (thinking.think_tokens, quick.think_tokens) == (100, 0)
    assert 9 < thinking.time_s.median / quick.time_s.median < 11  # 110 tokens for 10, one prefill
    done = rooflink(*LLAMA, "--slice", "v5e-8", *SHORT, "--batch", 1, "--compare")
    figures = [line for line in done.out.splitlines() if line.startswith(("thinking ", "quick"))]
    assert all(line.count("(") == line.count(")") > 0 for line in figures if " to " in line)
    # Time, cost, energy and CO2e of both tiers, each with its interval whole.
    assert sum(line.count(" to ") for line in figures) == 8


def test_described_models_and_own_files(rooflink) -> None:
    Path("costs.toml").write_text(
        "purchase_usd = 8766\nyears = 1\nutilisation = 1\nelectricity_usd_per_kwh = 0\n"
        "pue = 1\npower_w = 1\n"
    )
    done = rooflink("predict", "--model", "mixtral-8x7b", "--slice", "h100-2", "--dtype", "fp8",
                    *SHORT, "--batch", 1, "--price", "costs.toml", "--json")  # fmt: skip
    (found,) = predictions(done.out)
    assert found.matmul_dtype == "float8_e4m3fn"
    assert found.economics.terms.usd_per_chip_hour == 1.0


def test_an_unknown_price_is_said_and_the_rest_is_printed(rooflink) -> None:
    done = rooflink(*LLAMA, "--slice", "v4", *SHORT, "--price", "spot", "--batch", 1, "--json")
    (found,) = predictions(done.out)
    assert found.economics.whole.usd is None
    assert found.economics.whole.wall_j is not None
    assert "TPU v4 has no spot price" in found.economics.unknown[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--slice", "v5e-7"), "TPU v5e has no slice '7'"),
        (("--slice", "v5f-8"), "no chip is named"),
        (("--slice", "v5e", "--model", "llama3-70b"), "does not fit v5e:1x1: a chip would hold"),
        (("--slice", "v5e-8", "--batch", 100000), "the largest batch that fits is"),
        (("--slice", "v5e-8", "--mesh", "tensor=4"), "takes 4 chips but v5e:2x4 has 8"),
        (
            ("--slice", "v5e-8", "--mesh", "data=8", "--batch", 1),
            "has 8 copies of attention's weights",
        ),
        (("--slice", "h100-6", "--mesh", "tensor=6"), "query heads do not divide over tensor=6"),
        (("--slice", "v5e-8", "--mesh", "tensor=4,pipeline=2,x=1"), "expected sizes of its axes"),
        (("--slice", "v5e-8", "--dtype", "int3"), "unknown dtype 'int3'"),
        (("--slice", "v5e-8", "--matmul-dtype", "half"), "unknown dtype 'half'"),
        (("--slice", "v5e-8", "--batch", 0), "--batch must be at least 1, got 0"),
        (("--slice", "v5e-8", "--think", -1), "--think must be at least 0, got -1"),
        (("--slice", "v5e-8", "--think", 0, "--compare"), "--compare needs a thought"),
        (("--slice", "v5e-8", "--price", "sport"), "unknown price 'sport'"),
        (("--slice", "v5e-8", "--region", "mars"), "unknown region 'mars'"),
        (("--slice", "v5e-8", "--pue", "0.5"), "--pue is 0.5"),
        (("--slice", "v5e-8", "--seller", "mars"), "unknown seller 'mars'"),
        (("--slice", "v5e-8", "--tpot", "50"), "--tpot is '50', expected a time"),
        (("--slice", "v5e-8", "--tpot", "9ms", "--batch", 2), "--tpot finds a batch"),
        (("--slice", "v5e-8", "--model", "llama3-9b"), "unknown model 'llama3-9b'"),
        (("--slice", "mine.toml:4"), "no chip file at mine.toml"),
    ],
)
def test_bad_input_is_one_sentence(rooflink, options: tuple[object, ...], said: str) -> None:
    model = () if "--model" in options else ("--model", "llama3-8b")
    done = rooflink("predict", *model, *options)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_device_is_answered_in_joules_and_charges_of_its_battery(rooflink) -> None:
    asked = ("predict", "--slice", "jetson-orin", "--model", "llama3-8b", "--dtype", "int4",
             "--battery-wh", "100")  # fmt: skip
    parts = [row["part"] for row in table(rooflink, "amounts", *asked)]
    assert {"joules per answer", "answers per battery charge"} <= {*parts}
    slices = ("--slice", "apple-m4", "--slice", "v5e")
    rows = table(rooflink, "slices", *asked, *slices)
    charged = {(row["slice"].partition(":")[0], row["queries_per_charge"] != "") for row in rows}
    assert charged == {("jetson-orin", True), ("apple-m4", True), ("v5e", False)}
    uncharged = table(rooflink, "slices", *asked[:-2], *slices)
    assert {row["queries_per_charge"] for row in uncharged} == {""}
    (made,) = json.loads(rooflink(*asked, "--json").out)["predictions"]
    economics = made["economics"]
    assert economics["terms"]["place"] == "edge"
    per_charge = 100 * 3600 / economics["per_query"]["wall_j"]["median"]
    assert economics["battery"]["queries"]["median"] == pytest.approx(per_charge)


def test_a_battery_without_a_charge_is_refused(rooflink) -> None:
    done = rooflink("predict", "--slice", "orin", "--model", "llama3-8b", "--battery-wh", "0")
    assert done.code == 2
    assert "battery-wh" in done.err
