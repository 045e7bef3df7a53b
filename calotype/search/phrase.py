"""What people type into one box: when it was, and what is left. Pure: the library itself is asked elsewhere."""

import calendar
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = """january jan januar jänner janvier enero gennaio|february feb februar février febrero febbraio
    |march mar märz mars marzo|april apr avril abril aprile|may mai mayo maggio|june jun juni juin junio giugno
    |july jul juli juillet julio luglio|august aug août agosto|september sep sept septembre septiembre settembre
    |october oct oktober okt octobre octubre ottobre|november nov novembre noviembre
    |december dec dezember dez décembre diciembre dicembre"""
# The month a season begins with; it has three of them. North of the equator, where most photos are taken.
_SEASONS = """3 spring frühling frühjahr printemps primavera|6 summer sommer été verano estate
    |9 autumn fall herbst automne otoño autunno|12 winter hiver invierno inverno"""
# First and last day, as month and day.
_FEASTS = """12-24 12-26 christmas xmas weihnachten noël navidad natale|12-31 1-1 new-year new-years silvester
    |10-31 10-31 halloween|2-14 2-14 valentines"""
_LAST = "last|letzten|letzte|letztes|letzter|past"
_THIS = "this|diesen|diese|dieses|dieser"


def fold(text: str) -> str:
    """Without case and accents, as the database folds its own."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


# Words that only hold a phrase together.
GLUE = frozenset(
    fold(
        """a an and at by der die das dem den des during ein eine from für im in la le les mit my meine nach near of on
    photo photos picture pictures bild bilder foto fotos show the to und vom von with aus bei"""
    ).split()
)


def _table(text: str) -> list[list[str]]:
    return [fold(row).split() for row in text.split("|")]


MONTHS = {name: number for number, names in enumerate(_table(_MONTHS), 1) for name in names}
SEASONS = {name: int(row[0]) for row in _table(_SEASONS) for name in row[1:]}
FEASTS = {name.replace("-", " "): (row[0], row[1]) for row in _table(_FEASTS) for name in row[2:]}


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both included. `said`: the words for it."""

    said: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Phrase:
    """What was asked: days, if a time was named, or a month of any year; and the other words as they were typed."""

    text: str
    span: Span | None
    month: int | None
    said_month: str
    rest: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The rest without what only holds it together."""
        return tuple(word for word in self.rest if fold(word) not in GLUE)


def _named(names: Iterable[str]) -> str:
    return "|".join(sorted((re.escape(name) for name in names), key=len, reverse=True))


_YEAR = r"(?P<year>(?:18|19|20)\d\d)"
Reader = Callable[[re.Match[str], date], tuple[date, date] | None]


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])


def _season(year: int, start: int) -> tuple[date, date]:
    """Three months; a winter is named after the year it begins in."""
    end_year, end = (year, start + 2) if start < 12 else (year + 1, 2)
    return date(year, start, 1), _month(end_year, end)[1]


def _feast(year: int, name: str) -> tuple[date, date]:
    first, last = ([int(part) for part in edge.split("-")] for edge in FEASTS[name])
    return date(year, *first), date(year + (last[0] < first[0]), *last)


def _last_of(of_year: Callable[[int], tuple[date, date]], today: date) -> tuple[date, date]:
    """The latest that is over."""
    return next(span for back in range(4) if (span := of_year(today.year - back))[1] < today)


def _nearest_of(of_year: Callable[[int], tuple[date, date]], today: date) -> tuple[date, date]:
    """This year's, or the one that goes on since last year."""
    before = of_year(today.year - 1)
    return before if before[0] <= today <= before[1] else of_year(today.year)


def _day(year: str, month: int | str, day: str) -> tuple[date, date] | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found, found


def _period(unit: str, today: date, *, back: int) -> tuple[date, date]:
    if unit in ("year", "jahr"):
        return date(today.year - back, 1, 1), date(today.year - back, 12, 31)
    if unit in ("month", "monat"):
        years, month = divmod(today.year * 12 + today.month - 1 - back, 12)
        return _month(years, month + 1)
    monday = today - timedelta(days=today.weekday() + 7 * back)
    if unit in ("weekend", "wochenende"):
        return monday + timedelta(days=5), monday + timedelta(days=6)
    return monday, monday + timedelta(days=6)


_UNITS = "year|jahr|month|monat|weekend|wochenende|week|woche"
_FORMS: tuple[tuple[str, Reader], ...] = (
    (rf"{_YEAR}-(?P<month>\d\d?)-(?P<day>\d\d?)", lambda m, _: _day(m["year"], m["month"], m["day"])),
    (rf"(?P<day>\d\d?)\.\s?(?P<month>\d\d?)\.\s?{_YEAR}", lambda m, _: _day(m["year"], m["month"], m["day"])),
    (
        rf"(?P<day>\d\d?)(?:st|nd|rd|th|\.)?\s(?:of\s)?(?P<name>{_named(MONTHS)})\.?,?\s{_YEAR}",
        lambda m, _: _day(m["year"], MONTHS[m["name"]], m["day"]),
    ),
    (
        rf"(?P<name>{_named(MONTHS)})\.?\s(?P<day>\d\d?)(?:st|nd|rd|th)?,?\s{_YEAR}",
        lambda m, _: _day(m["year"], MONTHS[m["name"]], m["day"]),
    ),
    (
        rf"(?:between\s|from\s|zwischen\s|von\s)?{_YEAR}\s?(?:-|–|to|and|until|bis|und)\s?(?P<end>(?:18|19|20)\d\d)",
        lambda m, _: (date(int(m["year"]), 1, 1), date(int(m["end"]), 12, 31)),
    ),
    (rf"(?P<name>{_named(MONTHS)})\.?\s(?:of\s)?{_YEAR}", lambda m, _: _month(int(m["year"]), MONTHS[m["name"]])),
    (rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])", lambda m, _: _month(int(m["year"]), int(m["month"]))),
    (rf"(?P<name>{_named(SEASONS)})\s(?:of\s)?{_YEAR}", lambda m, _: _season(int(m["year"]), SEASONS[m["name"]])),
    (rf"(?P<name>{_named(FEASTS)})(?:\seve)?\s{_YEAR}", lambda m, _: _feast(int(m["year"]), m["name"])),
    (
        rf"(?:{_LAST})\s(?P<name>{_named(SEASONS)})",
        lambda m, today: _last_of(lambda year: _season(year, SEASONS[m["name"]]), today),
    ),
    (
        rf"(?:{_THIS})\s(?P<name>{_named(SEASONS)})",
        lambda m, today: _nearest_of(lambda year: _season(year, SEASONS[m["name"]]), today),
    ),
    (
        rf"(?:{_LAST})\s(?P<name>{_named(FEASTS)})",
        lambda m, today: _last_of(lambda year: _feast(year, m["name"]), today),
    ),
    (
        rf"(?:{_LAST})\s(?P<name>{_named(MONTHS)})",
        lambda m, today: _last_of(lambda year: _month(year, MONTHS[m["name"]]), today),
    ),
    (rf"(?:{_LAST})\s(?P<unit>{_UNITS})", lambda m, today: _period(m["unit"], today, back=1)),
    (rf"(?:{_THIS})\s(?P<unit>{_UNITS})", lambda m, today: _period(m["unit"], today, back=0)),
    (
        r"(?P<many>\d\d?) years? ago|vor (?P<viele>\d\d?) jahren",
        lambda m, today: _period("year", today, back=int(m["many"] or m["viele"])),
    ),
    (
        r"(?:the )?(?P<decade>(?:19|20)\d0)(?:s|er)",
        lambda m, _: (date(int(m["decade"]), 1, 1), date(int(m["decade"]) + 9, 12, 31)),
    ),
    (r"today|heute", lambda _, today: (today, today)),
    (r"yesterday|gestern", lambda _, today: (today - timedelta(days=1), today - timedelta(days=1))),
    (_YEAR, lambda m, _: (date(int(m["year"]), 1, 1), date(int(m["year"]), 12, 31))),
)
READERS = tuple((re.compile(rf"(?<![\w.-])(?:{pattern})(?![\w-])"), reader) for pattern, reader in _FORMS)
_ONLY_MONTH = re.compile(rf"(?<!\w)(?:in|im|every|jeden)\s(?P<name>{_named(MONTHS)})(?!\w)")


def read(text: str, today: date) -> Phrase:
    """Take the time out of a question; only the first one that is named counts."""
    typed = " ".join(text.split())
    folded = fold(typed)
    if len(folded) != len(typed):  # letters that fold to two, such as ß: then the words are used as they are folded
        typed = folded
    for pattern, reader in READERS:
        for match in pattern.finditer(folded):
            days = reader(match, today)
            if days is not None and days[0] <= days[1]:
                span = Span(typed[match.start() : match.end()], *days)
                return Phrase(typed, span, None, "", _without(typed, match))
    match = _ONLY_MONTH.search(folded)
    if match:
        said = typed[match.start("name") : match.end()]
        return Phrase(typed, None, MONTHS[match["name"]], said, _without(typed, match))
    return Phrase(typed, None, None, "", tuple(typed.split()))


def _without(typed: str, match: re.Match[str]) -> tuple[str, ...]:
    return tuple((typed[: match.start()] + " " + typed[match.end() :]).split())


def stretches(words: tuple[str, ...], longest: int = 4) -> list[tuple[int, int]]:
    """Every run of neighbouring words, the longest first, as (start, end)."""
    return [
        (start, start + length)
        for length in range(min(longest, len(words)), 0, -1)
        for start in range(len(words) - length + 1)
    ]
