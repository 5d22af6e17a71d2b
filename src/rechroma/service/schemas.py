"""What goes over the wire, as pydantic models: they check requests, and make the OpenAPI page."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from rechroma.options import OPTIONS

WrittenFormat = Literal["jpeg", "png", "webp", "tiff"]


def _option(name: str) -> Any:  # noqa: ANN401
    option = OPTIONS[name]
    return Field(default=option.default, ge=option.low, le=option.high, description=option.text)


class View(BaseModel):
    """What the network is and sees, as query parameters."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    size: int | None = _option("size")
    model: str | None = Field(default=None, description="A name that /v1/models shows.")


class SketchQuery(View):
    """How a sketch is wanted."""

    gray: int | None = Field(
        default=None,
        ge=16,
        le=4096,
        description="Send the picture in gray, too, at most so many pixels long.",
    )


class PaletteQuery(View):
    """The place that colors are wanted for."""

    x: float = Field(ge=0, le=1, description="0 (left) to 1 (right).")
    y: float = Field(ge=0, le=1, description="0 (top) to 1 (bottom).")
    count: int = Field(default=6, ge=1, le=32, description="How many at most.")


class Options(View):
    """The knobs, as query parameters."""

    saturation: float = _option("saturation")
    warmth: float = _option("warmth")
    blend: float = _option("blend")
    quality: int = _option("quality")
    provenance: bool = _option("provenance")
    badge: bool = _option("badge")


class JobOptions(Options):
    """The knobs of a job, and the format of its results."""

    format: WrittenFormat | None = Field(default=None, description="Without: that of each picture.")


class JobQuery(JobOptions):
    """What may be said of a job as query parameters."""

    callback: str | None = Field(
        default=None, max_length=2000, description="URL that is told of the job's end, signed."
    )


class ColorizeRequest(BaseModel):
    """All that is asked for with a picture; kept with its job."""

    model_config = ConfigDict(frozen=True)

    options: JobOptions = JobOptions()
    hints: str | None = None


class DirectBody(BaseModel):
    """A picture as JSON."""

    model_config = ConfigDict(extra="forbid")

    picture: Base64Bytes = Field(min_length=1, description="A picture file in base64.")
    hints: dict[str, Any] | None = Field(
        default=None, description="Colors that you fix, as for --hints."
    )


class NamedPicture(BaseModel):
    """One of the pictures of a job, as JSON."""

    model_config = ConfigDict(extra="forbid")

    data: Base64Bytes = Field(min_length=1, description="A picture file in base64.")
    name: str = Field(default="", max_length=255, description="To tell the results apart.")


class JobBody(BaseModel):
    """The pictures of a job as JSON."""

    model_config = ConfigDict(extra="forbid")

    pictures: list[NamedPicture] = Field(min_length=1)
    hints: dict[str, Any] | None = Field(
        default=None, description="Colors that you fix, as for --hints."
    )


class Problem(BaseModel):
    """Problem details as RFC 9457 has them."""

    type: str = Field(description="What went wrong, for a program.")
    title: str = Field(description="What went wrong, for a person.")
    status: int
    detail: str | None = Field(default=None, description="What was wrong with this request.")
    hint: str | None = Field(default=None, description="What can be done about it.")
    errors: dict[str, list[str]] | None = Field(
        default=None, description="By field, if several are wrong."
    )


class ResultInfo(BaseModel):
    """A result, and what is to be known of the file that it was made from."""

    model_config = ConfigDict(frozen=True)

    format: str
    had_color: bool
    pages: int


class PictureView(BaseModel):
    """One picture of a job."""

    number: int
    name: str
    state: Literal["queued", "running", "done", "failed"]
    had_color: bool | None = Field(
        default=None, description="Whether it was in color or toned, once it is done."
    )
    pages: int | None = Field(
        default=None, description="Pages or frames of the file: only the first is colored."
    )
    problem: Problem | None = None


class Links(BaseModel):
    """Where the rest of a job is found."""

    self: str
    result: str
    events: str


class JobView(BaseModel):
    """A job and how far it is."""

    id: str
    state: Literal["queued", "running", "done", "failed", "expired"]
    total: int = Field(description="Pictures in the job.")
    done: int = Field(description="Those that are colored.")
    failed: int = Field(description="Those that could not be.")
    created: str = Field(description="UTC, as ISO 8601 has it.")
    ended: str | None = None
    expires: str | None = Field(default=None, description="Until when the result is kept.")
    problem: Problem | None = Field(default=None, description="Why it failed.")
    pictures: list[PictureView]
    links: Links


class ChromaView(BaseModel):
    """The colors alone. They cover the whole picture; enlarge them bicubically."""

    width: int
    height: int
    step: float = Field(description="What 1 stands for in CIE a* and b*.")
    data: str = Field(
        description="a* and b* of each pixel, rows from the top: int16, little-endian, base64."
    )


class SketchView(BaseModel):
    """All that it takes to show a picture in color, and to turn the knobs, without the service."""

    width: int = Field(description="Of the upright picture, in pixels.")
    height: int
    had_color: bool = Field(description="Whether the picture was in color or toned.")
    chroma: ChromaView
    gray: str | None = Field(default=None, description="The picture in gray: a JPEG in base64.")


class LikelyView(BaseModel):
    """A color that the model thinks likely at a place."""

    color: str = Field(description="sRGB at the lightness of the place, as #rrggbb.")
    share: float = Field(description="How likely it and what looks much like it are, 0 to 1.")


class PaletteView(BaseModel):
    """The colors that the model thinks likely at a place, the likeliest first."""

    colors: list[LikelyView]


class ModelView(BaseModel):
    """A model, as its card describes it."""

    name: str
    version: str
    license: str
    authors: list[str]
    description: str
    size: int = Field(description="Long side of the copy that the network sees, in pixels.")
    hints: bool = Field(description="Whether it takes colors that you fix.")
    default: bool = Field(description="Whether requests that name no model get this one.")


class ModelsView(BaseModel):
    """The models at hand."""

    models: list[ModelView]


class Health(BaseModel):
    """How the service is."""

    status: Literal["ok"] = "ok"
