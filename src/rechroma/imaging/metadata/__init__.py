"""TODO imaging/metadata."""
