"""Groups that share people: everybody is one of their own, and hears so."""

from uuid import uuid4

from calotype.people.person import PeopleToFind
from tests.faces import NOWHERE, refused


async def test_everybody_is_a_group_of_one(house, ada, eve):
    mine = (await ada.client.get("/users/me")).json()["clusterGroupId"]
    theirs = (await eve.client.get("/users/me")).json()["clusterGroupId"]
    assert mine != theirs
    assert (await ada.client.get("/cluster-groups/requests")).json() == []
    assert (await ada.client.get(f"/cluster-groups/{mine}/requests")).json() == []
    assert [user["id"] for user in (await ada.client.get(f"/cluster-groups/{mine}/users")).json()] == [str(ada.id)]
    alone = "every group has one member"
    for answer in (
        await ada.client.post(f"/cluster-groups/{mine}/leave"),
        await ada.client.put(f"/cluster-groups/{mine}/requests", json={"userId": str(eve.id)}),
    ):
        assert answer.status_code == 400
        assert alone in answer.json()["message"]
    refused(
        await ada.client.delete(f"/cluster-groups/requests/{uuid4()}"),
        "Not found or no clusterGroupRequest.delete access",
    )
    refused(
        await ada.client.post(f"/cluster-groups/requests/{uuid4()}/accept"),
        "Not found or no clusterGroupRequest.read access",
    )
    for id in (theirs, NOWHERE):
        refused(await ada.client.get(f"/cluster-groups/{id}/users"), "Not found or no clusterGroup.read access")
        refused(await ada.client.post(f"/cluster-groups/{id}/leave"), "Not found or no clusterGroup.leave access")
        refused(
            await ada.client.post(f"/cluster-groups/{id}/regenerate-people"), "Not found or no clusterGroup.read access"
        )
    assert (await ada.client.post(f"/cluster-groups/{mine}/regenerate-people")).status_code == 204
    assert [event.owner_id for event in house.told if isinstance(event, PeopleToFind)] == [ada.id]
