import asyncio
import contextlib
import os
import stat
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil
import pytest
import pytest_asyncio
from PIL import Image

from calotype.core.config import Config
from calotype.outside import video as video_module
from calotype.outside.decoders import Decoders, Undecodable
from calotype.outside.images import Output, Recipe
from calotype.outside.video import Attempt, AudioFacts, EncodeFailed, Pass, VideoFacts, encode, poster, probe

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PICTURE = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2")
SOUND = ("-f", "lavfi", "-i", "sine=duration=2")
H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
COPY = Attempt("copy", (Pass((), ("-c", "copy")),))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def decoders() -> AsyncIterator[Decoders]:
    pool = Decoders(count=1, memory_mib=1536, timeout_s=30, max_pixels=30_000_000)
    yield pool
    await pool.close()


def film(path: Path, *arguments: str, sources: tuple[str, ...] = (*PICTURE, *SOUND)) -> Path:
    subprocess.run([FFMPEG, "-v", "error", "-y", *sources, *arguments, str(path)], check=True, timeout=60)
    return path


def turned(folder: Path, degrees: int) -> Path:
    plain = film(folder / "plain.mp4", *H264)
    return film(folder / "turned.mp4", "-c", "copy", sources=("-display_rotation", str(degrees), "-i", str(plain)))


def usual(folder: Path) -> Recipe:
    return Recipe((Output(folder / "preview.jpeg", "jpeg", 1440), Output(folder / "thumbnail.webp", "webp", 250)))


def sides(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


async def test_a_probe_tells_what_is_inside(decoders: Decoders, tmp_path: Path):
    tags = ("-metadata", "creation_time=2021-07-08T09:10:11Z", "-metadata", "location=+35.6812+139.7671/")
    facts = await probe(decoders, film(tmp_path / "a.mp4", *H264, "-c:a", "aac", *tags))
    assert (facts.width, facts.height, facts.stored_width, facts.rotation) == (64, 48, 64, 0)
    assert (facts.codec, facts.profile, facts.pixel_format, facts.container) == (
        "h264",
        "High",
        "yuv420p",
        "QuickTime / MOV",
    )
    assert (facts.duration_ms, facts.duration_s, facts.frame_rate, facts.frame_count) == (2000, 2.0, 10.0, 20)
    assert facts.bit_rate
    assert facts.audio is not None
    assert (facts.audio.codec, facts.audio.index, facts.audio.profile) == ("aac", 1, "LC")
    assert facts.tags["creation_time"].startswith("2021-07-08T09:10:11")
    assert facts.tags["location"] == "+35.6812+139.7671/"


async def test_apples_keys_are_tags_in_lower_case(decoders: Decoders, tmp_path: Path):
    keys = ("-movflags", "use_metadata_tags", "-metadata", "com.apple.quicktime.make=Apple")
    keys += ("-metadata", "com.apple.quicktime.creationdate=2021-07-08T11:10:11+0200")
    facts = await probe(decoders, film(tmp_path / "a.mov", *H264, *keys))
    assert facts.tags["com.apple.quicktime.make"] == "Apple"
    assert facts.tags["com.apple.quicktime.creationdate"] == "2021-07-08T11:10:11+0200"


@pytest.mark.parametrize(
    ("name", "options", "codec", "audio", "container"),
    [
        ("a.mkv", (*H264, "-c:a", "aac"), "h264", "aac", "Matroska / WebM"),
        ("a.webm", ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-c:a", "libopus"), "vp9", "opus", "Matroska / WebM"),
        ("a.avi", ("-c:v", "mpeg4", "-c:a", "libmp3lame"), "mpeg4", "mp3", "AVI (Audio Video Interleaved)"),
        ("a.mts", (*H264, "-c:a", "ac3"), "h264", "ac3", "MPEG-TS (MPEG-2 Transport Stream)"),
        ("a.mov", (*H264, "-c:a", "pcm_s16le"), "h264", "pcm_s16le", "QuickTime / MOV"),
        (
            "a.mpg",
            ("-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2"),
            "mpeg2video",
            "mp2",
            "MPEG-PS (MPEG-2 Program Stream)",
        ),
        ("a.wmv", ("-c:v", "wmv2", "-c:a", "wmav2"), "wmv2", "wmav2", "ASF (Advanced / Active Streaming Format)"),
        ("a.flv", ("-c:v", "flv1", "-c:a", "aac"), "flv1", "aac", "FLV (Flash Video)"),
        ("a.3gp", (*H264, "-c:a", "aac"), "h264", "aac", "QuickTime / MOV"),
    ],
)
async def test_every_container_is_read(
    decoders: Decoders, tmp_path: Path, name: str, options: tuple[str, ...], codec: str, audio: str, container: str
):
    source = film(tmp_path / name, *options)
    facts = await probe(decoders, source)
    assert (facts.codec, facts.audio and facts.audio.codec, facts.container) == (codec, audio, container)
    assert 1.9 < (facts.duration_s or 0) < 2.3
    await poster(decoders, source, usual(tmp_path))
    assert sides(tmp_path / "thumbnail.webp") == (64, 48)


@pytest.mark.parametrize(
    ("degrees", "rotation", "size"), [(270, -90, (48, 64)), (180, -180, (64, 48)), (90, 90, (48, 64))]
)
async def test_rotation_is_told_as_ffprobe_does_and_the_poster_stands_upright(
    decoders: Decoders, tmp_path: Path, degrees: int, rotation: int, size: tuple[int, int]
):
    source = turned(tmp_path, degrees)
    facts = await probe(decoders, source)
    assert (facts.width, facts.height, facts.rotation) == (64, 48, rotation)
    made = await poster(decoders, source, usual(tmp_path))
    assert (made.width_px, made.height_px) == size == sides(tmp_path / "preview.jpeg")
    shown = tmp_path / "shown.png"  # what ffmpeg itself makes of the first frame
    film(shown, "-frames:v", "1", sources=("-i", str(source)))
    with Image.open(shown) as theirs, Image.open(tmp_path / "preview.jpeg") as ours:
        difference = np.abs(np.asarray(theirs.convert("RGB")).astype(int) - np.asarray(ours).astype(int))
    assert difference.mean() < 12


async def test_the_display_aspect_widens_the_facts_but_not_the_poster(decoders: Decoders, tmp_path: Path):
    source = film(tmp_path / "a.mp4", *H264, "-aspect", "2:1")
    facts = await probe(decoders, source)
    assert (facts.width, facts.height, facts.stored_width) == (96, 48, 64)
    await poster(decoders, source, usual(tmp_path))
    assert sides(tmp_path / "preview.jpeg") == (64, 48)


async def test_a_poster_is_not_black(decoders: Decoders, tmp_path: Path):
    dark = (
        "color=black:size=320x240:rate=10:duration=1.5[d];testsrc=size=320x240:rate=10:duration=1.5[t];[d][t]concat=n=2"
    )
    for gop in ("5", "100"):  # with a key frame in the bright part, and without one
        source = film(
            tmp_path / f"{gop}.mp4", *H264, "-g", gop, "-sc_threshold", "0", sources=("-f", "lavfi", "-i", dark)
        )
        await poster(decoders, source, usual(tmp_path))
        with Image.open(tmp_path / "preview.jpeg") as picture:
            assert np.asarray(picture).std() > 40


async def test_a_black_film_still_has_a_poster(decoders: Decoders, tmp_path: Path):
    black = ("-f", "lavfi", "-i", "color=black:size=64x48:rate=10:duration=1")
    await poster(decoders, film(tmp_path / "a.mp4", *H264, sources=black), usual(tmp_path))
    assert sides(tmp_path / "preview.jpeg") == (64, 48)


async def test_hdr_is_told_and_its_poster_is_made_for_screens(decoders: Decoders, tmp_path: Path):
    hdr = ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084")
    hdr += ("-colorspace", "bt2020nc", "-x265-params", "log-level=none:colorprim=9:transfer=16:colormatrix=9")
    grey = ("-f", "lavfi", "-i", "color=0x949494:size=320x240:rate=10:duration=1")  # PQ code 0.58: SDR white
    source = film(tmp_path / "a.mp4", *hdr, sources=grey)
    facts = await probe(decoders, source)
    assert (facts.pixel_format, facts.color_primaries, facts.color_transfer, facts.color_matrix) == (
        "yuv420p10le",
        "bt2020",
        "smpte2084",
        "bt2020nc",
    )
    await poster(decoders, source, usual(tmp_path))
    with Image.open(tmp_path / "preview.jpeg") as picture:
        assert 130 < np.asarray(picture).mean() < 230


async def test_the_default_track_wins_and_cover_art_does_not_count(decoders: Decoders, tmp_path: Path):
    Image.new("RGB", (300, 300)).save(tmp_path / "cover.png")
    plain = film(tmp_path / "plain.mp4", *H264)
    both = ("-i", str(tmp_path / "cover.png"), "-i", str(plain))
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    assert (await probe(decoders, film(tmp_path / "a.mp4", *maps, sources=both))).width == 64


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n", "is text"),
        (b"ffconcat version 1.0\nfile '/etc/hostname'\n", "is text"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n", "is text"),
        (b"\xff\xd8\xff\xe0" + bytes(300), "a picture, not a video"),
        (bytes(range(256)) * 40, "damaged or of no known kind"),
    ],
)
async def test_what_is_no_video_says_so_and_opens_nothing_else(
    decoders: Decoders, tmp_path: Path, content: bytes, reason: str
):
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(Undecodable, match=reason):
        await probe(decoders, tmp_path / "a.mp4")
    with pytest.raises(Undecodable):
        await poster(decoders, tmp_path / "a.mp4", usual(tmp_path))


async def test_a_video_without_its_end_or_without_pictures_is_undecodable(decoders: Decoders, tmp_path: Path):
    whole = film(tmp_path / "a.mp4", *H264).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Undecodable, match="damaged"):
        await probe(decoders, tmp_path / "cut.mp4")
    with pytest.raises(Undecodable, match="no picture track"):
        await probe(decoders, film(tmp_path / "sound.mp4", sources=SOUND))
    with pytest.raises(FileNotFoundError):
        await probe(decoders, tmp_path / "gone.mp4")


async def test_tags_in_an_old_encoding_do_not_hide_the_video(decoders: Decoders, tmp_path: Path):
    whole = film(tmp_path / "a.avi", "-c:v", "mpeg4", "-metadata", "artist=Xavier").read_bytes()
    (tmp_path / "a.avi").write_bytes(whole.replace(b"Xavier", "Zoë B".encode("latin-1") + b"\0"))
    facts = await probe(decoders, tmp_path / "a.avi")
    assert (facts.codec, facts.tags["artist"]) == ("mpeg4", "Zo� B")


async def test_a_gif_is_probed_like_a_video(decoders: Decoders, tmp_path: Path):
    facts = await probe(decoders, film(tmp_path / "a.gif", sources=PICTURE))
    assert (facts.codec, facts.duration_ms, facts.rotation) == ("gif", 2000, 0)


async def test_dolby_vision_is_read_from_its_box(decoders: Decoders, tmp_path: Path):
    plain = film(tmp_path / "a.mp4", *H264).read_bytes()
    # profile 8, level 4, metadata and base layer present, compatible with HLG
    bits = 8 << 17 | 4 << 11 | 0b101 << 8 | 4 << 4
    box = struct.pack(">I4s", 32, b"dvvC") + bytes([1, 0]) + bits.to_bytes(3, "big") + bytes(19)
    at = plain.index(b"moov")
    moov_size = int.from_bytes(plain[at - 4 : at], "big")
    end = at - 4 + moov_size
    (tmp_path / "dv.mp4").write_bytes(
        plain[: at - 4] + (moov_size + 40).to_bytes(4, "big") + plain[at:end] + struct.pack(">I4s", 40, b"free") + box
    )
    facts = await probe(decoders, tmp_path / "dv.mp4")
    assert (facts.dolby_vision_profile, facts.dolby_vision_level, facts.dolby_vision_compatibility) == (8, 4, 4)


def test_facts_survive_a_json_column():
    facts = VideoFacts(64, 48, 64, "h264", "QuickTime / MOV", audio=AudioFacts("aac", 1), tags={"make": "A"})
    stored = facts.to_json()
    assert VideoFacts.from_json(stored | {"key_of_a_later_release": 1}) == facts
    assert "bit_rate" not in stored


# Encoding.


def program(folder: Path, script: str) -> Config:
    """An ffmpeg with a mind of its own."""
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Config(ffmpeg=str(path))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_an_encode_appears_whole_and_reports_its_progress(decoders: Decoders, tmp_path: Path):
    source = film(tmp_path / "a.mkv", *H264)
    reached: list[float] = []
    attempt = Attempt("software", (Pass((), ("-c:v", "libx264", "-an")),))
    name = await encode(Config(), source, tmp_path / "out.mp4", [attempt], duration_s=2.0, on_progress=reached.append)
    assert name == "software"
    assert reached == sorted(reached)
    assert reached[-1] == pytest.approx(1.0, abs=0.1)
    facts = await probe(decoders, tmp_path / "out.mp4")
    assert (facts.codec, facts.audio) == ("h264", None)
    assert names_in(tmp_path) == ["a.mkv", "out.mp4"]


async def test_two_passes_leave_one_file(tmp_path: Path):
    source = film(tmp_path / "a.mkv", *H264)
    run = Pass((), ("-c:v", "libx264", "-b:v", "100k", "-an"))
    reached: list[float] = []
    await encode(
        Config(), source, tmp_path / "out.mp4", [Attempt("two", (run, run))], duration_s=2.0, on_progress=reached.append
    )
    assert names_in(tmp_path) == ["a.mkv", "out.mp4"]
    assert reached == sorted(reached)


async def test_the_ladder_goes_down_until_something_works(tmp_path: Path):
    config = program(tmp_path, f'case "$*" in *h264_vaapi*) echo no such device >&2; exit 1;; esac\nexec {FFMPEG} "$@"')
    source = film(tmp_path / "a.mkv", *H264)
    hardware = Attempt("vaapi", (Pass((), ("-c:v", "h264_vaapi")),))
    assert await encode(config, source, tmp_path / "out.mp4", [hardware, hardware, COPY]) == "copy"
    with pytest.raises(EncodeFailed, match="vaapi: no such device"):
        await encode(config, source, tmp_path / "other.mp4", [hardware])
    assert names_in(tmp_path) == ["a.mkv", "ffmpeg", "out.mp4"]


async def test_a_full_volume_is_no_fault_of_the_encoder(tmp_path: Path):
    config = program(tmp_path, "echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 228")
    with pytest.raises(OSError, match="No space"):
        await encode(config, tmp_path / "a.mkv", tmp_path / "out.mp4", [COPY, COPY])


async def test_an_empty_output_counts_as_failure(tmp_path: Path):
    config = program(tmp_path, 'for last; do :; done; : > "$last"')
    with pytest.raises(EncodeFailed, match="empty"):
        await encode(config, tmp_path / "a.mkv", tmp_path / "out.mp4", [COPY])
    assert names_in(tmp_path) == ["ffmpeg"]


async def test_the_words_of_ffmpeg_tell_no_path(tmp_path: Path):
    with pytest.raises(EncodeFailed) as caught:
        await encode(Config(), tmp_path / "holiday.mkv", tmp_path / "out.mp4", [COPY])
    assert "holiday" not in str(caught.value)


@pytest.mark.parametrize("content", ["#EXTM3U\n#EXTINF:10,\nfile://{}\n", "ffconcat version 1.0\nfile '{}'\n"])
async def test_a_playlist_is_never_followed(tmp_path: Path, content: str):
    secret = film(tmp_path / "secret.mkv", *H264)
    (tmp_path / "a.mp4").write_text(content.format(secret))
    with pytest.raises(EncodeFailed):
        await encode(Config(), tmp_path / "a.mp4", tmp_path / "out.mp4", [COPY])
    assert names_in(tmp_path) == ["a.mp4", "secret.mkv"]


async def an_ffmpeg(parent: psutil.Process, mark: str) -> psutil.Process:
    for _ in range(500):
        for process in parent.children(recursive=True):
            with contextlib.suppress(psutil.Error):  # others come and go: the check that ffmpeg runs at all
                if process.name().startswith("ffmpeg") and any(mark in word for word in process.cmdline()):
                    return process
        await asyncio.sleep(0.02)
    raise AssertionError("no ffmpeg came")


async def is_gone(process: psutil.Process) -> bool:
    """Ended; whether its new parent has taken notice is not our business."""
    for _ in range(250):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(0.02)
                continue
        return True
    return False


async def test_cancelling_ends_ffmpeg_and_removes_its_file(tmp_path: Path):
    os.mkfifo(tmp_path / "endless.mkv")  # ffmpeg waits for its first byte for ever
    task = asyncio.create_task(encode(Config(), tmp_path / "endless.mkv", tmp_path / "out.mp4", [COPY]))
    process = await an_ffmpeg(psutil.Process(), "endless.mkv")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await is_gone(process)
    assert names_in(tmp_path) == ["endless.mkv"]


WORKER = """
import asyncio, sys
from pathlib import Path
from calotype.core.config import Config
from calotype.outside.video import Attempt, Pass, encode
asyncio.run(encode(Config(), Path(sys.argv[1]), Path(sys.argv[2]), [Attempt("copy", (Pass((), ("-c", "copy")),))]))
"""


async def test_ffmpeg_dies_with_its_worker(tmp_path: Path):
    os.mkfifo(tmp_path / "endless.mkv")
    with subprocess.Popen(  # noqa: ASYNC220 — the test is about a process that is killed
        [sys.executable, "-c", WORKER, str(tmp_path / "endless.mkv"), str(tmp_path / "out.mp4")],
        env={**os.environ, "PYTHONPATH": str(Path(video_module.__file__).parents[2])},
    ) as worker:
        try:
            process = await an_ffmpeg(psutil.Process(worker.pid), "endless.mkv")
        finally:
            worker.kill()
    assert await is_gone(process)
