"""`calotype …`: finds the command and imports only what that command needs."""

import sys
from collections.abc import Callable
from importlib import import_module

from calotype.core.errors import Invalid, NotYet, Problem

# Without options these start at once; typer and rich would cost each role 20 MB for nothing.
ROLES = ("api", "work", "infer", "migrate")
# Commands with options of their own: name → (module, what it holds, whether it is a group of commands).
OTHERS: dict[str, tuple[str, str, bool]] = {
    "doctor": ("calotype.cli.doctor", "doctor", False),
    "upload": ("calotype.cli.upload", "upload", False),
    "login": ("calotype.cli.upload", "login", False),
    "admin": ("calotype.cli.admin", "app", True),
}


def main() -> None:
    """The program."""
    words = sys.argv[1:]
    try:
        if words == ["run"]:
            sys.exit(_run())
        if len(words) == 1 and words[0] in ROLES:
            from calotype.cli import roles

            sys.exit(getattr(roles, words[0])())
        if words in (["version"], ["--version"]):
            from calotype import __version__

            print(__version__)
            return
        _with_options(words)
    except Problem as problem:
        print(problem.sentence, file=sys.stderr)
        sys.exit(_status_of(problem))
    except KeyboardInterrupt:
        sys.exit(130)


def _run() -> int:
    """Run everything on this machine: database, cache, web, worker."""
    from calotype.core import config as configuration
    from calotype.core import log
    from calotype.outside import supervise

    config = configuration.read()
    log.set_up(config.log_level)
    return supervise.run(config)


def _status_of(problem: Problem) -> int:
    """Whether starting again may help; a supervisor does not restart who ends with `REFUSED`."""
    from calotype.outside.supervise import REFUSED

    return REFUSED if isinstance(problem, Invalid | NotYet) else 1


def _with_options(words: list[str]) -> None:
    import typer

    from calotype.cli import roles

    app = typer.Typer(
        name="calotype",
        help="A self-hosted photo and video library.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.command("run")(_leaving(_run))
    for name in ROLES:
        app.command(name)(_leaving(getattr(roles, name)))
    app.command("version")(_version)
    wanted = [words[0]] if words and words[0] in OTHERS else list(OTHERS)
    for name in wanted:
        module, held, is_group = OTHERS[name]
        found = getattr(import_module(module), held)
        if is_group:
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    app(words)


def _version() -> None:
    """Print the version."""
    from calotype import __version__

    print(__version__)


def _leaving(role: Callable[[], int]) -> Callable[[], None]:
    def command() -> None:
        sys.exit(role())

    command.__doc__ = role.__doc__
    return command
