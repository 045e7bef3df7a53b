"""Our OpenAPI document, for people who write clients."""


async def test_the_document_is_public_and_complete(house):
    document = (await house.client().get("/spec.json")).json()
    assert document["openapi"].startswith("3.")
    ping = document["paths"]["/api/server/ping"]["get"]
    assert ping["operationId"] == "pingServer"
    assert document["paths"]["/api/users/me"]["get"]["x-permission"] == "user.read"
    assert "/api/albums" not in document["paths"]


async def test_generated_clients_learn_how_to_upload(house):
    document = (await house.client().get("/spec.json")).json()
    upload = document["paths"]["/api/assets"]["post"]
    form = upload["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["fileCreatedAt", "fileModifiedAt", "assetData"]
    assert form["properties"]["assetData"]["format"] == "binary"
    item = form["properties"]["metadata"]["items"]["$ref"].rpartition("/")[2]
    assert set(document["components"]["schemas"][item]["properties"]) == {"key", "value"}
    assert upload["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/Uploaded")


async def test_yaml_is_the_same_text(house):
    json, yaml = await house.client().get("/spec.json"), await house.client().get("/spec.yaml")
    assert (yaml.content, yaml.headers["content-type"]) == (json.content, "application/yaml")


async def test_discovery_and_style_sheet_lie_outside_the_api(house):
    stranger = house.client()
    assert (await stranger.get("http://calotype/.well-known/immich")).json() == {"api": {"endpoint": "/api"}}
    css = await stranger.get("http://calotype/custom.css")
    assert (css.text, css.headers["content-type"].split(";")[0]) == ("", "text/css")


async def test_a_page_without_scripts_lists_every_operation(house):
    page = await house.client().get("http://calotype/doc")
    assert page.headers["content-type"].startswith("text/html")
    assert "<code>GET /server/ping</code>" in page.text
    assert "<code>asset.upload</code>" in page.text
    assert "<script" not in page.text
    document = (await house.client().get("/spec.json")).json()
    assert page.text.count("<tr>") == sum(len(methods) for methods in document["paths"].values())
