"""What is measured of a service, in the words of Prometheus."""

from __future__ import annotations

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


_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)


class Telemetry:
    """The figures of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "rechroma_requests",
            "Requests that were answered",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "rechroma_request_seconds",
            "Time until the answer began",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._pictures = Counter(
            "rechroma_pictures",
            "Pictures that were colored, or could not be",
            ("way", "outcome"),
            registry=self._registry,
        )

        self._callbacks = Counter(
            "rechroma_callbacks",
            "Ends of jobs that were told to somebody, or tried to",
            ("outcome",),
            registry=self._registry,
        )

    def watch(self, app: APIFlask) -> None:
        """Count all requests to an app."""
        app.before_request(_begin)
        app.after_request(self._count)

    def watch_queue(self, counts: Callable[[], Mapping[str, int]]) -> None:
        """Show how many pictures of jobs there are in each state, which `counts` tells."""
        self._registry.register(_Queue(counts))

    def watch_hands(self, process_ids: Callable[[], Iterable[int]]) -> None:
        """Show what the processes that `process_ids` tells take."""
        self._registry.register(_Processes(process_ids))

    def count_callback(self, *, heard: bool) -> None:
        """Count an end of a job that was told, or tried to."""
        self._callbacks.labels("heard" if heard else "failed").inc()

    def count_picture(self, way: Literal["direct", "job"], *, done: bool) -> None:
        """Count a picture that was colored, or could not be."""
        self._pictures.labels(way, "done" if done else "failed").inc()

    def answer(self) -> Response:
        """All figures."""
        return Response(generate_latest(self._registry), content_type=CONTENT_TYPE_LATEST)

    def _count(self, response: Response) -> Response:
        # The rule and not the path, which anyone could make up without end.
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.url_rule else "none"
        self._requests.labels(method, route, response.status_code).inc()
        self._seconds.labels(route).observe(perf_counter() - g.get("began", perf_counter()))
        return response


class _Queue(Collector):
    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "rechroma_job_pictures", "Pictures of jobs that are kept", labels=("state",)
        )
        try:
            counts = self._counts()
        except RechromaError:  # the other figures are wanted most when something is wrong
            return
        for state in ("queued", "running", "done", "failed"):
            gauge.add_metric((state,), counts.get(state, 0))
        yield gauge


class _Processes(Collector):
    def __init__(self, process_ids: Callable[[], Iterable[int]]) -> None:
        self._process_ids = process_ids

    def collect(self) -> Iterator[Metric]:
        taken = [_taken(process_id) for process_id in self._process_ids()]
        yield GaugeMetricFamily(
            "rechroma_hands_memory_bytes",
            "Resident memory of the processes that color, what they share counted for each",
            sum(one.get("process_resident_memory_bytes", 0.0) for one in taken),
        )
        yield CounterMetricFamily(
            "rechroma_hands_cpu_seconds",
            "Processor time of the processes that color",
            sum(one.get("process_cpu_seconds_total", 0.0) for one in taken),
        )


def _taken(process_id: int) -> dict[str, float]:
    """What a process takes, by the names that Prometheus has for it; nothing if it has ended."""
    families = ProcessCollector(pid=lambda: process_id, registry=None).collect()
    samples = (sample for family in families for sample in family.samples)
    return {sample.name: sample.value for sample in samples}


def _begin() -> None:
    g.began = perf_counter()
