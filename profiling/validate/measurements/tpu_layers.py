"""Rows of measured_v6e_llama3_8b_layers.csv: matmuls of one layer, and of the head, by tokens.

The file says neither model, chip nor dtype in its rows: they are those of its name's source
(LLMServingSim, MIT): Llama-3.1-8B in bfloat16 on one TPU v6e.
"""

from dataclasses import replace

from ....model.presets import preset
from ...predict.cases import Case
from .formats import formats
from .models import known_sizes
from .operations import matmuls, one_chip, operation_case
from .ops import PREFILL_TOKENS, projections
from .table import Row

COLUMNS = ("tokens", "projections_per_layer_ns", "lm_head_ns")
SOURCE = "LLMServingSim, TPU v6e, Llama-3.1-8B"


def layers_cases(row: Row) -> list[Case]:
    """The layer's case and the head's.

    Raises ProfileInputError for a malformed cell.
    """
    tokens = row.number("tokens")
    model = preset("llama3-8b")
    sizes = known_sizes(model.name)
    assert sizes is not None
    over, held = one_chip("TPU v6e"), formats("bf16")
    phase = "prefill" if tokens >= PREFILL_TOKENS else "decode"
    work = {
        "projections": matmuls(over, held, tokens, projections(sizes, 1.0)),
        "lm_head": matmuls(over, held, tokens, [(sizes.embed_dim, sizes.vocab_size)]),
    }
    columns = dict(zip(work, COLUMNS[1:], strict=True))
    cases = {
        name: operation_case(
            row, "matmul", over, held, each, row.number(columns[name]) * 1e-9, phase
        )
        for name, each in work.items()
    }
    return [
        replace(case, id=f"{case.id} {name}", source=SOURCE, model=f"{model.name} {name}")
        for name, case in cases.items()
    ]
