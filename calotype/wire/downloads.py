"""Shapes of downloads."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from calotype.wire.base import Int, Maybe, Uuid4, Wire


class DownloadInfo(Wire):
    """What is to be downloaded: chosen assets, else an album, else everything of a person."""

    asset_ids: Maybe[list[Uuid4]] = None
    album_id: Maybe[Uuid4] = None
    user_id: Maybe[Uuid4] = None
    archive_size: Maybe[Annotated[Int, Field(ge=1)]] = None


class ArchivePlan(Wire):
    """One archive."""

    size: int
    asset_ids: list[UUID]


class DownloadPlan(Wire):
    """How a download is split. Sizes in bytes."""

    total_size: int
    archives: list[ArchivePlan]


class DownloadArchive(Wire):
    """What goes into one archive. `archive_name` has no extension."""

    asset_ids: list[Uuid4]
    edited: Maybe[bool] = None
    archive_name: Maybe[str] = None
