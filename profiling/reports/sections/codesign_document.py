"""A co-design report as documents: recommendations for both teams, then all they rest on."""

from collections.abc import Sequence
from dataclasses import replace

from ...records.codesign import (
    Ask,
    CodesignCase,
    CodesignReport,
    DataCenter,
    DesignSearch,
    Regime,
)
from .. import terms, units
from ..charts.codesign_elasticities import tornado
from ..charts.codesign_map import bound_maps
from ..charts.codesign_roofline import lever_rooflines
from ..charts.codesign_serving import designs, pareto, power
from ..codesign_words import (
    REGIMES,
    case_name,
    headline,
    idle_parameters,
    saving_kind,
    saving_size,
    sentence_case,
)
from ..document import (
    Advice,
    Beside,
    Block,
    Bullets,
    Code,
    Details,
    Document,
    Facts,
    Findings,
    Paragraph,
    Section,
    Terms,
    drawn,
)
from . import codesign_search as search_tables
from . import codesign_tables as tables
from .prediction_document import phases_table

MEANINGS: dict[str, str] = {
    **terms.lenses((terms.COUNTED, terms.PREDICTED)),
    terms.MEASURED: "On the machine that a profile ran on, such as accuracy; with its interval.",
    tables.DATASHEET: "The vendor's figures: the roofs, and a parameter's value now.",
    search_tables.COST_MODEL: (
        "Area, watts and dollars of a chip from its parts, with coefficients whose sources stand "
        "among the assumptions; no design cost, no margin."
    ),
    "elasticity": (
        "Per cent that a quantity changes for each per cent that a parameter does; "
        "\N{MINUS SIGN}0.7 means that a tenth more of it saves about 7 %."
    ),
    "better than the next": (
        "Share of the calibration's draws, which all changes share, in which a change saves more "
        "than the next one. Near 50 % the two cannot be told apart."
    ),
}
CONVENTIONS: tuple[str, ...] = (
    "A query is one prompt with all of its attempts.",
    "After over before: 0.69\N{MULTIPLICATION SIGN} is 31 % less.",
    "A multiply-add is 2 FLOP; 1 GB is 10^9 bytes.",
    "HBM: weights, HBM: KV: a decode step waits for HBM, and most of what it reads is that.",
)
_SIDES = {"hardware": "For the hardware team", "model": "For the model team"}


def codesign_document(report: CodesignReport) -> Document:
    """The whole report."""
    cases, profiles = report.cases, ", ".join(profile.name for profile in report.profiles)
    return Document(
        title="Co-design report",
        subtitle=f"{profiles}; {units.plural(len(cases), 'case')}",
        headline=headline(report),
        lead=requested(report),
        sections=[
            *_advice_sections(report),
            Section("Cases", [tables.cases_table(cases)]),
            Section("What limits each case, and what each change is worth", _each_case(cases),
                    "each-case"),
            Section("Latency against cost", _frontiers(report), "frontiers"),
            Section("The chip to build", _searches(report.searches), "search"),
            Section("The data center", _centers(report.data_centers), "center"),
            Section("What this stands on", _basis(report), "basis"),
            Section("How to read the figures",
                    [Terms(MEANINGS), Bullets(CONVENTIONS), Code(report.command)], "reading"),
        ],
        footer=report.schema_version,
        terms={**terms.TERMS, **MEANINGS},
    )  # fmt: skip


def codesign_summary(report: CodesignReport) -> Document:
    """What a terminal shows: what was requested, recommendations, cases, the chip."""
    sides = [
        Section(_SIDES[side], [Findings(_advice(asks, ()))])
        for side, asks in _by_side(report).items()
    ]
    return Document(
        title="Co-design report",
        subtitle=", ".join(profile.name for profile in report.profiles),
        headline=headline(report),
        lead=requested(report),
        sections=[
            *sides,
            Section("Cases", [tables.cases_table(report.cases)]),
            Section("The chip to build", [search_tables.designs_table(report.searches)]),
            Section("", list(map(Paragraph, report.notes))),
        ],
    )


def codesign_cell(report: CodesignReport) -> Document:
    """What a notebook's cell shows: the summary, its tables and two more folded."""
    short, sides = codesign_summary(report), _by_side(report)
    compared = [f"{_SIDES[side]}: {ask.steps}." for side, asks in sides.items() for ask in asks]
    notes = [*dict.fromkeys(compared), *report.notes, *(s.sentence for s in report.searches)]
    more = [search_tables.spent_table(report.searches), search_tables.assumptions_table(report)]
    folded = [Details(table.caption, [table]) for table in (*short.tables(), *more)]
    advice = short.sections[: len(sides)]
    lead = [*short.lead, *advice, *folded, Bullets(notes)]
    return replace(short, subtitle=", ".join(map(case_name, report.cases)), lead=lead, sections=[])


def requested(report: CodesignReport) -> list[Block | Section]:
    """What was stated, with its outcome: changes, and the chip within a budget or for a mix; then
    the budget and the load that the rest is for."""
    budgets = dict.fromkeys(search_tables.budget_text(search) for search in report.searches)
    loads = dict.fromkeys(
        f"{units.significant(center.queries_per_s)} queries/s, each within "
        f"{units.seconds(center.latency_target_s)}, on {center.slice}"
        for center in report.data_centers
    )
    asked = report.searches if report.chip_stated else []
    mixes = [words for search in asked[:1] for words in search.mix]
    named = {"workload mix": mixes, "chip budget": budgets, "load": loads}
    return [
        Section("What if: a query before and after", [tables.what_ifs_table(report.cases)]),
        Section("The chip that was asked for", [Bullets([search.sentence for search in asked])]),
        Facts("", [(name, "; ".join(values)) for name, values in named.items() if values]),
    ]


def _by_side(report: CodesignReport) -> dict[str, Sequence[Ask]]:
    return {"hardware": report.hardware_asks, "model": report.model_asks}


def _advice_sections(report: CodesignReport) -> list[Section]:
    """Each sentence of evidence once, where it says for how many recommendations it holds."""
    both = _common([*report.hardware_asks, *report.model_asks])
    sections: dict[str, list[Block]] = {}
    for side, asks in _by_side(report).items():
        own = _common(asks)
        compared = [f"Compared: {steps}." for steps in dict.fromkeys(ask.steps for ask in asks)]
        shared = [_sentence(each) for each in own if each not in both]
        nothing = "" if asks else "Nothing to recommend."
        words = [Paragraph(nothing), Paragraph(" ".join(compared + shared))]
        sections[_SIDES[side]] = [Findings(_advice(asks, own)), *words]
    note = (
        "Large: the predicted saving for one query, the median with its 80 % interval. A change's "
        "order is as sure as the share of draws in which it is better than the next."
    )
    rest = Details("What all recommendations rest on", [Bullets(list(map(_sentence, both)))])
    sections[_SIDES["model"]] += [Paragraph(note), rest]
    return [Section(title, blocks) for title, blocks in sections.items()]


def _advice(asks: Sequence[Ask], shared: Sequence[str]) -> list[Advice]:
    return [
        Advice(
            sentence=sentence_case(ask.sentence),
            size=saving_size(ask),
            of=saving_kind(ask),
            evidence=" ".join(_sentence(each) for each in ask.evidence if each not in shared),
        )
        for ask in asks
    ]


def _common(asks: Sequence[Ask]) -> list[str]:
    """Evidence of every one of several recommendations, in the first one's order."""
    if len(asks) < 2:
        return []
    return [each for each in asks[0].evidence if all(each in ask.evidence for ask in asks)]


def _sentence(evidence: str) -> str:
    return sentence_case(evidence).rstrip(".") + "."


def _each_case(cases: Sequence[CodesignCase]) -> list[Block | Section]:
    """One case as it is; several folded, the first one open."""
    if len(cases) == 1:
        return _case(cases[0])
    return [Details(case_name(case), _case(case), case is cases[0]) for case in cases]


def _case(case: CodesignCase) -> list[Block | Section]:
    return [
        Paragraph(f"{case_name(case)}: {case.workload}"),
        phases_table(case.prediction),
        *(block for regime in REGIMES for block in _elasticities(case, regime)),
        Section("Where the bottleneck flips", [Bullets(_flips(case))], _key(case, "flips")),
        Beside(drawn(lever_rooflines(case))),
        tables.levers_table(case),
        Beside(drawn(bound_maps(case))),
        Section("Along a thought",
                [Bullets(list(map(sentence_case, case.thought.sentences))),
                 tables.batches_table(case)], _key(case, "thought")),
        Section("What if", [Bullets([each.sentence for each in case.what_ifs]),
                            tables.phases_changed_table(case)],
                _key(case, "what-if")),
        Details("Basis of the predictions", [Bullets(_predictions_basis(case))]),
    ]  # fmt: skip


def _key(case: CodesignCase, part: str) -> str:
    return f"{part}-{case_name(case).replace(' ', '-').replace(':', '-')}"


def _elasticities(case: CodesignCase, regime: Regime) -> list[Block]:
    idle = idle_parameters(case, regime)
    note = [Paragraph(f"No effect above 0.005: {', '.join(idle)}.")] if idle else []
    table = tables.slopes_table(case, regime)
    return [*drawn([tornado(case, regime)]), *note, Details(table.caption, [table])]


def _flips(case: CodesignCase) -> list[str]:
    return [
        f"{sentence_case(flip.sentence).rstrip('.')} (predicted; 80 % interval "
        f"{units.bounds(flip.factor, units.ratio) or units.ratio(flip.factor.median)}; so in "
        f"{units.share(flip.flips)} of the draws)."
        for flip in case.flips
    ]


def _predictions_basis(case: CodesignCase) -> list[str]:
    prediction, economics = case.prediction, case.prediction.economics
    lines = {
        "Calibration": prediction.basis.rstrip("."),
        "Least confidence of the chip's figures": prediction.chip_confidence,
        "Energy": prediction.energy_basis,
        "Price": economics.terms.price if economics else "",
    }
    return [f"{name}: {basis}." for name, basis in lines.items() if basis]


def _frontiers(report: CodesignReport) -> list[Block]:
    blocks: list[Block] = []
    for name in dict.fromkeys(point.profile for point in report.pareto):
        points = [point for point in report.pareto if point.profile == name]
        table = search_tables.frontier_table(points)
        blocks += [*drawn([pareto(points)]), Details(table.caption, [table])]
    return blocks


def _searches(searches: Sequence[DesignSearch]) -> list[Block]:
    sentences = [
        f"{search.sentence} {units.count(search.swept)} designs swept, then finer; a token "
        f"of a thought within {units.seconds(search.slowest_token_s)}; mix: "
        f"{'; '.join(search.mix)}."
        for search in searches
    ]
    return [
        Bullets(sentences),
        *drawn([designs(searches, search_tables.SHARES)]),
        search_tables.designs_table(searches),
        search_tables.spent_table(searches),
    ]


def _centers(centers: Sequence[DataCenter]) -> list[Block]:
    blocks: list[Block] = [search_tables.centers_table(centers)]
    for center in centers:
        blocks += [*drawn([power(center)]), search_tables.smoothing_table(center),
                   search_tables.tiers_table(center)]  # fmt: skip
    return blocks


def _basis(report: CodesignReport) -> list[Block | Section]:
    assumptions = search_tables.assumptions_table(report)
    return [
        search_tables.profiles_table(report),
        Section("Left out, and why", [Bullets(report.notes)]),
        Details(assumptions.caption, [assumptions]),
    ]
