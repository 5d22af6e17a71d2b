"""Request and response models of the API: pydantic validates them, and OpenAPI shows them."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast
from urllib.parse import unquote

from pydantic import Base64Encoder, BaseModel, BeforeValidator, ConfigDict, EncodedBytes, Field
from pydantic_core import PydanticCustomError

from rechroma.imaging import Damage  # noqa: TC001 - pydantic needs it
from rechroma.options import OPTIONS, PAGES_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rechroma.colorizer import EncodeKwargs

WrittenFormat = Literal["jpeg", "png", "webp", "tiff", "avif", "jpeg2000"]


def _strip_data_url(value: object) -> object:
    """Return the base64 in a data URL (RFC 2397); anything else as it is."""
    if not isinstance(value, str) or value[:5].lower() != "data:":
        return value
    head, comma, data = value.partition(",")
    if not comma or not head.lower().endswith(";base64"):
        raise ValueError("a data URL must be in base64")
    return unquote(data) if "%" in data else data


class _Base64(Base64Encoder):
    """Base64, with or without line breaks; pydantic's own decoder skips any other character."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        """Decode it, and reject what is not base64 or has no bytes."""
        try:
            content = b64decode(data.translate(None, b" \t\r\n"), validate=True)
        except ValueError:
            content = b""
        if not content:
            raise PydanticCustomError("base64_decode", "it is not base64")
        return content


_ImageFile = Annotated[bytes, EncodedBytes(encoder=_Base64), BeforeValidator(_strip_data_url)]
_IMAGE_FILE = Field(
    min_length=1, description="An image file in base64, or as a data URL in base64."
)
_DAMAGE = Field(
    default=None, description="Damage of a JPEG: its last bytes are missing, or also pixels."
)

_UNREADABLE_METADATA = Field(
    default=(),
    description="Kinds of metadata that cannot be read, and that the result lacks, such as `EXIF`.",
)


def _option(name: str) -> Any:  # noqa: ANN401 - the type of a field's default
    option = OPTIONS[name]
    return Field(default=option.default, ge=option.low, le=option.high, description=option.text)


class ModelQuery(BaseModel):
    """Query parameters of inference."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    size: int | None = _option("size")
    model: str | None = Field(default=None, description="Name of a model from /v1/models.")


class ChromaQuery(ModelQuery):
    """Query parameters of `/v1/chroma`."""

    gray: int | None = Field(
        default=None,
        ge=16,
        le=4096,
        description="Also return the image in gray, with at most this long side in pixels.",
    )


class SuggestionsQuery(ModelQuery):
    """Query parameters of `/v1/suggestions`."""

    x: float = Field(ge=0, le=1, description="Position, 0 (left) to 1 (right).")
    y: float = Field(ge=0, le=1, description="Position, 0 (top) to 1 (bottom).")
    count: int = Field(default=6, ge=1, le=32, description="Maximum number of colors.")


class ColorizeQuery(ModelQuery):
    """Query parameters of `/v1/colorize`."""

    saturation: float = _option("saturation")
    warmth: float = _option("warmth")
    blend: float = _option("blend")
    quality: int = _option("quality")
    provenance: bool = _option("provenance")
    badge: bool = _option("badge")
    keep_luma: bool = _option("keep_luma")
    strict: bool = _option("strict")
    pages: str | None = Field(
        default=None, pattern=PAGES_PATTERN, description=OPTIONS["pages"].text
    )


class JobOptions(ColorizeQuery):
    """Options of a job: those of `/v1/colorize`, and the format of its results."""

    format: WrittenFormat | None = Field(
        default=None, description="Format of the results; by default that of each image."
    )


class JobsQuery(BaseModel):
    """Query parameters of the list of jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = Field(default=20, ge=1, le=100, description="Maximum number of jobs.")
    after: str | None = Field(
        default=None,
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?-[A-Za-z0-9_-]{1,80}$",
        description="Position of the page, as `next` of the page before has it.",
    )


class JobQuery(JobOptions):
    """Query parameters of `/v1/jobs`."""

    webhook: str | None = Field(
        default=None,
        max_length=2000,
        description="URL to notify, with a signature, when the job is finished.",
    )


QUERIES: Mapping[str, type[BaseModel]] = {
    model.__name__: model
    for model in (ColorizeQuery, ChromaQuery, SuggestionsQuery, JobQuery, JobsQuery)
}
"""Query models by name, to explain errors."""


class ColorizeRequest(BaseModel):
    """Options and hints of an image or a job, stored with the job."""

    model_config = ConfigDict(frozen=True)

    options: JobOptions = JobOptions()
    hints: str | None = None

    def encode_options(self) -> EncodeKwargs:
        """Return the options as keyword arguments of :meth:`rechroma.Colorizer.colorize_bytes`."""
        return cast("EncodeKwargs", self.options.model_dump(exclude={"model"}))


class ImageBody(BaseModel):
    """An image as JSON."""

    model_config = ConfigDict(extra="forbid")

    image: _ImageFile = _IMAGE_FILE
    hints: dict[str, Any] | None = Field(
        default=None, description="Hints: colors at given positions, in the format of a hints file."
    )


class NamedImage(BaseModel):
    """An image of a job, as JSON."""

    model_config = ConfigDict(extra="forbid")

    data: _ImageFile = _IMAGE_FILE
    name: str = Field(
        default="",
        max_length=255,
        description="Name of the image, from which that of its result is made.",
    )


class JobBody(BaseModel):
    """The images of a job, as JSON."""

    model_config = ConfigDict(extra="forbid")

    images: list[NamedImage] = Field(min_length=1)
    hints: dict[str, Any] | None = Field(
        default=None, description="Hints: colors at given positions, in the format of a hints file."
    )


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(description="Kind of problem, for programs.")
    title: str = Field(description="Kind of problem, for people.")
    status: int
    detail: str | None = Field(default=None, description="What is wrong with this request.")
    hint: str | None = Field(default=None, description="What to do about it.")
    kind: str | None = Field(
        default=None, description="Kind of the file, such as `raw`, if it is one that is not read."
    )
    errors: dict[str, list[str]] | None = Field(default=None, description="Errors by parameter.")


class ResultInfo(BaseModel):
    """Format of a result, and properties of its source."""

    model_config = ConfigDict(frozen=True)

    format: str
    was_color: bool
    pages: int
    damage: Damage | None = None
    unreadable_metadata: tuple[str, ...] = ()


class ImageView(BaseModel):
    """An image of a job."""

    number: int
    name: str
    state: Literal["queued", "running", "done", "failed"]
    was_color: bool | None = Field(
        default=None, description="Whether the image was in color or toned, once it is done."
    )
    pages: int | None = Field(
        default=None, description="Pages or frames of the file, of which the first is colorized."
    )
    damage: Damage | None = _DAMAGE
    unreadable_metadata: tuple[str, ...] = _UNREADABLE_METADATA
    result: str | None = Field(
        default=None, description="Name of the result, with its suffix, once the image is done."
    )
    problem: Problem | None = None


class Links(BaseModel):
    """URLs of a job."""

    self: str
    result: str
    events: str


class JobView(BaseModel):
    """State of a job."""

    id: str
    state: Literal["queued", "running", "done", "failed", "expired"]
    total: int = Field(description="Number of images.")
    done: int = Field(description="Number of images that are colorized.")
    failed: int = Field(description="Number of images that failed.")
    created: str = Field(description="UTC time in ISO 8601.")
    ended: str | None = None
    expires: str | None = Field(default=None, description="When the result will be deleted.")
    problem: Problem | None = Field(default=None, description="Why the job failed.")
    images: list[ImageView]
    links: Links


class JobsView(BaseModel):
    """Jobs, the newest first."""

    jobs: list[JobView]
    next: str | None = Field(default=None, description="URL of the next page; null on the last.")


class ChromaPlane(BaseModel):
    """Chroma of the whole image at low resolution; upsample it bicubically."""

    width: int
    height: int
    step: float = Field(description="Units of CIE a* and b* for each step of `data`.")
    data: str = Field(
        description="a* and b* of each pixel, in rows from the top: little-endian int16 in base64."
    )


class ChromaView(BaseModel):
    """All that a client needs to render and adjust an image itself."""

    width: int = Field(description="Width of the upright image in pixels.")
    height: int
    was_color: bool = Field(description="Whether the image was in color or toned.")
    damage: Damage | None = _DAMAGE
    unreadable_metadata: tuple[str, ...] = _UNREADABLE_METADATA
    chroma: ChromaPlane
    gray: str | None = Field(default=None, description="The image in gray: a JPEG in base64.")


class SuggestedColor(BaseModel):
    """A probable color at a position."""

    color: str = Field(description="sRGB at the lightness of the position, as #rrggbb.")
    probability: float = Field(
        description="Probability of this color and those that look like it, 0 to 1."
    )


class SuggestionsView(BaseModel):
    """Probable colors at a position, the most probable first."""

    colors: list[SuggestedColor]


class ModelView(BaseModel):
    """A model, as described by its card."""

    name: str
    version: str
    license: str
    authors: list[str]
    description: str
    size: int = Field(description="Default long side of the network input in pixels.")
    hints: bool = Field(description="Whether the model supports hints.")
    default: bool = Field(description="Whether this is the default model.")


class ModelsView(BaseModel):
    """The installed models."""

    models: list[ModelView]


class Health(BaseModel):
    """State of the service."""

    status: Literal["ok"] = "ok"
