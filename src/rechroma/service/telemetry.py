"""Metrics of the service, in the format of Prometheus."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from flask import Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from rechroma.errors import RechromaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from apiflask import APIFlask
    from prometheus_client import Metric


_BUCKETS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Telemetry:
    """Metrics of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "rechroma_requests",
            "HTTP requests",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "rechroma_request_seconds",
            "Seconds until the response started",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._images = Counter(
            "rechroma_images",
            "Images that were colorized, or failed",
            ("route", "outcome"),
            registry=self._registry,
        )
        self._webhooks = Counter(
            "rechroma_webhooks",
            "Webhook deliveries that succeeded, or failed",
            ("outcome",),
            registry=self._registry,
        )

    def init_app(self, app: APIFlask) -> None:
        """Count the requests of an app."""
        app.before_request(_start_timer)
        app.after_request(self._count)

    def watch_queue(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Export the number of images of jobs in each state, which `counts` returns."""

        def collect() -> Iterator[Metric]:
            gauge = GaugeMetricFamily(
                "rechroma_job_images", "Images of stored jobs", labels=("state",)
            )
            with suppress(RechromaError):  # the other metrics matter most when something is wrong
                found = counts()
                for state in ("queued", "running", "done", "failed"):
                    gauge.add_metric((state,), found.get(state, 0))
                yield gauge

        self._registry.register(_FunctionCollector(collect))

    def watch_workers(self, process_ids: Callable[[], Iterable[int]]) -> None:
        """Export memory and processor time of the processes that `process_ids` returns."""

        def collect() -> Iterator[Metric]:
            usage = [_usage(process_id) for process_id in process_ids()]
            yield GaugeMetricFamily(
                "rechroma_workers_memory_bytes",
                "Resident memory of the worker processes; shared pages count for each",
                sum(one.get("process_resident_memory_bytes", 0.0) for one in usage),
            )
            yield CounterMetricFamily(
                "rechroma_workers_cpu_seconds",
                "Processor time of the worker processes",
                sum(one.get("process_cpu_seconds_total", 0.0) for one in usage),
            )

        self._registry.register(_FunctionCollector(collect))

    def count_webhook(self, *, delivered: bool) -> None:
        """Count a webhook delivery that succeeded or failed."""
        self._webhooks.labels("delivered" if delivered else "failed").inc()

    def count_image(self, route: Literal["direct", "job"], *, done: bool) -> None:
        """Count an image that was colorized or failed."""
        self._images.labels(route, "done" if done else "failed").inc()

    @contextmanager
    def counting(self, route: Literal["direct", "job"]) -> Iterator[None]:
        """Count an image, as failed if the block raises."""
        done = False
        try:
            yield
            done = True
        finally:
            self.count_image(route, done=done)

    def export(self) -> Response:
        """Return all metrics as a response."""
        return Response(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)

    def _count(self, response: Response) -> Response:
        # The rule, not the path: clients could make up any number of paths.
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.url_rule else "none"
        self._requests.labels(method, route, response.status_code).inc()
        self._seconds.labels(route).observe(perf_counter() - g.get("start", perf_counter()))
        return response


class _FunctionCollector(Collector):
    def __init__(self, function: Callable[[], Iterator[Metric]]) -> None:
        self._function = function

    def collect(self) -> Iterator[Metric]:
        return self._function()


def _usage(process_id: int) -> dict[str, float]:
    """Read a process's metrics, by their Prometheus names; nothing if it has exited."""
    families = ProcessCollector(pid=lambda: process_id, registry=None).collect()
    samples = (sample for family in families for sample in family.samples)
    return {sample.name: sample.value for sample in samples}


def _start_timer() -> None:
    g.start = perf_counter()
