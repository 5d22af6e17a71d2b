"""The app for gunicorn, with settings from the environment.

`gunicorn --config deploy/gunicorn.conf.py 'rechroma.service.wsgi:make_app()'`
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

from gunicorn.errors import AppImportError

from rechroma.errors import RechromaError
from rechroma.service.http.app import create_app
from rechroma.service.http.context import service_of
from rechroma.service.settings import read_settings

if TYPE_CHECKING:
    from apiflask import APIFlask


def make_app() -> APIFlask:
    """Make an app whose jobs begin at once, and end with the process.

    It is to be called in the process that answers, after any fork.

    Raises:
        AppImportError: There is none to be had, for example because a setting makes no sense, or
            the service would be open to all without keys. Gunicorn prints the message, and ends.
    """
    try:
        return _begun_app()
    except RechromaError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        raise AppImportError(f"rechroma: error: {error.message}{hint}") from error


def _begun_app() -> APIFlask:
    settings = read_settings()
    settings.check_address()
    app = create_app(settings)
    service = service_of(app)
    service.start()
    atexit.register(service.close)
    return app
