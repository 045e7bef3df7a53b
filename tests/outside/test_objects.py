"""What only a bucket can do, or suffer."""

import asyncio
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from calotype.core.config import Config
from calotype.core.errors import Full, Offline
from calotype.outside.keys import MARKER, Altered
from calotype.outside.objects import ObjectFiles

CONTENT = bytes(range(256)) * 40_000  # 10 MB: more than one part


async def test_bytes_that_were_altered_in_the_bucket_are_noticed_and_nothing_kept(peer, tmp_path: Path) -> None:
    class Flipping(ObjectFiles):
        async def piece(self, key: str, start: int, length: int) -> bytes:
            content = bytearray(await super().piece(key, start, length))
            content[0] ^= 1
            return bytes(content)

    files = Flipping(peer.config(tmp_path))
    await files.write_marker(b"ours")
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    with pytest.raises(Altered):
        await incoming.finish()
    assert peer.keys() == {MARKER}
    assert peer.unfinished() == []


async def test_an_upload_given_up_half_way_leaves_no_parts_to_be_paid_for(peer, tmp_path: Path) -> None:
    files = ObjectFiles(peer.config(tmp_path))
    await files.write_marker(b"ours")
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    await incoming.write(CONTENT)
    assert len(peer.unfinished()) == 1
    await incoming.abort()
    assert peer.unfinished() == []


async def test_a_move_that_was_cut_after_copying_is_completed(peer, tmp_path: Path) -> None:
    files = ObjectFiles(peer.config(tmp_path))
    await files.write_marker(b"ours")
    for key in ("upload/a", "library/b"):
        await files._store.put_async(key, b"same content")
    await files.move("upload/a", "library/b")
    assert peer.keys() == {MARKER, "library/b"}


async def test_a_store_that_is_away_is_offline_with_a_sentence(tmp_path: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    server.stop()
    files = ObjectFiles(Config(data=tmp_path, media="s3://photos", s3_endpoint=f"http://{host}:{port}"))
    for attempt in (files.read_marker(), files.stat("upload/a"), files.begin("upload/a"), files.remove("upload/a")):
        with pytest.raises(Offline, match="not reachable"):
            async with asyncio.timeout(10):
                await attempt


async def test_a_bucket_that_does_not_exist_is_offline_and_not_empty(peer, tmp_path: Path) -> None:
    files = ObjectFiles(peer.config(tmp_path, name="no-such-bucket"))
    with pytest.raises(Offline):
        await files.holds_any(["upload"])
    with pytest.raises(Offline):
        await files.stat("upload/a")


async def test_a_working_copy_that_would_fill_the_data_volume_is_refused(peer, tmp_path: Path) -> None:
    files = ObjectFiles(peer.config(tmp_path, min_free_mib=1 << 40))
    await files.write_marker(b"ours")
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    await incoming.finish()
    with pytest.raises(Full):
        async with files.local("upload/a"):
            pass


async def test_a_bucket_has_no_limit_and_a_public_name(peer, tmp_path: Path) -> None:
    files = ObjectFiles(peer.config(tmp_path))
    assert await files.free_bytes() is None
    assert await files.total_bytes() is None
    assert files.public_path("upload/a") == f"s3://{peer.name}/of/mine/upload/a"


async def test_objects_too_large_for_a_copy_by_the_server_pass_through_us(peer, tmp_path: Path) -> None:
    files = ObjectFiles(peer.config(tmp_path), server_copy_bytes=1000)
    await files.write_marker(b"ours")
    incoming = await files.begin("upload/a")
    await incoming.write(CONTENT)
    await incoming.finish()
    assert peer.keys() == {MARKER, "upload/a"}
    assert b"".join([chunk async for chunk in files.open_range("upload/a", 0, len(CONTENT))]) == CONTENT
