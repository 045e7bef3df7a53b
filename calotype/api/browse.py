"""The wall of photos: 2 operations of the timeline."""

from typing import Annotated

from starlette.responses import Response

from calotype.api import answers
from calotype.api.call import Reading
from calotype.api.marks import Query
from calotype.api.op import Door
from calotype.timeline import buckets
from calotype.wire import timeline as wire

timeline = Door("Timeline")


@timeline.get("/timeline/buckets", may="asset.read", link=True, shape=list[wire.BucketCount])
async def get_time_buckets(ask: Reading, query: Annotated[wire.Buckets, Query()]) -> bytes:
    scope = await buckets.scope_of(ask.look, ask.caller, query.asked(), now=ask.world.clock.now())
    return await buckets.months_of(ask.look, scope)


@timeline.get("/timeline/bucket", may="asset.read", link=True, shape=wire.BucketColumns)
async def get_time_bucket(ask: Reading, query: Annotated[wire.Bucket, Query()]) -> Response:
    scope = await buckets.scope_of(ask.look, ask.caller, query.asked(), now=ask.world.clock.now())
    body, tag = await buckets.bucket_of(ask.look, ask.world.cache, scope, query.month())
    return await answers.json_response(ask.request, body, etag=f'"{tag}"' if tag else None)
