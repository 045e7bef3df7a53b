"""Which faces are the same person: how well both rules sort a generated family archive, and what ours costs.

    python -m bench.clustering            6,000 faces, both rules, three archives
    python -m bench.clustering --large    100,000 faces, ours
    python -m bench.clustering --merged   people whom somebody merged of two unlike ones: who knows the next face?

Faces are 512 numbers as a recognition network gives them: some people are in most pictures and most are in few (Zipf),
people come together in photos, relatives look alike, faces age, turn away and are out of focus, strangers pass by once. The
thresholds were chosen on archives of other seeds than those that are reported. CPU time, one thread.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import product
from uuid import UUID, uuid4

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # before numpy is loaded

import numpy as np
from numpy.typing import NDArray

from calotype.people.clusters import ANCHOR, Clusters, Look, Rule, Seen
from calotype.people.neighbours import Neighbour, Verdict, judge

Floats = NDArray[np.float32]
SIZE = 512
MIN_FACES, MAX_DISTANCE = 3, 0.5


@dataclass(frozen=True, slots=True)
class Archive:
    """What kind of archive. Shares are of the squared length of a vector."""

    name: str
    people: int
    family_size: int  # how many people are related to each other
    kinship: float  # how much of a face is the family's
    blur: float  # how strong the noise of a usual picture is, compared with the face
    ageing: float
    poses: float
    children: float = 0.0  # how much all small children look like each other


TYPICAL = Archive("typical", 150, 4, 0.40, 0.80, 0.55, 0.40)
HARD = Archive("families and babies", 150, 6, 0.55, 0.80, 0.55, 0.40, children=0.40)


def _unit(vectors: Floats) -> Floats:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _directions(rnd: np.random.Generator, *shape: int) -> Floats:
    return _unit(rnd.standard_normal((*shape, SIZE), dtype=np.float32))


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces in the order their photos were taken, and who they truly are."""

    seen: Seen
    truth: NDArray[np.int64]


def generate(archive: Archive, faces: int, seed: int) -> Faces:
    """An archive over twenty years; photos of one to six people who know each other, one face in twenty a stranger."""
    rnd = np.random.default_rng(seed)
    count = archive.people
    families = _directions(rnd, max(1, count // archive.family_size))
    child = _directions(rnd, 1)[0]
    is_child = rnd.random(count) < (0.25 if archive.children else 0)
    weights = np.where(is_child, archive.children, 0)[:, None]
    kin = families[np.arange(count) % len(families)]
    me = _unit(
        np.sqrt(archive.kinship) * kin
        + np.sqrt(weights) * child
        + np.sqrt(np.maximum(0.05, 1 - archive.kinship - weights)) * _directions(rnd, count)
    )
    ages, poses = _directions(rnd, count), _directions(rnd, count, 4)
    often = 1 / np.arange(1, count + 1) ** 0.9
    often /= often.sum()
    circle: list[int] = rnd.integers(0, max(1, count // 12), count).tolist()
    by_circle = [np.array([i for i in range(count) if circle[i] == c], np.int64) for c in range(max(circle) + 1)]
    who: list[int] = []
    photos: list[int] = []
    days: list[int] = []
    photo, stranger = 0, count
    while len(who) < faces:
        first = int(rnd.choice(count, p=often))
        company = by_circle[circle[first]]
        size = min(int(rnd.choice([1, 2, 3, 4, 6], p=[0.5, 0.25, 0.12, 0.08, 0.05])), len(company))
        shares = often[company] / often[company].sum()
        others = rnd.choice(company, size=size, replace=False, p=shares)
        members = [first, *(int(other) for other in others if other != first)][:size]
        if rnd.random() < 0.05 * size:
            members.append(stranger)
            stranger += 1
        who += members
        photos += [photo] * len(members)
        days += [int(rnd.integers(0, 7300))] * len(members)
        photo += 1
    order = np.argsort(np.array(days[:faces]), kind="stable")
    truth, when = np.array(who[:faces])[order], np.array(days[:faces])[order]
    numbers = np.array(photos[:faces])[order]
    vectors = np.empty((faces, SIZE), np.float32)
    known = truth < count
    face = np.minimum(truth, count - 1)
    for start in range(0, faces, 4096):
        part = slice(start, start + 4096)
        n = len(truth[part])
        base = np.where(known[part, None], me[face[part]], _directions(rnd, n))
        old = ((when[part] / 7300 - 0.5) * 2 * archive.ageing)[:, None] * ages[face[part]]
        turned = archive.poses * poses[face[part], rnd.integers(0, 4, n)] * rnd.random((n, 1), dtype=np.float32) * 2
        blurred = archive.blur * rnd.lognormal(0, 0.3, (n, 1)).astype(np.float32) * _directions(rnd, n)
        vectors[part] = _unit((base + old + turned + blurred).astype(np.float32))
    return Faces(Seen(vectors, [int(number) for number in numbers], when.astype(np.int64)), truth)


# The rules ----------------------------------------------------------------------------------------------------------


def by_average(seen: Seen, rule: Rule, *, every: int = 500, batch: int = 64) -> list[UUID]:
    """As recognition does it: batches as they come, comparisons of all now and then, second thoughts at the end."""
    clusters = Clusters(SIZE, rule)
    own: list[UUID] = []
    unmerged = 0
    for start in range(0, len(seen), batch):
        part = slice(start, start + batch)
        own += clusters.assign(Seen(seen.vectors[part], seen.photos[part], seen.taken[part]))
        unmerged += batch
        if unmerged >= max(every, len(own) // 20):
            own = _followed(own, clusters.merge())
            unmerged = 0
    for _ in range(2):
        own = _followed(own, clusters.merge())
        for index, key in clusters.reconsider(seen, own):
            own[index] = key
    return _followed(own, clusters.merge())


def _followed(own: list[UUID], joined: list[tuple[UUID, UUID]]) -> list[UUID]:
    now: dict[UUID, UUID] = dict(joined)

    def last(key: UUID) -> UUID:
        while key in now:
            key = now[key]
        return key

    return [last(key) for key in own]


def by_neighbours(seen: Seen, *, streamed: bool) -> list[UUID]:
    """The other rule, with exact neighbours; who stays alone is somebody of their own."""
    person: list[UUID | None] = [None] * len(seen)
    deferred: list[int] = []

    def think(i: int, reach: int, *, again: bool) -> None:
        near = 1 - seen.vectors[:reach] @ seen.vectors[i]
        reachable = np.flatnonzero(near <= MAX_DISTANCE)
        within: list[int] = reachable[np.argsort(near[reachable], kind="stable")].tolist()
        neighbours = [Neighbour(float(near[j]), person[j]) for j in within[:MIN_FACES]]
        verdict, found = judge(neighbours, min_faces=MIN_FACES, is_on_timeline=True, is_second_time=again)
        if verdict is Verdict.LATER:
            deferred.append(i)
        elif verdict in (Verdict.BEGIN, Verdict.LOOK_FURTHER):
            found = next((person[j] for j in within if person[j] is not None), None)
            person[i] = found or (uuid4() if verdict is Verdict.BEGIN else None)
        elif verdict is Verdict.JOIN:
            person[i] = found

    for i in range(len(seen)):
        think(i, i + 1 if streamed else len(seen), again=False)
    for again in (True, True):  # the deferred ones, then the night's run over all that is left
        late = deferred if again else []
        deferred = []
        for i in late:
            think(i, len(seen), again=True)
        deferred = [i for i in range(len(seen)) if person[i] is None]
    return [each or uuid4() for each in person]


# How well -----------------------------------------------------------------------------------------------------------


def quality(truth: NDArray[np.int64], own: list[UUID]) -> dict[str, float]:
    """Pairwise precision, recall and F1, and BCubed F1."""
    names = {key: i for i, key in enumerate(dict.fromkeys(own))}
    said = [names[key] for key in own]
    truly: list[int] = truth.tolist()
    cells = Counter(zip(truly, said, strict=True))
    people, groups = Counter(truly), Counter(said)

    def pairs(counts: Counter[int] | Counter[tuple[int, int]]) -> int:
        return sum(n * (n - 1) // 2 for n in counts.values())

    precision, recall = pairs(cells) / max(1, pairs(groups)), pairs(cells) / max(1, pairs(people))
    each_precision = sum(n * n / groups[said] for (_, said), n in cells.items()) / len(said)
    each_recall = sum(n * n / people[who] for (who, _), n in cells.items()) / len(said)
    enough = {who for who, n in people.items() if n >= MIN_FACES}
    found = {who for (who, group), n in cells.items() if who in enough and n >= MIN_FACES and n * 2 > groups[group]}
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "pairF1": round(2 * precision * recall / max(1e-9, precision + recall), 4),
        "bcubed": round(2 * each_precision * each_recall / (each_precision + each_recall), 4),
        "found": len(found),
        "of": len(enough),
    }


def merged(faces: Faces, rule: Rule, *, looks: bool) -> dict[str, float]:
    """Every two people of the first half become one, as a child and the adult it became; then comes the second half.

    `recall`: of the later faces of these, how many joined; `wrong`: of those that joined somebody, how many should not have.
    `looks` false: with one mean for each person.
    """
    seen, half = faces.seen, len(faces.truth) // 2
    of_whom: dict[int, dict[int, list[int]]] = {}
    for index, who in enumerate(faces.truth[:half].tolist()):
        of_whom.setdefault(who // 2, {}).setdefault(who, []).append(index)
    clusters, said = Clusters(SIZE, rule), dict[UUID, int]()
    for pair, each in of_whom.items():
        if len(each) < 2:
            continue
        parts = [
            Look(uuid4(), seen.vectors[own].sum(0), len(own), {seen.photos[i] for i in own}) for own in each.values()
        ]
        said[key := uuid4()] = pair
        if looks:
            clusters.put_person(key, parts, rank=ANCHOR)
        else:
            photos = set[int]().union(*(part.photos for part in parts))
            total = np.sum([part.total for part in parts], axis=0)
            clusters.put(key, total, sum(part.count for part in parts), photos, rank=ANCHOR)
    later = Seen(seen.vectors[half:], seen.photos[half:], seen.taken[half:])
    found = [said.get(clusters.person_of(key)) for key in clusters.assign(later)]
    truth = (faces.truth[half:] // 2).tolist()
    theirs = [own for own, who in zip(found, truth, strict=True) if who in said.values()]
    right = sum(own == who for own, who in zip(found, truth, strict=True))
    joined = sum(own is not None for own in found)
    return {"recall": round(right / len(theirs), 4), "wrong": round((joined - right) / max(1, joined), 4)}


def alike(faces: Faces, seed: int = 0) -> dict[str, float]:
    """How alike pictures of one person and of two are, so that archives can be compared."""
    rnd = np.random.default_rng(seed)
    a, b = rnd.integers(0, len(faces.truth), (2, 400_000))
    likeness = np.einsum("ij,ij->i", faces.seen.vectors[a], faces.seen.vectors[b])
    same = (faces.truth[a] == faces.truth[b]) & (a != b)
    low, middle, high = np.percentile(likeness[same], [5, 50, 95])
    most, all_but = np.percentile(likeness[faces.truth[a] != faces.truth[b]], [99.9, 99.99])
    return {
        "same5": round(float(low), 2),
        "same50": round(float(middle), 2),
        "same95": round(float(high), 2),
        "others99.9": round(float(most), 2),
        "others99.99": round(float(all_but), 2),
    }


def _report(**line: object) -> None:
    print(json.dumps(line), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--strict", type=float, default=Rule().strict)
    parser.add_argument("--loose", type=float, default=Rule().loose)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--merged", action="store_true")
    asked = parser.parse_args()
    rule = Rule(asked.strict, asked.loose)
    if asked.large:
        faces = generate(Archive("large", 2600, 4, 0.40, 0.80, 0.55, 0.40), 100_000, 1)
        begun = time.process_time()
        own = by_average(faces.seen, rule)
        spent = time.process_time() - begun
        _report(
            archive="large",
            rule="average",
            **quality(faces.truth, own),
            cpu_ms_a_face=round(spent * 1000 / len(own), 3),
            peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        )
        return 0
    if asked.merged:
        for archive in (TYPICAL, HARD):
            for seed, looks in product(asked.seeds, (False, True)):
                found = merged(generate(archive, 6000, seed), rule, looks=looks)
                _report(archive=archive.name, seed=seed, keeps="looks" if looks else "one mean", **found)
        return 0
    for archive in (TYPICAL, HARD):
        for seed in asked.seeds:
            faces = generate(archive, 6000, seed)
            if seed == asked.seeds[0]:
                _report(archive=archive.name, **alike(faces))
            rules = {"average": lambda faces=faces: by_average(faces.seen, rule)}
            if not asked.ours_only:
                rules |= {
                    "neighbours": lambda faces=faces: by_neighbours(faces.seen, streamed=False),
                    "neighbours, as they come": lambda faces=faces: by_neighbours(faces.seen, streamed=True),
                }
            for name, sort in rules.items():
                begun = time.process_time()
                own = sort()
                spent = time.process_time() - begun
                _report(
                    archive=archive.name,
                    seed=seed,
                    rule=name,
                    **quality(faces.truth, own),
                    cpu_ms_a_face=round(spent * 1000 / len(own), 3),
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
