"""Routes of the REST API, one blueprint per file."""

from __future__ import annotations

from rechroma.service.http.api.health import health
from rechroma.service.http.api.images import images
from rechroma.service.http.api.jobs import jobs
from rechroma.service.http.api.models import models

BLUEPRINTS = (images, jobs, models, health)

__all__ = ["BLUEPRINTS"]
