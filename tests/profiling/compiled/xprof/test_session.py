"""The written session, decoded again by JAX's own reader."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jax.profiler import ProfileData

from rooflink.profiling.compiled.traffic.traffic import HBM, Loop
from rooflink.profiling.compiled.xprof import PhaseProgram, write_session
from rooflink.profiling.compiled.xprof.xplane import MemoryAccessBreakdown, XSpace
from rooflink.profiling.errors import ProfileInputError
from rooflink.tpu_configs.catalog import load_chip

V5E = load_chip("v5e")
PEAK, BANDWIDTH = 197e12, 819e9


class Decoded:
    """A session's device plane, names put in place of numbers."""

    def __init__(self, path: Path):
        self.space = XSpace.FromString(path.read_bytes())
        self.device, self.metadata = self.space.planes
        self._names = {entry.key: entry.value.name for entry in self.device.stat_metadata}
        self._kinds = {entry.key: entry.value for entry in self.device.event_metadata}
        self.plane_stats = self.stats(self.device.stats)

    def stats(self, stats: Any) -> dict[str, Any]:
        found = {}
        for stat in stats:
            kind = stat.WhichOneof("one_of")
            value = getattr(stat, kind)
            name = self._names[stat.metadata_id]
            found[name] = self._names[value] if kind == "ref_value" else value
        return found

    def line(self, name: str) -> list[dict[str, Any]]:
        """Events of a line with the stats of their kind and their own."""
        (line,) = (line for line in self.device.lines if line.name == name)
        return [
            {
                "name": self._kinds[event.metadata_id].name,
                "display_name": self._kinds[event.metadata_id].display_name,
                "start": event.offset_ps,
                "duration": event.duration_ps,
                **self.stats(self._kinds[event.metadata_id].stats),
                **self.stats(event.stats),
            }
            for event in line.events
        ]

    def operations(self, step: int) -> list[dict[str, Any]]:
        """A phase's operations."""
        return [e for e in self.line("XLA Ops") if e["group_id"] == step]


@pytest.fixture
def session(phases: list[PhaseProgram], tmp_path: Path) -> Decoded:
    return Decoded(write_session(phases, V5E, tmp_path, "tiny"))


def moved(operations: list[dict[str, Any]], space: int) -> int:
    parsed = (MemoryAccessBreakdown.FromString(e["memory_access_breakdown"]) for e in operations)
    return sum(
        access.bytes_accessed
        for one in parsed
        for access in one.memory_accessed
        if access.memory_space == space
    )


def test_totals_of_each_phase_are_exact(session: Decoded, phases: list[PhaseProgram]) -> None:
    for step, phase in enumerate(phases):
        operations = session.operations(step)
        assert sum(e["flops"] for e in operations) == phase.flops
        assert moved(operations, 1) == phase.traffic.hbm_bytes()
        assert moved(operations, 3) == phase.traffic.bytes_by_space()["VMEM"]
        everything = sum(row.bytes(None) for row in phase.traffic.rows)
        assert sum(e["bytes_accessed"] for e in operations) == everything


def test_times_are_the_longer_of_flops_and_hbm_bytes(
    session: Decoded, phases: list[PhaseProgram]
) -> None:
    for step, phase in enumerate(phases):
        for event, row in zip(session.operations(step), phase.traffic.rows, strict=True):
            seconds = max(event["flops"] / PEAK, row.bytes(HBM) / BANDWIDTH)
            assert event["duration"] == max(1, round(seconds * 1e12))
            assert event["executions"] == row.times
            assert event["compiler_cycles"] == row.cycles * row.times


def test_phases_are_steps_one_after_another(session: Decoded, phases: list[PhaseProgram]) -> None:
    steps = session.line("Steps")
    assert [(e["name"], e["group_id"], e["phase"], e["passes"]) for e in steps] == [
        ("0", 0, "prefill", 1),
        ("1", 1, "think", 64),
    ]
    assert [e["name"] for e in session.line("XLA Modules")] == ["jit_prefill(1)", "jit_think(2)"]
    end = -1
    for step, event in enumerate(steps):
        assert event["start"] > end
        assert event["duration"] == sum(e["duration"] for e in session.operations(step))
        end = event["start"] + event["duration"]


def test_loops_hold_their_operations(session: Decoded) -> None:
    copy, *inside = session.line("XLA Ops")[:4]
    loop = session.line("Loops")[0]
    assert (loop["hlo_category"], loop["display_name"]) == ("while", "while.1")
    assert loop["start"] == copy["start"] + copy["duration"]
    assert [e["display_name"] for e in inside] == ["dot.1", "scores.1", "less.2"]
    assert loop["duration"] == sum(e["duration"] for e in inside)
    assert "flops" not in loop


def test_operations_say_what_and_where_they_are(session: Decoded) -> None:
    copy, dot, scores, _ = session.operations(1)
    assert copy["hlo_category"] == "data formatting"
    assert copy["tf_op"] == "think/unattributed:"
    assert dot["hlo_category"] == "convolution"
    assert dot["name"] == "%dot.1 = bf16[8,256] dot(%x.1, %layer.1)"
    assert scores["tf_op"] == "think/attention/scores:"
    assert dot["flops"] + scores["flops"] == 4 * 10**6 + 3, "all that was counted"
    assert dot["program_id"] == 2
    symbols = [e["symbol_id"] for name in ("XLA Ops", "Loops") for e in session.line(name)]
    assert len(set(symbols)) == len(symbols)


def test_everything_is_labelled_predicted(
    phases: list[PhaseProgram], tmp_path: Path, session: Decoded
) -> None:
    path = write_session(phases, V5E, tmp_path, "a name/with signs")
    assert path == tmp_path / "plugins/profile/a_name_with_signs_predicted/predicted.xplane.pb"
    assert write_session(phases, V5E, tmp_path, "predicted-1").parent.name == "predicted-1"
    assert session.plane_stats["device_type_string"] == "TPU v5e (predicted)"
    assert session.space.hostnames == ["predicted"]
    assert "not measured" in session.space.warnings[0]
    lines = ("Steps", "XLA Modules", "XLA Ops", "Loops")
    assert all(e["basis"].startswith("predicted") for line in lines for e in session.line(line))


def test_peaks_are_those_of_one_device(phases: list[PhaseProgram], tmp_path: Path) -> None:
    v5e = Decoded(write_session(phases, V5E, tmp_path, "v5e")).plane_stats
    assert v5e["peak_teraflops_per_second"] == 197
    assert v5e["peak_hbm_bw_gigabytes_per_second"] == 819
    v7x = load_chip("v7x")
    half = Decoded(write_session(phases, v7x, tmp_path, "v7x")).plane_stats
    assert half["peak_hbm_bw_gigabytes_per_second"] == v7x.hbm_bandwidth / 2 / 1e9
    assert half["peak_teraflops_per_second"] == v7x.peak.bfloat16.value / 2 / 1e12


def test_programs_are_kept_whole(session: Decoded, phases: list[PhaseProgram]) -> None:
    assert session.metadata.name == "/host:metadata"
    for entry, phase in zip(session.metadata.event_metadata, phases, strict=True):
        (stat,) = entry.value.stats
        assert stat.bytes_value.endswith(phase.hlo_proto)
        assert stat.bytes_value[0] == 0x0A, "field 1 of an HloProto"


def test_a_program_with_its_buffer_assignment_is_kept_as_it_is(
    phases: list[PhaseProgram], session: Decoded, tmp_path: Path
) -> None:
    wrapped = session.metadata.event_metadata[0].value.stats[0].bytes_value
    assigned = wrapped + b"\x1a\x00"  # field 3, an empty buffer assignment
    phase = replace(phases[0], assigned_proto=assigned)
    again = Decoded(write_session([phase], V5E, tmp_path, "assigned"))
    assert again.metadata.event_metadata[0].value.stats[0].bytes_value == assigned


def test_jax_reads_it(phases: list[PhaseProgram], tmp_path: Path) -> None:
    data = ProfileData.from_file(str(write_session(phases, V5E, tmp_path, "tiny")))
    device = data.find_plane_with_name("/device:TPU:0")
    assert device is not None
    counts = {line.name: len(list(line.events)) for line in device.lines}
    assert counts == {"Steps": 2, "XLA Modules": 2, "XLA Ops": 8, "Loops": 2}


def test_a_rewritten_session_loses_what_xprof_derived_of_the_old_one(
    phases: list[PhaseProgram], tmp_path: Path
) -> None:
    folder = write_session(phases, V5E, tmp_path, "tiny").parent
    derived = ("ALL_HOSTS.op_stats_v2.pb", "jit_think(2).hlo_proto.pb", "predicted.SSTABLE")
    for name in (*derived, "notes.txt"):
        (folder / name).write_text("old")
    write_session(phases, V5E, tmp_path, "tiny")
    assert sorted(file.name for file in folder.iterdir()) == ["notes.txt", "predicted.xplane.pb"]


def test_a_loop_of_unknown_length_is_a_warning(phases: list[PhaseProgram], tmp_path: Path) -> None:
    unknown = Loop("while.1", 1, "unknown", False, "no bound", 1, "mlp")
    phase = replace(phases[0], traffic=replace(phases[0].traffic, loops=(unknown,)))
    space = Decoded(write_session([phase], V5E, tmp_path, "tiny")).space
    assert "while.1" in space.warnings[1]


def test_mistakes_are_one_sentence(phases: list[PhaseProgram], tmp_path: Path) -> None:
    with pytest.raises(ProfileInputError, match="at least one"):
        write_session([], V5E, tmp_path, "tiny")
    with pytest.raises(ProfileInputError, match="program of prefill"):
        write_session([replace(phases[0], hlo_proto=b"\x08")], V5E, tmp_path, "tiny")
    (tmp_path / "file").write_text("")
    with pytest.raises(ProfileInputError, match="cannot be written"):
        write_session(phases, V5E, tmp_path / "file", "tiny")
