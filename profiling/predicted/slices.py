"""A forecast: a prediction with the mesh that suits, and its money, energy and carbon.

What `rooflink predict` prints, and `rooflink profile` adds for each chip and slice.
"""

from dataclasses import dataclass, field

from ...tpu_configs.chip import Chip
from ...tpu_configs.slice import Slice
from ..errors import ProfileInputError
from ..records.prediction import PredictedPhase, Prediction
from .collectives import ONE_CHIP, Parallelism
from .economics import Terms, economics_of
from .energy import design_power_of
from .hardware import jax_dtype, operand_dtype
from .mesh import Chosen, choose_parallelism, require_used, smallest_slice
from .model_shape import NamedShape
from .phases import Lengths, LogNormal, SameLength
from .predict import Query, memory_fit, predict


@dataclass(frozen=True)
class Asked:
    """What is asked of any slice: the model, its lengths, how it is held and what it costs."""

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


def forecast(asked: Asked, over: Slice) -> Prediction:
    """What is asked, on one slice.

    Raises ProfileInputError or ChipInputError for what the user can mend: lengths, dtypes, a mesh
    that does not divide, a model that does not fit, terms that are not known.
    """
    found = predict(_query(asked, over, _chosen(asked, over).split))
    found = with_grounds(_repeated(found, asked.batches), asked, over)
    return found.model_copy(update={"economics": economics_of(found, over.chip, asked.terms)})


def with_grounds(prediction: Prediction, asked: Asked, over: Slice) -> Prediction:
    """The prediction of what is `asked` of `over` with what it stands on beside its calibration."""
    power = design_power_of(over.chip)
    return prediction.model_copy(
        update={
            "think_variation": asked.think_variation,
            "parallelism_reason": _chosen(asked, over).reason,
            "chip_confidence": over.chip.confidence,
            "energy_basis": power.said if power else "",
        }
    )


def require_forecast(asked: Asked, over: Slice) -> None:
    """Raise what `forecast` would for a mesh that does not divide or a model that does not fit."""
    memory_fit(_query(asked, over, _chosen(asked, over).split))


def query_of(asked: Asked, over: Slice) -> Query:
    """The query that `forecast` predicts, with the mesh that suits. Raises as `forecast` does."""
    return _query(asked, over, _chosen(asked, over).split)


def slice_for(asked: Asked, chip: Chip, at_least: int = 1) -> Slice | None:
    """The smallest slice of `chip`, of `at_least` so many chips, that holds it; None: none does."""

    def holds(over: Slice) -> bool:
        try:
            require_forecast(asked, over)
        except ProfileInputError:
            return False
        return True

    return smallest_slice(chip, at_least, holds)


def _chosen(asked: Asked, over: Slice) -> Chosen:
    if asked.split is not None:
        require_used(asked.split, asked.lengths.prompts)
        return Chosen(asked.split, "as asked for")

    def fits(split: Parallelism) -> bool:
        try:
            memory_fit(_query(asked, over, split))
        except ProfileInputError:
            return False
        return True

    return choose_parallelism(asked.model.shape, over, asked.lengths.prompts, fits)


def _query(asked: Asked, over: Slice, split: Parallelism = ONE_CHIP) -> Query:
    wide = "float32" if asked.weight_dtype == "float32" else "bfloat16"
    own = jax_dtype(asked.matmul_dtype) if asked.matmul_dtype else None
    varied = asked.think_variation > 0 and asked.lengths.think_tokens > 1
    return Query(
        model=asked.model.name,
        shape=asked.model.shape,
        slice=over,
        split=split,
        lengths=asked.lengths,
        weight_dtype=asked.weight_dtype,
        kv_dtype=asked.kv_dtype or wide,
        matmul_dtype=own or operand_dtype(over.chip, asked.weight_dtype),
        distribution=LogNormal(asked.think_variation) if varied else SameLength(),
        stack=asked.stack,
        ideal=asked.ideal,
    )


def _repeated(prediction: Prediction, batches: float) -> Prediction:
    """The same for several batches, one after another."""
    if batches == 1:
        return prediction
    energy_j = prediction.energy_j
    return prediction.model_copy(
        update={
            "batches": batches,
            "phases": [_phase_repeated(phase, batches) for phase in prediction.phases],
            "time_s": prediction.time_s * batches,
            "energy_j": energy_j * batches if energy_j else None,
        }
    )


def _phase_repeated(phase: PredictedPhase, times: float) -> PredictedPhase:
    scaled = {name: getattr(phase, name) * times for name in _EXTENSIVE}
    energy_j = phase.energy_j * times if phase.energy_j else None
    return phase.model_copy(update=scaled | {"energy_j": energy_j})


_EXTENSIVE = tuple(
    name for name in PredictedPhase.model_fields if name not in ("phase", "bound", "energy_j")
)
