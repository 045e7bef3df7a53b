"""What a model makes of a picture is kept; and a model takes another's place when it has seen the whole library."""

import json
import math
from dataclasses import dataclass

from calotype.core.errors import Invalid
from calotype.core.events import Event
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Tx
from calotype.search import embedding_store as store
from calotype.search.embedding_store import Model

MOST_DIMENSIONS = 4000  # of a halfvec that is to be indexed


@dataclass(frozen=True, slots=True)
class Embedded(Event):
    """A picture has a vector of the model that answers, or of the one that will."""

    asset_id: AssetId
    owner_id: UserId


@dataclass(frozen=True, slots=True)
class ModelReplaced(Event):
    """Searches are answered by another model from now on; what the old one made is removed in the background."""

    name: str


def length(vector: str) -> int:
    """How many numbers a vector in text has. Raises `Invalid` when it is none, or has no direction."""
    try:
        numbers = [float(number) for number in json.loads(vector)]
    except (ValueError, TypeError) as error:
        raise Invalid("The embedding is not a list of numbers.") from error
    size = math.hypot(*numbers)
    if not (math.isfinite(size) and size > 0) or max(map(abs, numbers)) > 65_504:  # the largest half-precision number
        raise Invalid("The embedding has no direction.")
    if len(numbers) > MOST_DIMENSIONS:
        raise Invalid(f"The embedding has {len(numbers)} numbers; at most {MOST_DIMENSIONS} can be searched.")
    return len(numbers)


async def keep(tx: Tx, asset: AssetId, owner: UserId, *, model: str, vector: str) -> None:
    """Keep the vector beside those of other models. Raises `Invalid` for one that does not fit the model's others."""
    dimensions = length(vector)
    known = next((each for each in await store.models(tx) if each.name == model), None)
    if known is None:
        known = await store.add_model(tx, model, dimensions)
    if known.dimensions != dimensions:
        raise Invalid(f"The embedding has {dimensions} numbers, but those of {model} have {known.dimensions}.")
    await store.keep(tx, asset, owner, known, vector)
    tx.tell(Embedded(asset, owner))


async def settle(tx: Tx, wanted: str, *, is_complete: bool) -> Model | None:
    """Let the wanted model answer once it is complete; until then the old one goes on. The model that now answers, if
    that changed."""
    await store.take_turns(tx)
    models = await store.models(tx)
    old = next((each for each in models if each.state == "used"), None)
    new = next((each for each in models if each.name == wanted), None)
    await store.drop_others(tx, wanted)
    if new is None or new.state == "used" or not is_complete:
        return None
    await store.replace_used(tx, old, new)
    tx.tell(ModelReplaced(new.name))
    return new
