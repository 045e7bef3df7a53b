"""Previews, thumbnails and thumbhash from any picture we know, decoded once, in a decoder child."""

# pyvips ships no types; what leaves this file is typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import base64
import contextlib
import io
import os
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from calotype.outside.decoders import Decoders, Undecodable

if TYPE_CHECKING:  # loaded in the child only: the worker stays small
    import numpy as np
    from numpy.typing import NDArray

    from calotype.outside.pixels import Picture

    Pixels = NDArray[np.uint8]

WEBP_METHOD = 2  # method 4 costs three times as much for 4 % fewer bytes
SHARP_CHROMA_QUALITY = 80  # from here on colour is not halved (4:4:4)
LONGEST_PX = {"jpeg": 65_500, "webp": 16_383}  # what the formats can hold; only ribbons get there
COARSE_SCALE = 0.25  # below this whole blocks of pixels are averaged first
ICC_PART_BYTES = 65_519  # of a profile in one segment of a JPEG
ON_WHITE = (255, 255, 255)  # what shows through where JPEG cannot be transparent


Colorspace = Literal["srgb", "p3"]


@dataclass(frozen=True, slots=True)
class Output:
    """One file to make. `short_side_px` is never enlarged to; `None` keeps every pixel. Quality 1 to 100.

    `xmp`: a packet to put into it, for viewers that must know that a picture is a panorama.
    """

    path: Path
    format: Literal["jpeg", "webp"]
    short_side_px: int | None
    quality: int = 80
    progressive: bool = False  # jpeg only
    xmp: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to make of one picture.

    `colorspace`: "p3" keeps a wide-gamut profile as it is, "srgb" converts to sRGB.
    `prefer_embedded`: take the JPEG a camera put into its raw file, when it is large enough.
    """

    outputs: tuple[Output, ...]
    colorspace: Colorspace = "p3"
    prefer_embedded: bool = True


@dataclass(frozen=True, slots=True)
class Likeness:
    """What tells later whether another picture looks like this one (see `outside/likeness.py`).

    `pixels`: equal only when every pixel is. `hash`: of a picture that shows something. `tinies`: one for a picture, one
    for each moment of a video, empty where no frame could be had.
    """

    pixels: bytes
    hash: int | None
    tinies: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was found and made. Sizes are those of the whole picture, upright. `format`: what the file really is."""

    thumbhash: bytes
    width_px: int
    height_px: int
    format: str
    likeness: Likeness


async def render(decoders: Decoders, source: Path, recipe: Recipe) -> Rendered:
    """Decode `source` once and write every output, each atomically.

    Raises `Undecodable` (the file's fault, for good), `DecoderDied` (may pass), `OSError` (a file could not be read
    or written). Done twice it makes the same files again.
    """
    arguments = {"source": str(source), "recipe": recipe_to_json(recipe), "max_pixels": decoders.max_pixels}
    with tidying(recipe.outputs):
        return rendered_from_json(await decoders.run("render", arguments))


@dataclass(frozen=True, slots=True)
class Square:
    """A part of an upright picture, as shares of its width (`left`, `side`) and height (`top`)."""

    left: float
    top: float
    side: float


async def portrait(decoders: Decoders, source: Path, recipe: Recipe, square: Square) -> None:
    """Cut a square out of a picture and write it at the recipe's first output's size, enlarged where it is smaller.

    Raises as `render` does.
    """
    arguments = {"source": str(source), "recipe": recipe_to_json(recipe), "square": asdict(square)}
    with tidying(recipe.outputs):
        await decoders.run("portrait", arguments | {"max_pixels": decoders.max_pixels})


async def animation_ms(decoders: Decoders, source: Path) -> int | None:
    """How long an animated GIF or WebP runs; `None` for everything that does not move."""
    return (await decoders.run("animation", {"source": str(source)}))["duration_ms"]


LOOK_SIDE_PX = 250  # the size of the tiles from which new photos' tiny copies are made


async def look_of(decoders: Decoders, preview: Path) -> Likeness:
    """How a preview looks: its hash and tiny copy, without a digest, which would not be that of the original.

    Raises as `render` does.
    """
    return _likeness(await decoders.run("look", {"source": str(preview), "max_pixels": decoders.max_pixels}))


@contextlib.contextmanager
def tidying(outputs: Sequence[Output]) -> Generator[None]:
    """Remove half-written files when the child that wrote them was killed."""
    try:
        yield
    except BaseException:
        for output in outputs:
            for part in output.path.parent.glob(f".{output.path.name}.*.part"):
                part.unlink(missing_ok=True)
        raise


def recipe_to_json(recipe: Recipe) -> dict[str, Any]:
    """For the way into a child."""
    return asdict(recipe) | {"outputs": [asdict(output) | {"path": str(output.path)} for output in recipe.outputs]}


def recipe_from_json(recipe: dict[str, Any]) -> Recipe:
    """The way back of `recipe_to_json`."""
    outputs: list[dict[str, Any]] = recipe["outputs"]
    made = tuple(Output(path=Path(output.pop("path")), **output) for output in outputs)
    return Recipe(made, colorspace=recipe["colorspace"], prefer_embedded=recipe["prefer_embedded"])


def rendered_from_json(answer: dict[str, Any]) -> Rendered:
    """What a child answered to `render` or `poster`."""
    return Rendered(
        thumbhash=base64.b64decode(answer["thumbhash"]),
        width_px=int(answer["width_px"]),
        height_px=int(answer["height_px"]),
        format=str(answer["format"]),
        likeness=_likeness(answer["likeness"]),
    )


def _likeness(answer: dict[str, Any]) -> Likeness:
    tinies = tuple(base64.b64decode(tiny) for tiny in answer["tinies"])
    return Likeness(base64.b64decode(answer["pixels"]), answer["hash"], tinies)


def likeness_to_json(likeness: Likeness) -> dict[str, Any]:
    """For the way out of a child."""
    tinies = [base64.b64encode(tiny).decode() for tiny in likeness.tinies]
    return {"pixels": base64.b64encode(likeness.pixels).decode(), "hash": likeness.hash, "tinies": tinies}


# In the child, from here on.


def render_here(source: str, recipe: dict[str, Any], max_pixels: int) -> dict[str, Any]:
    """The child's side of `render`."""
    plan = recipe_from_json(recipe)
    picture, pixels = _decoded(Path(source), plan, max_pixels, largest_side(plan.outputs))
    width, height = picture.upright
    return write_outputs(pixels, plan, icc=_kept_profile(picture.icc, plan), full_size=(width, height)) | {
        "width_px": width,
        "height_px": height,
        "format": picture.format,
    }


def look_here(source: str, max_pixels: int) -> dict[str, Any]:
    """The child's side of `look_of`."""
    from calotype.outside import likeness

    _, pixels = _decoded(Path(source), Recipe(()), max_pixels, LOOK_SIDE_PX)
    copy = likeness.tiny(pixels)
    return likeness_to_json(Likeness(b"", likeness.hash_of(copy), (copy,)))


def portrait_here(source: str, recipe: dict[str, Any], square: dict[str, float], max_pixels: int) -> dict[str, Any]:
    """The child's side of `portrait`."""
    from calotype.outside.pixels import from_array

    plan, cut = recipe_from_json(recipe), Square(**square)
    side = plan.outputs[0].short_side_px or 1
    # As much of the picture as makes the square large enough; its share of the shorter side is at least that of the width.
    wanted = round(min(1 << 20, side / max(cut.side, 1e-4)))
    picture, pixels = _decoded(Path(source), plan, max_pixels, wanted)
    height, width = pixels.shape[:2]
    length = min(max(1, round(cut.side * width)), width, height)
    left = min(max(0, round(cut.left * width)), width - length)
    top = min(max(0, round(cut.top * height)), height - length)
    image: Any = from_array(pixels[top : top + length, left : left + length])
    has_alpha = image.bands == 4
    image = (image.premultiply() if has_alpha else image).resize(side / length)
    image = image.unpremultiply() if has_alpha else image
    _write(plan.outputs[0], image.cast("uchar").numpy(), _kept_profile(picture.icc, plan))
    return {}


def _decoded(path: Path, plan: Recipe, max_pixels: int, short_side_px: int | None) -> "tuple[Picture, Pixels]":
    """The picture, and its upright pixels with at least `short_side_px` on the shorter side where it has that many."""
    from calotype.outside.pixels import decode, load

    loaded, found = load(path)
    try:
        picture = decode(
            replace(loaded, limit_px=max_pixels),
            found,
            short_side_px=short_side_px,
            prefer_embedded=plan.prefer_embedded,
        )
        return picture, _first_pixels(picture, plan, short_side_px)
    except (Undecodable, MemoryError):
        raise
    except Exception as error:  # whatever a decoder says about a file nobody has vouched for is about that file
        if isinstance(error, OSError) and error.errno is not None:
            raise
        _still_readable(path)
        text = " ".join(str(error).split()).rstrip(".")[:200]
        raise Undecodable(f"The {found.upper()} file cannot be decoded: {text or type(error).__name__}.") from error


def animation_here(source: str) -> dict[str, Any]:
    """The child's side of `animation_ms`."""
    from calotype.outside.animation import gif_ms, webp_ms

    content = Path(source).read_bytes()
    if content.startswith(b"GIF8"):
        return {"duration_ms": gif_ms(content)}
    return {"duration_ms": webp_ms(content) if content[8:12] == b"WEBP" else None}


def write_outputs(pixels: "Pixels", recipe: Recipe, *, icc: bytes | None, full_size: tuple[int, int]) -> dict[str, Any]:
    """Make every output of these upright pixels and hash the smallest.  pixels: (H, W, 3 or 4) uint8.

    `full_size`: width and height of the whole picture, which may be larger.
    """
    import numpy as np

    from calotype.outside import likeness
    from calotype.outside.thumbhash import MAX_SIDE_PX, thumbhash

    same: bytes | None = None
    # Largest first, each made of the one before: a tile costs a tenth when it comes from the preview.
    for output in sorted(recipe.outputs, key=lambda output: output.short_side_px or 1 << 30, reverse=True):
        pixels = _resize(pixels, _scale(pixels, output))
        if same is None and output.short_side_px is not None:  # the preview: every pixel of it, before it is encoded
            same = likeness.pixels_hash(pixels, width_px=full_size[0], height_px=full_size[1], icc=icc)
        _write(output, pixels, icc)
    if same is None:
        same = likeness.pixels_hash(pixels, width_px=full_size[0], height_px=full_size[1], icc=icc)
    copy = likeness.tiny(pixels)
    scale = MAX_SIDE_PX / max(pixels.shape[:2])
    tiny = _resize(pixels, min(1.0, scale))
    if tiny.shape[2] == 3:
        tiny = np.dstack([tiny, np.full(tiny.shape[:2], 255, dtype=np.uint8)])
    found = Likeness(same, likeness.hash_of(copy), (copy,))
    return {"thumbhash": base64.b64encode(thumbhash(tiny)).decode(), "likeness": likeness_to_json(found)}


def largest_side(outputs: Sequence[Output]) -> int | None:
    """The most pixels any output needs on the shorter side; `None` when one needs all."""
    sides = [output.short_side_px for output in outputs]
    return None if None in sides else max((side for side in sides if side is not None), default=1)


def upright(pixels: "Pixels", orientation: int) -> "Pixels":
    """Turn and mirror as EXIF orientation 1 to 8 asks."""
    import numpy as np

    if orientation in (2, 4, 5, 7):
        pixels = pixels[:, ::-1]
    # After the mirror, quarter turns counter-clockwise.
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(pixels, turns))


def _first_pixels(picture: "Picture", recipe: Recipe, side: int | None) -> "Pixels":
    """Reduce to `side` on the shorter side while decoding, bring to 8-bit RGB(A), turn upright."""
    import pyvips

    image: Any = picture.image
    profile = picture.icc
    wide = recipe.colorspace == "p3"
    if image.interpretation == "cmyk":
        image = image.icc_transform("srgb", embedded=True, input_profile="cmyk")
    elif profile and _is_rgb(profile) and not wide and not _is_srgb(profile):
        image = image.copy()
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
        image = image.icc_transform("srgb", embedded=True)
    if image.interpretation not in ("srgb", "rgb"):
        image = image.colourspace("srgb")
    if image.bands > 4:
        image = image.extract_band(0, n=4 if image.hasalpha() else 3)
    elif image.bands < 3:
        grey = image.extract_band(0)
        image = grey.bandjoin([grey, grey, *([image.extract_band(1)] if image.bands == 2 else [])])
    scale = 1.0 if side is None else min(1.0, side / min(image.width, image.height))
    return upright(_to_array(image, scale), picture.orientation)


def _to_array(image: Any, scale: float) -> "Pixels":
    if scale < 1:
        has_alpha = image.bands == 4
        if has_alpha:  # else the colour of transparent pixels bleeds into their neighbours
            image = image.premultiply()
        width, height = (max(1, round(side * scale)) for side in (image.width, image.height))
        # Cubic costs two thirds of vips' own choice, and nobody sees the difference; a tile may begin with coarser steps.
        gap = 2.0 if scale > COARSE_SCALE else 1.0
        image = image.resize(width / image.width, vscale=height / image.height, kernel="cubic", gap=gap)
        if has_alpha:
            image = image.unpremultiply()
    return (image if image.format == "uchar" else image.cast("uchar")).numpy()


def _resize(pixels: "Pixels", scale: float) -> "Pixels":
    from calotype.outside.pixels import from_array

    return pixels if scale >= 1 else _to_array(from_array(pixels), scale)


def _scale(pixels: "Pixels", output: Output) -> float:
    fitting = LONGEST_PX[output.format] / max(pixels.shape[:2])
    return fitting if output.short_side_px is None else min(fitting, output.short_side_px / min(pixels.shape[:2]))


def _write(output: Output, pixels: "Pixels", icc: bytes | None) -> None:
    """Under a name nobody reads, flushed, then renamed: a preview is whole or absent, also after a power cut."""
    part = output.path.parent / f".{output.path.name}.{os.getpid()}.part"
    body = _encode(output, pixels, icc)
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fdatasync(file.fileno())
        part.replace(output.path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _encode(output: Output, pixels: "Pixels", icc: bytes | None) -> bytes:
    if output.format == "jpeg" and pixels.shape[2] == 3 and not output.progressive and output.xmp is None:
        return _plain_jpeg(pixels, output.quality, icc)
    from PIL import Image

    picture = Image.fromarray(pixels)
    body = io.BytesIO()
    told: dict[str, Any] = {"icc_profile": icc} | ({"xmp": output.xmp.encode()} if output.xmp else {})
    if output.format == "webp":
        picture.save(body, "WEBP", quality=output.quality, method=WEBP_METHOD, **told)
        return body.getvalue()
    if picture.mode == "RGBA":
        flat = Image.new("RGB", picture.size, ON_WHITE)
        flat.paste(picture, mask=picture.getchannel("A"))
        picture = flat
    picture.save(
        body,
        "JPEG",
        quality=output.quality,
        subsampling="4:4:4" if output.quality >= SHARP_CHROMA_QUALITY else "4:2:0",
        progressive=output.progressive,
        **told,
    )
    return body.getvalue()


def _plain_jpeg(pixels: "Pixels", quality: int, icc: bytes | None) -> bytes:
    """What nearly every preview is. Pillow would copy the pixels twice on the way.  pixels: (H, W, 3) uint8."""
    import numpy as np
    import simplejpeg

    subsampling = "444" if quality >= SHARP_CHROMA_QUALITY else "420"
    pixels = np.ascontiguousarray(pixels)
    body: bytes = simplejpeg.encode_jpeg(pixels, quality, colorspace="RGB", colorsubsampling=subsampling, fastdct=False)
    if icc is None:
        return body
    # After the start and the JFIF segment, in numbered parts (ICC.1, annex B.4).
    parts = [icc[start : start + ICC_PART_BYTES] for start in range(0, len(icc), ICC_PART_BYTES)]
    segments = [
        b"\xff\xe2" + (len(part) + 16).to_bytes(2, "big") + b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part
        for number, part in enumerate(parts, 1)
    ]
    head = 4 + int.from_bytes(body[4:6], "big")
    return b"".join([body[:head], *segments, body[head:]])


def _kept_profile(icc: bytes | None, recipe: Recipe) -> bytes | None:
    """sRGB needs no telling, a profile of another model (grey, CMYK) does not fit what we write."""
    if icc is None or recipe.colorspace == "srgb" or not _is_rgb(icc) or _is_srgb(icc):
        return None
    return icc


def _is_rgb(icc: bytes) -> bool:
    return icc[16:20] == b"RGB "


def _is_srgb(icc: bytes) -> bool:
    return b"sRGB" in icc or "sRGB".encode("utf-16-be") in icc


def _still_readable(path: Path) -> None:
    """Raises `OSError` when the storage, not the file, is the reason why decoding failed."""
    with path.open("rb") as file:
        while file.read(1 << 20):
            pass
