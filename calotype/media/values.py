"""What the value of a tag says, as text or as a number."""

import math

from calotype.outside.xmp import Value


def one(value: Value | None) -> str:
    """The text of a value; of a list the first item."""
    if isinstance(value, list):
        return one(value[0]) if value else ""
    return value if isinstance(value, str) else ""


def number(value: Value | None) -> float | None:
    """The number a value is, `3/4` too; `None` for what is none."""
    text = one(value).strip()
    over, slash, under = text.partition("/")
    try:
        found = float(over) / float(under) if slash else float(over)
    except (ValueError, ZeroDivisionError):
        return None
    return found if math.isfinite(found) else None
