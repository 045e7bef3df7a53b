"""Every value of a column of photos, walked through by leaps over its index, whatever the number of photos."""

from typing import LiteralString

_LEAPS: LiteralString = """
    WITH RECURSIVE leap AS (
        SELECT whose.owner_id,
               (SELECT min(asset.{column}) FROM asset WHERE asset.owner_id = whose.owner_id AND asset.{column} > '') AS value
          FROM unnest(:owners::uuid[]) AS whose(owner_id)
         UNION ALL
        SELECT leap.owner_id,
               (SELECT min(asset.{column}) FROM asset
                 WHERE asset.owner_id = leap.owner_id AND asset.{column} > leap.value)
          FROM leap WHERE leap.value IS NOT NULL)
    SELECT DISTINCT leap.value FROM leap
     WHERE EXISTS (SELECT FROM asset
                    WHERE asset.owner_id = leap.owner_id AND asset.{column} = leap.value AND asset.status = 'active'
                      AND {shown})
"""


def values_of(column: LiteralString, *, shown: LiteralString) -> LiteralString:
    """A query for `value`: those of `:owners` that stand in at least one photo for which `shown` holds."""
    return _LEAPS.replace("{column}", column).replace("{shown}", shown)
