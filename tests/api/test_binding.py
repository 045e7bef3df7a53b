"""What a request's query gives to the arguments of a handler."""

from starlette.datastructures import QueryParams

from calotype.api.binding import ABSENT, given


def test_a_query_key_given_twice_is_a_list():
    sent = QueryParams("size=1&size=2&name=a&name=b&flag=true")
    assert given(sent, "size", False) == ["1", "2"]
    assert given(sent, "flag", False) == "true"
    assert given(sent, "name", True) == ["a", "b"]
    assert given(sent, "flag", True) == ["true"]
    assert given(sent, "missing", False) is ABSENT


def test_a_list_may_be_written_with_brackets():
    sent = QueryParams("status[]=active&size[]=2")
    assert given(sent, "status", True) == ["active"]
    assert given(sent, "size", False) is ABSENT
