"""The settings: whole for administrators, in part for users and for the login page."""

from typing import Annotated

from calotype.api.call import Reading, Writing
from calotype.api.marks import Body
from calotype.api.op import Door
from calotype.settings import current, rules
from calotype.settings.settings import Tree, to_tree
from calotype.wire import settings as wire
from calotype.wire.settings import PublicConfig, SettingsTree, TemplateOptions, UserConfig

system = Door("System config")
config = Door("Config")

WholeTree = Annotated[SettingsTree, Body()]  # pyright: ignore[reportInvalidTypeForm] — made at run time


@config.get("/admin/config", may="adminConfig.read", admin=True, name="getAdminConfig", shape=SettingsTree)
@system.get("/system-config", may="systemConfig.read", admin=True, shape=SettingsTree)
async def get_config(ask: Reading) -> Tree:
    return to_tree(await current.read(ask.world))


@config.get(
    "/admin/config/defaults", may="adminConfig.read", admin=True, name="getAdminConfigDefaults", shape=SettingsTree
)
@system.get("/system-config/defaults", may="systemConfig.read", admin=True, shape=SettingsTree)
async def get_config_defaults(ask: Reading) -> Tree:
    return to_tree(current.defaults(ask.world.config))


@config.put("/admin/config", may="adminConfig.update", admin=True, name="updateAdminConfig", shape=SettingsTree)
@system.put("/system-config", may="systemConfig.update", admin=True, shape=SettingsTree)
async def update_config(ask: Writing, tree: WholeTree) -> Tree:
    sent: Tree = tree.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return to_tree(await current.save(ask.tx, ask.world, sent))


@system.get("/system-config/storage-template-options", may="systemConfig.read", admin=True)
async def get_storage_template_options(ask: Reading) -> TemplateOptions:
    return TemplateOptions.model_validate(rules.TEMPLATE_OPTIONS)


@config.get("/config", may="userConfig.read")
async def get_user_config(ask: Reading) -> UserConfig:
    return wire.for_users(await current.read(ask.world))


@config.get("/config/defaults", may="userConfig.read")
async def get_user_config_defaults(ask: Reading) -> UserConfig:
    return wire.for_users(current.defaults(ask.world.config))


@config.get("/public/config", public=True)
async def get_public_config(ask: Reading) -> PublicConfig:
    return wire.for_everybody(await current.read(ask.world))


@config.get("/public/config/defaults", public=True)
async def get_public_config_defaults(ask: Reading) -> PublicConfig:
    return wire.for_everybody(current.defaults(ask.world.config))
