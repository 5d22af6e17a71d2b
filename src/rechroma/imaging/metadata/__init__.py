"""Image metadata: EXIF, XMP, IPTC, color spaces and resolution, read and made true of the result.

Metadata never costs a photograph: a part that cannot be read is dropped, and the pixels are kept.
"""
