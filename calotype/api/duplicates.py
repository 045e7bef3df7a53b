"""Look-alikes: 4 operations, and 2 of our own to take a decision back."""

from pydantic_core import to_json

from calotype.albums import membership
from calotype.api.call import Reading, Writing
from calotype.api.op import Door
from calotype.assets import merge
from calotype.assets.store import media_root
from calotype.duplicates import resolve
from calotype.duplicates.resolve import Group, Wish
from calotype.settings import current
from calotype.wire import duplicates as wire
from calotype.wire.base import Uuid4

duplicates = Door("Duplicates")

LISTED_DECISIONS = 500


@duplicates.get("/duplicates", may="duplicate.read", shape=list[wire.Duplicates])
async def get_asset_duplicates(ask: Reading) -> bytes:
    """Every group of the caller's, and why it is one."""
    owner = ask.caller.user_id
    async with ask.world.looking() as look:  # groups and their pairs as of one moment
        groups, lonely = await resolve.groups(look, owner, media_root(ask.world.files))
    if lonely:
        async with ask.world.writing() as tx:
            await merge.clear_lonely(tx, owner, lonely)
    return b"[" + b",".join(_json(group) for group in groups) + b"]"


def _json(group: Group) -> bytes:
    # The assets are JSON already, made by Postgres.
    because = [
        {"assetIds": [pair.one, pair.other], "kind": pair.proof.kind, "evidence": pair.proof.evidence}
        for pair in group.pairs
    ]
    rest = {
        "duplicateId": group.listed.id,
        "suggestedKeepAssetIds": [group.listed.best],
        "kind": group.kind,
        "because": because,
    }
    return b'{"assets":' + group.listed.assets.encode() + b"," + to_json(rest)[1:]


@duplicates.delete("/duplicates", may="duplicate.delete")
async def delete_duplicates(ask: Writing, chosen: wire.Chosen) -> None:
    """Forget groups: the assets stay and are not taken for the same again."""
    await ask.require("duplicate.delete", chosen.ids)
    await resolve.forget(ask.tx, ask.caller.user_id, chosen.ids)


@duplicates.delete("/duplicates/{id}", may="duplicate.delete")
async def delete_duplicate(ask: Writing, id: Uuid4) -> None:
    """Forget one group."""
    await ask.require("duplicate.delete", [id])
    await resolve.forget(ask.tx, ask.caller.user_id, [id])


@duplicates.post("/duplicates/resolve", may="duplicate.delete", status=200)
async def resolve_duplicates(ask: Writing, wanted: wire.Wishes) -> list[wire.Outcome]:
    """Keep some, throw others away, and carry over what those knew. While the trash is on, it can be undone."""
    await ask.require("duplicate.delete", {each.duplicate_id for each in wanted.groups})
    for_good = not (await current.read(ask.world)).trash.enabled
    found: list[wire.Outcome] = []
    for each in wanted.groups:
        refusal = await resolve.resolve(
            ask.tx,
            ask.world,
            ask.caller.user_id,
            Wish(each.duplicate_id, frozenset(each.keep_asset_ids), frozenset(each.trash_asset_ids)),
            may_delete=ask.caller.holds("asset.delete"),
            for_good=for_good,
            join_albums=membership.join_albums,
        )
        if refusal is None:
            found.append(wire.Outcome(id=each.duplicate_id, success=True))
        else:
            error, sentence = refusal.reason, refusal.sentence
            found.append(wire.Outcome(id=each.duplicate_id, success=False, error=error, error_message=sentence))
    return found


@duplicates.get("/calotype/duplicates/decisions", may="duplicate.read")
async def get_duplicate_decisions(ask: Reading) -> list[wire.Decision]:
    """What was decided, the newest first, and whether it can be undone."""
    found = await resolve.decisions(ask.look, ask.caller.user_id, LISTED_DECISIONS)
    return [
        wire.Decision(
            duplicate_id=each.group,
            resolved_at=each.at,
            kept_asset_ids=list(each.kept),
            trashed_asset_ids=list(each.trashed),
            can_be_undone=each.can_be_undone,
        )
        for each in found
    ]


@duplicates.post("/calotype/duplicates/{id}/undo", may="duplicate.delete", status=200)
async def undo_duplicate_decision(ask: Writing, id: Uuid4) -> wire.Undone:
    """Take back what was decided about a group: the assets leave the trash, the kept one is as it was before."""
    back = await resolve.undo(ask.tx, ask.world, ask.caller.user_id, id, leave_albums=membership.leave_these)
    return wire.Undone(duplicate_id=id, restored_asset_ids=list(back.back), gone_asset_ids=list(back.gone))
