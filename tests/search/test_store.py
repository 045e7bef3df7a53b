import pytest

from calotype.search.condition_store import numbers_in


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("IMG_1234", "%1234%"),
        ("img_20240501_123456.JPG", "%20240501%123456%"),
        ("DSC0042-b.jpg", "%dsc0042%"),
        ("100% of_1234", "%1234%"),
        (r"a\1234", "%1234%"),
    ],
)
def test_a_name_is_found_by_its_numbers(name, pattern):
    assert numbers_in(name) == pattern


@pytest.mark.parametrize("name", ["1234", "oslo", "old town", "IMG_12", "été", ""])
def test_a_name_that_has_nothing_besides_is_left_alone(name):
    assert numbers_in(name) is None
