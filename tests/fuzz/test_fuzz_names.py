"""Texts of any content where a slice, a mesh, a price or a model is named."""

import math

from fuzzing import Reader, assert_reads_or_refuses, corpus_texts, mutated_text, text_reader
from hypothesis import given

from rooflink.model.architecture import Architecture
from rooflink.profiling.predicted.chip_hours import parse_price
from rooflink.profiling.predicted.economics import Terms, economic_terms
from rooflink.profiling.predicted.model_shape import named_shape
from rooflink.profiling.predicted.slices import parse_parallelism
from rooflink.profiling.predicted.speculative import Speculation, parse_speculation
from rooflink.profiling.validation.measurements.models import known_sizes
from rooflink.tpu_configs.catalog import load_chip
from rooflink.tpu_configs.slice import MOST_CHIPS, Slice, parse_slice

SLICES = ["v5e-8", "v5p:4x4x8", "h100-16", "tpu v4-8", "mine.toml:8", "b200:2x8"]
MESHES = ["data=2,tensor=4", "tensor=8", "expert=16, pipeline=2"]
DRAFTS = ["drafts=4,marginal=0.69/0.43/0.28/0.2", "drafts=4,conditional=0.75,draft=mtp",
          "drafts=2,accepted=2.4, draft=llama3-8b", "drafts=4,0.7"]  # fmt: skip
PRICES = ["2.5", "spot", "one-year", "costs.toml", "1e3"]
MODELS = ["llama3-8b", "deepseek-r1", "Llama-3.3-70B-Instruct", "mine.toml", "llama3-9b"]
MODELS_OF_TABLES = ["DeepSeek-R1-Distill-Llama-8B", "Qwen3-30B-A3B", "draft for llama-3.1-70b"]
OVERHEADS = ["1.2", "google", "none", "400"]


def terms(text: str) -> object:
    """Every term that a text may name."""
    return economic_terms(load_chip("v5e"), Terms(region=text, pue=text, host=text))


def drafts(text: str) -> Speculation:
    """Of a model that has layers to draft with."""
    return parse_speculation(text, named_shape("deepseek-r1"))


READERS: dict[str, Reader] = {
    "slices": text_reader(parse_slice),
    "meshes": text_reader(parse_parallelism),
    "prices": text_reader(parse_price),
    "models": text_reader(named_shape),
}


def joined_chips(result: object) -> None:
    assert isinstance(result, Slice)
    assert 1 <= result.chips <= MOST_CHIPS
    assert len(result.caution) < 300


@given(mutated_text([*SLICES, *corpus_texts("slices")]))
def test_a_slice_is_known_or_refused(text: str) -> None:
    assert_reads_or_refuses(parse_slice, text, joined_chips)


@given(mutated_text([*MESHES, *corpus_texts("meshes")]))
def test_a_mesh_is_read_or_refused(text: str) -> None:
    assert_reads_or_refuses(parse_parallelism, text)


def names_no_folder(text: str) -> bool:
    """A draft that is a hub id would be asked for."""
    return "/" not in text.lower().replace(" ", "").partition("draft=")[2]


@given(mutated_text(DRAFTS).filter(names_no_folder))
def test_drafts_are_read_or_refused(text: str) -> None:
    found = assert_reads_or_refuses(drafts, text)
    if isinstance(found, Speculation):
        assert 1 <= found.accepted_tokens <= found.drafts + 1


@given(mutated_text([*PRICES, *corpus_texts("prices")]))
def test_a_price_is_known_or_refused(text: str) -> None:
    price = assert_reads_or_refuses(parse_price, text)
    assert not isinstance(price, float) or 0 <= price < math.inf


@given(mutated_text(OVERHEADS))
def test_overheads_and_regions_are_known_or_refused(text: str) -> None:
    assert_reads_or_refuses(terms, text)


@given(mutated_text([*MODELS, *corpus_texts("models")]).filter(lambda text: "/" not in text))
def test_a_model_is_known_or_refused(text: str) -> None:
    assert_reads_or_refuses(named_shape, text)


@given(mutated_text(MODELS_OF_TABLES))
def test_a_model_of_a_table_is_known_or_not(text: str) -> None:
    sizes = assert_reads_or_refuses(known_sizes, text)
    assert sizes is None or (isinstance(sizes, Architecture) and sizes.parameters > 0)
