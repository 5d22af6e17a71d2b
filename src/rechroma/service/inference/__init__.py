"""TODO service/inference."""
