"""Settings for the whole suite."""

from __future__ import annotations

import os

# Many small matrices: threads cost more than they bring, and the machine may be busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")
