"""Finds the photos and videos below some paths: hidden files left alone, links followed without going in circles."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from pathlib import Path

from calotype.cli.upload_rules import SIDECAR, Found, extension, is_skipped_folder, sidecar_name


@dataclass(slots=True)
class Crawled:
    """What was found. `others`: how many files of which extension nobody will send; `failed`: what and why."""

    files: list[Found] = field(default_factory=list[Found])
    others: Counter[str] = field(default_factory=Counter[str])
    failed: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])


def crawl(paths: Iterable[Path], extensions: Set[str], tell: Callable[[int], None] = lambda _: None) -> Crawled:
    """Everything below the paths, in the order of names; each file once. tell: how many there are so far."""
    crawled = Crawled()
    seen: set[tuple[int, int]] = set()
    files: set[Path] = set()
    for path in paths:
        start = Path(os.path.abspath(path.expanduser()))
        if start.is_dir():
            _folder(start, extensions, crawled, seen, files, tell)
        elif start.is_file():
            siblings = _names(start.parent, crawled)
            _file(start, extensions, siblings, crawled, files)
        else:
            crawled.failed.append((start, "There is no such file or folder."))
    return crawled


def _folder(
    folder: Path,
    extensions: Set[str],
    crawled: Crawled,
    seen: set[tuple[int, int]],
    files: set[Path],
    tell: Callable[[int], None],
) -> None:
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            known = here.stat()
        except OSError as error:
            crawled.failed.append((here, _why(error)))
            continue
        if (known.st_dev, known.st_ino) in seen:
            continue  # a link to where we already were
        seen.add((known.st_dev, known.st_ino))
        names = _names(here, crawled)
        folders: list[Path] = []
        for name in sorted(names):
            path = here / name
            if path.is_dir():
                if not is_skipped_folder(name):
                    folders.append(path)
            elif not name.startswith("."):
                _file(path, extensions, names, crawled, files)
        waiting += reversed(folders)
        tell(len(crawled.files))


def _file(path: Path, extensions: Set[str], siblings: Set[str], crawled: Crawled, files: set[Path]) -> None:
    kind = extension(path.name)
    if kind not in extensions:
        if kind != SIDECAR:
            crawled.others[kind or "no extension"] += 1
        return
    if path in files:
        return
    files.add(path)
    try:
        known = path.stat()
    except OSError as error:
        crawled.failed.append((path, _why(error)))
        return
    if not path.is_file():
        return  # a socket or a device with the name of a photo
    beside = sidecar_name(path.name, siblings)
    crawled.files.append(
        Found(path, known.st_size, known.st_mtime_ns, None if beside is None else path.with_name(beside))
    )


def _names(folder: Path, crawled: Crawled) -> set[str]:
    try:
        return set(os.listdir(folder))
    except OSError as error:
        crawled.failed.append((folder, _why(error)))
        return set()


def _why(error: OSError) -> str:
    return f"{error.strerror or error}."
