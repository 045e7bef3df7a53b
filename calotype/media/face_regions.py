"""Who is where in a picture, as files say it: read, and said again when people here know better. Pure.

Files speak of the picture as it was stored, people of the picture as they look at it (upright). Both ways of writing regions
are read, that of the Metadata Working Group and that of Windows; new ones are written in the first.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from calotype.media.values import number, one
from calotype.outside import xmp
from calotype.outside.xmp import Value

Area = tuple[float, float, float, float]  # centre x, y, then width and height, as shares of the picture

SAME_PLACE = 0.5  # areas that overlap by more than this share are of the same face
OF_SOMEBODY = frozenset({"", "face", "pet"})  # what somebody may be named in; focus points and barcodes are nobody
NUDGE_PX = 1 / 64  # readers round down: without it, a border on a whole pixel would come back as the one before


@dataclass(frozen=True, slots=True)
class FaceRegion:
    """A named face somebody marked, in pixels of the upright picture whose size is `width` × `height`."""

    name: str
    x1: int
    y1: int
    x2: int
    y2: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a file and its sidecar say of regions, in both ways of writing them."""

    working_group: Value | None = None
    windows: Value | None = None


def told(own: Mapping[str, Value], side: Mapping[str, Value]) -> Told:
    """The sidecar's word counts. `own`, `side`: values under `RegionInfo` and `RegionInfoMP`."""
    if "RegionInfo" in side:
        return Told(side["RegionInfo"], side.get("RegionInfoMP"))
    return Told(own.get("RegionInfo"), side.get("RegionInfoMP", own.get("RegionInfoMP")))


def named(said: Told, size: tuple[int | None, int | None], orientation: str | None) -> tuple[FaceRegion, ...]:
    """Everybody who has a name, upright. `size`: of the picture as it was stored."""
    applied = said.working_group.get("mwg-rs:AppliedToDimensions") if isinstance(said.working_group, dict) else None
    sides = [number(applied.get(f"stDim:{side}")) for side in "wh"] if isinstance(applied, dict) else [None, None]
    found: list[FaceRegion] = []
    known: list[Area] = []
    if sides[0] and sides[1]:
        items = [each for each in _items(said.working_group) if each.name and each.area]
        known = [each.area for each in items if each.area]
        applied_to = (int(sides[0]), int(sides[1]))
        found += [_upright(each.name, each.area, applied_to, orientation) for each in items if each.area]
    if size[0] and size[1]:
        for item in _items_of_windows(said.windows):
            if item.name and item.area and not any(_overlap(item.area, area) > SAME_PLACE for area in known):
                found.append(_upright(item.name, item.area, (size[0], size[1]), orientation))
    return tuple(found)


# What changes -----------------------------------------------------------------------------------------------------------


def changed(
    said: Told, faces: Sequence[FaceRegion], known: Sequence[FaceRegion], size: tuple[int, int], orientation: str | None
) -> xmp.Regions | None:
    """What to write so that a file names exactly these faces, and whatever else it says stays; `None` when it does.

    `known`: what was read from it, or written, and was people here since; of those, who is not among `faces` goes.
    """
    ours = [(face.name, area) for face in faces if (area := _stored(face, orientation)) is not None]
    before = [(face.name, area) for face in known if (area := _stored(face, orientation)) is not None]
    items = _items(said.working_group)
    matched, renamed = _renamed(items, ours)
    added = [xmp.Region(name, *area) for index, (name, area) in enumerate(ours) if index not in matched.values()]
    group = xmp.Listed(renamed, _dropped(items, set(matched), before), added)
    theirs = list(_items_of_windows(said.windows))
    matched, renamed = _renamed(theirs, ours)
    windows = xmp.Listed(renamed, _dropped(theirs, set(matched), before))
    if group.is_same and windows.is_same:
        return None
    return xmp.Regions(size, said.working_group, group, windows)


def persons(listed: Sequence[str], said: Told, change: xmp.Regions, faces: Sequence[FaceRegion]) -> list[str]:
    """The list of who is shown, as it is after the change: those it had, without who is gone, with all we know."""
    there, gone = set[str](), set[str]()
    ours = [face.name for face in faces]
    group, windows = _items(said.working_group), list(_items_of_windows(said.windows))
    for items, listing in ((group, change.working_group), (windows, change.windows)):
        for item in items:
            is_gone = item.place in listing.renamed or item.place in listing.dropped
            (gone if is_gone else there).add(item.name)
    kept = [name for name in listed if name not in gone or name in there or name in ours]
    return list(dict.fromkeys([*kept, *ours]))


def _renamed(items: "Sequence[_Item]", ours: Sequence[tuple[str, Area]]) -> tuple[dict[int, int], dict[int, str]]:
    """Which of our faces each item is, and which items get another name. The same name first, then the best place."""
    pairs = [
        (item.name != name, -share, item.place, index)
        for item in items
        if item.area and item.kind in OF_SOMEBODY
        for index, (name, area) in enumerate(ours)
        if (share := _overlap(item.area, area)) > SAME_PLACE
    ]
    matched: dict[int, int] = {}
    for _, _, place, index in sorted(pairs):
        if place not in matched and index not in matched.values():
            matched[place] = index
    names = {place: ours[index][0] for place, index in matched.items()}
    return matched, {item.place: names[item.place] for item in items if names.get(item.place, item.name) != item.name}


def _dropped(items: "Sequence[_Item]", matched: set[int], before: Sequence[tuple[str, Area]]) -> tuple[int, ...]:
    return tuple(
        item.place
        for item in items
        if item.place not in matched and item.area and item.name and item.kind in OF_SOMEBODY
        if any(name == item.name and _overlap(item.area, area) > SAME_PLACE for name, area in before)
    )


# Items ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    """A region in a list. `area` is `None` for a point, a circle, or nonsense."""

    place: int
    name: str
    kind: str
    area: Area | None


def _items(value: Value | None) -> list[_Item]:
    """Regions of the Metadata Working Group: centre and size as shares of the picture as it was stored."""
    regions = value.get("mwg-rs:RegionList") if isinstance(value, dict) else None
    found: list[_Item] = []
    for place, region in enumerate(regions if isinstance(regions, list) else []):
        area = region.get("mwg-rs:Area") if isinstance(region, dict) else None
        if isinstance(region, dict) and isinstance(area, dict):
            name, kind = one(region.get("mwg-rs:Name")).strip(), one(region.get("mwg-rs:Type")).strip().lower()
            found.append(_Item(place, name, kind, _area([number(area.get(f"stArea:{side}")) for side in "xywh"])))
    return found


def _items_of_windows(value: Value | None) -> Iterator[_Item]:
    """Regions as Windows' photo programs wrote them: left, top, width and height as shares of the stored picture."""
    regions = value.get("MPRI:Regions") if isinstance(value, dict) else None
    for place, region in enumerate(regions if isinstance(regions, list) else []):
        if isinstance(region, dict):
            name = one(region.get("MPReg:PersonDisplayName")).strip()
            area = _area([number(part) for part in one(region.get("MPReg:Rectangle")).split(",")])
            centred = (area[0] + area[2] / 2, area[1] + area[3] / 2, area[2], area[3]) if area else None
            yield _Item(place, name, "", centred)


def _area(numbers: list[float | None]) -> Area | None:
    match numbers:
        case [float(x), float(y), float(w), float(h)]:
            return x, y, w, h
        case _:
            return None


# Places -----------------------------------------------------------------------------------------------------------------


def _turned(area: Area, orientation: str | None) -> Area:
    """From the picture as it was stored to the upright one (EXIF's eight orientations)."""
    x, y, w, h = area
    match orientation:
        case "2":
            x = 1 - x
        case "3":
            x, y = 1 - x, 1 - y
        case "4":
            y = 1 - y
        case "5":
            x, y = y, x
        case "6":
            x, y = 1 - y, x
        case "7":
            x, y = 1 - y, 1 - x
        case "8":
            x, y = y, 1 - x
        case _:
            pass
    return (x, y, h, w) if orientation in ("5", "6", "7", "8") else (x, y, w, h)


def _upright(name: str, area: Area, size: tuple[int, int], orientation: str | None) -> FaceRegion:
    width, height = size[::-1] if orientation in ("5", "6", "7", "8") else size
    x, y, w, h = _turned(area, orientation)
    return FaceRegion(
        name,
        math.floor((x - w / 2) * width),
        math.floor((y - h / 2) * height),
        math.floor((x + w / 2) * width),
        math.floor((y + h / 2) * height),
        width,
        height,
    )


def _stored(face: FaceRegion, orientation: str | None) -> Area | None:
    """Where a face is in the picture as it was stored; `None` for one that is not in the picture at all."""
    width, height = max(1, face.width), max(1, face.height)
    left, right = (min(max(side, 0), width) for side in sorted((face.x1, face.x2)))
    top, bottom = (min(max(side, 0), height) for side in sorted((face.y1, face.y2)))
    if right <= left or bottom <= top:
        return None
    x = ((left + right) / 2 + NUDGE_PX) / width
    y = ((top + bottom) / 2 + NUDGE_PX) / height
    # Turning to the right is undone by turning to the left; all other orientations undo themselves.
    back = {"6": "8", "8": "6"}.get(orientation or "", orientation)
    return _turned((x, y, (right - left) / width, (bottom - top) / height), back)


def _overlap(first: Area, second: Area) -> float:
    """Intersection over union, 0 to 1."""
    across = min(first[0] + first[2] / 2, second[0] + second[2] / 2) - max(
        first[0] - first[2] / 2, second[0] - second[2] / 2
    )
    down = min(first[1] + first[3] / 2, second[1] + second[3] / 2) - max(
        first[1] - first[3] / 2, second[1] - second[3] / 2
    )
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (first[2] * first[3] + second[2] * second[3] - both)
