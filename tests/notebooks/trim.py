"""Run notebooks and keep them small: `python tests/notebooks/trim.py [--run] notebooks/*.ipynb`.

A cell that draws brings what makes charts interactive, 0.4 MB, and a PNG for front ends without
HTML. Neither helps in a committed notebook, whose scripts no viewer runs: its charts are the still
pictures of the HTML. Running the notebook brings both back.
"""

import re
import sys
import tempfile
from pathlib import Path

import nbformat

BUNDLE = re.compile(r'<script type="text/plain" class="bundle">.*?</script>\s*', re.S)
SCRIPT = re.compile(r"<script>.*?</script>\s*", re.S)
LIMIT_S = 900


def trim(notebook: nbformat.NotebookNode) -> None:
    """Take out of the outputs what only a running notebook uses, and what changes at every run."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if 'class="rooflink"' in data.get("text/html", ""):
                data.pop("image/png", None)
                data["text/html"] = SCRIPT.sub("", BUNDLE.sub("", data["text/html"]))


def execute(notebook: nbformat.NotebookNode) -> None:
    """Every cell, in a folder of its own."""
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        NotebookClient(notebook, timeout=LIMIT_S, resources=resources).execute()


def main(names: list[str]) -> None:
    """Each notebook in place."""
    for path in (Path(name) for name in names if name != "--run"):
        notebook = nbformat.read(path, as_version=4)
        if "--run" in names:
            execute(notebook)
        trim(notebook)
        nbformat.write(notebook, path)
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
