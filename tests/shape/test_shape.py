"""The habits of the source that no linter knows: where SQL lies, what is imported late, how long a file is."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "calotype"

# Statements are registered in stores; these others hold SQL too, for the reason given.
SQL_ELSEWHERE = {
    "albums/membership.py": "five statements and nothing else; a store of its own comes with albums",
    "media/problems.py": "three statements on one small table",
    "timeline/months.py": "the counters of decision 0004 with the statements that keep them",
    "server/doctor.py": "asks the server about itself, over a connection of its own",
    "outside/migrate.py": "asks for the schema's revision, before there is a pool",
    "cli/known_hashes.py": "a SQLite file of the uploading user's own",
}
# Imports inside functions. In these files that is the rule: what is imported late costs start-up time or memory that
# most runs never need. Elsewhere the line says why.
LATE_IMPORTS = {
    "__init__.py": "the version is looked up when asked for",
    "cli": "a command only loads what it needs: `calotype version` answers in 50 ms",
    "inference": "each process loads what its own task needs: the front holds no runtime, an idle child no model",
    "outside/animation.py": "runs in a decoding child",
    "outside/inference.py": "an HTTP client, for those processes that ask an inference service",
    "outside/images.py": "the child's side: numpy and libvips never enter the worker",
    "outside/pixels.py": "each decoder is loaded for its first file only",
    "outside/tags.py": "the child's side",
    "outside/video.py": "the child's side: PyAV never enters the worker",
    "outside/migrate.py": "Alembic and SQLAlchemy serve one start in a hundred",
    "outside/supervise.py": "the supervisor stays small: it waits for as long as the machine runs",
    "media/zones.py": "40 MiB of polygons, for the first photo with a place",
}
LONG = 500
LONG_FILES = {
    "assets/store.py": "the statements of the one wide table, in the order of an asset's life",
    "outside/disk.py": "the promises of Files on a mount that may hang at any call",
    "outside/video.py": "probe, poster and encode share the container",
}
LONG_TESTS = {"api/test_faults.py", "media/test_exif.py", "outside/test_images.py"}  # tables of cases


def files() -> list[Path]:
    return [path for path in sorted(SOURCE.rglob("*.py")) if "schema" not in path.parts]


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {name_of(path): ast.parse(path.read_text("utf-8")) for path in files()}


def literals(tree: ast.AST) -> list[str]:
    return [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def test_every_module_says_why_it_exists(trees):
    silent = [name for name, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def takes_sql(call: ast.Call) -> bool:
    """`sql(…)`, `where.into(…)`, `built.where.add(…)`."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in ("into", "add") and ast.unparse(call.func.value).endswith("where")
    return isinstance(call.func, ast.Name) and call.func.id == "sql"


def is_formatted(node: ast.AST) -> bool:
    is_format = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "format"
    is_percent = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod)
    return isinstance(node, ast.JoinedStr) or is_format or is_percent


def test_a_statement_is_literal_text(trees):
    """pyright refuses what is no `LiteralString`; this also refuses what only reads like formatting."""
    calls = [
        (name, n) for name, tree in trees.items() for n in ast.walk(tree) if isinstance(n, ast.Call) and takes_sql(n)
    ]
    assert len(calls) > 100
    wrong = [
        f"{name}:{c.lineno}" for name, c in calls for text in c.args[:1] for n in ast.walk(text) if is_formatted(n)
    ]
    assert wrong == []


QUERY = re.compile(r"\bSELECT\b.+\bFROM\b|\bINSERT INTO\b|\bUPDATE [a-z_]+\s+SET\b|\bDELETE FROM\b", re.DOTALL)


def test_sql_lies_in_stores(trees):
    holding = {name for name, tree in trees.items() if any(QUERY.search(text) for text in literals(tree))}
    others = {name for name in holding if not name.endswith("store.py")}
    assert others == set(SQL_ELSEWHERE)


def test_late_imports_have_a_reason(trees):
    wrong = []
    for name, tree in trees.items():
        if name in LATE_IMPORTS or name.split("/")[0] in LATE_IMPORTS:
            continue
        lines = (SOURCE / name).read_text("utf-8").splitlines()
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom) and "#" not in "".join(
                    lines[node.lineno - 2 : node.lineno]
                ):
                    wrong.append(f"{name}:{node.lineno}")
    assert wrong == []


def test_fastapi_only_writes_the_document(trees):
    """It costs a second of every start; what handlers say of their parameters is in `api/marks.py`."""
    importing = {
        name
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fastapi"))
        or (isinstance(node, ast.Import) and any(each.name.startswith("fastapi") for each in node.names))
    }
    assert importing == {"api/document.py"}


def test_long_files_have_a_reason():
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in files()}
    assert {name for name, lines in lengths.items() if lines > LONG} == set(LONG_FILES)
    tests = ROOT / "tests"
    long = {
        path.relative_to(tests).as_posix()
        for path in tests.rglob("*.py")
        if "node_modules" not in path.parts and len(path.read_text("utf-8").splitlines()) > LONG
    }
    assert long <= LONG_TESTS
