"""XProf's own tools on a written session (`pip install xprof`)."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rooflink.profiling.compiled.traffic.traffic import ModuleTraffic
from rooflink.profiling.compiled.xprof import PhaseProgram, write_session
from rooflink.tpu_configs.catalog import load_chip

pytestmark = [
    pytest.mark.xprof,
    pytest.mark.filterwarnings("ignore"),  # its own
]
Tool = Callable[[str], Any]

GIGA, GIBI, MICRO = 1e9, 2**30, 1e-6


@pytest.fixture
def tool(phases: list[PhaseProgram], tmp_path: Path) -> Tool:
    """Runs a tool on the two phases and gives its data."""
    convert = pytest.importorskip("xprof.convert.raw_to_tool_data")
    path = str(write_session(phases, load_chip("v5e"), tmp_path, "tiny"))

    def run(name: str) -> Any:
        data, _ = convert.xspace_to_tool_data([path], name, {"use_saved_result": False})
        return json.loads(data)

    return run


def rows(table: Any) -> list[dict[str, Any]]:
    columns = [column["id"] for column in table["cols"]]
    return [
        {name: cell and cell["v"] for name, cell in zip(columns, row["c"], strict=True)}
        for row in table["rows"]
    ]


def test_the_roofline_has_our_flops_and_bytes_for_each_phase(
    tool: Tool, phases: list[PhaseProgram]
) -> None:
    found = {
        row["step"]: row for row in rows(tool("roofline_model")[0]) if row["operation"] == "Program"
    }
    for step, phase in enumerate(phases):
        program = found[str(step)]
        seconds = program["total_time"] * MICRO
        assert program["measured_flop_rate"] * GIGA * seconds == pytest.approx(
            phase.flops, rel=1e-3
        )
        assert program["hbm_bw"] * GIBI * seconds == pytest.approx(
            phase.traffic.hbm_bytes(), rel=1e-3
        )


def test_the_roofline_has_the_chips_peaks(tool: Tool) -> None:
    facts = tool("roofline_model")[0]["p"]
    assert facts["device_type"] == "TPU v5e (predicted)"
    assert float(facts["peak_flop_rate"]) == 197e3
    assert float(facts["peak_hbm_bw"]) == pytest.approx(819 * GIGA / GIBI, rel=1e-4)


def test_operations_by_name(tool: Tool, phases: list[PhaseProgram]) -> None:
    table = tool("hlo_stats")
    found = rows(table[0] if isinstance(table, list) else table)
    names = {row.name for phase in phases for row in phase.traffic.rows}
    assert names <= {row["hlo_op_name"] for row in found}


def test_other_tools_have_data(tool: Tool) -> None:
    profile = tool("op_profile")["byProgram"]
    assert {child["name"] for child in profile["children"]} >= {"jit_prefill(1)", "jit_think(2)"}
    assert "not measured" in json.dumps(tool("overview_page"))
    events = [event for event in tool("trace_viewer")["traceEvents"] if event.get("ph") == "X"]
    assert {"0", "1", "jit_think(2)", "while.1", "dot.1"} <= {event["name"] for event in events}


def test_the_op_profile_has_our_utilisation(tool: Tool, phases: list[PhaseProgram]) -> None:
    """FLOPs over time and peak: events of loops beside their operations would lower it."""
    whole = tool("op_profile")["byProgram"]["metrics"]
    seconds = whole["rawTime"] / 1e12
    flops = sum(phase.flops for phase in phases)
    assert whole["rawFlops"] == pytest.approx(flops, rel=1e-6)
    assert whole["flops"] == pytest.approx(flops / seconds / 197e12, rel=1e-3)


def test_its_command_gives_a_row_for_each_phase(phases: list[PhaseProgram], tmp_path: Path) -> None:
    """`xprof get_roofline_model` prints milliseconds and per cent: rounded, so compared loosely.

    FLOPs are those at the roof times the share of the roof that is reached; HBM bytes, where HBM
    is the bound, FLOPs over their intensity.
    """
    pytest.importorskip("xprof")
    scaled = [replace(p, traffic=enlarged(p.traffic), flops=p.flops * SCALE) for p in phases]
    path = write_session(scaled, load_chip("v5e"), tmp_path, "tiny")
    session = path.parent.with_name("tiny_predicted_phases")
    command = [str(Path(sys.executable).with_name("xprof")), "get_roofline_model", str(session)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=tmp_path)
    found = {row["name"]: row for row in json.loads(done.stdout)["top_operations"]}
    assert found.keys() == {"prefill", "think"}
    for phase in scaled:
        row = found[phase.name]
        reached = float(row["roofline_efficiency_percent"].rstrip("%")) / 100
        seconds = row["total_self_time_ms"] / 1e3
        flops = row["optimal_flop_rate_gflops"] * GIGA * reached * seconds
        assert flops == pytest.approx(phase.flops, rel=5e-3)
        busy = float(row["max_mem_bw_utilization_percent"].rstrip("%")) / 100
        assert busy * 819 * GIGA * seconds == pytest.approx(phase.traffic.hbm_bytes(), rel=5e-3)


SCALE = 1000  # makes times long enough for milliseconds with three decimals


def enlarged(traffic: ModuleTraffic) -> ModuleTraffic:
    rows = tuple(replace(row, times=row.times * SCALE) for row in traffic.rows)
    return replace(traffic, rows=rows)
