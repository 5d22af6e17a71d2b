"""The app for a WSGI server, with settings from the environment.

`gunicorn --config deploy/gunicorn.conf.py 'rechroma.service.wsgi:make_app()'`
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING

from rechroma.service.app import create_app
from rechroma.service.context import service_of
from rechroma.service.settings import read_settings

if TYPE_CHECKING:
    from apiflask import APIFlask


def make_app() -> APIFlask:
    """Make an app whose jobs begin at once, and end with the process.

    It is to be called in the process that answers, after any fork.

    Raises:
        OptionError: A setting makes no sense, or the service would be open to all without keys.
        RechromaError: What :func:`create_app` raises.
    """
    settings = read_settings()
    settings.check_address()
    app = create_app(settings)
    service = service_of(app)
    service.start()
    atexit.register(service.close)
    return app
