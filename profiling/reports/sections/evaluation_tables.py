"""The tables of an evaluation: what each strategy got right, what it cost, what is worth it.

A 'strategy' is one at one budget of thought. Costs are per query: a question with all of its
attempts.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from ...records.base import Interval
from ...records.evaluation import (
    AttemptsPoint,
    Cell,
    Estimate,
    Evaluation,
    Frontier,
    Ledger,
    LedgerEntry,
    Option,
)
from .. import units
from ..document import Column, Table, columns, data_columns
from ..estimates import LOGGED, cost_lens, cost_unit, frontier_text, guessed, interval_of
from ..terms import COUNTED, MEASURED, PREDICTED

NONE_RIGHT = "none right"
_Point = tuple[Cell, AttemptsPoint]


def cells_table(evaluation: Evaluation) -> Table:
    """Each strategy at each budget: what it got right, and what a query costs."""
    cells = evaluation.cells
    return Table(
        "Strategies",
        [
            _names(cells),
            _accuracy("right", [cell.accuracy for cell in cells]),
            *_work(list(map(_mean_work, cells)), (1, 2, 3)),
            *_times_here(cells),
            Column("hit the limit", [_hits(cell) for cell in cells], data=False, priority=1),
            *data_columns(cells, strategy="strategy", budget_tokens="budget"),
        ],
        name="strategies",
        whole=True,
    )  # fmt: skip


def _times_here(cells: Sequence[Cell]) -> list[Column]:
    """Of warm batches on this machine: their median, and how far and of how many it is one."""
    here = [cell.time_per_question_s for cell in cells]
    spreads = [f"{units.seconds(h.low)} to {units.seconds(h.high)}" if h else "" for h in here]
    return [
        Column("time per query here", [h.median if h else None for h in here], units.seconds,
               MEASURED, name="measured_s", priority=3,
               help="Median over batches, all programs compiled."),
        Column("spread", spreads, lens=MEASURED, data=False, priority=4),
        Column("queries timed", [c.timed_questions or None for c in cells], units.count, MEASURED,
               name="timed_questions", priority=4),
        Column("measured_low_s", [h.low if h else None for h in here], show="data"),
        Column("measured_high_s", [h.high if h else None for h in here], show="data"),
    ]  # fmt: skip


def costs_table(evaluation: Evaluation) -> Table:
    """A query and a correct answer (all queries over the correct ones) on each slice."""
    rows = [(cell, cost) for cell in evaluation.cells for cost in cell.slices]
    query = [cost.amounts for _, cost in rows]
    correct = [cost.per_correct for _, cost in rows]
    return Table(
        "Cost of a query and of a correct answer",
        [
            _names([cell for cell, _ in rows]),
            Column("slice", [cost.slice for _, cost in rows]),
            Column("time per query", [cost.time_s for _, cost in rows], units.seconds, PREDICTED,
                   name="query_s", show="both", priority=1),
            Column("energy per query", [a.wall_j for a in query], units.joules, PREDICTED,
                   name="query_wall_j", priority=4),
            Column("cost per query", [a.usd for a in query], units.usd, PREDICTED, "query_usd", 2),
            Column("time per correct answer", [cost.per_correct_s for _, cost in rows],
                   units.seconds, PREDICTED, name="correct_s", priority=3, missing=NONE_RIGHT),
            Column("energy per correct answer", [a.wall_j if a else None for a in correct],
                   units.joules, PREDICTED, name="correct_wall_j", priority=4),
            Column("cost per correct answer", [a.usd if a else None for a in correct], units.usd,
                   PREDICTED, name="correct_usd", show="both"),
            Column("right", [cell.accuracy.value for cell, _ in rows], show="data"),
        ],
        name="costs",
        whole=True,
        keys=2,
    )  # fmt: skip


def levels_table(evaluation: Evaluation) -> Table:
    """Accuracy by level of difficulty; no rows where there is one level."""
    cells = [cell for cell in evaluation.cells if cell.by_level]
    levels = sorted({level for cell in cells for level in cell.by_level}, key=float)
    return Table(
        "Right by difficulty",
        columns(
            _names(cells),
            [_accuracy(f"level {level}", [cell.by_level.get(level) for cell in cells])
             for level in levels],
        ),
        name="by-difficulty",
        whole=True,
    )  # fmt: skip


def levels_rows(evaluation: Evaluation) -> Table:
    """The same, a row for each strategy at each level: for a DataFrame."""
    rows = [(cell, level, e) for cell in evaluation.cells for level, e in cell.by_level.items()]
    return Table(
        "Right by difficulty",
        [
            _names([cell for cell, _, _ in rows]),
            Column("level", [int(level) for _, level, _ in rows], units.count),
            _accuracy("right", [estimate for _, _, estimate in rows]),
        ],
    )


def attempts_table(evaluation: Evaluation) -> Table:
    """pass@k, majority@k and the best by score of every strategy of several attempts, or of a log's
    costs."""
    several = [c for c in evaluation.cells if len(c.attempts) > 1 or c.usd is not None]
    rows = [(cell, point) for cell in several for point in cell.attempts]
    points, rate = [point for _, point in rows], evaluation.guess_rate
    paid = [p.usd / p.coverage.value if p.usd and p.coverage.value else None for p in points]
    return Table(
        "Attempts",
        columns(
            Column("k", [point.k for point in points], units.count),
            _names([cell for cell, _ in rows]),
            _accuracy("pass@k", [point.coverage for point in points], "pass"),
            Column("any of k random guesses",
                   [guessed(rate, p.k) if rate else None for p in points], units.share,
                   name="guesses", priority=4, short="k random"),
            _accuracy("majority@k", [point.majority for point in points], "majority", 1),
            _accuracy("best of k by score", [point.best for point in points], "best", 2),
            _work([(p.tokens, p.flops, p.hbm_bytes) for p in points], (4, 4, 4)),
            Column("cost per query", [p.usd for p in points], units.usd, LOGGED, "logged_usd", 2),
            Column("cost per solved problem", paid, units.usd, LOGGED, "logged_solved_usd", 2),
            _attempts_costs(rows),
        ),
        keys=2,
    )  # fmt: skip


def _attempts_costs(rows: Sequence[_Point]) -> list[Column]:
    """Dollars per query and per problem that any attempt solved, on each slice."""
    slices = dict.fromkeys(cost.slice for _, point in rows for cost in point.slices)
    made: list[Column] = []
    for name in slices:
        found = [next((c for c in p.slices if c.slice == name), None) for _, p in rows]
        usd = [cost.amounts.usd.median if cost and cost.amounts.usd else None for cost in found]
        solved = [c.per_correct.usd if c and c.per_correct else None for c in found]
        made += [
            Column(f"cost per query, {name}", usd, units.usd, PREDICTED,
                   name=f"query_{name}_usd", priority=3, data=False),
            Column(f"cost per solved problem, {name}", [s.median if s else None for s in solved],
                   units.usd, PREDICTED, name=f"solved_{name}_usd", priority=3, data=False),
        ]  # fmt: skip
    return made


def frontier_table(frontier: Frontier) -> Table:
    """The options that no cheaper one beats, and what a further point of accuracy cost."""
    shown = [option for option in frontier.options if option.on_frontier]
    lens = cost_lens(frontier)
    further = [1 / o.points_per_cost if o.points_per_cost else None for o in shown]
    return Table(
        f"Best accuracy at each cost, in {frontier_text(frontier)}",
        [
            Column("option", [option.label for option in shown]),
            Column("cost per query", [o.cost for o in shown], cost_unit(frontier), lens, "cost"),
            Column("right", [_bounded(o) for o in shown], units.percent, show="both"),
            Column("per further point of accuracy", further, cost_unit(frontier), lens,
                   name="per_point", priority=1),
        ],
        name=f"frontier-{frontier.kind}-{frontier.slice or lens}",
    )  # fmt: skip


def options_table(frontiers: Sequence[Frontier]) -> Table:
    """Every way to answer, cheapest first, by each kind of cost: for a DataFrame."""
    rows = [(frontier, option) for frontier in frontiers for option in frontier.options]
    options = [option for _, option in rows]
    return Table(
        "Options",
        columns(
            data_columns(options, way="label"),
            data_columns([frontier for frontier, _ in rows], cost_in="kind", slice="slice"),
            data_columns(options, "cost"),
            Column("right", list(map(_bounded, options)), units.percent),
            data_columns(options, "on_frontier"),
        ),
    )


def _bounded(option: Option) -> Interval:
    return Interval(median=option.accuracy, low=option.low, high=option.high)


def optimal_table(evaluation: Evaluation) -> Table:
    """The choice at each budget of FLOPs, on problems that it never saw."""
    points = evaluation.optimal.points if evaluation.optimal else []
    chosen = [
        "; ".join(f"{level}: {' or '.join(dict.fromkeys(labels))}"
                  for level, labels in point.chosen.items())
        for point in points
    ]  # fmt: skip
    return Table(
        "Choice by level at each budget",
        [
            Column("budget per query", [p.budget_flops for p in points], units.flops, COUNTED,
                   name="budget_flops"),
            Column("spent", [p.flops for p in points], units.flops, COUNTED, name="flops"),
            Column("right, unseen half", [p.accuracy for p in points], units.share, name="right"),
            Column("chosen by level", chosen),
        ],
        name="optimal",
        whole=True,
    )  # fmt: skip


def baseline_table(evaluation: Evaluation, most: int | None = None) -> Table:
    """Best of N, and how much less compute the choice needs for the same accuracy.

    With `most` only that many, the most accurate ones.
    """
    baselines = evaluation.optimal.baselines if evaluation.optimal else []
    if most is not None and len(baselines) > most:
        best = sorted(baselines, key=lambda b: (-b.accuracy, b.flops))[:most]
        baselines = [baseline for baseline in baselines if baseline in best]
    return Table(
        "Against best of N",
        [
            Column("the same for every problem", [b.label for b in baselines], name="option",
                   short="same for all"),
            Column("FLOPs per query", [b.flops for b in baselines], units.flops, COUNTED,
                   name="flops", short="FLOPs"),
            Column("right", [b.accuracy for b in baselines], units.share),
            Column("the choice reaches it at", [b.reached_flops for b in baselines],
                   units.flops, COUNTED, name="reached_flops", missing="never", short="choice at"),
            Column("less compute", [b.times_less for b in baselines], units.ratio,
                   name="times_less"),
        ],
        name="baselines",
    )  # fmt: skip


def phases_table(evaluation: Evaluation) -> Table:
    """Tokens, FLOPs and bytes of every phase of every strategy, per query."""
    rows = [(cell, len(cell.questions), phase) for cell in evaluation.cells
            for phase in cell.phases]  # fmt: skip
    tokens, *bytes_and_flops = _work([
        (p.tokens / n, p.counted.flops / n, p.counted.hbm_bytes.total / n) for _, n, p in rows
    ])  # fmt: skip
    return Table(
        "Phases",
        [
            _names([cell for cell, _, _ in rows]),
            Column("phase", [p.name for _, _, p in rows]),
            tokens,
            Column("of them forced", [p.forced_tokens / n or None for _, n, p in rows],
                   units.significant, COUNTED, name="forced_tokens"),
            *bytes_and_flops,
            Column("FLOP/B", [p.counted.intensity for _, _, p in rows], units.intensity_number,
                   COUNTED, name="flops_per_byte"),
            Column("passes in all", [p.steps for _, _, p in rows], units.count, name="passes"),
        ],
    )  # fmt: skip


def _work(
    rows: Sequence[tuple[float | None, float | None, float | None]],
    priorities: tuple[int, int, int] = (0, 0, 0),
) -> list[Column]:
    """Tokens, FLOPs and HBM bytes per query."""
    heads: list[tuple[str, str, units.Text]] = [("tokens", "tokens", units.significant),
             ("FLOPs", "flops", units.flops), ("HBM bytes", "hbm_bytes", units.bytes_)]  # fmt: skip
    return [
        Column(f"{words} per query", [row[i] for row in rows], text, COUNTED, name, priorities[i])
        for i, (words, name, text) in enumerate(heads)
    ]


def ledger_table(evaluation: Evaluation) -> Table:
    """The mean bill of a question by strategy: phases apart, discarded branches apart."""
    lines = [line for cell in evaluation.cells for line in _ledger_lines(cell)]
    where = f" on {evaluation.ledger_slice}" if evaluation.ledger_slice else ""
    heads: list[tuple[str, units.Text | None, str, str]] = [
        ("strategy", None, "", "way"), ("phase", None, "", "phase"),
        ("tokens", units.significant, COUNTED, "tokens"),
        ("forced", units.significant, COUNTED, "forced_tokens"),
        ("FLOPs", units.flops, COUNTED, "flops"), ("HBM bytes", units.bytes_, COUNTED, "hbm_bytes"),
        (f"energy{where}", units.joules, PREDICTED, "wall_j"),
        (f"cost{where}", units.usd, PREDICTED, "usd"),
    ]  # fmt: skip
    cells = [Column(title, [line[i] for line in lines], text, lens, name)
             for i, (title, text, lens, name) in enumerate(heads)]  # fmt: skip
    return Table("Where a question's cost goes, on average", cells, "ledger")


def _ledger_lines(cell: Cell) -> Iterator[Sequence[str | float | None]]:
    """Strategy, phase, tokens, forced ones, FLOPs, bytes, joules and dollars in the mean of the
    questions; what was saved has the sign of a saving."""
    ledgers = _ledgers(cell)
    n, groups = len(ledgers), defaultdict[str, list[LedgerEntry]](list)
    for entry in (entry for ledger in ledgers for entry in ledger.entries):
        groups[f"{entry.phase}, discarded" if entry.discarded else entry.phase].append(entry)

    def mean(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) / n if len(known) == len(values) else None

    for phase, own in groups.items():
        forced = mean([e.forced_tokens for e in own]) or None
        yield (cell.label, phase, mean([e.tokens for e in own]), forced,
               mean([e.flops for e in own]), mean([e.hbm_bytes for e in own]),
               mean([e.wall_j for e in own]), mean([e.usd for e in own]))  # fmt: skip
    saved = [ledger.saved for ledger in ledgers]
    if any(one.tokens or one.hbm_bytes for one in saved):
        tokens, flops = -sum(s.tokens for s in saved) / n, -sum(s.flops for s in saved) / n
        hbm_bytes = -sum(s.hbm_bytes for s in saved) / n
        yield cell.label, "saved by sharing the prompt", tokens, None, flops, hbm_bytes, None, None


def _names(cells: Sequence[Cell]) -> Column:
    return Column("strategy", [cell.label for cell in cells], name="way",
                  help="With its budget: 'greedy @8' thinks for at most 8 tokens.")  # fmt: skip


def _accuracy(
    title: str, estimates: Sequence[Estimate | None], name: str = "", priority: int = 0
) -> Column:
    return Column(title, list(map(interval_of, estimates)), units.percent, "95 % interval", name,
                  priority, show="both")  # fmt: skip


def _ledgers(cell: Cell) -> list[Ledger]:
    return [question.ledger for question in cell.questions if question.ledger is not None]


def _mean_work(cell: Cell) -> tuple[float | None, float | None, float | None]:
    """Tokens, FLOPs and HBM bytes of its ledgers; None where it has none."""
    bills, n = _ledgers(cell), len(_ledgers(cell))
    if not bills:
        return None, None, None
    hbm_bytes = sum(bill.hbm_bytes for bill in bills)
    return sum(bill.tokens for bill in bills) / n, sum(b.flops for b in bills) / n, hbm_bytes / n


def _hits(cell: Cell) -> str:
    """'3 of 20: 64 tokens'."""
    hit = [question.limit for question in cell.questions if question.limit is not None]
    return f"{len(hit)} of {len(cell.questions)}: {', '.join(sorted(set(hit)))}" if hit else ""
