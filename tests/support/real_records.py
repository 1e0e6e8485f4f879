"""Records that real commands wrote, for tests of what is shown of them.

evaluation.json: rooflink eval --task chain:k=2-4 --strategies greedy,sample:n=4,direct
--attempts 1,2,4 --think-budget 2,6 --limit 8 --slice v5e-1 --slice v5p-1
"""

from functools import cache
from pathlib import Path

from rooflink.profiling.records.evaluation import Evaluation

RECORDS = Path(__file__).parent / "records"


@cache
def real_evaluation() -> Evaluation:
    """Five strategies at two budgets on two slices, two of them sampled."""
    return Evaluation.model_validate_json((RECORDS / "evaluation.json").read_text())
