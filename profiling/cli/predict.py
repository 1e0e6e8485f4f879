"""`rooflink predict`: a workload on slices that nobody here has."""

import json

from rich.console import Console

from ..jobs.predict_job import Predictions, PredictJob
from .commands import command_of

SCHEMA = "rooflink.predictions/1"

EXAMPLES = """
rooflink predict --model llama3-8b --slice v5e-8 --batch 8 --prompt 512 --think 2048

rooflink predict --model qwen3-32b --slice v5e-16 --slice h100-2 --dtype int8 --price spot

rooflink predict --model deepseek-r1 --slice h200-8 --dtype fp8 --think 8000 --compare

rooflink predict --model mine.toml --slice mychip.toml:4 --price my_costs.toml --json
"""


def _show(result: Predictions, job: PredictJob, console: Console) -> None:
    from ..reports.renderers.console import show
    from ..reports.sections.prediction_document import (
        prediction_document,
        predictions_document,
        tiers_document,
    )

    if job.compare:
        show(tiers_document(list(zip(result.thinking, result.quick, strict=True))), console)
    elif len(result.thinking) == 1:
        show(prediction_document(result.thinking[0]), console)
    else:
        show(predictions_document(result.thinking), console)


def _as_json(result: Predictions) -> str:
    rows = [each.model_dump(mode="json") for each in (*result.thinking, *result.quick)]
    return json.dumps({"schema": SCHEMA, "predictions": rows}, indent=1)


predict_command = command_of(PredictJob, _show, EXAMPLES, as_json=_as_json)
