"""Records that real commands wrote, for tests of what is shown of them.

evaluation.json: rooflink eval --task chain:k=2-4 --strategies greedy,sample:n=4,direct
--attempts 1,2,4 --think-budget 2,6 --limit 8 --slice v5e-1 --slice v5p-1

codesign.json, figures but for predictions to five digits: rooflink codesign RUN
--slice v5e-8 --slice v5p-4 --what-if kv_dtype=int8,kv_heads=4
"""

from functools import cache
from pathlib import Path

from rooflink.profiling.records.codesign import CodesignReport
from rooflink.profiling.records.evaluation import Evaluation

RECORDS = Path(__file__).parent / "records"


@cache
def real_evaluation() -> Evaluation:
    """Five strategies at two budgets on two slices, two of them sampled."""
    return Evaluation.model_validate_json((RECORDS / "evaluation.json").read_text())


@cache
def real_codesign() -> CodesignReport:
    """One model on two slices, with a what-if, chips searched for and data centers."""
    return CodesignReport.model_validate_json((RECORDS / "codesign.json").read_text())
