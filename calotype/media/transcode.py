"""What must be encoded, and how: from a video's facts and the administrator's settings to ffmpeg arguments. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from calotype.outside.video import Attempt, Devices, Pass, VideoFacts
from calotype.settings.settings import Ffmpeg

# x264's names, fastest last; other encoders number theirs by the place in this row.
PRESETS = ("veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast", "superfast", "ultrafast")
HARDWARE_CODECS: dict[str, frozenset[str]] = {
    "nvenc": frozenset({"h264", "hevc", "av1"}),
    "qsv": frozenset({"h264", "hevc", "vp9", "av1"}),
    "vaapi": frozenset({"h264", "hevc", "vp9", "av1"}),
    "rkmpp": frozenset({"h264", "hevc"}),
}
HARDWARE_GOP = 256  # frames; hardware encoders have no default worth the name
_SOFTWARE = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
_AUDIO = {"mp3": "libmp3lame", "aac": "aac", "opus": "libopus", "pcm_s16le": "pcm_s16le"}
_CONTAINERS = {"QuickTime / MOV": "mov", "Matroska / WebM": "webm", "Ogg": "ogg"}
_HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which streams must be encoded; with neither, whether the streams must move to another container."""

    video: bool
    audio: bool
    remux: bool

    @property
    def is_needed(self) -> bool:
        """Whether a second file is made at all; when not, one made earlier is to be removed."""
        return self.video or self.audio or self.remux


def decide(facts: VideoFacts, settings: Ffmpeg) -> Verdict:
    """The table of policies."""
    policy = settings.transcode
    if policy == "disabled":
        return Verdict(video=False, audio=False, remux=False)
    has_audio = facts.audio is not None
    if policy == "all":
        return Verdict(video=True, audio=has_audio, remux=False)
    video = facts.codec not in settings.accepted_video_codecs or not (facts.pixel_format or "").endswith("420p")
    if policy == "optimal":
        target = _target_side(settings)
        video = video or (target is not None and min(facts.width, facts.height) > target)
    if policy == "bitrate":
        limit = bits_per_second(settings.max_bitrate)
        video = video or (limit > 0 and (facts.bit_rate or 0) > limit)
    audio = facts.audio is not None and facts.audio.codec not in settings.accepted_audio_codecs
    return Verdict(video=video, audio=audio, remux=not video and not audio and not _container_fits(facts, settings))


def attempts(facts: VideoFacts, settings: Ffmpeg, verdict: Verdict, devices: Devices) -> list[Attempt]:
    """Every way to make the file, best first: hardware both ways, hardware encoding only, software."""
    ways: list[Attempt] = []
    if verdict.video and settings.accel != "disabled" and _can_accelerate(settings, devices):
        if settings.accel_decode:
            ways.append(_hardware(facts, settings, verdict, devices, decodes=True))
        ways.append(_hardware(facts, settings, verdict, devices, decodes=False))
    ways.append(_software(facts, settings, verdict))
    return ways


def bits_per_second(text: str) -> int:
    """`2500k`, `4M`, `2500` (kilobits when no unit is given); 0 for no limit and for nonsense."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kKmM]?)\s*", text)
    if not found:
        return 0
    return int(float(found[1]) * (1_000_000 if found[2] in ("m", "M") else 1000))


def target_size(facts: VideoFacts, settings: Ffmpeg) -> tuple[int, int] | None:
    """Upright width and height to scale to, both even; `None` when the stored size can stay."""
    width, height = facts.stored_width, facts.height
    if abs(facts.rotation) % 180 == 90:
        width, height = height, width
    target = _target_side(settings)
    short = min(width, height)
    scale = target / short if target is not None and short > target else 1.0
    if scale == 1.0 and width % 2 == 0 and height % 2 == 0:
        return None
    return _even(width * scale), _even(height * scale)


def is_hdr(facts: VideoFacts, settings: Ffmpeg) -> bool:
    """Whether the picture must be tone-mapped."""
    return settings.tonemap != "disabled" and facts.color_transfer in _HDR_TRANSFERS


def _target_side(settings: Ffmpeg) -> int | None:
    """`None` for "original" and for anything that is no number."""
    text = settings.target_resolution.strip()
    return _even(int(text)) if text.isdecimal() and int(text) > 0 else None


def _even(side: float) -> int:
    return max(2, math.floor(side / 2 + 0.5) * 2)


def _container_fits(facts: VideoFacts, settings: Ffmpeg) -> bool:
    # An mp4 probes as "QuickTime / MOV" too; mp4 itself is always accepted.
    kind = _CONTAINERS.get(facts.container, facts.container)
    return kind == "mp4" or kind in settings.accepted_containers


def _software(facts: VideoFacts, settings: Ffmpeg, verdict: Verdict) -> Attempt:
    if not verdict.video:
        return Attempt("copy", (Pass((), _streams(facts, settings, verdict)),))
    codec = settings.target_video_codec
    options = [
        *("-c:v", _SOFTWARE[codec], "-fps_mode", "passthrough"),
        *_hevc_tag(codec),
        *_threads(settings),
        *_speed(settings),
        *_frames(settings, hardware=False),
        *_software_rate(settings),
        *_filters(_software_filters(facts, settings)),
    ]
    streams = _streams(facts, settings, verdict)
    if not _two_passes(settings):
        return Attempt("software", (Pass((), (*streams, *options)),))
    first = (*_video_stream(facts), "-an", *options)
    return Attempt("software, two passes", (Pass((), first), Pass((), (*streams, *options))))


def _video_stream(facts: VideoFacts) -> tuple[str, ...]:
    return ("-map", f"0:{facts.index}")


def _streams(facts: VideoFacts, settings: Ffmpeg, verdict: Verdict) -> tuple[str, ...]:
    """What goes in, and what holds for the whole file: index first, no metadata, no chapters."""
    parts = [*_video_stream(facts)]
    if facts.audio is not None:
        parts += ["-map", f"0:{facts.audio.index}"]
        parts += ["-c:a", _AUDIO[settings.target_audio_codec], "-ac", "2"] if verdict.audio else ["-c:a", "copy"]
    if not verdict.video:
        parts += ["-c:v", "copy", *_hevc_tag(facts.codec)]
    return (*parts, "-movflags", "+faststart", "-map_metadata", "-1", "-map_chapters", "-1", "-strict", "-2")


def _hevc_tag(codec: str) -> tuple[str, ...]:
    return ("-tag:v", "hvc1") if codec == "hevc" else ()  # Apple players know no other


def _threads(settings: Ffmpeg) -> tuple[str, ...]:
    if settings.threads <= 0:
        return ()
    if settings.target_video_codec == "hevc" and settings.threads == 1:  # x265 keeps its own pool
        return ("-threads", "1", "-x265-params", "frame-threads=1:pools=none")
    return ("-threads", str(settings.threads))


def _place(settings: Ffmpeg) -> int | None:
    """0 for veryslow to 8 for ultrafast; `None` for a name nobody knows."""
    return PRESETS.index(settings.preset) if settings.preset in PRESETS else None


def _speed(settings: Ffmpeg) -> tuple[str, ...]:
    place = _place(settings)
    if settings.target_video_codec == "vp9":
        speed = () if place is None else ("-cpu-used", str(min(place, 5)))
        return ("-deadline", "good", *speed, "-row-mt", "1")
    if place is None:
        return ()
    if settings.target_video_codec == "av1":
        return ("-preset", str(place + 4))
    return ("-preset", settings.preset)


def _frames(settings: Ffmpeg, *, hardware: bool) -> tuple[str, ...]:
    parts: list[str] = []
    if settings.bframes >= 0:
        parts += ["-bf", str(settings.bframes)]
    if settings.refs > 0:
        parts += ["-refs", str(settings.refs)]
    if settings.gop_size > 0:
        parts += ["-g", str(settings.gop_size)]
    elif hardware:
        parts += ["-g", str(HARDWARE_GOP)]
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class _Rates:
    """In the unit the administrator used."""

    most: int
    unit: str

    @property
    def target(self) -> int:
        return math.ceil(self.most / 1.45)

    @property
    def least(self) -> float:
        return self.target / 2

    def text(self, value: float) -> str:
        return f"{value:g}{self.unit}"


def _rates(settings: Ffmpeg) -> _Rates | None:
    bits = bits_per_second(settings.max_bitrate)
    if bits <= 0:
        return None
    unit = "M" if settings.max_bitrate.strip()[-1:] in ("m", "M") and bits % 1_000_000 == 0 else "k"
    return _Rates(bits // (1_000_000 if unit == "M" else 1000), unit)


def _two_passes(settings: Ffmpeg) -> bool:
    codec = settings.target_video_codec
    if not settings.two_pass or codec == "av1":  # SVT-AV1 within ffmpeg writes no log of a first pass
        return False
    return codec == "vp9" or _rates(settings) is not None


def _software_rate(settings: Ffmpeg) -> tuple[str, ...]:
    rates, codec = _rates(settings), settings.target_video_codec
    quality = ("-crf", str(settings.crf))
    if rates is None:
        return (*quality, *(("-b:v", "0") if codec == "vp9" else ()))
    if _two_passes(settings):
        return (
            *(
                "-b:v",
                rates.text(rates.target),
                "-minrate",
                rates.text(rates.least),
                "-maxrate",
                rates.text(rates.most),
            ),
            *("-bufsize", rates.text(rates.most * 2)),
        )
    if codec == "av1":  # SVT takes its ceiling by its own name, in kilobits
        return (*quality, "-svtav1-params", f"mbr={bits_per_second(settings.max_bitrate) // 1000}k")
    ceiling = ("-maxrate", rates.text(rates.most), "-bufsize", rates.text(rates.most * 2))
    if codec == "vp9":  # constrained quality: the bit rate is the ceiling, and without one the rest is refused
        return (*quality, "-b:v", rates.text(rates.most), *ceiling)
    return (*quality, *ceiling)


def _filters(chain: Sequence[str]) -> tuple[str, ...]:
    return ("-vf", ",".join(chain)) if chain else ()


def _software_filters(facts: VideoFacts, settings: Ffmpeg) -> list[str]:
    chain: list[str] = []
    size = target_size(facts, settings)
    if size:
        chain.append(f"scale={size[0]}:{size[1]}:flags=bicubic")
    if is_hdr(facts, settings):
        chain += [
            # zscale refuses a frame that does not say what it is.
            f"setparams=color_primaries={facts.color_primaries or 'bt2020'}:color_trc={facts.color_transfer}"
            f":colorspace={facts.color_matrix or 'bt2020nc'}",
            "zscale=t=linear:npl=100",
            "format=gbrpf32le",
            "zscale=p=bt709",
            f"tonemap={settings.tonemap}:desat=0:peak=100",
            "zscale=t=bt709:m=bt709:r=tv",
        ]
    return [*chain, "format=yuv420p"]


# Hardware, from here on. When the card decodes too, frames never leave it: it scales and tone-maps, and the file keeps
# its display matrix instead of being turned.


def _can_accelerate(settings: Ffmpeg, devices: Devices) -> bool:
    if settings.target_video_codec not in HARDWARE_CODECS[settings.accel]:
        return False
    return settings.accel not in ("qsv", "vaapi") or _render_node(settings, devices) is not None


def _render_node(settings: Ffmpeg, devices: Devices) -> str | None:
    """The device to use: the one asked for, else the render node (else the card) with the highest name."""
    if settings.preferred_hw_device not in ("auto", ""):
        name = settings.preferred_hw_device.removeprefix("/dev/dri/")
        return f"/dev/dri/{name}" if name in devices.dri else None
    for kind in ("renderD", "card"):
        nodes = sorted(name for name in devices.dri if name.startswith(kind))
        if nodes:
            return f"/dev/dri/{nodes[-1]}"
    return None


def _hardware(facts: VideoFacts, settings: Ffmpeg, verdict: Verdict, devices: Devices, *, decodes: bool) -> Attempt:
    accel = settings.accel
    node = _render_node(settings, devices) or ""
    before, chain, rate = {
        "nvenc": _nvenc,
        "qsv": _qsv,
        "vaapi": _vaapi,
        "rkmpp": _rkmpp,
    }[accel](facts, replace(settings, two_pass=settings.two_pass and accel == "nvenc"), devices, node, decodes)
    after = (
        *_streams(facts, settings, verdict),
        *("-c:v", f"{settings.target_video_codec}_{accel}", "-fps_mode", "passthrough"),
        *_hevc_tag(settings.target_video_codec),
        *_frames(settings, hardware=True),
        *rate,
        *_filters(chain),
    )
    return Attempt(f"{accel}, {'decoding too' if decodes else 'encoding only'}", (Pass(before, after),))


_Plan = tuple[tuple[str, ...], list[str], tuple[str, ...]]


def _nvenc(facts: VideoFacts, settings: Ffmpeg, _: Devices, __: str, decodes: bool) -> _Plan:
    size, hdr = target_size(replace(facts, rotation=0), settings), is_hdr(facts, settings)
    if decodes:
        before = ("-hwaccel", "cuda", "-hwaccel_output_format", "cuda", "-noautorotate", "-threads", "1")
        chain = list[str]()
        scale = f"scale_cuda={size[0]}:{size[1]}" if size else "scale_cuda"
        if hdr:
            chain += [scale] if size else []
            chain.append(
                f"tonemap_cuda=desat=0:matrix=bt709:primaries=bt709:range=pc:tonemap={settings.tonemap}:"
                "tonemap_mode=lum:transfer=bt709:peak=100:format=yuv420p"
            )
        else:
            chain.append(f"{scale}{':' if size else '='}format=yuv420p")
    else:
        before = ("-init_hw_device", "cuda=cuda:0", "-filter_hw_device", "cuda")
        chain = [*_software_filters(facts, settings)[:-1], "format=nv12", "hwupload_cuda"]
    rates = _rates(settings)
    place = _place(settings)
    rate: tuple[str, ...] = ("-tune", "hq", "-qmin", "0", "-rc-lookahead", "20", "-i_qfactor", "0.75")
    if place is not None:
        rate += ("-preset", f"p{min(7, max(1, 7 - place))}")
    if rates and settings.two_pass:
        rate += ("-b:v", rates.text(rates.target), "-maxrate", rates.text(rates.most))
        rate += ("-bufsize", rates.text(rates.most), "-multipass", "2")
    elif rates:
        rate += ("-cq:v", str(settings.crf), "-maxrate", rates.text(rates.most), "-bufsize", rates.text(rates.most))
    else:
        rate += ("-cq:v", str(settings.crf))
    if settings.temporal_aq and settings.target_video_codec != "av1":
        rate += ("-temporal-aq", "1")
    return before, chain, rate


def _qsv(facts: VideoFacts, settings: Ffmpeg, _: Devices, node: str, decodes: bool) -> _Plan:
    size, hdr = target_size(replace(facts, rotation=0), settings), is_hdr(facts, settings)
    if decodes:
        before = ("-hwaccel", "qsv", "-hwaccel_output_format", "qsv", "-async_depth", "4", "-noautorotate")
        before += ("-qsv_device", node, "-threads", "1")
        chain = list[str]()
        chain.append(_hardware_scale("scale_qsv", size, "async_depth=4:mode=hq" + ("" if hdr else ":format=nv12")))
        if hdr:
            chain += [
                "hwmap=derive_device=opencl",
                _opencl_tonemap(settings),
                "hwmap=derive_device=qsv:reverse=1,format=qsv",
            ]
    else:
        before = ("-init_hw_device", f"qsv=hw,child_device={node}", "-filter_hw_device", "hw")
        chain = [*_software_filters(facts, settings)[:-1], "format=nv12", "hwupload=extra_hw_frames=64"]
    # vp9 has no ICQ; 1 is the lowest quality number the driver takes.
    mode = "cqp" if settings.cq_mode == "cqp" or settings.target_video_codec == "vp9" else "icq"
    quality = "-q:v" if mode == "cqp" else "-global_quality:v"
    rate: tuple[str, ...] = (quality, str(max(1, settings.crf)))
    place = _place(settings)
    if place is not None:
        rate = ("-preset", str(min(7, max(1, place))), *rate)
    rates = _rates(settings)
    if rates:
        rate += ("-maxrate", rates.text(rates.most), "-bufsize", rates.text(rates.most * 2))
    if settings.target_video_codec == "vp9":
        rate += ("-low_power", "1")
    return before, chain, rate


def _vaapi(facts: VideoFacts, settings: Ffmpeg, _: Devices, node: str, decodes: bool) -> _Plan:
    size, hdr = target_size(replace(facts, rotation=0), settings), is_hdr(facts, settings)
    if decodes:
        before = ("-hwaccel", "vaapi", "-hwaccel_output_format", "vaapi", "-noautorotate")
        before += ("-hwaccel_device", node, "-threads", "1")
        chain = list[str]()
        scale = "mode=hq:out_range=pc" + ("" if hdr else ":format=nv12")
        chain.append(_hardware_scale("scale_vaapi", size, scale))
        if hdr:
            chain += [
                "hwmap=derive_device=opencl",
                _opencl_tonemap(settings),
                "hwmap=derive_device=vaapi:reverse=1,format=vaapi",
            ]
    else:
        before = ("-init_hw_device", f"vaapi=hw:{node}", "-filter_hw_device", "hw")
        chain = [*_software_filters(facts, settings)[:-1], "format=nv12", "hwupload=extra_hw_frames=64"]
    rate: tuple[str, ...] = ()
    place = _place(settings)
    if place is not None:
        rate += ("-compression_level", str(min(7, max(1, place))))
    rates = _rates(settings)
    if rates:
        rate += ("-b:v", rates.text(rates.target), "-maxrate", rates.text(rates.most))
        rate += ("-minrate", rates.text(rates.least), "-rc_mode", "VBR")
    else:
        # QVBR and ICQ depend on the driver; constant quality works everywhere.
        mode = "ICQ" if settings.cq_mode == "icq" else "CQP"
        rate += ("-qp:v" if mode == "CQP" else "-global_quality:v", str(settings.crf), "-rc_mode", mode)
    return before, chain, rate


def _rkmpp(facts: VideoFacts, settings: Ffmpeg, devices: Devices, _: str, decodes: bool) -> _Plan:
    size, hdr = target_size(replace(facts, rotation=0), settings), is_hdr(facts, settings)
    if decodes and (not hdr or devices.has_opencl):
        before = ("-hwaccel", "rkmpp", "-hwaccel_output_format", "drm_prime", "-afbc", "rga", "-noautorotate")
        chain = list[str]()
        if hdr:
            chain += [
                _hardware_scale("scale_rkrga", size, "format=p010:afbc=1:async_depth=4"),
                "hwmap=derive_device=opencl:mode=read",
                _opencl_tonemap(settings),
                "hwmap=derive_device=rkmpp:mode=write:reverse=1,format=drm_prime",
            ]
        else:
            chain.append(_hardware_scale("scale_rkrga", size, "format=nv12:afbc=1:async_depth=4"))
    else:
        before, chain = (), [*_software_filters(facts, settings)[:-1], "format=nv12"]
    level = ("-level", "51") if settings.target_video_codec == "h264" else ("-level", "153")
    rates = _rates(settings)
    if rates:
        return before, chain, (*level, "-rc_mode", "AVBR", "-b:v", rates.text(rates.most))
    return before, chain, (*level, "-rc_mode", "CQP", "-qp_init", str(settings.crf))


def _hardware_scale(name: str, size: tuple[int, int] | None, options: str) -> str:
    return f"{name}={size[0]}:{size[1]}:{options}" if size else f"{name}={options}"


def _opencl_tonemap(settings: Ffmpeg) -> str:
    return (
        f"tonemap_opencl=desat=0:format=nv12:matrix=bt709:primaries=bt709:transfer=bt709:range=pc:"
        f"tonemap={settings.tonemap}:tonemap_mode=lum:peak=100"
    )
