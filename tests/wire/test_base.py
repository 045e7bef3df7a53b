"""Shapes on the wire: names, dates, and the difference between absent and null."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from pydantic import ValidationError

from calotype.wire.base import Checksum, Color, Email, Int, IsoDate, IsoDateTime, Maybe, Uuid4, Wire, iso


class Thing(Wire):
    thing_id: Maybe[Uuid4] = None
    made_at: Maybe[IsoDateTime] = None
    born: IsoDate | None = None
    color: Color | None = None
    email: Maybe[Email] = None
    checksum: Maybe[Checksum] = None
    count: Maybe[Int] = None


def test_names_are_camel_case_outside_and_ours_inside():
    thing = Thing.model_validate({"thingId": "AAB1592D-3C5F-4936-8CE7-6563A8F1FBFE"})
    assert thing.model_dump_json(exclude_unset=True) == '{"thingId":"aab1592d-3c5f-4936-8ce7-6563a8f1fbfe"}'
    assert Thing(thing_id=UUID("aab1592d-3c5f-4936-8ce7-6563a8f1fbfe")) == thing


def test_absent_and_null_are_told_apart():
    assert Thing.model_validate({}).model_fields_set == set()
    assert Thing.model_validate({"born": None}).model_fields_set == {"born"}


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2024-01-01T00:00Z", "2024-01-01T00:00:00.000Z"),
        ("2024-01-01T02:00:00.1239+02:00", "2024-01-01T00:00:00.123Z"),
        (datetime(2024, 1, 1, 3, tzinfo=timezone(timedelta(hours=3))), "2024-01-01T00:00:00.000Z"),
        (datetime(2024, 1, 1), "2024-01-01T00:00:00.000Z"),  # noqa: DTZ001 — wall-clock time has no zone
    ],
)
def test_dates_are_written_in_utc_with_milliseconds(given, written):
    assert Thing.model_validate({"madeAt": given}).model_dump_json(exclude_unset=True) == f'{{"madeAt":"{written}"}}'


def test_early_years_keep_four_digits():
    assert iso(datetime(31, 5, 1, tzinfo=UTC)) == "0031-05-01T00:00:00.000Z"


def test_a_date_is_a_date():
    assert Thing.model_validate({"born": "1999-12-31"}).born == date(1999, 12, 31)
    for odd in ("1999-02-29", "1999-1-1", "19991231"):
        with pytest.raises(ValidationError):
            Thing.model_validate({"born": odd})


def test_a_color_gets_its_hash_sign_and_an_email_is_lower_case():
    thing = Thing.model_validate({"color": "ff0000", "email": "One@Example.COM"})
    assert (thing.color, thing.email) == ("#ff0000", "one@example.com")


def test_a_checksum_is_taken_in_hex_and_base64_and_given_in_base64():
    from_hex = Thing.model_validate({"checksum": "da39a3ee5e6b4b0d3255bfef95601890afd80709"})
    assert from_hex.model_dump(mode="json", exclude_unset=True) == {"checksum": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="}
    assert Thing.model_validate({"checksum": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="}) == from_hex


def test_a_whole_number_may_be_written_with_a_point_but_must_be_safe():
    assert Thing.model_validate({"count": 5.0}).count == 5
    with pytest.raises(ValidationError):
        Thing.model_validate({"count": 2**53})
    with pytest.raises(ValidationError):
        Thing.model_validate({"count": True})


def test_domain_objects_are_read_by_attribute():
    @dataclass(frozen=True)
    class Domain:
        thing_id: UUID
        count: int

    read = Thing.model_validate(Domain(UUID("aab1592d-3c5f-4936-8ce7-6563a8f1fbfe"), 3))
    assert read.model_dump(mode="json", exclude_unset=True) == {
        "thingId": "aab1592d-3c5f-4936-8ce7-6563a8f1fbfe",
        "count": 3,
    }
