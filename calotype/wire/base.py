"""The base of every shape on the wire: camelCase names, JSON types taken strictly, dates as clients write them.

An absent key and `null` are different things: `model_fields_set` holds what was sent. `Maybe[X]` is a key that may be
absent but never null; `X | None` takes null.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, TypeVar, get_args
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError, core_schema

from calotype.core.ids import base64_text, sha1_from_text

T = TypeVar("T")

SAFE_INTEGER = 2**53 - 1  # the largest integer that survives JavaScript

_DATE = (
    r"(?:(?:\d\d[2468][048]|\d\d[13579][26]|\d\d0[48]|[02468][048]00|[13579][26]00)-02-29|"
    r"\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|"
    r"(?:02)-(?:0[1-9]|1\d|2[0-8])))"
)
DATE_PATTERN = rf"^{_DATE}$"
DATETIME_PATTERN = (
    rf"^{_DATE}T(?:(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|([+-](?:[01]\d|2[0-3]):[0-5]\d)))$"
)
UUID4_PATTERN = r"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12})$"
EMAIL_PATTERN = (
    r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$"
)
PIN_PATTERN = r"^\d{6}$"
COLOR_PATTERN = r"^#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{4}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$"

_RE = re.ASCII  # JavaScript's \d is ASCII only


class Wire(BaseModel):
    """Unknown keys are ignored, "5" is not a number, and a domain object may be read by its attributes."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        extra="ignore",
        from_attributes=True,
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,  # hundreds of shapes, of which a start needs a handful
    )


def issue(code: str, message: str, *path: str | int, **keys: Any) -> dict[str, Any]:
    """One of the contract's issues; `path` is relative to where it is raised."""
    return {"code": code, **keys, "path": list(path), "message": message}


def refuse(*issues: dict[str, Any]) -> PydanticCustomError:
    """The error a validator raises to be reported with exactly these issues."""
    return PydanticCustomError("issues", "Validation failed", {"issues": list(issues)})


def custom(message: str, *path: str | int) -> PydanticCustomError:
    """The error for a rule of our own: `raise custom("Angle must be …", "parameters", "angle")`."""
    return refuse(issue("custom", message, *path))


def wrong_type(expected: str, value: Any, *, said: str | None = None, **keys: Any) -> PydanticCustomError:
    """The error for a value of another JSON type. `said`: the name used in the sentence when it is another one."""
    return refuse(
        issue(
            "invalid_type",
            f"Invalid input: expected {said or expected}, received {json_type(value)}",
            expected=expected,
            **keys,
        )
    )


def wrong_format(name: str, pattern: str, message: str) -> PydanticCustomError:
    """The error for a string that does not match; `pattern` is shown between slashes."""
    return refuse(issue("invalid_format", message, origin="string", format=name, pattern=f"/{pattern}/"))


def json_type(value: Any) -> str:
    """What JavaScript would call a value that came as JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list() | tuple() | set():
            return "array"
        case _:
            return "object"


@dataclass(frozen=True, slots=True)
class Said:
    """How a missing value of this type is complained about."""

    expected: str = "string"
    said: str | None = None
    nan: bool = False  # converted from text: an absent value is not a number, instead of undefined
    options: tuple[str, ...] = ()


class NotNull:
    """A key that may be absent but not null, although the attribute is then `None`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        members = [each for each in get_args(source) if each is not type(None)]
        kind: Any = members[0]
        for other in members[1:]:
            kind = kind | other
        return handler.generate_schema(kind)


Maybe = Annotated[T | None, NotNull()]


def _uuid4(value: Any) -> UUID:
    if isinstance(value, UUID):
        return value
    if not isinstance(value, str):
        raise wrong_type("string", value)
    if re.match(UUID4_PATTERN, value, _RE) is None or value.endswith("\n"):
        raise wrong_format("uuid", UUID4_PATTERN, "Invalid UUID")
    return UUID(value)


def _datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise wrong_type("string", value, said="ISO 8601 datetime string")
    refusal = wrong_format(
        "datetime", DATETIME_PATTERN, "Invalid input: expected ISO 8601 datetime string, received string"
    )
    if re.fullmatch(DATETIME_PATTERN, value, _RE) is None:
        raise refusal
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise refusal from error


def _date(value: Any) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise wrong_type("string", value, said="ISO date string (YYYY-MM-DD)")
    refusal = wrong_format(
        "date", DATE_PATTERN, "Invalid input: expected ISO date string (YYYY-MM-DD), received string"
    )
    if re.fullmatch(DATE_PATTERN, value, _RE) is None:
        raise refusal
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise refusal from error


def _email(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type("string", value, said="email")
    if re.fullmatch(EMAIL_PATTERN, value, _RE) is None:
        raise wrong_format("email", EMAIL_PATTERN, "Invalid input: expected email, received string")
    return value.lower()


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type("number", value)
    if value != value:
        raise _not_a_number()
    if isinstance(value, float) and not value.is_integer():
        raise wrong_type("int", value, format="safeint")
    if abs(value) > SAFE_INTEGER:
        word, sign, key, limit = (
            ("Too big", "<=", "maximum", SAFE_INTEGER) if value > 0 else ("Too small", ">=", "minimum", -SAFE_INTEGER)
        )
        raise refuse(
            issue(
                "too_big" if value > 0 else "too_small",
                f"{word}: expected int to be {sign}{limit}",
                origin="int",
                inclusive=True,
                note="Integers must be within the safe integer range.",
                **{key: limit},
            )
        )
    return int(value)


def _not_a_number() -> PydanticCustomError:
    return refuse(
        issue(
            "invalid_type",
            "Invalid input: expected number, received NaN",
            expected="number",
            received="NaN",
        )
    )


def _number_in_text(value: Any) -> Any:
    """Text as JavaScript's `Number()` reads it: blanks around are fine, nothing at all is 0."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = value.strip()
        if text == "":
            return 0
        if re.fullmatch(r"[+-]?\d+", text, _RE) and len(text) < 400:
            return int(text)
        if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, _RE):
            number = float(text)
            return number if number not in (float("inf"), float("-inf")) else int(number > 0) * 2 * 10**308
    raise _not_a_number()


def _integer_in_text(value: Any) -> int:
    return _integer(_number_in_text(value))


BOOLEANS = {"true": True, "false": False}


def _boolean_in_text(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise wrong_type("string", value)
    if value not in BOOLEANS:
        raise refuse(
            issue(
                "invalid_value",
                'Invalid option: expected one of "true"|"false"',
                expected="stringbool",
                values=["true", "false"],
            )
        )
    return BOOLEANS[value]


def _pin(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type("string", value)
    if re.fullmatch(PIN_PATTERN, value, _RE) is None:
        raise wrong_format("regex", PIN_PATTERN, f"Invalid string: must match pattern /{PIN_PATTERN}/")
    return value


def _color(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong_type("string", value)
    if re.fullmatch(COLOR_PATTERN, value, _RE) is None:
        raise wrong_format("regex", COLOR_PATTERN, f"Invalid string: must match pattern /{COLOR_PATTERN}/")
    return value if value.startswith("#") else f"#{value}"


def _checksum(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise wrong_type("string", value)
    digest = sha1_from_text(value)
    if digest is None:
        raise custom("Invalid checksum: expected a SHA-1 in base64 or hex")
    return digest


def iso(instant: datetime) -> str:
    """`2024-01-01T00:00:00.000Z`. A time without a zone is wall-clock time, written as if it were UTC."""
    if instant.tzinfo is not None:
        instant = instant.astimezone(UTC).replace(tzinfo=None)
    return f"{instant.isoformat(timespec='milliseconds')}Z"


Uuid4 = Annotated[
    UUID,
    Said(),
    BeforeValidator(_uuid4),
    WithJsonSchema({"type": "string", "format": "uuid", "pattern": UUID4_PATTERN}),
]
IsoDateTime = Annotated[
    datetime,
    Said(said="ISO 8601 datetime string"),
    BeforeValidator(_datetime),
    PlainSerializer(iso, return_type=str, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
IsoDate = Annotated[
    date,
    Said(said="ISO date string (YYYY-MM-DD)"),
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Email = Annotated[
    str, Said(said="email"), BeforeValidator(_email), WithJsonSchema({"type": "string", "format": "email"})
]
AvatarColor = Literal["primary", "pink", "red", "yellow", "blue", "green", "purple", "orange", "gray", "amber"]
Int = Annotated[int, Said("number"), BeforeValidator(_integer)]
PinCode = Annotated[str, Said(), BeforeValidator(_pin), WithJsonSchema({"type": "string", "pattern": PIN_PATTERN})]
Color = Annotated[str, Said(), BeforeValidator(_color), WithJsonSchema({"type": "string", "pattern": COLOR_PATTERN})]
Checksum = Annotated[
    bytes,
    Said(),
    BeforeValidator(_checksum),
    PlainSerializer(base64_text, return_type=str, when_used="json-unless-none"),
    WithJsonSchema({"type": "string"}),
]
Some = Annotated[list[T], Field(min_length=1)]

# In queries and forms everything is text.
QueryInt = Annotated[int, Said("number", nan=True), BeforeValidator(_integer_in_text)]
QueryNumber = Annotated[float, Said("number", nan=True), BeforeValidator(_number_in_text)]
QueryBool = Annotated[bool, Said(options=("true", "false")), BeforeValidator(_boolean_in_text)]
