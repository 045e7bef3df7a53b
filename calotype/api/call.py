"""`Reading` and `Writing`: what a handler is given."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.requests import Request

from calotype.accounts import access
from calotype.accounts.caller import Caller
from calotype.core.errors import Unauthenticated
from calotype.core.tx import Look, QuickLook, Tx
from calotype.core.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Call:
    def __init__(self, request: Request, world: World, caller: Caller | None) -> None:
        self.request = request
        self.world = world
        self._caller = caller

    @property
    def caller(self) -> Caller:
        """Who asks. Raises `Unauthenticated` on a public operation that nobody signed."""
        if self._caller is None:
            raise Unauthenticated("Authentication required")
        return self._caller

    @property
    def maybe_caller(self) -> Caller | None:
        """Who asks, if anybody we know."""
        return self._caller

    @property
    def is_elevated(self) -> bool:
        """Whether the locked folder is open to the caller now."""
        return self.caller.is_elevated(self.world.clock.now())

    async def require(self, permission: str, ids: "Iterable[UUID]") -> None:
        """Ask the gate in a look of its own. Raises `Invalid` when any id is unknown or not the caller's to use."""
        wanted: Sequence[UUID] = list(ids)
        if not wanted:
            return
        async with self.world.glancing() as look:
            await access.require(look, self.caller, permission, wanted, now=self.world.clock.now())


class Reading(_Call):
    """A handler that only reads: single statements, no transaction, through `look`."""

    def __init__(self, request: Request, world: World, caller: Caller | None) -> None:
        super().__init__(request, world, caller)
        self.look: Look = QuickLook(world.pool)


class Writing(_Call):
    """A handler that writes: one unit of work in `tx`, begun at its first statement, committed after the handler."""

    def __init__(self, request: Request, world: World, caller: Caller | None) -> None:
        super().__init__(request, world, caller)
        self.tx = Tx(world.pool)
