"""Tests run on the CPU, also where libtpu is installed for its compiler."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
