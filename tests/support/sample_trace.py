"""A traced generation whose figures are round, for tests of the reports."""

from rooflink.profiling.records import UNATTRIBUTED, ScopeTime, Spread, Trace


def sample_trace() -> Trace:
    """10 thread-seconds, 9 of them with a phase and a scope; twice as slow as untraced."""
    times = {
        ("think", "mlp"): 4.0,
        ("prefill", "mlp"): 1.0,
        ("think", "attention/scores"): 3.0,
        ("answer", "head"): 1.0,
        ("think", UNATTRIBUTED): 0.75,
        (UNATTRIBUTED, UNATTRIBUTED): 0.25,
    }
    return Trace(
        session="plugins/profile/measured",
        clock="CPU threads",
        lines=2,
        scopes=[
            ScopeTime(phase=phase, scope=scope, self_time_s=time_s)
            for (phase, scope), time_s in times.items()
        ],
        dispatch_s=0.5,
        traced_s=8.0,
        untraced_s=Spread(median=4.0, low=3.0, high=5.0, repeats=[3.0, 4.0, 5.0]),
    )
