"""Which scopes a token carries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.oauth.errors import TokenError
from accounts.oauth.scopes import LETTERS, narrow, parse


def granted(asked: str, allowed: str) -> str:
    return " ".join(map(str, narrow(parse(asked), parse(allowed))))


@pytest.mark.parametrize(
    ("asked", "allowed", "given"),
    [
        ("system/Patient.rs", "system/*.cruds", "system/Patient.rs"),
        ("system/*.cruds", "system/Task.ru", "system/Task.ru"),
        ("system/*.cruds", "system/*.rs", "system/*.rs"),
        ("system/Patient.cruds", "system/Patient.rs system/Task.cu", "system/Patient.rs"),
        ("system/Patient.read", "system/*.cruds", "system/Patient.rs"),
        ("system/*.write", "system/*.cruds", "system/*.cud"),
        ("system/Task.*", "system/Task.read", "system/Task.rs"),
        ("system/Patient.c", "system/Patient.rs", ""),
        ("system/Patient.rs", "system/Task.cruds", ""),
        (
            "system/Observation.rs",
            "system/Observation.rs?category=laboratory",
            "system/Observation.rs?category=laboratory",
        ),
        (
            "system/Observation.rs?code=1",
            "system/Observation.rs?category=laboratory",
            "system/Observation.rs?category=laboratory&code=1",
        ),
    ],
)
def test_a_token_carries_the_narrower_of_asked_and_granted(asked, allowed, given):
    assert granted(asked, allowed) == given


@pytest.mark.parametrize(
    "wrong",
    ["system/Patient.sr", "system/Patient.", "patient/Patient.rs", "openid", "system/Patient", "*"],
)
def test_a_malformed_scope_is_refused_by_name(wrong):
    with pytest.raises(TokenError) as refused:
        parse(f"system/Task.rs {wrong}")
    assert refused.value.code == "invalid_scope"
    assert wrong in refused.value.says


WORDS = st.builds(
    lambda kind, may: f"system/{kind}.{''.join(c for c in LETTERS if c in may)}",
    st.sampled_from(["*", "Patient", "Task"]),
    st.sets(st.sampled_from(LETTERS), min_size=1),
)


@given(st.lists(WORDS, max_size=4), st.lists(WORDS, max_size=4))
def test_nothing_is_granted_that_was_not_both_asked_and_allowed(asked, allowed):
    def holds(words: list[str], kind: str, letter: str) -> bool:
        scopes = parse(" ".join(words))
        return any(s.kind in ("*", kind) and letter in s.may for s in scopes)

    result = list(map(str, narrow(parse(" ".join(asked)), parse(" ".join(allowed)))))
    for kind in ("Patient", "Task", "Observation"):
        for letter in LETTERS:
            both = holds(asked, kind, letter) and holds(allowed, kind, letter)
            assert holds(result, kind, letter) == both
