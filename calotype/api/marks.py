"""Where a handler's parameter comes from, when its name and type do not tell: `Annotated[bool, Query(alias="isOpen")]`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Query:
    """From the query; a model takes all of its keys from there. `alias`: the key, where it is not the parameter's name."""

    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The whole body, although the type is no model."""
