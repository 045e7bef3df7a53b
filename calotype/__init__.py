"""Calotype: a self-hosted photo and video library."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("calotype")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0.0.0"
