"""What a request's headers tell about the device it came from, as the list of sessions shows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

LONGEST = 200  # a name is for people to read; headers can be kilobytes

# The first that matches wins: most browsers claim to be several others.
BROWSERS = (
    ("Edge", r"\bEdg(?:e|A|iOS)?/"),
    ("Opera", r"\b(?:OPR|Opera|OPiOS)/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Vivaldi", r"\bVivaldi/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome Headless", r"\bHeadlessChrome/"),
    ("Mobile Chrome", r"\bCriOS/|\bChrome/.*\bMobile\b"),
    ("Chromium", r"\bChromium/"),
    ("Chrome", r"\bChrome/"),
    ("Mobile Safari", r"\bVersion/.*\bMobile/.*\bSafari/"),
    ("Safari", r"\bVersion/.*\bSafari/"),
)
SYSTEMS = (
    ("iOS", r"\b(?:iPhone|iPad|iPod)\b"),
    ("macOS", r"\bMac OS X\b|\bMacintosh\b"),
    ("Windows", r"\bWindows\b"),
    ("Chrome OS", r"\bCrOS\b"),
    ("Linux", r"\bLinux\b|\bX11\b"),
)
_ANDROID = re.compile(r"android", re.IGNORECASE)
_APP = re.compile(r"^immich[-_](?:android|ios|unknown)[/_]v?(\d+\.\d+\.\d+[^\s;]*)", re.IGNORECASE)
_BROWSERS = [(name, re.compile(pattern)) for name, pattern in BROWSERS]
_SYSTEMS = [(name, re.compile(pattern)) for name, pattern in SYSTEMS]


@dataclass(frozen=True, slots=True)
class Device:
    """`type` is the browser or model, `os` the system; both may be empty. `app_version` only for the mobile app."""

    type: str = ""
    os: str = ""
    app_version: str | None = None


def app_version(headers: Mapping[str, str]) -> str | None:
    """The version of the mobile app, `None` for anything else."""
    found = _APP.match(headers.get("user-agent", "")[:LONGEST])
    return found.group(1) if found else None


def device(headers: Mapping[str, str]) -> Device:
    """The device behind these headers; `devicemodel` and `devicetype` are what the mobile app says about itself."""
    agent = headers.get("user-agent", "")[:1000]
    browser = next((name for name, pattern in _BROWSERS if pattern.search(agent)), "")
    android = _ANDROID.search(agent)
    system = android.group() if android else next((name for name, pattern in _SYSTEMS if pattern.search(agent)), "")
    return Device(
        type=(browser or headers.get("devicemodel", ""))[:LONGEST],
        os=(system or headers.get("devicetype", ""))[:LONGEST],
        app_version=app_version(headers),
    )
