"""A workload on slices: the mesh that suits each, its prediction there, the smallest that fits.

What `rooflink predict` prints, and `rooflink profile` adds for each chip and slice.
"""

from dataclasses import dataclass, field, replace

from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError
from ..records.prediction import Prediction
from .collectives import ONE_CHIP, Parallelism
from .economics import Terms
from .hardware import jax_dtype, operand_dtype
from .mesh_choice import choose_parallelism, require_used, slices_of
from .model_shape import NamedShape
from .phase_lengths import Lengths
from .predict import Query, memory_fit, predict


@dataclass(frozen=True)
class PredictionRequest:
    """A model, its lengths, how it is held and what it costs: to be predicted on any slice."""

    model: NamedShape
    lengths: Lengths  # of one batch
    batches: float = 1.0  # one after another
    think_variation: float = 0.0  # standard deviation over mean of thought lengths
    weight_dtype: str = "bfloat16"
    kv_dtype: str | None = None  # None: bfloat16, or the weights' where these are float32
    matmul_dtype: str | None = None  # None: what suits the chip
    split: Parallelism | None = None  # None: what suits the slice
    stack: str | None = None
    ideal: bool = False
    terms: Terms = field(default_factory=Terms)


def predict_on_slice(request: PredictionRequest, on_slice: Slice) -> Prediction:
    """The request on one slice.

    Raises ProfileInputError or ChipInputError for what the user can mend: lengths, dtypes, a mesh
    that does not divide, a model that does not fit, terms that are not known.
    """
    return predict(query_of(request, on_slice))


def query_of(request: PredictionRequest, on_slice: Slice) -> Query:
    """The query that is predicted, with its mesh. Raises as `predict_on_slice` does, but for what
    does not fit."""
    wide = "float32" if request.weight_dtype == "float32" else "bfloat16"
    stated_dtype = jax_dtype(request.matmul_dtype) if request.matmul_dtype else None
    query = Query(
        model=request.model.name,
        shape=request.model.shape,
        slice=on_slice,
        split=request.split or ONE_CHIP,
        mesh_reason="as stated",
        lengths=request.lengths,
        batches=request.batches,
        think_variation=request.think_variation,
        weight_dtype=request.weight_dtype,
        kv_dtype=request.kv_dtype or wide,
        matmul_dtype=stated_dtype or operand_dtype(on_slice.chip, request.weight_dtype),
        stack=request.stack,
        ideal=request.ideal,
        terms=request.terms,
    )
    prompts = request.lengths.prompts
    if request.split is not None:
        require_used(request.split, prompts)
        return query

    def fits(split: Parallelism) -> bool:
        return _fits(replace(query, split=split))

    chosen = choose_parallelism(query.shape, on_slice, prompts, fits)
    return replace(query, split=chosen.split, mesh_reason=chosen.reason)


def fitting_query(request: PredictionRequest, on_slice: Slice) -> Query:
    """The query of a request that fits the slice's memory.

    Raises ProfileInputError for a mesh that does not divide or a model that does not fit.
    """
    query = query_of(request, on_slice)
    memory_fit(query)
    return query


def smallest_query(request: PredictionRequest, chip: Chip) -> Query | None:
    """The request on the smallest slice of `chip` that holds it; None where none does."""
    for on_slice in slices_of(chip):
        try:
            return fitting_query(request, on_slice)
        except ProfileInputError:
            continue
    return None


def _fits(query: Query) -> bool:
    try:
        memory_fit(query)
    except ProfileInputError:
        return False
    return True
