"""Who may import whom, how large things are, and where a newcomer finds them."""

import ast
import re
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("model", "profiling", "tpu_configs")


def modules() -> dict[str, Path]:
    """Every module of the three packages by dotted name, 'profiling.reports.theme'."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()
CODE = {name: path for name, path in MODULES.items() if path.name != "__init__.py"}

SHORT = {
    "model.generation.acceptance",
    "model.phases",
    "profiling.toplevel.__main__",
    "profiling.compiled.compiler_failures",
    "profiling.jobs.compare_job",
    "profiling.jobs.cost_terms",
    "profiling.names",
    "profiling.notebook.compilation_view",
    "profiling.notebook.prediction_view",
    "profiling.notebook.studies",
    "profiling.reports.estimates",
    "profiling.reports.table_rows",
    "profiling.reports.write_studies",
    "tpu_configs.input_errors",
    "tpu_configs.toml_files",
}
"""Files under 60 lines that are a subject of their own."""


def imports(name: str) -> Iterator[str]:
    """Modules of ours that `name` imports, anywhere in its text."""
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
                base += node.module.split(".") if node.module else []
            else:
                base = (node.module or "").removeprefix("rooflink.").split(".")
            for alias in node.names:
                for target in (".".join([*base, alias.name]), ".".join(base)):
                    if target in MODULES:
                        yield target
                        break
        elif isinstance(node, ast.Import):
            yield from (
                alias.name.removeprefix("rooflink.")
                for alias in node.names
                if alias.name.startswith("rooflink.")
            )


def within(name: str, *folders: str) -> bool:
    return any(name == folder or name.startswith(folder + ".") for folder in folders)


def test_model_and_tpu_configs_stand_alone() -> None:
    for package in ("model", "tpu_configs"):
        for name in (name for name in MODULES if within(name, package)):
            assert {target for target in imports(name) if not within(target, package)} == set(), (
                name
            )


def test_measurement_never_imports_presentation() -> None:
    """The package itself is the notebook's door, and __main__ the command line's."""
    presentation = ("profiling.reports", "profiling.cli", "profiling.board", "profiling.notebook")
    doors = ("profiling", "profiling.toplevel.__main__")
    inner = [name for name in MODULES if name not in doors and not within(name, *presentation)]
    for name in inner:
        assert [target for target in imports(name) if within(target, *presentation)] == [], name


def test_reports_read_records_alone() -> None:
    """And the list of phases, the derivatives of a prediction, worked out anew, and where what
    is slow to make is kept."""
    allowed = ("profiling.reports", "profiling.records", "profiling.comparison",
               "profiling.errors", "profiling.predicted.phase_terms", "model.phases",
               "model.weights.host_memory")  # fmt: skip
    for name in (name for name in MODULES if within(name, "profiling.reports")):
        assert [target for target in imports(name) if not within(target, *allowed)] == [], name


def test_no_import_goes_in_circles() -> None:
    """Raises CycleError, which names the circle."""
    graph = {name: {target for target in imports(name) if target != name} for name in MODULES}
    tuple(TopologicalSorter(graph).static_order())


def test_nothing_is_ever_unpickled() -> None:
    for name, path in MODULES.items():
        imported = {
            alias.name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not imported & {"pickle", "dill", "cloudpickle", "joblib", "shelve"}, name
        assert "allow_pickle=True" not in path.read_text(), name


def test_every_package_has_an_init() -> None:
    """Without one an editable install finds no data files in it."""
    folders = {path.parent for path in MODULES.values()}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


# How large things are


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


NO_CODE = {
    tokenize.ENCODING, tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT,
    tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


def code_lines(text: str) -> int:
    """Lines that hold a token of code and are not of a docstring, be it a constant's."""
    held = {
        line
        for token in tokenize.generate_tokens(StringIO(text).readline)
        if token.type not in NO_CODE
        for line in range(token.start[0], token.end[0] + 1)
    }
    said = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return len(held - said)


def test_lines_of_code_are_counted_without_their_words() -> None:
    text = '"""What it is."""\n\nA = (  # all\n    1,\n)\n"""Its\nunit."""\n\nB = """x\ny"""\n'
    assert code_lines(text) == 5


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def test_at_most_300_files_of_42000_lines_and_20_a_folder() -> None:
    assert len(CODE) <= 300
    texts = (path.read_text(encoding="utf-8") for path in MODULES.values())
    assert sum(map(code_lines, texts)) <= 42_000
    full = Counter(str(path.parent.relative_to(ROOT)) for path in CODE.values())
    assert {folder: count for folder, count in full.items() if count > 20} == {}


def test_files_hold_one_subject() -> None:
    """60 to 400 lines. A command is a shell of its job, and may be as short as it likes."""
    sizes = {name: lines(path) for name, path in CODE.items()}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
    short = {
        name for name, size in sizes.items() if size < 60 and not within(name, "profiling.cli")
    }
    assert short <= SHORT, short - SHORT


def test_base_names_are_unique() -> None:
    """But for a command beside what it runs."""
    counts = Counter(name.rpartition(".")[2] for name in CODE if not within(name, "profiling.cli"))
    assert {name for name, count in counts.items() if count > 1} <= {"sampling", "base"}


def test_functions_fit_a_screen() -> None:
    sizes = sorted((node.end_lineno or 0) - node.lineno + 1 for node in functions())
    assert statistics.median(sizes) <= 8
    assert sizes[int(0.9 * len(sizes))] <= 25
    assert sizes[-1] <= 65


def test_types_are_said() -> None:
    texts = [path.read_text(encoding="utf-8") for path in MODULES.values()]
    assert sum(text.count("no-untyped-def") for text in texts) == 0
    assert sum(len(re.findall(r"\bAny\b", text)) for text in texts) < 40


# Where a newcomer finds things


def test_each_task_of_the_readme_names_files_that_exist() -> None:
    """'Where to change what': every path in code marks exists, and the symbol after a '::'."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Where to change what")[1]
    section = section.split("\n## ")[0]
    places = re.findall(r"`([\w./-]+?)(?:::(\w+))?`", section)
    rows = [line for line in section.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) - 1 >= 10
    for place, symbol in places:
        assert (ROOT / place).exists(), place
        assert not symbol or symbol in re.findall(r"\w+", (ROOT / place).read_text()), place
