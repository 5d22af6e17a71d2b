"""The routes, one blueprint a file."""

from __future__ import annotations

from rechroma.service.api.direct import direct
from rechroma.service.api.health import health
from rechroma.service.api.jobs import jobs
from rechroma.service.api.models import models

BLUEPRINTS = (direct, jobs, models, health)

__all__ = ["BLUEPRINTS"]
