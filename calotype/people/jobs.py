"""Doors for the worker."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Outcome, Skip, job
from calotype.core.world import World
from calotype.outside import derivatives
from calotype.people import cluster_store, missing, person_store, portrait, recognise, regions, to_files
from calotype.settings import current

GRACE = timedelta(days=1)  # for somebody who was made by hand and gets a face later


@job("FacialRecognition", queue="facialRecognition")
async def recognise_faces(world: World, data: dict[str, Any]) -> Outcome:
    """Sort every waiting face of an owner, named by `ownerId` or by one of the faces (`id`)."""
    if "ownerId" in data:
        owner = UserId(UUID(data["ownerId"]))
    else:
        async with world.glancing() as look:
            found = await cluster_store.owner_of(look, UUID(data["id"]))
        if found is None:
            return Skip("the face is gone")
        owner = found
    if data.get("force"):
        await recognise.begin_again(world, owner)
    return await recognise.recognise(world, owner, tidy=bool(data.get("tidy") or data.get("force")))


@job("FacialRecognitionQueueAll", queue="facialRecognition")
async def recognise_all(world: World, data: dict[str, Any]) -> Outcome:
    """Sort what waits and compare everything with everything; `force`: as if the machine had never sorted a face."""
    settings = (await current.read(world)).machine_learning
    force = bool(data.get("force"))
    async with world.glancing() as look:
        if force:
            owners = set(await cluster_store.owners(look))
        else:
            model = settings.facial_recognition.model_name
            owners = {
                *await cluster_store.owners_unmerged(look),
                *await cluster_store.owners_waiting(look, model, world.clock.now()),
            }
    for owner in sorted(owners):
        if force:
            await recognise.begin_again(world, owner)
        elif settings.facial_recognition.clustering == "neighbours":
            async with world.writing() as tx:
                await cluster_store.look_again(tx, owner)
        await world.queue.put([missing.recognition(owner, tidy=True)])
    return Done() if owners else Skip("no face came since the last time")


@job("PersonCleanup", queue="backgroundTask")
async def clean_up(world: World, data: dict[str, Any]) -> Outcome:
    """Remove people nobody has a face of."""
    async with world.writing() as tx:
        count, gone = await person_store.delete_faceless(tx, world.clock.now() - GRACE)
        tx.after(lambda: derivatives.remove(world.config.data, gone))
    return Done() if count else Skip("everybody has a face")


@job("PersonGenerateThumbnail", queue="thumbnailGeneration")
async def make_portrait(world: World, data: dict[str, Any]) -> Outcome:
    """Draw the portrait of a person."""
    return await portrait.make(world, UUID(data["id"]))


@job("PeopleFromFile", queue="facialRecognition")
async def take_over_regions(world: World, data: dict[str, Any]) -> Outcome:
    """Named faces that a file carries become people."""
    return await regions.take_over(world, AssetId(UUID(data["id"])))


@job("PeopleToFiles", queue="sidecar")
async def queue_names(world: World, data: dict[str, Any]) -> Outcome:
    """Have names that changed written beside the photos, unless names stay here (`metadata.faces.import`)."""
    return await to_files.queue(world)
