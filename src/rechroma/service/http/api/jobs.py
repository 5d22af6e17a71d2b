"""`/v1/jobs`: one image or a batch, colorized after the request."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response, g, request, send_file, url_for
from werkzeug.wsgi import FileWrapper

from rechroma.errors import RechromaError
from rechroma.service.errors import (
    AuthenticationError,
    BadRequestError,
    JobExpiredError,
    OverloadedError,
)
from rechroma.service.http.api.images import media_type
from rechroma.service.http.service_context import current_service
from rechroma.service.http.uploads import read_job_upload
from rechroma.service.jobs import JobRecord, JobService, JobState, ResultFile
from rechroma.service.jobs.job_service import name_of_result
from rechroma.service.jobs.types import JobCursor
from rechroma.service.jobs.webhooks import check_webhook_url
from rechroma.service.problem_details import report_problem
from rechroma.service.schemas import (
    ColorizeRequest,
    ImageView,
    JobOptions,
    JobQuery,
    JobsQuery,
    JobsView,
    JobView,
    Links,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel

jobs = APIBlueprint("jobs", __name__, url_prefix="/v1/jobs", tag="Jobs")

_MAX_IDEMPOTENCY_KEY = 255
_POLL_INTERVAL = 0.25  # seconds
_KEEPALIVE = 10.0  # a closed connection is only noticed when something is sent
_MAX_DURATION = 600.0  # the client then reconnects: no stream holds its slot forever
_FINISHED = ("done", "failed", "expired")


@jobs.post("")
@jobs.input(JobQuery, location="query", arg_name="query")
@jobs.output(JobView, status_code=202, description="The job is queued.")
def submit(query: JobQuery) -> tuple[JobView, int, dict[str, str]]:
    """Submit one image or a batch.

    With the header `Idempotency-Key`, the request can safely be sent again.
    """
    service = current_service()
    settings = service.settings
    max_images = min(settings.job_images, settings.queue)  # more would never fit into the queue
    upload = read_job_upload(settings.job_bytes, max_images)
    options = JobOptions.model_validate(query.model_dump(exclude={"webhook"}))
    wanted = ColorizeRequest(options=options, hints=upload.hints)
    service.models.check(wanted)
    check_webhook_url(query.webhook, g.owner, private=settings.private_webhooks)
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _MAX_IDEMPOTENCY_KEY:
        raise BadRequestError(
            f"the Idempotency-Key must have 1 to {_MAX_IDEMPOTENCY_KEY} characters"
        )
    job = service.job_service.submit(
        upload.images, wanted, g.owner, service.runner, key, query.webhook
    )
    view = make_view(job, settings.keep)
    return view, 202, {"Location": view.links.self}


@jobs.get("")
@jobs.input(JobsQuery, location="query", arg_name="query")
@jobs.output(JobsView)
def index(query: JobsQuery) -> JobsView:
    """List the jobs of the API key, the newest first, page by page."""
    if not g.owner:
        raise AuthenticationError(
            "jobs are listed only for an API key",
            hint="The owner of the service can set RECHROMA_KEYS.",
        )
    service = current_service()
    after = None if query.after is None else _parse_cursor(query.after)
    found, following = service.job_service.list_jobs(g.owner, query.count, after)
    position = following and f"{following.created!r}-{following.id}"
    return JobsView(
        jobs=[make_view(job, service.settings.keep) for job in found],
        next=position and url_for("jobs.index", count=query.count, after=position),
    )


@jobs.get("/<job_id>")
@jobs.output(JobView)
def show(job_id: str) -> JobView:
    """Get the state of a job."""
    service = current_service()
    return make_view(service.job_service.get(job_id, g.owner), service.settings.keep)


@jobs.get("/<job_id>/result")
@jobs.output(FileSchema(), content_type="image/*")
@jobs.doc(responses={409: "The job has no result yet.", 410: "The result was deleted."})
def result(job_id: str) -> Response:
    """Download the result: the image, or a zip for several images.

    The header `Range` requests a part of it.
    """
    return _result_response(job_id, JobService.get_result)


@jobs.get("/<job_id>/results/<name>")
@jobs.output(FileSchema(), content_type="image/*")
@jobs.doc(responses={410: "The result was deleted."})
def named_result(job_id: str, name: str) -> Response:
    """Download the result of one image by its name, as soon as the image is done."""
    return _result_response(job_id, lambda service, job: service.get_named_result(job, name))


@jobs.delete("/<job_id>")
@jobs.output({}, status_code=204)
def remove(job_id: str) -> tuple[str, int]:
    """Delete a job with its images and results, whatever its state."""
    current_service().job_service.delete(job_id, g.owner)
    return "", 204


@jobs.get("/<job_id>/events")
@jobs.output(FileSchema(), content_type="text/event-stream")
def events(job_id: str) -> Response:
    """Stream the changes of a job as server-sent events.

    The name of each event is the state of the job, and its data is the job.
    """
    service, owner = current_service(), g.owner
    keep = service.settings.keep
    first = make_view(service.job_service.get(job_id, owner), keep)
    if not service.stream_slots.acquire(blocking=False):
        raise OverloadedError("too many event streams are open", hint="Poll the job instead.")

    def poll() -> JobView:
        return make_view(service.job_service.get(job_id, owner), keep, first.links)

    response = Response(
        stream_events(first, poll, service.closing),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    response.call_on_close(service.stream_slots.release)
    return response


def make_view(job: JobRecord, keep: float, links: Links | None = None) -> JobView:
    """Convert a job for the response; its links can only be made during a request."""
    counts = job.counts
    failed = job.state is JobState.FAILED
    return JobView(
        id=job.id,
        state=job.state.value,
        total=len(job.images),
        done=counts[JobState.DONE],
        failed=counts[JobState.FAILED],
        created=_iso_time(job.created),
        ended=None if job.ended is None else _iso_time(job.ended),
        expires=None if job.ended is None else _iso_time(job.ended + keep),
        problem=next((each.problem for each in job.images if each.problem), None)
        if failed
        else None,
        images=[
            ImageView.model_validate(
                {
                    "number": each.number,
                    "name": each.name,
                    "state": each.state.value,
                    "was_color": each.result and each.result.was_color,
                    "pages": each.result and each.result.pages,
                    "damage": each.result and each.result.damage,
                    "unreadable_metadata": each.result.unreadable_metadata if each.result else (),
                    "result": name_of_result(job, each),
                    "problem": each.problem,
                }
            )
            for each in job.images
        ],
        links=links
        or Links(
            self=url_for("jobs.show", job_id=job.id),
            result=url_for("jobs.result", job_id=job.id),
            events=url_for("jobs.events", job_id=job.id),
        ),
    )


def _parse_cursor(text: str) -> JobCursor:
    created, _, job_id = text.partition("-")
    return JobCursor(float(created), job_id)


def _result_response(job_id: str, find: Callable[[JobService, JobRecord], ResultFile]) -> Response:
    byte_range = request.range  # RFC 9110: answer all other kinds of range with the whole
    if byte_range is None or byte_range.units != "bytes" or len(byte_range.ranges) > 1:
        request.environ.pop("HTTP_RANGE", None)
    job_service = current_service().job_service
    job = job_service.get(job_id, g.owner)
    try:
        response = _send_result(find(job_service, job))
    except FileNotFoundError as error:  # removed since the store was read
        raise JobExpiredError("the result was deleted") from error
    response.cache_control.private = True
    return response


def _send_result(file: ResultFile) -> Response:
    mimetype = media_type(file.format) if file.format else "application/zip"
    as_attachment = file.format is None
    if isinstance(file.content, Path):
        return send_file(file.content, mimetype, as_attachment, file.name)
    stream, size = file.content.stream, file.content.size
    response = send_file(
        stream, mimetype, as_attachment, file.name, conditional=False, etag=file.content.tag
    )
    # The server's own file wrapper would block its main loop on remote storage.
    response.response = FileWrapper(stream)
    response.content_length = size
    response.make_conditional(request, accept_ranges=True, complete_length=size)
    return response


def _iso_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def stream_events(
    first: JobView, poll: Callable[[], JobView], closing: threading.Event
) -> Iterator[str]:
    """Yield the events of a job until it is finished: it is polled, and each change is an event.

    Args:
        first: The job now.
        poll: Returns the job at the time of the call.
        closing: Set when the server stops.

    Returns:
        The text of each event: the job in its new state, or a problem if it was deleted.
    """
    start = sent_at = monotonic()
    sent = first
    yield _event(first.state, first)
    while sent.state not in _FINISHED and monotonic() - start < _MAX_DURATION:
        if closing.wait(_POLL_INTERVAL):
            return
        try:
            current = poll()
        except RechromaError as error:
            yield _event("problem", report_problem(error))
            return
        if current != sent:
            sent, sent_at = current, monotonic()
            yield _event(current.state, current)
        elif monotonic() - sent_at > _KEEPALIVE:
            sent_at = monotonic()
            yield ": keepalive\n\n"


def _event(name: str, data: BaseModel) -> str:
    return f"event: {name}\ndata: {data.model_dump_json()}\n\n"
