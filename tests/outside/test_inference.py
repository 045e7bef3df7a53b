"""The client of inference services, against real ones on sockets that answer what a test wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

import pytest

from calotype.core.errors import Invalid, Offline
from calotype.core.ports import SeenFace, SeenLine, Wanted
from calotype.outside import inference
from calotype.outside.inference import CANARY, HttpVision, Plan

ANSWER = {
    "clip": "[0.1,0.2]",
    "facial-recognition": [{"boundingBox": {"x1": 1, "y1": 2, "x2": 30, "y2": 40}, "embedding": "[1,2]", "score": 0.9}],
    "ocr": {"text": ["Café"], "box": [0, 0, 1, 0, 1, 1, 0, 1], "boxScore": [0.8], "textScore": [0.7]},
    "imageWidth": 320,
    "imageHeight": 200,
}
ALL = Wanted(clip="a-clip", faces="a-face", min_face_score=0.6, text="an-ocr", max_resolution=640)


@dataclass
class Service:
    """Answers (`status`, body) as `answer` says of the parts it was sent; `None` drops the connection."""

    answer: Callable[[dict[str, bytes]], tuple[int, object] | None] = lambda parts: (200, ANSWER)
    about: tuple[int, object] = (404, "Not Found")
    location: str = ""
    is_well: bool = True
    asked: list[dict[str, bytes]] = field(default_factory=list)
    pings: int = 0
    delay_s: float = 0.0
    in_hand: int = 0
    most_in_hand: int = 0
    server: asyncio.Server | None = None
    port: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> "Service":
        self.server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        assert self.server
        self.server.close()
        for writer in list(self.open):
            writer.close()
        await self.server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, _, rest = head.partition(b"\r\n")
                headers = BytesParser(policy=HTTP).parsebytes(rest)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                reply = await self._reply(line.split()[1].decode(), headers, body)
                if reply is None:
                    break
                status, told = reply
                text = told.encode() if isinstance(told, str) else json.dumps(told).encode()
                told_where = f"location: {self.location}\r\n" if self.location else ""
                head = f"HTTP/1.1 {status} X\r\n{told_where}content-length: {len(text)}\r\n\r\n"
                writer.write(head.encode() + text)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def _reply(self, path: str, headers: Message, body: bytes) -> tuple[int, object] | None:
        if path == "/models":
            await asyncio.sleep(self.delay_s)
            return self.about if self.is_well else (503, "no")
        if path == "/ping":
            self.pings += 1
            return (200, "pong") if self.is_well else (503, "no")
        assert path == "/predict"
        whole = b"content-type: " + headers["content-type"].encode() + b"\r\n\r\n" + body
        parts = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in BytesParser(policy=HTTP).parsebytes(whole).iter_parts()
        }
        self.asked.append(parts)
        self.in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        await asyncio.sleep(self.delay_s)
        self.in_hand -= 1
        return self.answer(parts)


@pytest.fixture
async def services() -> AsyncIterator[list[Service]]:
    """Two services on ports of their own."""
    made = [await Service().start() for _ in range(2)]
    yield made
    for each in made:
        await each.stop()


def client_of(*services: Service, checks: bool = True, interval_s: float = 30) -> HttpVision:
    async def plan() -> Plan:
        return Plan(tuple(each.url for each in services), checks, 1.0, interval_s)

    return HttpVision(plan)


@pytest.fixture
async def vision(services) -> AsyncIterator[HttpVision]:
    client = client_of(*services)
    yield client
    await client.close()


async def test_a_picture_is_asked_about_in_the_published_form(services, vision):
    seen = await vision.see(b"\xff\xd8 picture", ALL)
    assert (seen.width, seen.height, seen.vector) == (320, 200, "[0.1,0.2]")
    assert seen.faces == (SeenFace(1, 2, 30, 40, 0.9, "[1,2]"),)
    assert seen.lines == (SeenLine("Café", (0, 0, 1, 0, 1, 1, 0, 1), 0.8, 0.7),)
    (parts,) = services[0].asked
    assert parts["image"] == b"\xff\xd8 picture"
    assert json.loads(parts["entries"]) == {
        "clip": {"visual": {"modelName": "a-clip"}},
        "facial-recognition": {
            "detection": {"modelName": "a-face", "options": {"minScore": 0.6}},
            "recognition": {"modelName": "a-face"},
        },
        "ocr": {
            "detection": {"modelName": "an-ocr", "options": {"minScore": 0.5, "maxResolution": 640}},
            "recognition": {"modelName": "an-ocr", "options": {"minScore": 0.8}},
        },
    }


async def test_what_was_not_asked_is_not_answered(services, vision):
    seen = await vision.see(b"picture", Wanted(text="an-ocr"))
    assert (seen.vector, seen.faces) == (None, None)
    assert seen.lines is not None


async def test_words_travel_with_their_language(services, vision):
    assert await vision.words("roter Kreis", model="a-clip", language="de") == "[0.1,0.2]"
    (parts,) = services[0].asked
    assert parts["text"] == b"roter Kreis"
    assert json.loads(parts["entries"]) == {"clip": {"textual": {"modelName": "a-clip", "options": {"language": "de"}}}}


async def test_work_is_spread_over_the_services(services, vision):
    for service in services:
        service.delay_s = 0.05
    await asyncio.gather(*(vision.see(b"%d" % n, ALL) for n in range(8)))
    assert [len(service.asked) for service in services] == [4, 4]
    assert max(service.most_in_hand for service in services) <= 4


async def test_a_service_that_is_away_is_passed_over(services, vision):
    await services[0].stop()
    for _ in range(5):
        await vision.see(b"picture", ALL)
    assert len(services[1].asked) == 5
    await services[0].start()


async def test_all_away_is_offline_and_after_failures_nobody_is_asked_for_a_while(services, vision):
    for service in services:
        service.is_well = False
    for _ in range(6):
        with pytest.raises(Offline):
            await vision.see(b"picture", ALL)
    assert [service.asked for service in services] == [[], []]
    assert [service.pings for service in services] == [inference.FAILURES] * 2


async def test_a_service_that_is_back_is_asked_again(services, vision, monkeypatch):
    monkeypatch.setattr(inference, "REST_S", 0.0)  # a number of ours, not our code
    for service in services:
        service.is_well = False
    for _ in range(4):
        with pytest.raises(Offline):
            await vision.see(b"picture", ALL)
    services[1].is_well = True
    assert (await vision.see(b"picture", ALL)).width == 320


async def test_checks_may_be_switched_off(services):
    client = client_of(*services, checks=False)
    await client.see(b"picture", ALL)
    assert services[0].pings == 0
    await client.close()


async def test_health_is_asked_again_after_the_interval_and_not_before(services):
    client = client_of(services[0])
    for _ in range(3):
        await client.see(b"picture", ALL)
    assert services[0].pings == 1
    await client.close()
    client = client_of(services[0], interval_s=0)
    for _ in range(3):
        await client.see(b"picture", ALL)
    assert services[0].pings == 4
    await client.close()


def refusing(status: int, detail: object, *, canary_too: bool = False) -> Callable[..., tuple[int, object] | None]:
    def answer(parts: dict[str, bytes]) -> tuple[int, object] | None:
        if parts.get("image") == CANARY and not canary_too:
            return 200, ANSWER
        return status, detail

    return answer


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (400, {"detail": "Image has zero width or height"}),
        (500, "Internal Server Error"),
        (422, {"detail": [{"x": 1}]}),
    ],
)
async def test_a_refused_picture_is_invalid_when_others_are_taken(services, vision, status, detail):
    for service in services:
        service.answer = refusing(status, detail)
    with pytest.raises(Invalid):
        await vision.see(b"broken", ALL)
    assert (await vision.see(CANARY, ALL)).width == 320


@pytest.mark.parametrize("detail", ["Failed to load model 'x'", {"detail": "Invalid request format."}])
async def test_a_service_that_refuses_every_picture_is_no_fault_of_this_one(services, vision, detail):
    for service in services:
        service.answer = refusing(500, detail, canary_too=True)
    with pytest.raises(Offline, match="every picture"):
        await vision.see(b"fine", ALL)


async def test_a_busy_service_is_offline(services, vision):
    for service in services:
        service.answer = refusing(503, {"detail": "too much to do"}, canary_too=True)
    with pytest.raises(Offline, match="too much to do"):
        await vision.see(b"fine", ALL)


async def test_a_picture_that_kills_the_service_is_given_up_and_harms_only_itself(services, vision):
    for service in services:
        service.answer = lambda parts: None if parts.get("image") == b"poison" else (200, ANSWER)
    for _ in range(inference.STRIKES - 1):
        with pytest.raises(Offline):
            await vision.see(b"poison", ALL)
    with pytest.raises(Invalid, match="3 times"):
        await vision.see(b"poison", ALL)
    assert sum(parts["image"] == b"poison" for service in services for parts in service.asked) == inference.STRIKES
    assert (await vision.see(b"fine", ALL)).width == 320


@pytest.mark.parametrize(
    "answer",
    ["no json", [], {}, {**ANSWER, "ocr": {"text": ["a"], "box": [1], "boxScore": [1], "textScore": [1]}}],
)
async def test_an_answer_that_makes_no_sense_is_offline(services, vision, answer):
    for service in services:
        service.answer = lambda parts: (200, answer)
    with pytest.raises(Offline):
        await vision.see(b"picture", ALL)


async def test_too_slow_is_offline(services, vision, monkeypatch):
    monkeypatch.setattr(inference, "WORDS_S", 0.2)
    services[0].delay_s = 2
    with pytest.raises(Offline, match="too long"):
        await vision.words("red", model="a-clip")


@pytest.mark.parametrize(
    "url", ["", "foo", "http://", "http://127.0.0.1:1", "ftp://127.0.0.1", "http://[", "http://a b"]
)
@pytest.mark.parametrize("checks", [True, False])
async def test_an_address_that_leads_nowhere_is_offline(url, checks):
    async def plan() -> Plan:
        return Plan((url,), checks, 0.5, 30)

    client = HttpVision(plan)
    with pytest.raises(Offline):
        await client.see(b"picture", ALL)
    await client.close()


async def test_without_an_address_a_sentence_says_so():
    async def plan() -> Plan:
        return Plan()

    with pytest.raises(Offline, match="No inference service is configured"):
        await HttpVision(plan).see(b"picture", ALL)


async def test_changed_addresses_count_at_once(services):
    urls = [services[0].url]

    async def plan() -> Plan:
        return Plan(tuple(urls))

    client = HttpVision(plan)
    await client.see(b"picture", ALL)
    urls[:] = [services[1].url]
    await client.see(b"picture", ALL)
    assert [len(service.asked) for service in services] == [1, 1]
    await client.close()


# What services tell of themselves ----------------------------------------------------------------------------------------

ABOUT: dict[str, object] = {
    "version": "0.1.0",
    "waiting": 2,
    "mostWaiting": 64,
    "memoryBytes": 40 << 20,
    "children": [
        {
            "family": "clip", "isAlive": True, "waiting": 1, "memoryBytes": 300 << 20, "limitBytes": 3 << 30,
            "starts": 1, "falls": 0, "loaded": ["ViT-B-32__openai"],
        }
    ],
    "models": [
        {
            "task": "clip", "name": "ViT-B-32__openai", "state": "fetching", "doneBytes": 10, "totalBytes": 30,
            "reason": "", "sizeBytes": 0, "licence": "MIT", "notice": "", "isNonCommercial": False,
            "source": "https://huggingface.co/x", "why": "The default.", "isPreset": True, "languages": "English",
            "dimensions": 512, "expectedBytes": 580 << 20, "canFetch": True,
            "parts": [
                {"type": "visual", "state": "present",
                 "trial": {"isPassed": True, "reason": "", "cosine": 0.998, "order": 0.99}},
                {"type": "textual", "state": "fetching", "trial": None},
            ],
            "runs": [{"family": "clip", "isLoaded": True, "provider": "cpu", "precision": "int8", "fellBack": ""}],
        }
    ],
}  # fmt: skip


async def test_a_service_tells_its_models_and_one_that_does_not_is_well_all_the_same(services, vision):
    services[0].about = (200, ABOUT)
    first, second = await vision.stations()
    assert (first.url, first.is_reachable, first.sentence, first.away_since) == (services[0].url, True, None, None)
    assert first.about
    (model,) = first.about.models
    assert (model.name, model.state, model.done_bytes, model.total_bytes) == ("ViT-B-32__openai", "fetching", 10, 30)
    assert (model.runs[0].precision, model.parts[0].trial.is_passed) == ("int8", True)
    assert first.about.children[0].loaded == ("ViT-B-32__openai",)
    assert (second.is_reachable, second.about) == (True, None)
    assert second.sentence == "It answers, but does not tell which models it has."


async def test_one_that_is_away_says_since_when_and_is_forgiven_when_it_is_back(services, vision):
    await services[1].stop()
    (_, away), (_, again) = await vision.stations(), await vision.stations()
    assert (away.is_reachable, away.sentence) == (False, "It is not reachable.")
    assert away.away_since is not None
    assert again.away_since == away.away_since
    await services[1].start()
    (_, back) = await vision.stations()
    assert (back.is_reachable, back.away_since) == (True, None)


async def test_one_that_hangs_is_given_up_within_two_seconds_and_the_others_are_told(services, vision):
    services[0].delay_s = 30
    began = asyncio.get_running_loop().time()
    hanging, well = await vision.stations()
    assert asyncio.get_running_loop().time() - began < 2.5  # the limit is 1.6 s; the rest is a busy machine
    assert (hanging.is_reachable, hanging.sentence) == (False, "It does not answer in time.")
    assert well.is_reachable


async def test_being_looked_at_does_not_count_as_failing(services, vision):
    services[0].delay_s = 30
    services[1].is_well = False
    for _ in range(2):
        await vision.stations()
    services[0].delay_s = 0
    assert (await vision.see(b"picture", ALL)).width == 320
    assert services[0].pings == 1


async def test_a_service_that_rested_is_asked_again_once_it_was_seen_well(services, vision):
    for service in services:
        service.is_well = False
    for _ in range(4):
        with pytest.raises(Offline):
            await vision.see(b"picture", ALL)
    services[0].is_well = True
    with pytest.raises(Offline):  # both rest now
        await vision.see(b"picture", ALL)
    await vision.stations()
    assert (await vision.see(b"picture", ALL)).width == 320


async def test_an_address_that_leads_elsewhere_is_not_followed(services, vision):
    services[0].about, services[0].location = (302, ""), f"{services[1].url}/models"
    services[1].about = (200, ABOUT)
    elsewhere, _ = await vision.stations()
    assert (elsewhere.is_reachable, elsewhere.about) == (False, None)
    assert elsewhere.sentence == "It sends us elsewhere, where we do not go: give the address itself."


@pytest.mark.parametrize(
    "nonsense",
    [
        "<html>",
        [],
        {},
        {**ABOUT, "models": 5},
        {**ABOUT, "models": [5]},
        {**ABOUT, "models": [{"name": "x"}]},
        {**ABOUT, "waiting": -1},
        {**ABOUT, "waiting": True},
        {**ABOUT, "children": [{"family": 5}]},
        "[" * 100_000,
        "x" * (3 << 20),
    ],
)
async def test_whatever_else_answers_is_no_inference_service(services, vision, nonsense):
    services[0].about = (200, nonsense)
    station, _ = await vision.stations()
    assert (station.is_reachable, station.about) == (False, None)
    assert station.sentence.startswith("What answers there ")


@pytest.mark.parametrize(
    ("url", "shown", "sentence"),
    [
        ("http://ada:secret@127.0.0.1:9/", "http://127.0.0.1:9/", "It is not reachable."),
        ("ftp://127.0.0.1", "ftp://127.0.0.1", "The address begins neither with http:// nor with https://."),
        ("http://[", "?", "It is not reachable."),
        ("http://127.0.0.1:port", "http://127.0.0.1:port", "That is no address."),
    ],
)
async def test_passwords_are_not_shown_and_odd_addresses_are_told(url, shown, sentence):
    async def plan() -> Plan:
        return Plan((url,))

    client = HttpVision(plan)
    (station,) = await client.stations()
    assert (station.url, station.sentence) == (shown, sentence)
    await client.close()


async def test_without_an_address_there_is_nothing_to_look_at():
    client = client_of()
    assert await client.stations() == []
    await client.close()
