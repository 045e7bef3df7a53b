"""Showing assets to others, on purpose."""
