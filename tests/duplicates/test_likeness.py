"""What proves that two assets are the same thing, and what does not."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest

from calotype.core.ids import AssetId
from calotype.duplicates.likeness import (
    TURNS,
    differing_bits,
    judge,
    near_quarter,
    quarters,
    turned_hash,
)
from calotype.duplicates.proof import Kind, Pair, Proof, weakest_link
from calotype.duplicates.subject import Subject
from calotype.outside.likeness import TINY_BYTES, hash_of, pixels_hash, tiny
from tests.duplicates.pictures import EDITS, SAME, photo

NOON = datetime.fromisoformat("2024-05-01T12:00:00.000500")  # a wall clock has no zone
CAMERA = {"make": "Canon", "model": "R5"}
NEAR = 0.01


def subject(picture, **changes) -> Subject:
    pixels = np.asarray(picture)
    copy = tiny(pixels)
    height, width = pixels.shape[:2]
    made = Subject(
        id=AssetId(uuid4()),
        type="IMAGE",
        checksum=uuid4().bytes,
        pixels=pixels_hash(pixels, width_px=width, height_px=height, icc=None),
        hash=hash_of(copy),
        tinies=(copy,),
        duration_ms=None,
        width=width,
        height=height,
        make=None,
        model=None,
        local_taken=NOON,
    )
    return replace(made, **changes)


def verdict(one, other, distance=None, **options):
    options = {"most_distance": NEAR} | options
    proof = judge(one, other, distance=distance, **options)
    back = judge(other, one, distance=distance, **options)
    assert (proof and proof.kind) == (back and back.kind), "it matters who is asked"
    return proof


def kind(one, other, distance=None, **options):
    proof = verdict(one, other, distance, **options)
    return proof.kind if proof else None


def film(*seeds, duration_ms=10_000, **changes):
    """A video that shows these pictures at its moments; `None`: black."""
    black = np.zeros((90, 160, 3), np.uint8)
    frames = [black if seed is None else np.asarray(photo(seed, 160, 90)) for seed in seeds]
    return subject(
        photo(1), type="VIDEO", hash=None, tinies=tuple(map(tiny, frames)), duration_ms=duration_ms, **changes
    )


class TestPictures:
    def test_the_same_bytes_are_certain(self):
        one = subject(photo(1))
        assert kind(one, replace(subject(photo(2)), checksum=one.checksum)) is Kind.SAME_BYTES

    def test_every_pixel_the_same(self):
        assert kind(subject(photo(1)), subject(photo(1))) is Kind.SAME_PIXELS

    def test_a_digest_alone_proves_nothing(self):
        one = subject(photo(1))
        assert verdict(one, replace(subject(photo(2)), pixels=one.pixels)) is None

    @pytest.mark.parametrize("name", SAME)
    @pytest.mark.parametrize("seed", range(4))
    def test_saved_again(self, name, seed):
        proof = verdict(subject(photo(seed)), subject(SAME[name](photo(seed))))
        assert proof.kind is Kind.RE_ENCODED
        assert proof.evidence["hashDistance"] <= 4
        assert proof.evidence["likeness"] > 0.99

    @pytest.mark.parametrize("name", EDITS)
    @pytest.mark.parametrize("seed", range(4))
    def test_edited(self, name, seed):
        # A model's opinion, as for every asset where there is an inference service, opens the search for parts.
        proof = verdict(subject(photo(seed)), subject(EDITS[name](photo(seed))), distance=0.05)
        assert proof is not None
        assert proof.kind is Kind.EDITED, proof
        expected = {
            "brighter by 25 %": "toned",
            "black and white": "recoloured",
            "mirrored": "mirrored",
            "turned by 90°": "turned",
            "stamped": "overlaid",
            "levelled by 3°": "rotated",
        }
        assert expected.get(name, "cropped") in proof.evidence["edits"]

    def test_different_photos_are_never_taken_for_the_same(self):
        subjects = [subject(photo(seed)) for seed in range(12)]
        for one, other in itertools.combinations(subjects, 2):
            assert verdict(one, other) is None
            assert verdict(one, other, distance=0.05) is None

    def test_what_shows_next_to_nothing_proves_nothing(self):
        sky = np.full((60, 80, 3), 200, np.uint8)
        other = sky.copy()
        other[:30] = 202
        assert hash_of(tiny(sky)) is None
        assert verdict(subject(sky), subject(other)) is None

    def test_a_model_alone_makes_it_similar_and_only_when_it_is_sure(self):
        one, other = subject(photo(1)), subject(photo(2))
        assert verdict(one, other, distance=0.009).kind is Kind.SIMILAR
        assert verdict(one, other, distance=0.009).evidence == {"embeddingDistance": 0.009}
        assert verdict(one, other, distance=0.011) is None
        assert verdict(one, other, distance=0.009, most_distance=0.005) is None

    def test_a_model_that_sees_two_things_is_believed(self):
        one = photo(1)
        assert verdict(subject(one), subject(EDITS["cropped by 5 %"](one)), distance=0.4) is None

    def test_a_stretched_copy_is_an_edit(self):
        one = photo(1)
        proof = verdict(subject(one), subject(one.resize((800, 450))))
        assert (proof.kind, proof.evidence["edits"]) == (Kind.EDITED, ["stretched"])


class TestShots:
    def shots(self, apart_s, **changes):
        one, other = photo(3), EDITS["cropped by 5 %"](photo(3)).resize((800, 600))
        later = NOON + timedelta(seconds=apart_s)
        return subject(one, **CAMERA), subject(other, local_taken=later, **CAMERA, **changes)

    def test_the_same_camera_within_seconds_is_a_burst(self):
        proof = verdict(*self.shots(2), distance=0.02)
        assert proof.kind is Kind.BURST
        assert proof.evidence["secondsApart"] == 2
        assert "edits" not in proof.evidence

    def test_an_hour_later_it_is_another_photo(self):
        assert verdict(*self.shots(3600), distance=0.02) is None
        assert verdict(*self.shots(3600), distance=0.005).kind is Kind.SIMILAR

    def test_another_camera_or_none_is_no_burst(self):
        one, other = self.shots(2)
        assert kind(one, replace(other, make="SONY"), 0.05) is Kind.EDITED
        assert kind(one, replace(other, make=None, model=None), 0.05) is Kind.EDITED

    def test_two_of_one_second_are_told_by_what_moved_or_how_they_were_exposed(self):
        one, other = self.shots(0)
        whole = NOON.replace(microsecond=0)
        assert kind(one, other, 0.02) is Kind.EDITED  # the very instant
        assert kind(replace(one, local_taken=whole), replace(other, local_taken=whole), 0.02) is Kind.BURST
        same = subject(SAME["JPEG, quality 40"](photo(3)), **CAMERA)
        assert kind(one, same) is Kind.RE_ENCODED
        assert kind(one, replace(same, exposure=("1/60", 100, 2.8))) is Kind.BURST


class TestVideos:
    def test_the_same_film_in_another_coat(self):
        one = film(1, 2, 3, 4, 5)
        proof = verdict(one, film(1, 2, 3, 4, 5, duration_ms=10_080, pixels=b"x"))
        assert (proof.kind, proof.evidence["moments"]) == (Kind.RE_ENCODED, 5)

    def test_every_moment_the_same_to_the_pixel(self):
        assert kind(film(1, 2, 3, 4, 5), film(1, 2, 3, 4, 5)) is Kind.SAME_PIXELS

    def test_a_black_start_is_no_witness(self):
        one = film(None, None, 3, 4, 5, pixels=b"a")
        assert verdict(one, film(None, None, 6, 7, 8, pixels=b"b"), distance=0.0) is None
        assert verdict(film(None, None, None, None, 5, pixels=b"a"), film(*[None] * 4, 5, pixels=b"b")) is None
        all_black = film(*[None] * 5)
        assert verdict(all_black, film(*[None] * 5), distance=0.0) is None  # same duration, same nothing

    def test_the_same_title_before_another_film_is_no_witness(self):
        one, other = film(1, 1, 3, 4, 5, pixels=b"a"), film(1, 1, 6, 7, 8, pixels=b"b")
        assert verdict(one, other, distance=0.0) is None
        assert (
            verdict(film(1, 1, 1, 1, 1, pixels=b"a"), film(1, 1, 1, 1, 1, pixels=b"b")) is None
        )  # one picture, no film

    def test_another_length_is_another_cut(self):
        assert verdict(film(1, 2, 3, 4, 5, pixels=b"a"), film(1, 2, 3, 4, 5, duration_ms=14_000, pixels=b"b")) is None

    def test_a_model_needs_a_second_witness(self):
        one, other = film(1, 2, 3, 4, 5, pixels=b"a"), film(1, 2, 3, 4, 5, duration_ms=14_000, pixels=b"b")
        assert kind(one, other, 0.005) is Kind.SIMILAR
        assert verdict(one, film(6, 7, 8, 9, 10, pixels=b"b"), distance=0.005) is None

    def test_a_video_is_no_photo(self):
        assert verdict(film(1, 2, 3), subject(photo(1)), distance=0.0) is None


class TestHashes:
    @pytest.mark.parametrize("turn", TURNS, ids=str)
    def test_the_hash_of_a_turned_picture_follows_from_its_own(self, turn):
        for seed in range(6):
            square = np.asarray(photo(seed, 480, 480))
            turned = np.ascontiguousarray(np.rot90(square[:, ::-1] if turn.mirrors else square, turn.quarters))
            known, made = hash_of(tiny(square)), hash_of(tiny(turned))
            assert differing_bits(turned_hash(known, turn), made) <= 1

    def test_quarters_put_together_are_the_hash(self):
        for seed in range(20):
            number = hash_of(tiny(np.asarray(photo(seed))))
            parts = quarters(number)
            assert sum(part << 16 * i for i, part in enumerate(parts)) == number % (1 << 64)
            assert len(set(near_quarter(parts[0]))) == 17

    def test_up_to_seven_bits_are_always_found(self):
        random = np.random.default_rng(1)
        number = hash_of(tiny(np.asarray(photo(1))))
        for bits in range(8):
            for _ in range(200):
                other = number
                for bit in random.choice(64, bits, replace=False):
                    other ^= 1 << int(bit)
                pairs = zip(quarters(number), quarters(other), strict=True)
                assert any(theirs in near_quarter(own) for own, theirs in pairs)

    def test_a_tiny_copy_is_small_and_white_where_nothing_is(self):
        clear = np.zeros((50, 70, 4), np.uint8)
        assert len(tiny(clear)) == TINY_BYTES
        assert set(tiny(clear)[:100]) == {255}

    def test_size_and_profile_count_as_pixels(self):
        pixels = np.asarray(photo(1))
        known = pixels_hash(pixels, width_px=800, height_px=600, icc=None)
        assert known == pixels_hash(pixels.copy(), width_px=800, height_px=600, icc=None)
        assert known != pixels_hash(pixels, width_px=4000, height_px=3000, icc=None)
        assert known != pixels_hash(pixels, width_px=800, height_px=600, icc=b"p3")
        other = pixels.copy()
        other[5, 5, 1] ^= 1
        assert known != pixels_hash(other, width_px=800, height_px=600, icc=None)


def test_the_weakest_link_that_is_needed_names_a_group():
    a, b, c, d = (AssetId(uuid4()) for _ in range(4))
    pairs = [
        Pair(a, b, Proof(Kind.SAME_BYTES)),
        Pair(b, c, Proof(Kind.SIMILAR)),
        Pair(a, c, Proof(Kind.RE_ENCODED)),
    ]
    assert weakest_link([a, b], pairs) is Kind.SAME_BYTES
    assert weakest_link([a, b, c], pairs) is Kind.RE_ENCODED  # the similar one is not needed
    assert weakest_link([a, b, c, d], pairs) is Kind.SIMILAR  # nothing says why d is here
