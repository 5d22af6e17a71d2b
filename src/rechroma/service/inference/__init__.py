"""Inference of the service: models by name, and the worker processes that run them."""
