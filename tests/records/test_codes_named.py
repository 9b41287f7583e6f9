"""A refused code is named, unless it could be a person's words."""

from records.validation.primitives import not_a_code


def test_an_unknown_code_is_named():
    assert not_a_code("bogus").startswith("'bogus' is not a code")


def test_what_does_not_look_like_a_code_is_not_repeated():
    assert "Zhao" not in not_a_code("Zhao Guifang, 74")
    assert not_a_code(7) == "is not a code of the required value set"
