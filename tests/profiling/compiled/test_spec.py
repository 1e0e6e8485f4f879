"""What can be asked of the compiler, and what is said of what cannot."""

from dataclasses import replace

import pytest

from rooflink.model import ModelInputError, preset
from rooflink.profiling.compiled.compile import REQUEST, CompileRequest
from rooflink.profiling.compiled.spec import MeshRequest, ProgramSpec, parse_mesh, parse_target
from rooflink.profiling.errors import ProfileInputError

SPEC = ProgramSpec(preset("llama3-8b"), "bfloat16", parse_target("v5e:2x4"), batch=16)


def test_context_is_prompt_and_own_slots() -> None:
    """The prompt takes what is neither thought nor answered; the rules' slots are the others."""
    assert (SPEC.prompt_slots, SPEC.own_slots, SPEC.rules.slots) == (4016, 80, 80)
    given = replace(SPEC, prompt=1000)
    assert (given.prompt_slots, given.own_slots, given.rules.slots) == (1000, 3096, 3096)
    assert [SPEC.passes(phase) for phase in ("prefill", "think", "answer", "step")] == [
        1,
        64,
        16,
        1,
    ]


def test_a_request_survives_the_way_to_the_child() -> None:
    request = CompileRequest(replace(SPEC, mesh=MeshRequest(2, 4)), "/somewhere")
    assert REQUEST.validate_json(REQUEST.dump_json(request)) == request


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": 99999999999}, "--batch 99999999999 with --attempts 1 and 64 passes"),
        ({"attempts": 10**6}, "choose fewer of one"),
        ({"mesh": MeshRequest(3)}, "data=3 does not divide the 8"),
        ({"mesh": MeshRequest(None, 0)}, "tensor=0 does not divide the 8"),
        ({"context": 80}, "--context must be at least 81"),
        ({"prompt": 4090}, "beside a prompt of 4090"),
        ({"context": 9000}, "llama3-8b has a context of 8192"),
        ({"mesh": MeshRequest(3, 8)}, "has 24 devices, but there are 8"),
    ],
)
def test_bad_specs(change: dict[str, object], said: str) -> None:
    with pytest.raises((ProfileInputError, ModelInputError), match=said):
        replace(SPEC, **change).require_valid()  # type: ignore[arg-type]


def test_meshes() -> None:
    assert parse_mesh("data=2, tensor=8") == MeshRequest(2, 8)
    assert parse_mesh("tensor=4") == MeshRequest(None, 4)
    for text in ("", "2x4", "data=0", "data=2,data=2", "tensor=-1", "model=4", "kv=2"):
        with pytest.raises(ProfileInputError, match="--mesh"):
            parse_mesh(text)
