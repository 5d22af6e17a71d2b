"""TODO networks/architectures."""
