"""`@immich/cli`: sign in, look around, send a folder, send it again."""

import json
import re
from pathlib import Path

import pytest

from tests.clients.conftest import Node
from tests.processes import Account, House, photo, until

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt>
<rdf:li xml:lang="x-default">From the sidecar</rdf:li></rdf:Alt></dc:description></rdf:Description>
</rdf:RDF></x:xmpmeta>"""


@pytest.fixture
def immich(node: Node, node_modules: Path, open_house: House, account: Account):
    """The command, signed in."""
    script = node_modules / "@immich/cli/bin/immich"

    def run(*words: str) -> str:
        done = node(script, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    address = str(open_house.client.base_url).removesuffix("/api/")
    assert "Logged in as" in run("login", address, account.key)
    return run


def test_it_says_what_server_it_talks_to(immich):
    told = immich("server-info")
    assert "Version: 3.2.2" in re.sub(r" +", " ", told)
    assert "Total: 0" in re.sub(r" +", " ", told)


def test_a_folder_with_duplicates_and_sidecars_is_sent_once(immich, account: Account, tmp_path: Path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    (folder / "a.jpg").write_bytes(photo(1))
    (folder / "a.jpg.xmp").write_text(XMP)
    (folder / "b.jpg").write_bytes(photo(2))
    (folder / "more" / "b again.jpg").write_bytes(photo(2))
    (folder / "notes.txt").write_text("not a photo")

    told = immich("upload", "--recursive", "--no-progress", "--json-output", str(folder))
    result = json.loads(told[told.index("{") : told.rindex("}") + 1])
    assert len(result["newFiles"]) == 3
    assert account.client.get("/assets/statistics").json() == {"images": 2, "videos": 0, "total": 2}

    found = account.client.post("/search/metadata", json={"originalFileName": "a.jpg"}).json()["assets"]["items"]
    (asset,) = [each["id"] for each in found]
    until(
        lambda: account.client.get(f"/assets/{asset}").json()["exifInfo"]["description"] == "From the sidecar",
        within_s=60,
    )

    told = immich("upload", "--recursive", "--no-progress", "--json-output", str(folder))
    result = json.loads(told[told.index("{") : told.rindex("}") + 1])
    assert result["newFiles"] == []
    assert len(result["duplicates"]) == 3
    assert account.client.get("/assets/statistics").json()["total"] == 2


def test_photos_go_where_they_are_told_several_at_a_time(immich, account: Account, tmp_path: Path):
    for number in range(8):
        (tmp_path / f"{number}.jpg").write_bytes(photo(100 + number, width_px=120))
    immich("upload", "--no-progress", "--concurrency", "4", "--visibility", "archive", str(tmp_path))
    statistics = account.client.get("/assets/statistics", params={"visibility": "archive"})
    assert statistics.json()["images"] == 8
