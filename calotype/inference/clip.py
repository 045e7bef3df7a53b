"""CLIP: a picture or some words become a vector in the same space.

Every model is fed as it was trained: size, crop, interpolation and colours from its `preprocess_cfg.json`, cleaning and
length of a text from its `config.json`. Vectors are thus those that open_clip computes.
"""

# tokenizers ships incomplete types; what leaves this file is typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import html
import json
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from calotype.inference import precision
from calotype.inference.family import Asked, Unloadable, Wrong
from calotype.inference.languages import flores_code
from calotype.inference.pixels import Pixels
from calotype.inference.session import Array, Runtime, Session, is_on_cpu

PREPROCESSING = 1  # raised when the same model would be fed other pixels or tokens than before
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)
CPU_BATCH, DEVICE_BATCH = 8, 32
FAR_LARGER = 4
MAX_TEXT = 4096  # characters; the longest context has a few hundred tokens
WITHOUT_PUNCTUATION = str.maketrans("", "", string.punctuation)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Eye:
    """How a model wants its pictures. `size`: height and width in pixels; `mode`: shortest, longest or squash."""

    size: tuple[int, int] = (224, 224)
    mode: str = "shortest"
    resample: Image.Resampling = Image.Resampling.BICUBIC
    mean: tuple[float, ...] = OPENAI_MEAN
    std: tuple[float, ...] = OPENAI_STD
    fill: int = 0

    @classmethod
    def read(cls, file: Path) -> Self:
        """From `preprocess_cfg.json`. Raises `Unloadable`."""
        said = _json(file)
        size = said.get("size", 224)
        sides = (size, size) if isinstance(size, int) else tuple(size)
        sides = sides * 2 if len(sides) == 1 else sides
        return cls(
            size=(int(sides[0]), int(sides[1])),
            mode=said.get("resize_mode") or "shortest",
            resample=Image.Resampling.BILINEAR if said.get("interpolation") == "bilinear" else Image.Resampling.BICUBIC,
            mean=_three(said.get("mean"), OPENAI_MEAN),
            std=_three(said.get("std"), OPENAI_STD),
            fill=int(said.get("fill_color") or 0),
        )

    def frame(self, rgb: Pixels) -> Pixels:
        """The part of the picture that the model looks at, as large as it wants it: (height, width, 3) uint8."""
        return np.asarray(self._framed(Image.fromarray(rgb)))

    def see(self, rgb: Pixels) -> Floats:
        """What the model is given.  rgb: (H, W, 3) uint8 → (3, height, width) float32."""
        pixels = self.frame(rgb)
        shades = np.arange(256, dtype=np.float32) / np.float32(255)
        seen = np.empty((3, *self.size), np.float32)
        for channel in range(3):  # a table of 256 numbers: a third of the time that arithmetic takes, to the same bits
            table = (shades - np.float32(self.mean[channel])) / np.float32(self.std[channel])
            np.take(table, pixels[:, :, channel], out=seen[channel])
        return seen

    def _gap(self, image: Image.Image) -> float | None:
        """Pictures far larger than needed are first reduced by a whole number: a third of the time, and no difference."""
        return 2.0 if min(image.size) >= FAR_LARGER * max(self.size) else None

    def _framed(self, image: Image.Image) -> Image.Image:
        height, width = self.size
        if self.mode == "squash":
            return image.resize((width, height), self.resample, reducing_gap=self._gap(image))
        if self.mode == "longest" or height != width:
            pick = max if self.mode == "longest" else min
            ratio = pick(image.height / height, image.width / width)
            scaled = (max(1, round(image.width / ratio)), max(1, round(image.height / ratio)))
        else:  # the longer side is cut to a whole number, not rounded: as torchvision does
            short, long = sorted(image.size)
            longer = int(height * long / short)
            scaled = (height, longer) if image.width <= image.height else (longer, height)
        if image.size != scaled:
            image = image.resize(scaled, self.resample, reducing_gap=self._gap(image))
        return _cut(image, width, height, self.fill)


def _cut(image: Image.Image, width: int, height: int, fill: int) -> Image.Image:
    """The middle of the picture; where it is smaller, with a border. Offsets are rounded to even, as torchvision's."""
    across, down = max(0, width - image.width), max(0, height - image.height)
    if across or down:
        wide = Image.new("RGB", (image.width + across, image.height + down), (fill, fill, fill))
        wide.paste(image, (across // 2, down // 2))
        image = wide
    left, top = round((image.width - width) / 2), round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


class Look:
    """`clip` → `visual`: the vector of a picture."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._eye = Eye.read(folder / "preprocess_cfg.json")
        self._model = precision.Careful(folder, runtime, kind="visual")
        self.max_batch = CPU_BATCH if is_on_cpu(self._model.session.provider) else DEVICE_BATCH

    @classmethod
    def load(cls, folders: Mapping[str, Path], runtime: Runtime) -> Self:
        """See `Sight`."""
        return cls(folders["visual"], runtime)

    @property
    def about(self) -> Mapping[str, str]:
        """See `Sight`."""
        return self._model.about

    def answer(self, asked: Sequence[Asked]) -> list[str]:
        """See `Sight`: vectors as JSON texts."""
        pictures = [each.picture.rgb for each in asked if each.picture]
        if len(pictures) != len(asked):
            raise Wrong("A picture must be given.")
        return [written(row) for row in self.embed(pictures)]

    def embed(self, pictures: Sequence[Pixels]) -> Floats:
        """As the model gives it, one row a picture."""
        return embed_pictures(self._model.session, self._eye, pictures)


class Words:
    """`clip` → `textual`: the vector of a text."""

    max_batch = CPU_BATCH

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._pen = Pen(folder)
        self._model = precision.Careful(folder, runtime, kind="textual")

    @classmethod
    def load(cls, folders: Mapping[str, Path], runtime: Runtime) -> Self:
        """See `Sight`."""
        return cls(folders["textual"], runtime)

    @property
    def about(self) -> Mapping[str, str]:
        """See `Sight`."""
        return self._model.about

    def answer(self, asked: Sequence[Asked]) -> list[str]:
        """See `Sight`: vectors as JSON texts."""
        texts: list[tuple[str, str | None]] = []
        for each in asked:
            language = each.options.get("textual", {}).get("language")
            if each.text is None:
                raise Wrong("A text must be given.")
            if language is not None and not isinstance(language, str):
                raise Wrong("The language must be a text.")
            texts.append((each.text, language))
        return [written(row) for row in embed_texts(self._model.session, self._pen, texts)]


class Pen:
    """How a model wants its texts: cleaned, prefixed, cut into tokens, all of the same length."""

    def __init__(self, folder: Path) -> None:
        import ftfy
        from tokenizers import Tokenizer

        self._fix = ftfy.fix_text
        said = _json(folder.parent / "config.json").get("text_cfg", {})
        self.length = int(said.get("context_length") or 77)
        self._is_canonical = (said.get("tokenizer_kwargs") or {}).get("clean") == "canonicalize"
        self._is_nllb = "nllb" in folder.parent.name.lower() or "nllb" in str(said.get("hf_tokenizer_name", "")).lower()
        pad = _json(folder / "tokenizer_config.json").get("pad_token")
        pad = pad.get("content") if isinstance(pad, dict) else pad
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the only kind it raises
            raise Unloadable(f"tokenizer.json cannot be used: {error}") from error
        pad_id = self._tokenizer.token_to_id(pad) if pad else 0
        if pad_id is None:
            raise Unloadable(f"tokenizer.json does not know the padding {pad!r}.")
        self._tokenizer.enable_padding(length=self.length, pad_token=pad or "", pad_id=pad_id)
        self._tokenizer.enable_truncation(max_length=self.length)

    def clean(self, text: str, language: str | None = None) -> str:
        """The text that is cut into tokens."""
        text = html.unescape(html.unescape(self._fix(text[:MAX_TEXT])))
        if self._is_canonical:
            text = text.replace("_", " ").translate(WITHOUT_PUNCTUATION).lower()
        text = " ".join(re.split(r"\s+", text)).strip()
        return f"{flores_code(language)}{text}" if self._is_nllb else text

    def write(self, texts: Sequence[tuple[str, str | None]]) -> tuple[Array, Array]:
        """Tokens and which of them count, each (texts, length).  texts: each with its language or `None`."""
        encoded = self._tokenizer.encode_batch([self.clean(*text) for text in texts])
        return np.array([each.ids for each in encoded]), np.array([each.attention_mask for each in encoded])


def embed_pictures(session: Session, eye: Eye, pictures: Sequence[Pixels]) -> Floats:
    """One row a picture."""
    takes_bytes = session.inputs[0].dtype == "tensor(uint8)"  # one that `rewrite` made
    seen = np.stack([eye.frame(rgb) if takes_bytes else eye.see(rgb) for rgb in pictures])
    return session.rows({session.inputs[0].name: seen})[0]


def embed_texts(session: Session, pen: Pen, texts: Sequence[tuple[str, str | None]]) -> Floats:
    """One row a text.  texts: each with its language or `None`."""
    tokens, mask = pen.write(texts)
    inputs = {
        port.name: (mask if port.name == "attention_mask" else tokens).astype(
            np.int64 if port.dtype == "tensor(int64)" else np.int32
        )
        for port in session.inputs
    }
    return session.rows(inputs)[0]


def written(vector: Floats) -> str:
    """As the wire wants a vector: a text that is a JSON array. Nine digits are enough for every float32."""
    return "[" + ",".join(["%.9g" % number for number in vector.tolist()]) + "]"  # noqa: UP031 — twice as fast


def _json(file: Path) -> dict[str, Any]:
    try:
        said = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise Unloadable(f"{file.name} cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise Unloadable(f"{file.name} is no JSON object.")
    return said


def _three(said: Any, otherwise: tuple[float, ...]) -> tuple[float, ...]:
    if isinstance(said, int | float):
        return (float(said),) * 3
    return tuple(float(each) for each in said) if said else otherwise
