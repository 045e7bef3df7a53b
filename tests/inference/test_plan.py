"""What is asked of whom, and with how many pixels."""

import json

from calotype.inference import plan
from calotype.inference.plan import Preload


def entries(task: str, *kinds: str, **options) -> str:
    return json.dumps({task: {kind: {"modelName": f"m-{kind}", "options": options} for kind in kinds}})


def test_each_task_is_one_question_to_one_family():
    (faces,) = plan.read(entries("facial-recognition", "detection", "recognition", minScore=0.5))
    assert (faces.family, faces.needs) == ("faces", "image")
    assert faces.models == {"detection": "m-detection", "recognition": "m-recognition"}
    assert faces.options["detection"] == {"minScore": 0.5}
    assert [(step.family, step.needs) for step in plan.read(entries("clip", "textual"))] == [("words", "text")]
    assert [(step.family, step.needs) for step in plan.read(entries("clip", "visual"))] == [("clip", "image")]


def test_a_picture_is_decoded_as_large_as_the_neediest_task_wants_it():
    (look,) = plan.read(entries("clip", "visual"))
    (text,) = plan.read(entries("ocr", "detection", "recognition"))
    (fine,) = plan.read(entries("ocr", "detection", "recognition", maxResolution=1080))
    (odd,) = plan.read(entries("ocr", "detection", "recognition", maxResolution="x"))
    assert [plan.least_px(step, 224) for step in (look, text, fine, odd)] == [336, 1440, 2160, 1440]


def test_preloaded_pairs_are_loaded_together():
    steps = plan.preload_steps(
        (
            Preload("clip", "textual", "a"),
            Preload("clip", "visual", "a"),
            Preload("facial-recognition", "detection", "b"),
            Preload("facial-recognition", "recognition", "c"),
            Preload("ocr", "detection", "d"),
        )
    )
    assert [(step.family, dict(step.models)) for step in steps] == [
        ("words", {"textual": "a"}),
        ("clip", {"visual": "a"}),
        ("faces", {"detection": "b", "recognition": "c"}),
        ("ocr", {"detection": "d", "recognition": "d"}),
    ]
