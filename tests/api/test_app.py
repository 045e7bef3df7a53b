"""What the application does around every request."""

from calotype.api.app import Body


def receiving(*chunks: bytes):
    left = list(chunks)

    async def receive():
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    return receive, left


async def test_what_was_sent_for_nothing_is_taken_in_after_the_answer():
    receive, left = receiving(b"one", b"two", b"three")
    body = Body(receive)
    assert (await body())["body"] == b"one"
    await body.drain()
    assert left == []


async def test_a_body_that_was_read_is_not_asked_for_again():
    receive, _ = receiving(b"all")
    body = Body(receive)
    await body()
    await body.drain()  # would pop from an empty list


async def test_a_body_without_end_is_given_up():
    taken = 0

    async def receive():
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": bytes(1024 * 1024), "more_body": True}

    await Body(receive).drain()
    assert taken == 256
