"""`/v1/jobs`: one picture or many, colored after the request."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from apiflask import APIBlueprint
from apiflask.schemas import FileSchema
from flask import Response, g, request, send_file, url_for
from werkzeug.wsgi import FileWrapper

from rechroma.service.errors import BadRequestError, JobExpiredError, OverloadedError
from rechroma.service.http.context import current_service
from rechroma.service.http.media_types import MEDIA_TYPES
from rechroma.service.http.sse import event_stream
from rechroma.service.http.uploads import read_job_upload
from rechroma.service.jobs import JobRecord, JobState, ResultFile
from rechroma.service.jobs.webhooks import check_webhook_url
from rechroma.service.schemas import (
    ColorizeRequest,
    JobOptions,
    JobQuery,
    JobView,
    Links,
    PictureView,
)

jobs = APIBlueprint("jobs", __name__, url_prefix="/v1/jobs", tag="Jobs")

_MAX_KEY = 255


@jobs.post("")
@jobs.input(JobQuery, location="query", arg_name="query")
@jobs.output(JobView, status_code=202, description="The job is kept, and is done in its turn.")
def submit(query: JobQuery) -> tuple[JobView, int, dict[str, str]]:
    """Hand in one picture or many.

    The header `Idempotency-Key` makes it safe to send the request again.
    """
    service = current_service()
    settings = service.settings
    most = min(settings.job_pictures, settings.queue)  # more could wait for ever
    upload = read_job_upload(settings.job_bytes, most)
    options = JobOptions.model_validate(query.model_dump(exclude={"callback"}))
    order = ColorizeRequest(options=options, hints=upload.hints)
    service.models.check(order)
    check_webhook_url(query.callback, g.owner, private=settings.private_callbacks)
    job = service.job_service.submit(
        upload.pictures, order, g.owner, service.runner, _idempotency_key(), query.callback
    )
    view = view_of(job, settings.keep)
    return view, 202, {"Location": view.links.self}


@jobs.get("/<job_id>")
@jobs.output(JobView)
def show(job_id: str) -> JobView:
    """How far a job is."""
    service = current_service()
    return view_of(service.job_service.get(job_id, g.owner), service.settings.keep)


@jobs.get("/<job_id>/result")
@jobs.output(FileSchema(), content_type="image/*")
@jobs.doc(responses={409: "The job has no result yet.", 410: "The result is gone."})
def result(job_id: str) -> Response:
    """The picture, or a zip for a job of many.

    A part may be asked for with `Range`.
    """
    _heed_one_range()
    job_service = current_service().job_service
    job = job_service.get(job_id, g.owner)
    try:
        response = _sent(job_service.get_result(job))
    except FileNotFoundError as error:  # removed since the store was asked
        raise JobExpiredError("the result is gone") from error
    response.cache_control.private = True
    return response


@jobs.delete("/<job_id>")
@jobs.output({}, status_code=204)
def remove(job_id: str) -> tuple[str, int]:
    """Forget a job with its pictures and results, whatever its state."""
    current_service().job_service.delete(job_id, g.owner)
    return "", 204


@jobs.get("/<job_id>/events")
@jobs.output(FileSchema(), content_type="text/event-stream")
def events(job_id: str) -> Response:
    """Each change of a job, as server-sent events.

    Each event is called as the state of the job is, and its data is the job.
    """
    service, owner = current_service(), g.owner
    keep = service.settings.keep
    first = view_of(service.job_service.get(job_id, owner), keep)
    if not service.streams.acquire(blocking=False):
        raise OverloadedError("too many event streams are open", hint="Ask for the job instead.")

    def look() -> JobView:
        return view_of(service.job_service.get(job_id, owner), keep, first.links)

    response = Response(
        event_stream(first, look, service.closing),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    response.call_on_close(service.streams.release)
    return response


def view_of(job: JobRecord, keep: float, links: Links | None = None) -> JobView:
    """A job as it is shown; its links can only be made while a request is answered."""
    counts = job.counts
    failed = job.state is JobState.FAILED
    return JobView(
        id=job.id,
        state=job.state.value,
        total=len(job.images),
        done=counts[JobState.DONE],
        failed=counts[JobState.FAILED],
        created=_time(job.created),
        ended=None if job.ended is None else _time(job.ended),
        expires=None if job.ended is None else _time(job.ended + keep),
        problem=next((p.problem for p in job.images if p.problem), None) if failed else None,
        pictures=[
            PictureView.model_validate(
                {
                    "number": p.number,
                    "name": p.name,
                    "state": p.state.value,
                    "had_color": p.result and p.result.had_color,
                    "pages": p.result and p.result.pages,
                    "problem": p.problem,
                }
            )
            for p in job.images
        ],
        links=links or _links(job.id),
    )


def _sent(found: ResultFile) -> Response:
    media_type = MEDIA_TYPES[found.format] if found.format else "application/zip"
    as_attachment = found.format is None
    if isinstance(found.content, Path):
        return send_file(found.content, media_type, as_attachment, found.name)
    stream, size = found.content.stream, found.content.size
    response = send_file(
        stream, media_type, as_attachment, found.name, conditional=False, etag=found.content.tag
    )
    # Not by the server's own way for files: its main loop would wait for one that is far away.
    response.response = FileWrapper(stream)
    response.content_length = size
    response.make_conditional(request, accept_ranges=True, complete_length=size)
    return response


def _heed_one_range() -> None:
    """Let all else that is called a range ask for the whole, as RFC 9110 has it."""
    asked = request.range
    if asked is None or asked.units != "bytes" or len(asked.ranges) > 1:
        request.environ.pop("HTTP_RANGE", None)


def _links(job_id: str) -> Links:
    return Links(
        self=url_for("jobs.show", job_id=job_id),
        result=url_for("jobs.result", job_id=job_id),
        events=url_for("jobs.events", job_id=job_id),
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= _MAX_KEY:
        raise BadRequestError(f"an Idempotency-Key has 1 to {_MAX_KEY} characters")
    return key
