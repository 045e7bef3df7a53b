"""`immichpy`: its models read our answers strictly, every required name and every type of them."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from immichpy import AsyncClient
from immichpy.client.generated.exceptions import ApiException
from immichpy.client.generated.models.asset_bulk_delete_dto import AssetBulkDeleteDto
from immichpy.client.generated.models.asset_visibility import AssetVisibility
from immichpy.client.generated.models.bulk_ids_dto import BulkIdsDto
from immichpy.client.generated.models.login_credential_dto import LoginCredentialDto
from immichpy.client.generated.models.metadata_search_dto import MetadataSearchDto
from immichpy.client.generated.models.update_asset_dto import UpdateAssetDto

from calotype.api import pending
from tests.processes import Account, House, photo

# It marks operations of its own as deprecated, and calls its libraries in ways that they no longer like.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
READS = ("get", "search", "list", "ping")
# What nobody has here, and the contract answers 404 for: nothing is sold.
ABSENT = {"get_server_license", "get_user_license"}
# Only callers with a link, or with a key, may ask.
NOT_FOR_US = {"get_my_shared_link", "get_my_api_key"}


@pytest.fixture
async def immichpy(open_house: House, account: Account) -> AsyncIterator[AsyncClient]:
    client = AsyncClient(api_key=account.key, base_url=str(open_house.client.base_url))
    yield client
    await client.close()


@pytest.fixture
async def administrator(open_house: House) -> AsyncIterator[AsyncClient]:
    token = open_house.client.headers["authorization"].removeprefix("Bearer ")
    client = AsyncClient(access_token=token, base_url=str(open_house.client.base_url))
    yield client
    await client.close()


def reads(client: AsyncClient) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Every operation that reads and needs no arguments."""
    found: dict[str, Callable[[], Awaitable[Any]]] = {}
    for api in vars(client).values():
        for name, method in inspect.getmembers(api, inspect.iscoroutinefunction):
            if not name.startswith(READS) or name.endswith(("_with_http_info", "_without_preload_content")):
                continue
            parameters = inspect.signature(method).parameters.values()
            if all(each.default is not each.empty or each.kind is each.VAR_KEYWORD for each in parameters):
                found[name] = method
    return sorted(found.items())


async def test_every_answer_that_needs_no_question_parses(administrator: AsyncClient):
    pendings = {each.name.lower() for each in pending.table()}
    parsed, wrong = 0, list[str]()
    for name, read in reads(administrator):
        try:
            await read()
            parsed += 1
        except ApiException as refused:
            is_pending = refused.status == 501 and name.replace("_", "") in pendings
            is_absent = refused.status == 404 and name in ABSENT
            if not (is_pending or is_absent or name in NOT_FOR_US):
                wrong.append(f"{name}: {refused.status} {refused.body}")
    assert wrong == []
    assert parsed >= 35  # so that an empty list of operations is no success


async def test_a_walk_from_signing_in_to_the_trash(
    immichpy: AsyncClient, open_house: House, account: Account, tmp_path: Path
):
    stranger = AsyncClient(base_url=str(open_house.client.base_url))
    session = await stranger.auth.login(LoginCredentialDto(email=account.email, password=account.password))
    assert session.user_email == account.email
    await stranger.close()

    (tmp_path / "photo.jpg").write_bytes(photo(21))
    sent = await immichpy.assets.upload(tmp_path / "photo.jpg")
    assert [sent.stats.uploaded, sent.stats.failed] == [1, 0]
    again = await immichpy.assets.upload(tmp_path / "photo.jpg")
    assert [again.stats.uploaded, again.stats.rejected] == [0, 1]
    identity = UUID(str(sent.uploaded[0].asset.id))
    assert again.rejected[0].asset_id == identity

    asset = await _processed(immichpy, identity)
    assert asset.original_file_name == "photo.jpg"
    (month,) = await immichpy.timeline.get_time_buckets()
    bucket = await immichpy.timeline.get_time_bucket(time_bucket=month.time_bucket)
    assert [UUID(str(each)) for each in bucket.id] == [identity]
    page = (await immichpy.search.search_assets(MetadataSearchDto(originalFileName="photo", withExif=True))).assets
    assert [UUID(str(each.id)) for each in page.items] == [identity]

    saved = await immichpy.assets.download_asset_to_file(identity, tmp_path / "down")
    assert saved.read_bytes() == photo(21)
    assert saved.name == "photo.jpg"
    assert (await immichpy.assets.view_asset_to_file(identity, tmp_path / "down")).stat().st_size > 100

    change = UpdateAssetDto(isFavorite=True, visibility=AssetVisibility.ARCHIVE, rating=4)
    changed = await immichpy.assets.update_asset(identity, change)
    assert changed.is_favorite
    assert changed.is_archived

    await immichpy.assets.delete_assets(AssetBulkDeleteDto(ids=[identity]))
    assert (await immichpy.assets.get_asset_statistics(is_trashed=True)).total == 1
    assert (await immichpy.trash.restore_assets(BulkIdsDto(ids=[identity]))).count == 1
    await immichpy.assets.delete_assets(AssetBulkDeleteDto(ids=[identity]))
    assert (await immichpy.trash.empty_trash()).count == 1


async def _processed(client: AsyncClient, identity: UUID) -> Any:
    for _ in range(240):
        asset = await client.assets.get_asset_info(identity)
        if asset.thumbhash:
            return asset
        await asyncio.sleep(0.25)
    raise AssertionError("It was not processed within a minute.")
