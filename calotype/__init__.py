"""Calotype: a self-hosted photo and video library."""


def __getattr__(name: str) -> str:
    # Looked up when asked for: importlib.metadata costs 6 MB, which the supervisor would carry for ever.
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("calotype")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0.0.0"
