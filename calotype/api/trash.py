"""The trash: 3 operations."""

from calotype.api.call import Writing
from calotype.api.op import Door
from calotype.assets import trash as verbs
from calotype.core.ids import AssetId
from calotype.wire import trash as wire

trash = Door("Trash")


@trash.post("/trash/empty", may="asset.delete", status=200)
async def empty_trash(ask: Writing) -> wire.Count:
    """Everything the caller threw away is removed for good, in the background."""
    return wire.Count(count=await verbs.empty(ask.tx, ask.caller.user_id))


@trash.post("/trash/restore", may="asset.delete", status=200)
async def restore_trash(ask: Writing) -> wire.Count:
    """Everything comes back."""
    return wire.Count(count=await verbs.restore_all(ask.tx, ask.caller.user_id))


@trash.post("/trash/restore/assets", may="asset.delete", status=200)
async def restore_assets(ask: Writing, chosen: wire.ChosenAssets) -> wire.Count:
    """The chosen come back; the count is of those chosen, in the trash or not."""
    await ask.require("asset.delete", chosen.ids)
    await verbs.restore(ask.tx, [AssetId(id) for id in chosen.ids])
    return wire.Count(count=len(chosen.ids))
