"""Which models there are, and where those lie that came with the packages."""

import hashlib
from pathlib import Path

import pytest

from calotype.inference import catalogue
from calotype.inference.catalogue import bundled, clean, known, models
from calotype.inference.library import locate
from calotype.settings import rules


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("ViT-B-32__openai", "ViT-B-32__openai"),
        ("immich-app/ViT-B-32__openai", "ViT-B-32__openai"),
        ("../../etc/passwd", "passwd"),
        ("..", ""),
        ("a:b\\c", "a_b_c"),
        ("v1.5", "v15"),
    ],
)
def test_a_name_never_leads_anywhere_else(name: str, folder: str) -> None:
    assert clean(name) == folder


def test_the_settings_and_the_catalogue_know_the_same_clip_models_with_the_same_lengths() -> None:
    ours = {model.name: model.dimension for model in models("clip")}
    assert ours == rules.CLIP_MODELS


def test_every_model_says_whose_it_is_and_where_it_comes_from() -> None:
    for model in models():
        assert model.licence, model.name
        assert clean(model.name) == model.name
        for kind in model.types:
            shared = known(model.task, model.folder_of(kind))
            assert shared, (model.name, kind)
            is_there = bundled(shared.task, shared.name, kind)
            assert is_there or shared.source or shared.files.get(kind), (model.name, kind)


def test_every_preset_is_a_model_and_those_with_terms_say_so() -> None:
    for preset in catalogue.PRESETS:
        model = known(preset.task, preset.name)
        assert model
        if "non-commercial" in model.note:
            assert "commercial" in preset.why.lower()
    assert known("facial-recognition", "buffalo_l").note == catalogue.RESEARCH_ONLY  # type: ignore[union-attr]


def test_addresses_are_of_hosts_that_downloads_may_come_from() -> None:
    files = [file for model in models() for group in model.files.values() for file in group]
    assert files
    for file in files:
        assert file.url.startswith("https://www.modelscope.cn/")
        assert len(file.sha256) == 64


def test_a_script_of_its_own_shares_the_detector() -> None:
    latin = known("ocr", "LATIN__PP-OCRv5_mobile")
    assert latin
    assert latin.folder_of("detection") == "PP-OCRv5_mobile"
    assert latin.folder_of("recognition") == "LATIN__PP-OCRv5_mobile"


@pytest.mark.parametrize("kind", ["detection", "recognition"])
def test_the_ocr_models_that_came_along_are_the_published_ones(kind: str) -> None:
    path = bundled("ocr", "PP-OCRv6_small", kind)
    model = known("ocr", "PP-OCRv6_small")
    assert path
    assert model
    assert hashlib.sha256(path.read_bytes()).hexdigest() == model.files[kind][0].sha256


def test_the_toy_models_are_small_and_complete() -> None:
    for task, name in (("clip", "calotype-toy__shapes"), ("facial-recognition", "calotype-toy__faces")):
        model = known(task, name)
        assert model
        places = [bundled(task, name, kind) for kind in model.types]
        assert all(places)
        folder = (places[0] or Path()).parent
        assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 1_000_000 * len(places)


def test_what_somebody_put_in_place_goes_before_what_came_along(tmp_path: Path) -> None:
    toy = "calotype-toy__shapes"
    assert locate("clip", toy, "visual", tmp_path) == bundled("clip", toy, "visual")
    own = tmp_path / "clip" / toy / "visual"
    own.mkdir(parents=True)
    assert locate("clip", toy, "visual", tmp_path) == bundled("clip", toy, "visual")  # an empty folder is no model
    (own / "model.onnx").write_bytes(b"x")
    assert locate("clip", toy, "visual", tmp_path) == own
    assert locate("clip", "nobody-knows-it", "visual", tmp_path) is None
    assert locate("clip", "..", "visual", tmp_path) is None


def test_a_detector_that_is_shared_is_found_under_its_own_name(tmp_path: Path) -> None:
    shared = tmp_path / "ocr/PP-OCRv5_mobile/detection"
    shared.mkdir(parents=True)
    (shared / "model.onnx").write_bytes(b"x")
    assert locate("ocr", "EL__PP-OCRv5_mobile", "detection", tmp_path) == shared
