"""The photo storage goes away and comes back: nobody loses anything, and nobody has to do anything."""

import contextlib
import os
from collections.abc import Callable

import httpx
import pytest

from tests.walks.conftest import House, photo, until

MARKER = ".calotype"


def pull_marker(house: House) -> Callable[[], None]:
    """The folder is there, and is not ours."""
    (house.media / MARKER).rename(house.folder / "kept-marker")

    def back() -> None:
        (house.folder / "kept-marker").rename(house.media / MARKER)

    return back


def unmount(house: House) -> Callable[[], None]:
    """The share is unmounted: what is left is the empty folder below it."""
    house.media.rename(house.folder / "unplugged")
    house.media.mkdir()

    def back() -> None:
        assert list(house.media.iterdir()) == []  # nothing was written below it
        house.media.rmdir()
        (house.folder / "unplugged").rename(house.media)

    return back


def hang(house: House) -> Callable[[], None]:
    """As if the server of the mount was gone: whoever opens a pipe that nobody writes to waits, and cannot be stopped."""
    back = pull_marker(house)
    pipe = house.media / MARKER
    os.mkfifo(pipe)

    def answer() -> None:
        aside = house.folder / "pipe"
        pipe.rename(aside)
        back()
        with contextlib.suppress(OSError):  # when nobody waits any more
            os.close(os.open(aside, os.O_WRONLY | os.O_NONBLOCK))

    return answer


def is_away(answer: httpx.Response) -> bool:
    if answer.status_code != 503:
        return False
    assert "photo storage" in answer.json()["message"]
    assert "previews still open" in answer.json()["message"]
    assert int(answer.headers["retry-after"]) > 0
    return True


@pytest.mark.parametrize("trouble", [unmount, hang])
def test_while_the_storage_is_away_previews_open_jobs_wait_and_all_resumes_by_itself(house: House, trouble):
    photos = [house.upload(photo(n)) for n in range(3)]
    until(lambda: all(house.is_processed(asset) for asset in photos))
    before = house.originals()
    assert len(before) == 3
    seen = house.words().count("event=storage")

    back = trouble(house)
    until(lambda: is_away(house.original(photos[0])), within_s=40)
    until(lambda: house.words().count("event=storage") >= seen + 2)  # the worker looks for itself

    # The app is online: everything that is not an original.
    assert all(house.preview(asset) == 200 for asset in photos)
    assert house.client.get(f"/assets/{photos[0]}").json()["isTrashed"] is False
    assert sum(bucket["count"] for bucket in house.client.get("/timeline/buckets").json()) == 3
    assert house.client.get("/server/ping").status_code == 200

    # Uploads are refused cleanly.
    assert is_away(house.send(photo(99)))
    assert house.originals() in (before, set())

    # Jobs that need an original wait; none fails.
    thumbnails = {"assetIds": photos, "name": "regenerate-thumbnail"}
    house.client.post("/assets/jobs", json=thumbnails).raise_for_status()
    until(lambda: house.counts("thumbnailGeneration")["delayed"] == 3)
    assert house.counts("thumbnailGeneration")["failed"] == 0
    # A deletion is accepted: the row goes, the file follows when it can.
    house.client.request("DELETE", "/assets", json={"ids": [photos[2]], "force": True}).raise_for_status()

    back()
    until(lambda: house.original(photos[0]).status_code == 200, within_s=40)
    assert house.original(photos[0]).content == photo(0)
    until(lambda: sum(house.counts("thumbnailGeneration").values()) == 0)
    assert house.upload(photo(99))
    assert all(house.is_processed(asset) for asset in photos[:2])
    until(lambda: len(house.originals()) == 3)  # two of the first three, and the new one


def test_an_empty_mount_at_boot_is_recognised_never_written_to_and_taken_up_without_a_restart(house: House):
    photos = [house.upload(photo(n)) for n in range(2)]
    until(lambda: all(house.is_processed(asset) for asset in photos))
    house.stop()
    house.media.rename(house.folder / "unplugged")
    house.media.mkdir()

    house.start()
    assert is_away(until(lambda: (a := house.original(photos[0])).status_code == 503 and a))
    assert is_away(house.send(photo(9)))
    assert all(house.preview(asset) == 200 for asset in photos)
    assert list(house.media.iterdir()) == []
    assert house.client.get("/assets/statistics").json()["total"] == 2
    trashed = house.client.get("/assets/statistics", params={"isTrashed": "true"}).json()
    assert trashed["total"] == 0

    house.media.rmdir()
    (house.folder / "unplugged").rename(house.media)
    until(lambda: house.original(photos[0]).status_code == 200, within_s=40)
    assert [house.original(asset).content for asset in photos] == [photo(0), photo(1)]
    assert house.upload(photo(9))
