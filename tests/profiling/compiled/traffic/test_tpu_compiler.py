"""The programs of fixtures/ compiled anew by the libtpu at hand."""

import subprocess
import sys
from pathlib import Path

import pytest

from rooflink.profiling.compiled.hlo.proto import read_module
from rooflink.profiling.compiled.traffic.walk import module_traffic

HERE = Path(__file__).parent
pytestmark = pytest.mark.tpu_compiler


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("libtpu")
    path = tmp_path_factory.mktemp("programs")
    subprocess.run(
        [sys.executable, str(HERE / "make_fixtures.py"), str(path)], check=True, timeout=300
    )
    return path


def test_scanned_and_unrolled_move_the_same(folder: Path) -> None:
    scanned, unrolled = (
        module_traffic(read_module(folder / f"{name}_v5e.hlo")).hbm_bytes()
        for name in ("scanned", "unrolled")
    )
    assert scanned == pytest.approx(unrolled, rel=0.01)


@pytest.mark.parametrize("name", ["think_v5e.pb.gz", "think_tpu7x.pb.gz", "nested_v5e.hlo"])
def test_every_loop_is_resolved(folder: Path, name: str) -> None:
    traffic = module_traffic(read_module(folder / name))
    assert sorted(loop.trips for loop in traffic.loops) == [4, 8]
    assert not traffic.unresolved_loops
