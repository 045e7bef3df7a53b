"""SQL of the tables `asset`, `asset_metadata` and `stack`, and the JSON of an asset, made by Postgres.

`ASSET_JSON` and its larger forms are text expressions for any statement that reads from `asset` under that very name. They
need two arguments: `:viewer` (uuid, whose favourites count) and `:media_root` (text, what stands before every key; see
`media_root()`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast
from uuid import UUID

from calotype.accounts.store import AVATAR_COLOR
from calotype.assets import formats
from calotype.assets.asset import LiveVideo, Note
from calotype.core.ids import AssetId, UserId
from calotype.core.ports import Files
from calotype.core.sql import Where, sql
from calotype.core.tx import Look, Row, Tx
from calotype.core.world import World


def media_root(files: Files) -> str:
    """What stands before a key in `originalPath`."""
    return files.public_path("x")[:-1]


# JSON ---------------------------------------------------------------------------------------------------------------

# Text put together piece by piece costs a third of what json_build_object does, and most of a search page is the making of
# its objects. So a value is a row of pieces, each an expression of text or a constant; `concat` writes them one after the
# other, and constants side by side are one. Whoever writes a field says what its value can hold.

Value = tuple[LiteralString, ...]
Field = tuple[LiteralString, Value]

# The table of file types as a constant that Postgres searches by itself. Our own literals only, hence the cast.
_TYPES = json.dumps({e[1:]: formats.mime_of(f"x{e}") for e in formats.IMAGE_EXTENSIONS + formats.VIDEO_EXTENSIONS})
_MIME = cast(
    LiteralString,
    rf"COALESCE('{_TYPES}'::jsonb ->> CASE WHEN strpos(asset.original_name, '.') > 0 "
    rf"THEN lower(split_part(asset.original_name, '.', -1)) END, '{formats.UNKNOWN_MIME}')",
)
_ISO: LiteralString = """'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"""


def _plain(value: LiteralString) -> Value:
    """A string that is always there and holds nothing that JSON escapes: an id, a word of ours, base64."""
    return "'\"'", value, "'\"'"


def _maybe_plain(value: LiteralString) -> Value:
    return ("COALESCE('\"' || " + value + " || '\"', 'null')",)


def _words(value: LiteralString) -> Value:
    """What people or cameras wrote; perhaps null."""
    return ("COALESCE(to_json(" + value + "), 'null')",)


def _number(value: LiteralString) -> Value:
    """A number; perhaps null."""
    return ("COALESCE(" + value + "::text, 'null')",)


def _flag(condition: LiteralString) -> Value:
    """Never null: unknown is false."""
    return ("CASE WHEN " + condition + " THEN 'true' ELSE 'false' END",)


def _always(text: LiteralString) -> Value:
    return ("'" + text + "'",)


def _instant(value: LiteralString) -> Value:
    return _plain("to_char(" + value + ", " + _ISO + ")")


def _maybe_instant(value: LiteralString) -> Value:
    return _maybe_plain("to_char(" + value + ", " + _ISO + ")")


def _object(*fields: Field) -> Value:
    """An object: its keys and values, which are JSON text and never null (`concat` would drop a null)."""
    pieces: list[LiteralString] = []
    lead: LiteralString = "{"
    for key, value in fields:
        pieces.append("'" + lead + '"' + key + "\":'")
        pieces.extend(value)
        lead = ","
    return (*pieces, "'}'")


def _joined(value: Value) -> list[LiteralString]:
    """Constants side by side become one."""
    joined: list[LiteralString] = []
    was_constant = False
    for piece in value:
        is_constant = piece.startswith("'") and piece.endswith("'") and piece.count("'") == 2
        if is_constant and was_constant:
            joined[-1] = joined[-1].removesuffix("'") + piece.removeprefix("'")
        else:
            joined.append(piece)
        was_constant = is_constant
    return joined


def json_object(*fields: Field) -> LiteralString:
    """Text of a JSON object, as one expression."""
    pieces = _joined(_object(*fields))
    # A function takes at most a hundred arguments.
    parts: list[LiteralString] = ["concat(" + ", ".join(pieces[n : n + 96]) + ")" for n in range(0, len(pieces), 96)]
    return parts[0] if len(parts) == 1 else "concat(" + ", ".join(parts) + ")"


_ASSET: tuple[Field, ...] = (
    ("id", _plain("asset.id")),
    ("createdAt", _instant("asset.created_at")),
    ("ownerId", _plain("asset.owner_id")),
    ("libraryId", _maybe_plain("asset.library_id")),
    ("type", _plain("asset.type")),
    ("originalPath", _words(":media_root::text || asset.original_key")),
    ("originalFileName", _words("asset.original_name")),
    ("originalMimeType", _plain(_MIME)),
    ("thumbhash", _maybe_plain("encode(asset.thumbhash, 'base64')")),
    ("fileCreatedAt", _instant("asset.taken_at")),
    ("fileModifiedAt", _instant("asset.file_modified_at")),
    ("localDateTime", _instant("asset.local_taken")),
    ("updatedAt", _instant("asset.updated_at")),
    ("isFavorite", _flag("asset.is_favorite AND asset.owner_id = :viewer::uuid")),
    ("isArchived", _flag("asset.visibility = 'archive'")),
    ("isTrashed", _flag("asset.deleted_at IS NOT NULL")),
    ("isOffline", _flag("asset.is_offline")),
    ("visibility", _plain("asset.visibility")),
    ("duration", _number("asset.duration_ms")),
    ("livePhotoVideoId", _maybe_plain("asset.live_video_id")),
    ("people", _always("[]")),
    ("checksum", _plain("encode(asset.checksum, 'base64')")),
    ("hasMetadata", _always("true")),
    ("duplicateId", _maybe_plain("asset.duplicate_id")),
    ("resized", _always("true")),
    ("width", _number("asset.width")),
    ("height", _number("asset.height")),
    ("isEdited", _flag("asset.is_edited")),
)

_EXIF = _object(
    ("make", _words("asset.make")),
    ("model", _words("asset.model")),
    ("exifImageWidth", _number("asset.exif_width")),
    ("exifImageHeight", _number("asset.exif_height")),
    ("fileSizeInByte", _number("asset.size_bytes")),
    ("orientation", _words("asset.orientation")),
    (
        "dateTimeOriginal",
        _maybe_instant(
            "COALESCE(asset.date_time_original, CASE WHEN asset.metadata_at IS NULL THEN asset.taken_at END)"
        ),
    ),
    (
        "modifyDate",
        _maybe_instant(
            "COALESCE(asset.modify_date, CASE WHEN asset.metadata_at IS NULL THEN asset.file_modified_at END)"
        ),
    ),
    ("timeZone", _words("asset.time_zone")),
    ("lensModel", _words("asset.lens_model")),
    ("fNumber", _number("asset.f_number")),
    ("focalLength", _number("asset.focal_length")),
    ("iso", _number("asset.iso")),
    ("exposureTime", _words("asset.exposure_time")),
    ("latitude", _number("asset.latitude")),
    ("longitude", _number("asset.longitude")),
    ("city", _words("asset.city")),
    ("state", _words("asset.state")),
    ("country", _words("asset.country")),
    ("description", _words("asset.description")),
    ("projectionType", _words("asset.projection_type")),
    ("rating", _number("asset.rating")),
)

_TAGS_JSON: LiteralString = (
    """(
        SELECT COALESCE(json_agg(json_strip_nulls(json_build_object(
                   'id', tag.id,
                   'name', substring(tag.value FROM '[^/]*$'),
                   'value', tag.value,
                   'color', tag.color,
                   'parentId', tag.parent_id,
                   'createdAt', to_char(tag.created_at, """
    + _ISO
    + """),
                   'updatedAt', to_char(tag.updated_at, """
    + _ISO
    + """)
               )) ORDER BY tag.value)::text, '[]')
          FROM tag_asset
          JOIN tag ON tag.id = tag_asset.tag_id
         WHERE tag_asset.asset_id = asset.id
    )"""
)

_STACK_JSON: LiteralString = """COALESCE((
        SELECT json_build_object(
                   'id', stack.id,
                   'primaryAssetId', stack.primary_asset_id,
                   'assetCount', (
                       SELECT count(*)
                         FROM asset AS member
                        WHERE member.stack_id = stack.id
                          AND (member.id = stack.primary_asset_id
                               OR (member.visibility = 'timeline' AND member.deleted_at IS NULL))
                   )
               )
          FROM stack
         WHERE stack.id = asset.stack_id
    )::text, 'null')"""

_OWNER_JSON: LiteralString = (
    """(
        SELECT json_build_object(
                   'id', users.id,
                   'email', users.email,
                   'name', users.name,
                   'profileImagePath', CASE users.profile_path
                       WHEN '' THEN ''
                       ELSE :data_root::text || users.profile_path
                   END,
                   'avatarColor', """
    + AVATAR_COLOR
    + """,
                   'profileChangedAt', to_char(users.profile_changed_at, """
    + _ISO
    + """)
               )::text
          FROM users
         WHERE users.id = asset.owner_id
    )"""
)

# Each person of a visible face once, hidden ones too. For the owner alone: people are nobody else's business.
_PEOPLE_JSON: LiteralString = """CASE WHEN asset.owner_id <> :viewer::uuid THEN '[]' ELSE COALESCE((
        SELECT json_agg(json_build_object(
                   'id', person.id,
                   'name', person.name,
                   'birthDate', person.birth_date,
                   'thumbnailPath', CASE WHEN person.portrait_face_id IS NULL OR person.portrait_path = '' THEN ''
                                         ELSE :data_root::text || person.portrait_path END,
                   'isHidden', person.is_hidden,
                   'isFavorite', person.is_favorite,
                   'updatedAt', person.updated_at)::jsonb
                   || CASE WHEN person.color IS NULL THEN '{}'::jsonb
                           ELSE jsonb_build_object('color', person.color) END
                   ORDER BY seen.x1, person.id)::text
          FROM (SELECT face.person_id, min(face.x1) AS x1
                  FROM face
                 WHERE face.asset_id = asset.id AND face.is_visible AND face.deleted_at IS NULL
                 GROUP BY face.person_id) AS seen
          JOIN person ON person.id = seen.person_id
    ), '[]') END"""


def _with_people(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The same fields with who is in the picture. Needs `:data_root` too."""
    return tuple((key, (_PEOPLE_JSON,) if key == "people" else value) for key, value in fields)


ASSET_JSON = json_object(*_ASSET)
"""An asset in a list, as text: neither owner, exifInfo, tags nor stack."""

ASSET_EXIF_JSON = json_object(*_ASSET, ("exifInfo", _EXIF))
"""The same with exifInfo: an updated asset, or a list that asked for it."""

ASSET_PEOPLE_JSON = json_object(*_with_people(_ASSET))
ASSET_EXIF_PEOPLE_JSON = json_object(*_with_people(_ASSET), ("exifInfo", _EXIF))
"""Both with people, for lists that asked for them. They need `:data_root` too: what stands before portraits' paths."""

ASSET_TAGS_JSON = json_object(*_ASSET, ("exifInfo", _EXIF), ("tags", (_TAGS_JSON,)))
"""With exifInfo and tags: stacks, duplicates, explore."""

_FOR_LINK: tuple[Field, ...] = (*_ASSET, ("exifInfo", _EXIF), ("tags", (_TAGS_JSON,)), ("stack", (_STACK_JSON,)))
_LINK_JSON = json_object(*_FOR_LINK)
_INFO_JSON = json_object(*_with_people(_FOR_LINK), ("owner", (_OWNER_JSON,)))

SANITISED_JSON = json_object(
    ("id", _plain("asset.id")),
    ("type", _plain("asset.type")),
    ("originalMimeType", _plain(_MIME)),
    ("thumbhash", _maybe_plain("encode(asset.thumbhash, 'base64')")),
    ("localDateTime", _instant("asset.local_taken")),
    ("duration", _number("asset.duration_ms")),
    ("livePhotoVideoId", _maybe_plain("asset.live_video_id")),
    ("hasMetadata", _always("false")),
    ("width", _number("asset.width")),
    ("height", _number("asset.height")),
)
"""What a shared link shows that keeps its metadata to itself. Needs no arguments."""

INFO_OF_OWNER = sql(
    "SELECT "
    + _INFO_JSON
    + """::text
      FROM asset
     WHERE asset.id = :id
       AND asset.owner_id = :viewer
       AND (asset.visibility <> 'locked' OR :is_elevated::boolean)
       AND (asset.visibility <> 'hidden' OR :is_elevated::boolean OR NOT EXISTS (
            SELECT FROM asset AS still WHERE still.live_video_id = asset.id AND still.visibility = 'locked'))
"""
)
INFO = sql("SELECT " + _INFO_JSON + "::text FROM asset WHERE asset.id = :id")
INFO_FOR_LINK = sql("SELECT " + _LINK_JSON + "::text FROM asset WHERE asset.id = :id")
INFO_SANITISED = sql("SELECT " + SANITISED_JSON + "::text FROM asset WHERE asset.id = :id")
UPDATED = sql("SELECT " + ASSET_EXIF_PEOPLE_JSON + "::text FROM asset WHERE asset.id = :id")


@dataclass(frozen=True, slots=True)
class Roots:
    """What stands before paths: of originals, and of what lies in the data folder."""

    media: str
    data: str


def roots(world: World) -> Roots:
    """The roots of this installation."""
    return Roots(media_root(world.files), f"{world.config.data}/")


async def info_of_owner(look: Look, id: AssetId, viewer: UserId, roots: Roots, *, is_elevated: bool) -> str | None:
    """JSON of an asset that the viewer owns and may see now; gate and answer in one statement."""
    return await look.value(
        INFO_OF_OWNER, id=id, viewer=viewer, media_root=roots.media, data_root=roots.data, is_elevated=is_elevated
    )


async def info(look: Look, id: AssetId, viewer: UserId, roots: Roots) -> str | None:
    """JSON of any asset; the gate was asked before."""
    return await look.value(INFO, id=id, viewer=viewer, media_root=roots.media, data_root=roots.data)


async def info_for_link(look: Look, id: AssetId, viewer: UserId, root: str, *, show_metadata: bool) -> str | None:
    """JSON of an asset for a stranger with a link. `viewer`: the link's creator."""
    if not show_metadata:
        return await look.value(INFO_SANITISED, id=id)
    return await look.value(INFO_FOR_LINK, id=id, viewer=viewer, media_root=root)


async def updated(look: Look, id: AssetId, viewer: UserId, roots: Roots) -> str | None:
    """JSON of an asset after a change: with exifInfo and people, without owner, tags and stack."""
    return await look.value(UPDATED, id=id, viewer=viewer, media_root=roots.media, data_root=roots.data)


# Upload -------------------------------------------------------------------------------------------------------------

BEFORE_UPLOAD = sql("""
    SELECT users.quota_bytes, users.usage_bytes, existing.id AS existing_id, video.id AS video_id,
           video.owner_id AS video_owner_id, video.type AS video_type, video.visibility AS video_visibility
      FROM users
      LEFT JOIN asset AS existing
        ON existing.owner_id = users.id
       AND existing.checksum = :checksum
       AND existing.library_id IS NULL
       AND existing.status <> 'deleted'
      LEFT JOIN asset AS video ON video.id = :live_video_id::uuid
     WHERE users.id = :owner_id
""")

EXISTING = sql("""
    SELECT id
      FROM asset
     WHERE owner_id = :owner_id
       AND checksum = :checksum
       AND library_id IS NULL
       AND status <> 'deleted'
""")

EXISTS = sql("SELECT EXISTS (SELECT FROM asset WHERE id = :id)")

INSERT = sql("""
    INSERT INTO asset (id, owner_id, type, visibility, is_favorite, is_motion_part, original_key, original_name,
                       sidecar_key, checksum, proof, size_bytes, taken_at, local_taken, file_modified_at,
                       uploaded_taken_at, duration_ms, live_video_id)
    VALUES (:id, :owner_id, :kind, :visibility, :is_favorite, :is_motion_part, :original_key, :original_name,
            :sidecar_key, :checksum, :proof, :size_bytes, :taken_at, :local_taken, :file_modified_at,
            :taken_at, :duration_ms, :live_video_id)
    ON CONFLICT (owner_id, checksum) WHERE library_id IS NULL AND status <> 'deleted' DO NOTHING
    RETURNING id
""")

HIDE_LIVE_VIDEO = sql("""
    UPDATE asset
       SET visibility = 'hidden'
     WHERE id = :id
       AND visibility = 'timeline'
    RETURNING id
""")


@dataclass(frozen=True, slots=True)
class BeforeUpload:
    """What decides about a file that has arrived."""

    quota_bytes: int | None
    usage_bytes: int
    existing_id: AssetId | None
    live_video: LiveVideo | None


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to insert. `taken_at` and `file_modified_at` as the uploader says; `local_taken` naive."""

    id: AssetId
    owner_id: UserId
    kind: str
    visibility: str
    is_favorite: bool
    original_key: str
    original_name: str
    sidecar_key: str | None
    checksum: bytes
    proof: bytes
    size_bytes: int
    taken_at: datetime
    local_taken: datetime
    file_modified_at: datetime
    duration_ms: int | None
    live_video_id: AssetId | None
    is_motion_part: bool = False


async def before_upload(look: Look, owner: UserId, checksum: bytes, live_video: AssetId | None) -> BeforeUpload | None:
    """`None` when there is no such user any more."""
    row = await look.one(BEFORE_UPLOAD, owner_id=owner, checksum=checksum, live_video_id=live_video)
    if row is None:
        return None
    video = None
    if row["video_id"] is not None:
        video = LiveVideo(row["video_id"], row["video_owner_id"], row["video_type"], row["video_visibility"])
    return BeforeUpload(row["quota_bytes"], row["usage_bytes"], row["existing_id"], video)


async def existing(look: Look, owner: UserId, checksum: bytes) -> AssetId | None:
    """The uploaded asset with these bytes, trashed ones included."""
    return await look.value(EXISTING, owner_id=owner, checksum=checksum)


async def exists(look: Look, id: AssetId) -> bool:
    """Whether there is a row of this id."""
    return await look.value(EXISTS, id=id)


async def insert(tx: Tx, row: NewRow) -> bool:
    """False when another upload of the same bytes was first; waits for one that is under way."""
    made = await tx.value(
        INSERT,
        id=row.id,
        owner_id=row.owner_id,
        kind=row.kind,
        visibility=row.visibility,
        is_favorite=row.is_favorite,
        is_motion_part=row.is_motion_part,
        original_key=row.original_key,
        original_name=row.original_name,
        sidecar_key=row.sidecar_key,
        checksum=row.checksum,
        proof=row.proof,
        size_bytes=row.size_bytes,
        taken_at=row.taken_at,
        local_taken=row.local_taken,
        file_modified_at=row.file_modified_at,
        duration_ms=row.duration_ms,
        live_video_id=row.live_video_id,
    )
    return made is not None


async def hide_live_video(tx: Tx, id: AssetId) -> bool:
    """Whether the video was on the timeline until now."""
    return await tx.value(HIDE_LIVE_VIDEO, id=id) is not None


CHECK_MANY = sql("""
    SELECT checksum, id, deleted_at IS NOT NULL AS is_trashed
      FROM asset
     WHERE owner_id = :owner_id
       AND checksum = ANY(:checksums::bytea[])
       AND status <> 'deleted'
""")


async def by_checksums(look: Look, owner: UserId, checksums: Sequence[bytes]) -> dict[bytes, tuple[AssetId, bool]]:
    """Which of the checksums the owner already has: id, and whether it lies in the trash."""
    rows = await look.all(CHECK_MANY, owner_id=owner, checksums=checksums)
    return {row["checksum"]: (row["id"], row["is_trashed"]) for row in rows}


# Reading ------------------------------------------------------------------------------------------------------------


async def statistics(
    look: Look, owner: UserId, *, visibility: str | None, is_favorite: bool | None, is_trashed: bool
) -> tuple[int, int, int]:
    """How many images, videos, and assets of any kind."""
    where = Where()
    where.add("owner_id = :owner_id", owner_id=owner)
    if visibility is None:
        where.add("visibility IN ('archive', 'timeline')")
    else:
        where.add("visibility = :visibility::asset_visibility", visibility=visibility)
    if is_favorite is not None:
        where.add("is_favorite = :is_favorite", is_favorite=is_favorite)
    if is_trashed:
        where.add("status = 'trashed'")
    else:
        where.add("deleted_at IS NULL")
    statement = where.into("""
        SELECT count(*) FILTER (WHERE type = 'IMAGE') AS images,
               count(*) FILTER (WHERE type = 'VIDEO') AS videos,
               count(*) AS total
          FROM asset
         WHERE {where}
    """)
    row = await look.one(statement, **where.arguments)
    assert row is not None
    return row["images"], row["videos"], row["total"]


# Changing -----------------------------------------------------------------------------------------------------------

CHANGE = sql("""
    UPDATE asset
       SET is_favorite = COALESCE(:is_favorite::boolean, is_favorite),
           visibility = COALESCE(:visibility::asset_visibility, visibility),
           description = COALESCE(:description::text, description),
           rating = CASE WHEN :sets_rating::boolean THEN :rating::smallint ELSE rating END,
           latitude = COALESCE(:latitude::float8, latitude),
           longitude = COALESCE(:longitude::float8, longitude),
           date_time_original = CASE
               WHEN :taken::timestamptz IS NOT NULL THEN :taken::timestamptz
               WHEN :shift_minutes::bigint IS NULL THEN date_time_original
               -- Years that neither Python nor clients can write would make the row unreadable.
               ELSE LEAST(GREATEST(COALESCE(date_time_original, taken_at) + :shift_minutes::bigint * interval '1 minute',
                                   timestamptz '0001-01-03 00:00+00'), timestamptz '9999-12-29 00:00+00')
           END,
           time_zone = COALESCE(:time_zone::text, time_zone),
           duplicate_id = CASE WHEN :sets_duplicate::boolean THEN :duplicate_id::uuid ELSE duplicate_id END,
           locked_fields = ARRAY(SELECT DISTINCT unnest(locked_fields || :locked::text[]) ORDER BY 1)
     WHERE id = ANY(:ids::uuid[])
""")


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change; `None` leaves a value alone, `sets_…` says that null is meant."""

    is_favorite: bool | None = None
    visibility: str | None = None
    description: str | None = None
    sets_rating: bool = False
    rating: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    taken: datetime | None = None
    shift_minutes: int | None = None
    time_zone: str | None = None
    sets_duplicate: bool = False
    duplicate_id: UUID | None = None
    locked: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return self == Change()


async def change(tx: Tx, ids: Sequence[AssetId], new: Change) -> int:
    """How many rows were changed."""
    return await tx.run(
        CHANGE,
        ids=ids,
        is_favorite=new.is_favorite,
        visibility=new.visibility,
        description=new.description,
        sets_rating=new.sets_rating,
        rating=new.rating,
        latitude=new.latitude,
        longitude=new.longitude,
        taken=new.taken,
        shift_minutes=new.shift_minutes,
        time_zone=new.time_zone,
        sets_duplicate=new.sets_duplicate,
        duplicate_id=new.duplicate_id,
        locked=new.locked,
    )


LIVE_VIDEO = sql("""
    SELECT id, owner_id, type, visibility
      FROM asset
     WHERE id = :id
""")

LIVE_LINK = sql("""
    SELECT photo.live_video_id, photo.visibility, video.is_motion_part
      FROM asset AS photo
      LEFT JOIN asset AS video ON video.id = photo.live_video_id
     WHERE photo.id = :id
""")

LINK_LIVE_VIDEO = sql("""
    UPDATE asset
       SET live_video_id = :video_id
     WHERE id = :id
""")

SHOW_VIDEO = sql("""
    UPDATE asset
       SET visibility = :visibility::asset_visibility
     WHERE id = :id
       AND visibility = 'hidden'
""")


async def live_video(look: Look, id: AssetId) -> LiveVideo | None:
    """What decides whether it may become the moving part of a photo."""
    row = await look.one(LIVE_VIDEO, id=id)
    return LiveVideo(row["id"], row["owner_id"], row["type"], row["visibility"]) if row else None


async def live_link(look: Look, id: AssetId) -> Row | None:
    """live_video_id, visibility and is_motion_part (of the video) of a photo."""
    return await look.one(LIVE_LINK, id=id)


async def link_live_video(tx: Tx, id: AssetId, video: AssetId | None) -> None:
    """Give a photo its moving part, or take it away."""
    await tx.run(LINK_LIVE_VIDEO, id=id, video_id=video)


async def show_video(tx: Tx, id: AssetId, visibility: str) -> None:
    """A video that is no moving part any more shows where its photo shows."""
    await tx.run(SHOW_VIDEO, id=id, visibility=visibility)


# Copying ------------------------------------------------------------------------------------------------------------

FOR_COPY = sql("""
    SELECT id, owner_id, is_favorite, stack_id, sidecar_key, original_key
      FROM asset
     WHERE id = ANY(:ids::uuid[])
       FOR UPDATE
""")

SET_FAVOURITE = sql("UPDATE asset SET is_favorite = :is_favorite WHERE id = :id")

JOIN_STACK = sql("""
    UPDATE asset
       SET stack_id = :stack_id,
           is_stacked_away = TRUE
     WHERE id = :id
        OR (:other_stack_id::uuid IS NOT NULL AND stack_id = :other_stack_id::uuid)
""")

DROP_STACK = sql("DELETE FROM stack WHERE id = :id")

SET_SIDECAR = sql("UPDATE asset SET sidecar_key = :key WHERE id = :id")


async def pair_for_copy(tx: Tx, source: AssetId, target: AssetId) -> dict[AssetId, Row]:
    """Both rows by id, locked until the unit of work ends."""
    return {row["id"]: row for row in await tx.all(FOR_COPY, ids=sorted([source, target]))}


async def set_favourite(tx: Tx, id: AssetId, *, is_favorite: bool) -> None:
    """Mark or unmark."""
    await tx.run(SET_FAVOURITE, id=id, is_favorite=is_favorite)


async def join_stack(tx: Tx, id: AssetId, stack: UUID, *, other: UUID | None) -> None:
    """Put an asset, and everything of the stack it was in, behind the face of `stack`."""
    await tx.run(JOIN_STACK, id=id, stack_id=stack, other_stack_id=other)
    if other is not None:
        await tx.run(DROP_STACK, id=other)


async def set_sidecar(tx: Tx, id: AssetId, key: str | None) -> None:
    """Where the XMP of an asset is."""
    await tx.run(SET_SIDECAR, id=id, key=key)


SIDECAR = sql("SELECT sidecar_key, original_key FROM asset WHERE id = :id")


async def sidecar(look: Look, id: AssetId) -> tuple[str | None, str] | None:
    """Keys of the XMP and of the original."""
    row = await look.one(SIDECAR, id=id)
    return (row["sidecar_key"], row["original_key"]) if row else None


# Trash --------------------------------------------------------------------------------------------------------------

TRASH = sql("""
    UPDATE asset
       SET status = 'trashed',
           deleted_at = :now
     WHERE id = ANY(:ids::uuid[])
       AND status = 'active'
    RETURNING id, owner_id
""")

DELETE_CHOSEN = sql("""
    UPDATE asset
       SET status = 'deleted',
           deleted_at = COALESCE(deleted_at, :now)
     WHERE id = ANY(:ids::uuid[])
       AND status <> 'deleted'
    RETURNING id, owner_id
""")

RESTORE_CHOSEN = sql("""
    UPDATE asset
       SET status = 'active',
           deleted_at = NULL
     WHERE id = ANY(:ids::uuid[])
       AND status = 'trashed'
    RETURNING id, owner_id
""")

RESTORE_ALL = sql("""
    UPDATE asset
       SET status = 'active',
           deleted_at = NULL
     WHERE owner_id = :owner_id
       AND status = 'trashed'
       AND deleted_at IS NOT NULL
    RETURNING id
""")

EMPTY = sql("""
    UPDATE asset
       SET status = 'deleted'
     WHERE owner_id = :owner_id
       AND status = 'trashed'
       AND deleted_at IS NOT NULL
""")

EXPIRE = sql("""
    UPDATE asset
       SET status = 'deleted'
     WHERE status <> 'deleted'
       AND deleted_at < :before
""")

WAITING_FOR_REMOVAL = sql("""
    SELECT id
      FROM asset
     WHERE status = 'deleted'
       AND deleted_at IS NOT NULL
       AND (:after::uuid IS NULL OR id > :after::uuid)
     ORDER BY id
     LIMIT :limit
""")


async def trash(tx: Tx, ids: Sequence[AssetId], now: datetime) -> list[Row]:
    """id and owner_id of those newly thrown away; those already in the trash stay as they were."""
    return await tx.all(TRASH, ids=ids, now=now)


async def mark_deleted(tx: Tx, ids: Sequence[AssetId], now: datetime) -> list[Row]:
    """id and owner_id of those newly marked for removal."""
    return await tx.all(DELETE_CHOSEN, ids=ids, now=now)


async def restore(tx: Tx, ids: Sequence[AssetId]) -> list[Row]:
    """id and owner_id of those that were thrown away and are back."""
    return await tx.all(RESTORE_CHOSEN, ids=ids)


async def restore_all(tx: Tx, owner: UserId) -> list[AssetId]:
    """Everything its owner had thrown away."""
    return [row["id"] for row in await tx.all(RESTORE_ALL, owner_id=owner)]


async def empty(tx: Tx, owner: UserId) -> int:
    """Mark the whole trash of an owner for removal; how many."""
    return await tx.run(EMPTY, owner_id=owner)


async def expire(tx: Tx, before: datetime) -> int:
    """Mark for removal what was thrown away before this instant; how many."""
    return await tx.run(EXPIRE, before=before)


async def waiting_for_removal(look: Look, after: AssetId | None, limit: int) -> list[AssetId]:
    """Assets that are marked but still there, by id, after the given one."""
    return [row["id"] for row in await look.all(WAITING_FOR_REMOVAL, after=after, limit=limit)]


# Removal ------------------------------------------------------------------------------------------------------------

FOR_REMOVAL = sql("""
    SELECT asset.id, asset.owner_id, asset.library_id, asset.status, asset.is_offline, asset.original_key,
           asset.sidecar_key, asset.size_bytes, asset.live_video_id, asset.stack_id,
           stack.id IS NOT NULL AS leads_stack
      FROM asset
      LEFT JOIN stack ON stack.primary_asset_id = asset.id
     WHERE asset.id = :id
       FOR UPDATE OF asset
""")

MADE_FROM = sql("SELECT path FROM asset_file WHERE asset_id = :id")

OTHERS_WITH_VIDEO = sql("SELECT EXISTS (SELECT FROM asset WHERE live_video_id = :video_id AND id <> :id)")

NEXT_FACES = sql("""
    SELECT id
      FROM asset
     WHERE stack_id = :stack_id
       AND id <> :id
     ORDER BY taken_at, id
     LIMIT 2
""")

LEAD_STACK = sql("UPDATE stack SET primary_asset_id = :asset_id WHERE id = :stack_id")

UNSTACK = sql("""
    UPDATE asset
       SET stack_id = NULL,
           is_stacked_away = FALSE
     WHERE stack_id = :stack_id
""")

SHOW_FACE = sql("UPDATE asset SET is_stacked_away = FALSE WHERE id = :id")

REMOVE = sql("DELETE FROM asset WHERE id = :id")

REMOVE_SOME_OF = sql("""
    DELETE FROM asset
     WHERE id = ANY(ARRAY(SELECT id FROM asset WHERE owner_id = :owner_id LIMIT :limit))
""")

# The index on folded keys finds the few candidates; a sidecar lies beside its original (`paths.sidecar_key`).
KEYS_IN_USE = sql("""
    SELECT wanted.key
      FROM unnest(:keys::text[]) AS wanted(key)
     WHERE EXISTS (SELECT
                     FROM asset
                    WHERE fold(asset.original_key) IN (fold(wanted.key), fold(regexp_replace(wanted.key, '[.]xmp$', '')))
                      AND (asset.original_key = wanted.key OR asset.sidecar_key = wanted.key))
""")


async def for_removal(tx: Tx, id: AssetId) -> Row | None:
    """The row, locked: status, keys, size, moving part, and whether it leads a stack."""
    return await tx.one(FOR_REMOVAL, id=id)


async def made_from(look: Look, id: AssetId) -> list[str]:
    """Paths, relative to the data folder, of what was made from an asset."""
    return [row["path"] for row in await look.all(MADE_FROM, id=id)]


async def is_video_shared(look: Look, video: AssetId, id: AssetId) -> bool:
    """Whether another photo than `id` has the video as its moving part."""
    return await look.value(OTHERS_WITH_VIDEO, video_id=video, id=id)


async def leave_stack(tx: Tx, id: AssetId, stack: UUID) -> None:
    """The first shot of a stack goes: the next one shows for it, or the stack is dissolved when only one is left."""
    faces = [row["id"] for row in await tx.all(NEXT_FACES, stack_id=stack, id=id)]
    if len(faces) >= 2:
        await tx.run(LEAD_STACK, stack_id=stack, asset_id=faces[0])
        await tx.run(SHOW_FACE, id=faces[0])
    else:
        await tx.run(UNSTACK, stack_id=stack)
        await tx.run(DROP_STACK, id=stack)


async def keys_in_use(look: Look, keys: list[str]) -> set[str]:
    """Those of the keys that are an asset's original or sidecar."""
    return {row["key"] for row in await look.all(KEYS_IN_USE, keys=keys)}


async def remove(tx: Tx, id: AssetId) -> None:
    """The row and all that hangs on it."""
    await tx.run(REMOVE, id=id)


async def remove_some_of(tx: Tx, owner: UserId, limit: int) -> int:
    """Rows of an owner in no order, whatever their state; how many."""
    return await tx.run(REMOVE_SOME_OF, owner_id=owner, limit=limit)


# Bytes --------------------------------------------------------------------------------------------------------------

THUMBNAIL_OF_OWNER = sql("""
    SELECT asset.original_name, asset.type, file.path
      FROM asset
      LEFT JOIN asset_file AS file
        ON file.asset_id = asset.id
       AND file.type = :size
       AND file.is_edited = (:edited AND asset.is_edited)
     WHERE asset.id = :id
       AND asset.owner_id = :viewer
       AND (asset.visibility <> 'locked' OR :is_elevated)
       AND (asset.visibility <> 'hidden' OR :is_elevated OR NOT EXISTS (
            SELECT FROM asset AS still WHERE still.live_video_id = asset.id AND still.visibility = 'locked'))
""")

THUMBNAIL = sql("""
    SELECT asset.original_name, asset.type, file.path
      FROM asset
      LEFT JOIN asset_file AS file
        ON file.asset_id = asset.id
       AND file.type = :size
       AND file.is_edited = (:edited AND asset.is_edited)
     WHERE asset.id = :id
""")

ORIGINAL = sql("""
    SELECT asset.original_name, asset.original_key, asset.type, asset.is_edited, edited.path AS edited_path,
           encoded.path AS encoded_path
      FROM asset
      LEFT JOIN asset_file AS edited
        ON edited.asset_id = asset.id
       AND edited.type = 'fullsize'
       AND edited.is_edited
      LEFT JOIN asset_file AS encoded
        ON encoded.asset_id = asset.id
       AND encoded.type = 'encoded_video'
     WHERE asset.id = :id
""")


async def thumbnail_of_owner(
    look: Look, id: AssetId, viewer: UserId, size: str, *, edited: bool, is_elevated: bool
) -> Row | None:
    """original_name, type and path (null while there is none) for the owner; gate and answer in one statement."""
    return await look.one(THUMBNAIL_OF_OWNER, id=id, viewer=viewer, size=size, edited=edited, is_elevated=is_elevated)


async def thumbnail(look: Look, id: AssetId, size: str, *, edited: bool) -> Row | None:
    """The same for anybody; the gate was asked before."""
    return await look.one(THUMBNAIL, id=id, size=size, edited=edited)


async def original(look: Look, id: AssetId) -> Row | None:
    """original_name, original_key, type, is_edited, edited_path, encoded_path; the gate was asked before."""
    return await look.one(ORIGINAL, id=id)


# Downloads ----------------------------------------------------------------------------------------------------------

_DOWNLOAD: LiteralString = """
    SELECT asset.id, asset.size_bytes, asset.live_video_id
      FROM asset
"""
DOWNLOAD_CHOSEN = sql(
    _DOWNLOAD
    + """
     WHERE asset.id = ANY(:ids::uuid[])
       AND asset.deleted_at IS NULL
     ORDER BY asset.taken_at, asset.id
"""
)
DOWNLOAD_ALBUM = sql(
    _DOWNLOAD
    + """
      JOIN album_asset ON album_asset.asset_id = asset.id
     WHERE album_asset.album_id = :album_id
       AND asset.deleted_at IS NULL
       AND asset.visibility <> 'locked'
     ORDER BY asset.taken_at, asset.id
"""
)
DOWNLOAD_USER = sql(
    _DOWNLOAD
    + """
     WHERE asset.owner_id = :owner_id
       AND asset.deleted_at IS NULL
       AND asset.visibility <> 'hidden'
       AND (asset.visibility <> 'locked' OR :is_elevated::boolean)
     ORDER BY asset.taken_at, asset.id
"""
)
LIVE_VIDEOS = sql("""
    SELECT id, size_bytes, is_motion_part
      FROM asset
     WHERE id = ANY(:ids::uuid[])
     ORDER BY taken_at, id
""")
FOR_ARCHIVE = sql("""
    SELECT asset.id, asset.original_name, asset.original_key, asset.size_bytes, asset.file_modified_at,
           edited.path AS edited_path
      FROM asset
      LEFT JOIN asset_file AS edited
        ON edited.asset_id = asset.id
       AND edited.type = 'fullsize'
       AND edited.is_edited
       AND asset.is_edited
     WHERE asset.id = ANY(:ids::uuid[])
     ORDER BY asset.taken_at, asset.id
""")


WANTS_EMBEDDED = sql("""
    SELECT COALESCE((value -> 'download' ->> 'includeEmbeddedVideos')::boolean, FALSE)
      FROM user_metadata
     WHERE user_id = :user_id
       AND key = 'preferences'
""")


async def wants_embedded_videos(look: Look, viewer: UserId) -> bool:
    """Whether somebody's downloads include the videos that were cut out of their motion photos."""
    return bool(await look.value(WANTS_EMBEDDED, user_id=viewer))


async def chosen_sizes(look: Look, ids: Sequence[AssetId]) -> list[Row]:
    """id, size_bytes, live_video_id of the assets that are not in the trash, oldest first."""
    return await look.all(DOWNLOAD_CHOSEN, ids=ids)


async def album_sizes(look: Look, album: UUID) -> list[Row]:
    """The same for an album."""
    return await look.all(DOWNLOAD_ALBUM, album_id=album)


async def user_sizes(look: Look, owner: UserId, *, is_elevated: bool) -> list[Row]:
    """The same for everything of an owner that is not hidden."""
    return await look.all(DOWNLOAD_USER, owner_id=owner, is_elevated=is_elevated)


async def live_video_sizes(look: Look, ids: Sequence[AssetId]) -> list[Row]:
    """id, size_bytes, is_motion_part of moving parts."""
    return await look.all(LIVE_VIDEOS, ids=ids)


async def for_archive(look: Look, ids: Sequence[AssetId]) -> list[Row]:
    """What an archive needs of each asset, oldest first."""
    return await look.all(FOR_ARCHIVE, ids=ids)


# Notes --------------------------------------------------------------------------------------------------------------

NOTES = sql("""
    SELECT key, value, updated_at
      FROM asset_metadata
     WHERE asset_id = :asset_id
     ORDER BY key
""")

NOTE = sql("""
    SELECT key, value, updated_at
      FROM asset_metadata
     WHERE asset_id = :asset_id
       AND key = :key
""")

WRITE_NOTES = sql("""
    INSERT INTO asset_metadata (asset_id, key, value)
    SELECT asset_id, key, value
      FROM unnest(:asset_ids::uuid[], :keys::text[], :values::jsonb[]) AS item (asset_id, key, value)
    ON CONFLICT (asset_id, key) DO UPDATE
       SET value = excluded.value
    RETURNING asset_id, key, value, updated_at
""")

DROP_NOTES = sql("""
    DELETE FROM asset_metadata
     USING unnest(:asset_ids::uuid[], :keys::text[]) AS item (asset_id, key)
     WHERE asset_metadata.asset_id = item.asset_id
       AND asset_metadata.key = item.key
""")


async def notes(look: Look, id: AssetId) -> list[Row]:
    """key, value, updated_at of every note on an asset."""
    return await look.all(NOTES, asset_id=id)


async def note(look: Look, id: AssetId, key: str) -> Row | None:
    """One note."""
    return await look.one(NOTE, asset_id=id, key=key)


async def write_notes(tx: Tx, items: Sequence[Note]) -> list[Row]:
    """asset_id, key, value, updated_at of each as it now stands, in the order given."""
    if not items:
        return []
    values: list[dict[str, Any]] = [item.value for item in items]
    rows = await tx.all(WRITE_NOTES, asset_ids=[i.asset_id for i in items], keys=[i.key for i in items], values=values)
    by_place = {(row["asset_id"], row["key"]): row for row in rows}
    return [by_place[item.asset_id, item.key] for item in items]


async def drop_notes(tx: Tx, places: Sequence[tuple[AssetId, str]]) -> None:
    """Remove notes; those that are not there are no error."""
    await tx.run(DROP_NOTES, asset_ids=[id for id, _ in places], keys=[key for _, key in places])
