"""Pretrained recognition networks as feature pyramids."""
