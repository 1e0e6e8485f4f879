"""Levers: each a changed model, or a changed way to use it, evaluated on the same problems.

A lever is an evaluation of its own (`evaluate`), in a folder of its own, so that finished ones are
kept; what is compared are the answers to each problem.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast, get_args

from ...model.config import DType, ModelInputError
from ...model.generation.drafters import exit_config
from ...model.phases import CHECK, THINK
from ...model.strategies.registry import parse_strategy
from ...model.styles import KVDType, LayerKind, WeightDType, Widths
from ...model.training import pruning
from ..backend import provenance
from ..errors import ProfileInputError, Silent, Watcher
from ..model_spec import Subject, in_widths
from ..records.evaluation import Cell, Evaluation
from ..records.lever_study import LeverKind, LeverStudy, MeasuredLever
from ..strategy_request import open_drafts
from ..workload import prompted
from .accuracy import paired
from .evaluate import evaluate, per_query
from .grid import Grid, Place

BASE = "base"
GREEDY, SPECULATIVE = "greedy", "speculative:draft="
LEVERS = (
    "dtype=bfloat16", "weights=int8", "weights=int4", "weights=fp8", "kv=int8", "kv=fp8",
    "magnitude=0.5", "nm=2:4", "mlp=0.25", "heads=0.25", "kv-heads=0.5", "kv-heads=0.25",
    "layers=0.25", "exit=0.75", "window=16", "think=0.5", "drafts=ngram",
)  # fmt: skip
"""Those of a grid that names none; what a model has not is left out."""
PROMPTS = 8
"""That tell which layers change the residual stream least."""

_ZEROS = (
    "nothing on a chip without a unit for such zeros: they are read and multiplied like other "
    "weights, as they are here"
)
_RECOVERED = "Models that were pruned, narrowed or cut were not trained any further."
_PAIRED = (
    "Differences are of the same problems, with a 95 % interval over problems (Agresti & Min "
    "2005) and McNemar's exact test; of many levers tested at once one in twenty has a p-value "
    "below 0.05 where nothing changed."
)


@dataclass(frozen=True)
class Change:
    """What a lever makes of the base."""

    kind: LeverKind
    words: str
    grid: Grid
    saves: str = ""


@dataclass(frozen=True)
class LeverGrid:
    """A base, which is a greedy grid of one place, and the levers that it is set against."""

    base: Grid
    levers: Sequence[str] = LEVERS
    must_apply: bool = False  # whether one that the model has not is refused, or left out

    def changes(self) -> tuple[dict[str, Change], list[str]]:
        """Every lever that the model has, by its text, and a sentence for each other.

        Raises ModelInputError for a lever that is not known, or that must apply and does not.
        """
        found, left_out = dict[str, Change](), list[str]()
        for lever in dict.fromkeys(self.levers):
            kind, value = parsed(lever)
            try:
                found[lever] = _MAKERS[kind](self.base, value)
            except ModelInputError as error:
                if self.must_apply:
                    raise ModelInputError(f"lever {lever}: {error}") from None
                left_out.append(f"{lever}: {error}")
        return found, left_out


def parsed(lever: str) -> tuple[LeverKind, str]:
    """'weights=int8' as kind and value. Raises ModelInputError for no such kind."""
    kind, _, value = lever.strip().partition("=")
    kinds = [each for each in get_args(LeverKind) if each != BASE]
    if kind not in kinds or not value:
        raise ModelInputError(
            f"there is no lever '{lever}': known are {', '.join(f'{each}=' for each in kinds)} "
            "each with a value, as in weights=int8 or nm=2:4"
        )
    return cast(LeverKind, kind), value


def _number(kind: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ModelInputError(f"{kind}={text} is no number") from None


def _place(grid: Grid) -> Place:
    (place,) = grid.places
    return place


def _on(grid: Grid, subject: Subject) -> Grid:
    return replace(grid, subject=subject)


def _dtype(grid: Grid, value: str) -> Change:
    if value not in get_args(DType) or value == grid.subject.dtype:
        raise ModelInputError(f"dtype={value} is not another one of {', '.join(get_args(DType))}")
    subject = replace(grid.subject, dtype=cast(DType, value))
    words = f"all in {value}, not {grid.subject.dtype}"
    return Change("dtype", words, _on(grid, subject), "half the bytes of float32")


def _widths(grid: Grid, asked: Widths) -> Grid:
    config = grid.subject.config
    return _on(grid, replace(grid.subject, config=in_widths(config, asked, config.widths)))


def _weights(grid: Grid, value: str) -> Change:
    if value not in get_args(WeightDType):
        raise ModelInputError(f"weights={value} is not one of {', '.join(get_args(WeightDType))}")
    widths = Widths(cast(WeightDType, value), None, grid.subject.config.widths.kv)
    changed = _widths(grid, widths)
    words = f"matrices rounded to {value}, {_groups(changed)}"
    return Change("weights", words, changed, "bytes; FLOPs stay those of the wider dtype")


def _groups(grid: Grid) -> str:
    group = grid.subject.config.widths.group
    return f"a scale for {group} inputs" if group else "a scale for each output"


def _kv(grid: Grid, value: str) -> Change:
    if value not in get_args(KVDType):
        raise ModelInputError(f"kv={value} is not one of {', '.join(get_args(KVDType))}")
    widths = replace(grid.subject.config.widths, kv=cast(KVDType, value))
    changed = replace(grid.subject, config=replace(grid.subject.config, widths=widths))
    return Change("kv", f"KV cache in {value}", _on(grid, changed), "bytes of long contexts")


def _pruned(grid: Grid, prune: Callable[..., object], *settings: object) -> Grid:
    """The grid with a source whose tensors are pruned as they are read."""
    from ...model.weights.layout import WeightSource

    subject = grid.subject
    assert subject.source is not None  # evaluations have asked for one
    # The configuration that runs, whose widths are not the source's.
    source = cast(WeightSource, prune(replace(subject.source, config=subject.config), *settings))
    return _on(grid, replace(subject, config=source.config, source=source, stored=None))


def _magnitude(grid: Grid, value: str) -> Change:
    share = _number("magnitude", value)
    changed = _pruned(grid, pruning.without_small_weights, share)
    return Change("magnitude", f"{share:.0%} of each matrix's weights set to 0", changed, _ZEROS)


def _nm(grid: Grid, value: str) -> Change:
    kept, colon, group = value.partition(":")
    if not (colon and kept.isdigit() and group.isdigit()):
        raise ModelInputError(f"nm={value} is not two whole numbers, as nm=2:4")
    changed = _pruned(grid, pruning.sparse, int(kept), int(group))
    words = f"the {kept} largest of each {group} neighbouring weights kept, the others 0"
    return Change("nm", words, changed, _ZEROS)


def _mlp(grid: Grid, value: str) -> Change:
    changed = _pruned(grid, pruning.with_narrower_mlp, _number("mlp", value))
    old, new = grid.subject.config.mlp_dim, changed.subject.config.mlp_dim
    return Change("mlp", f"MLP channels {old} -> {new}, those of least norm cut", changed)


def _heads(grid: Grid, value: str) -> Change:
    changed = _pruned(grid, pruning.without_heads, _number("heads", value))
    old, new = grid.subject.config.query_heads, changed.subject.config.query_heads
    words = f"query heads {old} -> {new}, those of least norm cut with their keys and values"
    return Change("heads", words, changed)


def _kv_heads(grid: Grid, value: str) -> Change:
    changed = _pruned(grid, pruning.with_fewer_kv_heads, _number("kv-heads", value))
    old, new = grid.subject.config.kv_heads, changed.subject.config.kv_heads
    return Change("kv-heads", f"KV heads {old} -> {new}, neighbours averaged", changed)


def _left(grid: Grid, kind: str, kept: float) -> int:
    """Layers of the base times `kept`, fewer than there are and at least one."""
    layers = grid.subject.config.layers
    left = round(layers * kept)
    if not 1 <= left < layers:
        raise ModelInputError(
            f"{kind}: of {grid.subject.config.name}'s {layers} layers {left} would be left"
        )
    return left


def _layers(grid: Grid, value: str) -> Change:
    left = _left(grid, f"layers={value}", 1 - _number("layers", value))
    # Which layers go is chosen by running the model; whether they can go is known before.
    _pruned(grid, pruning.without_layers, range(left, grid.subject.config.layers))
    tokenizer = grid.subject.tokenizer
    assert tokenizer is not None
    few = grid.task.problems("test", min(PROMPTS, len(grid.problems)), grid.seed)
    prompts = prompted(tokenizer, few, 1, grid.answer_budget).prompts
    layers, subject = grid.subject.config.layers, grid.subject
    model = subject.load(grid.seed, 0)
    dropped = pruning.least_changing_layers(model, prompts, layers - left)
    pruned = _pruned(grid, pruning.without_layers, dropped)
    which = ", ".join(str(layer + 1) for layer in dropped)
    words = f"layers {layers} -> {left}: without {which}, which change the residual stream least"
    return Change("layers", words, pruned)


def _exit(grid: Grid, value: str) -> Change:
    left = _left(grid, f"exit={value}", _number("exit", value))
    config = grid.subject.config
    exit_config(config, left)
    changed = _pruned(grid, pruning.without_layers, range(left, config.layers))
    words = f"answers by the final norm and head after layer {left} of {config.layers}"
    return Change("exit", words, changed)


def _window(grid: Grid, value: str) -> Change:
    config = grid.subject.config
    if not value.isdigit() or not int(value):
        raise ModelInputError(f"window={value} is no number of positions")
    if config.window is not None:
        raise ModelInputError(f"{config.name} has a window of {config.window} already")
    pattern = tuple(replace(kind, windowed=True) for kind in config.pattern or (LayerKind(),))
    prefix = tuple(replace(kind, windowed=True) for kind in config.prefix)
    windowed = replace(config, window=int(value), pattern=pattern, prefix=prefix)
    words = f"every layer sees the last {value} positions alone"
    return Change("window", words, _on(grid, replace(grid.subject, config=windowed)))


def _think(grid: Grid, value: str) -> Change:
    share = _number("think", value)
    if not 0 < share < 1:
        raise ModelInputError(f"think={value}: a share of the base's thoughts is between 0 and 1")
    return Change("think", f"{share:g}", grid)


def _shortened(change: Change, thought_tokens: float) -> Change:
    """Of thoughts: a budget of a share of the base's mean thought, which is known once it ran."""
    budget = max(1, int(thought_tokens * float(change.words)))
    place = _place(change.grid)
    words = f"thoughts of at most {budget} tokens; the base's have {thought_tokens:.1f} in the mean"
    shorter = replace(change.grid, places=[Place(place.strategy, budget)])
    return replace(change, words=words, grid=shorter)


def _drafts(grid: Grid, value: str) -> Change:
    text = f"{SPECULATIVE}{value}"
    drafts = open_drafts([parse_strategy(text)], grid.subject)
    place = Place(text, _place(grid).budget)
    changed = replace(grid, places=[place], drafts=drafts)
    words = f"drafts by {value}, each checked by the model"
    return Change("drafts", words, changed, "time where a pass is bound by memory")


_MAKERS: dict[LeverKind, Callable[[Grid, str], Change]] = {
    "dtype": _dtype, "weights": _weights, "kv": _kv, "magnitude": _magnitude, "nm": _nm,
    "mlp": _mlp, "heads": _heads, "kv-heads": _kv_heads, "layers": _layers, "exit": _exit,
    "window": _window, "think": _think, "drafts": _drafts,
}  # fmt: skip


def measure_levers(
    grid: LeverGrid,
    folder: Path,
    name: str = "levers",
    command: str = "python",
    watcher: Watcher | None = None,
) -> LeverStudy:
    """Evaluate the base and every lever, each in a folder of its own in `folder`, which is not run
    again where it is finished. Raises as `evaluate`, and for levers as `LeverGrid.changes`."""
    listener, subject = watcher or Silent(), grid.base.subject
    if subject.source is None or subject.tokenizer is None:
        raise ProfileInputError("levers need a model with weights and a tokenizer of its own")
    listener.stage("Preparing levers")
    changes, left_out = grid.changes()
    base = evaluate(grid.base, folder / BASE, BASE, command, listener)
    run = partial(_measured, base=base.cells[0])
    as_it_is = run(BASE, Change("base", "as it is", grid.base), base)
    measured = []
    for number, (lever, change) in enumerate(changes.items(), start=1):
        listener.stage(f"Lever {number} of {len(changes)}: {lever}")
        if change.kind == "think":
            change = _shortened(change, as_it_is.thought_tokens or 1.0)
        own = folder / lever.replace("=", "-").replace(":", "-").replace("/", "-")
        found = evaluate(change.grid, own, lever, command, listener)
        measured.append(run(lever, change, found))
    place = _place(grid.base)
    return LeverStudy(
        name=name,
        provenance=provenance(command, grid.base.seed, ran=True),
        model=base.model,
        parameters=base.parameters,
        dtype=base.dtype,
        task=base.task,
        problems=base.problems,
        think_budget=place.budget or 0,
        batch=base.batch,
        base=as_it_is,
        levers=measured,
        left_out=left_out,
        notes=[_PAIRED, _RECOVERED, *base.notes],
    )


def _measured(lever: str, change: Change, found: Evaluation, *, base: Cell) -> MeasuredLever:
    cell, subject = found.cells[0], change.grid.subject
    work = per_query(cell.phases, len(cell.questions))
    names = {phase.name: phase.tokens for phase in cell.phases}
    thought = None if CHECK in names else names.get(THINK, 0) / len(cell.questions)
    is_base = change.kind == "base"
    return MeasuredLever(
        lever=lever,
        kind=change.kind,
        change=change.words,
        accuracy=cell.accuracy,
        difference=None if is_base else paired(base.questions, cell.questions),
        thought_tokens=thought,
        flops=work["flops"],
        hbm_bytes=work["hbm_bytes"],
        weight_bytes=subject.config.weight_bytes(subject.dtype),
        slices=cell.slices,
        saves=change.saves,
    )
