"""Errors that only the service raises; the client sees them as :class:`~rechroma.errors.ApiError`.

Each carries its HTTP status::

    ServiceError
    ├── BadRequestError           400  a body that is not what the endpoint expects
    ├── AuthenticationError       401  a missing or unknown API key
    ├── ForbiddenOriginError      403  a browser request from a page of another site
    ├── UnknownUrlError           404  a URL that the service does not have
    ├── JobNotFoundError          404  an unknown job, or one of another client
    ├── ResultNotFoundError       404  a result that the job does not have
    ├── WrongMethodError          405  a method that the URL does not support
    ├── NotAcceptableError        406  a requested result format that cannot be written
    ├── JobNotReadyError          409  a job without a result, or without one yet
    ├── JobExpiredError           410  a result that was deleted after its retention time
    ├── UploadTooLargeError       413  too many bytes or images in one request
    ├── IdempotencyConflictError  422  an Idempotency-Key reused for a different request
    ├── ProcessingTimeoutError    422  an image that takes longer than the time limit
    ├── RateLimitError            429  more requests than the service allows
    ├── PoisonImageError          500  an image that repeatedly crashes its worker process
    ├── OverloadedError           503  a full queue, or no free worker
    └── StoreError                503  an unreadable or unwritable job store
"""

from __future__ import annotations

from rechroma.errors import RechromaError


class ServiceError(RechromaError):
    """The service rejected a request."""

    exit_code = 69


class BadRequestError(ServiceError):
    """The body of the request is not what the endpoint expects."""

    http_status = 400


class AuthenticationError(ServiceError):
    """The API key is missing or unknown."""

    http_status = 401


class ForbiddenOriginError(ServiceError):
    """The request comes from a page of another site that is not allowed."""

    http_status = 403


class UnknownUrlError(ServiceError):
    """The service has no such URL."""

    http_status = 404


class JobNotFoundError(ServiceError):
    """The job does not exist, or belongs to another client."""

    http_status = 404


class ResultNotFoundError(ServiceError):
    """The job has no result of that name."""

    http_status = 404


class WrongMethodError(ServiceError):
    """The URL does not support the method of the request."""

    http_status = 405


class NotAcceptableError(ServiceError):
    """The result is requested in a format that cannot be written."""

    http_status = 406


class JobNotReadyError(ServiceError):
    """The job has no result, or none yet."""

    http_status = 409


class JobExpiredError(ServiceError):
    """The result was deleted after its retention time."""

    http_status = 410


class UploadTooLargeError(ServiceError):
    """The request has too many bytes or images."""

    http_status = 413


class IdempotencyConflictError(ServiceError):
    """The Idempotency-Key was already used for a different request."""

    http_status = 422


class ProcessingTimeoutError(ServiceError):
    """The image takes longer than the time limit."""

    http_status = 422


class RateLimitError(ServiceError):
    """There were more requests than the service allows in a time."""

    http_status = 429


class PoisonImageError(ServiceError):
    """The image repeatedly crashes its worker process."""

    http_status = 500


class OverloadedError(ServiceError):
    """The queue is full, or no worker is free; retry later."""

    http_status = 503


class StoreError(ServiceError):
    """The job store cannot be read or written."""

    http_status = 503
