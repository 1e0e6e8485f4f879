"""Bars of phases: of a profile (measured time, bytes by kind, idle slots, time on chips, scopes), a
prediction, and the compiled lens (bytes needed and moved, memory against capacity)."""

from collections.abc import Callable, Mapping, Sequence

from ...records import CompiledPhase, CompiledTarget, Phase, Prediction, Profile
from ...records.base import BYTE_KINDS
from .. import theme, units
from ..document import Chart, slug
from .chart_parts import Bar, Part, bars, phase_parts


def _of(
    rows: Sequence[Bar], words: str, name: str, title: str, note: str, legend: bool = True,
    pitch: int = 28, least_width: int = 340, half: bool = False,
) -> Chart:  # fmt: skip
    """The rows as a chart; `words` say what they are to those who do not see it."""
    told = "; ".join(f"{row.name}: {row.text}" for row in rows)
    return Chart(
        name, title, f"{words}. {told}.", lambda: bars(rows, name, legend, pitch), note,
        least_width, half,
    )  # fmt: skip


def time_chart(profile: Profile) -> Chart | None:
    """Measured time of each phase, with the range of its repeats; None where nothing ran."""
    ran = [phase for phase in profile.phases if phase.measured]
    if not ran:
        return None
    note = "measured on this machine; line: range of the repeats"
    return _of(
        _time_rows(ran), "Measured time by phase", "time", "Time", note, False, 32, half=True
    )


def _time_rows(phases: Sequence[Phase]) -> list[Bar]:
    times = [phase.measured.time_s for phase in phases if phase.measured]
    total = sum(time.median for time in times)
    rows = []
    for phase, time, tint in zip(phases, times, _tints(phases), strict=True):
        share = f", {units.share(time.median / total)}" if total > 0 else ""
        text = f"{units.seconds(time.median)}{share}"
        repeats = units.span(units.seconds(time.low), units.seconds(time.high))
        told = {"phase": phase.name, "time": text, "repeats": repeats}
        part = Part(time.median, phase.name, tint, told)
        rows.append(Bar(phase.name, [part], text, (time.low, time.high)))
    return rows


def bytes_chart(profile: Profile) -> Chart | None:
    """HBM bytes by kind, as shares of each phase, so that small phases can be read too."""
    phases = [phase for phase in profile.phases if phase.counted.hbm_bytes.total]
    if not phases:
        return None
    rows, note = [_bytes_row(p) for p in phases], "counted; share of each phase"
    words = "Counted HBM bytes of each phase"
    return _of(rows, words, "bytes", "HBM bytes by kind", note, pitch=32, half=True)


def _bytes_row(phase: Phase) -> Bar:
    moved, parts = phase.counted.hbm_bytes, []
    for kind in BYTE_KINDS:
        size, (label, tint) = getattr(moved, kind), theme.KINDS[kind]
        share = units.share(size / moved.total)
        told = {"phase": phase.name, "kind": label, "bytes": units.bytes_(size), "share": share}
        inside = f"{label} {share}"
        parts.append(Part(size / moved.total, label, theme.colour(tint), told, inside))
    return Bar(phase.name, parts, units.bytes_(moved.total))


def idle_chart(profile: Profile) -> Chart | None:
    """Useful and idle sequence-steps of the phases that decode; None without idle ones."""
    phases = [phase for phase in profile.phases if phase.idle_slots]
    if not phases:
        return None
    rows = [_idle_row(p, t) for p, t in zip(phases, _tints(phases), strict=True)]
    note = "batch slots of finished attempts, counted"
    return _of(rows, "Idle slots by phase", "idle", "Idle slots", note, False, 32, half=True)


def _idle_row(phase: Phase, tint: str) -> Bar:
    slots = phase.tokens + phase.idle_slots
    parts = [
        Part(count / slots, name, colour, {"phase": phase.name, "slots": f"{count:,} {name}"}, name)
        for count, name, colour in (
            (phase.tokens, "useful", tint),
            (phase.idle_slots, "idle", theme.colour("idle")),
        )
    ]
    return Bar(phase.name, parts, f"{units.share(phase.idle_slots / slots)} idle")


def chips_chart(profile: Profile) -> Chart | None:
    """The lower bound of all phases on each chip; None without chips."""
    if not profile.placements:
        return None
    rows = []
    for placement in profile.placements:
        parts = phase_parts(
            (on.phase, on.time_at_peak_s, {"chip": placement.chip,
             "at least": units.seconds(on.time_at_peak_s), "bound": on.bound})
            for on in placement.phases
        )  # fmt: skip
        chips = "" if placement.chips == 1 else f"{placement.chips} {units.TIMES} "
        total = sum(part.value for part in parts)
        rows.append(Bar(f"{chips}{placement.chip}", parts, units.seconds(total)))
    title = "Lower bound of all phases"
    return _of(rows, "Time at datasheet peak", "chips", title, "from the datasheet")


def scopes_chart(times: Mapping[str, Mapping[str, float]], phases: Sequence[str]) -> Chart:
    """Self time by scope, its phases in their colours; `times` is scope -> phase -> seconds."""
    whole = sum(sum(by_phase.values()) for by_phase in times.values()) or 1.0  # all of them 0
    tints = dict(zip(phases, theme.phase_colours(phases), strict=True))
    rows = []
    for scope, by_phase in times.items():
        parts = [
            Part(by_phase[phase], phase, tints[phase],
                 {"scope": scope, "phase": phase, "self time": units.seconds(by_phase[phase])},
                 phase)
            for phase in phases if phase in by_phase
        ]  # fmt: skip
        total = sum(by_phase.values())
        rows.append(Bar(scope, parts, f"{units.seconds(total)}, {units.share(total / whole)}"))
    words, note = "Self time by scope", "measured in one traced generation"
    return _of(rows, words, "trace", words, note, least_width=560)


def times_chart(predictions: Sequence[Prediction]) -> Chart:
    """Time of all phases on each slice, phases in their colours, the 80 % interval as a line."""
    words, title = "Predicted time on each slice", "Predicted time of all phases"
    note = "median by phase; line: 80 % interval of the whole"
    rows = [_slice_row(prediction) for prediction in predictions]
    return _of(rows, words, "predicted", title, note, least_width=480)


def _slice_row(prediction: Prediction) -> Bar:
    parts = phase_parts(
        (phase.phase, phase.time_s.median, {"slice": prediction.slice, "bound": phase.bound,
         "time": units.with_bounds(phase.time_s, units.seconds)})
        for phase in prediction.phases if phase.steps > 0
    )  # fmt: skip
    time = prediction.time_s
    span = (time.low, time.high) if time.low < time.high else None
    return Bar(prediction.slice, parts, units.seconds(time.median), span)


def resources_chart(
    shares: Mapping[str, Mapping[str, float]], lens: str, half: bool = False, of: str = ""
) -> Chart:
    """On each slice or chip the share of the time that each resource holds.

    Shares are -d log(time) / d log(rate): 1 % more of a resource takes its share in per cent off.
    """
    most = {place: max(each, key=lambda resource: each[resource]) for place, each in shares.items()}
    told = "; ".join(
        f"{place}: {theme.RESOURCES[r][0]} {units.share(shares[place][r])}"
        for place, r in most.items()
    )
    return Chart(
        name=slug(f"resources {of}"),
        title=f"What holds the time{' of ' if of else ''}{of}",
        note=f"share of the time that each resource holds, {lens}",
        alt=f"What holds most of the time. {told}.",
        draw=lambda: bars(_resource_rows(shares), "resources", legend=True, pitch=28),
        least_width=480,
        half=half,
    )


def _resource_rows(shares: Mapping[str, Mapping[str, float]]) -> list[Bar]:
    rows = []
    for place, each in shares.items():
        looks = [(*theme.RESOURCES[name], share) for name, share in each.items() if share > 0.001]
        parts = [
            Part(share, label, theme.colour(tint),
                 {"on": place, "resource": label, "share": units.share(share)}, units.share(share))
            for label, tint, share in looks
        ]  # fmt: skip
        rows.append(Bar(place, parts, ""))
    return rows


def kinds_chart(
    target: CompiledTarget, moved_by_kind: Callable[[CompiledPhase], Mapping[str, int]]
) -> Chart:
    """Needed beside moved, by kind; each phase on a scale of its own."""
    name = f"compiled-{slug(target.target)}"
    sums = [(p.phase, p.counted_bytes.total, p.hbm_bytes) for p in target.phases]
    told = "; ".join(
        f"{phase}: {units.bytes_(needed)} needed, {units.bytes_(moved)} moved"
        for phase, needed, moved in sums
    )
    return Chart(
        name=name,
        title="HBM bytes by kind",
        note="needed (counted) above moved (compiled); each phase on a scale of its own",
        alt=f"HBM bytes on {target.target}. {told}.",
        draw=lambda: bars(_kind_rows(target, moved_by_kind), name, True),
        least_width=560,
    )


def _kind_rows(
    target: CompiledTarget, moved_by_kind: Callable[[CompiledPhase], Mapping[str, int]]
) -> list[Bar]:
    rows = []
    for phase in target.phases:
        needed, moved = phase.counted_bytes.total, phase.hbm_bytes
        most = max(needed, moved)
        if not most:
            continue
        counted = {kind: getattr(phase.counted_bytes, kind) for kind in BYTE_KINDS}
        told = units.bytes_(moved) + (f", {units.ratio(phase.ratio)}" if needed else "")
        parts, own = _parts(phase, counted, most), _parts(phase, moved_by_kind(phase), most)
        rows.append(Bar(f"{phase.phase}, needed", parts, units.bytes_(needed)))
        rows.append(Bar(f"{phase.phase}, moved", own, told))
    return rows


def _parts(phase: CompiledPhase, sizes: Mapping[str, int], most: int) -> list[Part]:
    """Parts as shares of the phase's longer bar."""
    made = []
    for kind, size in sizes.items():
        look = "copies" if kind.startswith("copy of ") else kind  # copies share one, so do unknown
        label, tint = theme.KINDS.get(look, theme.KINDS["rest"])
        text = units.bytes_(size)
        told = {"phase": phase.phase, "kind": kind.replace("_", " "), "bytes": text}
        made.append(Part(size / most, label, theme.colour(tint), told, f"{label} {text}"))
    return made


def memory_chart(target: CompiledTarget) -> Chart:
    """Peak memory of one device: arguments and the rest, against its capacity."""
    limited = any(p.memory.capacity_bytes is not None for p in target.phases)
    note = f"compiled; XLA's buffer assignment{'; stroke: capacity' if limited else ''}"
    return _of(
        _memory_rows(target), f"Peak memory of a device of {target.target}",
        f"memory-{slug(target.target)}", "Peak memory per device", note, pitch=32, least_width=480,
    )  # fmt: skip


def _memory_rows(target: CompiledTarget) -> list[Bar]:
    rows = []
    for phase in target.phases:
        memory = phase.memory
        inside = min(memory.peak_bytes, memory.capacity_bytes or memory.peak_bytes)
        arguments = min(memory.argument_bytes, inside)
        sizes = [("arguments", arguments, "slate"),
                 ("temporaries and results", inside - arguments, "mist"),
                 ("over capacity", memory.peak_bytes - inside, "loud")]  # fmt: skip
        limit, text = None, units.bytes_(memory.peak_bytes)
        if memory.capacity_bytes is not None:
            capacity = units.tick(units.bytes_(memory.capacity_bytes))
            limit = (memory.capacity_bytes, f"capacity {capacity}")
            text = f"{text} of {capacity}"
            sizes.append(("free", memory.capacity_bytes - inside, "grid"))
        parts = [
            Part(size, what, theme.colour(tint),
                 {"phase": phase.phase, "part": what, "bytes": units.bytes_(size)})
            for what, size, tint in sizes if size > 0
        ]  # fmt: skip
        rows.append(Bar(phase.phase, parts, text, limit=limit))
    return rows


def _tints(phases: Sequence[Phase]) -> list[str]:
    return theme.phase_colours([phase.name for phase in phases])
