"""Which models there are: what each is for, whose it is under which terms, and where its files come from.

A name that stands here can be fetched by `download.py`; any other is only found where somebody put it. Licences are as
their makers state them; whoever uses a model commercially reads them there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

Task = Literal["clip", "facial-recognition", "ocr"]

TYPES: dict[str, tuple[str, ...]] = {
    "clip": ("visual", "textual"),
    "facial-recognition": ("detection", "recognition"),
    "ocr": ("detection", "recognition"),
}
# Raised when what we do before a model changes what comes out of it: older results are then not comparable.
PREPROCESS: dict[str, int] = {"clip": 1, "facial-recognition": 1, "ocr": 1}
HERE = Path(__file__).parent / "models"

HUB = "https://huggingface.co"
OCR_STORE = "https://www.modelscope.cn"
# Where a download may lead: the stores themselves and those they keep large files with. Subdomains count.
HOSTS = ("huggingface.co", "hf.co", "modelscope.cn")

RESEARCH_ONLY = "Its makers allow non-commercial research only."
NON_COMMERCIAL = "Its makers allow non-commercial use only (CC BY-NC 4.0)."
APPLE_TERMS = "Apple's own terms; read them before you rely on it."


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model type: where it lies there and what it must be. `sha256` empty: learnt at the first download."""

    path: str
    url: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Hub:
    """A repository whose listing tells files, sizes and checksums. `only`: our path of a file → its path there."""

    repository: str
    only: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Model:
    """One model as people choose it. `dimension`: length of its vectors, 0 where it makes none. `mib`: 0 if not known."""

    name: str
    task: Task
    licence: str
    source: Hub | None = None
    files: Mapping[str, tuple[File, ...]] = field(default_factory=dict[str, tuple[File, ...]])
    dimension: int = 0
    mib: int = 0
    note: str = ""
    languages: str = ""
    shares: Mapping[str, str] = field(default_factory=dict[str, str])  # type → the model whose folder it uses

    @property
    def preprocess(self) -> int:
        """Version of what we do before this model."""
        return PREPROCESS[self.task]

    @property
    def types(self) -> tuple[str, ...]:
        """What it consists of."""
        return TYPES[self.task]

    def folder_of(self, kind: str) -> str:
        """The name under which the files of a type are kept."""
        return self.shares.get(kind, self.name)


@dataclass(frozen=True, slots=True)
class Preset:
    """A choice people are offered, in their words."""

    task: Task
    name: str
    why: str


def clean(name: str) -> str:
    """A model's name as a folder: the last part of a path, without what could lead elsewhere."""
    return re.sub(r"[:\\/]", "_", name.rsplit("/", 1)[-1]).replace(".", "")


def known(task: str, name: str) -> Model | None:
    """The model of that name, if it is one of ours."""
    return _BY_NAME.get((task, clean(name)))


def models(task: str | None = None) -> Iterator[Model]:
    """All of them, or those of a task."""
    return (model for model in _BY_NAME.values() if task in (None, model.task))


def bundled(task: str, name: str, kind: str) -> Path | None:
    """What came with the packages: a folder with `model.onnx` in it, or the model's file itself."""
    if task == "ocr" and (file := _IN_RAPIDOCR.get((name, kind))):
        found = find_spec("rapidocr")  # where it lies; it is not imported, which would cost a second
        if found and found.submodule_search_locations:
            path = Path(found.submodule_search_locations[0]) / "models" / file
            return path if path.is_file() else None
        return None
    folder = HERE / task / name / kind
    return folder if (folder / "model.onnx").is_file() else None


PRESETS = (
    Preset("clip", "ViT-B-32__openai", "English; small and quick. The default."),
    Preset(
        "clip", "XLM-Roberta-Base-ViT-B-32__laion5b_s13b_b90k", "Many languages, as quick with pictures as the default."
    ),
    Preset("clip", "ViT-B-16-SigLIP2__webli", "Many languages, finds better, three times the work."),
    Preset("clip", "nllb-clip-base-siglip__v1", "Two hundred languages. Not for commercial use."),
    Preset("clip", "ViT-SO400M-16-SigLIP2-384__webli", "Many languages, among the best; wants a GPU."),
    Preset("clip", "calotype-toy__shapes", "To try things out: knows coloured shapes and simple scenes, nothing else."),
    Preset("facial-recognition", "buffalo_l", f"The default. {RESEARCH_ONLY}"),
    Preset("facial-recognition", "yunet-auraface", "Free for every use: YuNet finds faces, AuraFace tells them apart."),
    Preset("ocr", "PP-OCRv6_small", "Came with Calotype: Latin scripts, Chinese, Japanese. The default."),
    Preset("ocr", "PP-OCRv6_medium", "As the default, reads more and takes longer."),
    Preset("ocr", "ESLAV__PP-OCRv5_mobile", "Russian, Ukrainian, Belarusian and English."),
    Preset("ocr", "KOREAN__PP-OCRv5_mobile", "Korean and English."),
    Preset("ocr", "EL__PP-OCRv5_mobile", "Greek and English."),
    Preset("ocr", "TH__PP-OCRv5_mobile", "Thai and English."),
)

_CLIP: dict[int, str] = {
    512: """RN101__openai RN101__yfcc15m ViT-B-16__laion400m_e31 ViT-B-16__laion400m_e32 ViT-B-16__openai
        ViT-B-32__laion2b-s34b-b79k ViT-B-32__laion2b_e16 ViT-B-32__laion400m_e31 ViT-B-32__laion400m_e32 ViT-B-32__openai
        XLM-Roberta-Base-ViT-B-32__laion5b_s13b_b90k XLM-Roberta-Large-Vit-B-32""",
    640: "RN50x4__openai ViT-B-16-plus-240__laion400m_e31 ViT-B-16-plus-240__laion400m_e32 XLM-Roberta-Large-Vit-B-16Plus",
    768: """LABSE-Vit-L-14 RN50x16__openai ViT-B-16-SigLIP-256__webli ViT-B-16-SigLIP-384__webli ViT-B-16-SigLIP-512__webli
        ViT-B-16-SigLIP-i18n-256__webli ViT-B-16-SigLIP__webli ViT-L-14-336__openai ViT-L-14-quickgelu__dfn2b
        ViT-L-14__laion2b-s32b-b82k ViT-L-14__laion400m_e31 ViT-L-14__laion400m_e32 ViT-L-14__openai
        XLM-Roberta-Large-Vit-L-14 nllb-clip-base-siglip__mrl nllb-clip-base-siglip__v1 ViT-B-16-SigLIP2__webli
        ViT-B-32-SigLIP2-256__webli""",
    1024: """RN50__cc12m RN50__openai RN50__yfcc15m RN50x64__openai ViT-H-14-378-quickgelu__dfn5b ViT-H-14-quickgelu__dfn5b
        ViT-H-14__laion2b-s32b-b79k ViT-L-16-SigLIP-256__webli ViT-L-16-SigLIP-384__webli ViT-g-14__laion2b-s12b-b42k
        XLM-Roberta-Large-ViT-H-14__frozen_laion5b_s13b_b90k ViT-L-16-SigLIP2-256__webli ViT-L-16-SigLIP2-384__webli
        ViT-L-16-SigLIP2-512__webli""",
    1152: """ViT-SO400M-14-SigLIP-384__webli nllb-clip-large-siglip__mrl nllb-clip-large-siglip__v1
        ViT-SO400M-14-SigLIP2__webli ViT-SO400M-14-SigLIP2-378__webli ViT-SO400M-16-SigLIP2-256__webli
        ViT-SO400M-16-SigLIP2-384__webli ViT-SO400M-16-SigLIP2-512__webli""",
    1536: "ViT-gopt-16-SigLIP2-256__webli ViT-gopt-16-SigLIP2-384__webli",
}
_CLIP_MIB = {"ViT-B-32__openai": 580}

# Files of PP-OCR as RapidOCR 3.10 publishes them: (version, detection or recognition, file) → SHA-256.
_OCR_FILES = {
    ("PP-OCRv5", "det", "ch_PP-OCRv5_det_mobile"): "4d97c44a20d30a81aad087d6a396b08f786c4635742afc391f6621f5c6ae78ae",
    ("PP-OCRv5", "det", "ch_PP-OCRv5_det_server"): "0f8846b1d4bba223a2a2f9d9b44022fbc22cc019051a602b41a7fda9667e4cad",
    ("PP-OCRv5", "rec", "ch_PP-OCRv5_rec_mobile"): "5825fc7ebf84ae7a412be049820b4d86d77620f204a041697b0494669b1742c5",
    ("PP-OCRv5", "rec", "ch_PP-OCRv5_rec_server"): "e09385400eaaaef34ceff54aeb7c4f0f1fe014c27fa8b9905d4709b65746562a",
    (
        "PP-OCRv5",
        "rec",
        "korean_PP-OCRv5_rec_mobile",
    ): "cd6e2ea50f6943ca7271eb8c56a877a5a90720b7047fe9c41a2e541a25773c9b",
    (
        "PP-OCRv5",
        "rec",
        "latin_PP-OCRv5_rec_mobile",
    ): "b20bd37c168a570f583afbc8cd7925603890efbcdc000a59e22c269d160b5f5a",
    (
        "PP-OCRv5",
        "rec",
        "eslav_PP-OCRv5_rec_mobile",
    ): "08705d6721849b1347d26187f15a5e362c431963a2a62bfff4feac578c489aab",
    ("PP-OCRv5", "rec", "en_PP-OCRv5_rec_mobile"): "c3461add59bb4323ecba96a492ab75e06dda42467c9e3d0c18db5d1d21924be8",
    ("PP-OCRv5", "rec", "th_PP-OCRv5_rec_mobile"): "de541dd83161c241ff426f7ecfd602a0ba77d686cf3ab9a6c255ea82fd08006e",
    ("PP-OCRv5", "rec", "el_PP-OCRv5_rec_mobile"): "b4368bccd557123c702b7549fee6cd1e94b581337d1c9b65310f109131542b7f",
    ("PP-OCRv6", "det", "PP-OCRv6_det_tiny"): "f42c0fbd294d95eac1a550e131b277dac97462c8025fa4b6c3cec1b7894bd3d5",
    ("PP-OCRv6", "det", "PP-OCRv6_det_small"): "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    ("PP-OCRv6", "det", "PP-OCRv6_det_medium"): "92078b7355007ccfffcd4c8cd441a3afd4538904d06881b29a155e1e679907c2",
    ("PP-OCRv6", "rec", "PP-OCRv6_rec_tiny"): "e16e242de5937ad92609223f19bc2aff3727ee40b095f996907c24749bad251b",
    ("PP-OCRv6", "rec", "PP-OCRv6_rec_small"): "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    ("PP-OCRv6", "rec", "PP-OCRv6_rec_medium"): "eef444829dbbe18d7fea59a3f6eb75647518d2b3a9568d27c92e42940204894b",
}
_IN_RAPIDOCR = {
    ("PP-OCRv6_small", "detection"): "PP-OCRv6_det_small.onnx",
    ("PP-OCRv6_small", "recognition"): "PP-OCRv6_rec_small.onnx",
}
_OCR_PREFIXES = {
    "": ("ch", "Chinese, Japanese, English"),
    "CH__": ("ch", "Chinese, Japanese, English"),
    "EL__": ("el", "Greek, English"),
    "EN__": ("en", "English"),
    "ESLAV__": ("eslav", "Russian, Ukrainian, Belarusian, English"),
    "KOREAN__": ("korean", "Korean, English"),
    "LATIN__": ("latin", "Latin scripts"),
    "TH__": ("th", "Thai, English"),
}
_LATIN_AND_MORE = "about 45 languages in Latin script, Chinese, Japanese"


def _clip_terms(name: str) -> tuple[str, str]:
    """Licence and note."""
    if name.startswith("nllb"):
        return "CC-BY-NC-4.0", NON_COMMERCIAL
    if "SigLIP" in name:
        return "Apache-2.0", ""
    if "__dfn" in name:
        return "Apple", APPLE_TERMS
    return "MIT", ""


def _clip_languages(name: str) -> str:
    many = ("nllb", "XLM", "LABSE", "SigLIP2", "i18n")
    return "many" if any(mark in name for mark in many) else "English"


def _ocr_file(version: str, part: Literal["det", "rec"], file: str) -> tuple[File, ...]:
    url = f"{OCR_STORE}/models/RapidAI/RapidOCR/resolve/v3.10.0/onnx/{version}/{part}/{file}.onnx"
    return (File("model.onnx", url, _OCR_FILES[version, part, file]),)


def _all() -> Iterator[Model]:
    for dimension, names in _CLIP.items():
        for name in names.split():
            licence, note = _clip_terms(name)
            yield Model(
                name, "clip", licence, Hub(f"immich-app/{name}"), dimension=dimension, mib=_CLIP_MIB.get(name, 0),
                note=note, languages=_clip_languages(name),
            )  # fmt: skip
    for name in ("antelopev2", "buffalo_s", "buffalo_m", "buffalo_l"):
        yield Model(
            name, "facial-recognition", "non-commercial", Hub(f"immich-app/{name}"), dimension=512, note=RESEARCH_ONLY
        )
    yunet = {"detection/model.onnx": "face_detection_yunet_2023mar.onnx"}
    yield Model("yunet", "facial-recognition", "MIT", Hub("opencv/face_detection_yunet", yunet))
    yield Model(
        "yunet-auraface", "facial-recognition", "MIT (YuNet), Apache-2.0 (AuraFace)",
        Hub("fal/AuraFace-v1", {"recognition/model.onnx": "glintr100.onnx"}), dimension=512, mib=250,
        shares={"detection": "yunet"},
    )  # fmt: skip
    for size in ("tiny", "small", "medium"):
        files = {
            "detection": _ocr_file("PP-OCRv6", "det", f"PP-OCRv6_det_{size}"),
            "recognition": _ocr_file("PP-OCRv6", "rec", f"PP-OCRv6_rec_{size}"),
        }
        yield Model(f"PP-OCRv6_{size}", "ocr", "Apache-2.0", files=files, languages=_LATIN_AND_MORE)
    for size, prefixes in (("mobile", _OCR_PREFIXES), ("server", {p: _OCR_PREFIXES[p] for p in ("", "CH__")})):
        plain = f"PP-OCRv5_{size}"
        for prefix, (script, languages) in prefixes.items():
            files = {"recognition": _ocr_file("PP-OCRv5", "rec", f"{script}_PP-OCRv5_rec_{size}")}
            if not prefix:
                files["detection"] = _ocr_file("PP-OCRv5", "det", f"ch_PP-OCRv5_det_{size}")
            yield Model(
                prefix + plain, "ocr", "Apache-2.0", files=files, languages=languages,
                shares={"detection": plain} if prefix else {},
            )  # fmt: skip
    yield Model(
        "calotype-toy__shapes", "clip", "AGPL-3.0-or-later", dimension=512, mib=1, languages="English",
        note="For tests and trying out: it knows coloured shapes and simple scenes, nothing else.",
    )  # fmt: skip
    yield Model(
        "calotype-toy__faces", "facial-recognition", "AGPL-3.0-or-later", dimension=512, mib=1,
        note="For tests: it knows drawn faces, not people.",
    )  # fmt: skip


_BY_NAME: dict[tuple[str, str], Model] = {(model.task, model.name): model for model in _all()}
