"""What the list of sessions shows about a device."""

import pytest

from calotype.accounts.device import Device, device

APP = {"devicemodel": "Pixel 7", "devicetype": "Android"}
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.0 Mobile/15E148 Safari/604.1"
)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (CHROME, Device("Chrome", "Linux")),
        (IPHONE, Device("Mobile Safari", "iOS")),
        ("immich-android/2.3.1", Device("Pixel 7", "android", "2.3.1")),
        ("immich-ios/2.3.1", Device("Pixel 7", "Android", "2.3.1")),
        ("immich-unknown/3.1.0", Device("Pixel 7", "Android", "3.1.0")),
        ("Immich_Android_1.90.2", Device("Pixel 7", "Android", "1.90.2")),
        ("Immich_iOS_1.90.2", Device("Pixel 7", "Android", "1.90.2")),
        ("curl/8.0", Device("Pixel 7", "Android")),
    ],
)
def test_a_browser_names_itself_and_the_app_says_what_it_runs_on(agent: str, expected: Device) -> None:
    assert device({"user-agent": agent, **APP}) == expected


def test_without_any_header_a_device_has_no_name() -> None:
    assert device({}) == Device("", "", None)


def test_a_header_of_kilobytes_does_not_reach_the_database() -> None:
    assert len(device({"devicemodel": "x" * 5000}).type) == 200
