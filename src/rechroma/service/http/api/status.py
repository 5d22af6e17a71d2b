"""`/v1/models`, and `/healthz`, `/readyz`, `/metrics` for monitoring."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema

from rechroma.errors import ModelError
from rechroma.models import find_model, get_card, model_names
from rechroma.service.http.service_context import current_service
from rechroma.service.schemas import Health, ModelsView, ModelView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Response

    from rechroma.models import ModelCard

models = APIBlueprint("models", __name__, url_prefix="/v1", tag="Models")
health = APIBlueprint("health", __name__, tag="Health")


@models.get("/models")
@models.output(ModelsView)
def show() -> ModelsView:
    """List the models."""
    return ModelsView(models=list(_views()))


def _views() -> Iterator[ModelView]:
    """Yield the default model, then the others that satisfy the contract."""
    service = current_service()
    default, path = service.models.default, find_model(service.settings.model)
    card, others = default, []
    for name in model_names():
        with suppress(ModelError):  # a file that is not a model is of no use to a client
            if find_model(name) != path:
                others.append(_view(get_card(name), is_default=False))
            elif card is default:
                card = replace(default, name=name)
    yield _view(card, is_default=True)
    yield from others


def _view(card: ModelCard, *, is_default: bool) -> ModelView:
    fields = {name: getattr(card, name, is_default) for name in ModelView.model_fields}
    return ModelView.model_validate(fields)


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
