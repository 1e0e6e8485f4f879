"""The commands whose figures lie in tests/equivalence/before, and what compares them.

    PYTHONPATH=tests/support python -m recorded_commands            # compare all, say how far off
    PYTHONPATH=tests/support python -m recorded_commands profile    # or some
    PYTHONPATH=tests/support python -m recorded_commands --write NAME ...

Counted, compiled and sampled figures must be the same to the last digit, words the same words; for
predicted ones see PREDICTED_TOLERANCE. What differs at all is printed, with how far off it is.

A prediction is of the calibration that it was made with, so a record names the one that it was
written under; under another, what is FITTED is not compared, until the records are written again.
"""

import argparse
import hashlib
import io
import json
import math
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, redirect_stdout
from fnmatch import fnmatch
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from stable_figures import Tree, leaves, listing_figures, predict_figures, profile_figures
from stable_study_figures import codesign_figures, evaluation_figures, validation_figures

ROOT = Path(__file__).parents[2]
BEFORE = ROOT / "tests" / "equivalence" / "before"
CALIBRATION = ROOT / "profiling" / "predicted" / "data" / "calibration.json"
PREDICTED_TOLERANCE = 2e-6
"""Relative. Exponentials and logarithms of an array differ in last digits from CPU to CPU, and
a root of a difference near zero differs by more."""
SHARES = {"elasticities", "asks", "hardware_asks", "model_asks", "summaries"}
"""Below these names are differences of ratios near one: the tolerance is one of the ratios."""
EXACT = {"counted", "compiled", "thought", "outcome", "at_peak", "accuracy"}
"""Below these names of a path nothing is predicted, and no tolerance given."""
COSTED = ("profile", "--model", "llama3-8b", "--weights", "none", "--slice", "v5e-8")


class Recorded(NamedTuple):
    """One command and how its record is read."""

    arguments: tuple[str, ...]  # without --json
    figures: Callable[[Any], Tree]
    before: tuple[str, ...] = ()  # a command to run first, in the same folder
    mark: str | None = None  # of pytest


COMMANDS = {
    "models": Recorded(("models",), listing_figures),
    "predict": Recorded(
        ("predict", "--model", "llama3-8b", "--slice", "v5e-8", "--slice", "v6e-4",
         "--slice", "h100", "--batch", "8", "--attempts", "8", "--prompt", "512",
         "--think", "2048", "--answer", "64"),
        predict_figures,
    ),
    "predict_compare": Recorded(
        ("predict", "--model", "deepseek-r1", "--slice", "h200-8", "--dtype", "fp8",
         "--think", "8000", "--batch", "1", "--compare"),
        predict_figures,
    ),
    "profile_costs": Recorded(COSTED, profile_figures),
    "profile": Recorded(("profile", "--repeats", "1"), profile_figures),
    "profile_voting": Recorded(
        ("profile", "--task", "sum:n=8", "--strategy", "self-consistency:n=16", "--repeats", "1"),
        profile_figures, mark="slow",
    ),
    "profile_beam": Recorded(
        ("profile", "--strategy", "beam:n=8", "--repeats", "1"), profile_figures, mark="slow"
    ),
    "profile_revision": Recorded(
        ("profile", "--strategy", "revision:revisions=2", "--repeats", "1"),
        profile_figures, mark="slow",
    ),
    "eval": Recorded(
        ("eval", "--task", "sum:n=4", "--strategies", "sample", "--attempts", "1,2,4",
         "--think-budget", "8", "--limit", "20"),
        evaluation_figures,
    ),
    "codesign": Recorded(
        ("codesign", "run", "--slice", "v5e-16", "--what-if", "hbm_bandwidth=2x,kv_dtype=int8"),
        codesign_figures, before=(*COSTED, "--out", "run"), mark="slow",
    ),
    "validate_worked": Recorded(("validate", "--worked", "--peers"), validation_figures),
    "validate": Recorded(("validate",), validation_figures, mark="slow"),
    "compile_v5e": Recorded(
        ("compile", "--model", "llama3-8b", "--slice", "v5e:2x4", "--batch", "16",
         "--context", "4096"),
        profile_figures, mark="tpu_compiler",
    ),
}  # fmt: skip
RUNS = ("profile", "profile_voting", "profile_beam", "profile_revision", "eval")
"""These sample tokens, or are compiled for this CPU: the version of JAX has a say in them."""

MENDED: dict[str, tuple[float, str]] = {}
"""Path of a figure that may differ, with * for any part of it -> by how much at most, relative, and
why; the first that matches decides."""

FITTED = (
    "*_s", "*_s/*", "*/bound", "*/energy_j*", "*/usd*", "*/gco2e*", "*/wall_j*",
    "eval/cells/*/slices/*", "eval/frontiers/usd *", "codesign/*",
    "validate/summaries/*", "validate/sums/*", "validate/left_out",
)  # fmt: skip
"""Paths of figures that hang on the calibration or its rows, but for those at peak."""


def printed(arguments: tuple[str, ...]) -> str:
    """What the command line prints, called in this process."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, function = project["scripts"]["rooflink"].split(":")
    main = getattr(import_module(module), function)
    kept, sys.argv = sys.argv, ["rooflink", *arguments]
    try:
        with redirect_stdout(io.StringIO()) as out:
            main()
    except SystemExit as ended:
        if ended.code:
            said = f"rooflink {' '.join(arguments)} ended with {ended.code}"
            raise RuntimeError(said) from None
    finally:
        sys.argv = kept
    return out.getvalue()


def figures_now(name: str) -> Tree:
    """The figures of a recorded command, run in the folder that is current."""
    recorded = COMMANDS[name]
    if recorded.before:
        printed(recorded.before)
    return recorded.figures(json.loads(printed((*recorded.arguments, "--json"))))


def versions(name: str) -> dict[str, str | None]:
    """Packages that have a say in the command's figures."""
    packages = ("jax", "libtpu") if COMMANDS[name].mark == "tpu_compiler" else ("jax",)
    return {package: _version(package) for package in packages}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


class Record(NamedTuple):
    """Figures as they were, and what they were made with."""

    made_with: dict[str, str | None]  # version of each package
    calibration: str
    figures: Tree

    @property
    def refitted(self) -> bool:
        """Whether another calibration has come since."""
        return self.calibration != calibration()


def calibration() -> str:
    """The first digits of the SHA-256 of the calibration's file."""
    return hashlib.sha256(CALIBRATION.read_bytes()).hexdigest()[:16]


def recorded(name: str) -> Record:
    """A command's record."""
    return Record(**json.loads((BEFORE / f"{name}.json").read_text()))


def write(name: str) -> str:
    """Record the figures as they are now."""
    kept = Record(versions(name), calibration(), figures_now(name))
    (BEFORE / f"{name}.json").write_text(_laid_out(kept._asdict()) + "\n")
    return f"{name}: written"


def _laid_out(tree: object, indent: int = 0) -> str:
    """JSON whose small branches take one line."""
    line = json.dumps(tree, ensure_ascii=False)
    if len(line) + indent <= 100 or not isinstance(tree, dict):
        return line
    inner = ",\n".join(
        f"{' ' * (indent + 1)}{json.dumps(name, ensure_ascii=False)}: "
        f"{_laid_out(branch, indent + 1)}"
        for name, branch in tree.items()
    )
    return f"{{\n{inner}\n{' ' * indent}}}"


class Difference(NamedTuple):
    """One figure that is not what it was; None: it is not there."""

    path: str
    before: object
    now: object

    @property
    def relative(self) -> float:
        """How far off a number is; infinite for what is no number, is missing or new."""
        if not (_is_number(self.before) and _is_number(self.now)):
            return math.inf
        least = 1.0 if SHARES & self.parts else 0.0
        return abs(self.now - self.before) / max(abs(self.before), abs(self.now), least)

    @property
    def parts(self) -> set[str]:
        """Of the path."""
        return set(self.path.split("/"))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def differences(before: Tree, now: Tree) -> Iterator[Difference]:
    """Every leaf that differs at all, with those that only one of the two has."""
    old, new = dict(leaves(before)), dict(leaves(now))
    for path in dict.fromkeys((*old, *new)):
        if path not in old or path not in new or old[path] != new[path]:
            yield Difference(path, old.get(path), new.get(path))


def unmended(name: str, found: Iterable[Difference], refitted: bool = False) -> list[Difference]:
    """Those beyond the tolerance that no entry of MENDED allows; nothing FITTED if `refitted`."""
    return [
        each for each in found
        if each.relative > _tolerance(each)
        and not _allowed(f"{name}/{each.path}", each.relative)
        and not (refitted and _is_fitted(f"{name}/{each.path}"))
    ]  # fmt: skip


def _is_fitted(path: str) -> bool:
    """Whether the figure of that path hangs on the calibration."""
    return "/at_peak/" not in path and any(fnmatch(path, pattern) for pattern in FITTED)


def _allowed(path: str, relative: float) -> bool:
    """Whether a figure of that path may have changed by so much."""
    limits = (limit for pattern, (limit, _) in MENDED.items() if fnmatch(path, pattern))
    return relative <= next(limits, -math.inf)


def _tolerance(found: Difference) -> float:
    predicted = isinstance(found.before, float) and not EXACT & found.parts
    return PREDICTED_TOLERANCE if predicted else 0.0


def compare(name: str) -> str:
    """How far the figures are from what they were, in a line, and the worst ten, unmended first."""
    before = recorded(name)
    now = figures_now(name)
    found = sorted(differences(before.figures, now), key=lambda each: -each.relative)
    wrong = unmended(name, found, before.refitted)
    under = ", under another calibration" if before.refitted else ""
    lines = [f"{name}: {sum(1 for _ in leaves(now))} figures, {len(found)} differ, "
             f"{len(wrong)} unmended{under}"]  # fmt: skip
    found.sort(key=lambda each: each not in wrong)
    lines += [f"    {each.relative:.1e} {each.path}: {each.before!r} -> {each.now!r}"[:200]
              for each in found[:10]]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[], help="of " + ", ".join(COMMANDS))
    parser.add_argument("--write", action="store_true", help="record instead of compare")
    options = parser.parse_args()
    for name in options.names or COMMANDS:
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            begun = time.process_time()
            said = (write if options.write else compare)(name)
        print(said, f"({time.process_time() - begun:.1f} s of CPU)")


if __name__ == "__main__":
    main()
