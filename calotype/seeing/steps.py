"""What can be seen in a picture, and what of it is due."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from calotype.core.ids import AssetId, UserId
from calotype.core.ports import Wanted
from calotype.settings.settings import MachineLearning

QUEUE = {"embedding": "smartSearch", "faces": "faceDetection", "text": "ocr"}
JOB = {"embedding": "SmartSearch", "faces": "AssetDetectFaces", "text": "Ocr"}


@dataclass(frozen=True, slots=True)
class Known:
    """A picture, and the steps that are behind it: done, or failed for good until somebody asks again."""

    id: AssetId
    owner_id: UserId
    preview: str  # below the data folder
    done: frozenset[str]
    failed: frozenset[str]
    lags_behind: str | None  # the model that still answers searches, when it has not seen this picture


def due(known: Known, enabled: Iterable[str], asked: str, *, force: bool) -> tuple[str, ...]:
    """Everything that may be asked together with `asked`; nothing when `asked` itself needs no work.

    `force` asks for `asked` again although it is done. What failed before is only tried when it is asked for itself.
    """
    if asked in known.done and not force:
        return ()
    others = (step for step in enabled if step != asked and step not in known.done | known.failed)
    return (asked, *others)


def wanted(steps: Collection[str], learning: MachineLearning) -> Wanted:
    """The steps as the port asks for them."""
    return Wanted(
        clip=learning.clip.model_name if "embedding" in steps else None,
        faces=learning.facial_recognition.model_name if "faces" in steps else None,
        min_face_score=learning.facial_recognition.min_score,
        text=learning.ocr.model_name if "text" in steps else None,
        min_box_score=learning.ocr.min_detection_score,
        min_text_score=learning.ocr.min_recognition_score,
        max_resolution=learning.ocr.max_resolution,
    )
