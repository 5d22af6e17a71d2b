"""Settings of the service: environment variables that begin with `RECHROMA_`.

`docs/service.md` shows them as a table that :func:`settings_table` makes.
"""

from __future__ import annotations

import logging
import os
import re
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from limits import parse_many
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rechroma.engines import available_threads
from rechroma.errors import OptionError
from rechroma.models.store import FOLDER_VARIABLE
from rechroma.service.validation_errors import explain

_PREFIX = "RECHROMA_"
_OTHER_VARIABLES = {
    FOLDER_VARIABLE,
    # of nginx and compose, in deploy/
    *("RECHROMA_API", "RECHROMA_LISTEN", "RECHROMA_LISTEN_TLS", "RECHROMA_PUBLIC"),
    *("RECHROMA_PUBLIC_TLS", "RECHROMA_TLS", "RECHROMA_UPLOAD", "RECHROMA_PATIENCE"),
    *("RECHROMA_CLIENT_RATE", "RECHROMA_CLIENT_CONNECTIONS"),
}
_MIB = 1024 * 1024
_DAY = 86_400.0

_log = logging.getLogger(__name__)

_Words = Annotated[tuple[str, ...], NoDecode]
_Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """Settings of one service. Arguments take precedence over environment variables."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        frozen=True,
        hide_input_in_errors=True,  # it can contain a password
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 for any free one."
    )
    data: Path = Field(
        default=Path("rechroma-jobs"),
        validate_default=True,
        description="Folder for the job table, uploads and results.",
    )
    redis: SecretStr = Field(
        default=SecretStr(""),
        description="URL of a Redis, such as `redis://:PASSWORD@host:6379/0`, which stores the "
        "jobs of several servers and workers. Empty: this server runs its jobs itself.",
    )
    files: str = Field(
        default="",
        repr=False,
        description="Where uploads and results are stored: a folder, or a URL such as "
        "`s3://bucket/folder`. Empty: `jobs` in `RECHROMA_DATA`.",
    )
    keys: _Words = Field(
        default=(),
        description="SHA-256 of the accepted API keys, separated by commas; "
        "`rechroma serve --new-key` makes one. Without keys, anyone who can connect has access.",
    )
    allow_no_keys: bool = Field(
        default=False,
        description="Allow listening on an address that others can reach, without keys.",
    )
    hosts: _Words = Field(
        default=(),
        description="Host names that the service responds to, separated by commas. Empty: only "
        "this computer's own without keys, and all names with keys.",
    )
    origins: _Words = Field(
        default=(),
        description="Sites whose pages can use the service (CORS), such as "
        "`https://photos.example`, separated by commas.",
    )
    rate: str = Field(
        default="",
        description="Limit of images and jobs for each key, or without keys for each address, such "
        "as `60/minute`. Empty for no limit.",
    )
    model: str = Field(default="default", description="Model for requests that do not name one.")
    provider: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Execution provider."
    )
    workers: _Count = Field(
        default_factory=available_threads,
        description="Inference workers, each colorizing one image at a time. By default one for "
        "each core, at most 8.",
    )
    threads: int = Field(default=32, ge=4, le=256, description="Threads that handle requests.")
    streams: _Count = Field(
        default=8,
        description="Event streams open at the same time; at most a quarter of `RECHROMA_THREADS`.",
    )
    isolate: bool = Field(
        default=True,
        description="Run inference in separate processes, so that an image that crashes or hangs "
        "one does not affect the service. Each takes about 0.2 GB. `rechroma worker` always does.",
    )
    seconds: float = Field(
        default=120,
        gt=0,
        le=_DAY,
        description="Time limit for one image in such a process, in seconds.",
    )
    wait: float = Field(
        default=30,
        ge=0,
        le=_DAY,
        description="Seconds that an image waits for a worker; then the service responds with 503.",
    )
    direct_bytes: _Count = Field(
        default=20 * _MIB, description="Size limit of an image in a direct request, in bytes."
    )
    direct_pixels: _Count = Field(
        default=25_000_000, description="Size limit of an image in a direct request, in pixels."
    )
    job_bytes: _Count = Field(
        default=256 * _MIB, description="Size limit of all images of a job together, in bytes."
    )
    job_pixels: _Count = Field(
        default=100_000_000, description="Size limit of each image of a job, in pixels."
    )
    job_images: _Count = Field(default=100, description="Maximum number of images in a job.")
    queue: _Count = Field(
        default=1000,
        description="Maximum number of queued images; beyond it, the service responds with 503, "
        "or with 413 to a job that exceeds it alone.",
    )
    attempts: _Count = Field(
        default=3, description="How often an image is tried if it crashes its worker process."
    )
    private_webhooks: bool = Field(
        default=False,
        description="Allow webhooks to private addresses, such as those of your own network.",
    )
    urgent_bytes: int = Field(
        default=2 * _MIB,
        ge=0,
        description="Images up to this many bytes have priority in the queue of the workers.",
    )
    log: Literal["debug", "info", "warning", "error"] = Field(
        default="warning",
        description="Level of the log on stderr: `info` has a line for each request, `debug` also "
        "for health checks, `warning` only what fails on the server.",
    )
    keep: float = Field(
        default=_DAY, gt=0, le=3_650 * _DAY, description="Retention time of results, in seconds."
    )
    proxies: int = Field(
        default=0,
        ge=0,
        le=9,
        description="Number of trusted reverse proxies in front of the service, such as nginx. All "
        "of them must set `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.",
    )

    @field_validator("keys", "hosts", "origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("keys")
    @classmethod
    def _are_hashes(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        lowered = tuple(key.lower() for key in keys)
        if not all(re.fullmatch("[0-9a-f]{64}", key) for key in lowered):
            raise ValueError("each key must be the SHA-256 of one, 64 hexadecimal digits")
        return lowered

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", host) for host in hosts):
            raise ValueError("each host must be a name or an address, without https:// and port")
        return tuple(host.lower() for host in hosts)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        bare = tuple(origin.rstrip("/").lower() for origin in origins)
        if not all(re.fullmatch(r"https?://[^/?#@\s]+", origin) for origin in bare):
            raise ValueError("each site must be written like https://example.org, without a path")
        return bare

    @field_validator("rate")
    @classmethod
    def _is_rate(cls, rate: str) -> str:
        if rate:
            parse_many(rate)
        return rate

    @field_validator("redis")
    @classmethod
    def _is_redis(cls, redis: SecretStr) -> SecretStr:
        address = redis.get_secret_value()
        if address and not address.startswith(("redis://", "rediss://")):
            raise ValueError("the URL must begin with redis:// or rediss://")
        _ = urlsplit(address).port  # raises ValueError if it is invalid
        return redis

    @field_validator("data")
    @classmethod
    def _stays(cls, data: Path) -> Path:
        return data.absolute()

    def answers_to(self, name: str) -> bool:
        """Check whether the host name of a request is one of the service's.

        Without this, and without keys, a web page could point its own host name at this computer
        and read responses (DNS rebinding).
        """
        if self.hosts:
            return name.lower() in self.hosts
        return bool(self.keys) or self.allow_no_keys or _is_this_computer(name)

    def check_address(self) -> None:
        """Refuse to serve other computers without keys by accident.

        Raises:
            OptionError: Others can reach the address, there are no keys, and `allow_no_keys` is
                off.
        """
        if not (_is_this_computer(self.host) or self.keys or self.allow_no_keys):
            raise OptionError(
                f"others could use the service on {self.host}, because there are no API keys",
                hint="Make a key with 'rechroma serve --new-key', or use --allow-no-keys "
                "(RECHROMA_ALLOW_NO_KEYS=true).",
            )


def _is_this_computer(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_settings(**given: Any) -> Settings:  # noqa: ANN401
    """Read the settings from the environment.

    Args:
        **given: Fields of :class:`Settings` that take precedence, unless they are None.

    Raises:
        OptionError: A setting is invalid; the message names it.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        name, sentence = next(iter(explain(error, Settings).items()))
        raise OptionError(
            f"{_PREFIX}{name.upper()}{sentence.removeprefix(name)}",
            hint="docs/service.md describes all settings.",
        ) from error


def warn_of_unknown_variables() -> None:
    """Log a warning of each environment variable that looks like a setting, but is none."""
    known = [*_variables(), *sorted(_OTHER_VARIABLES)]
    for name in sorted(os.environ):
        if name.startswith(_PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            advice = f"did you mean {near[0]}?" if near else "docs/service.md lists all settings."
            _log.warning("%s is not a setting and has no effect: %s", name, advice)


def _variables() -> list[str]:
    """List the environment variables of all settings."""
    return [f"{_PREFIX}{name.upper()}" for name in Settings.model_fields]


def settings_table() -> str:
    """Format all settings as a Markdown table."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        match field.default:
            case bool(value):
                default = f"`{str(value).lower()}`"
            case _ if field.default_factory or field.default == ():
                default = ""
            case value:
                default = f"`{value}`" if str(value) else ""
        rows.append(f"| `{_PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)
