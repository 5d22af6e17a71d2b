"""Metrics of colorization as functions, and their accumulation over a set of images."""
