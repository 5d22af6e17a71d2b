"""Options: one source for the command line, the REST API, its client and the page."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

import click
import numpy as np
import pytest
from flask import Flask

from rechroma import colorizer, web
from rechroma.cli.colorize import colorize_command
from rechroma.cli.options import CliRequest
from rechroma.client.sans_io import ColorizeParams
from rechroma.color import lab, render
from rechroma.errors import OptionError
from rechroma.options import (
    OPTIONS,
    Adjustments,
    InferenceOptions,
    InputOptions,
    OutputOptions,
    check_int,
    check_keywords,
    check_range,
)
from rechroma.service.schemas import JobOptions
from rechroma.web.blueprint import page

GROUPS = (Adjustments, InferenceOptions, InputOptions, OutputOptions)
NUMBERS = [name for name, option in OPTIONS.items() if option.low is not None]
COLORSPACE = Path(web.__file__).parent / "static/js/color/colorspace.js"


def js_constant(name: str) -> Any:
    """Read a constant of the page, an array or number."""
    found = re.search(rf"const {name} = (?:Object\.freeze\()?([^;]+?)\)?;", COLORSPACE.read_text())
    assert found
    text = re.sub(r"(\w+):", r'"\1":', found[1])
    return json.loads(re.sub(r",(\s*[\]}])", r"\1", text))


def test_each_option_has_a_text_and_a_valid_default() -> None:
    assert len(OPTIONS) == sum(len(fields(group)) for group in GROUPS)
    for group in GROUPS:
        group()
    assert all(option.text.endswith(".") for option in OPTIONS.values())


@pytest.mark.parametrize("name", NUMBERS)
def test_command_line_has_name_default_and_text(name: str) -> None:
    option = OPTIONS[name]
    (flag,) = (each for each in colorize_command.params if each.name == name)
    assert isinstance(flag, click.Option)
    assert flag.opts == [f"--{name}"]
    assert flag.default == option.default
    assert option.text in str(flag.help)
    assert isinstance(flag.type, click.types.FloatParamType) == isinstance(option.default, float)


def test_command_line_has_all_options() -> None:
    named = {"file_format" if name == "format" else name for name in OPTIONS} - {"provenance"}
    flags = {each.name for each in colorize_command.params}
    assert flags >= named | {"no_provenance"}
    assert flags - {"debug"} == {each.name for each in fields(CliRequest)}


@pytest.mark.parametrize("name", OPTIONS)
def test_api_schema_has_range_default_and_text(name: str) -> None:
    option = OPTIONS[name]
    field = JobOptions.model_fields[name]
    assert field.default == option.default
    if option.low is not None:
        found = {type(each).__name__: vars_of(each) for each in field.metadata}
        assert found == {"Ge": option.low, "Le": option.high}
        assert field.description == option.text


def vars_of(bound: Any) -> float:
    """Return the number of an annotated bound."""
    return float(getattr(bound, type(bound).__name__.lower()))


def test_api_schema_has_no_other_options() -> None:
    assert set(JobOptions.model_fields) == {*OPTIONS, "model"}


def test_client_and_python_take_the_same_options() -> None:
    names = dict.fromkeys(OPTIONS)
    assert set(ColorizeParams.__annotations__) == {*names, "hints", "model"}
    assert set(colorizer.FileKwargs.__annotations__) == {
        *names,
        *("hints", "max_pixels", "overwrite", "keep_time"),
    }


def test_keyword_types_are_those_of_the_dataclasses() -> None:
    for group in GROUPS:
        for name, kind in get_type_hints(group).items():
            if name != "format":
                hints = get_type_hints(ColorizeParams)
                assert hints[name] == kind


def test_page_sliders_have_the_ranges_and_defaults() -> None:
    app = Flask(__name__)
    app.register_blueprint(page)
    sliders = app.test_client().get("/sliders").get_json()
    assert [slider.pop("name") for slider in sliders] == [each.name for each in fields(Adjustments)]
    for slider, each in zip(sliders, fields(Adjustments), strict=True):
        option = OPTIONS[each.name]
        expected = {"min": option.low, "max": option.high, "step": option.step}
        assert slider == expected | {"default": option.default}


def test_page_has_the_constants_of_the_package() -> None:
    np.testing.assert_array_equal(js_constant("WHITE"), lab.WHITE)
    np.testing.assert_array_equal(js_constant("RGB_TO_XYZ"), lab.RGB_TO_XYZ)
    np.testing.assert_array_equal(js_constant("WARM_SHIFT"), render.WARM_AB)
    assert js_constant("WARM_HALF_CHROMA") == render.WARM_HALF_CHROMA


@pytest.mark.parametrize("name", NUMBERS)
def test_options_reject_what_is_out_of_range(name: str) -> None:
    option = OPTIONS[name]
    group: Any
    (group,) = (each for each in GROUPS if name in {field.name for field in fields(each)})
    assert option.low is not None
    assert option.high is not None
    for value in (option.low, option.high):
        assert getattr(group(**{name: value}), name) == value
    for wrong in (option.low - 1, option.high + 1, float("nan"), "1", True, [1]):
        with pytest.raises(OptionError, match=name):
            group(**{name: wrong})


def test_check_int_and_check_range_name_the_option() -> None:
    check_int("jobs", 3, 1, None)
    check_range("x", 0.5, 0, 1)
    cases: list[tuple[Any, Any, str]] = [
        (check_int, 1.5, "jobs must be a whole number, not 1.5"),
        (check_int, 0, "jobs must be at least 1, not 0"),
        (check_range, None, "jobs must be a number, not None"),
    ]
    for check, value, words in cases:
        with pytest.raises(OptionError, match=words):
            check("jobs", value, 1, None)


def test_check_keywords_suggests_the_nearest_name() -> None:
    with pytest.raises(OptionError, match="unknown option 'warmht'") as caught:
        check_keywords({"warmht": 1}, Adjustments)
    assert caught.value.hint == "Did you mean 'warmth'?"
