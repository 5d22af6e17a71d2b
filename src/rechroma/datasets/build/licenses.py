"""Normalization of license names."""

from __future__ import annotations

import re

_DEED = re.compile(r"creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)")
_DEEDS = {"zero": "cc0", "mark": "pdm"}
_ALIASES = {
    "cc-0": "cc0",
    "cc-zero": "cc0",
    "public-domain": "pdm",
    "publicdomain": "pdm",
    "pd": "pdm",
    "no-known-copyright-restrictions": "pdm",
    "attribution": "cc-by",
    "attribution-sharealike": "cc-by-sa",
}
_VERSION = re.compile(r"-?v?\d+(\.\d+)+.*$|-(unported|generic|international|universal)$")


def license_name(text: str) -> str:
    """Normalize a license to its name without version and country, such as ``cc-by-sa``.

    Args:
        text: Name of the license in any spelling, or the URL of a Creative Commons deed.
    """
    text = text.strip().lower()
    if deed := _DEED.search(text):
        return _DEEDS.get(deed[1], f"cc-{deed[1]}")
    name = _VERSION.sub("", re.sub(r"[\s_/]+", "-", text)).strip("-")
    name = re.sub(r"^(by|nc)(?=-|$)", r"cc-\1", name)
    return _ALIASES.get(name, name)
