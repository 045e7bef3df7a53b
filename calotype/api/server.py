"""What the server says of itself."""

from calotype.api.call import Reading, Writing
from calotype.api.op import Door
from calotype.assets.formats import IMAGE_EXTENSIONS, SIDECAR_EXTENSIONS, VIDEO_EXTENSIONS
from calotype.core.errors import Invalid, Missing
from calotype.server import about, store
from calotype.wire import server as wire

server = Door("Server")
metadata = Door("System metadata")


@server.get("/server/ping", public=True)
async def ping_server(ask: Reading) -> wire.Ping:
    return wire.Ping(res="pong")


@server.get("/server/version", public=True)
async def get_server_version(ask: Reading) -> wire.Version:
    return wire.Version.model_validate(about.version_numbers())


@server.get("/server/version-history", public=True)
async def get_version_history(ask: Reading) -> list[wire.VersionOnce]:
    return [wire.VersionOnce.model_validate(each) for each in await store.history(ask.look)]


@server.get("/server/version-check", may="server.versionCheck")
async def get_version_check(ask: Reading) -> wire.VersionCheck:
    return wire.VersionCheck(checked_at=None, release_version=None)  # we never ask a stranger about ourselves


@server.get("/server/about", may="server.about")
async def get_about_info(ask: Reading) -> wire.About:
    return wire.About.model_validate(about.description())


@server.get("/server/apk-links", may="server.apkLinks")
async def get_apk_links(ask: Reading) -> wire.ApkLinks:
    return wire.ApkLinks.model_validate(about.apk_links())


@server.get("/server/features", public=True)
async def get_server_features(ask: Reading) -> wire.Features:
    return wire.Features.model_validate(await about.features(ask.world))


@server.get("/server/config", public=True)
async def get_server_config(ask: Reading) -> wire.ServerConfig:
    return wire.ServerConfig.model_validate(await about.config(ask.world))


@server.get("/server/storage", may="server.storage")
async def get_storage(ask: Reading) -> wire.Storage:
    return wire.storage(await about.space(ask.world, ask.look))


@server.get("/server/statistics", may="server.statistics", admin=True)
async def get_server_statistics(ask: Reading) -> wire.Statistics:
    return wire.statistics(await store.usage(ask.look))


@server.get("/server/media-types", public=True)
async def get_supported_media_types(ask: Reading) -> wire.MediaTypes:
    return wire.MediaTypes(video=list(VIDEO_EXTENSIONS), image=list(IMAGE_EXTENSIONS), sidecar=list(SIDECAR_EXTENSIONS))


@server.get("/server/license", may="serverLicense.read", admin=True)
async def get_server_license(ask: Reading) -> wire.License:
    raise Missing("Not Found")  # Calotype sells nothing, so nobody has bought anything


@server.put("/server/license", may="serverLicense.update", admin=True)
async def set_server_license(ask: Reading, key: wire.LicenseKey) -> wire.License:
    raise Invalid("Invalid license key")


@server.delete("/server/license", may="serverLicense.delete", admin=True)
async def delete_server_license(ask: Reading) -> None:
    return None


@metadata.get("/system-metadata/admin-onboarding", may="systemMetadata.read", admin=True)
async def get_admin_onboarding(ask: Reading) -> wire.Onboarding:
    return wire.Onboarding(is_onboarded=await about.is_onboarded(ask.look))


@metadata.post("/system-metadata/admin-onboarding", may="systemMetadata.update", admin=True, status=204)
async def update_admin_onboarding(ask: Writing, state: wire.Onboarding) -> None:
    await about.set_onboarded(ask.tx, is_onboarded=state.is_onboarded)


@metadata.get("/system-metadata/reverse-geocoding-state", may="systemMetadata.read", admin=True)
async def get_reverse_geocoding_state(ask: Reading) -> wire.ReverseGeocoding:
    return wire.ReverseGeocoding(last_update=None, last_import_file_name=None)  # places come with the package


@metadata.get("/system-metadata/version-check-state", may="systemMetadata.read", admin=True)
async def get_version_check_state(ask: Reading) -> wire.VersionCheck:
    return wire.VersionCheck(checked_at=None, release_version=None)
