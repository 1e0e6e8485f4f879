"""Every table of an evaluation that has rows, in the order of a report."""

from ..records.evaluation import Evaluation
from .evaluation_attempt_tables import attempts_tables
from .evaluation_choice_tables import baseline_table, frontier_table, optimal_table
from .evaluation_ledger_tables import ledger_table, phases_table
from .evaluation_tables import cells_table, levels_table, slice_table
from .table import Table


def all_tables(evaluation: Evaluation) -> list[Table]:
    """Every table that has rows, in the order of a report."""
    slices = max((len(cell.slices) for cell in evaluation.cells), default=0)
    tables = [
        cells_table(evaluation),
        levels_table(evaluation),
        *(slice_table(evaluation, index) for index in range(slices)),
        *attempts_tables(evaluation),
        *(frontier_table(each) for each in evaluation.frontiers),
        optimal_table(evaluation),
        baseline_table(evaluation),
        ledger_table(evaluation),
        phases_table(evaluation),
    ]
    return [table for table in tables if table.rows]
