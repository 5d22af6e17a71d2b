"""Routes of the REST API."""

from __future__ import annotations

from rechroma.service.http.api.images import images
from rechroma.service.http.api.jobs import jobs
from rechroma.service.http.api.status import health, models

BLUEPRINTS = (images, jobs, models, health)

__all__ = ["BLUEPRINTS"]
