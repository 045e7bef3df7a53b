"""The published storage layout."""

from pathlib import Path
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.storage import paths

ADA = UserId(UUID("11111111-2222-4333-8444-555555555555"))
PHOTO = AssetId(UUID("abcdef01-2222-4333-8444-555555555555"))
DATA = Path("/data")
FAN = f"{ADA}/ab/cd/{PHOTO}"


def test_originals_keep_the_case_of_their_extension():
    assert paths.original_key(ADA, PHOTO, ".JPG") == f"upload/{FAN}.JPG"


def test_a_sidecar_lies_beside_its_original():
    assert paths.sidecar_key("upload/a.JPG") == "upload/a.JPG.xmp"


def test_derivatives_are_named_by_asset_and_kind():
    assert paths.derivative_path(DATA, ADA, PHOTO, "thumbnail", ".webp") == Path(f"/data/thumbs/{FAN}_thumbnail.webp")
    assert paths.derivative_path(DATA, ADA, PHOTO, "preview", ".jpeg", edited=True) == Path(
        f"/data/thumbs/{FAN}_preview_edited.jpeg"
    )


def test_portraits_videos_motion_parts_and_profile_pictures_have_their_places():
    assert paths.portrait_path(DATA, ADA, PHOTO) == Path(f"/data/thumbs/{FAN}.jpeg")
    assert paths.encoded_video_path(DATA, ADA, PHOTO) == Path(f"/data/encoded-video/{FAN}.mp4")
    assert paths.motion_key(ADA, PHOTO) == f"encoded-video/{FAN}-MP.mp4"
    assert paths.profile_path(DATA, ADA, PHOTO, ".png") == Path(f"/data/profile/{ADA}/{PHOTO}.png")


def test_everything_of_a_user_is_below_the_places_that_are_cleared_with_the_user():
    keys = (paths.original_key(ADA, PHOTO, ".jpg"), paths.motion_key(ADA, PHOTO))
    assert all(key.startswith(tuple(f"{prefix}/" for prefix in paths.owner_prefixes(ADA))) for key in keys)
    local = (
        paths.derivative_path(DATA, ADA, PHOTO, "fullsize", ".jpeg"),
        paths.portrait_path(DATA, ADA, PHOTO),
        paths.encoded_video_path(DATA, ADA, PHOTO),
        paths.profile_path(DATA, ADA, PHOTO, ".png"),
    )
    assert all(any(path.is_relative_to(folder) for folder in paths.owner_folders(DATA, ADA)) for path in local)
