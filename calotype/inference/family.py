"""What a task family promises to the process that hosts it (`child.py`), so that each can be written by itself.

A **sight** is one loaded model or pair of models: `clip.Words`, `clip.Look`, `faces.Faces`, `ocr.Lines`. The child makes
one with `load`, gives it questions with `answer`, and drops it when nobody asked for a while. Two threads may call
`answer` at once (as many as `Runtime.lanes`); everything a sight keeps between calls must bear that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from calotype.inference.pixels import Picture
from calotype.inference.session import Runtime

Json = Any  # what json.dumps takes


class Unloadable(Exception):
    """A model's files are missing, damaged or not what they should be; the reason is a sentence."""


class Wrong(Exception):
    """The options of a question make no sense; the reason is a sentence. Answered with 422."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: a picture or a text, and the options of each type (`{"detection": {"minScore": 0.7}}`)."""

    picture: Picture | None = None
    text: str | None = None
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


class Sight(Protocol):
    """One loaded model, or a pair that works together."""

    max_batch: int  # how many questions `answer` is best given at once
    about: Mapping[str, str]  # for log and metrics: provider, precision

    @classmethod
    def load(cls, folders: Mapping[str, Path], runtime: Runtime) -> Self:
        """From a folder for each type (`{"detection": …, "recognition": …}`), each with a `model.onnx`.

        Raises `Unloadable`.
        """
        ...

    def answer(self, asked: Sequence[Asked]) -> list[Json]:
        """What stands under the task's name in the contract's answer, one for each question, in their order."""
        ...
