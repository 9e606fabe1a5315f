"""Drift: whether new images are still like those that the champion has learned from."""
