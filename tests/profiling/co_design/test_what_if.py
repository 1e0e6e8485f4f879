"""What-ifs: what is read, what it does, and a sentence for what cannot be."""

import re

import pytest
from sample_settings import sample_setting

from rooflink.profiling.co_design.what_if import Change, parse_what_if, what_if
from rooflink.profiling.co_design.workload_mix import load_mix, parse_mix
from rooflink.profiling.errors import ProfileInputError
from rooflink.profiling.records.base import TIMES


def test_factors_figures_and_dtypes_are_read():
    assert list(parse_what_if("HBM-bandwidth=2x, kv_dtype=int8,think=1024").changes) == [
        Change("hbm_bandwidth", "hbm_bandwidth=2x", factor=2.0),
        Change("kv_dtype", "kv_dtype=int8", word="int8"),
        Change("think", "think=1024", number=1024.0),
    ]


def test_a_memory_bound_rooflines_time_falls_as_the_bandwidth_rises():
    known = sample_setting(where="h100", prompts=1.0, attempts=1.0, ideal=True)
    found = what_if(known, parse_what_if("hbm_bandwidth=1.25x"))
    assert found.by_phase["think"].median == pytest.approx(0.8, rel=1e-3)
    assert found.before_s.median * found.whole.time.median == pytest.approx(
        found.after_s.median, rel=1e-4
    )
    assert found.changes == [f"hbm_bandwidth 3.35e+12 -> 4.188e+12 (1.25{TIMES})"]
    assert (found.bound_before["think"], found.fits) == ("memory", True)


def test_a_figure_is_a_factor_of_what_is_there():
    known = sample_setting(where="h100")
    one, two = (what_if(known, parse_what_if(text)).whole.time for text in ("hbm_bandwidth=6.7e12",
                                                             "hbm_bandwidth=2x"))  # fmt: skip
    assert one.median == pytest.approx(two.median, rel=1e-5)


def test_what_does_not_fit_says_so():
    found = what_if(sample_setting(), parse_what_if("batch=4096"))
    assert not found.fits
    assert "it does not fit in memory" in found.sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hbm_bandwith=2x", "unknown 'hbm_bandwith': expected hbm_bandwidth"),
        ("kv_dtype=int9", "unknown dtype 'int9': expected one of float32"),
        ("hbm_bandwidth", "expected changes such as"),
        ("", "expected changes such as"),
        ("hbm_bandwidth=-2x", "expected a factor such as 2x"),
        ("think=nan", "expected a factor such as 2x"),
        ("flops=2x,matrix_flops=3x", "changes matrix_flops twice"),
        ("early_exit=2", "expected a share, at most 1"),
        ("attempts=0.1", "expected 1 to 1e+09"),
        ("experts_active=1e-300", "expected 1e-06 to 1"),
        ("batch=1e300", "expected 1 to 1e+09"),
        ("link_latency=1e300x", "expected at most 10000 times as much, or as little"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(text, said):
    with pytest.raises(ProfileInputError, match=re.escape(said)):
        what_if(sample_setting(), parse_what_if(text))


def test_a_latent_cache_has_no_heads_to_change():
    latent = sample_setting("deepseek-r1", "mi355x-8")
    with pytest.raises(ProfileInputError, match="caches one compressed vector for all its heads"):
        what_if(latent, parse_what_if("kv_heads=4"))


def test_mix_shares_are_scaled_and_integers_taken():
    mix = parse_mix(
        "[[workload]]\nshare=20\nprompt=1\nthink=0\nanswer=1\n"
        "[[workload]]\nshare=60\nprompt=512\nthink=2048\nanswer=128\nattempts=64\n", "m"
    )  # fmt: skip
    assert [each.share for each in mix] == [0.25, 0.75]
    assert mix[1].words == "75 %: 512 + 2048 + 128 tokens \N{MULTIPLICATION SIGN} 64 attempts"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lacks the key 'workload'"),
        ("workload=[]", "has no"),
        ("[[workload]]\nshare=1", "lacks the key 'prompt'"),
        ("[[workload]]\nshare=0\nprompt=1\nthink=1\nanswer=1", "share is 0"),
        ("[[workload", "is not TOML"),
        ("[[workload]]\nshare=1\nprompt=1e300\nthink=1\nanswer=1", "prompt is 1e+300, expected"),
        ("[[workload]]\nshare=1\nprompt=1\nthink=1\nanswer=1\n" * 101, "at most 100 items"),
    ],
)
def test_a_wrong_mix_is_said(text, said, tmp_path):
    path = tmp_path / "mix.toml"
    path.write_text(text)
    with pytest.raises(ProfileInputError, match=re.escape(said)):
        load_mix(path)
    with pytest.raises(ProfileInputError, match="no workload file"):
        load_mix(tmp_path / "none.toml")
