"""What happened. Each room declares its own events beside its nouns; they leave only after commit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Base of everything a verb may tell."""
