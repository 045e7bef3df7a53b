"""People without a database: colours, labels, room, preferences."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.accounts.user import (
    AVATAR_COLORS,
    DEFAULT_PREFERENCES,
    Quota,
    changed_preferences,
    clean_label,
    color_of,
    preferences,
)


def test_the_colour_of_an_address_is_the_one_that_every_client_derives() -> None:
    assert color_of("a@b") == AVATAR_COLORS[(97 + 64 + 98) % 10] == "amber"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (r"a..b/c\d:e*", "abcde"),
        ("ada", "ada"),
        ("Ada Lovelace", "Ada Lovelace"),
        ("..", None),
        ("", None),
        (None, None),
        ("a\x00\nb", "ab"),
    ],
)
def test_a_storage_label_can_be_a_folder_anywhere(label: str | None, expected: str | None) -> None:
    assert clean_label(label) == expected


def test_room_is_left_up_to_the_last_byte() -> None:
    assert Quota(100, 90).has_room_for(10)
    assert not Quota(100, 90).has_room_for(11)
    assert Quota(None, 10**15).has_room_for(10**15)


def test_nobody_who_never_chose_has_anything_stored() -> None:
    assert preferences(None) == DEFAULT_PREFERENCES
    assert changed_preferences(None, {"people": {"minimumFaces": 3}}) == {}


def test_only_differences_are_stored_and_going_back_removes_them() -> None:
    stored = changed_preferences(None, {"people": {"minimumFaces": 5}, "tags": {"enabled": True}})
    assert stored == {"people": {"minimumFaces": 5}, "tags": {"enabled": True}}
    assert preferences(stored)["people"] == {"enabled": True, "sidebarWeb": False, "minimumFaces": 5}
    assert changed_preferences(stored, {"tags": {"enabled": False}}) == {"people": {"minimumFaces": 5}}


def test_an_avatar_colour_becomes_a_key_of_its_own() -> None:
    stored = changed_preferences(None, {"avatar": {"color": "pink"}})
    assert stored == {"avatar": {"color": "pink"}}
    assert preferences(stored)["avatar"] == {"color": "pink"}


def test_changing_one_persons_tree_leaves_the_defaults_alone() -> None:
    before = deepcopy(DEFAULT_PREFERENCES)
    preferences(None)["people"]["minimumFaces"] = 99
    changed_preferences(None, {"people": {"minimumFaces": 99}})
    assert before == DEFAULT_PREFERENCES


patches = st.fixed_dictionaries(
    {},
    optional={
        "people": st.fixed_dictionaries({}, optional={"minimumFaces": st.integers(1, 5), "enabled": st.booleans()}),
        "albums": st.fixed_dictionaries({}, optional={"defaultAssetOrder": st.sampled_from(["asc", "desc"])}),
    },
)


@given(patches, patches)
def test_what_was_chosen_last_is_what_is_read(first: dict, second: dict) -> None:
    stored = changed_preferences(changed_preferences(None, first), second)
    read = preferences(stored)
    for group, chosen in second.items():
        for key, value in chosen.items():
            assert read[group][key] == value
    assert changed_preferences(stored, {}) == stored
