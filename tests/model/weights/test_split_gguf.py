"""A GGUF in several files, as llama.cpp's gguf-split writes it: read whole, or its gap named."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import gguf
import numpy as np
import pytest
from tiny_models import LLAMA, public_tensors, write_gguf

from rooflink.model.config import ModelInputError
from rooflink.model.weights import open_weights, parameters, sizes_of
from rooflink.model.weights.gguf_format import GgufFile


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "whole.gguf", LLAMA, public_tensors(LLAMA))


def split(whole: Path, groups: Iterable[Iterable[str]], **changes: Mapping[str, int]) -> list[Path]:
    """Parts of `whole`, each with the tensors of one group; `changes` to a part's split fields."""
    file = GgufFile(whole)
    groups = [list(group) for group in groups]
    parts = []
    for number, group in enumerate(groups):
        part = whole.with_name(f"m-{number + 1:05d}-of-{len(groups):05d}.gguf")
        writer = gguf.GGUFWriter(part, "llama")
        if number == 0:
            for key, field in gguf.GGUFReader(whole).fields.items():
                if not key.startswith(("GGUF.", "general.architecture")):
                    sub_type = field.types[1] if len(field.types) > 1 else None
                    writer.add_key_value(key, field.contents(), field.types[0], sub_type)
        fields = {"no": number, "count": len(groups), **changes.get(f"part{number}", {})}
        for key, value in fields.items():
            writer.add_uint16(f"split.{key}", value)
        writer.add_int32("split.tensors.count", len(file.tensors))
        for name in group:
            writer.add_tensor(name, file.array(name))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        parts.append(part)
    return parts


def names_of(whole: Path) -> list[str]:
    return list(GgufFile(whole).tensors)


def arrays(path: Path) -> dict[str, np.ndarray]:
    source = open_weights(str(path))
    return parameters(source.config, source.tensors(), "float32")


def test_all_parts_are_the_model_whichever_is_named(whole: Path) -> None:
    """The head in the last part: without it the embedding would be taken for one."""
    names = names_of(whole)
    assert "output.weight" in names
    rest = [name for name in names if name != "output.weight"]
    parts = split(whole, (rest[:5], rest[5:], ["output.weight"]))
    wanted = arrays(whole)
    for part in parts:
        read = arrays(part)
        assert read.keys() == wanted.keys()
        assert all((read[name] == wanted[name]).all() for name in wanted)
        assert sizes_of(str(part)).architecture.parameters == LLAMA.parameters


def test_a_first_part_of_metadata_alone(whole: Path) -> None:
    parts = split(whole, ([], names_of(whole)))
    assert not sizes_of(str(parts[0])).architecture.tied_embeddings
    assert arrays(parts[0]).keys() == arrays(whole).keys()


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_missing_part_is_named(whole: Path, gone: int) -> None:
    names = names_of(whole)
    parts = split(whole, (names[:2], names[2:5], names[5:]))
    parts[gone].unlink()
    for part in parts[:gone] + parts[gone + 1 :]:
        for read in (open_weights, sizes_of):
            with pytest.raises(ModelInputError, match=rf"{parts[gone].name} is missing, part"):
                read(str(part))


def test_a_part_under_another_name(whole: Path) -> None:
    names = names_of(whole)
    parts = split(whole, (names[:2], names[2:]))
    moved = parts[0].rename(whole.with_name("first.gguf"))
    with pytest.raises(ModelInputError, match="is one of 2 parts, and is not called so"):
        open_weights(str(moved))


def test_a_name_of_a_part_without_its_fields(whole: Path) -> None:
    first = shutil.copy(whole, whole.with_name("m-00001-of-00002.gguf"))
    with pytest.raises(ModelInputError, match=r"m-00002-of-00002\.gguf is missing"):
        open_weights(str(first))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"part1": {"no": 0}}, r"says it is part 0 \(from 0\) of 2"),
        ({"part1": {"count": 3}}, r"says it is part 1 \(from 0\) of 3"),
        ({"part0": {"count": 3}}, "is one of 3 parts, and is not called so"),
        ({"part0": {"count": 60000}}, "'split.count' = 60000"),
    ],
)
def test_parts_that_do_not_belong_together(
    whole: Path, changes: dict[str, dict[str, int]], sentence: str
) -> None:
    names = names_of(whole)
    first, _ = split(whole, (names[:2], names[2:]), **changes)
    with pytest.raises(ModelInputError, match=sentence):
        open_weights(str(first))


def test_a_tensor_in_two_parts_or_in_none(whole: Path) -> None:
    names = names_of(whole)
    first, _ = split(whole, (names, names[:1]))
    with pytest.raises(ModelInputError, match=f"holds tensor '{names[0]}', as another part does"):
        open_weights(str(first))
    first, _ = split(whole, (names[:2], names[2:-1]))
    with pytest.raises(ModelInputError, match=r"has \d+ tensors of \d+ in all its parts"):
        open_weights(str(first))
