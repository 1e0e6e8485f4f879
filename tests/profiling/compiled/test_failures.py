"""A compiler's last words, in one sentence."""

from rooflink.profiling.compiled.compiler_failures import compiler_sentence, crash_sentence


def test_what_does_not_fit_says_how_much_is_there() -> None:
    """Both wordings of libtpu; its G is 2^30 bytes, ours 10^9."""
    new = (
        "RESOURCE_EXHAUSTED: E1000: CompileTimeHbmOom: Ran out of memory on HBM, the total memory "
        "required for HLO temporaries (37.86G) exceeds available HBM (15.75G). HLO module: f."
    )
    old = "RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 37.86G of 15.75G hbm."
    for error in (new, old):
        said = compiler_sentence(error, "prefill", "v5e:2x2")
        assert said.startswith("prefill does not fit v5e:2x2: it needs 40.65 GB of each device's")
        assert "16.91 GB of HBM" in said


def test_any_other_refusal_is_its_first_line() -> None:
    assert compiler_sentence("\nINTERNAL: Mosaic failed\n at x.cc", "think", "cpu") == (
        "the compiler refused think for cpu: INTERNAL: Mosaic failed"
    )


def test_crashes() -> None:
    log = "I0101 00:00:00.0 1 a.cc:1] hello\nF0101 00:00:00.1 1 b.cc:2] Check failed: x\nbye\n"
    assert crash_sentence(-6, log, "v5e:2x4") == (
        "the compiler for v5e:2x4 was ended by SIGABRT: Check failed: x"
    )
    assert "run out of memory?" in crash_sentence(-9, "", "cpu")
    assert crash_sentence(3, "", "cpu") == (
        "the compiler for cpu ended with status 3, without a word"
    )
