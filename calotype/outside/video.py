"""Video: what a container says, one telling frame, and an ffmpeg process to re-encode.

Probing and the frame are done by PyAV in a decoder child; encoding is a process of its own that never outlives us.
Neither opens anything but the one local file it is given: no network, no playlists, no references to other files.
"""

# PyAV is loaded in the child only; what leaves this file is typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import contextlib
import errno
import hashlib
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calotype.core.config import Config
from calotype.outside.decoders import Decoders, Undecodable
from calotype.outside.images import (
    Likeness,
    Recipe,
    Rendered,
    largest_side,
    likeness_to_json,
    recipe_from_json,
    recipe_to_json,
    rendered_from_json,
    tidying,
    write_outputs,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Containers of files that hold their own streams. Playlists (hls, dash, concat, sdp…) name others, and are not here.
CONTAINERS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,mxf,flv,live_flv,asf,gif,ogg,h264,hevc,m4v,dv"
STALL_S = 300.0  # an encode whose output clock stands still this long is on a file that no longer answers
LAST_WORDS = 30  # lines of ffmpeg's complaints kept for the log

# ITU-T H.273 code points in ffmpeg's words; 2 (unspecified) and the rest are `None`.
_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020"} | {
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
}
_TRANSFERS = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear"} | {
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    18: "arib-std-b67",
}
_MATRICES = {0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco"} | {
    9: "bt2020nc",
    10: "bt2020c",
}


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """The first audio stream. Rates in bits per second; `index` counts all streams of the file."""

    codec: str
    index: int
    profile: str | None = None
    bit_rate: int | None = None


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the container and the first frame say. Names are ffmpeg's (`hevc`, `yuv420p10le`, `smpte2084`).

    `width` × `height` is before rotation, stretched to the display aspect; `stored_width` is what a decoder gives.
    `rotation`: degrees anti-clockwise as ffprobe gives them (−90 is turned right). `tags`: keys in lower case.
    """

    width: int
    height: int
    stored_width: int
    codec: str
    container: str
    index: int = 0
    rotation: int = 0
    duration_s: float | None = None
    frame_rate: float | None = None
    frame_count: int | None = None
    time_base: str | None = None
    bit_rate: int | None = None
    profile: str | None = None
    level: int | None = None
    pixel_format: str | None = None
    color_primaries: str | None = None
    color_transfer: str | None = None
    color_matrix: str | None = None
    dolby_vision_profile: int | None = None
    dolby_vision_level: int | None = None
    dolby_vision_compatibility: int | None = None
    audio: AudioFacts | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def duration_ms(self) -> int | None:
        """Half a millisecond goes up."""
        return None if self.duration_s is None else int(self.duration_s * 1000 + 0.5)

    def to_json(self) -> dict[str, Any]:
        """For a JSON column; what is absent is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> "VideoFacts":
        """The way back of `to_json`; keys of another release are passed over."""
        known = {f.name for f in fields(VideoFacts)}
        values = {name: value for name, value in stored.items() if name in known}
        if values.get("audio"):
            values["audio"] = AudioFacts(**values["audio"])
        return VideoFacts(**values)


class EncodeFailed(Exception):
    """No way of encoding worked. The text is what ffmpeg said last, without any path."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One run of ffmpeg: arguments before and after the input file."""

    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to encode: a name for the log, and its runs, the last of which writes the file."""

    name: str
    passes: tuple[Pass, ...]


@dataclass(frozen=True, slots=True)
class Devices:
    """What the machine has: names in /dev/dri, and whether Rockchip's OpenCL driver is there."""

    dri: Sequence[str] = ()
    has_opencl: bool = False


def devices() -> Devices:
    """Look at the machine; cheap enough to ask before every encode, since devices come and go with drivers."""
    try:
        dri = tuple(sorted(os.listdir("/dev/dri")))
    except OSError:
        dri = ()
    return Devices(dri, has_opencl=os.path.exists("/dev/mali0") and os.path.exists("/etc/OpenCL/vendors/mali.icd"))


async def probe(decoders: Decoders, source: Path) -> VideoFacts:
    """Raises `Undecodable` for what is no video, `DecoderDied`, `OSError` as `Decoders.run` does."""
    return VideoFacts.from_json(await decoders.run("probe", {"source": str(source)}))


async def poster(decoders: Decoders, source: Path, recipe: Recipe) -> Rendered:
    """A frame near the start that shows something, upright, HDR made SDR, written like `images.render` does."""
    arguments = {"source": str(source), "recipe": recipe_to_json(recipe), "max_pixels": decoders.max_pixels}
    with tidying(recipe.outputs):
        return rendered_from_json(await decoders.run("poster", arguments))


async def encode(
    config: Config,
    source: Path,
    target: Path,
    attempts: Sequence[Attempt],
    *,
    duration_s: float | None = None,
    on_progress: Callable[[float], None] | None = None,
) -> str:
    """Try each attempt in turn until one has written `target` whole; return its name.

    `on_progress` gets 0 to 1. Cancelling ends ffmpeg and removes what it wrote. Raises `EncodeFailed` when no attempt
    worked, `OSError` (ENOSPC) when the volume is full, which the next attempt would not change.
    """
    program = await asyncio.to_thread(ffmpeg_program, config)  # runs it once, to see that it does
    part = target.parent / f".{target.name}.{os.getpid()}.part"
    reasons: list[str] = []
    try:
        for attempt in attempts:
            try:
                for number, run in enumerate(attempt.passes, start=1):
                    is_last = number == len(attempt.passes)
                    arguments = _arguments(program, run, source, part, number, len(attempt.passes))
                    share = (number - 1) / len(attempt.passes), 1 / len(attempt.passes)
                    await _run(arguments, _progress(on_progress, duration_s, *share))
                    if is_last:
                        await asyncio.to_thread(_keep, part, target)
                        return attempt.name
            except EncodeFailed as failure:
                reasons.append(f"{attempt.name}: {str(failure).replace(str(source), '…').replace(str(part), '…')}")
    finally:
        for scrap in target.parent.glob(f"{part.name}*"):
            scrap.unlink(missing_ok=True)
    raise EncodeFailed("\n".join(reasons) or "There was nothing to try.")


def ffmpeg_program(config: Config) -> str:
    """The ffmpeg to run: the administrator's, else the one that came along."""
    if config.ffmpeg:
        return config.ffmpeg
    import imageio_ffmpeg

    return imageio_ffmpeg.get_ffmpeg_exe()


# ffmpeg knows no way to die with its parent, so a tiny interpreter arranges that and then becomes ffmpeg.
_LAUNCH = """
import ctypes, os, signal, sys
parent = int(sys.argv[1])
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() != parent:
    sys.exit(1)
os.nice(10)
os.execv(sys.argv[2], sys.argv[2:])
"""


def _arguments(program: str, run: Pass, source: Path, part: Path, number: int, count: int) -> list[str]:
    passes = ("-pass", str(number), "-passlogfile", str(part)) if count > 1 else ()
    output = ("-f", "null", os.devnull) if number < count else ("-f", "mp4", str(part))
    return [
        *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())),
        *(program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-progress", "pipe:1", "-stats_period", "1"),
        *run.before,
        *("-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS, "-i", f"file:{source.absolute()}"),
        *run.after,
        *passes,
        *output,
    ]


async def _run(arguments: list[str], on_clock: Callable[[float], None]) -> None:
    """Run one ffmpeg to its end. Raises `EncodeFailed` with its last words."""
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    complaints = asyncio.create_task(_last_lines(process.stderr))
    try:
        await _watch(process.stdout, on_clock)
        status = await process.wait()
        words = await complaints
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            await process.wait()
        complaints.cancel()
    if status != 0:
        if "No space left on device" in words:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise EncodeFailed(words or f"ffmpeg ended with status {status}.")


async def _watch(stdout: asyncio.StreamReader, on_clock: Callable[[float], None]) -> None:
    """Follow ffmpeg's `key=value` reports. Raises `EncodeFailed` when its clock stands still for `STALL_S`."""
    reached, moved_at = 0.0, time.monotonic()
    while True:
        try:
            line = await asyncio.wait_for(stdout.readline(), STALL_S)
        except TimeoutError as error:
            raise EncodeFailed(f"ffmpeg said nothing for {STALL_S:.0f} seconds.") from error
        if not line:
            return
        key, _, value = line.decode(errors="replace").strip().partition("=")
        if key == "out_time_us" and value.isdigit() and int(value) / 1e6 > reached:
            reached, moved_at = int(value) / 1e6, time.monotonic()
            on_clock(reached)
        elif time.monotonic() - moved_at > STALL_S:
            raise EncodeFailed(f"ffmpeg made no progress for {STALL_S:.0f} seconds.")


async def _last_lines(stderr: asyncio.StreamReader) -> str:
    lines: list[str] = []
    while line := await stderr.readline():
        lines = [*lines[-LAST_WORDS:], line.decode(errors="replace").rstrip()]
    return "\n".join(lines)


def _progress(
    on_progress: Callable[[float], None] | None, duration_s: float | None, start: float, share: float
) -> Callable[[float], None]:
    def tell(reached_s: float) -> None:
        if on_progress and duration_s:
            on_progress(start + share * min(1.0, reached_s / duration_s))

    return tell


def _keep(part: Path, target: Path) -> None:
    """Durable, then visible."""
    with part.open("rb") as file:
        if not file.read(1):
            raise EncodeFailed("ffmpeg wrote an empty file.")
        os.fsync(file.fileno())
    part.replace(target)


# In the child, from here on.

NEAR_S = 12.0  # a frame later than this no longer says what the video is
KEY_FRAMES = 6
MOMENTS = (0.1, 0.3, 0.5, 0.7, 0.9)  # shares of the whole at which a video is looked at, to tell it from others
MOMENTS_PX = 1_000_000_000  # decoded on the way there at most: 480 frames of HD, 120 of 4K
MOMENT_SIDE_PX = 240
FLAT = 9.0  # standard deviation of luma (0 to 255) below which a frame shows nothing: black, white, a fade


def probe_here(source: str) -> dict[str, Any]:
    """The child's side of `probe`."""
    with _opened(source) as (container, stream):
        context = stream.codec_context
        width, height = context.width, context.height
        aspect = stream.display_aspect_ratio
        audios = [track for track in container.streams.audio if track.codec_context]
        audio = audios[0] if audios else None
        base: Any = stream.time_base
        rate = stream.average_rate or stream.guessed_rate
        dolby = _dolby_vision(source)
        return VideoFacts(
            width=round(height * aspect) if aspect else width,
            height=height,
            stored_width=width,
            codec=_codec_name(context),
            container=container.format.long_name,
            index=stream.index,
            rotation=_rotation(container, stream),
            duration_s=container.duration / 1_000_000 if container.duration and container.duration > 0 else None,
            frame_rate=float(rate) if rate else None,
            frame_count=stream.frames or None,
            time_base=f"{base.numerator}/{base.denominator}" if base else None,
            bit_rate=context.bit_rate or None,
            profile=context.profile,
            level=context.level if context.level is not None and context.level > 0 else None,
            pixel_format=context.pix_fmt,
            color_primaries=_PRIMARIES.get(int(context.color_primaries)),
            color_transfer=_TRANSFERS.get(int(context.color_trc)),
            color_matrix=_MATRICES.get(int(context.colorspace)),
            dolby_vision_profile=dolby[0] if dolby else None,
            dolby_vision_level=dolby[1] if dolby else None,
            dolby_vision_compatibility=dolby[2] if dolby else None,
            audio=None
            if audio is None
            else AudioFacts(
                codec=_codec_name(audio.codec_context),
                index=audio.index,
                profile=audio.codec_context.profile,
                bit_rate=audio.bit_rate or None,
            ),
            tags=_tags(container, stream),
        ).to_json()


def poster_here(source: str, recipe: dict[str, Any], max_pixels: int) -> dict[str, Any]:
    """The child's side of `poster`."""
    import numpy as np

    from calotype.outside.pixels import check_size

    plan = recipe_from_json(recipe)
    with _opened(source) as (container, stream):
        check_size(stream.codec_context.width, stream.codec_context.height, max_pixels)
        frame = _telling_frame(container, stream)
        if frame is None:
            raise Undecodable("No frame of the video can be decoded.")
        turns = round(frame.rotation / 90) % 4
        pixels = np.ascontiguousarray(np.rot90(_to_rgb(frame, largest_side(plan.outputs)), turns))
        width, height = (frame.height, frame.width) if turns % 2 else (frame.width, frame.height)
        likeness = _likeness(container, stream, turns)
    size: dict[str, Any] = {"width_px": width, "height_px": height}
    made = write_outputs(pixels, plan, icc=None, full_size=(width, height))
    return made | size | {"format": "video", "likeness": likeness_to_json(likeness)}


@contextlib.contextmanager
def _opened(source: str) -> Generator[tuple[Any, Any]]:
    """The container and its best picture track: the default one, then the one with the most bits."""
    import av
    import av.error
    from av.stream import Disposition

    from calotype.outside.sniff import ENOUGH_BYTES, UNREADABLE, sniff, what_else

    with Path(source).open("rb") as file:  # says what the storage has to say, in Python's own exceptions
        head = file.read(ENOUGH_BYTES)
    if not head:
        raise Undecodable("The file is empty.")
    try:
        options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
        # Old cameras wrote their tags in Latin-1.
        url = f"file:{Path(source).absolute()}"
        with av.open(url, container_options=options, metadata_errors="replace") as container:
            covers = Disposition.attached_pic
            tracks = [s for s in container.streams.video if not s.disposition & covers and s.codec_context]
            if not tracks:
                raise Undecodable("The file has no picture track.")
            stream = max(
                tracks, key=lambda s: (bool(s.disposition & Disposition.default), s.codec_context.bit_rate or 0)
            )
            if not stream.codec_context.width or not stream.codec_context.height:
                raise Undecodable("The picture track has no size.")
            stream.codec_context.thread_count = 1
            yield container, stream
    except av.error.FFmpegError as error:
        with Path(source).open("rb") as file:
            file.seek(-1, os.SEEK_END)
            file.read(1)
        reason = what_else(head)
        if reason == UNREADABLE or "video" in reason:
            is_picture = sniff(head) not in ("unknown", "gif")
            reason = (
                "The file is a picture, not a video." if is_picture else "The video is damaged or of no known kind."
            )
        raise Undecodable(reason.replace("not a picture", "not a video")) from error


def _tags(container: Any, stream: Any) -> dict[str, str]:
    """The container's; a track's time of recording where the container has none."""
    tags = {key.lower(): str(value) for key, value in container.metadata.items()}
    if "creation_time" in stream.metadata:
        tags.setdefault("creation_time", str(stream.metadata["creation_time"]))
    return tags


def _codec_name(context: Any) -> str:
    """The codec, not the decoder: mp3float decodes mp3."""
    name = str(context.codec.canonical_name if hasattr(context.codec, "canonical_name") else context.name)
    return {"h265": "hevc", "mp3float": "mp3", "mp3adufloat": "mp3adu"}.get(name, name)


def _rotation(container: Any, stream: Any) -> int:
    """Only a decoded frame carries the display matrix; a track that does not decode has none."""
    import av.error

    with contextlib.suppress(av.error.FFmpegError):
        for frame in container.decode(stream):
            return int(frame.rotation)
    return 0


def _telling_frame(container: Any, stream: Any) -> Any:
    """The first key frame that shows something; else the frame, key or not, that shows most."""
    import av.error

    best, most = None, -1.0
    for skip in ("NONKEY", "DEFAULT"):
        if skip == "DEFAULT":
            with contextlib.suppress(av.error.FFmpegError):  # an FLV without an index cannot go back
                container.seek(0)
        stream.codec_context.skip_frame = skip
        for count, frame in enumerate(_frames(container, stream)):
            if skip == "DEFAULT" and count % 10:
                continue
            shown = _detail(frame)
            if shown > most:
                best, most = frame, shown
            if shown > FLAT or (frame.time or 0) > NEAR_S or count > (KEY_FRAMES if skip == "NONKEY" else 300):
                break
        if most > FLAT:
            break
    return best


def _likeness(container: Any, stream: Any, turns: int) -> Likeness:
    """How the video looks at some moments: one telling frame would be the same for all that begin with the same title."""
    import numpy as np

    from calotype.outside.likeness import tiny

    tinies: list[bytes] = []
    digest = hashlib.sha256(f"{stream.codec_context.width}x{stream.codec_context.height}".encode())
    for frame in _moments(container, stream):
        if frame is None:
            tinies.append(b"")
            continue
        scale = min(1.0, MOMENT_SIDE_PX / min(frame.width, frame.height))
        size = {"width": max(1, round(frame.width * scale)), "height": max(1, round(frame.height * scale))}
        small = frame.reformat(**size, format="rgb24", interpolation="AREA", threads=1).to_ndarray()
        pixels = np.ascontiguousarray(np.rot90(small, turns))
        digest.update(pixels.data)
        tinies.append(tiny(pixels))
    return Likeness(digest.digest(), None, tuple(tinies))


def _moments(container: Any, stream: Any) -> Iterator[Any]:
    """A frame at each of `MOMENTS`; `None` where there is none, or where it would cost too much to get there."""
    import av.error

    if not container.duration or container.duration <= 0 or not stream.time_base:
        return
    duration_s, begin_s = container.duration / 1_000_000, (container.start_time or 0) / 1_000_000
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    left_px = MOMENTS_PX
    stream.codec_context.skip_frame = "DEFAULT"
    for share in MOMENTS:
        wanted_s = begin_s + share * duration_s
        found = None
        with contextlib.suppress(av.error.FFmpegError):
            container.seek(int(wanted_s / stream.time_base), stream=stream)
            for frame in _frames(container, stream):
                left_px -= frame.width * frame.height
                if frame.time is not None and frame.time >= wanted_s - 0.5 / rate:
                    # A seek that overshot would show another moment than in a copy with other key frames.
                    found = frame if frame.time <= wanted_s + 1.5 / rate else None
                    break
                if left_px < 0:
                    break
        yield found


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Frames until the end, or until the file turns out to be damaged further on."""
    import av.error

    with contextlib.suppress(av.error.FFmpegError):
        yield from container.decode(stream)


def _detail(frame: Any) -> float:
    """How much a frame shows: the spread of its luma on a small copy."""
    small = frame.reformat(width=64, height=36, format="gray", interpolation="FAST_BILINEAR", threads=1)
    return float(small.to_ndarray().std())


def _to_rgb(frame: Any, short_side_px: int | None) -> "NDArray[np.uint8]":
    """(H, W, 3) uint8 sRGB, not turned; HDR is brought down to the needed size first."""
    from av.video.reformatter import Colorspace

    from calotype.outside.tonemap import to_sdr

    matrix = {1: Colorspace.ITU709, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020, 10: Colorspace.BT2020}.get(
        int(frame.colorspace)
    )
    if matrix is None:  # untold: by height, as every player guesses
        is_told = int(frame.colorspace) in (4, 5, 6)
        matrix = Colorspace.ITU601 if is_told or frame.height < 720 else Colorspace.ITU709
    colour = {"src_colorspace": matrix, "dst_colorspace": matrix, "threads": 1}
    transfer = _TRANSFERS.get(int(frame.color_trc))
    if transfer in ("smpte2084", "arib-std-b67"):
        scale = 1.0 if short_side_px is None else min(1.0, short_side_px / min(frame.width, frame.height))
        size = {"width": max(1, round(frame.width * scale)), "height": max(1, round(frame.height * scale))}
        deep = frame.reformat(**size, format="rgb48le", interpolation="BICUBIC", **colour)
        return to_sdr(deep.to_ndarray(), "smpte2084" if transfer == "smpte2084" else "arib-std-b67")
    return frame.reformat(format="rgb24", **colour).to_ndarray()


def _dolby_vision(source: str) -> tuple[int, int, int] | None:
    """Profile, level and compatibility id of an MP4's Dolby Vision box (dvcC, dvvC); `None` when there is none."""
    moov = _moov(Path(source))
    at = max(moov.find(b"dvcC"), moov.find(b"dvvC"))
    if at < 0 or at + 9 > len(moov):
        return None
    bits = int.from_bytes(
        moov[at + 6 : at + 9], "big"
    )  # after two version bytes: 7 bits profile, 6 level, 3 flags, 4 id
    return bits >> 17, bits >> 11 & 0x3F, bits >> 4 & 0xF


def _moov(path: Path, *, at_most: int = 32 << 20) -> bytes:
    """The movie box of an MP4 or MOV, wherever it lies; empty for other containers."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        at = 0
        while at + 8 <= end:
            file.seek(at)
            head = file.read(16)
            size, kind, header = int.from_bytes(head[:4], "big"), head[4:8], 8
            if size == 1:
                size, header = int.from_bytes(head[8:16], "big"), 16
            if kind == b"moov":
                file.seek(at + header)
                return file.read(min(size or at_most, at_most))
            if size < header or not kind.isalnum():
                break
            at += size
    return b""
