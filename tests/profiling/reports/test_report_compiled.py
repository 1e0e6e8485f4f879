"""The compiled lens as tables and sentences: every excess, warnings, what it draws."""

import io

import pytest
from rich.console import Console

from rooflink.profiling.records import CompiledPhase, Excess, HbmRow, Profile
from rooflink.profiling.reports.document import Paragraph
from rooflink.profiling.reports.renderers.console import show
from rooflink.profiling.reports.sections import compiled_document as section
from rooflink.profiling.reports.sections.profile_document import profile_document, profile_summary
from rooflink.profiling.reports.sections.profile_scalars import scalars
from rooflink.profiling.reports.units import TIMES


def changed(profile: Profile, target: int = 0, phase: int = 0, **update: object) -> Profile:
    """The profile with one compiled phase changed."""
    targets = list(profile.compiled)
    phases = list(targets[target].phases)
    phases[phase] = phases[phase].model_copy(update=update)
    targets[target] = targets[target].model_copy(update={"phases": phases})
    return profile.model_copy(update={"compiled": targets})


def overfull(profile: Profile) -> Profile:
    memory = profile.compiled[0].phases[1].memory
    full = {"peak_bytes": 18_200_000_000, "capacity_bytes": 16e9}
    return changed(profile, phase=1, memory=memory.model_copy(update=full))


def test_every_excess_and_what_is_unexplained_is_there(compiled: Profile) -> None:
    for target in compiled.compiled:
        table = section.excess_table(target)
        expected = [
            (phase.phase, size)
            for phase in target.phases
            for size in [
                *sorted((e.excess_bytes for e in phase.excesses), key=lambda size: -abs(size)),
                phase.unexplained_bytes,
            ]
        ]
        found = zip(table.column("phase").values, table.column("excess_bytes").values, strict=True)
        assert list(found) == expected


def test_evidence_and_fix_stand_beside_an_excess(compiled: Profile) -> None:
    table = section.excess_table(compiled.compiled[0])
    excesses = [e for phase in compiled.compiled[0].phases for e in phase.excesses]
    assert {e.fix for e in excesses} > {None}
    found = zip(table.column("evidence").values, table.column("fix").values, strict=True)
    assert {(e.evidence, e.fix or "") for e in excesses} <= {(e, fix or "") for e, fix in found}


def test_warnings_come_before_the_figures(compiled: Profile) -> None:
    calls, loops = ["custom-call.3 (onednn$matmul)"], ["while.12: its bound is read from a tuple"]
    unsure = changed(compiled, 1, 1, unresolved_loops=loops, unknown_calls=calls).compiled[1]
    found = section.warnings(unsure)
    assert [sentence.split(":")[1].split(",")[0].strip() for sentence in found] == [
        "unresolved loop", "unknown call"]  # fmt: skip
    lead = section.compiled_document(unsure).lead
    loud = [b.text for b in lead if isinstance(b, Paragraph) and not b.note]
    assert loud == [f"Warning: {sentence}" for sentence in found]


def test_a_phase_that_does_not_fit_says_by_how_much(compiled: Profile) -> None:
    assert section.warnings(overfull(compiled).compiled[0]) == [
        "think does not fit: 18.2 GB of 16 GB at its peak, 2.20 GB over"
    ]


def test_what_kernels_state_of_themselves_is_said(compiled: Profile) -> None:
    assert section.stated_texts(compiled.compiled[0]) == []
    size = compiled.compiled[0].phases[1].hbm_bytes // 4
    (sentence,) = section.stated_texts(changed(compiled, phase=1, stated_bytes=size).compiled[0])
    assert sentence.startswith("25 % of think's HBM bytes are what Pallas kernels state")


def test_verdicts(compiled: Profile) -> None:
    """By the ratio to what is counted, and the largest excess of its sign."""
    think = compiled.compiled[0].phases[1]
    padding, *_ = think.excesses
    assert padding.name == "tile padding"
    kept = padding.model_copy(update={"name": "weights kept on the chip", "excess_bytes": -(10**9)})

    def moving(ratio: float, *excesses: Excess) -> CompiledPhase:
        hbm = of_size(think, round(ratio * think.counted_bytes.total))
        return think.model_copy(update={"hbm": hbm, "excesses": list(excesses)})

    assert section.verdict(moving(1.35, padding)) == "moves 35 % more than needed: tile padding"
    assert section.verdict(moving(2.29, padding)) == (
        f"moves 2.29{TIMES} what is needed: tile padding"
    )
    less = section.verdict(moving(0.937, kept))
    assert less == "moves 6.3 % less than needed: weights kept on the chip"
    bare = moving(0.937)
    assert section.verdict(bare) == "moves 6.3 % less than needed"
    assert section.verdict(moving(1.0)) == "moves what is needed"
    # Below 1 only because a loop is unresolved: nothing was saved, and none may be claimed.
    unknown = bare.model_copy(update={"unresolved_loops": ["while.1: unknown"]})
    assert section.verdict(unknown).startswith(f"moves at least 0.94{TIMES} what is needed; a loop")


def of_size(phase: CompiledPhase, size: int) -> list[HbmRow]:
    return [phase.hbm[0].model_copy(update={"read_bytes": size, "written_bytes": 0})]


def test_xla_total_has_its_factor(compiled: Profile) -> None:
    think = compiled.compiled[0].phases[1]
    smaller = think.model_copy(update={"xla_bytes_accessed": think.hbm_bytes / 211})
    assert section.xla_factor_text(smaller) == f"211{TIMES} too small"
    larger = think.model_copy(update={"xla_bytes_accessed": 2.0 * think.hbm_bytes})
    assert section.xla_factor_text(larger) == f"2.00{TIMES} too large"
    none = think.model_copy(update={"xla_bytes_accessed": 0.0})
    assert section.xla_factor_text(none) == ""


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_a_terminal_keeps_to_its_width(compiled: Profile, width: int) -> None:
    name = "re-read of " + "x" * 90
    excess = Excess(name=name, excess_bytes=10**12, share=9, evidence="y" * 99, fix=None)
    worst = changed(overfull(compiled), excesses=[excess])
    for document in (section.compiled_document(worst.compiled[0]), profile_summary(worst)):
        out = io.StringIO()
        show(document, Console(file=out, width=width))
        assert max(len(line) for line in out.getvalue().splitlines()) <= width


def test_tpus_come_before_a_cpu(compiled: Profile) -> None:
    assert [target.target for target in compiled.compiled] == ["v5e:2x4", "cpu"]
    turned = compiled.model_copy(update={"compiled": compiled.compiled[::-1]})
    for profile in (compiled, turned):
        parts = profile_document(profile).section("compiled").blocks
        assert [part.title for part in parts if hasattr(part, "title")] == ["v5e:2x4", "cpu"]


def test_one_target_twice_keeps_both(compiled: Profile) -> None:
    twice = compiled.model_copy(update={"compiled": [compiled.compiled[0]] * 2})
    parts = profile_document(twice).section("compiled").blocks
    assert [part.title for part in parts if hasattr(part, "title")] == [
        "v5e:2x4 (1)",
        "v5e:2x4 (2)",
    ]
    names = [name for name, _, _ in scalars(twice) if name.startswith("compiled/")]
    assert len(names) == len(set(names))


def test_scopes_add_up(compiled: Profile) -> None:
    target = compiled.compiled[0]
    whole = section.scopes_table(target, target.phases[0])
    short = section.scopes_table(target, target.phases[0], most=2)
    assert short.column("scope").values[2] == f"{len(whole.rows) - 2} others"
    assert sum(short.column("all").values) == sum(whole.column("all").values)


def test_scalars(compiled: Profile) -> None:
    found = {name: value for name, value, _ in scalars(compiled)}
    step = compiled.compiled[0].phases[1]
    under = "compiled/v5e_2x4/think"
    assert found[f"{under}/ratio"] == pytest.approx(step.ratio)
    sizes = {each.name.replace(" ", "_"): each.excess_bytes for each in step.excesses}
    assert {name: found[f"{under}/excess/{name}"] for name in sizes} == sizes
    assert found[f"{under}/excess/unexplained"] == step.unexplained_bytes
    kinds = {n: v for n, v in found.items() if n.startswith(f"{under}/hbm_bytes/")}
    assert kinds.pop(f"{under}/hbm_bytes/total") == sum(kinds.values()) == step.hbm_bytes
    assert found["compiled/cpu/think/unresolved_loops"] == 0


def test_bars_are_as_long_as_their_bytes(compiled: Profile) -> None:
    (chart, _) = [c for c in profile_document(compiled).charts() if c.name.startswith("compiled-")]
    rows = [row for rows in chart.spec["datasets"].values() for row in rows if "start" in row]
    lengths = {(r["bar"], r["kind"]): r["end"] - r["start"] for r in rows}
    think = compiled.compiled[0].phases[1]
    copied = sum(r.read_bytes + r.written_bytes for r in think.hbm if r.kind.startswith("copy of"))
    copies = sum(length for (bar, kind), length in lengths.items()
                 if bar == "think, moved" and kind.startswith("copy of"))  # fmt: skip
    weights = lengths["think, needed", "weights"]
    assert copies / weights == pytest.approx(copied / think.counted_bytes.weights, rel=1e-3)


def test_memory_over_capacity_is_drawn_beyond_the_mark(compiled: Profile) -> None:
    charts = profile_document(overfull(compiled)).charts()
    (chart, _) = [c for c in charts if c.name.startswith("memory-")]
    rows = [row for rows in chart.spec["datasets"].values() for row in rows]
    (over,) = [row for row in rows if row.get("part") == "over capacity"]
    assert over["start"] == pytest.approx(
        next(r["at"] for r in rows if r.get("bar") == "think" and "at" in r)
    )
    assert over["end"] == 18_200_000_000
