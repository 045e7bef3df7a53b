"""How a photo looks, for those whose previews are older than that question.

Asked of the preview, so that an upgrade reads and decodes no originals. Only those tell whether every pixel of two photos
is the same: until they are read again, such a photo is at most taken for the same picture saved anew.
"""

from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.world import World
from calotype.media import likeness_store, previews
from calotype.media.attempt import attempt
from calotype.outside import decoders, images
from calotype.outside.decoders import Undecodable
from calotype.outside.images import Likeness


async def make_likeness(world: World, id: AssetId) -> Outcome:
    """Make what is missing. A video, and a photo whose preview is gone, has its previews made again, which does it too."""
    async with world.glancing() as look:
        row = await likeness_store.without_likeness(look, id)
    if row is None:
        return Skip("nothing is missing")
    if row["type"] == "VIDEO" or row["path"] is None:
        return await previews.make_previews(world, id, source=None)
    async with attempt(world, id, "previews", row["original_key"]):
        try:
            found = await images.look_of(decoders.pool(world.config), world.config.data / row["path"])
        except (Undecodable, FileNotFoundError):
            return await previews.make_previews(world, id, source=None)
    unknown = b"?" + id.bytes  # equal to no other's
    async with world.writing() as tx:
        await likeness_store.keep(tx, id, UserId(row["owner_id"]), Likeness(unknown, found.hash, found.tinies))
    return Done()
