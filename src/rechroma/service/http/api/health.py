"""How the service is: for whoever watches over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema

from rechroma.service.http.context import current_service
from rechroma.service.schemas import Health

if TYPE_CHECKING:
    from flask import Response

health = APIBlueprint("health", __name__, tag="Health")


@health.get("/healthz")
@health.output(Health)
def alive() -> Health:
    """Whether the server answers."""
    return Health()


@health.get("/readyz")
@health.output(Health)
@health.doc(responses={503: "The table of jobs cannot be read."})
def ready() -> Health:
    """Whether pictures can be sent: the model is loaded, and the table of jobs can be read."""
    current_service().store.counts()  # an app without its model is never made
    return Health()


@health.get("/metrics")
@health.output(FileSchema(), content_type="text/plain")
def metrics() -> Response:
    """Figures for Prometheus."""
    return current_service().telemetry.answer()
