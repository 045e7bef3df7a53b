"""What a process keeps of buckets stays within its bytes."""

from calotype.timeline.buckets import Near


def test_the_oldest_leave_when_there_are_too_many_bytes():
    near = Near(limit_bytes=10)
    near.keep("a", b"1234")
    near.keep("b", b"1234")
    assert near.get("a") == b"1234"  # asked for, so now "b" is the oldest
    near.keep("c", b"1234")
    assert (near.get("a"), near.get("b"), near.get("c")) == (b"1234", None, b"1234")


def test_a_body_that_is_larger_than_the_limit_is_not_kept():
    near = Near(limit_bytes=3)
    near.keep("a", b"1234")
    assert near.get("a") is None
    near.keep("b", b"12")
    assert near.get("b") == b"12", "its bytes do not count any more"


def test_a_body_is_worth_sharing_once():
    near = Near(limit_bytes=10)
    near.keep("a", b"1")
    assert [near.is_wanted_again("a") for _ in range(3)] == [True, False, False]
