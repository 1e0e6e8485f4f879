"""`rooflink calibrate`: fit prediction's parameters on published measurements anew."""

from pathlib import Path

from rich.console import Console

from ..jobs.validate_job import CalibrateJob, Calibration
from ..records.files import write_text
from .commands import command_of

EXAMPLES = """
rooflink calibrate --out calibration

rooflink calibrate --measurements measured_energy_h100.csv --out profiling/predicted/data
"""


def _show(result: Calibration, job: CalibrateJob, console: Console) -> None:
    files = " and ".join(result.files)
    console.print(f"{result.rows} rows fitted; {files} are in {job.out}", soft_wrap=True)


def write_calibration(result: Calibration, folder: Path) -> None:
    """Both files, each whole or not at all."""
    for name, text in result.files.items():
        write_text(folder / name, text)


calibrate_command = command_of(
    CalibrateJob,
    _show,
    EXAMPLES,
    as_json=lambda result: str(result.calibration_json).rstrip(),
    write=write_calibration,
)
