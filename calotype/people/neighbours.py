"""The other rule: a face is who its nearest neighbours are, and a person begins where enough faces are close together.

For libraries that were sorted this way and should go on like that. Pure: who asks has found the neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID


class Verdict(Enum):
    """What to do with a face."""

    ALONE = auto()  # nobody is near: leave it
    LATER = auto()  # too few are near: ask again when all others were asked
    LOOK_FURTHER = auto()  # none of the near ones has a person: join the nearest face that has one, if within reach
    BEGIN = auto()  # as before, but if none has, this is somebody new
    JOIN = auto()  # the person of the nearest neighbour that has one


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A face within reach; itself is one. `distance`: cosine, 0 to 2."""

    distance: float
    person_id: UUID | None


def judge(
    neighbours: Sequence[Neighbour], *, min_faces: int, is_on_timeline: bool, is_second_time: bool
) -> tuple[Verdict, UUID | None]:
    """What to do, and with whom. `neighbours`: nearest first, at most `min_faces`, the face itself among them."""
    if min_faces > 1 and len(neighbours) <= 1:
        return Verdict.ALONE, None
    is_core = len(neighbours) >= min_faces and is_on_timeline
    if not is_core and not is_second_time:
        return Verdict.LATER, None
    known = next((each.person_id for each in neighbours if each.person_id is not None), None)
    if known is not None:
        return Verdict.JOIN, known
    return (Verdict.BEGIN if is_core else Verdict.LOOK_FURTHER), None
