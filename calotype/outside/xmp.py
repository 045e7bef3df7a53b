"""XMP packets: foreign XML in, plain properties out, and a few properties changed without touching the rest.

Packets come from strangers' files, so the parser resolves no entity, opens no network and refuses document types.
"""

# lxml ships no type information; everything it returns stays inside this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportAttributeAccessIssue=false

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from calotype.core.errors import Invalid

MAX_BYTES = 16 << 20  # a sidecar with a long editing history has a few MiB; beyond this it is no sidecar

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_META = "adobe:ns:meta/"

# Our own names for the namespaces we read; files may bind other prefixes to them.
NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "aux": "http://ns.adobe.com/exif/1.0/aux/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "GPano": "http://ns.google.com/photos/1.0/panorama/",
    "GSpherical": "http://ns.google.com/videos/1.0/spherical/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "mwg-rs": "http://www.metadataworkinggroup.com/schemas/regions/",
    "stDim": "http://ns.adobe.com/xap/1.0/sType/Dimensions#",
    "stArea": "http://ns.adobe.com/xmp/sType/Area#",
    "MP": "http://ns.microsoft.com/photo/1.2/",
    "MPRI": "http://ns.microsoft.com/photo/1.2/t/RegionInfo#",
    "MPReg": "http://ns.microsoft.com/photo/1.2/t/Region#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
_PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()}

Value = str | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, slots=True)
class Text:
    """A plain value."""

    text: str


@dataclass(frozen=True, slots=True)
class Language:
    """A value that has translations; ours is the default one."""

    text: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """A list whose order counts."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Bag:
    """A list whose order says nothing."""

    items: Sequence[str]


Written = Text | Language | Ordered | Bag


@dataclass(frozen=True, slots=True)
class Region:
    """Somebody in the picture as it was stored: centre and size as shares of its width and height (MWG 2.0 §5.9)."""

    name: str
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class Listed:
    """What changes in a list of regions. Numbers are places in the list as it is."""

    renamed: Mapping[int, str]
    dropped: Collection[int] = ()
    added: Sequence[Region] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing changes."""
        return not (self.renamed or self.dropped or self.added)


@dataclass(frozen=True, slots=True)
class Regions:
    """What changes of who is in the picture, in both ways of writing it.

    `carried`: the list that counts where the packet has none, as `read` gives it (the picture file's own). `size`: of the
    picture as it was stored.
    """

    size: tuple[int, int]
    carried: Value | None
    working_group: Listed
    windows: Listed


def read(packet: bytes) -> dict[str, Value]:
    """Properties as `prefix:Name` (`exif:DateTimeOriginal`, `dc:subject`), prefixes as in `NAMESPACES`.

    Lists are lists, structures are dicts, of a value with translations the default one is taken. Properties of other
    namespaces are left out. Raises `Invalid` when the bytes are not well-formed XML.
    """
    found: dict[str, Value] = {}
    for description in _descriptions(_parse(packet)):
        for name, value in _properties(description, 0):
            found.setdefault(name, value)
    return found


def write(packet: bytes | None, values: Mapping[str, Written | None], regions: Regions | None = None) -> bytes:
    """The packet (or a new one) with these properties replaced, or removed (`None`); everything else stays.

    Keys are `prefix:Name`. Of regions, only what changes is touched. Raises `Invalid` when `packet` is not XMP: nothing
    that we cannot read is overwritten.
    """
    root = _parse(packet if packet and packet.strip(b"\0 \t\r\n") else _EMPTY)
    rdf = root if root.tag == f"{{{RDF}}}RDF" else root.find(f".//{{{RDF}}}RDF")
    if rdf is None:
        raise Invalid("The sidecar file is XML, but not XMP.")
    about = ""
    for description in list(_descriptions(root)):
        about = description.get(f"{{{RDF}}}about", about)
        for name in values:
            _remove(description, _qualified(name))
        if len(description) == 0 and all(_is_rdf(key) for key in description.attrib):
            rdf.remove(description)
    prefixes = {name.split(":")[0] for name in values}
    added = etree.SubElement(
        rdf, f"{{{RDF}}}Description", nsmap={prefix: NAMESPACES[prefix] for prefix in sorted(prefixes)}
    )
    added.set(f"{{{RDF}}}about", about)
    for name, value in values.items():
        if value is not None:
            _append(added, name, value)
    if regions is not None:
        _change_regions(root, added, regions)
    etree.indent(added, level=2)
    if len(added) == 0:
        rdf.remove(added)
    tree = root.getroottree()
    declared = bool(packet and packet.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml"))
    return etree.tostring(tree, encoding="UTF-8", xml_declaration=declared) + b"\n"


_EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    f'<x:xmpmeta xmlns:x="{_META}">\n <rdf:RDF xmlns:rdf="{RDF}">\n </rdf:RDF>\n</x:xmpmeta>\n'
    '<?xpacket end="w"?>'
).encode()


def _parse(packet: bytes) -> Any:
    if len(packet) > MAX_BYTES:
        raise Invalid("The XMP is larger than anything we read.")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(packet.strip(b"\0") if packet[:1] not in (b"\xff", b"\xfe") else packet, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Invalid("The XMP is not well-formed XML.") from error
    if root.getroottree().docinfo.doctype or root.getroottree().docinfo.internalDTD is not None:
        raise Invalid("The XMP declares a document type, which no XMP may.")
    return root


def _descriptions(root: Any) -> Iterator[Any]:
    for rdf in root.iter(f"{{{RDF}}}RDF"):
        yield from rdf.findall(f"{{{RDF}}}Description")


def _is_rdf(key: str) -> bool:
    return key.startswith((f"{{{RDF}}}", f"{{{_XML}}}"))


def _name(key: str) -> str | None:
    uri, _, local = key[1:].partition("}")
    prefix = _PREFIXES.get(uri)
    return f"{prefix}:{local}" if prefix else None


def _qualified(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def _elements(parent: Any) -> list[Any]:
    return [child for child in parent if isinstance(child.tag, str)]  # comments have a function as tag


def _properties(node: Any, depth: int) -> Iterator[tuple[str, Value]]:
    for key, value in node.attrib.items():
        if name := None if _is_rdf(key) else _name(key):
            yield name, value
    for child in _elements(node):
        if name := _name(child.tag):
            yield name, _value(child, depth + 1)


def _value(node: Any, depth: int) -> Value:
    children = _elements(node)
    if depth > 20:  # deeper than any schema; keeps recursion short
        return ""
    if len(children) == 1 and children[0].tag in (f"{{{RDF}}}Bag", f"{{{RDF}}}Seq"):
        return [_value(item, depth + 1) for item in _elements(children[0])]
    if len(children) == 1 and children[0].tag == f"{{{RDF}}}Alt":
        items = _elements(children[0])
        chosen = next((i for i in items if i.get(f"{{{_XML}}}lang") == "x-default"), items[0] if items else None)
        return "" if chosen is None else _value(chosen, depth + 1)
    if len(children) == 1 and children[0].tag == f"{{{RDF}}}Description":
        return _structure(children[0], depth)
    plain = [key for key in node.attrib if not _is_rdf(key)]
    if children or plain:
        return _structure(node, depth)
    return node.get(f"{{{RDF}}}resource") or node.text or ""


def _structure(node: Any, depth: int) -> Value:
    for child in _elements(node):
        if child.tag == f"{{{RDF}}}value":  # a value with qualifiers
            return _value(child, depth + 1)
    return dict(_properties(node, depth))


def _remove(description: Any, key: str) -> None:
    description.attrib.pop(key, None)
    for child in description.findall(key):
        previous = child.getprevious()
        if child.tail and previous is not None and not previous.tail:
            previous.tail = child.tail
        description.remove(child)


def _append(description: Any, name: str, value: Written) -> None:
    element = etree.SubElement(description, _qualified(name))
    match value:
        case Text(text):
            element.text = _clean(text)
        case Language(text):
            item = etree.SubElement(etree.SubElement(element, f"{{{RDF}}}Alt"), f"{{{RDF}}}li")
            item.set(f"{{{_XML}}}lang", "x-default")
            item.text = _clean(text)
        case Ordered(items) | Bag(items):
            kind = "Seq" if isinstance(value, Ordered) else "Bag"
            sequence = etree.SubElement(element, f"{{{RDF}}}{kind}")
            for text in items:
                etree.SubElement(sequence, f"{{{RDF}}}li").text = _clean(text)


def _clean(text: str) -> str:
    """XML 1.0 §2.2 has no way to write most control characters and lone surrogates."""
    return "".join(c for c in text if c in "\t\n\r" or "\x20" <= c < "\ud800" or "\ue000" <= c not in "\ufffe\uffff")


# Regions ----------------------------------------------------------------------------------------------------------------

_PARSE_TYPE = f"{{{RDF}}}parseType"
_LISTS = (f"{{{RDF}}}Bag", f"{{{RDF}}}Seq")


def _change_regions(root: Any, added: Any, regions: Regions) -> None:
    """In place, because programs keep more beside a name than we know of. What is new goes into `added`."""
    if not regions.working_group.is_same:
        found = _first(root, "mwg-rs:Regions")
        if found is None:
            found = _put(added, "mwg-rs:Regions", regions.carried if isinstance(regions.carried, dict) else {})
        _apply_to(found, regions)
    theirs = _first(root, "MP:RegionInfo")
    listed = None if theirs is None else _items_of(_holder(theirs), "MPRI:Regions")
    if listed is not None and not regions.windows.is_same:
        _rename_and_drop(listed, regions.windows, "MPReg:PersonDisplayName")


def _apply_to(found: Any, regions: Regions) -> None:
    holder = _holder(found)
    if holder is found:
        found.set(_PARSE_TYPE, "Resource")
    size = holder.find(_qualified("mwg-rs:AppliedToDimensions"))
    if size is None or not isinstance(_value(size, 0), dict):
        _remove(holder, _qualified("mwg-rs:AppliedToDimensions"))
        width, height = regions.size
        sides: dict[str, Value] = {"stDim:w": str(width), "stDim:h": str(height), "stDim:unit": "pixel"}
        _put(holder, "mwg-rs:AppliedToDimensions", sides)
    listed = _items_of(holder, "mwg-rs:RegionList")
    if listed is None:
        _remove(holder, _qualified("mwg-rs:RegionList"))
        listed = etree.SubElement(_put(holder, "mwg-rs:RegionList", ""), _LISTS[0])
    _rename_and_drop(listed, regions.working_group, "mwg-rs:Name")
    for region in regions.working_group.added:
        item = etree.SubElement(listed, f"{{{RDF}}}li")
        item.set(_PARSE_TYPE, "Resource")
        area = {f"stArea:{side}": _share(value) for side, value in zip("xywh", _sides(region), strict=True)}
        _put(item, "mwg-rs:Area", {**area, "stArea:unit": "normalized"})
        _put(item, "mwg-rs:Name", _clean(region.name))
        _put(item, "mwg-rs:Type", "Face")


def _sides(region: Region) -> tuple[float, float, float, float]:
    return region.x, region.y, region.w, region.h


def _share(value: float) -> str:
    """Ten decimals tell pixels apart in any picture there is."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _rename_and_drop(listed: Any, change: Listed, key: str) -> None:
    items = _elements(listed)
    for number, name in change.renamed.items():
        _name_it(_holder(items[number]), key, _clean(name))
    for number in change.dropped:
        listed.remove(items[number])


def _name_it(holder: Any, key: str, name: str) -> None:
    tag = _qualified(key)
    child = holder.find(tag)
    if child is not None:
        for inner in list(child):
            child.remove(inner)
        child.text = name
    elif tag in holder.attrib or any(not _is_rdf(attribute) for attribute in holder.attrib):
        holder.set(tag, name)
    else:
        _put(holder, key, name)


def _first(root: Any, name: str) -> Any:
    found = (child for description in _descriptions(root) for child in description.iterfind(_qualified(name)))
    return next(found, None)


def _holder(node: Any) -> Any:
    """The element that carries the parts of a structure: RDF allows one in between."""
    children = _elements(node)
    return children[0] if len(children) == 1 and children[0].tag == f"{{{RDF}}}Description" else node


def _items_of(holder: Any, name: str) -> Any:
    node = holder.find(_qualified(name))
    children = [] if node is None else _elements(node)
    return children[0] if len(children) == 1 and children[0].tag in _LISTS else None


def _put(parent: Any, name: str, value: Value) -> Any:
    """A value as `read` gave it, under its parent again."""
    prefix = name.split(":")[0]
    element = etree.SubElement(parent, _qualified(name), nsmap={prefix: NAMESPACES[prefix]})
    _fill(element, value)
    return element


def _fill(element: Any, value: Value) -> None:
    if isinstance(value, str):
        element.text = value
    elif isinstance(value, dict):
        element.set(_PARSE_TYPE, "Resource")
        for inner, part in value.items():
            _put(element, inner, part)
    else:
        items = etree.SubElement(element, _LISTS[0])
        for part in value:
            _fill(etree.SubElement(items, f"{{{RDF}}}li"), part)
