"""Which devices get a kernel."""

from types import SimpleNamespace

import jax
import pytest

from rooflink.profiling.backend import attention_kernel


@pytest.mark.parametrize(
    ("platform", "cores", "wanted"),
    [("tpu", 1, False), ("tpu", 2, True), ("tpu", None, False), ("gpu", 2, False)],
)
def test_the_kernel_is_for_tpus_of_several_cores(
    platform: str, cores: int | None, wanted: bool
) -> None:
    device = SimpleNamespace(platform=platform, num_cores=cores)
    assert (attention_kernel(device) is not None) == wanted


def test_this_cpu_needs_none() -> None:
    assert attention_kernel(jax.devices("cpu")[0]) is None
