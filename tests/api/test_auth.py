"""Signing in and out over HTTP: cookies, credentials and their order, PINs, and who is refused how."""

import base64
import re
from datetime import timedelta
from uuid import uuid4

import pytest

from calotype.accounts import secret
from calotype.accounts.recent import RECENT
from calotype.accounts.sessions import SessionEnded

PASSWORD = "correct horse"
ISSUE = {"message": "Validation failed"}


@pytest.fixture(scope="module")
async def password_hash() -> str:
    return await secret.slow_hash(PASSWORD)


@pytest.fixture
async def account(house, ada, password_hash: str) -> dict[str, str]:
    """What Ada types at the login page."""
    await house.sql("UPDATE users SET password_hash = $1 WHERE id = $2", password_hash, ada.id)
    (row,) = await house.sql("SELECT email FROM users WHERE id = $1", ada.id)
    return {"email": row["email"], "password": PASSWORD}


async def key(house, person, *permissions: str) -> str:
    answer = await person.client.post("/api-keys", json={"name": "k", "permissions": list(permissions)})
    assert answer.status_code == 201, answer.text
    return answer.json()["secret"]


# First run --------------------------------------------------------------------------------------------------------------


async def test_the_first_visitor_becomes_the_administrator_and_the_second_does_not(house) -> None:
    await house.sql("DELETE FROM users")
    new = {"email": "Ada@Example.com", "password": PASSWORD, "name": "Ada"}
    answer = await house.client().post("/auth/admin-sign-up", json=new)
    assert answer.status_code == 201
    user = answer.json()
    assert (user["email"], user["isAdmin"], user["storageLabel"]) == ("ada@example.com", True, "admin")
    assert (user["shouldChangePassword"], user["status"], user["oauthId"]) == (True, "active", "")
    assert (user["quotaSizeInBytes"], user["quotaUsageInBytes"], user["profileImagePath"]) == (None, 0, "")
    assert "set-cookie" not in answer.headers
    again = await house.client().post("/auth/admin-sign-up", json={**new, "email": "eve@example.com"})
    assert (again.status_code, again.json()) == (400, {"message": "Admin setup is not available"})
    login = await house.client().post("/auth/login", json=new)
    assert login.status_code == 201
    await house.sql("DELETE FROM users")


async def test_signing_up_says_everything_that_is_missing(house) -> None:
    answer = await house.client().post("/auth/admin-sign-up", json={"email": "nope"})
    assert answer.status_code == 400
    assert [fault["path"] for fault in answer.json()["errors"]] == [["email"], ["password"], ["name"]]


# Login --------------------------------------------------------------------------------------------------------------


async def test_a_login_answers_what_clients_read_and_sets_three_cookies(house, ada, account) -> None:
    answer = await house.client().post("/auth/login", json={**account, "email": account["email"].upper()})
    assert answer.status_code == 201
    body = answer.json()
    token = body.pop("accessToken")
    assert body == {
        "userId": str(ada.id),
        "userEmail": account["email"],
        "name": body["name"],
        "isAdmin": False,
        "profileImagePath": "",
        "shouldChangePassword": True,
        "isOnboarded": False,
    }
    cookies = answer.headers.get_list("set-cookie")
    until = r"Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"
    for cookie, (name, value, flags) in zip(
        cookies,
        [
            ("immich_access_token", token, "; HttpOnly"),
            ("immich_auth_type", "password", "; HttpOnly"),
            ("immich_is_authenticated", "true", ""),
        ],
        strict=True,
    ):
        assert re.fullmatch(rf"{name}={value}; Max-Age=34560000; Path=/; {until}{flags}; SameSite=Lax", cookie), cookie


@pytest.mark.parametrize(("protocol", "is_secure"), [("https", True), ("http", False), ("", False)])
async def test_cookies_are_secure_when_the_proxy_says_https(house, account, protocol: str, is_secure: bool) -> None:
    answer = await house.client(**{"x-forwarded-proto": protocol}).post("/auth/login", json=account)
    assert all(("; Secure" in cookie) is is_secure for cookie in answer.headers.get_list("set-cookie"))


async def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(house, account) -> None:
    for given in ({**account, "password": "wrong"}, {**account, "password": ""}, {**account, "email": "x@y.zz"}):
        answer = await house.client().post("/auth/login", json=given)
        assert (answer.status_code, answer.json()) == (401, {"message": "Incorrect email or password"})
        assert "set-cookie" not in answer.headers


async def test_a_login_without_anything_lists_both_faults(house) -> None:
    answer = await house.client().post("/auth/login", json={})
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "code": "invalid_type",
            "expected": "string",
            "path": ["email"],
            "message": "Invalid input: expected email, received undefined",
        },
        {
            "code": "invalid_type",
            "expected": "string",
            "path": ["password"],
            "message": "Invalid input: expected string, received undefined",
        },
    ]


async def test_guessing_gets_slow(house, account) -> None:
    client = house.client()
    statuses = [
        (await client.post("/auth/login", json={**account, "email": "nobody@example.com"})).status_code
        for _ in range(11)
    ]
    assert statuses == [401] * 10 + [429]
    answer = await client.post("/auth/login", json={**account, "email": "nobody@example.com"})
    assert answer.headers["retry-after"] == "60"


async def test_a_forged_address_does_not_help_a_stranger(house, account) -> None:
    # The peer of these requests is loopback, a trusted proxy: the last hop it names is the client.
    for each in range(10):
        client = house.client(**{"x-forwarded-for": f"203.0.113.{each}, 198.51.100.1"})
        await client.post("/auth/login", json={**account, "password": "wrong"})
    client = house.client(**{"x-forwarded-for": "203.0.113.99, 198.51.100.1"})
    assert (await client.post("/auth/login", json=account)).status_code == 429
    elsewhere = house.client(**{"x-forwarded-for": "198.51.100.2"})
    assert (await elsewhere.post("/auth/login", json=account)).status_code == 201


# Logout -------------------------------------------------------------------------------------------------------------


async def test_logging_out_ends_the_session_and_clears_the_cookies(house, ada) -> None:
    answer = await ada.client.post("/auth/logout")
    assert (answer.status_code, answer.json()) == (200, {"successful": True, "redirectUri": "/auth/login?autoLaunch=0"})
    assert answer.headers.get_list("set-cookie") == [
        f"{name}=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        for name in ("immich_access_token", "immich_auth_type", "immich_is_authenticated")
    ]
    assert SessionEnded(ada.session_id, ada.id) in house.told
    assert (await ada.client.get("/users/me")).status_code == 401


async def test_logging_out_needs_somebody_who_is_logged_in(house, ada) -> None:
    assert (await house.client().post("/auth/logout")).status_code == 401
    limited = house.client(**{"x-api-key": await key(house, ada, "asset.read")})
    answer = await limited.post("/auth/logout")
    assert (answer.status_code, answer.json()) == (403, {"message": "Missing required permission: all"})


# Credentials ----------------------------------------------------------------------------------------------------------


async def refused(client, path: str = "/users/me", **options) -> str:
    answer = await client.get(path, **options)
    assert answer.status_code == 401, answer.text
    return answer.json()["message"]


async def test_every_way_of_bringing_a_session_token_works(house, ada) -> None:
    token = ada.client.headers["authorization"].removeprefix("Bearer ")
    for headers in (
        {"x-immich-user-token": token},
        {"x-immich-session-token": token},
        {"authorization": f"bearer {token}"},
        {"cookie": f"immich_access_token={token}"},
        {"authorization": "Basic dXNlcjpwdw==", "cookie": f"immich_access_token={token}"},
    ):
        assert (await house.client(**headers).get("/users/me")).json()["id"] == str(ada.id), headers
    assert (await house.client().get("/users/me", params={"sessionKey": token})).status_code == 200


async def test_the_first_credential_decides_even_when_a_later_one_is_good(house, ada) -> None:
    token = ada.client.headers["authorization"].removeprefix("Bearer ")
    good = await key(house, ada, "all")
    assert await refused(house.client()) == "Authentication required"
    assert await refused(ada.client, params={"key": "bad"}) == "Invalid share key"
    assert await refused(ada.client, params={"slug": "bad"}) == "Invalid share slug"
    assert await refused(house.client(**{"x-immich-user-token": "bad"}), params={"sessionKey": token}) == (
        "Invalid user token"
    )
    assert await refused(house.client("bad", **{"x-api-key": good})) == "Invalid user token"
    assert await refused(house.client(good)) == "Invalid user token"  # a key is no session token
    assert await refused(house.client(**{"x-api-key": "bad"})) == "Invalid API key"
    assert await refused(house.client(), params={"apiKey": "bad"}) == "Invalid API key"
    assert (await house.client(token, **{"x-api-key": "bad"}).get("/users/me")).status_code == 200
    assert (await house.client().get("/users/me", params={"apiKey": good})).status_code == 200
    assert (await ada.client.get("/users/me", params={"key": "", "slug": ""})).status_code == 200  # empty is absent


async def test_public_operations_ignore_bad_credentials(house, account) -> None:
    answer = await house.client("bad", **{"x-api-key": "bad"}).post("/auth/login", json=account)
    assert answer.status_code == 201


async def test_an_operation_for_everybody_does_not_wait_for_the_database(house, ada, monkeypatch) -> None:
    async def away():
        raise ConnectionError

    token = ada.client.headers["authorization"]
    await RECENT.forget()
    monkeypatch.setattr(house.world.pool, "acquire", away)
    assert (await house.client(authorization=token).get("/server/ping")).json() == {"res": "pong"}
    assert (await house.client(authorization=token).get("/users/me")).status_code == 503


async def test_another_website_cannot_use_our_cookie_or_log_anybody_in(house, ada, account) -> None:
    token = ada.client.headers["authorization"].removeprefix("Bearer ")
    theirs = {"sec-fetch-site": "cross-site"}
    cookie = {"cookie": f"immich_access_token={token}"}
    assert (await house.client(**cookie, **theirs).put("/users/me", json={"name": "x"})).status_code == 403
    assert (await house.client(**theirs).post("/auth/login", json=account)).status_code == 403
    assert (await house.client(**cookie, **theirs).get("/users/me")).status_code == 200  # reading changes nothing
    assert await house.client(**cookie, **{"sec-fetch-site": "same-origin"}).put("/users/me", json={"name": "x"})
    assert (
        await house.client(token, **theirs).put("/users/me", json={"name": "y"})
    ).status_code == 200  # not forgeable


async def test_a_shared_link_acts_for_its_maker_only_where_links_may(house, ada) -> None:
    raw = uuid4().bytes * 3 + b"ab"
    statement = "INSERT INTO shared_link (user_id, key, slug, type, expires_at) VALUES ($1, $2, $3, 'INDIVIDUAL', $4)"
    await house.sql(statement, ada.id, raw, f"trip-{ada.id}", None)
    text = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert len(text) == 67
    for params in ({"key": text}, {"key": raw.hex()}, {"slug": f"trip-{ada.id}"}):
        answer = await house.client().get("/users/me", params=params)
        assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert await refused(house.client(), params={"slug": f"TRIP-{ada.id}"}) == "Invalid share slug"
    assert await refused(house.client(), params={"slug": "a\0b"}) == "Invalid share slug"
    await house.sql("UPDATE shared_link SET expires_at = now() - interval '1 second' WHERE user_id = $1", ada.id)
    assert await refused(house.client(**{"x-immich-share-key": text})) == "Invalid share key"


async def test_apps_ask_whether_they_are_still_logged_in(house, ada) -> None:
    limited = house.client(**{"x-api-key": await key(house, ada, "asset.read")})
    for client in (ada.client, limited):
        answer = await client.post("/auth/validateToken")
        assert (answer.status_code, answer.json()) == (200, {"authStatus": True})
    assert (await house.client().post("/auth/validateToken")).status_code == 401


async def test_a_bad_body_of_a_stranger_is_not_even_looked_at(house) -> None:
    assert (await house.client().put("/users/me", content=b"{nonsense")).status_code == 401


# Password ---------------------------------------------------------------------------------------------------------------


async def test_a_password_is_changed_by_who_knows_it(house, ada, account) -> None:
    wrong = await ada.client.post("/auth/change-password", json={"password": "wrong", "newPassword": "new password"})
    assert (wrong.status_code, wrong.json()) == (400, {"message": "Wrong password"})
    short = await ada.client.post("/auth/change-password", json={"password": PASSWORD, "newPassword": "short"})
    assert short.json()["errors"][0] == {
        "origin": "string",
        "code": "too_small",
        "minimum": 8,
        "inclusive": True,
        "path": ["newPassword"],
        "message": "Too small: expected string to have >=8 characters",
    }
    done = await ada.client.post("/auth/change-password", json={"password": PASSWORD, "newPassword": "new password"})
    assert (done.status_code, done.json()["id"], done.json()["shouldChangePassword"]) == (200, str(ada.id), True)
    assert (await ada.client.get("/users/me")).status_code == 200


# PIN and the locked folder ----------------------------------------------------------------------------------------------


async def test_the_locked_folder_opens_with_the_pin_and_closes_again(house, ada) -> None:
    client = ada.client
    assert (await client.get("/auth/status")).json() == {"pinCode": False, "password": False, "isElevated": False}
    assert (await client.post("/auth/pin-code", json={"pinCode": "123456"})).status_code == 204
    again = await client.post("/auth/pin-code", json={"pinCode": "123456"})
    assert (again.status_code, again.json()) == (400, {"message": "User already has a PIN code"})
    wrong = await client.post("/auth/session/unlock", json={"pinCode": "000000"})
    assert (wrong.status_code, wrong.json()) == (400, {"message": "Wrong PIN code"})
    assert (await client.post("/auth/session/unlock", json={"pinCode": "123456"})).status_code == 204
    status = (await client.get("/auth/status")).json()
    assert status["isElevated"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", status["pinExpiresAt"])
    assert "expiresAt" not in status
    assert (await client.post("/auth/session/lock")).status_code == 204
    assert not (await client.get("/auth/status")).json()["isElevated"]
    changed = await client.put("/auth/pin-code", json={"newPinCode": "654321", "pinCode": "123456"})
    assert changed.status_code == 204
    assert (await client.request("DELETE", "/auth/pin-code", json={"pinCode": "654321"})).status_code == 204
    assert not (await client.get("/auth/status")).json()["pinCode"]


async def test_an_elevation_ends_after_a_quarter_of_an_hour(house, ada) -> None:
    await ada.client.post("/auth/pin-code", json={"pinCode": "123456"})
    await ada.client.post("/auth/session/unlock", json={"pinCode": "123456"})
    house.world.clock.stopped_at = house.world.clock.now() + timedelta(minutes=16)
    assert not (await ada.client.get("/auth/status")).json()["isElevated"]


async def test_a_pin_is_six_digits(ada) -> None:
    answer = await ada.client.post("/auth/pin-code", json={"pinCode": "12"})
    assert answer.json() == {
        "message": "Validation failed",
        "errors": [
            {
                "origin": "string",
                "code": "invalid_format",
                "format": "regex",
                "pattern": r"/^\d{6}$/",
                "path": ["pinCode"],
                "message": r"Invalid string: must match pattern /^\d{6}$/",
            }
        ],
    }


async def test_keys_and_strangers_cannot_unlock(house, ada) -> None:
    almighty = house.client(**{"x-api-key": await key(house, ada, "all")})
    for path in ("/auth/session/unlock", "/auth/session/lock"):
        answer = await almighty.post(path, json={"pinCode": "123456"})
        assert (answer.status_code, answer.json()) == (
            400,
            {"message": "This endpoint can only be used with a session token"},
        )
        assert (await house.client().post(path, json={"pinCode": "123456"})).status_code == 401
    assert (await almighty.get("/auth/status")).json()["isElevated"] is False
