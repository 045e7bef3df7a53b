"""At start: do this database and this media folder belong together?

Both carry the installation's id and an epoch that every good start raises. A database restored from an old dump, an
older copy of the media folder, the wrong share or an empty mount point each show in these two numbers, and are refused
before anything is written. `accept` is the way out for a person who means it.
"""

from dataclasses import dataclass
from uuid import UUID

from calotype.core.errors import Invalid, Offline
from calotype.core.ids import new_id
from calotype.core.world import World
from calotype.storage import store
from calotype.storage.paths import LIBRARY, UPLOAD
from calotype.storage.root import UNREADABLE, Identity, State, compare, marker_bytes, read_marker
from calotype.storage.roots import MediaRoot, RootFiles

ACCEPT = "calotype admin accept-storage"


class WrongStorage(Invalid):
    """Database and media folder do not belong together; a person must decide."""


@dataclass(frozen=True, slots=True)
class Initialise:
    """Nothing is there yet on either side: a new installation."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Resume:
    """They belong together. Both get this identity now."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class StayAway:
    """Start, but without the media folder, which is not mounted."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Do not start. The sentences say what to do."""

    sentence: str


Decision = Initialise | Resume | StayAway | Refuse


def decide(ours: Identity | None, marker: Identity | None, *, holds_media: bool, new: UUID) -> Decision:
    """The rule. `ours` is the database's identity, `marker` the folder's. A new installation would be called `new`."""
    if marker == UNREADABLE:
        return Refuse(f"The media folder's marker file is damaged. If the folder is the right one, run `{ACCEPT}`.")
    if ours is None:
        if marker is not None or holds_media:
            return Refuse(
                "The database is new, but the media folder already holds photos of an installation. Restore the"
                f" database backup or choose another media folder. To start anew beside the old files, run `{ACCEPT}`."
            )
        return Initialise(Identity(new, 1))
    if marker is None:
        return StayAway()
    match compare(ours, marker):
        case State.ONLINE:
            # A marker one behind belongs to a start that was cut off, or one that is under way: no new epoch then.
            return Resume(Identity(ours.id, marker.epoch + 1))
        case State.FOREIGN:
            return Refuse(
                "The media folder belongs to another installation. Choose the right folder or mount, or the database"
                f" that goes with it. To take the folder over, run `{ACCEPT}`."
            )
        case _ if marker.epoch > ours.epoch:
            return Refuse(
                "The database is older than the media folder: it looks like a restored backup or a forgotten volume."
                f" Start with the newest database. If this one is the one to keep, run `{ACCEPT}`."
            )
        case _:
            return Refuse(
                "The media folder is older than the database: it looks like an old copy or snapshot. Mount the newest"
                f" one. If this one is the one to keep, run `{ACCEPT}`."
            )


async def start(world: World, root: MediaRoot) -> State:
    """Compare, and raise both epochs; the state of the media root afterwards.

    Raises `WrongStorage` when a person must decide. A root that is away is no reason not to start, except for a new
    installation, which has nothing else to offer. The unit of work stays open across the marker's reading on purpose:
    it holds the lock that lets one process at a time start, and every step in it has a time limit.
    """
    async with world.writing() as tx:
        await store.lock(tx)
        ours = await store.identity(tx)
        try:
            marker = read_marker(await root.files.read_marker())
            # Only asked where it matters: it may cost a listing.
            holds_media = ours is None and await root.files.holds_any((UPLOAD, LIBRARY))
            decision = decide(ours, marker, holds_media=holds_media, new=new_id())
        except Offline as error:
            if ours is None:
                raise WrongStorage(
                    "The media folder does not answer, and a new installation needs it once. Check the mount or the"
                    " object store's address and key, then start again."
                ) from error
            decision = StayAway()
        if isinstance(decision, Refuse):
            raise WrongStorage(decision.sentence)
        if isinstance(decision, Initialise | Resume):
            await store.save(tx, decision.identity, world.clock.now())
    if isinstance(decision, Initialise):
        await root.files.create_root()
    if isinstance(decision, Initialise | Resume):
        await _mark(world, root.files)
    return (await root.probe()).state


async def accept(world: World, root: MediaRoot) -> str:
    """A person decided that this database and this media folder belong together from now on; says what was done."""
    marker = read_marker(await root.files.read_marker())
    async with world.writing() as tx:
        await store.lock(tx)
        ours = await store.identity(tx) or Identity(new_id(), 0)
        newest = max(ours.epoch, marker.epoch if marker else 0)
        await store.save(tx, Identity(ours.id, newest + 1), world.clock.now())
    await root.files.create_root()
    await _mark(world, root.files)
    if marker is None:
        return "The media folder had no marker; it has one now."
    if marker.id != ours.id:
        return "The media folder belonged to another installation; it belongs to this database now."
    return "Database and media folder are from the same time now."


async def _mark(world: World, files: RootFiles) -> None:
    """Write the database's committed identity to the marker; under the lock, so that the marker never goes back."""
    async with world.writing() as tx:
        await store.lock(tx)
        ours = await store.identity(tx)
        assert ours is not None
        await files.write_marker(marker_bytes(ours))
