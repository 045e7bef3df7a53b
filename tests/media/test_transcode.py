import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest

from calotype.core.config import Config
from calotype.media.transcode import (
    Verdict,
    attempts,
    bits_per_second,
    decide,
    is_hdr,
    target_size,
)
from calotype.outside.video import Attempt, AudioFacts, Devices, VideoFacts, encode
from calotype.settings.settings import Ffmpeg

FACTS = VideoFacts(
    width=1280,
    height=720,
    stored_width=1280,
    codec="h264",
    container="QuickTime / MOV",
    pixel_format="yuv420p",
    bit_rate=4_000_000,
    audio=AudioFacts("aac", 1),
)
HDR = replace(FACTS, codec="hevc", pixel_format="yuv420p10le", color_transfer="smpte2084")
DEFAULTS = Ffmpeg()
ALL = Ffmpeg(transcode="all")
NOTHING, VIDEO, AUDIO, BOTH, REMUX = (
    Verdict(video=False, audio=False, remux=False),
    Verdict(video=True, audio=False, remux=False),
    Verdict(video=False, audio=True, remux=False),
    Verdict(video=True, audio=True, remux=False),
    Verdict(video=False, audio=False, remux=True),
)


def changed(facts: VideoFacts = FACTS, *, audio: str | None = "aac", **changes: Any) -> VideoFacts:
    return replace(facts, audio=AudioFacts(audio, 1) if audio else None, **changes)


def only(facts: VideoFacts, settings: Ffmpeg, verdict: Verdict = VIDEO) -> list[str]:
    """The arguments of the one way there is."""
    (attempt,) = attempts(facts, settings, verdict, Devices())
    (run,) = attempt.passes
    assert run.before == ()
    return list(run.after)


def value(arguments: list[str] | tuple[str, ...], name: str) -> str | None:
    return arguments[arguments.index(name) + 1] if name in arguments else None


@pytest.mark.parametrize(
    ("policy", "facts", "verdict"),
    [
        ("required", FACTS, NOTHING),
        ("required", changed(codec="hevc"), VIDEO),
        ("required", changed(pixel_format="yuv420p10le"), VIDEO),
        ("required", changed(pixel_format="yuv422p"), VIDEO),
        ("required", changed(pixel_format="yuvj420p"), NOTHING),  # phones' full-range 4:2:0 plays everywhere
        ("required", changed(pixel_format=None), VIDEO),
        ("required", HDR, VIDEO),
        ("required", changed(audio="pcm_s16le"), AUDIO),
        ("required", changed(audio="ac3", codec="mpeg2video"), BOTH),
        ("required", changed(audio="opus"), NOTHING),
        ("required", changed(audio=None), NOTHING),
        ("required", changed(width=3840, height=2160, stored_width=3840), NOTHING),
        ("optimal", FACTS, NOTHING),
        ("optimal", changed(width=1920, height=1080), VIDEO),
        ("optimal", changed(width=720, height=1280), NOTHING),
        ("optimal", changed(codec="vp9"), VIDEO),
        ("bitrate", changed(bit_rate=50_000_000), NOTHING),  # no limit is set by default
        ("all", FACTS, BOTH),
        ("all", changed(audio=None), VIDEO),
        ("all", changed(container="Matroska / WebM"), BOTH),
        ("disabled", changed(audio="ac3", codec="mpeg2video"), NOTHING),
        ("disabled", changed(container="AVI (Audio Video Interleaved)"), NOTHING),
        # Containers: an mp4 probes as QuickTime, an mkv as WebM.
        ("required", changed(container="Matroska / WebM"), NOTHING),
        ("required", changed(container="Ogg"), NOTHING),
        ("required", changed(container="AVI (Audio Video Interleaved)"), REMUX),
        ("required", changed(container="MPEG-TS (MPEG-2 Transport Stream)"), REMUX),
        ("required", changed(container="AVI (Audio Video Interleaved)", codec="mpeg4"), VIDEO),
    ],
)
def test_the_policy_decides(policy: Any, facts: VideoFacts, verdict: Verdict):
    assert decide(facts, Ffmpeg(transcode=policy)) == verdict
    assert verdict.is_needed == (verdict != NOTHING)


def test_optimal_leaves_the_size_alone_when_the_original_is_wanted():
    large = changed(width=3840, height=2160)
    assert decide(large, Ffmpeg(transcode="optimal", target_resolution="original")) == NOTHING


@pytest.mark.parametrize(
    ("limit", "bit_rate", "verdict"),
    [("4500k", 4_600_000, VIDEO), ("4500", 4_400_000, NOTHING), ("4M", 4_000_001, VIDEO), ("4M", None, NOTHING)],
)
def test_the_bit_rate_decides_under_its_policy(limit: str, bit_rate: int | None, verdict: Verdict):
    settings = Ffmpeg(transcode="bitrate", max_bitrate=limit)
    assert decide(changed(bit_rate=bit_rate), settings) == verdict
    assert decide(changed(bit_rate=bit_rate), replace(settings, transcode="required")) == NOTHING


def test_what_an_administrator_accepts_is_left_alone():
    settings = Ffmpeg(accepted_video_codecs=("hevc",), accepted_audio_codecs=(), accepted_containers=())
    assert decide(changed(codec="hevc"), settings) == AUDIO
    assert decide(changed(audio=None, codec="hevc"), settings) == REMUX  # "mov" is no longer accepted
    assert decide(changed(audio=None, codec="hevc", container="mp4"), settings) == NOTHING


@pytest.mark.parametrize(
    ("text", "bits"),
    [("0", 0), ("2500", 2_500_000), ("2500k", 2_500_000), ("4M", 4_000_000), ("1.5m", 1_500_000), ("", 0), ("fast", 0)],
)
def test_bit_rates_are_kilobits_unless_told(text: str, bits: int):
    assert bits_per_second(text) == bits


@pytest.mark.parametrize(
    ("stored", "rotation", "target", "size"),
    [
        ((1280, 720), 0, "720", None),
        ((1920, 1080), 0, "720", (1280, 720)),
        ((1920, 1080), -90, "720", (720, 1280)),
        ((1920, 1080), 180, "480", (854, 480)),
        ((640, 480), 0, "720", None),
        ((641, 481), 0, "720", (642, 482)),
        ((1920, 1080), 0, "original", None),
        ((1921, 1080), 0, "original", (1922, 1080)),
        ((1920, 1080), 0, "nonsense", None),
        ((1920, 1080), 0, "721", (1284, 722)),
        ((5000, 100), 0, "50", (2500, 50)),
    ],
)
def test_the_short_side_is_brought_down_to_an_even_target(
    stored: tuple[int, int], rotation: int, target: str, size: tuple[int, int] | None
):
    facts = changed(width=stored[0], stored_width=stored[0], height=stored[1], rotation=rotation)
    assert target_size(facts, Ffmpeg(target_resolution=target)) == size


def test_a_stretched_picture_is_scaled_by_what_is_stored():
    facts = changed(width=96, height=48, stored_width=64)
    assert target_size(facts, Ffmpeg(target_resolution="24")) == (32, 24)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_mapped_by_the_chosen_curve_after_it_is_scaled(transfer: str):
    facts = replace(HDR, color_transfer=transfer, width=3840, stored_width=3840, height=2160)
    chain = value(only(facts, Ffmpeg(tonemap="mobius")), "-vf") or ""
    steps = chain.split(",")
    assert steps[0].startswith("scale=1280:720")
    assert f"color_trc={transfer}" in steps[1]
    assert "tonemap=mobius:desat=0:peak=100" in steps
    assert steps[-2:] == ["zscale=t=bt709:m=bt709:r=tv", "format=yuv420p"]
    assert not is_hdr(facts, Ffmpeg(tonemap="disabled"))
    assert "zscale" not in (value(only(facts, Ffmpeg(tonemap="disabled")), "-vf") or "")


def test_sdr_is_not_mapped():
    assert value(only(FACTS, ALL), "-vf") == "format=yuv420p"
    assert not is_hdr(replace(FACTS, color_transfer="bt709"), DEFAULTS)


def test_the_file_starts_with_its_index_and_tells_nothing():
    for verdict in (VIDEO, AUDIO, BOTH, REMUX):
        arguments = only(FACTS, ALL, verdict)
        assert value(arguments, "-movflags") == "+faststart"
        assert value(arguments, "-map_metadata") == value(arguments, "-map_chapters") == "-1"


def test_the_chosen_streams_are_taken_and_only_what_must_is_encoded():
    facts = replace(FACTS, index=2, audio=AudioFacts("aac", 5))
    arguments = only(facts, ALL, VIDEO)
    assert [arguments[i + 1] for i, word in enumerate(arguments) if word == "-map"] == ["0:2", "0:5"]
    assert (value(arguments, "-c:v"), value(arguments, "-c:a")) == ("libx264", "copy")
    arguments = only(facts, ALL, AUDIO)
    assert (value(arguments, "-c:v"), value(arguments, "-c:a"), value(arguments, "-ac")) == ("copy", "aac", "2")
    assert "-vf" not in arguments
    assert (value(only(facts, ALL, REMUX), "-c:v"), value(only(facts, ALL, REMUX), "-c:a")) == ("copy", "copy")
    assert "-c:a" not in only(changed(audio=None), ALL, VIDEO)


@pytest.mark.parametrize(
    ("codec", "encoder"), [("mp3", "libmp3lame"), ("aac", "aac"), ("opus", "libopus"), ("pcm_s16le", "pcm_s16le")]
)
def test_sound_is_encoded_to_the_target(codec: Any, encoder: str):
    assert value(only(FACTS, Ffmpeg(target_audio_codec=codec), BOTH), "-c:a") == encoder


def test_hevc_gets_the_tag_that_apple_knows():
    assert value(only(FACTS, Ffmpeg(target_video_codec="hevc")), "-tag:v") == "hvc1"
    assert value(only(replace(FACTS, codec="hevc"), DEFAULTS, AUDIO), "-tag:v") == "hvc1"
    assert value(only(FACTS, DEFAULTS), "-tag:v") is None


@pytest.mark.parametrize(
    ("codec", "preset", "expected"),
    [
        ("h264", "ultrafast", ("-preset", "ultrafast")),
        ("hevc", "slow", ("-preset", "slow")),
        ("vp9", "veryslow", ("-cpu-used", "0")),
        ("vp9", "medium", ("-cpu-used", "3")),
        ("vp9", "ultrafast", ("-cpu-used", "5")),
        ("av1", "veryslow", ("-preset", "4")),
        ("av1", "ultrafast", ("-preset", "12")),
        ("h264", "nonsense", ("-preset", None)),
    ],
)
def test_presets_are_named_or_numbered_as_the_encoder_likes(codec: Any, preset: str, expected: tuple[str, str | None]):
    arguments = only(FACTS, Ffmpeg(target_video_codec=codec, preset=preset))
    assert value(arguments, expected[0]) == expected[1]
    assert value(arguments, "-row-mt") == ("1" if codec == "vp9" else None)


@pytest.mark.parametrize(
    ("codec", "limit", "expected"),
    [
        ("h264", "0", {"-crf": "23", "-maxrate": None, "-bufsize": None}),
        ("h264", "2500", {"-crf": "23", "-maxrate": "2500k", "-bufsize": "5000k"}),
        ("hevc", "4M", {"-crf": "23", "-maxrate": "4M", "-bufsize": "8M"}),
        ("vp9", "0", {"-crf": "23", "-b:v": "0", "-maxrate": None}),
        ("vp9", "2500k", {"-crf": "23", "-b:v": "2500k", "-maxrate": "2500k"}),
        ("av1", "0", {"-crf": "23", "-svtav1-params": None}),
        ("av1", "2M", {"-crf": "23", "-svtav1-params": "mbr=2000k", "-maxrate": None}),
    ],
)
def test_quality_leads_and_the_limit_caps(codec: Any, limit: str, expected: dict[str, str | None]):
    arguments = only(FACTS, Ffmpeg(target_video_codec=codec, max_bitrate=limit))
    assert {name: value(arguments, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("codec", "limit", "runs"),
    [
        ("h264", "0", 1),
        ("h264", "2900k", 2),
        ("hevc", "0", 1),
        ("hevc", "2900k", 2),
        ("vp9", "0", 2),
        ("vp9", "2900k", 2),
    ],
)
def test_two_passes_where_they_help(codec: Any, limit: str, runs: int):
    settings = Ffmpeg(target_video_codec=codec, max_bitrate=limit, two_pass=True)
    (attempt,) = attempts(FACTS, settings, VIDEO, Devices())
    assert len(attempt.passes) == runs
    if runs == 2:
        assert "-an" in attempt.passes[0].after
        assert "-c:a" in attempt.passes[1].after
        rates = [value(attempt.passes[1].after, name) for name in ("-b:v", "-minrate", "-maxrate", "-bufsize")]
        assert rates == (["2000k", "1000k", "2900k", "5800k"] if limit != "0" else ["0", None, None, None])


def test_frames_and_threads_are_the_encoders_unless_told():
    plain = only(FACTS, DEFAULTS)
    assert not {"-bf", "-refs", "-g", "-threads", "-x265-params"} & set(plain)
    told = only(FACTS, Ffmpeg(bframes=0, refs=3, gop_size=60, threads=4))
    assert [value(told, name) for name in ("-bf", "-refs", "-g", "-threads")] == ["0", "3", "60", "4"]
    single = only(FACTS, Ffmpeg(threads=1, target_video_codec="hevc"))
    assert value(single, "-x265-params") == "frame-threads=1:pools=none"


# Hardware.

DRI = Devices(dri=("card0", "renderD128", "renderD129"))


def ladder(settings: Ffmpeg, devices: Devices = DRI, facts: VideoFacts = FACTS) -> list[Attempt]:
    return attempts(facts, settings, VIDEO, devices)


@pytest.mark.parametrize("accel", ["nvenc", "qsv", "vaapi", "rkmpp"])
def test_the_ladder_goes_from_hardware_to_software(accel: Any):
    names = [attempt.name for attempt in ladder(Ffmpeg(accel=accel))]
    assert names == [f"{accel}, decoding too", f"{accel}, encoding only", "software"]
    names = [attempt.name for attempt in ladder(Ffmpeg(accel=accel, accel_decode=False))]
    assert names == [f"{accel}, encoding only", "software"]
    for attempt in ladder(Ffmpeg(accel=accel))[:2]:
        (run,) = attempt.passes
        assert value(run.after, "-c:v") == f"h264_{accel}"
        assert value(run.after, "-g") == "256"
        assert value(run.after, "-movflags") == "+faststart"


@pytest.mark.parametrize(
    ("accel", "codec", "steps"),
    [
        ("nvenc", "vp9", 1),
        ("nvenc", "av1", 3),
        ("qsv", "vp9", 3),
        ("vaapi", "av1", 3),
        ("rkmpp", "vp9", 1),
        ("rkmpp", "av1", 1),
        ("rkmpp", "hevc", 3),
    ],
)
def test_what_the_card_cannot_write_is_left_to_software(accel: Any, codec: Any, steps: int):
    assert len(ladder(Ffmpeg(accel=accel, target_video_codec=codec))) == steps


@pytest.mark.parametrize(
    ("dri", "wanted", "node"),
    [
        (("card0", "renderD128", "renderD129"), "auto", "/dev/dri/renderD129"),
        (("card0", "renderD128", "renderD129"), "renderD128", "/dev/dri/renderD128"),
        (("card0", "renderD128"), "/dev/dri/renderD128", "/dev/dri/renderD128"),
        (("card0", "card1"), "auto", "/dev/dri/card1"),
        ((), "auto", None),
        (("renderD128",), "renderD130", None),
    ],
)
@pytest.mark.parametrize("accel", ["qsv", "vaapi"])
def test_the_highest_render_node_is_used_unless_another_is_wanted(
    accel: Any, dri: tuple[str, ...], wanted: str, node: str | None
):
    ways = ladder(Ffmpeg(accel=accel, preferred_hw_device=wanted), Devices(dri=dri))
    if node is None:
        assert [way.name for way in ways] == ["software"]
    else:
        assert all(any(node in word for word in way.passes[0].before) for way in ways[:2])


@pytest.mark.parametrize(
    ("accel", "operator"), [("nvenc", "tonemap_cuda"), ("qsv", "tonemap_opencl"), ("vaapi", "tonemap_opencl")]
)
def test_cards_map_hdr_themselves_when_they_decode(accel: Any, operator: str):
    decoding, encoding, software = ladder(Ffmpeg(accel=accel), facts=HDR)
    assert operator in (value(decoding.passes[0].after, "-vf") or "")
    for way in (encoding, software):
        assert "tonemap=hable" in (value(way.passes[0].after, "-vf") or "")


def test_a_rockchip_without_opencl_maps_hdr_in_memory():
    assert "zscale" in (value(ladder(Ffmpeg(accel="rkmpp"), facts=HDR)[0].passes[0].after, "-vf") or "")
    with_opencl = ladder(Ffmpeg(accel="rkmpp"), Devices(has_opencl=True), facts=HDR)
    assert "tonemap_opencl" in (value(with_opencl[0].passes[0].after, "-vf") or "")


def test_a_card_that_decodes_keeps_the_display_matrix_and_scales_what_is_stored():
    turned = changed(width=1920, stored_width=1920, height=1080, rotation=-90)
    decoding, encoding, _ = ladder(Ffmpeg(accel="nvenc"), facts=turned)
    assert "-noautorotate" in decoding.passes[0].before
    assert "1280:720" in (value(decoding.passes[0].after, "-vf") or "")
    assert "-noautorotate" not in encoding.passes[0].before
    assert "720:1280" in (value(encoding.passes[0].after, "-vf") or "")


def test_sound_alone_needs_no_card():
    assert [way.name for way in attempts(FACTS, Ffmpeg(accel="nvenc"), AUDIO, DRI)] == ["copy"]


def test_nvidia_presets_are_numbered():
    for preset, expected in (("veryslow", "p7"), ("medium", "p4"), ("ultrafast", "p1")):
        way = ladder(Ffmpeg(accel="nvenc", preset=preset))[0]
        assert value(way.passes[0].after, "-preset") == expected


# With the real encoder.


@pytest.mark.parametrize("limit", ["0", "200k"])
@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1"])
async def test_the_arguments_are_ones_that_ffmpeg_takes(tmp_path: Path, codec: Any, limit: str):
    source = tmp_path / "a.mkv"
    lavfi = ("-f", "lavfi", "-i", "testsrc=size=98x64:rate=10:duration=0.5", "-f", "lavfi", "-i", "sine=duration=0.5")
    program = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([program, "-v", "error", *lavfi, str(source)], check=True, timeout=60)  # noqa: ASYNC221 — short
    facts = VideoFacts(
        98, 64, 98, "h264", "Matroska / WebM", color_transfer="arib-std-b67", audio=AudioFacts("vorbis", 1)
    )
    settings = Ffmpeg(
        transcode="all",
        target_video_codec=codec,
        max_bitrate=limit,
        two_pass=True,
        threads=1,
        bframes=1,
        refs=2,
        gop_size=20,
        target_resolution="48",
    )
    ways = attempts(facts, settings, decide(facts, settings), Devices())
    await encode(Config(), source, tmp_path / "out.mp4", ways)
    assert (tmp_path / "out.mp4").stat().st_size > 500


async def test_a_machine_without_the_card_ends_on_software(tmp_path: Path):
    source = tmp_path / "a.mkv"
    program = imageio_ffmpeg.get_ffmpeg_exe()
    lavfi = ("-f", "lavfi", "-i", "testsrc=size=98x64:rate=10:duration=0.5")
    subprocess.run([program, "-v", "error", *lavfi, str(source)], check=True, timeout=60)  # noqa: ASYNC221 — short
    facts = VideoFacts(98, 64, 98, "h264", "Matroska / WebM")
    ways = attempts(facts, Ffmpeg(accel="vaapi"), VIDEO, Devices(dri=("renderD999",)))
    assert await encode(Config(), source, tmp_path / "out.mp4", ways) == "software"
