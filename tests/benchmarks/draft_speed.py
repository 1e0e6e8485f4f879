"""What drafts save on this machine: seconds of plain decoding over those with drafts, side by side.

    python tests/benchmarks/draft_speed.py [--rounds 3] [--model MODEL] [--task bundled]

A row is a way to draft: the ratio of whole thoughts' seconds (median over rounds that take turns;
below 1 drafts cost time) beside the tokens that a check says, which it cannot exceed. The first
rows are the embedded reasoner's; with --model, as --model of the command line takes it (such as
smollm2-135m), that model's on the task follow. `same` is the model as its own draft: every draft is
kept, and none is cheap. Nothing is asserted: machines differ and are noisy.
"""

import argparse
from statistics import median

import jax

from rooflink.model.generation.engine import Engine, Questions
from rooflink.model.phases import CHECK, THINK
from rooflink.model.strategies.registry import parse_strategy
from rooflink.model.tasks import parse_task
from rooflink.model.tasks.parse import ListedTask
from rooflink.profiling.backend import choose_backend
from rooflink.profiling.measured.run import PhaseClock, answer_batch
from rooflink.profiling.model_spec import resolve_subject
from rooflink.profiling.workload import prompted

DRAFTS = ("ngram,n=2", "ngram,n=4", "early-exit,n=2", "same,n=4")


def compare(model: str, task: str, problems: int, think_budget: int, rounds: int) -> None:
    subject = resolve_subject(model, "own", "float32")
    assert subject.tokenizer is not None
    named = parse_task(task)
    asked = (
        list(named.listed[:problems])
        if isinstance(named, ListedTask)
        else named.problems("test", problems, 0)
    )
    prompts = prompted(subject.tokenizer, asked, think_budget, 8)
    loaded = subject.load(0, 0)
    slots = max(map(len, prompts.prompts))
    engine = Engine(loaded, prompts.answer_format, 0, slots, drafts={"same": loaded})
    texts = ["greedy", *(f"speculative:draft={draft}" for draft in DRAFTS)]
    seconds: dict[str, list[float]] = {text: [] for text in texts}
    tokens: dict[str, float] = {}
    for turn in range(rounds + 1):  # the first compiles
        for text in texts:
            clock = PhaseClock()
            answered = answer_batch(engine, parse_strategy(text), Questions(prompts.prompts), clock)
            acceptance = answered[0].log.acceptance
            tokens[text] = acceptance.tokens / acceptance.checks if acceptance else 1.0
            if turn:
                seconds[text].append(clock.time_s[THINK] + clock.time_s[CHECK])
    plain = median(seconds["greedy"])
    print(f"{model}, {len(asked)} prompts together, up to {think_budget} tokens of thought")
    for text in texts[1:]:
        ratio = plain / median(seconds[text])
        print(f"  {text:<36} {ratio:6.2f} times as fast, {tokens[text]:.2f} tokens a check")


def main() -> None:
    choose_backend()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model")
    parser.add_argument("--task", default="bundled")
    options = parser.parse_args()
    compare("reasoner", "chain:k=12", 1, 24, options.rounds)
    compare("reasoner", "chain:k=12", 32, 24, options.rounds)
    if options.model:
        jax.clear_caches()
        compare(options.model, options.task, 1, 96, options.rounds)


main()
