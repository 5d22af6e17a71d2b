"""TODO imaging/codecs."""
