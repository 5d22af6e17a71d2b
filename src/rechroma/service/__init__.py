"""The REST service: an app factory, inference workers, and jobs that survive a crash."""

from __future__ import annotations

from rechroma.service.http.app import create_app
from rechroma.service.http.service_context import Service, service_of
from rechroma.service.security import new_key
from rechroma.service.server import serve
from rechroma.service.settings import Settings, read_settings, settings_table

__all__ = [
    "Service",
    "Settings",
    "create_app",
    "new_key",
    "read_settings",
    "serve",
    "service_of",
    "settings_table",
]
