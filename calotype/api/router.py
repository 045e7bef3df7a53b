"""Which operation a path and a method mean.

The operations stand in a tree of path words, so that finding one takes as many steps as the path has words, however many
there are. A word that is written out wins over a parameter: `/people/merge` is never read as `/people/{id}`.
"""

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar


class Routed(Protocol):
    """What can be found: a method, and a path with parameters as `{name}`."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=Routed)


class NoRoute(Exception):
    """Nothing is served under this path with this method."""


class _Node(Generic[R]):
    __slots__ = ("any_word", "ends", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node[R]] = {}
        self.any_word: _Node[R] | None = None
        self.ends: dict[str, tuple[R, tuple[str, ...]]] = {}  # method → what is served, and its parameters' names


class Router(Generic[R]):
    """Written-out words match in any case, and a trailing slash is tolerated, as clients expect."""

    def __init__(self, routed: Iterable[R]) -> None:
        self._root: _Node[R] = _Node()
        for each in routed:
            self._add(each)

    def _add(self, routed: R) -> None:
        node, names = self._root, list[str]()
        for word in routed.path.strip("/").split("/"):
            if word.startswith("{"):
                names.append(word[1:-1])
                if node.any_word is None:
                    node.any_word = _Node()
                node = node.any_word
            else:
                node = node.words.setdefault(word.lower(), _Node())
        node.ends.setdefault(routed.method, (routed, tuple(names)))

    def find(self, method: str, path: str) -> tuple[R, dict[str, str]]:
        """What is served there, and the values of its parameters. Raises `NoRoute`."""
        found = _search(self._root, path.rstrip("/").split("/"), 1, [], method)
        if found is None:
            raise NoRoute
        (routed, names), values = found
        return routed, dict(zip(names, values, strict=True))


def _search(
    node: "_Node[R]", words: list[str], at: int, values: list[str], method: str
) -> tuple[tuple[R, tuple[str, ...]], list[str]] | None:
    if at == len(words):
        end = node.ends.get(method)
        return None if end is None else (end, values)
    word = words[at]
    written = node.words.get(word.lower())
    if written is not None and (found := _search(written, words, at + 1, values, method)) is not None:
        return found
    if node.any_word is None or not word:
        return None
    return _search(node.any_word, words, at + 1, [*values, word], method)
