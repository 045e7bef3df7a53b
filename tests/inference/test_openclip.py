"""Our CLIP beside open_clip's own, with random weights; runs where open_clip, torch and onnx are installed."""

import json

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("open_clip", reason="open_clip and torch are not installed")

from calotype.inference import clip, trial
from calotype.inference.session import Runtime, open_session
from tests.inference import hub_layout

NAME = "ViT-B-32"
LEAST = 0.999999
SENTENCES = (
    *trial.SENTENCES,
    "  cats &amp;amp; dogs\n\n and   birds ",
    "schÃ¶ne GRÜSSE, isn't it? 100% <b>bold</b> __init__",
    "ＦＵＬＬ width",
    "🏖️ beach 2019",
    "",
    "word " * 200,
)

pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """Model, transform, tokenizer, and the folder it was exported to."""
    folder = tmp_path_factory.mktemp("clip") / NAME
    model, transform, tokenizer = hub_layout.make(NAME)
    hub_layout.export(model, NAME, folder)
    return model, transform, tokenizer, folder


def least_cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = (
        each / np.linalg.norm(each, axis=1, keepdims=True) for each in (one.astype(float), other.astype(float))
    )
    return float((one * other).sum(1).min())


def scenes() -> list[np.ndarray]:
    """Pictures of many proportions."""
    sizes = [(640, 480), (481, 640), (333, 500), (500, 333), (224, 224), (225, 301), (800, 225), (100, 80), (853, 640)]
    return [
        np.asarray(Image.fromarray(scene).resize(sizes[n % len(sizes)], Image.Resampling.LANCZOS))
        for n, scene in enumerate(trial.pictures())
    ]


def test_pictures_become_the_same_pixels_and_the_same_vectors(theirs):
    import torch

    model, transform, _, folder = theirs
    eye = clip.Eye.read(folder / "visual" / "preprocess_cfg.json")
    session = open_session(folder / "visual" / "model.onnx", Runtime(providers=("cpu",)))
    pixels = torch.stack([transform(Image.fromarray(scene)) for scene in scenes()])
    assert max(np.abs(eye.see(scene) - seen.numpy()).max() for scene, seen in zip(scenes(), pixels, strict=True)) < 1e-6
    with torch.no_grad():
        expected = model.encode_image(pixels, normalize=True).numpy()
    assert least_cosine(clip.embed_pictures(session, eye, scenes()), expected) >= LEAST


@pytest.mark.parametrize("mode", ["squash", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_other_ways_of_framing_give_the_same_pixels(tmp_path, mode, interpolation):
    from open_clip.transform import PreprocessCfg, image_transform_v2

    said = {"size": [224, 224], "mode": "RGB", "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": interpolation,
            "resize_mode": mode, "fill_color": 0}  # fmt: skip
    (tmp_path / "preprocess_cfg.json").write_text(json.dumps(said))
    eye = clip.Eye.read(tmp_path / "preprocess_cfg.json")
    transform = image_transform_v2(PreprocessCfg(**said), is_train=False)
    for scene in scenes():
        assert np.abs(eye.see(scene) - transform(Image.fromarray(scene)).numpy()).max() < 1e-6


def test_texts_become_the_same_vectors(theirs):
    import torch

    model, _, tokenizer, folder = theirs
    pen = clip.Pen(folder / "textual")
    session = open_session(folder / "textual" / "model.onnx", Runtime(providers=("cpu",)))
    with torch.no_grad():
        expected = model.encode_text(tokenizer(list(SENTENCES)), normalize=True).numpy()
    found = clip.embed_texts(session, pen, [(text, None) for text in SENTENCES])
    each = [least_cosine(found[n : n + 1], expected[n : n + 1]) for n in range(len(SENTENCES))]
    assert min(each) >= LEAST, SENTENCES[int(np.argmin(each))]
