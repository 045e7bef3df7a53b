"""People over HTTP: themselves, each other, and administrators about everybody."""

import io
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from PIL import Image

from calotype.accounts.user import DEFAULT_PREFERENCES, color_of
from calotype.accounts.users import UserRemoved

PUBLIC = {"id", "email", "name", "profileImagePath", "avatarColor", "profileChangedAt"}
FULL = PUBLIC | {
    "storageLabel",
    "shouldChangePassword",
    "isAdmin",
    "createdAt",
    "deletedAt",
    "updatedAt",
    "oauthId",
    "quotaSizeInBytes",
    "quotaUsageInBytes",
    "status",
    "license",
    "clusterGroupId",
}


@pytest.fixture
async def admin(house):
    return await house.person(is_admin=True)


def picture(format: str = "PNG", size: tuple[int, int] = (600, 400)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, format)
    return out.getvalue()


def message(answer, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return answer.json()["message"]


# Oneself and each other -------------------------------------------------------------------------------------------------


async def test_everybody_sees_themselves_in_full_and_others_in_part(ada, eve) -> None:
    me = (await ada.client.get("/users/me")).json()
    assert set(me) == FULL
    assert me["license"] is None
    assert me["deletedAt"] is None
    other = (await eve.client.get(f"/users/{ada.id}")).json()
    assert set(other) == PUBLIC
    assert other == {name: me[name] for name in PUBLIC}


async def test_unknown_and_removed_people_are_not_found(house, ada, admin) -> None:
    assert message(await ada.client.get(f"/users/{uuid4()}")) == "User not found"
    await house.sql("UPDATE users SET deleted_at = now(), status = 'deleted' WHERE id = $1", ada.id)
    assert message(await admin.client.get(f"/users/{ada.id}")) == "User not found"
    assert (await admin.client.get("/users/nonsense")).json()["errors"][0]["message"] == "Invalid UUID"


async def test_the_list_of_people_can_be_closed_to_all_but_administrators(house, ada, admin) -> None:
    assert {user["id"] for user in (await ada.client.get("/users")).json()} >= {str(ada.id), str(admin.id)}
    config = (await admin.client.get("/system-config")).json()
    config["server"]["publicUsers"] = False
    assert (await admin.client.put("/system-config", json=config)).status_code == 200
    try:
        assert [user["id"] for user in (await ada.client.get("/users")).json()] == [str(ada.id)]
        assert len((await admin.client.get("/users")).json()) >= 2
    finally:
        config["server"]["publicUsers"] = True
        await admin.client.put("/system-config", json=config)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_one_changes_what_one_sends(ada, method: str) -> None:
    async def change(**fields):
        return await ada.client.request(method, "/users/me", json=fields)

    assert (await change(name="Ada L.", avatarColor="pink")).json()["avatarColor"] == "pink"
    changed = (await change(avatarColor=None)).json()
    assert changed["name"] == "Ada L."
    assert changed["avatarColor"] == color_of(changed["email"])
    assert (await change(name="")).json()["name"] == ""
    assert (await change(email=f"New.{ada.id}@Example.com")).json()["email"] == f"new.{ada.id}@example.com"
    assert not (await change(password="another password")).json()["shouldChangePassword"]


async def test_nonsense_about_oneself_is_refused(ada, eve) -> None:
    address = (await eve.client.get("/users/me")).json()["email"]
    assert message(await ada.client.put("/users/me", json={"email": address})) == "Email is not available"
    assert message(await ada.client.put("/users/me", json={})) == "No fields to update"
    for body in ({"name": None}, {"email": "nope"}, {"avatarColor": "mauve"}, {"name": 5}):
        assert message(await ada.client.put("/users/me", json=body)) == "Validation failed"


async def test_strangers_learn_nothing_about_people(house, ada) -> None:
    stranger = house.client()
    for path in ("/users", "/users/me", f"/users/{ada.id}", f"/users/{ada.id}/profile-image", "/users/me/preferences"):
        assert message(await stranger.get(path), 401) == "Authentication required"


# Preferences, onboarding, licence ---------------------------------------------------------------------------------------


async def test_preferences_are_merged_deeply(ada) -> None:
    assert (await ada.client.get("/users/me/preferences")).json() == DEFAULT_PREFERENCES
    asked = {"memories": {"duration": 9}, "avatar": {"color": "pink"}, "nonsense": 1}
    changed = (await ada.client.put("/users/me/preferences", json=asked)).json()
    assert changed["memories"] == {**DEFAULT_PREFERENCES["memories"], "duration": 9}
    assert changed["avatar"] == {"color": "pink"}
    assert "nonsense" not in changed
    again = (await ada.client.patch("/users/me/preferences", json={"albums": {"defaultAssetOrder": "asc"}})).json()
    assert again["memories"]["duration"] == 9
    assert (await ada.client.get("/users/me/preferences")).json() == again
    wrong = {"memories": {"duration": 0}, "download": {"archiveSize": 1.5}, "albums": {"defaultAssetOrder": "up"}}
    answer = await ada.client.put("/users/me/preferences", json=wrong)
    assert sorted(fault["path"] for fault in answer.json()["errors"]) == [
        ["albums", "defaultAssetOrder"],
        ["download", "archiveSize"],
        ["memories", "duration"],
    ]


async def test_onboarding_is_remembered(ada) -> None:
    assert (await ada.client.get("/users/me/onboarding")).json() == {"isOnboarded": False}
    assert (await ada.client.put("/users/me/onboarding", json={"isOnboarded": True})).json() == {"isOnboarded": True}
    assert (await ada.client.get("/users/me/onboarding")).json() == {"isOnboarded": True}
    assert (await ada.client.delete("/users/me/onboarding")).status_code == 204
    assert (await ada.client.get("/users/me/onboarding")).json() == {"isOnboarded": False}


async def test_no_licence_can_be_verified_here(ada) -> None:
    assert message(await ada.client.get("/users/me/license"), 404) == "Not Found"
    key = {"licenseKey": "IMCL" + "-AB12" * 8, "activationKey": "x"}
    assert message(await ada.client.put("/users/me/license", json=key)) == "Invalid license key"
    assert message(await ada.client.put("/users/me/license", json={**key, "licenseKey": "x"})) == "Validation failed"
    assert (await ada.client.delete("/users/me/license")).status_code == 204


# Profile image -----------------------------------------------------------------------------------------------------------


async def test_a_profile_image_is_made_small_served_and_replaced(house, ada, eve) -> None:
    assert message(await ada.client.delete("/users/profile-image")) == "Can't delete a missing profile Image"
    assert message(await eve.client.get(f"/users/{ada.id}/profile-image"), 404) == "Not Found"
    first = await ada.client.post("/users/profile-image", files={"file": ("me.PNG", picture())})
    assert first.status_code == 201, first.text
    assert first.json()["userId"] == str(ada.id)
    assert first.json()["profileImagePath"].endswith(".webp")
    served = await eve.client.get(f"/users/{ada.id}/profile-image")
    assert served.headers["content-type"] == "image/webp"
    assert served.headers["cache-control"] == "public, max-age=0"
    assert min(Image.open(io.BytesIO(served.content)).size) == 250
    assert (await eve.client.get(f"/users/{ada.id}")).json()["profileImagePath"] == first.json()["profileImagePath"]
    await ada.client.post("/users/profile-image", files={"file": ("me.jpg", picture("JPEG"))})
    pictures = list((house.data / "profile" / str(ada.id)).iterdir())
    assert len(pictures) == 1  # the one before is gone
    assert (await ada.client.delete("/users/profile-image")).status_code == 204
    assert list((house.data / "profile" / str(ada.id)).iterdir()) == []
    assert not any((house.data / "scratch").iterdir())


async def test_what_is_no_picture_becomes_nobodys_profile_image(house, ada) -> None:
    async def post(**files):
        return message(await ada.client.post("/users/profile-image", files=files))

    assert await post(file=("me.gif", b"x")) == "Unsupported file type me.gif"
    assert await post(file=("me.png", b"")) == "File is empty"
    assert await post(file=("me.png", b"this is no picture")) == "Unable to process profile image"
    assert await post(picture=("me.png", picture())) == "Unexpected field - picture"
    nothing = await ada.client.post("/users/profile-image", files={"note": (None, b"text")})
    assert message(nothing) == "File is required"
    assert (await ada.client.get("/users/me")).json()["profileImagePath"] == ""
    assert not list((house.data / "profile").rglob("*.*"))


# Heat map -------------------------------------------------------------------------------------------------------------


async def test_a_heat_map_has_every_day(ada) -> None:
    await ada.asset(fileCreatedAt="2024-03-01T10:00:00.000Z")
    asked = {"from": "2024-03-01", "to": "2024-03-02", "type": "Taken"}
    assert (await ada.client.get("/users/me/calendar-heatmap", params=asked)).json() == {
        "from": "2024-03-01",
        "to": "2024-03-02",
        "series": [{"date": "2024-03-01", "count": 1}, {"date": "2024-03-02", "count": 0}],
        "totalCount": 1,
    }
    usual = (await ada.client.get("/users/me/calendar-heatmap")).json()
    assert len(usual["series"]) == 364
    assert usual["to"] == datetime.now(UTC).date().isoformat()
    assert usual["totalCount"] == 1
    wrong = await ada.client.get("/users/me/calendar-heatmap", params={"from": "2024-03-02", "to": "2024-03-01"})
    assert wrong.json()["errors"] == [{"code": "custom", "path": ["from"], "message": "from must be before to"}]
    endless = await ada.client.get("/users/me/calendar-heatmap", params={"from": "0001-01-01", "to": "9999-12-31"})
    assert message(endless) == "Validation failed"


# Administrators ---------------------------------------------------------------------------------------------------------

ADMIN_ONLY = [
    ("GET", "/admin/users"),
    ("POST", "/admin/users"),
    ("GET", "/admin/users/{id}"),
    ("PUT", "/admin/users/{id}"),
    ("PATCH", "/admin/users/{id}"),
    ("DELETE", "/admin/users/{id}"),
    ("POST", "/admin/users/{id}/restore"),
    ("GET", "/admin/users/{id}/preferences"),
    ("PUT", "/admin/users/{id}/preferences"),
    ("GET", "/admin/users/{id}/sessions"),
    ("GET", "/admin/users/{id}/statistics"),
    ("GET", "/admin/users/{id}/calendar-heatmap"),
    ("POST", "/admin/auth/unlink-all"),
]


@pytest.mark.parametrize(("method", "path"), ADMIN_ONLY)
async def test_only_administrators_may(house, ada, method: str, path: str) -> None:
    path = path.format(id=ada.id)
    assert message(await house.client().request(method, path, json={}), 401) == "Authentication required"
    assert message(await ada.client.request(method, path, json={}), 403) == "Forbidden"


async def test_an_administrator_adds_changes_removes_and_restores(house, admin) -> None:
    email = f"bob.{uuid4()}@example.com"
    new = {"email": email, "password": "password", "name": "Bob", "storageLabel": f"b.{uuid4()}", "quotaSizeInBytes": 9}
    made = await admin.client.post("/admin/users", json=new)
    assert made.status_code == 201, made.text
    bob = made.json()
    assert set(bob) == FULL
    assert (bob["shouldChangePassword"], bob["isAdmin"], bob["quotaSizeInBytes"]) == (True, False, 9)
    assert "." not in bob["storageLabel"]
    assert message(await admin.client.post("/admin/users", json=new)) == "Email is not available"
    empty = {**new, "email": f"x{email}", "password": ""}
    assert message(await admin.client.post("/admin/users", json=empty)) == "password is required"

    path = f"/admin/users/{bob['id']}"
    asked = {"storageLabel": "", "quotaSizeInBytes": None, "pinCode": "123456", "isAdmin": True}
    changed = (await admin.client.patch(path, json=asked)).json()
    assert (changed["storageLabel"], changed["quotaSizeInBytes"], changed["isAdmin"]) == (None, None, True)
    assert (await admin.client.put(path, json={})).status_code == 200
    assert message(await admin.client.put(path, json={"name": None})) == "Validation failed"

    removed = await admin.client.request("DELETE", path, json={})
    assert (removed.status_code, removed.json()["status"]) == (200, "deleted")
    assert removed.json()["deletedAt"]
    assert message(await admin.client.put(path, json={"name": "x"})) == "User not found"
    assert (await admin.client.get(path)).json()["status"] == "deleted"
    listed = {"id": bob["id"]}
    assert (await admin.client.get("/admin/users", params=listed)).json() == []
    assert len((await admin.client.get("/admin/users", params={**listed, "withDeleted": "true"})).json()) == 1
    for _ in range(2):
        restored = await admin.client.post(f"{path}/restore")
        assert (restored.status_code, restored.json()["status"]) == (200, "active")
    await admin.client.request("DELETE", path, json={"force": True})
    assert UserRemoved in {type(event) for event in house.told}


async def test_an_administrator_cannot_remove_or_demote_themselves(admin) -> None:
    path = f"/admin/users/{admin.id}"
    answer = await admin.client.request("DELETE", path, json={"force": True})
    assert message(answer, 403) == "Cannot delete your own account"
    demoted = await admin.client.put(path, json={"isAdmin": False})
    assert message(demoted) == "Admin status can only be changed by another admin"
    missing = await admin.client.request("DELETE", path)
    assert missing.json()["errors"][0]["message"] == "Invalid input: expected object, received undefined"


async def test_an_administrator_sees_figures_and_no_photos(admin, ada) -> None:
    asset = await ada.asset(visibility="locked")
    path = f"/admin/users/{ada.id}"
    locked = await admin.client.get(f"{path}/statistics", params={"visibility": "locked"})
    assert locked.json() == {"images": 1, "videos": 0, "total": 1}
    assert (await admin.client.get(f"{path}/calendar-heatmap")).json()["totalCount"] == 1
    assert message(await admin.client.get(f"/assets/{asset}")) == "Not found or no asset.read access"
    (session,) = (await admin.client.get(f"{path}/sessions")).json()
    assert session["current"] is False
    assert (await admin.client.get(f"/admin/users/{uuid4()}/sessions")).json() == []
    assert message(await admin.client.get(f"/admin/users/{uuid4()}")) == "User not found"
    asked = {"people": {"minimumFaces": 7}}
    assert (await admin.client.patch(f"{path}/preferences", json=asked)).json()["people"]["minimumFaces"] == 7
    assert (await ada.client.get("/users/me/preferences")).json()["people"]["minimumFaces"] == 7
    assert (await admin.client.get(f"{path}/preferences")).json()["people"]["minimumFaces"] == 7


async def test_everybody_can_be_unlinked_at_once(house, admin, ada) -> None:
    await house.sql("UPDATE users SET oauth_id = $1::text WHERE id = $2", str(ada.id), ada.id)
    assert (await admin.client.post("/admin/auth/unlink-all")).status_code == 204
    assert (await ada.client.get("/users/me")).json()["oauthId"] == ""
