"""WSGI entry point for gunicorn, with settings from the environment.

`gunicorn --config deploy/gunicorn.conf.py 'rechroma.service.wsgi:make_app()'`
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

from gunicorn.errors import AppImportError

from rechroma.errors import RechromaError
from rechroma.service.access_log import configure_logging
from rechroma.service.http.app import create_app
from rechroma.service.http.service_context import service_of
from rechroma.service.settings import read_settings, warn_of_unknown_variables

if TYPE_CHECKING:
    from apiflask import APIFlask


def make_app() -> APIFlask:
    """Create an app and start its jobs, which stop when the process exits.

    Call it in the process that serves requests, after any fork.

    Raises:
        AppImportError: The app cannot be created, for example because a setting is invalid or
            others could use the service without API keys. Gunicorn prints the message and exits.
    """
    try:
        settings = read_settings()
        settings.check_address()
        configure_logging(settings.log)
        warn_of_unknown_variables()
        app = create_app(settings)
        service = service_of(app)
        service.start()
    except RechromaError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        raise AppImportError(f"rechroma: error: {error.message}{hint}") from error
    atexit.register(service.close)
    return app
