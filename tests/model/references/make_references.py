"""Writes the reference values beside this file: what torch and transformers say of each model.

Run by hand, never by a test, on a CPU (x86-64, Python 3.11), in float32: families.npz with torch
2.14.1, transformers 5.24.0 and numpy 2.4.6; smollm2.npz with torch 2.13.0, transformers 5.23.0,
gguf 0.19.0 and accelerate 1.15.0:

    cd tests/model && python -m references.make_references SmolLM2-135M-Instruct.Q4_1.gguf

families.npz holds, for each tiny model of families.py, the logits at every position of one token
sequence and the 64 tokens that follow greedily. mixtures.npz (torch 2.14.1, transformers 5.24.0)
holds what each tiny mixture of experts of mixtures.py makes of 40 tokens. smollm2.npz holds the
logits and greedy tokens of SmolLM2-135M out of the GGUF (read and dequantised by transformers, not
by this package), its logits as 64 columns, the logsumexp and the likeliest token at each of 200
positions: all 49,152 columns would take 39 MB. tests/peer compares those live.
"""

import importlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file

from . import families, mixtures

HERE = Path(__file__).parent
COLUMNS = 64
POSITIONS = 200
QUESTION_POSITIONS = 40
"""The greedy tokens follow the first so many tokens of the text."""
TEXT = """A farmer has three fields. The first field gives twice as much wheat as the second, \
and the second gives five sacks more than the third. Last year the third field gave 12 sacks, so \
the second gave 12 + 5 = 17 sacks and the first gave 2 * 17 = 34 sacks. Altogether that is \
12 + 17 + 34 = 63 sacks of wheat.

def total(sacks: list[int]) -> int:
    \"\"\"Sum of all sacks.\"\"\"
    return sum(sacks)  # 63

In the winter, when the days are short and the roads are deep in snow, the miller's \
daughter reads old letters by the fire; some of them are a hundred years old, and nobody \
remembers who wrote them. "Perhaps," she says, "they were never meant to be sent." Outside, \
the river is frozen from bank to bank, and the wheel of the mill has not turned since \
November 1897."""


def reference_model(
    fields: families.Fields, weights: dict[str, np.ndarray]
) -> transformers.PreTrainedModel:
    """The transformers model with this config.json and these weights, all of them used."""
    with tempfile.TemporaryDirectory() as folder:  # as published: experts one by one
        transformers.AutoConfig.for_model(**fields).save_pretrained(folder)
        save_file(weights, Path(folder) / "model.safetensors", {"format": "pt"})
        model, loading = transformers.AutoModelForCausalLM.from_pretrained(
            folder, attn_implementation="eager", dtype=torch.float32, output_loading_info=True
        )
    if any(loading.values()):
        raise ValueError(f"not all weights are used: {loading}")
    return model.eval()


def reference_smollm2(gguf: Path) -> tuple[transformers.PreTrainedModel, np.ndarray]:
    """SmolLM2 as transformers reads the GGUF, and the token ids of `TEXT`."""
    folder, name = str(gguf.parent), gguf.name
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, attn_implementation="eager"
    )
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name)
    tokens = tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    if len(tokens) < POSITIONS:
        raise ValueError(f"the text has {len(tokens)} tokens, fewer than {POSITIONS}")
    return model.eval(), np.array(tokens[:POSITIONS])


@torch.no_grad()
def all_logits(model: transformers.PreTrainedModel, tokens: np.ndarray) -> np.ndarray:
    """Logits at every position of `tokens`: [T, V] float32."""
    return model(torch.from_numpy(tokens)[None], use_cache=False).logits[0].numpy()


def greedy(model: transformers.PreTrainedModel, tokens: np.ndarray, count: int) -> np.ndarray:
    """The `count` tokens that follow `tokens`, each from a pass over the whole sequence.

    Raises ValueError where the two likeliest are too near for float32 to tell apart.
    """
    sequence = tokens
    for _ in range(count):
        logits = all_logits(model, sequence)[-1]
        second, first = np.partition(logits, -2)[-2:]
        if first - second < 3e-4:
            raise ValueError(f"near tie after {len(sequence)} tokens: {first} and {second}")
        sequence = np.append(sequence, logits.argmax())
    return sequence[len(tokens) :]


def write_families() -> None:
    """families.npz."""
    values = {}
    tokens = families.token_sequence(families.TOKENS)
    for name, fields in families.FAMILIES.items():
        model = reference_model(fields, families.tensors(fields))
        values[f"{name}/logits"] = all_logits(model, tokens)
        values[f"{name}/greedy"] = greedy(model, tokens[:8], families.GREEDY_TOKENS)
        print(name, "logits' deviation", values[f"{name}/logits"].std())
        print("  greedy", values[f"{name}/greedy"].tolist())
    np.savez_compressed(HERE / "families.npz", **values)


def mixture_state(name: str) -> dict[str, np.ndarray]:
    """The weights of a mixture as transformers names them (version 5: experts in one tensor)."""
    own = mixtures.tensors(name)
    if name == "gpt-oss":  # matrices the other way round, gate and up in turn
        turned = {part: own[part].swapaxes(1, 2) for part in ("gate", "up", "down")}
        in_turn = np.stack([turned["gate"], turned["up"]], axis=-1)
        biases = np.stack([own["gate_bias"], own["up_bias"]], axis=-1)
        return {
            "router.weight": own["router"],
            "router.bias": own["router_bias"],
            "experts.gate_up_proj": in_turn.reshape(*in_turn.shape[:2], -1),
            "experts.gate_up_proj_bias": biases.reshape(len(biases), -1),
            "experts.down_proj": turned["down"],
            "experts.down_proj_bias": own["down_bias"],
        }
    state = {
        "gate.weight": own["router"],
        "experts.gate_up_proj": np.concatenate([own["gate"], own["up"]], axis=1),
        "experts.down_proj": own["down"],
        "gate.e_score_correction_bias": own["correction"],
        "e_score_correction_bias": own["correction"],
        "shared_expert_gate.weight": own["shared_score"],
    }
    for shared in ("shared_expert", "shared_experts"):
        for part in ("gate", "up", "down"):
            state[f"{shared}.{part}_proj.weight"] = own[f"shared_{part}"]
    return state


@torch.no_grad()
def mixed(name: str) -> np.ndarray:
    """What transformers' module of a mixture makes of the tokens: [TOKENS, D] float32."""
    mixture = mixtures.MIXTURES[name]
    modeling = importlib.import_module(
        f"transformers.models.{mixture.family}.modeling_{mixture.family}"
    )
    config = transformers.AutoConfig.for_model(mixture.family, **mixture.fields)
    module = getattr(modeling, mixture.module)(config)
    state, held = mixture_state(name), module.state_dict()
    module.load_state_dict({key: torch.tensor(state[key]) for key in held})
    found = module.eval()(torch.from_numpy(mixtures.tokens())[None])
    return (found[0] if isinstance(found, tuple) else found)[0].numpy()


def write_mixtures() -> None:
    """mixtures.npz."""
    values = {name: mixed(name) for name in mixtures.MIXTURES}
    for name, value in values.items():
        print(name, "deviation", value.std())
    np.savez_compressed(HERE / "mixtures.npz", **values)


def write_smollm2(gguf: Path) -> None:
    """smollm2.npz."""
    model, tokens = reference_smollm2(gguf)
    logits = all_logits(model, tokens)
    columns = np.sort(np.random.RandomState(0).choice(logits.shape[1], COLUMNS, replace=False))
    wide = torch.from_numpy(logits).to(torch.float64)
    np.savez_compressed(
        HERE / "smollm2.npz",
        tokens=tokens,
        columns=columns,
        logits=logits[:, columns],
        logsumexp=torch.logsumexp(wide, dim=-1).numpy().astype(np.float32),
        likeliest=logits.argmax(axis=-1),
        greedy=greedy(model, tokens[:QUESTION_POSITIONS], families.GREEDY_TOKENS),
    )


if __name__ == "__main__":
    torch.set_num_threads(2)
    write_families()
    write_mixtures()
    for path in sys.argv[1:]:
        write_smollm2(Path(path))
