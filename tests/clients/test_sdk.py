"""`@immich/sdk` walks from signing in to emptying the trash; it throws on answers that are not what it was promised."""

import os
from pathlib import Path

from tests.clients.conftest import HERE, Node
from tests.processes import Account, House, photo


def test_the_sdk_walks_from_signing_in_to_the_trash(node: Node, open_house: House, account: Account, tmp_path: Path):
    (tmp_path / "photo.jpg").write_bytes(photo(7) + os.urandom(4_000_000))  # more than a socket holds
    done = node(
        HERE / "sdk_walk.mjs",
        URL=str(open_house.client.base_url).rstrip("/"),
        EMAIL=account.email,
        PASSWORD=account.password,
        PHOTO=str(tmp_path / "photo.jpg"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "walked\n"
