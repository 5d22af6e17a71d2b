"""What an owner of a service may set: environment variables that begin with `RECHROMA_`.

`docs/service.md` shows them as a table that :func:`settings_table` makes.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from limits import parse_many
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rechroma.engines import available_threads
from rechroma.errors import OptionError

_PREFIX = "RECHROMA_"
_MIB = 1024 * 1024
_DAY = 86_400.0

_Words = Annotated[tuple[str, ...], NoDecode]
_Count = Annotated[int, Field(ge=1)]


class Settings(BaseSettings):
    """The settings of one service. Arguments go before environment variables."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        frozen=True,
        hide_input_in_errors=True,  # there may be a password in it
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
        description="Address of a Redis, such as `redis://:PASSWORD@host:6379/0`, which holds the "
        "jobs for many servers and workers. Empty: this server does its jobs itself.",
    )
    files: str = Field(
        default="",
        repr=False,
        description="Where uploads and results go: a folder, or a URL such as "
        "`s3://bucket/folder`. Empty: `jobs` in `RECHROMA_DATA`.",
    )
    keys: _Words = Field(
        default=(),
        description="SHA-256 of the API keys that are let in, with commas; "
        "`rechroma serve --new-key` makes one. Without any, everybody who can connect is.",
    )
    allow_no_keys: bool = Field(
        default=False, description="Listen on an address that others can reach without keys."
    )
    hosts: _Words = Field(
        default=(),
        description="Names that the service answers to, with commas. Without any: this computer's "
        "own if there are no keys, else all.",
    )
    origins: _Words = Field(
        default=(),
        description="Web sites whose pages may use the service, such as `https://photos.example`, "
        "with commas (CORS).",
    )
    rate: str = Field(
        default="",
        description="How many pictures or jobs a key, or without keys an address, may send: such "
        "as `60/minute`. Empty for no limit.",
    )
    model: str = Field(default="default", description="The model for requests that name none.")
    provider: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="What computes.")
    workers: _Count = Field(
        default_factory=available_threads,
        description="Pictures colored at a time; by default one for each core, at most 8.",
    )
    threads: int = Field(
        default=32, ge=4, le=256, description="Requests that are answered at a time."
    )
    streams: _Count = Field(
        default=8,
        description="Event streams that are open at a time; at most a quarter of "
        "`RECHROMA_THREADS`.",
    )
    isolate: bool = Field(
        default=True,
        description="Color in processes of their own, so that a picture that makes one crash or "
        "hang leaves the service alive. Each takes some 0.2 GB. Workers always do.",
    )
    seconds: float = Field(
        default=120,
        gt=0,
        le=_DAY,
        description="Longest that a picture may take in such a process.",
    )
    wait: float = Field(
        default=30,
        ge=0,
        le=_DAY,
        description="Seconds that a picture waits for its turn before 503.",
    )
    direct_bytes: _Count = Field(
        default=20 * _MIB, description="Largest picture for an answer at once."
    )
    direct_pixels: _Count = Field(default=25_000_000, description="The same, in pixels.")
    job_bytes: _Count = Field(default=256 * _MIB, description="Largest upload of a job.")
    job_pixels: _Count = Field(
        default=100_000_000, description="Most pixels of each of its pictures."
    )
    job_pictures: _Count = Field(default=100, description="Most pictures in a job.")
    queue: _Count = Field(
        default=1000, description="Pictures that may wait in jobs; more are told 503."
    )
    attempts: _Count = Field(
        default=3, description="How often a picture is begun if what colors it dies over it."
    )
    private_callbacks: bool = Field(
        default=False,
        description="Tell the ends of jobs to private addresses, too: of your own network.",
    )
    urgent_bytes: int = Field(
        default=2 * _MIB, ge=0, description="Pictures up to this size go first to the workers."
    )
    keep: float = Field(
        default=_DAY, gt=0, le=3_650 * _DAY, description="Seconds that results are kept."
    )
    proxies: int = Field(
        default=0,
        ge=0,
        le=9,
        description="Servers in front, such as nginx, whose `X-Forwarded-For`, `-Proto` and "
        "`-Host` are believed. All of them must set these.",
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
            raise ValueError("a key is written as its SHA-256, 64 hexadecimal digits")
        return lowered

    @field_validator("hosts")
    @classmethod
    def _are_names(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[\w.-]+|\[[0-9a-fA-F:.]+\]", host) for host in hosts):
            raise ValueError("a host is a name or an address, without https:// and port")
        return tuple(host.lower() for host in hosts)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        bare = tuple(origin.rstrip("/").lower() for origin in origins)
        if not all(re.fullmatch(r"https?://[^/?#@\s]+", origin) for origin in bare):
            raise ValueError("a web site is written as https://its.name, without a path")
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
            raise ValueError("the address of a Redis begins with redis:// or rediss://")
        _ = urlsplit(address).port  # raises a ValueError that says what is wrong with it
        return redis

    @field_validator("data")
    @classmethod
    def _stays(cls, data: Path) -> Path:
        return data.absolute()

    def answers_to(self, name: str) -> bool:
        """Whether a host name in a request is one of the service's.

        Without keys a page on the web could let its own name point at this computer, and read.
        """
        if self.hosts:
            return name.lower() in self.hosts
        return bool(self.keys) or self.allow_no_keys or _is_this_computer(name)

    def check_address(self) -> None:
        """Refuse to be open to the world by oversight.

        Raises:
            OptionError: Others can reach the address, there are no keys, and nobody allowed that.
        """
        if not (_is_this_computer(self.host) or self.keys or self.allow_no_keys):
            raise OptionError(
                f"others could use the service on {self.host}, for there are no keys",
                hint="Make a key with 'rechroma serve --new-key', or give --allow-no-keys "
                "(RECHROMA_ALLOW_NO_KEYS=true).",
            )


def _is_this_computer(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_settings(**given: Any) -> Settings:  # noqa: ANN401
    """The settings from the environment, and those given, which go before.

    Args:
        **given: Fields of :class:`Settings`; None stands for what the environment says.

    Raises:
        OptionError: One of them makes no sense; the message names it.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise OptionError(f"{_PREFIX}{name.upper()}: {first['msg']}") from error


def settings_table() -> str:
    """All settings as a Markdown table."""
    rows = ["| variable | default | what |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        usual = "" if field.default_factory else _written(field.default)
        rows.append(f"| `{_PREFIX}{name.upper()}` | {usual} | {field.description} |")
    return "\n".join(rows)


def _written(value: object) -> str:
    match value:
        case ():
            return ""
        case bool():
            return f"`{str(value).lower()}`"
    return f"`{value}`"
