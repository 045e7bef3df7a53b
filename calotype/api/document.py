"""The OpenAPI document of what we serve, made from the operations themselves."""

import asyncio
import json
import warnings
from functools import cache
from typing import Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import PydanticJsonSchemaWarning
from starlette.responses import Response

from calotype.api.call import Reading
from calotype.api.op import Door
from calotype.server.about import API_TEXT

door = Door("Calotype")


@cache
def document() -> dict[str, Any]:
    """The whole document. Pending operations are not part of it."""
    from calotype.api import app  # the application imports every door, this one too

    with warnings.catch_warnings():
        # A default of None is never written, so that its serializer cannot take it does not matter.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        return get_openapi(title="Calotype", version=API_TEXT, routes=app.routes())


@cache
def _text() -> bytes:
    return json.dumps(document(), ensure_ascii=False).encode()


@door.get("/spec.json", public=True)
async def get_spec_json(ask: Reading) -> Response:
    """The document as JSON."""
    return Response(await asyncio.to_thread(_text), media_type="application/json")


@door.get("/spec.yaml", public=True)
async def get_spec_yaml(ask: Reading) -> Response:
    """The same as YAML, of which JSON is a part (YAML 1.2 §1.3)."""
    return Response(await asyncio.to_thread(_text), media_type="application/yaml")
