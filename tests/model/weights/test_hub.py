"""The hub without the hub: what is asked of it, and what its refusals become."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from tiny_models import LLAMA, public_tensors, write_folder

from rooflink.model.config import ModelInputError
from rooflink.model.weights import open_weights


def test_a_hub_model_is_its_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / "0123abcd", LLAMA, public_tensors(LLAMA))
    asked: dict[str, Any] = {}

    def snapshot(repo_id: str, **patterns: Any) -> str:
        asked.update(patterns, repo_id=repo_id)
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    source = open_weights("owner/Tiny-Llama")
    assert source.config.name == "tiny-llama"
    assert source.description == "Hugging Face hub owner/Tiny-Llama, revision 0123abcd"
    assert asked["repo_id"] == "owner/Tiny-Llama"
    assert "special_tokens_map.json" in asked["allow_patterns"]
    assert not any("bin" in pattern for pattern in asked["allow_patterns"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LocalEntryNotFoundError("offline"), "cannot be reached"),
        (HFValidationError("bad"), "has no model 'owner/name'"),
        (ConnectionResetError("reset by peer"), "ConnectionResetError: reset by peer"),
    ],
)
def test_refusals(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    def snapshot(repo_id: str, **patterns: Any) -> str:
        raise error

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    with pytest.raises(ModelInputError, match=said):
        open_weights("owner/name")
