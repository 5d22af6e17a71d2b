"""TODO service/http."""
