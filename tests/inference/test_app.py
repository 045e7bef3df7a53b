"""The service over HTTP: the shapes another server expects, and what it says to nonsense."""

import asyncio
import io
import json
import math

import pytest
from PIL import Image

from tests.inference.conftest import TOY, Asking, clip, form, opened, picture

OCR = {"ocr": {kind: {"modelName": "PP-OCRv6_small"} for kind in ("detection", "recognition")}}


def vector(text: object) -> list[float]:
    """The wire's vector: a text that holds a JSON array of finite numbers."""
    assert isinstance(text, str)
    numbers = json.loads(text)
    assert all(isinstance(number, float) and math.isfinite(number) for number in numbers)
    return numbers


async def test_it_greets_and_pongs_as_the_ecosystems_service_does(asking: Asking):
    root = await asking.ask("GET", "/")
    assert (root.status, root.json) == (200, {"message": "Immich ML"})
    ping = await asking.ask("GET", "/ping")
    assert (ping.status, ping.body) == (200, b"pong")
    assert ping.headers["content-type"].startswith("text/plain")


async def test_a_picture_is_answered_with_a_vector_as_text_and_its_size(asking: Asking):
    reply = await asking.predict(clip(), image=picture(320, 240))
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert set(reply.json) == {"clip", "imageHeight", "imageWidth"}
    assert (reply.json["imageHeight"], reply.json["imageWidth"]) == (240, 320)
    assert len(vector(reply.json["clip"])) == 512


async def test_a_text_is_answered_with_a_vector_and_nothing_else(asking: Asking):
    reply = await asking.predict(clip("textual", language="de"), text="a red circle")
    assert reply.status == 200
    assert set(reply.json) == {"clip"}
    assert len(vector(reply.json["clip"])) == 512


async def test_words_find_what_they_name(asking: Asking):
    """Both encoders are fed as they were trained, or this would be chance."""
    from PIL import ImageDraw

    drawn = {}
    for name, colour in (("red", (220, 30, 30)), ("blue", (30, 60, 220)), ("green", (30, 170, 60))):
        image = Image.new("RGB", (800, 600), (240, 240, 240))
        ImageDraw.Draw(image).ellipse((250, 150, 550, 450), fill=colour)
        content = io.BytesIO()
        image.save(content, "JPEG", quality=90)
        drawn[name] = vector((await asking.predict(clip(), image=content.getvalue())).json["clip"])
    for name in drawn:
        words = vector((await asking.predict(clip("textual"), text=f"a {name} circle")).json["clip"])
        scores = {other: sum(a * b for a, b in zip(words, seen, strict=True)) for other, seen in drawn.items()}
        assert max(scores, key=scores.__getitem__) == name, scores


async def test_the_picture_sent_is_measured_not_the_one_decoded(asking: Asking):
    reply = await asking.predict(clip(), image=picture(2400, 1800))
    assert (reply.json["imageHeight"], reply.json["imageWidth"]) == (1800, 2400)


async def test_several_tasks_share_one_decoding(asking: Asking):
    before = asking.service.families["pixels"].figures.answered
    reply = await asking.predict(clip() | OCR, image=picture())
    assert reply.status == 200, reply.body
    assert set(reply.json) == {"clip", "ocr", "imageHeight", "imageWidth"}
    assert set(reply.json["ocr"]) == {"text", "box", "boxScore", "textScore"}
    assert all(isinstance(each, list) for each in reply.json["ocr"].values())
    assert asking.service.families["pixels"].figures.answered == before + 1


async def test_together_they_are_answered_as_alone(asking: Asking):
    photos = [picture(seed=n) for n in range(12)]
    alone = [vector((await asking.predict(clip(), image=photo)).json["clip"]) for photo in photos]
    batched = asking.service.families["clip"].figures.batched
    replies = await asyncio.gather(*(asking.predict(clip(), image=photo) for photo in photos))
    for one, reply in zip(alone, replies, strict=True):
        assert vector(reply.json["clip"]) == pytest.approx(one, abs=2e-5)
    assert asking.service.families["clip"].figures.batched > batched


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "PNG"])
async def test_previews_of_every_kind_are_seen(asking: Asking, format: str):
    assert (await asking.predict(clip(), image=picture(format=format))).status == 200


@pytest.mark.parametrize(
    "entries",
    [
        b"no json",
        b"[]",
        b"{}",
        b"null",
        b'{"clip": []}',
        b'{"clip": {}}',
        b'{"clip": {"visual": {}}}',
        b'{"clip": {"visual": {"modelName": 5}}}',
        b'{"clip": {"visual": {"modelName": ""}}}',
        b'{"clip": {"visual": {"modelName": "x", "options": 5}}}',
        b'{"clip": {"audible": {"modelName": "x"}}}',
        b'{"astrology": {"visual": {"modelName": "x"}}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
async def test_entries_that_make_no_sense_are_refused(asking: Asking, entries: bytes):
    reply = await asking.predict(entries, image=picture())
    assert (reply.status, reply.json) == (422, {"detail": "Invalid request format."})


async def test_a_body_that_is_no_form_is_refused(asking: Asking):
    body, kind = form([("entries", b"{}")])
    for sent, header in ((b"{}", "application/json"), (body[:-20], kind), (b"", kind), (body, "multipart/form-data")):
        reply = await asking.ask("POST", "/predict", sent, {"content-type": header})
        assert reply.status == 422, (sent, header)


async def test_missing_entries_are_refused(asking: Asking):
    assert (await asking.predict(None, image=picture())).status == 422


async def test_neither_picture_nor_text_is_refused(asking: Asking):
    reply = await asking.predict(clip())
    assert (reply.status, reply.json["detail"]) == (400, "Either image or text must be provided")


async def test_a_text_for_a_task_that_looks_is_refused(asking: Asking):
    reply = await asking.predict(clip(), text="a dog")
    assert (reply.status, reply.json["detail"]) == (400, "Task clip of type visual needs image")
    reply = await asking.predict(clip("textual"), image=picture())
    assert (reply.status, reply.json["detail"]) == (400, "Task clip of type textual needs text")


@pytest.mark.parametrize("task", ["facial-recognition", "ocr"])
async def test_recognition_without_detection_is_refused(asking: Asking, task: str):
    reply = await asking.predict({task: {"recognition": {"modelName": "x"}}}, image=picture())
    assert reply.status == 400
    assert reply.json["detail"].startswith(f"Task {task} of type recognition depends on output of")


@pytest.mark.parametrize("name", ["no-such-model", "../../../etc", "..", "a/b/../..", "\x00"])
async def test_a_model_that_is_not_there_is_named(asking: Asking, name: str):
    reply = await asking.predict(clip(name=name), image=picture())
    assert (reply.status, reply.json["fault"]) == (500, "model")
    assert reply.json["detail"].startswith("Failed to load model '")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        picture()[:1500],
        picture(format="PNG")[:200],
        b"\xff\xd8\xff" + bytes(5000),
        b"%!PS-Adobe-3.0\n",
    ],
    ids=["empty", "text", "cut jpeg", "cut png", "zeros", "postscript"],
)
async def test_what_is_no_picture_is_the_pictures_fault(asking: Asking, content: bytes):
    reply = await asking.predict(clip(), image=content)
    assert reply.status == 500
    assert reply.json["fault"] == "picture"
    assert reply.json["detail"].endswith(".")
    assert (await asking.predict(clip(), image=picture())).status == 200


async def test_a_picture_of_too_many_pixels_is_refused_undecoded(asking: Asking):
    content = io.BytesIO()
    Image.new("1", (10_001, 10_001)).save(content, "PNG")
    reply = await asking.predict(clip(), image=content.getvalue())
    assert reply.status == 500
    assert "more than 100 megapixels" in reply.json["detail"]


async def test_a_body_that_is_too_large_is_refused(tmp_path):
    asking = opened(tmp_path, max_body_bytes=100_000)
    reply = await asking.predict(clip(), image=bytes(200_000))
    assert (reply.status, reply.json["detail"]) == (413, "The request is larger than 0 MiB.")
    body, kind = form([("image", b"x")])
    reply = await asking.ask("POST", "/predict", body, {"content-type": kind, "content-length": "200000"})
    assert reply.status == 413


async def test_unknown_paths_and_methods_are_told_so(asking: Asking):
    assert (await asking.ask("GET", "/nowhere")).status == 404
    assert (await asking.ask("GET", "/predict")).status == 405
    assert (await asking.ask("DELETE", "/ping")).status == 405


async def test_a_damaged_model_is_named_and_the_service_lives(asking: Asking, tmp_path):
    folder = tmp_path / "clip" / "broken" / "visual"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"no model")
    (folder / "preprocess_cfg.json").write_text('{"size": 224}')
    broken = opened(tmp_path)
    try:
        reply = await broken.predict(clip(name="broken"), image=picture())
        assert (reply.status, reply.json["detail"]) == (500, "Failed to load model 'broken'")
        assert (await broken.predict(clip(name=TOY), image=picture())).status == 200
    finally:
        await broken.service.close()


async def test_figures_tell_what_runs_where(asking: Asking):
    await asking.predict(clip(), image=picture())
    page = (await asking.ask("GET", "/metrics")).body.decode()
    assert (
        f'calotype_inference_model{{family="clip",model="{TOY}",provider="cpu",precision="fp32",fell_back=""}} 1'
        in page
    )
    assert 'calotype_inference_requests_total{status="200"}' in page
    assert (await asking.ask("GET", "/metrics", client="203.0.113.9")).status == 403
