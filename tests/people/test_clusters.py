"""Average link that knows how much it knows: what holds for every archive."""

from uuid import uuid4

import numpy as np
import pytest

from bench.clustering import HARD, TYPICAL, by_average, by_neighbours, generate, quality
from calotype.people.clusters import ANCHOR, PERSON, Clusters, Look, Rule, Seen
from calotype.people.neighbours import Neighbour, Verdict, judge


@pytest.fixture(scope="module")
def archive():
    return generate(TYPICAL, 1500, seed=7)


def test_a_typical_archive_is_sorted_well(archive):
    found = quality(archive.truth, by_average(archive.seen, Rule()))
    assert found["pairF1"] > 0.99
    assert found["precision"] > 0.99
    assert found["bcubed"] > 0.97


def test_it_is_at_least_as_good_as_the_published_rule(archive):
    ours = quality(archive.truth, by_average(archive.seen, Rule()))
    theirs = quality(archive.truth, by_neighbours(archive.seen, streamed=True))
    assert ours["bcubed"] >= theirs["bcubed"]


def test_batches_of_any_size_give_the_same_clusters(archive):
    def sizes(batch):
        clusters = Clusters(512)
        keys = []
        for start in range(0, 600, batch):
            part = slice(start, min(600, start + batch))
            keys += clusters.assign(
                Seen(archive.seen.vectors[part], archive.seen.photos[part], archive.seen.taken[part])
            )
        names = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        return [names[key] for key in keys]

    assert sizes(1) == sizes(37) == sizes(600)


def test_no_two_faces_of_a_photo_share_a_cluster_whatever_happens():
    faces = generate(HARD, 1200, seed=3)
    clusters = Clusters(512, Rule(strict=0.2, loose=0.1))  # far too eager, so that only the veto keeps them apart
    own = clusters.assign(faces.seen)
    joined = dict(clusters.merge())
    own = [_end(joined, key) for key in own]
    for index, key in clusters.reconsider(faces.seen, own):
        own[index] = key
    pairs = list(zip(faces.seen.photos, own, strict=True))
    assert len(set(pairs)) == len(pairs)


def test_anchors_are_never_joined_and_lose_no_face():
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 0, 0]]
    seen = Seen(vectors, [1, 2, 3, 4], np.zeros(4, np.int64))
    clusters = Clusters(4)
    one, two = uuid4(), uuid4()
    clusters.put(one, vectors[0] * 3, 3, {10, 11, 12}, rank=ANCHOR)
    clusters.put(two, vectors[0] * 3, 3, {20, 21, 22}, rank=ANCHOR)
    assert clusters.merge() == []
    assert clusters.reconsider(Seen(vectors[:1], [10], seen.taken[:1]), [one]) == []
    assert set(clusters.assign(seen)) <= {one, two}
    assert len(clusters) == 2


def pictures(of: np.ndarray, count: int, *, like: float, first: int = 0) -> Seen:
    """Pictures that do somebody so much justice, each in a photo of its own."""
    noise = np.random.default_rng(first).standard_normal((count, len(of))).astype(np.float32)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    vectors = like * of + np.sqrt(1 - like * like) * noise
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Seen(vectors.astype(np.float32), list(range(first, first + count)), np.zeros(count, np.int64))


def test_somebody_whom_somebody_made_of_two_unlike_looks_is_known_by_either():
    child, adult = np.eye(512, dtype=np.float32)[:2]
    young, old = pictures(child, 12, like=0.7), pictures(adult, 12, like=0.7, first=100)
    person, former = uuid4(), uuid4()
    fresh = [pictures(child, 20, like=0.7, first=200), pictures(adult, 20, like=0.7, first=300)]

    blurred = Clusters(512)
    total = young.vectors.sum(0) + old.vectors.sum(0)
    blurred.put(person, total, 24, {*young.photos, *old.photos}, rank=ANCHOR)
    assert person not in {*blurred.assign(fresh[0]), *blurred.assign(fresh[1])}, "one mean is like neither"

    clusters = Clusters(512)
    looks = [
        Look(former, young.vectors.sum(0), 12, set(young.photos)),
        Look(person, old.vectors.sum(0), 12, set(old.photos)),
    ]
    clusters.put_person(person, looks, rank=ANCHOR)
    assert [{*clusters.assign(each)} for each in fresh] == [{former}, {person}]
    assert clusters.person_of(former) == clusters.person_of(person) == person
    # Nobody is twice in a photo, not even with two looks.
    assert person not in map(
        clusters.person_of, clusters.assign(Seen(old.vectors[:1], young.photos[:1], old.taken[:1]))
    )
    joined = dict(clusters.merge())
    assert not {person, former} & joined.keys()


def test_looks_that_are_alike_are_one_and_there_are_never_very_many():
    everyone = np.eye(512, dtype=np.float32)
    person = uuid4()
    clusters = Clusters(512)
    fragments = [pictures(everyone[0], 3, like=0.8, first=10 * number) for number in range(40)]
    looks = [Look(uuid4(), each.vectors.sum(0), 3, set(each.photos)) for each in fragments]
    clusters.put_person(person, looks, rank=ANCHOR)
    assert (len(clusters), clusters.size(person)) == (1, 120)
    other = uuid4()
    apart = [pictures(everyone[number], 3, like=0.8, first=1000 + 10 * number) for number in range(1, 30)]
    clusters.put_person(other, [Look(uuid4(), each.vectors.sum(0), 3, set(each.photos)) for each in apart], rank=ANCHOR)
    mine = [key for key in clusters.row_of if clusters.person_of(key) == other]
    assert (len(mine), sum(map(clusters.size, mine))) == (8, 87)
    assert other in mine


def test_only_whoever_was_spoken_of_has_several_looks():
    vectors = np.eye(4, dtype=np.float32)
    clusters = Clusters(4)
    person = uuid4()
    clusters.put_person(person, [Look(uuid4(), vectors[n] * 3, 3, {n}) for n in range(3)], rank=PERSON)
    assert (len(clusters), clusters.size(person)) == (1, 9)


def test_whoever_was_spoken_of_stays_when_clusters_are_joined():
    vector = np.eye(4, dtype=np.float32)[0]
    clusters = Clusters(4)
    large, named = uuid4(), uuid4()
    clusters.put(large, vector * 50, 50, set(range(50)))
    clusters.put(named, vector, 1, {99}, rank=ANCHOR)
    assert clusters.merge() == [(large, named)]
    assert clusters.size(named) == 51


def test_sums_are_those_of_the_faces_after_everything(archive):
    clusters = Clusters(512)
    own = clusters.assign(archive.seen)
    joined = dict(clusters.merge())
    own = [_end(joined, key) for key in own]
    for index, key in clusters.reconsider(archive.seen, own):
        own[index] = key
    joined = dict(clusters.merge())
    own = [_end(joined, key) for key in own]
    clusters.compact()
    assert set(own) == set(clusters.row_of)
    for key in set(own):
        members = [i for i, each in enumerate(own) if each == key]
        assert clusters.size(key) == len(members)
        row = clusters.row_of[key]
        assert np.allclose(clusters._sums[row], archive.seen.vectors[members].sum(0), atol=1e-3)
        assert clusters.photos[row] == {archive.seen.photos[i] for i in members}


def test_nobody_joins_somebody_who_was_not_born():
    vector = np.eye(4, dtype=np.float32)[:1]
    clusters = Clusters(4)
    young = uuid4()
    clusters.put(young, vector[0] * 5, 5, {1}, rank=ANCHOR, born=1000)
    assert clusters.assign(Seen(vector, [2], np.array([999])))[0] != young
    assert clusters.assign(Seen(vector, [3], np.array([1000])))[0] == young


def _end(joined, key):
    while key in joined:
        key = joined[key]
    return key


@pytest.mark.parametrize(
    ("near", "options", "verdict"),
    [
        ([None], {}, Verdict.ALONE),
        ([None, None], {}, Verdict.LATER),
        ([None, None], {"is_second_time": True}, Verdict.LOOK_FURTHER),
        ([None, "ann"], {"is_second_time": True}, Verdict.JOIN),
        ([None, None, None], {}, Verdict.BEGIN),
        ([None, "ann", "bob"], {}, Verdict.JOIN),
        ([None, None, None], {"is_on_timeline": False}, Verdict.LATER),
        ([None], {"min_faces": 1}, Verdict.BEGIN),
    ],
)
def test_the_published_rule_judges_by_the_nearest(near, options, verdict):
    people = {"ann": uuid4(), "bob": uuid4(), None: None}
    settings = {"min_faces": 3, "is_on_timeline": True, "is_second_time": False} | options
    found, person = judge([Neighbour(0.1, people[name]) for name in near], **settings)
    assert found is verdict
    assert person == (people["ann"] if verdict is Verdict.JOIN else None)
