"""`/healthz`, `/readyz` and `/metrics`: the state of the service, for monitoring."""

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
    """Check that the server responds."""
    return Health()


@health.get("/readyz")
@health.output(Health)
@health.doc(responses={503: "The job store cannot be read."})
def ready() -> Health:
    """Check that images can be sent: the model is loaded, and the job store can be read."""
    current_service().store.counts()  # there is no app without a loaded model
    return Health()


@health.get("/metrics")
@health.output(FileSchema(), content_type="text/plain")
def metrics() -> Response:
    """Get metrics in the format of Prometheus."""
    return current_service().telemetry.export()
