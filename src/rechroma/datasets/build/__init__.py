"""TODO datasets/build."""
