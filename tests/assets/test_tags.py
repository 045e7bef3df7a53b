"""Hierarchical tags from files."""

import pytest

from calotype.assets import tags
from calotype.core.ids import new_id
from calotype.core.sql import sql

USER = sql("INSERT INTO users (email, name) VALUES (:email, 'Ada') RETURNING id")
ASSET = sql("""
    INSERT INTO asset (owner_id, type, original_key, original_name, checksum, size_bytes, taken_at, local_taken,
                       file_modified_at, uploaded_taken_at)
    VALUES (:owner_id, 'IMAGE', 'k', 'a.jpg', '\\x00', 1, now(), now()::timestamp, now(), now())
    RETURNING id
""")
TAGS = sql("""
    SELECT tag.value, parent.value AS parent
      FROM tag
      LEFT JOIN tag AS parent ON parent.id = tag.parent_id
     WHERE tag.owner_id = :owner_id
     ORDER BY tag.value
""")
LINKED = sql("""
    SELECT tag.value
      FROM tag_asset
      JOIN tag ON tag.id = tag_asset.tag_id
     WHERE asset_id = :asset_id
     ORDER BY tag.value
""")


@pytest.mark.parametrize(
    ("given", "clean"),
    [("Animals/Dogs", "Animals/Dogs"), (" a // b /", "a/b"), ("/", ""), ("x\0y", "xy"), ("a" * 900, "a" * 500)],
)
def test_blank_levels_vanish(given, clean):
    assert tags.clean(given) == clean


def test_parents_come_before_children():
    assert tags.with_parents(["b", "a/x/y"]) == [[("a", None), ("b", None)], [("a/x", "a")], [("a/x/y", "a/x")]]


async def test_links_are_replaced_and_parents_made(tx):
    owner = await tx.value(USER, email=f"{new_id()}@example.com")
    asset = await tx.value(ASSET, owner_id=owner)
    await tags.replace(tx, owner, asset, ["Animals/Dogs/Rex", "Holiday", "Holiday"])
    await tags.replace(tx, owner, asset, ["Animals/Cats", "Holiday"])
    made = [tuple(row) for row in await tx.all(TAGS, owner_id=owner)]
    assert made == [
        ("Animals", None), ("Animals/Cats", "Animals"), ("Animals/Dogs", "Animals"),
        ("Animals/Dogs/Rex", "Animals/Dogs"), ("Holiday", None),
    ]  # fmt: skip
    assert [row["value"] for row in await tx.all(LINKED, asset_id=asset)] == ["Animals/Cats", "Holiday"]
    await tags.replace(tx, owner, asset, [])
    assert await tx.all(LINKED, asset_id=asset) == []
