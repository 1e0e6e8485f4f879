"""An evaluation's folder: evaluation.json, report.md, report.html, plots and TensorBoard events."""

from pathlib import Path

from ..errors import ProfileInputError
from ..records.evaluation import Evaluation
from ..records.files import write_bytes, write_text
from .evaluation_events import write_evaluation_events
from .evaluation_pages import evaluation_html, evaluation_markdown
from .evaluation_plots import evaluation_plots
from .evaluation_png import evaluation_png
from .templating import TEMPLATES


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write everything into `folder`, each file whole or not at all."""
    pages = {
        "report.md": evaluation_markdown(evaluation),
        "report.html": evaluation_html(evaluation),
        "evaluation.json": evaluation.model_dump_json(indent=1) + "\n",
    }
    image = evaluation_png(evaluation)
    plots = {f"{name}.svg": _alone(drawn) for name, _, drawn in evaluation_plots(evaluation)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, page in (pages | plots).items():
            write_text(folder / name, page)
        if image is not None:
            write_bytes(folder / "curves.png", image)
        write_evaluation_events(evaluation, folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProfileInputError(
            f"cannot write the evaluation to {folder}: {reason}; choose another folder"
        ) from None


def _alone(drawn: str) -> str:
    """A drawing as a file of its own, with its colours in it."""
    style = "".join((TEMPLATES / name).read_text() for name in ("report.css", "evaluation.css"))
    return drawn.replace("</title>", f"</title><style>{style}</style>", 1) + "\n"
