"""The OpenAPI document of what we serve, made from the operations themselves.

FastAPI writes it, and does nothing else here: it costs a second and 30 MB, so it is imported when somebody asks.
"""

import asyncio
import inspect
import json
import warnings
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import PydanticJsonSchemaWarning
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.responses import Response

from calotype.api.call import Reading
from calotype.api.marks import Body, Query
from calotype.api.op import Door, OpRoute
from calotype.server.about import API_TEXT

door = Door("Calotype")


@cache
def document() -> dict[str, Any]:
    """The whole document. Pending operations are not part of it."""
    from fastapi.openapi.utils import get_openapi  # a second and 30 MB; see above

    from calotype.api import app  # the application imports every door, this one too

    with warnings.catch_warnings():
        # A default of None is never written, so that its serializer cannot take it does not matter.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        # FastAPI gives a model of query keys a name, which pydantic finds odd where the model is built late.
        warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
        shown = [each for each in app.routes() if not each.op.hidden]
        whole = get_openapi(title="Calotype", version=API_TEXT, routes=[_described(each) for each in shown])
        for each in shown:
            if each.op.form is not None:
                _add_form(whole, each.path, each.method, each.op.form)
    return whole


def _add_form(whole: dict[str, Any], path: str, method: str, form: type[BaseModel]) -> None:
    """Describe a multipart body whose parts the handler reads by itself."""
    schema = form.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, part in schema.pop("$defs", {}).items():
        whole["components"]["schemas"].setdefault(name, part)
    content = {"multipart/form-data": {"schema": schema}}
    whole["paths"][path][method.lower()]["requestBody"] = {"required": True, "content": content}


def _described(route: OpRoute) -> Any:
    from fastapi.routing import APIRoute  # see above

    op, signature = route.op, route.signature

    async def endpoint() -> None: ...

    _, *rest = signature.parameters.values()
    described = [each.replace(annotation=_marked(each.annotation)) for each in rest]
    endpoint.__signature__ = inspect.Signature(described)  # type: ignore[attr-defined]
    endpoint.__name__ = op.handler.__name__
    endpoint.__doc__ = op.handler.__doc__
    shape = signature.return_annotation if op.shape is None else op.shape
    return APIRoute(
        route.path,
        endpoint,
        methods=[op.method],
        operation_id=op.name,
        tags=[op.tag],
        status_code=op.status,
        response_model=shape if _is_documented(shape) else None,
        openapi_extra={"x-permission": op.may, "x-admin": op.admin, "x-shared-link": op.link},
    )


def _marked(annotation: Any) -> Any:
    """An annotation with FastAPI's marks instead of ours."""
    from fastapi import params  # see above

    if get_origin(annotation) is not Annotated:
        return annotation
    declared, *marks = get_args(annotation)
    theirs: list[Any] = []
    for mark in marks:
        if isinstance(mark, Query):
            theirs.append(params.Query(alias=mark.alias))
        elif isinstance(mark, Body):
            theirs.append(params.Body())
        else:
            theirs.append(mark)
    return Annotated[(declared, *theirs)]


def _is_documented(shape: Any) -> bool:
    if shape in (None, inspect.Signature.empty, Any, bytes):
        return False
    return not (inspect.isclass(shape) and issubclass(shape, Response))


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
