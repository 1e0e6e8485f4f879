"""Run: a profile that shows itself, and `profile`, which makes one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ...model.config import DType
from ...model.sampling import sampler
from ...model.tasks import Problem
from ..asking import (
    DEFAULT_MODEL,
    answer_budget_for,
    attempts_for,
    problems_for,
    prompt_tokens_for,
    prompts_in,
    targets_for,
    task_for,
    temperature_for,
    think_budget_for,
)
from ..errors import ProfileInputError
from ..model_spec import Weights, resolve_subject
from ..names import chips_for, slice_named
from ..profiler import profile as profiled
from ..records import Profile
from ..records.files import load_profile
from ..reports.charts.roofline import roofline
from ..reports.renderers.notebook import Picture, cell, frame
from ..reports.sections.predicted import resources, slices_table
from ..reports.sections.profile import notebook_document
from ..reports.sections.profile_facts import headline
from ..reports.sections.profile_tables import bytes_table, phase_table, slots_table, thought_table
from ..reports.write import write_run
from ..strategy_request import strategy_for
from ..workload import Request
from .watching import watched


@dataclass(frozen=True)
class Run:
    """One profile. `record` holds every figure; the rest are views of it."""

    record: Profile

    def __repr__(self) -> str:
        return f"{self.record.name}: {headline(self.record)}"

    def _repr_html_(self) -> str:
        return cell(notebook_document(self.record))

    @property
    def phases(self) -> Any:
        """A row for each phase, as a DataFrame where pandas is installed, else a list of dicts."""
        record = self.record
        return frame(phase_table(record), bytes_table(record), slots_table(record))

    @property
    def thought(self) -> Any:
        """A row for each of at most 64 decode steps along the thought."""
        return frame(thought_table(self.record, every=True))

    @property
    def predictions(self) -> Any:
        """A row for each slice that the workload is predicted on."""
        return frame(slices_table(self.record.predictions))

    def roofline(self) -> Picture:
        """The phases under the chips' roofs.

        Raises ProfileInputError where there is no roof to draw.
        """
        chart = roofline(self.record)
        if chart is None:
            raise ProfileInputError("the profile has no roof: profile with chips=['v5e']")
        return Picture(chart)

    def sensitivity(self) -> Picture:
        """The share of the time that each resource holds, chip by chip.

        Raises ProfileInputError where the profile names no chip.
        """
        chart = resources(self.record)
        if chart is None:
            raise ProfileInputError("the profile names no chip: profile with chips=['v5e']")
        return Picture(chart)

    def save(self, folder: str | Path) -> Path:
        """Write profile.json, both reports and TensorBoard events; returns the folder.

        Raises ProfileInputError where that cannot be.
        """
        write_run(self.record, Path(folder))
        return Path(folder)


def load(folder: str | Path) -> Run:
    """The run that `Run.save` or `rooflink profile` wrote; raises ProfileInputError."""
    return Run(load_profile(Path(folder)))


def profile(
    model: str = DEFAULT_MODEL,
    prompts: str | Sequence[str] | None = None,
    *,
    task: str | None = None,
    limit: int | None = None,
    strategy: str | None = None,
    verifier: str | Path | None = None,
    attempts: int | None = None,
    think_budget: int | None = None,
    answer_budget: int | None = None,
    think_end: str | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    batch: int | None = None,
    prompt_tokens: int | None = None,
    weights: Weights = "own",
    dtype: DType | None = None,
    chips: Sequence[str] = (),
    slices: Sequence[str] = (),
    compile: Sequence[str] | None = None,
    repeats: int = 3,
    seed: int = 0,
    name: str | None = None,
    trace: str | Path | None = None,
    progress: bool = True,
) -> Run:
    """Count, and where it can run measure, what each phase of a chain of thought costs.

    `rooflink profile` as a function: `model` is a preset, a .gguf file, a Hugging Face folder or
    a hub id; `prompts` a text, a file with one a line, or a list; `task` problems with checked
    answers ('chain:k=8'). `strategy` ('self-consistency:n=8') answers them in its own phases, by
    its own settings in place of `attempts` (4) and `temperature` (0.6); `verifier` is the folder
    of a trained one for strategies that take one. `weights` 'none' counts costs only. `chips` and
    `slices` ('v5e', 'h100-8') are predicted on; without either, the TPUs with a price. Lengths are
    in tokens, None for a default that fits. `trace` is a folder for one traced generation, as
    `--trace` makes it: time by scope in the record, a session for XProf. The device (TPU, else
    CPU) is found by itself.

    Raises ModelInputError, ChipInputError or ProfileInputError for what the caller can mend.
    """
    over = [slice_named(text) for text in slices]
    placed_on = chips_for(chips, over)
    subject = resolve_subject(model, weights, dtype)
    task = task or (None if prompts else task_for(subject))
    by_strategy = strategy_for(
        strategy, subject, None if verifier is None else Path(verifier),
        {"attempts": attempts, "temperature": temperature, "top_k": top_k, "top_p": top_p},
    )  # fmt: skip
    request = Request(
        problems=problems_for(_problems(prompts), task, limit, seed),
        attempts=attempts_for(by_strategy, attempts),
        think_budget=think_budget_for(subject, think_budget),
        answer_budget=answer_budget_for(subject, answer_budget),
        sampler=sampler(temperature_for(temperature), top_k, top_p),
        batch=batch,
        think_end=think_end,
        prompt_tokens=prompt_tokens_for(subject, prompt_tokens),
        task=task,
        seed=seed,
        strategy=by_strategy,
    )
    targets = targets_for(compile, subject, by_strategy)
    named = name or f"{subject.config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    with watched(progress) as watcher:
        found = profiled(
            subject, request, placed_on, repeats, named, "python", watcher, targets, slices=over,
            trace=Path(trace) if trace else None,
        )  # fmt: skip
    return Run(found)


def _problems(prompts: str | Sequence[str] | None) -> list[Problem] | None:
    if prompts is None:
        return None
    return prompts_in(prompts) if isinstance(prompts, str) else [Problem(text) for text in prompts]
