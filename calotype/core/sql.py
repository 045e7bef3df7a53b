"""SQL is text, registered. `Where` joins optional conditions; there is no other query composition."""

import re
from dataclasses import dataclass, field
from typing import Any, LiteralString

STATEMENTS: list["Sql"] = []


@dataclass(frozen=True, slots=True)
class Sql:
    """A statement with named arguments (`:name`) turned into Postgres' numbered ones.

    `text` is what Postgres sees (`$1`…), `names` the arguments in that order. A colon doubled for a cast (`::uuid`) is
    left alone, as is anything in quotes.
    """

    text: str
    names: tuple[str, ...]

    def values(self, arguments: dict[str, Any]) -> list[Any]:
        """The arguments in Postgres' order. Raises `KeyError` for a name the caller forgot."""
        return [arguments[name] for name in self.names]


def sql(text: LiteralString) -> Sql:
    """Register a statement. Every registered statement is prepared against the schema in the tests."""
    statement = _numbered(text)
    STATEMENTS.append(statement)
    return statement


# Quoted text and casts are stepped over; what is left of `:name` is an argument.
_TOKENS = re.compile(r"'[^']*'|::|:([A-Za-z_]\w*)", re.ASCII)


def _numbered(text: str) -> Sql:
    numbers: dict[str, int] = {}

    def numbered(token: re.Match[str]) -> str:
        name: str | None = token[1]
        return token[0] if name is None else f"${numbers.setdefault(name, len(numbers) + 1)}"

    return Sql(_TOKENS.sub(numbered, text), tuple(numbers))


@dataclass(slots=True)
class Where:
    """Optional conditions of one statement.

    `add("a.city = :city", city=city)` appends a literal fragment with its arguments; `into(template)` puts all of them,
    joined by AND, where the template says `{where}`. Fragments and templates are literal text, values only travel as
    arguments. Each composed text is numbered once and remembered.
    """

    fragments: list[LiteralString] = field(default_factory=list[LiteralString])
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])

    def add(self, fragment: LiteralString, **arguments: Any) -> None:
        """Append a condition. Raises `ValueError` when an argument's name is already taken by another value."""
        for name, value in arguments.items():
            if name in self.arguments and self.arguments[name] is not value:
                raise ValueError(f"The argument {name} is used twice.")
            self.arguments[name] = value
        self.fragments.append(fragment)

    def into(self, template: LiteralString) -> Sql:
        """The finished statement; `{where}` becomes TRUE when nothing was added."""
        text = template.replace("{where}", "\n   AND ".join(self.fragments) or "TRUE")
        if text not in _composed:
            if len(_composed) > 4096:  # a bound, so that odd filter mixes cannot fill the memory
                _composed.clear()
            _composed[text] = _numbered(text)
        return _composed[text]


_composed: dict[str, Sql] = {}
