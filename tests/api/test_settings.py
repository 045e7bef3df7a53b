"""The settings: whole for administrators, in part for users and for the login page."""

import copy
import json

import pytest

from calotype.settings.current import SettingsChanged

# As published, but for how faces become people and for the text model, which comes with our inference service.
DEFAULTS = json.loads("""{
"backup": {"database": {"enabled": true, "cronExpression": "0 02 * * *", "keepLastAmount": 14}},
"ffmpeg": {"crf": 23, "threads": 0, "preset": "ultrafast", "targetVideoCodec": "h264", "acceptedVideoCodecs": ["h264"],
  "targetAudioCodec": "aac", "acceptedAudioCodecs": ["aac", "mp3", "opus"], "acceptedContainers": ["mov", "ogg", "webm"],
  "targetResolution": "720", "maxBitrate": "0", "bframes": -1, "refs": 0, "gopSize": 0, "temporalAQ": false,
  "cqMode": "auto", "twoPass": false, "preferredHwDevice": "auto", "transcode": "required", "tonemap": "hable",
  "accel": "disabled", "accelDecode": true,
  "realtime": {"enabled": false, "videoCodecs": ["h264", "hevc"], "resolutions": [480, 720, 1080]}},
"integrityChecks": {"missingFiles": {"enabled": true, "cronExpression": "0 03 * * *"},
  "untrackedFiles": {"enabled": true, "cronExpression": "0 03 * * *"},
  "checksumFiles": {"enabled": true, "cronExpression": "0 03 * * *", "timeLimit": 3600000, "percentageLimit": 1}},
"job": {"backgroundTask": {"concurrency": 5}, "smartSearch": {"concurrency": 2}, "metadataExtraction": {"concurrency": 5},
  "faceDetection": {"concurrency": 2}, "search": {"concurrency": 5}, "sidecar": {"concurrency": 5},
  "library": {"concurrency": 5}, "migration": {"concurrency": 5}, "thumbnailGeneration": {"concurrency": 3},
  "videoConversion": {"concurrency": 1}, "notifications": {"concurrency": 5}, "ocr": {"concurrency": 1},
  "workflow": {"concurrency": 5}, "integrityCheck": {"concurrency": 1}, "editor": {"concurrency": 2}},
"logging": {"enabled": true, "level": "log"},
"machineLearning": {"enabled": false, "urls": ["http://immich-machine-learning:3003"],
  "availabilityChecks": {"enabled": true, "timeout": 2000, "interval": 30000},
  "clip": {"enabled": true, "modelName": "ViT-B-32__openai"}, "duplicateDetection": {"enabled": true, "maxDistance": 0.01},
  "facialRecognition": {"enabled": true, "modelName": "buffalo_l", "minScore": 0.7, "maxDistance": 0.5, "minFaces": 3,
  "clustering": "average"},
  "ocr": {"enabled": true, "modelName": "PP-OCRv6_small", "minDetectionScore": 0.5, "minRecognitionScore": 0.8,
  "maxResolution": 736}},
"map": {"enabled": true, "lightStyle": "https://tiles.immich.cloud/v1/style/light.json",
  "darkStyle": "https://tiles.immich.cloud/v1/style/dark.json"},
"reverseGeocoding": {"enabled": true},
"metadata": {"faces": {"import": false}},
"oauth": {"autoLaunch": false, "autoRegister": true, "buttonText": "Login with OAuth", "clientId": "", "clientSecret": "",
  "defaultStorageQuota": null, "enabled": false, "issuerUrl": "", "endSessionEndpoint": "", "accountManagementUrl": "",
  "mobileOverrideEnabled": false, "mobileRedirectUri": "", "prompt": "", "scope": "openid email profile",
  "signingAlgorithm": "RS256", "profileSigningAlgorithm": "none", "storageLabelClaim": "preferred_username",
  "storageQuotaClaim": "immich_quota", "roleClaim": "immich_role", "tokenEndpointAuthMethod": "client_secret_post",
  "timeout": 30000, "allowInsecureRequests": false},
"passwordLogin": {"enabled": true},
"storageTemplate": {"enabled": false, "hashVerificationEnabled": true,
  "template": "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}"},
"image": {"thumbnail": {"format": "webp", "size": 250, "quality": 80, "progressive": false},
  "preview": {"format": "jpeg", "size": 1440, "quality": 80, "progressive": false}, "colorspace": "p3",
  "extractEmbedded": false, "fullsize": {"enabled": false, "format": "jpeg", "quality": 80, "progressive": false}},
"newVersionCheck": {"enabled": true, "channel": "stable"},
"nightlyTasks": {"startTime": "00:00", "databaseCleanup": true, "generateMemories": true, "syncQuotaUsage": true,
  "missingThumbnails": true, "clusterNewFaces": true},
"trash": {"enabled": true, "days": 30},
"theme": {"customCss": ""},
"library": {"scan": {"enabled": true, "cronExpression": "0 0 * * *"}, "watch": {"enabled": false}},
"server": {"externalDomain": "", "loginPageMessage": "", "publicUsers": true},
"notifications": {"smtp": {"enabled": false, "from": "", "replyTo": "", "transport": {"ignoreCert": false, "host": "",
  "port": 587, "secure": false, "username": "", "password": ""}}},
"templates": {"email": {"welcomeTemplate": "", "albumInviteTemplate": "", "albumUpdateTemplate": ""}},
"user": {"deleteDelay": 7}
}""")


@pytest.fixture
async def boss(house):
    yield await house.person(is_admin=True)
    await house.sql("DELETE FROM setting")


def changed(path: str, value) -> dict:
    """The default tree with one value set."""
    tree = copy.deepcopy(DEFAULTS)
    *branch, leaf = path.split(".")
    here = tree
    for key in branch:
        here = here[key]
    here[leaf] = value
    return tree


async def test_the_defaults_are_the_published_ones_where_we_have_no_better(boss):
    for path in ("/system-config/defaults", "/admin/config/defaults", "/system-config", "/admin/config"):
        assert (await boss.client.get(path)).json() == DEFAULTS


async def test_a_change_is_in_force_at_once_and_told(house, boss):
    answer = await boss.client.put("/system-config", json=changed("trash.days", 3))
    assert (answer.status_code, answer.json()["trash"]["days"]) == (200, 3)
    assert (await house.client().get("/server/config")).json()["trashDays"] == 3
    assert SettingsChanged() in house.told
    assert (await house.sql("SELECT value::text FROM setting WHERE name = 'system'"))[0][0] == '{"trash": {"days": 3}}'


async def test_another_process_sees_a_change_too(house, boss):
    assert (await house.client().get("/server/config")).json()["trashDays"] == 30
    await house.sql("INSERT INTO setting VALUES ('system', '{\"trash\": {\"days\": 9}}')")
    await house.world.cache.put("settings-version", b"saved elsewhere", ttl_s=60)
    assert (await house.client().get("/server/config")).json()["trashDays"] == 9


@pytest.mark.parametrize(
    ("path", "sent", "kept"),
    [
        ("server.externalDomain", "https://photos.example.com/foo/", "https://photos.example.com"),
        ("trash.enabled", "true", True),
        ("ffmpeg.preset", "", "ultrafast"),
        ("ffmpeg.preset", "zzz", "zzz"),
        ("ffmpeg.targetResolution", "foo", "foo"),
        ("ffmpeg.acceptedVideoCodecs", [], ["h264"]),
        ("backup.database.cronExpression", "0 0 2 * * *", "0 0 2 * * *"),
        ("machineLearning.urls", ["foo"], ["foo"]),
        ("machineLearning.facialRecognition.modelName", "foo", "foo"),
        ("storageTemplate.template", "", "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}"),
        ("storageTemplate.template", "{{y}}/foo", "{{y}}/foo"),
        ("oauth.defaultStorageQuota", 5, 5),
    ],
)
async def test_what_is_taken_and_what_becomes_of_it(boss, path, sent, kept):
    answer = await boss.client.put("/system-config", json=changed(path, sent))
    assert answer.status_code == 200, answer.text
    here = answer.json()
    for key in path.split("."):
        here = here[key]
    assert here == kept


@pytest.mark.parametrize(
    ("path", "sent", "sentence"),
    [
        ("server.externalDomain", "nope", "External domain must be an empty string or a valid URL"),
        ("oauth.issuerUrl", "nope", "Issuer URL must be an empty string or a valid URL"),
        ("trash.enabled", "x", "Invalid input: expected boolean, received string"),
        ("trash.enabled", "1", "Invalid input: expected boolean, received string"),
        ("trash.days", "3", "Invalid input: expected number, received string"),
        ("trash.days", 1.5, "Invalid input: expected int, received number"),
        ("trash.days", -1, "Too small: expected number to be >=0"),
        ("backup.database.cronExpression", "foo", "Invalid cron expression. Unknown alias: foo"),
        ("map.lightStyle", "", "Invalid URL"),
        ("nightlyTasks.startTime", "9:05", "Invalid input: expected string in HH:MM format, received string"),
        ("machineLearning.urls", [], "Too small: expected array to have >=1 items"),
    ],
)
async def test_a_refused_value_is_named_by_its_path(boss, path, sent, sentence):
    answer = await boss.client.put("/admin/config", json=changed(path, sent))
    assert answer.status_code == 400
    (only,) = answer.json()["errors"]
    assert (only["path"], only["message"]) == (path.split("."), sentence)


@pytest.mark.parametrize(
    ("path", "sent", "sentence"),
    [
        ("storageTemplate.template", "{{foo}}", "Invalid storage template"),
        (
            "machineLearning.clip.modelName",
            "",
            "Unknown CLIP model: . Please check the model name for typos and confirm this is a supported model.",
        ),
        ("notifications.smtp.enabled", True, "Invalid SMTP configuration"),
    ],
)
async def test_a_rule_that_needs_more_than_the_value(boss, path, sent, sentence):
    answer = await boss.client.put("/system-config", json=changed(path, sent))
    assert (answer.status_code, answer.json()) == (400, {"message": sentence})


async def test_every_missing_part_is_listed(boss):
    tree = copy.deepcopy(DEFAULTS)
    del tree["trash"]["days"], tree["user"]
    answer = await boss.client.put("/system-config", json=tree)
    assert [e["path"] for e in answer.json()["errors"]] == [["trash", "days"], ["user"]]


async def test_older_clients_may_leave_out_what_is_new(boss):
    tree = copy.deepcopy(DEFAULTS)
    del tree["oauth"]["accountManagementUrl"]
    answer = await boss.client.put("/system-config", json={**tree, "unknown": 1})
    assert (answer.status_code, answer.json()) == (200, DEFAULTS)


async def test_users_see_only_what_their_clients_need(ada, boss):
    seen = (await ada.client.get("/config")).json()
    assert sorted(seen) == [
        "ffmpeg", "image", "machineLearning", "map", "oauth", "passwordLogin", "reverseGeocoding", "server", "theme",
        "trash", "user",
    ]  # fmt: skip
    assert seen["oauth"] == {"autoLaunch": False, "buttonText": "Login with OAuth", "enabled": False}
    assert (await ada.client.get("/config/defaults")).json() == seen


async def test_strangers_see_only_what_the_login_page_needs(house, boss):
    stranger = house.client()
    assert (await stranger.get("/public/config")).json() == {
        "oauth": {"autoLaunch": False, "buttonText": "Login with OAuth", "enabled": False},
        "passwordLogin": {"enabled": True},
        "server": {"loginPageMessage": ""},
        "theme": {"customCss": ""},
    }
    assert (await stranger.get("/public/config/defaults")).status_code == 200
    assert (await stranger.get("/config")).status_code == 401
    assert (await stranger.get("/system-config")).status_code == 401


async def test_users_cannot_change_settings(ada):
    assert (await ada.client.put("/system-config", json=DEFAULTS)).status_code == 403


async def test_template_options(boss):
    options = (await boss.client.get("/system-config/storage-template-options")).json()
    assert options["weekOptions"] == ["W", "WW"]
    assert len(options["presetOptions"]) == 21
