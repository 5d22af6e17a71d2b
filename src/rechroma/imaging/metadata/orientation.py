"""EXIF's orientation: how an image is turned upright, for places in it."""

from __future__ import annotations

TO_UPRIGHT = {
    1: (False, False, False), 2: (False, True, False), 3: (False, True, True),
    4: (False, False, True), 5: (True, False, False), 6: (True, True, False),
    7: (True, True, True), 8: (True, False, True),
}  # fmt: skip
"""By orientation: whether the axes are swapped, and after that mirrored across and down."""


def turn_point(point: tuple[float, float], orientation: int) -> tuple[float, float]:
    """Return where a point of a stored image lies when the image is upright.

    Args:
        point: Fractions of the width and of the height, from the upper left corner.
        orientation: EXIF's orientation of the stored image, 1 to 8.
    """
    _, is_mirrored_across, is_mirrored_down = TO_UPRIGHT[orientation]
    across, down = turn_extent(point, orientation)
    return (1 - across if is_mirrored_across else across, 1 - down if is_mirrored_down else down)


def turn_extent(extent: tuple[float, float], orientation: int) -> tuple[float, float]:
    """Return width and height, of a part or of the whole, when the image is upright."""
    return extent[::-1] if TO_UPRIGHT[orientation][0] else extent


def turn_box(
    box: tuple[float, float, float, float], orientation: int, *, from_corner: bool = False
) -> tuple[float, float, float, float]:
    """Return where a part of a stored image lies when the image is upright.

    Args:
        box: A place, as in :func:`turn_point`, with the width and height of what is there.
        orientation: EXIF's orientation of the stored image, 1 to 8.
        from_corner: Whether the place is the upper left corner of the part, not its center.
    """
    x, y, width, height = box
    to_center = 0.5 if from_corner else 0
    center = turn_point((x + to_center * width, y + to_center * height), orientation)
    width, height = turn_extent((width, height), orientation)
    return (center[0] - to_center * width, center[1] - to_center * height, width, height)
