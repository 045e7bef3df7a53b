"""Models fetched from a store of the tests' own: cut off, damaged, sent elsewhere, without room."""

import asyncio
import contextlib
import hashlib
import json
import os
import resource
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from calotype.inference import download
from calotype.inference.catalogue import HUB, OCR_STORE, known
from calotype.inference.download import Failed, Fetcher, NoRoom, Progress
from calotype.inference.library import Library
from calotype.inference.plan import Refused

FACES, NAME = "facial-recognition", "buffalo_l"
WEIGHTS = os.urandom(300_000)
TREE = f"/api/models/immich-app/{NAME}/tree/main"


@dataclass
class Store:
    """What a store has and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    refuse: list[int] = field(default_factory=list)  # statuses of the next answers
    takes_ranges: bool = True
    pause: threading.Event | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)  # path, Range
    url: str = ""

    def publish(self, name: str, files: dict[str, bytes]) -> None:
        """A repository in the hub's layout, with its listing."""
        rows = [{"type": "directory", "path": "detection", "oid": "0"}]
        for path, content in files.items():
            self.files[f"/immich-app/{name}/resolve/main/{path}"] = content
            row: dict[str, object] = {"type": "file", "path": path, "size": len(content)}
            if path.endswith(".onnx"):
                row["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content)}
            row["oid"] = hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()
            rows.append(row)
        self.files[f"/api/models/immich-app/{name}/tree/main"] = json.dumps(rows).encode()


@pytest.fixture
def store() -> Iterator[Store]:
    shop = Store()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            span = self.headers.get("Range", "")
            shop.asked.append((path, span))
            if shop.pause:
                shop.pause.wait(20)
            if shop.refuse:
                self.send_error(shop.refuse.pop(0))
                return
            if path in shop.redirects:
                self.send_response(302)
                self.send_header("Location", shop.redirects[path])
                self.end_headers()
                return
            if path not in shop.files:
                self.send_error(404)
                return
            content = shop.files[path]
            start = int(span.removeprefix("bytes=").rstrip("-")) if span and shop.takes_ranges else 0
            etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
            if self.headers.get("If-Range", etag) != etag:
                start = 0
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.send_header("ETag", etag)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            cut = shop.cut_after.pop(0) if shop.cut_after and path.endswith(".onnx") else len(content)
            with contextlib.suppress(OSError):
                self.wfile.write(content[start : start + cut])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    shop.publish(NAME, {"detection/model.onnx": WEIGHTS, "recognition/model.onnx": WEIGHTS[::-1], "README.md": b"hi"})
    yield shop
    if shop.pause:
        shop.pause.set()
    server.shutdown()
    server.server_close()
    thread.join()


def fetcher(store: Store, **more: float) -> Fetcher:
    options = {"timeout_s": 10.0, "pause_s": 0.001, **more}
    return Fetcher(mirrors={HUB: store.url, OCR_STORE: store.url}, **options)  # type: ignore[arg-type]


def bring(store: Store, root: Path, kind: str = "detection", *, name: str = NAME, task: str = FACES) -> Path:
    model = known(task, name)
    assert model
    return download.bring(fetcher(store), root, model, kind, lambda _: None, make_room=lambda _: None)


def weights_asked(store: Store) -> list[str]:
    return [span for path, span in store.asked if path.endswith(".onnx")]


def visible(root: Path) -> list[str]:
    """Files under final names; what is being fetched and what was learnt lie apart."""
    return sorted(
        str(file.relative_to(root))
        for file in root.rglob("*")
        if file.is_file() and not str(file.relative_to(root)).startswith((".partial", ".checksums"))
    )


def test_a_model_is_fetched_into_the_hubs_layout_with_a_record(store: Store, tmp_path: Path) -> None:
    told: list[Progress] = []
    model = known(FACES, NAME)
    assert model
    folder = download.bring(fetcher(store), tmp_path, model, "detection", told.append, make_room=lambda _: None)
    assert folder == tmp_path / FACES / NAME / "detection"
    assert (folder / "model.onnx").read_bytes() == WEIGHTS
    record = json.loads((folder / download.RECORD).read_text())
    assert record["files"] == {"detection/model.onnx": hashlib.sha256(WEIGHTS).hexdigest()}
    assert told[-1] == Progress(NAME, "detection", len(WEIGHTS), len(WEIGHTS))
    assert visible(tmp_path) == [f"{FACES}/{NAME}/detection/.calotype.json", f"{FACES}/{NAME}/detection/model.onnx"]


def test_a_clip_model_comes_with_what_describes_it_and_without_what_other_hardware_wants(
    store: Store, tmp_path: Path
) -> None:
    name = "ViT-B-32__openai"
    files = {
        "config.json": b'{"embed_dim": 512}',
        "visual/model.onnx": WEIGHTS,
        "visual/weights.data": b"outside of the graph",
        "visual/preprocess_cfg.json": b"{}",
        "visual/model.armnn": b"arm",
        "visual/rknpu/rk3588/model.rknn": b"rk",
        "textual/model.onnx": b"text",
    }
    store.publish(name, files)
    bring(store, tmp_path, "visual", name=name, task="clip")
    folder = f"clip/{name}"
    assert visible(tmp_path) == [
        f"{folder}/config.json",
        f"{folder}/visual/.calotype.json",
        f"{folder}/visual/model.onnx",
        f"{folder}/visual/preprocess_cfg.json",
        f"{folder}/visual/weights.data",
    ]


def test_text_models_come_from_their_own_store_with_known_checksums(store: Store, tmp_path: Path) -> None:
    path = "/models/RapidAI/RapidOCR/resolve/v3.10.0/onnx/PP-OCRv5/rec/el_PP-OCRv5_rec_mobile.onnx"
    store.files[path] = b"not the published file"
    with pytest.raises(Failed, match="twice and both times had another checksum than it must have"):
        bring(store, tmp_path, "recognition", name="EL__PP-OCRv5_mobile", task="ocr")
    assert visible(tmp_path) == []


def test_a_download_that_is_cut_goes_on_where_it_stopped(store: Store, tmp_path: Path) -> None:
    store.cut_after = [100_000, 70_000]
    folder = bring(store, tmp_path)
    assert (folder / "model.onnx").read_bytes() == WEIGHTS
    assert weights_asked(store) == ["", "bytes=100000-", "bytes=170000-"]


def test_what_was_received_before_a_crash_is_not_received_again(store: Store, tmp_path: Path) -> None:
    store.cut_after = [100_000] + [0] * 20
    with pytest.raises(Failed, match="the connection was cut"):
        bring(store, tmp_path)
    assert visible(tmp_path) == []
    store.cut_after = []
    store.asked.clear()
    assert (bring(store, tmp_path) / "model.onnx").read_bytes() == WEIGHTS
    assert weights_asked(store) == ["bytes=100000-"]


def test_a_store_that_knows_no_ranges_is_asked_for_the_whole(store: Store, tmp_path: Path) -> None:
    store.takes_ranges = False
    store.cut_after = [100_000]
    assert (bring(store, tmp_path) / "model.onnx").read_bytes() == WEIGHTS


def test_pieces_of_two_versions_are_never_one_file(store: Store, tmp_path: Path) -> None:
    store.cut_after = [100_000] + [0] * 20
    with pytest.raises(Failed):
        bring(store, tmp_path)
    store.cut_after = []
    newer = os.urandom(len(WEIGHTS))
    store.publish(NAME, {"detection/model.onnx": newer})
    assert (bring(store, tmp_path) / "model.onnx").read_bytes() == newer


def test_a_busy_store_is_asked_again_and_a_missing_file_is_not(store: Store, tmp_path: Path) -> None:
    model = known(FACES, NAME)
    assert model
    wanted = fetcher(store).wanted(model, "detection")
    store.asked.clear()
    store.refuse = [503, 429, 500]
    fetcher(store).fetch(wanted, tmp_path / "there", lambda *_: None)
    assert len(store.asked) == 4
    store.asked.clear()
    store.refuse = [404]
    with pytest.raises(Failed, match=r"detection/model\.onnx from .* cannot be fetched: the store answers 404"):
        fetcher(store).fetch(wanted, tmp_path / "other", lambda *_: None)
    assert len(store.asked) == 1


def test_a_wrong_checksum_is_never_shown(store: Store, tmp_path: Path) -> None:
    store.files[f"/immich-app/{NAME}/resolve/main/detection/model.onnx"] = WEIGHTS[:-1] + bytes([WEIGHTS[-1] ^ 1])
    with pytest.raises(Failed, match="twice and both times had another checksum"):
        bring(store, tmp_path)
    assert visible(tmp_path) == []
    assert len(weights_asked(store)) == 2


def test_a_model_that_changed_at_the_store_is_not_taken_for_the_old_one(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path)
    download.forget(tmp_path, FACES, NAME, "detection")
    store.publish(NAME, {"detection/model.onnx": b"another version"})
    with pytest.raises(Failed, match=r"no longer what was fetched before. To accept the new one, delete"):
        bring(store, tmp_path)
    assert visible(tmp_path) == []


def test_a_store_may_only_send_us_to_hosts_that_are_known(store: Store, tmp_path: Path) -> None:
    path = f"/immich-app/{NAME}/resolve/main/detection/model.onnx"
    for elsewhere in ("http://example.org/x", "https://huggingface.co.example.org/x", "file:///etc/passwd"):
        store.redirects = {path: elsewhere}
        with pytest.raises(Failed, match=r"which is not one of its own|is not allowed"):
            bring(store, tmp_path)
    store.redirects = {path: f"{store.url}/large-files/1"}
    store.files["/large-files/1"] = WEIGHTS
    assert (bring(store, tmp_path) / "model.onnx").read_bytes() == WEIGHTS


@pytest.mark.parametrize("url", ["https://huggingface.co/a", "https://cdn-lfs.hf.co/a", "https://www.modelscope.cn/a"])
def test_the_stores_and_their_large_files_are_trusted(url: str) -> None:
    assert Fetcher()._careful.trusts(url)
    assert not Fetcher()._careful.trusts(url.replace("https", "http"))


@pytest.mark.parametrize("path", ["../../escape.onnx", "/etc/escape", "visual/../../escape"])
def test_a_listing_that_leads_elsewhere_is_refused(store: Store, tmp_path: Path, path: str) -> None:
    store.files[TREE] = json.dumps([{"type": "file", "path": path, "size": 1, "oid": "1"}]).encode()
    with pytest.raises(Failed, match="cannot be understood"):
        bring(store, tmp_path)


@pytest.mark.parametrize("listing", [b"<html>", b'{"error": 1}', b"[1]", b"\xff\xfe"])
def test_a_listing_that_is_none_is_told(store: Store, tmp_path: Path, listing: bytes) -> None:
    store.files[TREE] = listing
    with pytest.raises(Failed, match="listing of immich-app/buffalo_l cannot be understood"):
        bring(store, tmp_path)


def test_a_mirror_without_listings_is_asked_for_what_every_model_has(store: Store, tmp_path: Path) -> None:
    del store.files[TREE]
    assert (bring(store, tmp_path) / "model.onnx").read_bytes() == WEIGHTS


def test_nobody_at_the_other_end_is_a_sentence(tmp_path: Path) -> None:
    model = known(FACES, NAME)
    assert model
    nowhere = Fetcher(mirrors={HUB: "http://127.0.0.1:9"}, pause_s=0.001, attempts=2)
    with pytest.raises(Failed, match=r"The hub cannot be reached: .*refused"):
        download.bring(nowhere, tmp_path, model, "detection", lambda _: None, make_room=lambda _: None)


def test_a_disk_that_fills_up_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    """The kernel refuses to let files grow, as it does on a full disk (EFBIG for ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
    try:
        with pytest.raises(NoRoom, match="There is no room for model 'buffalo_l' on the disk of the models"):
            bring(store, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert visible(tmp_path) == []
    assert not list(tmp_path.rglob("*.part"))
    assert (bring(store, tmp_path) / "model.onnx").read_bytes() == WEIGHTS


def test_a_model_larger_than_what_is_free_is_not_begun(store: Store, tmp_path: Path) -> None:
    rows = json.loads(store.files[TREE])
    for row in rows:
        row["size"] = 1 << 60
    store.files[TREE] = json.dumps(rows).encode()
    with pytest.raises(NoRoom, match=r"needs .* MiB more; the disk of the models has .* MiB left"):
        bring(store, tmp_path)
    assert weights_asked(store) == []


def test_a_folder_that_cannot_be_written_is_a_sentence(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Failed, match="cannot be kept"):
        bring(store, tmp_path / "file")


def test_the_longest_unused_goes_first_and_what_people_put_there_stays(store: Store, tmp_path: Path) -> None:
    for age_s, kind in ((3000, "recognition"), (9000, "detection")):
        record = bring(store, tmp_path, kind) / download.RECORD
        os.utime(record, (time.time() - age_s,) * 2)
    own = tmp_path / FACES / "mine/detection"
    own.mkdir(parents=True)
    (own / "model.onnx").write_bytes(WEIGHTS)
    gone = download.make_room(tmp_path, 200_000, 600_000, idle_s=900, now=time.time())
    assert [folder.name for folder in gone] == ["detection"]
    with pytest.raises(NoRoom, match="MiB are allowed, and the rest is in use"):
        download.make_room(tmp_path, 1_000_000, 600_000, idle_s=9999, now=time.time())
    assert (own / "model.onnx").exists()
    assert (tmp_path / FACES / NAME / "recognition/model.onnx").exists()


async def test_a_damaged_model_is_thrown_away_and_fetched_once_more(store: Store, tmp_path: Path) -> None:
    library = Library(tmp_path, fetcher(store))
    folder = await library.folder(FACES, NAME, "detection")
    (folder / "model.onnx").write_bytes(b"rotten")
    assert await library.mend(FACES, NAME, "detection")
    assert (folder / "model.onnx").read_bytes() == WEIGHTS


async def test_what_people_put_there_is_set_aside_and_not_deleted(store: Store, tmp_path: Path) -> None:
    own = tmp_path / FACES / NAME / "detection"
    own.mkdir(parents=True)
    (own / "model.onnx").write_bytes(b"somebody's")
    library = Library(tmp_path, fetcher(store))
    assert await library.folder(FACES, NAME, "detection") == own
    assert await library.mend(FACES, NAME, "detection")
    (aside,) = own.parent.glob("detection.damaged-*")
    assert (aside / "model.onnx").read_bytes() == b"somebody's"
    assert (own / "model.onnx").read_bytes() == WEIGHTS


async def test_a_model_that_came_along_cannot_be_mended(tmp_path: Path) -> None:
    library = Library(tmp_path)
    assert not await library.mend("clip", "calotype-toy__shapes", "visual")
    assert not await library.mend("clip", "nobody-knows-it", "visual")


async def test_many_who_ask_wait_for_one_download(store: Store, tmp_path: Path) -> None:
    library = Library(tmp_path, fetcher(store))
    asked = [library.folder(FACES, NAME, "detection") for _ in range(5)]
    assert len(set(await asyncio.gather(*asked))) == 1
    assert len(weights_asked(store)) == 1


async def test_a_long_download_goes_on_while_askers_are_told_to_come_back(store: Store, tmp_path: Path) -> None:
    store.pause = threading.Event()
    library = Library(tmp_path, fetcher(store), wait_s=0.05)
    with pytest.raises(Refused, match="Model 'buffalo_l' is being fetched") as refused:
        await library.folder(FACES, NAME, "detection")
    assert (refused.value.status, refused.value.fault) == (503, "busy")
    assert library.standing(FACES, NAME, "detection").state == "fetching"
    assert library.standing(FACES, NAME, "recognition").state == "missing"
    store.pause.set()
    library.wait_s = 10
    assert (await library.folder(FACES, NAME, "detection") / "model.onnx").read_bytes() == WEIGHTS


async def test_a_store_that_failed_is_left_alone_for_a_while(store: Store, tmp_path: Path) -> None:
    now = [1000.0]
    library = Library(tmp_path, fetcher(store), clock=lambda: now[0])
    listing = store.files.pop(TREE)
    weights = store.files.pop(f"/immich-app/{NAME}/resolve/main/detection/model.onnx")
    for _ in range(3):
        with pytest.raises(Refused, match=r"Failed to load model 'buffalo_l': detection/model.onnx .* answers 404"):
            await library.folder(FACES, NAME, "detection")
    assert len(weights_asked(store)) == 1
    failed = library.standing(FACES, NAME, "detection")
    assert (failed.state, "answers 404" in failed.reason) == ("failed", True)
    store.files |= {TREE: listing, f"/immich-app/{NAME}/resolve/main/detection/model.onnx": weights}
    now[0] += 61
    assert await library.folder(FACES, NAME, "detection")
    assert library.standing(FACES, NAME, "detection").state == "present"


@pytest.mark.parametrize("name", ["nobody-knows-it", "..", "../../etc", ""])
async def test_a_name_nobody_knows_is_not_looked_for_anywhere(store: Store, tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match=r"Failed to load model .* not known"):
        await Library(tmp_path, fetcher(store)).folder("clip", name, "visual")
    assert store.asked == []


async def test_a_machine_that_fetches_nothing_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="which fetches nothing"):
        await Library(tmp_path, fetcher(store), allow_fetch=False).folder(FACES, NAME, "detection")
    assert store.asked == []
