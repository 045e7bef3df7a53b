"""The part of the published API that later releases bring: known by name, guarded like the rest, answered with 501."""

import importlib
import pkgutil
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

import calotype.api
from calotype.api.call import Reading
from calotype.api.op import OPERATIONS, Handler, Op, Operation
from calotype.core.errors import NotYet

TABLE = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True, slots=True)
class Pending(Operation):
    """One published operation and the capability that will bring it."""

    capability: str


def table() -> list[Pending]:
    """Every pending operation, in the order of the file."""
    found: list[Pending] = []
    for group in tomllib.loads(TABLE.read_text("utf-8"))["pending"]:
        for line in group["operations"]:
            method, path, name, guard, status = line.split(" ")
            may, *marks = guard.split("+")
            found.append(
                Pending(
                    method,
                    path,
                    name,
                    group["tag"],
                    None if may == "public" else may,
                    "admin" in marks,
                    "link" in marks,
                    int(status),
                    group["capability"],
                )
            )
    return found


def _register() -> None:
    """Serve what no door serves: every other door comes first."""
    for module in pkgutil.iter_modules(calotype.api.__path__):
        importlib.import_module(f"calotype.api.{module.name}")
    served = {(op.method, op.path) for op in OPERATIONS}
    for each in table():
        if (each.method, each.path) not in served:
            told = (getattr(each, part.name) for part in fields(Operation))
            # Nothing is read, so nothing can be wrong with it: raw.
            OPERATIONS.append(Op(*told, raw=True, hidden=True, handler=_not_yet(each)))


def is_pending(op: Op) -> bool:
    """Whether an operation only says that it will come."""
    return op.handler.__module__ == __name__


def _not_yet(pending: Pending) -> Handler:
    async def handler(ask: Reading) -> None:
        raise NotYet(f"{pending.name} is not served yet: it arrives with {pending.capability}.")

    return handler


_register()
