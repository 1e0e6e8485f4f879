"""`rooflink compile` and `rooflink hlo` for the CPU, and how they refuse."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from rooflink.profiling.records import Profile


@pytest.fixture(scope="module", autouse=True)
def store_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiled programs of these tests stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROOFLINK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


SMALL = ("--slice", "cpu", "--context", 48, "--think", 4)


def test_phases_are_compiled_and_every_byte_is_accounted_for(rooflink, tiny_folder: Path) -> None:
    done = rooflink("compile", "--model", tiny_folder, *SMALL, "--batch", 2, "--out", "run")
    assert done.code == 0, done.err
    kept = Profile.model_validate_json(Path("run/profile.json").read_text())
    assert [target.target for target in kept.compiled] == ["cpu"]
    assert Path("run/report.md").exists()
    shown = rooflink("compile", "--model", tiny_folder, *SMALL, "--batch", 2, "--json")
    found = Profile.model_validate_json(shown.out)
    (target,) = found.compiled
    assert [phase.phase for phase in target.phases] == ["prefill", "think", "answer"]
    assert (target.batch, target.context, target.prompt_tokens) == (2, 48, 28)
    for phase in target.phases:
        named = sum(excess.excess_bytes for excess in phase.excesses)
        assert phase.hbm_bytes == phase.counted_bytes.total + named + phase.unexplained_bytes


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--slice", "v5e:3x3"), ("3x3", "v5e:2x2")),
        (("--slice", "v9:2x2"), ("v9",)),
        (("--slice", "cpu", "--mesh", "data=2,tensor=3"), ("data=2", "tensor=3")),
        (("--slice", "cpu", "--mesh", "rows=2"), ("--mesh",)),
        (("--slice", "cpu", "--context", "9000"), ("9000", "8192")),
        (("--slice", "cpu", "--context", "20"), ("--context",)),
        (("--slice", "cpu", "--phases", "think,dream"), ("dream",)),
        (("--slice", "cpu", "--batch", "0"), ("--batch",)),
    ],
)
def test_bad_input_is_one_sentence(
    rooflink, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = rooflink("compile", "--model", "llama3-8b", *arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert all(word in done.err for word in words), done.err


def test_hlo_of_any_program(rooflink) -> None:
    """A loop of 7 products of 64 x 64: 7 trips known, and no scope that we would know."""

    def powers(x: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, 7, lambda _, y: jnp.tanh(y @ x), x)

    text = jax.jit(powers).lower(jnp.ones((64, 64))).compile().as_text()
    Path("powers.txt").write_text(text)
    found = json.loads(rooflink("hlo", "powers.txt", "--json").out)
    assert found["name"] == "jit_powers"
    assert [loop["trips"] for loop in found["loops"]] == [7]
    assert found["hbm_bytes"] >= 7 * 3 * 64 * 64 * 4


@pytest.mark.parametrize("content", [b"", b"HloModule x, entry", b"\x0a\xff\x01", b"hello"])
def test_a_damaged_hlo_file_is_named(rooflink, content: bytes) -> None:
    Path("bad.pb").write_bytes(content)
    done = rooflink("hlo", "bad.pb")
    assert done.code == 2
    assert "bad.pb" in done.err
    assert "Traceback" not in done.err


def test_a_missing_hlo_file_is_named(rooflink) -> None:
    done = rooflink("hlo", "none.pb")
    assert done.code == 2
    assert "none.pb" in done.err
