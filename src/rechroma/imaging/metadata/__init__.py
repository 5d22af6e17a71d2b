"""Image metadata: EXIF, XMP, IPTC, ICC profiles and resolution, read and corrected for the result.

Metadata never costs a photograph: a part that cannot be read is dropped, and the pixels are kept.
"""
