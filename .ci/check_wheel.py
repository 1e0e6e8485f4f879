"""Check a built wheel: it holds every module and data file, nothing else, and works elsewhere.

Run as `python .ci/check_wheel.py WHEEL` in an environment that has the dependencies; installs the
wheel over whatever rooflink is there and runs the command in an empty folder.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("model", "profiling", "tpu_configs")
NOT_SHIPPED = {"__pycache__"}
TOP = "profiling/toplevel/"


def expected_files() -> set[str]:
    """Every file under the packages, as the wheel should name it: those of TOP above the others."""
    return {
        f"rooflink/{path.relative_to(ROOT).as_posix().removeprefix(TOP)}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and not NOT_SHIPPED & set(path.parts)
    }


def shipped_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def run(*command: str, folder: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    wheel = Path(sys.argv[1]).resolve()
    expected, shipped = expected_files(), shipped_files(wheel)
    if expected != shipped:
        sys.exit(
            f"missing from the wheel: {sorted(expected - shipped)}\n"
            f"in the wheel and not in the checkout: {sorted(shipped - expected)}"
        )
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall")
    with tempfile.TemporaryDirectory() as folder:
        run(*pip, str(wheel), folder=folder)
        run("rooflink", "models", folder=folder)
        run(sys.executable, "-m", "rooflink", "--version", folder=folder)
        run(sys.executable, "-c", "import rooflink; rooflink.predict", folder=folder)
        run("rooflink", "chips", "v5e", folder=folder)
        run("rooflink", "profile", "--weights", "none", "--out", "run", folder=folder)
        written = {path.name.split(".")[0] for path in (Path(folder) / "run").iterdir()}
    if written != {"profile", "report", "charts", "events", "chips"}:
        sys.exit(f"`rooflink profile` from the wheel wrote {sorted(written)}")
    print(f"{wheel.name}: {len(shipped)} files, the command works")


main()
