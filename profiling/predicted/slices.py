"""A workload on slices: the mesh that suits each, its prediction there, the smallest that fits.

What `rooflink predict` prints, and `rooflink profile` adds for each chip and slice.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from ...model.architecture import ModelShape
from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice, largest, shape_of_chips, shapes
from ..errors import ProfileInputError
from ..names import dtype_named, mesh_axes
from ..records.prediction import Prediction
from .predict import held_by_a_chip, memory_fit, modal_s, predict
from .query import PredictionRequest, Query
from .step.collectives import AXES, ONE_CHIP, Parallelism, over_chips, require_parallelism
from .step.hardware import jax_dtype, operand_dtype


def parse_parallelism(text: str) -> Parallelism:
    """The parallelism that `text` asks for, 'data=2,tensor=8'; axes left out have one chip. Raises
    ProfileInputError for anything else."""
    return Parallelism(**mesh_axes(text, AXES))


def require_used(split: Parallelism, prompts: float) -> None:
    """Raise ProfileInputError where copies of the weights would have no prompt to work on."""
    if split.data > max(prompts, 1):
        raise ProfileInputError(
            f"the mesh '{split}' has {split.data} copies of attention's weights for a batch of "
            f"{prompts:g}: each needs a prompt at least, so take more prompts or fewer copies"
        )


def choose_parallelism(
    shape: ModelShape, on_slice: Slice, prompts: float, fits: Callable[[Parallelism], bool]
) -> tuple[Parallelism, str]:
    """A mesh and why it is that one: the first that `fits` of those that suit, else the first.

    Most tensor shards that divide the query heads within one domain of links come first, then most
    copies, then a pipeline.

    Raises ProfileInputError where none divides the model.
    """
    suiting = list(_suiting(shape, on_slice, prompts))
    if not suiting:
        raise ProfileInputError(
            f"no mesh of the {on_slice.chips} chips of {on_slice.name} divides "
            f"{int(shape.query_heads)} query heads, {int(shape.layers)} layers "
            f"and {prompts:g} prompts: take another number of chips, or say --mesh"
        )
    split = next(filter(fits, suiting), suiting[0])
    return split, _reason(split, suiting[0], shape, on_slice)


def _suiting(shape: ModelShape, on_slice: Slice, prompts: float) -> Iterator[Parallelism]:
    """Every parallelism that fills the slice and divides the model, the best first: pipelines with
    stages of unlike length come last."""
    chips, heads, layers = on_slice.chips, int(shape.query_heads), int(shape.layers)
    unlike: list[Parallelism] = []
    for tensor in _divisors(chips, min(heads, _domain(on_slice))):
        for data in _divisors(chips // tensor, max(int(prompts), 1)):
            pipeline = chips // tensor // data
            if heads % tensor or pipeline > layers:
                continue
            split = Parallelism(tensor=tensor, data=data, pipeline=pipeline)
            if layers % pipeline == 0:
                yield split
            else:
                unlike.append(split)
    yield from unlike


def _divisors(number: int, most: int) -> list[int]:
    """Divisors of `number` up to `most`, the largest first."""
    low = [n for n in range(1, math.isqrt(number) + 1) if number % n == 0]
    return sorted({d for n in low for d in (n, number // n) if d <= most}, reverse=True)


def _domain(on_slice: Slice) -> int:
    """Chips that the links join, without the data center network."""
    return min(on_slice.chips, largest(on_slice.chip))


def _reason(split: Parallelism, first: Parallelism, shape: ModelShape, on_slice: Slice) -> str:
    if on_slice.chips == 1:
        return "a single chip"
    heads, domain = int(shape.query_heads), _domain(on_slice)
    within = f" in a domain of {domain}" if domain < on_slice.chips else ""
    also = " and leaves room for the batch" if split != first else ""
    text = f"tensor={split.tensor} is the most{within} that divides {heads} query heads{also}"
    if split.data > 1:
        text += f"; data={split.data} copies of the model share the prompts"
    if split.pipeline > 1:
        text += f"; pipeline={split.pipeline} splits the layers over the remaining chips"
    return text


MOST_DOMAINS = 8
"""Domains of links that are joined over the network before the search is given up."""


def slices_of(chip: Chip) -> Iterator[Slice]:
    """Every slice of `chip`, the smallest first."""
    domains = (shape_of_chips(chip, largest(chip) * n) for n in range(2, MOST_DOMAINS + 1))
    for shape in itertools.chain(shapes(chip), filter(None, domains)):
        yield Slice(chip, shape)


def predict_on_slice(request: PredictionRequest, on_slice: Slice) -> Prediction:
    """The request on one slice. Raises ProfileInputError or ChipInputError for what the user can
    mend: lengths, dtypes, a mesh that does not divide, a model that does not fit, unknown terms."""
    return predict(query_of(request, on_slice))


ONE_USER, WITHIN_TARGET, FULL_BATCH = "one user", "latency target", "full batch"
_MOST_MESHES = 8
"""Meshes after one another that a growing batch may take, each with room for more."""


def at_operating_points(
    request: PredictionRequest, on_slice: Slice, tpot_s: float
) -> list[Prediction]:
    """The request with one prompt; with the most whose time per output token is at most `tpot_s` at
    the median, where there are any; and with the most that fit the slice's memory. A stated mesh
    with more copies of attention than one prompt can use leaves out the first.

    Of a device, which has one user, the first alone. Raises as `predict_on_slice` does.
    """

    def at(prompts: int) -> Prediction:
        lengths = replace(request.lengths, prompts=float(prompts))
        return predict_on_slice(replace(request, lengths=lengths), on_slice)

    edge = on_slice.chip.place == "edge"
    copies = max(over_chips(request.split or ONE_CHIP, on_slice.chips).data, 1)
    fewest = at(1 if edge else copies)
    if edge:
        return [fewest]
    full = _full(at, fewest)
    within = _within(at, fewest, full, tpot_s)
    points = {ONE_USER: fewest if copies == 1 else None, WITHIN_TARGET: within, FULL_BATCH: full}
    found = [
        point.model_copy(update={"operating_point": name})
        for name, point in points.items()
        if point is not None
    ]
    cautions = [*found[0].cautions]
    if copies > 1:
        cautions.append(
            f"One user is left out: the stated mesh '{full.parallelism}' has {copies} copies of "
            "attention's weights, and each needs a prompt."
        )
    if within is None:
        cautions.append(f"No batch meets {tpot_s * 1e3:g} ms per output token on {on_slice.name}.")
    return [found[0].model_copy(update={"cautions": cautions}), *found[1:]]


def _full(at: Callable[[int], Prediction], fewest: Prediction) -> Prediction:
    """The most prompts that fit; more of them may take another mesh, which has room for more."""
    full = fewest
    for _ in range(_MOST_MESHES):
        most = int(full.fit.largest_batch // fewest.attempts)
        if most <= full.prompts:
            break
        full = at(most)
    return full


def _within(
    at: Callable[[int], Prediction], fewest: Prediction, full: Prediction, tpot_s: float
) -> Prediction | None:
    """The most prompts that keep to `tpot_s`, by bisection; None where the fewest are slower."""

    def keeps(point: Prediction) -> bool:
        return point.tpot_s is None or point.tpot_s.median <= tpot_s

    if keeps(full):
        return full
    if not keeps(fewest):
        return None
    best, fewest_over = fewest, int(full.prompts)
    while fewest_over - best.prompts > 1:
        point = at(int(best.prompts + fewest_over) // 2)
        if keeps(point):
            best = point
        else:
            fewest_over = int(point.prompts)
    return best


def query_of(request: PredictionRequest, on_slice: Slice) -> Query:
    """The query that is predicted, with its mesh. Raises as `predict_on_slice` does, but for what
    does not fit."""
    query = _with_dtypes(request, on_slice)
    prompts = request.lengths.prompts
    if request.split is not None:
        require_parallelism(query.split, on_slice, query.shape)
        require_used(query.split, prompts)
        return _held_at_once(query)

    def fits(split: Parallelism) -> bool:
        return bool(held_by_a_chip(replace(query, split=split)).left_bytes >= 0)

    split, reason = choose_parallelism(query.shape, on_slice, prompts, fits)
    chosen = replace(query, split=split, mesh_reason=reason)
    meshes = dict.fromkeys((split, *_deals_of_experts(query.shape, on_slice, prompts)))
    return _held_at_once(chosen) if len(meshes) == 1 else _fastest(chosen, meshes)


def _deals_of_experts(shape: ModelShape, on_slice: Slice, prompts: float) -> Iterator[Parallelism]:
    """How engines deploy a mixture: experts over all chips of attention, which has the most tensor
    shards or the most copies of those that need the fewest stages. Nothing for a dense model."""
    if shape.active_share == 1:
        return
    suiting = list(_suiting(shape, on_slice, prompts))
    fewest = [split for split in suiting if split.pipeline == suiting[0].pipeline]
    experts = max(int(shape.experts_per_token / shape.active_share), 1)
    for split in (fewest[0], fewest[-1]):
        yield replace(split, expert=_divisors(split.tensor * split.data, experts)[0])


def _fastest(query: Query, meshes: Iterable[Parallelism]) -> Query:
    """The query on whichever of `meshes` fits and is predicted to take least for a prompt; as it is
    where none fits. The query's own is the first of them."""
    each_s: dict[str, tuple[float, Query]] = {}
    for split in meshes:
        tried = _held_at_once(replace(query, split=split))
        if held_by_a_chip(tried).left_bytes >= 0:
            each_s[str(split)] = modal_s(tried) / float(tried.lengths.prompts), tried
    if not each_s:
        return _held_at_once(query)
    best_s, best = min(each_s.values(), key=lambda each: each[0])
    others = [f"{mesh} {time_s / best_s:.2f} times as long"
              for mesh, (time_s, tried) in each_s.items() if tried is not best]  # fmt: skip
    reason = f"{best.split} is predicted to take least of those tried that fit"
    reason += f" ({', '.join(others)})" * bool(others)
    return replace(best, mesh_reason=reason)


def _held_at_once(query: Query) -> Query:
    """Of requests in flight, those that the slice has room for; a batch by itself as it is."""
    if query.concurrency is None:
        return query
    if query.decoded_tokens < 1:
        raise ProfileInputError(
            "requests in flight of one token each never decode: take a longer --answer"
        )
    lengths = query.lengths
    one = replace(query, lengths=replace(lengths, prompts=1.0))
    room = max(float(held_by_a_chip(one).largest_batch // lengths.attempts), 1.0)
    held = min(query.concurrency, room)
    return replace(query, lengths=replace(lengths, prompts=held))


def _with_dtypes(request: PredictionRequest, on_slice: Slice) -> Query:
    """The query with the mesh that is stated, else that of one chip."""
    weights = dtype_named(request.weight_dtype)
    wide = "float32" if weights == "float32" else "bfloat16"
    matmul, kv = request.matmul_dtype, request.kv_dtype
    suiting = operand_dtype(on_slice.chip, weights)
    settled = {
        "weight_dtype": weights,
        "slice": on_slice,
        "split": over_chips(request.split or ONE_CHIP, on_slice.chips),
        "kv_dtype": wide if kv is None else dtype_named(kv),
        "matmul_dtype": suiting if matmul is None else jax_dtype(dtype_named(matmul)),
    }
    return Query(**(vars(request) | settled), mesh_reason="as stated")


def fitting_query(request: PredictionRequest, on_slice: Slice) -> Query:
    """The query of a request that fits the slice's memory. Raises ProfileInputError for a mesh that
    does not divide or a model that does not fit."""
    query = query_of(request, on_slice)
    memory_fit(query)
    return query


def smallest_query(request: PredictionRequest, chip: Chip) -> Query | None:
    """The request on the smallest slice of `chip` that holds it; None where none does."""
    least, most = _chips_that_may_hold(request, chip)
    for on_slice in slices_of(chip):
        if least <= on_slice.chips <= most:
            with suppress(ProfileInputError):
                return fitting_query(request, on_slice)
    return None


def _chips_that_may_hold(request: PredictionRequest, chip: Chip) -> tuple[float, float]:
    """Fewer chips lack the memory for one copy of weights and KV; more have no mesh."""
    query, shape = _with_dtypes(request, Slice(chip, (1,))), request.model.shape
    held = held_by_a_chip(query)
    least = float((held.weight_bytes + held.kv_bytes) / held.available_bytes) * (1 - 1e-9)
    most = shape.query_heads * shape.layers * max(request.lengths.prompts, 1)
    return least, math.inf if request.split else float(most)
