"""The software that a row was measured with, under one name for each."""

import re

from .table import Row

_STACKS = (
    ("FasterTransformer", r"faster.?transformer"),
    ("Pope et al.", r"pope"),
    ("jax-llm-examples", r"jax-llm-examples"),
    ("sglang-jax", r"sglang-jax"),
    ("vLLM-TPU", r"vllm[- ]tpu|tpu-recipes.*vllm|vllm.*tpu-recipes"),
    ("JetStream-PyTorch", r"jetstream-pytorch"),
    ("JetStream", r"jetstream"),
    ("MaxText", r"maxtext"),
    ("MLPerf", r"mlperf|saxml"),
    ("gpt-fast", r"gpt-fast"),
    ("neuron", r"neuron|nxd"),
    ("DeepSeek", r"deepseek-ai"),
    ("llama.cpp", r"llama\.?cpp|llama-bench"),
    ("TensorRT-LLM", r"tensorrt|trt-llm"),
    ("SGLang", r"sglang"),
    ("vLLM", r"vllm"),
)
"""The first that is found counts: those that contain another's name come before it."""


def stack_of(row: Row) -> str:
    """The stack that source, place, topology or notes name, else the source's first words."""
    columns = ("source", "location", "parallelism_topology", "provenance", "notes")
    text = " ".join(row.text(column) for column in columns).lower()
    for name, pattern in _STACKS:
        if re.search(pattern, text):
            return name
    return re.split(r"[(,@]", row.text("source"))[0].strip()
