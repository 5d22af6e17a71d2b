"""Image codecs: format detection, decoding and encoding at 8 and 16 bits.

Pillow decodes and encodes wherever it can. OpenCV reads 16-bit colors, and the PNG and TIFF
writers here write them, because Pillow has no 16-bit RGB.
"""
