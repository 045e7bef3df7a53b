"""What goes into an archive, and how large it gets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from calotype.assets import store
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Look, Row

GIB = 1024**3
USUAL_BYTES = 4 * GIB


@dataclass(frozen=True, slots=True)
class Part:
    """One archive of a download."""

    size: int
    assets: tuple[AssetId, ...]


def split(sizes: Iterable[tuple[AssetId, int]], target_bytes: int) -> list[Part]:
    """Fill an archive until its size exceeds the target, then begin the next."""
    parts: list[Part] = []
    ids: list[AssetId] = []
    size = 0
    for id, bytes in sizes:
        ids.append(id)
        size += bytes
        if size > target_bytes:
            parts.append(Part(size, tuple(ids)))
            ids, size = [], 0
    if ids:
        parts.append(Part(size, tuple(ids)))
    return parts


async def of_assets(look: Look, viewer: UserId, ids: Sequence[AssetId], target_bytes: int) -> list[Part]:
    """Chosen assets; those in the trash are skipped."""
    return await _parts(look, viewer, await store.chosen_sizes(look, ids), target_bytes)


async def of_album(look: Look, viewer: UserId, album: UUID, target_bytes: int) -> list[Part]:
    """A whole album."""
    return await _parts(look, viewer, await store.album_sizes(look, album), target_bytes)


async def of_user(look: Look, viewer: UserId, owner: UserId, target_bytes: int, *, is_elevated: bool) -> list[Part]:
    """Everything of a person that is not hidden; the locked folder only once it is open."""
    return await _parts(look, viewer, await store.user_sizes(look, owner, is_elevated=is_elevated), target_bytes)


async def _parts(look: Look, viewer: UserId, rows: list[Row], target_bytes: int) -> list[Part]:
    """The moving parts of live photos come after all stills; those cut out of motion photos only on demand."""
    sizes = [(AssetId(row["id"]), int(row["size_bytes"])) for row in rows]
    videos = {row["live_video_id"] for row in rows} - {None, *(id for id, _ in sizes)}
    if videos:
        wants_embedded = await store.wants_embedded_videos(look, viewer)
        sizes += [
            (AssetId(row["id"]), int(row["size_bytes"]))
            for row in await store.live_video_sizes(look, sorted(videos))
            if wants_embedded or not row["is_motion_part"]
        ]
    return split(sizes, target_bytes)
