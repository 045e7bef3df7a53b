"""`/doc`: every operation on one page that needs no script, for people; programs read `/api/spec.json`."""

from functools import cache
from html import escape
from inspect import getdoc
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from calotype.api.op import OPERATIONS, Op
from calotype.server.about import API_TEXT

HEAD = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Calotype's API</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }}
body {{ max-width: 70rem; margin: 2rem auto; padding: 0 1rem }}
table {{ width: 100%; border-collapse: collapse }}
td {{ padding: .3rem .8rem .3rem 0; border-top: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere }}
</style>
<h1>Calotype's API, version {API_TEXT}</h1>
<p>Paths begin with <code>/api</code>. Shapes: <a href="/api/spec.json">OpenAPI document</a>.</p>
"""


async def answer(request: Request) -> Response:
    """The page."""
    return Response(_page(), media_type="text/html", headers={"x-content-type-options": "nosniff"})


@cache
def _page() -> str:
    shown = sorted((op for op in OPERATIONS if not op.hidden), key=lambda op: (op.tag, op.path, op.method))
    parts = [HEAD]
    for tag, each in groupby(shown, key=lambda op: op.tag):
        parts += [f"<h2>{escape(tag)}</h2>\n<table>\n", *(_row(op) for op in each), "</table>\n"]
    return "".join(parts)


def _row(op: Op) -> str:
    said = (getdoc(op.handler) or "").partition("\n\n")[0]
    cells = (f"<code>{op.method} {escape(op.path)}</code>", escape(said), f"<code>{escape(op.may or 'public')}</code>")
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"
