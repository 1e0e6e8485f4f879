"""Command lines that cannot be: exit code 2, one printable sentence, and nothing left behind.

Each is refused before any work, which keeps this table fast. What a line needs is in the folder
`things`, made once: files of odd content and kinds.
"""

import os
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import Command

LONG = "a" * 300
NINES = "9" * 5000
BIG = "99999999999999999999"
MOST_S = 20

PATHS = (
    "~nosuchuser/x",
    LONG,
    "nowhere/at/all.toml",
    "things",
    "things/fifo",
    "things/empty",
    "things/deep",
    "things/nul",
    "things/latin1",
    "things/huge_integer",
    "/dev/null",
    "/dev/zero",
    "'a[/]b'",
    "'\\[/red]'",
    "$'\\udcff'",
)
"""Of files that are none of what is asked for."""


def with_paths(*patterns: str) -> list[str]:
    return [pattern.format(path) for pattern in patterns for path in PATHS]


OPTIONS = [
    # what there is not
    "profil", "--nope", "profile --nope", "profile --modle x", "profile extra", "predict", "train",
    "quantize", "quantize reasoner --to int8", "quantize reasoner --to int5 --out x",
    "quantize reasoner --to int8 --group 32 --out x",
    "quantize reasoner --to int4 --group 3 --out x",
    "quantize reasoner --to int4 --group 128 --out x",
    "quantize reasoner --to int4 --group 0 --out x",
    f"quantize reasoner --to int4 --group {NINES} --out x", "quantize llama3-8b --to int8 --out x",
    "quantize reasoner --to int8 --out things", "quantize reasoner --to int8 --out things/fifo",
    "quantize reasoner --to int8 --out /dev/null", "quantize '' --to int8 --out x",
    "levers --levers foo=1", "levers --levers weights", "levers --levers weights=int5",
    "levers --levers nm=2", "levers --levers nm=3:7", "levers --levers mlp=2", "levers --limit 0",
    "levers --levers layers=0.01", "levers --levers drafts=nothing", "levers llama3-8b",
    "levers --levers dtype=float32", "levers --levers kv-heads=0.75", "levers a b",
    "profile --weight-dtype int3", "profile --weight-dtype bfloat16", "profile --kv-dtype int4",
    "profile --weight-dtype int8 --weight-group 32", "profile --weight-group 32",
    "profile --weight-dtype int4 --weight-group 48", "profile --weight-dtype int4 --weight-group 0",
    "eval --weight-dtype int4 --weight-group 64", "eval --kv-dtype ''",
    "compile --model llama3-8b --slice cpu --weight-dtype int4 --weight-group 5",
    "compile --model llama3-8b --slice cpu --kv-dtype float32",
    "hlo", "compare a", "compare a b c", "calibrate", "compile --model llama3-8b", "codesign",
    "chips a b", "schema nothing", "schema profile extra", "board",
    # old names
    "profile --budget 3", "codesign --budget x", "explore --models x", "compile --topology x",
    # values of another kind
    "profile --batch x", "profile --batch 1.5", "profile --batch ''", "profile --repeats 1e3",
    "profile --weights some", "profile --dtype int8", "profile --temperature hot",
    "profile --trace=yes", "predict --model llama3-8b --slice v5e --batch many",
    "predict --model llama3-8b --slice v5e --think few", "eval --think-budget 4,x",
    "eval --think-budget ,", "train --out x --method magic", "train --out x --updates few",
    "compile --model llama3-8b --slice cpu --layouts none",
    "compile --model llama3-8b --slice cpu --dtype int4",
    "compile --model llama3-8b --slice cpu --phases dream", "board things --port 70000",
    "board things --port x", "board things --port -1",
    # out of bounds, not finite, too large to be
    "profile --batch 0", "profile --batch -1", "profile --repeats 0", "profile --limit 0",
    f"profile --seed {BIG}", "profile --seed -1", "profile --attempts 0", "profile --top-k -1",
    "profile --top-p 2", "profile --top-p nan", "profile --temperature nan",
    "profile --temperature inf", "profile --temperature -1", "profile --think-budget -1",
    "profile --answer-budget 0", "profile --prompt-tokens 0", f"profile --batch {NINES}",
    f"profile --attempts {BIG} --weights none --model llama3-8b",
    f"profile --repeats {BIG}", f"profile --limit {BIG}", f"eval --limit {BIG}",
    f"eval --seed {BIG}", "eval --seed -1", "eval --attempts 0,2", "eval --attempts -1",
    f"eval --think-budget {BIG}", "eval --answer-budget 0", "eval --batch 0",
    f"train --out x --seed {BIG}", "train --out x --updates 0", "train --out x --test-problems 0",
    "predict --model llama3-8b --slice v5e-8 --think nan",
    "predict --model llama3-8b --slice v5e-8 --think -1",
    "predict --model llama3-8b --slice v5e-8 --think inf",
    "predict --model llama3-8b --slice v5e-8 --batch 0",
    "predict --model llama3-8b --slice v5e-8 --lengths-spread -1",
    "predict --model llama3-8b --slice v5e-8 --lengths-spread nan",
    "predict --model llama3-8b --slice v5e-8 --answer 0",
    f"predict --model llama3-8b --slice v5e-8 --prompt {NINES}",
    "predict --model llama3-8b --slice v5e-8 --compare --think 0",
    "predict --model llama3-8b --slice v5e-8 --concurrency 0",
    "predict --model llama3-8b --slice v5e-8 --concurrency 8 --batch 8",
    "predict --model llama3-8b --slice v5e-8 --concurrency 8 --think 0 --answer 1",
    f"predict --model llama3-8b --slice v5e-8 --concurrency {NINES}",
    "predict --model llama3-8b --slice v5e-8 --prefill-chunk 0",
    "predict --model llama3-8b --slice v5e-8 --prefix-hit -0.1",
    "predict --model llama3-8b --slice v5e-8 --prefix-hit nan",
    "predict --model llama3-8b --slice v5e-8 --prefix-hit 1",
    "predict --model llama3-8b --slice v5e-8 --prefix-hit 1.5",
    "predict --model llama3-8b --slice v5e-8 --concurrency 8 --lengths-spread 1",
    "predict --model llama3-8b --slice v5e-8 --mesh pipeline=1",
    "predict --model llama3-8b --slice v5e-8 --prefix-hit 512 --prompt 512",
    "predict --model llama3-8b --slice v5e-8 --speculate ''",
    "predict --model llama3-8b --slice v5e-8 --speculate x",
    "predict --model llama3-8b --slice v5e-8 --speculate drafts=4",
    "predict --model llama3-8b --slice v5e-8 --speculate drafts=4,rate=0.7",
    f"predict --model llama3-8b --slice v5e-8 --speculate drafts={NINES},conditional=0.7",
    "predict --model llama3-8b --slice v5e-8 --speculate drafts=4,conditional=2",
    "predict --model llama3-8b --slice v5e-8 --speculate drafts=4,marginal=0.5/0.6/0.7/0.8",
    "predict --model llama3-8b --slice v5e-8 --speculate drafts=4,accepted=2,draft=llama9",
    "predict --model llama3-8b --slice v5e-8 --speculate drafts=4,accepted=2,draft=mtp",
    f"predict --model llama3-8b --slice v5e-8 --speculate drafts=4,accepted=2,draft={LONG}",
    "codesign things/profile.json --queries nan", "codesign things/profile.json --queries -1",
    "codesign things/profile.json --queries 0", "codesign things/profile.json --queries inf",
    "codesign things/profile.json --latency 0", "codesign things/profile.json --latency nan",
    "compile --model llama3-8b --slice cpu --batch 0",
    "compile --model llama3-8b --slice cpu --context 0",
    "compile --model llama3-8b --slice cpu --context -5",
    f"compile --model llama3-8b --slice cpu --context {NINES}",
    "compile --model llama3-8b --slice cpu --think 0",
    "compile --model llama3-8b --slice cpu --prompt 0",
    # names that are none
    "profile --slice v5f-8 --weights none", f"profile --slice v5e-{NINES} --weights none",
    "profile --slice '' --weights none", "profile --slice v5e-7 --weights none",
    "profile --chip v99 --weights none", "profile --chip '' --weights none",
    "profile --task chess", "profile --task ''", f"profile --task chain:k={NINES}",
    "profile --task chain:k=0", "profile --task chain:q=3", "profile --task '\\[/red]'",
    "profile --model ''", "profile --model llama9-8b --weights none",
    f"profile --model {LONG} --weights none", "profile --model ~nosuchuser/x",
    "profile --strategy gredy", "profile --strategy ''", f"profile --strategy {'cached+' * 2000}x",
    "profile --strategy best-of-n:n=0", "profile --strategy best-of-n:n=x",
    "profile --strategy greedy --top-k 2", "profile --strategy best-of-n:n=99999999999",
    "profile --verifier nowhere --strategy best-of-n:n=2", "profile --compile v5e:9x9x9",
    f"profile --compile v5e:{NINES}", "profile --compile ''", "profile --prompts ''",
    "profile --prompts x --task sum:n=2", "profile --prompts nowhere.txt", "profile --think-end ''",
    "predict --model '' --slice v5e", "predict --model llama3-8b --slice ''",
    "predict --model llama3-8b --slice v5e-8 --mesh x",
    f"predict --model llama3-8b --slice v5e-8 --mesh data={NINES}",
    "predict --model llama3-8b --slice v5e-8 --mesh data=-1",
    "predict --model llama3-8b --slice v5e-8 --dtype int3",
    "predict --model llama3-8b --slice v5e-8 --kv-dtype ''",
    "predict --model llama3-8b --slice v5e-8 --price sport",
    "predict --model llama3-8b --slice v5e-8 --price -1",
    "predict --model llama3-8b --slice v5e-8 --price nan",
    "predict --model llama3-8b --slice v5e-8 --region mars",
    "predict --model llama3-8b --slice v5e-8 --pue 0.5",
    "predict --model llama3-8b --slice v5e-8 --pue nan",
    "predict --model llama3-8b --slice v5e-8 --host -1",
    "predict --model llama3-8b --slice h100-1000000000 --batch 1000000000",
    "eval --task chess", "eval --strategies gredy", "eval --strategies ''",
    "eval --budget watts=3", "eval --budget tokens=nan", "eval --budget tokens=-1",
    f"eval --budget tokens={NINES}", "eval --budget ''", "eval --slice v99-1", "eval --chip v99",
    "eval --model no-such-model", "eval --attempts-log nothing.jsonl --model llama3-8b",
    "eval --attempts-log things/empty --task sum:n=2", "eval --verifier nowhere",
    "eval --price sport", "train --out x --task chess", "train --out x --method grpo --task chess",
    "train --out x --method grpo --from nowhere", "train --out x --recipe nowhere.toml",
    "compile --model llama3-8b --slice v5e:9x9x9", "compile --model llama3-8b --slice ''",
    "compile --model llama3-8b --slice cpu --mesh data=3", "compile --model llama9 --slice cpu",
    "compile --model llama3-8b --slice cpu --mesh x",
    "codesign things/profile.json --slice v99-8", "codesign things/profile.json --what-if x=2",
    "codesign things/profile.json --what-if hbm_bandwidth=nanx",
    "codesign things/profile.json --chip-budget area=-1mm2",
    "codesign things/profile.json --chip-budget nothing",
    "codesign things/profile.json --price sport", "codesign things/profile.json --dtype int3",
    "codesign things/profile.json --workload nowhere.toml",
    "explore --model llama9 --slice v5e-8", "explore --model llama3-8b --slice v99-8",
    "explore --model llama3-8b --slice v5e-8 --think nan",
    "explore --model llama3-8b --slice v5e-8 --think -1",
    "explore --model llama3-8b --slice v5e-8 --hbm-bandwidth 0",
    "explore --model llama3-8b --slice v5e-8 --sequences 3", "explore", "chips ''",
    f"chips {LONG}", "chips '[/x]'", "hlo nowhere.txt", "schema ''", "schema '[/x]'",
]  # fmt: skip

FILES = with_paths(
    "compare {0}/x {0}", "codesign {0}/x", "hlo {0}", "chips {0}.toml",
    "predict --model llama3-8b --slice v5e-8 --price {0}.toml",
    "predict --model {0}.toml --slice v5e-8", "eval --attempts-log {0} --model llama3-8b",
    "profile --task gsm8k:{0}", "validate --measurements {0}", "explore {0}",
    "train --out x --recipe {0}",
)  # fmt: skip

OUTS = [
    f"{command} --out {out}"
    for command in ("profile --weights none", "eval", "train", "compile --model llama3-8b "
                    "--slice cpu", "codesign things/profile.json", "validate --worked", "explore "
                    "--model llama3-8b --slice v5e-8", "calibrate")
    for out in ("''", LONG, "~nosuchuser/x", "things/empty", "things/empty/below", "/proc/nope",
                "$'\\udcff'", "things/mine")
]  # fmt: skip


@pytest.fixture
def things(rooflink: Command) -> Callable[..., object]:
    """The command, in a folder with the files that the lines name."""
    folder = Path("things")
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    for name, data in {
        "empty": b"", "deep": b"[" * 3000, "nul": b"\0" * 99, "latin1": b"x = '\xe9'",
        "huge_integer": b"9" * 5000,
    }.items():  # fmt: skip
        (folder / name).write_bytes(data)
        for suffix in (".toml", ".csv"):
            (folder / f"{name}{suffix}").write_bytes(data)
    (folder / "mine").mkdir()
    for name in ("report.md", "report.html", "profile.json", "model.safetensors", "errors.md",
                 "calibration.json", "part-000000.parquet"):  # fmt: skip
        (folder / "mine" / name).write_text("mine")
    counted = Path(__file__).parents[2] / "fuzz" / "corpus" / "profiles" / "counted.json"
    (folder / "profile.json").write_bytes(counted.read_bytes())
    return rooflink


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fails what takes longer."""

    def stop(number: int, frame: object) -> None:
        raise AssertionError(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def contents() -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}


def arguments_of(line: str) -> list[str]:
    return [part.replace("$\\udcff", "\udcff") for part in shlex.split(line.replace("$'\\udcff'",
            "$\\\\udcff"))]  # fmt: skip


@pytest.mark.parametrize("line", [*OPTIONS, *FILES, *OUTS], ids=lambda line: line[:60])
def test_a_line_is_refused_in_one_sentence(things: Command, line: str) -> None:
    before = contents()
    with within(MOST_S):
        done = things(*arguments_of(line))
    assert done.code == 2, done.err[-500:]
    assert done.out == ""
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1, done.err
    assert len(done.err) <= 310
    assert done.err.rstrip("\n").isprintable()
    assert contents() == before


def test_an_option_of_another_kind_is_quoted(things: Command) -> None:
    done = things("predict", "--model", "llama3-8b", "--slice", "v5e", "--batch", "1e3")
    assert "'--batch': '1e3', expected a valid integer" in done.err
