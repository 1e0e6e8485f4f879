"""The notebooks: committed with their outputs, and each runs from its first cell to its last."""

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="pip install '.[notebooks]'")

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SHOWN = {"text/html", "image/png", "image/svg+xml"}
MOST_BYTES = 500_000  # of a committed notebook: trim.py keeps it below
LIMIT_S = 600  # of a cell, on a machine that is busy with others


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def faults(notebook):
    """Errors, and warnings or anything else on stderr."""
    return [
        output.get("ename", output.get("text"))
        for cell in code_cells(notebook)
        for output in cell.outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_with_its_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    shown = {kind for cell in cells for output in cell.outputs for kind in output.get("data", {})}
    assert shown & SHOWN
    assert faults(notebook) == []
    assert path.stat().st_size < MOST_BYTES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_cell_installs_on_colab(path: Path) -> None:
    first = code_cells(nbformat.read(path, as_version=4))[0].source
    assert 'if "google.colab" in sys.modules:\n    %pip install' in first


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient = pytest.importorskip("nbclient", reason="pip install '.[notebooks]'")
    if "PYTHONPATH" in os.environ:  # may be relative, and the kernel starts in another folder
        folders = map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(folders))
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(
        notebook, timeout=LIMIT_S, kernel_name="python3", resources=resources
    ).execute()  # raises CellExecutionError with the cell's traceback
    assert faults(notebook) == []
