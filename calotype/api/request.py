"""A request whose headers are looked up, not searched: an answer asks for a dozen of them, most of which nobody sent."""

from typing import Any

from starlette import requests
from starlette.datastructures import Headers
from starlette.types import Receive, Scope


class Heads(Headers):
    """Starlette's headers with an index; of a header that came twice, the first counts, as there."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._found = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}

    def __getitem__(self, key: str) -> str:
        return self._found[key.lower()]

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or `default`. `key` in lower case, as it is everywhere here."""
        return self._found.get(key, default)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._found


class Request(requests.Request):
    """As Starlette's, for the hot path."""

    def __init__(self, scope: Scope, receive: Receive = requests.empty_receive) -> None:
        super().__init__(scope, receive)
        self._headers = Heads(scope)
