"""The routes, one blueprint a file."""

from __future__ import annotations

from rechroma.service.http.api.health import health
from rechroma.service.http.api.images import direct
from rechroma.service.http.api.jobs import jobs
from rechroma.service.http.api.models import models

BLUEPRINTS = (direct, jobs, models, health)

__all__ = ["BLUEPRINTS"]
