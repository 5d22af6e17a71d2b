"""TODO networks/encoders."""
