"""What README, the guide and the notebooks call: each command and function takes those options."""

import ast
import inspect
import json
import re
import shlex
from pathlib import Path

import pytest

import rooflink.profiling as rp
from rooflink.profiling.cli.app import COMMANDS, load_command

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", ROOT / "notebooks" / "README.md")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def commands(page: Path) -> list[list[str]]:
    """Arguments of each `rooflink ...` line in the page's fenced blocks, behind a '$ ' or not."""
    blocks = page.read_text().split("```")[1::2]
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    bare = (line.removeprefix("$ ") for line in lines)
    return [shlex.split(line, comments=True)[1:] for line in bare if line.startswith("rooflink ")]


def python(text: str) -> list[ast.Call]:
    """Calls of `rp.NAME(...)` and `rooflink.NAME(...)`."""
    return [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("rp", "rooflink")
    ]


def require_options(text: str) -> int:
    """How many calls there are; each by places and names that its function takes."""
    calls = python(text)
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        names = {keyword.arg: None for keyword in call.keywords if keyword.arg}
        places = [None for each in call.args if not isinstance(each, ast.Starred)]
        inspect.signature(getattr(rp, call.func.attr)).bind_partial(*places, **names)
    return len(calls)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_pages_commands_take_these_options(page: Path) -> None:
    found = [arguments for arguments in commands(page) if arguments[0] in COMMANDS]
    assert len(found) >= 4
    for name, *arguments in found:
        if "--help" not in arguments:
            load_command(name).make_context(name, list(arguments))


def test_the_pages_python_takes_these_options() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGES[0].read_text(), re.S)
    assert sum(map(require_options, blocks)) >= 4


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebooks_calls_take_these_options(notebook: Path) -> None:
    cells = json.loads(notebook.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert sum(require_options(text) for text in code if "%pip" not in text) >= 1
