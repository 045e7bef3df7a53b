"""Which faces are the same person: average link with a threshold that knows how much is known. Pure numpy, no effects.

A cluster is the sum of its faces' vectors and how many there are. How alike a face and a cluster are is the mean of its
likeness to each face in it, one product however large the cluster is. A cluster of one is a single picture that may be
blurred, so that much likeness is needed to join it; somebody who is known from many pictures needs less:

    needed(n) = loose + (strict - loose) / sqrt(n)

Two things are never done: faces of one photo never share a cluster, and two anchors (people somebody spoke of) never
become one.

Somebody whom a person made of several who do not look alike (a child and the adult it became) has several looks. Each is a
cluster, so that a new face of either is known; a mean of both would be like neither.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LOOSE, PERSON, ANCHOR = 0, 1, 2  # ranks: too few to be somebody; somebody; somebody a person spoke of
BLOCK = 256
NEVER = np.float32(-np.inf)
MOST_LOOKS = 8  # of one person; what is beyond goes where it is most alike


@dataclass(frozen=True, slots=True)
class Rule:
    """How alike is alike enough (cosine): `strict` for a single picture, `loose` for somebody known from ever so many.

    `margin`: how much better another cluster must be before a face that has one moves there.
    """

    strict: float = 0.45
    loose: float = 0.33
    margin: float = 0.02


@dataclass(frozen=True, slots=True)
class Seen:
    """Faces to think about. `vectors`: (N, D), each of length one. `photos`: a number per photo. `taken`: days since 1970."""

    vectors: Floats
    photos: Sequence[int]
    taken: Ints

    def __len__(self) -> int:
        return len(self.photos)


@dataclass(frozen=True, slots=True)
class Look:
    """Faces of one person that came together. `total`: the sum of their vectors (D). `photos`: where they are."""

    key: UUID
    total: Floats
    count: int
    photos: set[int]


@dataclass(slots=True)
class Clusters:
    """Every cluster of one owner. Rows of clusters that are no more stay empty until `compact`."""

    dimensions: int
    rule: Rule = Rule()
    keys: list[UUID] = field(default_factory=list[UUID])
    photos: list[set[int]] = field(default_factory=list[set[int]])
    row_of: dict[UUID, int] = field(default_factory=dict[UUID, int])
    whose: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])  # looks that have a key of their own
    changed: set[int] = field(default_factory=set[int])  # since all were last compared with each other
    _sums: Floats = field(init=False)
    _counts: Floats = field(init=False)
    _ranks: NDArray[np.int8] = field(init=False)
    _born: Ints = field(init=False)

    def __post_init__(self) -> None:
        self._sums = np.zeros((64, self.dimensions), np.float32)
        self._counts = np.zeros(64, np.float32)
        self._ranks = np.zeros(64, np.int8)
        self._born = np.full(64, -(2**40), np.int64)

    def __len__(self) -> int:
        return len(self.row_of)

    @property
    def bytes(self) -> int:
        """About how much memory this holds."""
        return self._sums.nbytes + sum(len(each) for each in self.photos) * 60 + len(self.keys) * 200

    def size(self, key: UUID) -> int:
        """How many faces are in a cluster; 0 for one that is not there."""
        row = self.row_of.get(key)
        return 0 if row is None else int(self._counts[row])

    def raise_to(self, key: UUID, rank: int) -> None:
        """From now on the cluster is of this rank."""
        self._ranks[self.row_of[key]] = rank

    def rank(self, key: UUID) -> int:
        """The rank of a cluster that is there."""
        return int(self._ranks[self.row_of[key]])

    def person_of(self, key: UUID) -> UUID:
        """Whose look a cluster is; the key itself for everybody who has one look."""
        return self.whose.get(key, key)

    def is_anchor(self, key: UUID) -> bool:
        """Whether somebody spoke of this person."""
        return bool(self._ranks[self.row_of[key]] == ANCHOR)

    def put(
        self,
        key: UUID,
        total: Floats,
        count: int,
        photos: set[int],
        *,
        rank: int = LOOSE,
        born: int | None = None,
    ) -> int:
        """Take in a cluster that is known already; its row. `total`: the sum of its faces' vectors (D). When two become
        one, the one of higher rank stays."""
        row = len(self.keys)
        if row == len(self._counts):
            self._grow()
        self.keys.append(key)
        self.photos.append(photos)
        self.row_of[key] = row
        self._sums[row], self._counts[row], self._ranks[row] = total, count, rank
        self._born[row] = -(2**40) if born is None else born
        self.changed.add(row)
        return row

    def put_person(self, key: UUID, looks: Sequence[Look], *, rank: int, born: int | None = None) -> None:
        """Take in somebody who may have several looks. Those that are at all alike are one, as somebody said they are."""
        if len(looks) == 1:
            self.put(key, looks[0].total, looks[0].count, looks[0].photos, rank=rank, born=born)
            return
        photos = set[int]().union(*(look.photos for look in looks))
        for look in _distinct(looks, key, self.rule.loose if rank == ANCHOR else NEVER):
            # They share one set of photos: a face of one keeps the others from being in that photo too.
            self.put(look.key, look.total, look.count, photos, rank=rank, born=born)
            if look.key != key:
                self.whose[look.key] = key

    def needed(self, counts: Floats) -> Floats:
        """How alike a face must be to clusters of these sizes."""
        rule = self.rule
        needed = np.float32(rule.loose) + np.float32(rule.strict - rule.loose) / np.sqrt(np.maximum(counts, 1))
        return needed.astype(np.float32, copy=False)

    # Faces one by one --------------------------------------------------------------------------------------------------

    def assign(self, seen: Seen) -> list[UUID]:
        """The cluster of each face, in order; each may begin one of its own, which the next may join."""
        found: list[UUID] = []
        for start in range(0, len(seen), BLOCK):
            part = slice(start, start + BLOCK)
            found += self._assign(Seen(seen.vectors[part], seen.photos[part], seen.taken[part]))
        return found

    def _assign(self, seen: Seen) -> list[UUID]:
        # All products at once; what joins a cluster within the block is added to them, so that the answer is the same as
        # that of one face after the other.
        known, size = len(self.keys), len(seen)
        products = np.zeros((size, known + size), np.float32)
        products[:, :known] = seen.vectors @ self._sums[:known].T
        among = seen.vectors @ seen.vectors.T
        found: list[UUID] = []
        for i in range(size):
            rows = len(self.keys)
            excess = self._excess(products[i, :rows], int(seen.taken[i]))
            row = self._best(excess, seen.photos[i])
            if row is None:
                row = self.put(uuid4(), seen.vectors[i], 1, {seen.photos[i]})
            else:
                self._join(row, seen.vectors[i], seen.photos[i])
            products[:, row] += among[i]
            found.append(self.keys[row])
        return found

    def _excess(self, products: Floats, taken: int) -> Floats:
        """By how much each cluster is more alike than needed."""
        counts = self._counts[: len(products)]
        excess = products / np.maximum(counts, 1) - self.needed(counts)
        excess[(counts == 0) | (self._born[: len(products)] > taken)] = NEVER
        return excess.astype(np.float32, copy=False)

    def _best(self, excess: Floats, photo: int, *, least: float = 0.0, not_row: int = -1) -> int | None:
        """The best cluster that has no face of this photo. Empties the entries it had to pass over."""
        while len(excess):
            row = int(np.argmax(excess))
            if excess[row] <= least:
                return None
            if row != not_row and photo not in self.photos[row]:
                return row
            excess[row] = NEVER
        return None

    def _join(self, row: int, vector: Floats, photo: int) -> None:
        self._sums[row] += vector
        self._counts[row] += 1
        self.photos[row].add(photo)
        self.changed.add(row)

    def _leave(self, row: int, vector: Floats, photo: int) -> None:
        self._sums[row] -= vector
        self._counts[row] -= 1
        self.photos[row].discard(photo)
        self.changed.add(row)

    # Clusters with each other -------------------------------------------------------------------------------------------

    def merge(self) -> list[tuple[UUID, UUID]]:
        """Join clusters that are alike, the most alike first: pairs of (who is no more, who they are now), in order.

        Only what changed since the last time is compared, with everything.
        """
        heap = self._candidates(sorted(self.changed))
        self.changed.clear()
        stamps = [0] * len(self.keys)
        joined: list[tuple[UUID, UUID]] = []
        heapq.heapify(heap)
        while heap:
            _, a, b, stamp_a, stamp_b = heapq.heappop(heap)
            if stamps[a] != stamp_a or stamps[b] != stamp_b or not self._may_merge(a, b):
                continue
            into, gone = (a, b) if self._goes_first(a, b) else (b, a)
            joined.append((self.keys[gone], self.keys[into]))
            self._absorb(into, gone)
            stamps[into] += 1
            stamps[gone] += 1
            for other, excess in self._alike(into):
                heapq.heappush(heap, (-excess, into, other, stamps[into], stamps[other]))
        return joined

    def _candidates(self, rows: list[int]) -> list[tuple[float, int, int, int, int]]:
        total = len(self.keys)
        counts = np.maximum(self._counts[:total], 1)
        rank = np.full(total, -1, np.int64)
        rank[rows] = np.arange(len(rows))
        found: list[tuple[float, int, int, int, int]] = []
        for start in range(0, len(rows), BLOCK):
            block = np.array(rows[start : start + BLOCK])
            means = self._sums[block] / counts[block, None]
            excess = means @ self._sums[:total].T
            excess /= counts
            excess -= self.needed(self._between(counts[block, None], counts[None, :]))
            excess[:, self._counts[:total] == 0] = NEVER
            excess[self._counts[block] == 0] = NEVER
            for i, j in zip(*np.nonzero(excess > 0), strict=True):
                a, b = int(block[i]), int(j)
                if a != b and not (rank[b] >= 0 and rank[b] < start + i):  # each pair once
                    found.append((-float(excess[i, j]), a, b, 0, 0))
        return found

    @staticmethod
    def _between(first: Floats, second: Floats) -> Floats:
        """How much is known when two clusters are compared: the geometric mean of both."""
        return np.sqrt(first * second)

    def _alike(self, row: int) -> list[tuple[int, float]]:
        total = len(self.keys)
        counts = self._counts[:total]
        sure = np.maximum(counts, 1)
        excess = (self._sums[:total] @ (self._sums[row] / self._counts[row])) / sure
        excess -= self.needed(self._between(self._counts[row], sure))
        excess[counts == 0] = NEVER
        excess[row] = NEVER
        return [(int(other), float(excess[other])) for other in np.nonzero(excess > 0)[0]]

    def _may_merge(self, a: int, b: int) -> bool:
        if self._counts[a] == 0 or self._counts[b] == 0 or self._ranks[a] == self._ranks[b] == ANCHOR:
            return False
        small, large = sorted((self.photos[a], self.photos[b]), key=len)
        return small.isdisjoint(large)

    def _goes_first(self, a: int, b: int) -> bool:
        first, second = ((int(self._ranks[row]), float(self._counts[row]), -row) for row in (a, b))
        return first > second

    def _absorb(self, into: int, gone: int) -> None:
        self._sums[into] += self._sums[gone]
        self._counts[into] += self._counts[gone]
        self.photos[into] |= self.photos[gone]
        self._born[into] = max(self._born[into], self._born[gone])
        self._empty(gone)

    def _empty(self, row: int) -> None:
        self._sums[row], self._counts[row], self.photos[row] = 0, 0, set()
        del self.row_of[self.keys[row]]
        self.changed.discard(row)

    # Second thoughts ----------------------------------------------------------------------------------------------------

    def reconsider(self, seen: Seen, own: Sequence[UUID]) -> list[tuple[int, UUID]]:
        """Faces that are better off elsewhere: (which of `seen`, its cluster from now on). `own`: where each is now.

        Faces of anchors stay where they are, and so do those that know nobody better.
        """
        moves: list[tuple[int, UUID]] = []
        for start in range(0, len(seen), BLOCK):
            part = slice(start, start + BLOCK)
            block = Seen(seen.vectors[part], seen.photos[part], seen.taken[part])
            moves += [(start + i, key) for i, key in self._reconsider(block, own[part])]
        return moves

    def _reconsider(self, seen: Seen, own: Sequence[UUID]) -> list[tuple[int, UUID]]:
        known = len(self.keys)
        products = seen.vectors @ self._sums[:known].T
        among = seen.vectors @ seen.vectors.T
        moves: list[tuple[int, UUID]] = []
        for i in range(len(seen)):
            here = self.row_of.get(own[i])
            if here is None or self._ranks[here] == ANCHOR:
                continue
            others = self._counts[here] - 1
            excess = self._excess(products[i], int(seen.taken[i]))
            stays = (products[i, here] - 1) / others - self.needed(others) if others > 0 else NEVER
            excess[here] = NEVER
            row = self._best(excess, seen.photos[i], least=max(0.0, float(stays) + self.rule.margin))
            if row is None:
                continue
            self._leave(here, seen.vectors[i], seen.photos[i])
            if self._counts[here] <= 0:
                self._empty(here)
            self._join(row, seen.vectors[i], seen.photos[i])
            products[:, here] -= among[i]
            products[:, row] += among[i]
            moves.append((i, self.keys[row]))
        return moves

    # Memory -------------------------------------------------------------------------------------------------------------

    def compact(self) -> None:
        """Forget the rows of clusters that are no more."""
        rows = sorted(self.row_of.values())
        if len(rows) > len(self.keys) // 2 or len(self.keys) < BLOCK:
            return
        changed = {self.keys[row] for row in self.changed}
        index = np.array(rows, np.int64)
        room = max(64, len(rows) * 5 // 4)
        for name in ("_sums", "_counts", "_ranks", "_born"):
            old = getattr(self, name)
            fresh = np.zeros((room, *old.shape[1:]), old.dtype)
            fresh[: len(rows)] = old[index]
            setattr(self, name, fresh)
        self.keys = [self.keys[row] for row in rows]
        self.photos = [self.photos[row] for row in rows]
        self.row_of = {key: row for row, key in enumerate(self.keys)}
        self.changed = {self.row_of[key] for key in changed}

    def _grow(self) -> None:
        room = len(self._counts) * 3 // 2
        for name in ("_sums", "_counts", "_ranks", "_born"):
            old = getattr(self, name)
            fresh = np.zeros((room, *old.shape[1:]), old.dtype)
            fresh[: len(old)] = old
            setattr(self, name, fresh)


def _distinct(looks: Sequence[Look], person: UUID, least: float | np.float32) -> list[Look]:
    """The looks with those joined that are more alike than `least`, the most alike first. One has the person's key."""
    sums = np.stack([look.total for look in looks]).astype(np.float32)
    counts = np.array([look.count for look in looks], np.float32)
    products = sums @ sums.T
    groups = [[number] for number in range(len(looks))]
    alive = list(range(len(looks)))
    while len(alive) > 1:
        alike = products[np.ix_(alive, alive)] / np.outer(counts[alive], counts[alive])
        np.fill_diagonal(alike, NEVER)
        first, second = divmod(int(np.argmax(alike)), len(alive))
        if alike[first, second] <= least and len(alive) <= MOST_LOOKS:
            break
        into, gone = alive[first], alive[second]
        products[into] += products[gone]
        products[:, into] += products[:, gone]
        sums[into] += sums[gone]
        counts[into] += counts[gone]
        groups[into] += groups[gone]
        alive.remove(gone)
    own = max(alive, key=lambda number: (any(looks[each].key == person for each in groups[number]), counts[number]))
    return [
        Look(
            person if number == own else max((looks[each] for each in groups[number]), key=_size_of).key,
            sums[number],
            int(counts[number]),
            set(),
        )
        for number in alive
    ]


def _size_of(look: Look) -> tuple[int, UUID]:
    return look.count, look.key
