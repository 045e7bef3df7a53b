"""What the server says of itself."""

import pytest

from calotype.storage.root import Root, State
from tests.working import settle


@pytest.fixture
async def boss(house):
    yield await house.person(is_admin=True)
    await house.sql("DELETE FROM setting")


async def test_the_version_is_the_one_of_the_api_we_speak(house, ada):
    stranger = house.client()
    assert (await stranger.get("/server/ping")).text == '{"res":"pong"}'
    assert (await stranger.get("/server/version")).json() == {"major": 3, "minor": 2, "patch": 2, "prerelease": None}
    assert (await ada.client.get("/server/about")).json()["version"] == "v3.2.2"
    history = (await stranger.get("/server/version-history")).json()
    assert [each["version"] for each in history] == ["3.2.2"]
    assert history[0]["createdAt"].endswith("Z")
    assert (await ada.client.get("/server/version-check")).json() == {"checkedAt": None, "releaseVersion": None}


async def test_links_to_the_app_carry_the_version(ada):
    links = (await ada.client.get("/server/apk-links")).json()
    assert sorted(links) == ["arm64v8a", "armeabiv7a", "universal", "x86_64"]
    assert links["arm64v8a"].endswith("/v3.2.2/app-arm64-v8a-release.apk")


async def test_features_promise_only_what_is_served(house):
    features = (await house.client().get("/server/features")).json()
    assert {name for name, is_on in features.items() if is_on} == {
        "sidecar", "search", "reverseGeocoding", "trash", "passwordLogin", "duplicateDetection",
    }  # fmt: skip
    assert len(features) == 16


async def test_what_an_inference_service_brings_is_offered_when_there_is_one(house):
    house.with_config(inference_url="http://vision:3003")
    features = (await house.client().get("/server/features")).json()
    assert features["smartSearch"]
    assert features["facialRecognition"]
    assert features["ocr"]


async def test_without_machine_learning_only_duplicates_are_offered(house):
    house.with_config(inference_url="http://vision:3003")
    await settle(house, "machineLearning.enabled", False)
    features = (await house.client().get("/server/features")).json()
    asked = ("smartSearch", "facialRecognition", "ocr", "duplicateDetection")
    assert [features[name] for name in asked] == [False, False, False, True]
    await settle(house, "machineLearning.enabled", True)


async def test_the_configuration_every_client_needs(house, boss):
    config = (await house.client().get("/server/config")).json()
    assert config == {
        "loginPageMessage": "",
        "trashDays": 30,
        "userDeleteDelay": 7,
        "oauthButtonText": "Login with OAuth",
        "isInitialized": True,
        "isOnboarded": False,
        "externalDomain": "",
        "publicUsers": True,
        "mapDarkStyleUrl": "https://tiles.immich.cloud/v1/style/dark.json",
        "mapLightStyleUrl": "https://tiles.immich.cloud/v1/style/light.json",
        "maintenanceMode": False,
        "minFaces": 3,
    }


async def test_storage_in_bytes_and_in_words(ada):
    storage = (await ada.client.get("/server/storage")).json()
    assert storage["diskSizeRaw"] == storage["diskUseRaw"] + storage["diskAvailableRaw"]
    assert storage["diskSize"].endswith("iB")
    assert 0 <= storage["diskUsagePercentage"] <= 100


async def test_storage_that_is_away_is_no_guess(house, ada):
    house.root.now = Root(State.ABSENT)
    answer = await ada.client.get("/server/storage")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "20")
    assert "x-calotype-away" not in answer.headers, "that is for parts without which the rest goes on"


async def test_media_types_are_lists_of_extensions(house):
    types = (await house.client().get("/server/media-types")).json()
    assert types["sidecar"] == [".xmp"]
    assert types["image"][:2] == [".avif", ".bmp"]
    assert ".mp4" in types["video"]


async def test_statistics_count_what_people_see_and_weigh_what_lies_there(house, boss):
    person = await house.person(quota_bytes=1000)
    await person.asset(b"12345")
    gone = await person.asset(b"123")
    await person.client.request("DELETE", "/assets", json={"ids": [gone]})
    found = (await boss.client.get("/server/statistics")).json()
    mine = next(each for each in found["usageByUser"] if each["userId"] == str(person.id))
    assert (mine["photos"], mine["videos"], mine["usage"], mine["usagePhotos"], mine["usageVideos"]) == (1, 0, 5, 5, 0)
    assert (mine["quotaSizeInBytes"], mine["userName"][:6]) == (1000, "Person")
    assert found["photos"] == sum(each["photos"] for each in found["usageByUser"])


async def test_nobody_holds_a_licence(boss):
    missing = await boss.client.get("/server/license")
    assert (missing.status_code, missing.json()) == (404, {"message": "Not Found"})
    good_form = {"licenseKey": "IMSV-AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGG-HHHH", "activationKey": "x"}
    refused = await boss.client.put("/server/license", json=good_form)
    assert (refused.status_code, refused.json()) == (400, {"message": "Invalid license key"})
    malformed = await boss.client.put("/server/license", json={"licenseKey": "x", "activationKey": "x"})
    assert malformed.json()["errors"][0]["format"] == "regex"
    assert (await boss.client.delete("/server/license")).status_code == 204


async def test_onboarding_is_remembered(house, boss):
    assert (await boss.client.get("/system-metadata/admin-onboarding")).json() == {"isOnboarded": False}
    assert (await boss.client.post("/system-metadata/admin-onboarding", json={"isOnboarded": True})).status_code == 204
    assert (await boss.client.get("/system-metadata/admin-onboarding")).json() == {"isOnboarded": True}
    assert (await house.client().get("/server/config")).json()["isOnboarded"] is True


async def test_states_nobody_wrote_yet(boss):
    state = (await boss.client.get("/system-metadata/reverse-geocoding-state")).json()
    assert state == {"lastUpdate": None, "lastImportFileName": None}
    state = (await boss.client.get("/system-metadata/version-check-state")).json()
    assert state == {"checkedAt": None, "releaseVersion": None}
