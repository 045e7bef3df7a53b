"""Groups of accounts that share people. Here everybody is a group of one, and what needs more members says so."""

from calotype.accounts import users
from calotype.accounts.user import User
from calotype.api.call import Reading, Writing
from calotype.api.op import Door
from calotype.core.errors import Invalid
from calotype.people.person import PeopleToFind
from calotype.wire import people as wire
from calotype.wire import users as users_wire
from calotype.wire.base import Uuid4

groups = Door("Cluster groups")

ALONE = "People are not shared between accounts on this server: every group has one member."


@groups.get("/cluster-groups/requests", may="clusterGroupRequest.read")
async def get_cluster_group_requests(ask: Reading) -> list[wire.GroupRequest]:
    """Invitations to the caller: there are none."""
    return []


@groups.delete("/cluster-groups/requests/{id}", may="clusterGroupRequest.delete")
async def delete_cluster_group_request(ask: Reading, id: Uuid4) -> None:
    raise Invalid("Not found or no clusterGroupRequest.delete access")


@groups.post("/cluster-groups/requests/{id}/accept", may="clusterGroupRequest.read", status=204)
async def accept_cluster_group_request(ask: Reading, id: Uuid4) -> None:
    raise Invalid("Not found or no clusterGroupRequest.read access")


@groups.post("/cluster-groups/{id}/leave", may="clusterGroup.leave", status=204)
async def leave_cluster_group(ask: Reading, id: Uuid4) -> None:
    await _own(ask, id, "clusterGroup.leave")
    raise Invalid(f"There is nobody to part from. {ALONE}")


@groups.post("/cluster-groups/{id}/regenerate-people", may="clusterGroup.read", status=204)
async def cluster_group_regenerate_people(ask: Writing, id: Uuid4) -> None:
    """Sort all faces again; who was named, merged or parted by somebody stays."""
    user = await _own(ask, id, "clusterGroup.read")
    ask.tx.tell(PeopleToFind(user.id, force=True))


@groups.get("/cluster-groups/{id}/requests", may="clusterGroupRequest.read")
async def get_cluster_group_requests_for_group(ask: Reading, id: Uuid4) -> list[wire.GroupRequest]:
    """Invitations by the group: there are none."""
    await _own(ask, id, "clusterGroupRequest.read")
    return []


@groups.put("/cluster-groups/{id}/requests", may="clusterGroupRequest.create")
async def create_cluster_group_request(ask: Reading, id: Uuid4, body: wire.GroupInvitation) -> wire.GroupRequest:
    await _own(ask, id, "clusterGroupRequest.create")
    raise Invalid(ALONE)


@groups.get("/cluster-groups/{id}/users", may="clusterGroup.read")
async def get_cluster_group_users(ask: Reading, id: Uuid4) -> list[users_wire.UserResponse]:
    """The members: the caller."""
    user = await _own(ask, id, "clusterGroup.read")
    return [users_wire.public(user, ask.world.config.data)]


async def _own(ask: Reading | Writing, id: Uuid4, permission: str) -> User:
    """The caller, when the group is theirs. Others are as unknown as those that do not exist."""
    user = await users.get(ask.look if isinstance(ask, Reading) else ask.tx, ask.caller.user_id)
    if user.cluster_group_id != id:
        raise Invalid(f"Not found or no {permission} access")
    return user
