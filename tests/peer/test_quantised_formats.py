"""Live against the libraries that publishers quantise with: the same numbers, one for one.

Run with `pytest -m peer tests/peer`. AutoAWQ and AutoGPTQ no longer install beside a current torch.
"""

import numpy as np
import pytest
from quantised_models import KINDS, fp4_codes, fp8
from safetensors.numpy import save

from rooflink.model.weights.quantised_formats import mxfp4_experts

torch = pytest.importorskip("torch")
compressed_tensors = pytest.importorskip("compressed_tensors")
transformers = pytest.importorskip("transformers")

from compressed_tensors.compressors import BaseCompressor  # noqa: E402
from compressed_tensors.quantization import QuantizationScheme  # noqa: E402
from safetensors.torch import load  # noqa: E402
from transformers.integrations.finegrained_fp8 import Fp8Dequantize  # noqa: E402
from transformers.integrations.mxfp4 import convert_moe_packed_tensors  # noqa: E402

pytestmark = pytest.mark.peer

OWN = {n: k for n, k in KINDS.items() if k.stated["quant_method"] == "compressed-tensors"}


@pytest.mark.parametrize("kind", OWN.values(), ids=OWN.keys())
def test_compressed_tensors(kind) -> None:  # type: ignore[no-untyped-def]
    parts, meant = kind.make(np.random.default_rng(0), (96, 64))
    theirs = {
        name: tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
        for name, tensor in load(save({end[1:]: part for end, part in parts.items()})).items()
    }
    scheme = QuantizationScheme(**kind.stated["config_groups"]["group_0"])
    compressor = BaseCompressor.get_value_from_registry(kind.stated["format"])
    weight = compressor.decompress(theirs, scheme)["weight"].float()
    np.testing.assert_array_equal(weight.numpy(), meant)


def test_gpt_oss() -> None:
    rng = np.random.default_rng(0)
    blocks = fp4_codes(rng, (24, 64))[0].reshape(3, 8, 2, 16)
    scales = rng.integers(110, 140, (3, 8, 2)).astype(np.uint8)
    ours = mxfp4_experts({"_blocks": blocks, "_scales": scales}, 4, (1, 32)).values()
    theirs = convert_moe_packed_tensors(
        torch.tensor(blocks), torch.tensor(scales), dtype=torch.float32
    )
    np.testing.assert_array_equal(ours.swapaxes(-1, -2), theirs.numpy())


def test_deepseek() -> None:
    parts, meant = fp8(np.random.default_rng(0), (96, 80), (48, 40), ".weight_scale_inv")
    theirs = load(save({end[1:]: part for end, part in parts.items()}))
    weight = Fp8Dequantize(None)._dequantize_one(
        theirs["weight"], theirs["weight_scale_inv"], torch.float32
    )
    np.testing.assert_array_equal(weight.numpy(), meant)
