"""Faces, and whose they are."""
