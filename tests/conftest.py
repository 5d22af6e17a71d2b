"""Settings for the whole suite."""

from __future__ import annotations

import os

from hypothesis import settings

# Many small matrices: threads cost more than they bring, and the machine may be busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Hypothesis would take a busy machine for a fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
