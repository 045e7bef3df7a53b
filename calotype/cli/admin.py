"""`calotype admin …`: what an administrator does at the machine itself, when the web will not let them in."""

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from calotype.core import config as configuration
from calotype.core import log
from calotype.core.errors import Invalid
from calotype.core.world import World

T = TypeVar("T")

UNCUT = 400

app = typer.Typer(help="Manage people and storage from the command line.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="E-mail address of the person.")]
Given = Annotated[str | None, typer.Option("--password", help="Asked for when left out; `-` makes a random one.")]


@app.command("create-user")
def create_user(
    email: Email,
    name: Annotated[str, typer.Option(help="How the person is called.")] = "",
    password: Given = None,
    admin: Annotated[bool, typer.Option("--admin", help="Let the person manage the server.")] = False,
) -> None:
    """Add a person."""
    from calotype.accounts import users
    from calotype.accounts.users import NewPerson

    address, chosen = _address(email), _password(password)
    person = NewPerson(email=address, name=name or address.partition("@")[0], password=chosen, is_admin=admin)

    async def work(world: World) -> None:
        async with world.writing() as tx:
            await users.create(tx, person)

    _in_world(work)
    typer.echo(f"{address} can log in now.")


@app.command("reset-password")
def reset_password(email: Email, password: Given = None) -> None:
    """Give a person another password. They are asked to change it at their next login."""
    from calotype.accounts import users

    address, chosen = _address(email), _password(password)

    async def work(world: World) -> None:
        async with world.writing() as tx:
            user = await users.by_email(tx, address)
            await users.change(tx, user.id, {"password": chosen, "should_change_password": True})

    _in_world(work)
    typer.echo(f"{address} has a new password.")


@app.command("list-users")
def list_users() -> None:
    """Show everybody, also who was removed and can still be restored."""
    from rich.console import Console
    from rich.table import Table

    from calotype.accounts import store

    async def work(world: World) -> Table:
        table = Table("E-mail", "Name", "Administrator", "Status", "Used", "Created", "Id", box=None)
        async with world.glancing() as look:
            for user in await store.listed(look, with_deleted=True, id=None):
                table.add_row(
                    user.email,
                    user.name,
                    "yes" if user.is_admin else "",
                    user.status,
                    f"{user.usage_bytes / 1024**3:.1f} GiB",
                    user.created_at.date().isoformat(),
                    str(user.id),
                )
        return table

    shown = _in_world(work)
    # Cut to a terminal's width, but whole for a script that reads it.
    Console(width=None if sys.stdout.isatty() else UNCUT).print(shown)


@app.command("grant-admin")
def grant_admin(email: Email) -> None:
    """Let a person manage the server."""
    _set_admin(email, is_admin=True)


@app.command("revoke-admin")
def revoke_admin(email: Email) -> None:
    """Take that away again. The last administrator stays one."""
    _set_admin(email, is_admin=False)


@app.command("accept-storage")
def accept_storage() -> None:
    """Take the media folder as it is for the one that belongs to the database, after both were looked at."""
    from calotype.storage import epoch
    from calotype.storage.roots import GuardedFiles

    async def work(world: World) -> str:
        assert isinstance(world.files, GuardedFiles)
        return await epoch.accept(world, world.files.root)

    typer.echo(_in_world(work))


def _set_admin(email: str, *, is_admin: bool) -> None:
    from calotype.accounts import users

    address = _address(email)

    async def work(world: World) -> None:
        async with world.writing() as tx:
            await users.set_admin(tx, address, is_admin=is_admin)

    _in_world(work)
    typer.echo(f"{address} is {'an' if is_admin else 'no'} administrator now.")


def _in_world(work: Callable[[World], Awaitable[T]]) -> T:
    """Do it on a world of its own. The server may run meanwhile; if it has an embedded database, it must."""
    from calotype import compose
    from calotype.outside import embedded, migrate, supervise

    config = configuration.read()
    log.set_up("error")

    async def run() -> T:
        if await migrate.is_needed(embedded.database_url(config)):
            raise Invalid("The database is not prepared for this version yet. Start Calotype first.")
        async with compose.world(config) as world:
            return await work(world)

    with supervise.servers_running(config):
        return asyncio.run(run())


def _address(email: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from calotype.wire.base import Email as Address

    try:
        return TypeAdapter(Address).validate_python(email)
    except ValidationError as error:
        raise Invalid(f"{email} is not an e-mail address.") from error


def _password(given: str | None) -> str:
    if given == "-":
        made = secrets.token_urlsafe(12)
        typer.echo(f"Password: {made}")
        return made
    chosen: str = given if given is not None else typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not chosen:
        raise Invalid("A password is needed.")
    return chosen
