"""When it was, and what is left: what people type into one box."""

from datetime import date

import pytest

from calotype.search.phrase import read, stretches

TODAY = date(2026, 11, 22)  # a Sunday


@pytest.mark.parametrize(
    ("text", "first", "last", "rest"),
    [
        ("summer 2019 in Rome", "2019-06-01", "2019-08-31", "in Rome"),
        ("winter 2018", "2018-12-01", "2019-02-28", ""),
        ("last christmas", "2025-12-24", "2025-12-26", ""),
        ("Weihnachten 2020 mit Oma", "2020-12-24", "2020-12-26", "mit Oma"),
        ("new year 2024", "2024-12-31", "2025-01-01", ""),
        ("dogs 2015", "2015-01-01", "2015-12-31", "dogs"),
        ("from 2015 to 2017 beach", "2015-01-01", "2017-12-31", "beach"),
        ("2015-2017", "2015-01-01", "2017-12-31", ""),
        ("2020-05", "2020-05-01", "2020-05-31", ""),
        ("2020-05-07", "2020-05-07", "2020-05-07", ""),
        ("7.5.2020", "2020-05-07", "2020-05-07", ""),
        ("7 May 2020", "2020-05-07", "2020-05-07", ""),
        ("May 7th, 2020", "2020-05-07", "2020-05-07", ""),
        ("März 2021", "2021-03-01", "2021-03-31", ""),
        ("février 2024 Paris", "2024-02-01", "2024-02-29", "Paris"),
        ("red car last summer", "2026-06-01", "2026-08-31", "red car"),
        ("last winter", "2025-12-01", "2026-02-28", ""),
        ("this year", "2026-01-01", "2026-12-31", ""),
        ("last month", "2026-10-01", "2026-10-31", ""),
        ("last week", "2026-11-09", "2026-11-15", ""),
        ("last weekend", "2026-11-14", "2026-11-15", ""),
        ("3 years ago", "2023-01-01", "2023-12-31", ""),
        ("the 1990s", "1990-01-01", "1999-12-31", ""),
        ("yesterday", "2026-11-21", "2026-11-21", ""),
        ("last october", "2026-10-01", "2026-10-31", ""),
    ],
)
def test_a_time_is_understood_and_taken_out(text, first, last, rest):
    phrase = read(text, TODAY)
    assert phrase.span is not None
    assert (phrase.span.first.isoformat(), phrase.span.last.isoformat()) == (first, last)
    assert " ".join(phrase.rest) == rest


@pytest.mark.parametrize("text", ["IMG_2019", "20199", "31.2.2020", "may I", "marching band", "a.2019", ""])
def test_what_only_looks_like_a_time_is_none(text):
    phrase = read(text, TODAY)
    assert phrase.span is None or phrase.span.said not in text.split("_")
    assert phrase.month is None


def test_a_month_of_any_year():
    phrase = read("flowers in June", TODAY)
    assert (phrase.span, phrase.month, phrase.said_month) == (None, 6, "June")
    assert phrase.rest == ("flowers",)


def test_words_that_hold_a_phrase_together_are_not_looked_for():
    assert read("photos of my dog at the beach", TODAY).words == ("dog", "beach")


def test_letters_that_fold_to_two_do_not_shift_the_words():
    phrase = read("Straße 2019 Großmutter", TODAY)
    assert phrase.span is not None
    assert phrase.span.said == "2019"
    assert phrase.rest == ("strasse", "grossmutter")


def test_runs_of_words_begin_with_the_longest():
    assert stretches(("new", "york", "city"), 2) == [(0, 2), (1, 3), (0, 1), (1, 2), (2, 3)]
