"""What the sender must not be answered, it complains of."""

from __future__ import annotations

import pytest
from chaos.experiments import COUNT
from chaos.experiments import Subject
from chaos.journal import Journal

from proxysvc.token import Keyring
from proxysvc.token import Token
from proxysvc.token import seal

KEYS = Keyring([("k", b"a secret for tokens that nobody checks")])
SUBJECT = Subject("e1", COUNT, "id-1", "pool-1")


def token(sequence: int = 1, experiment: str = SUBJECT.id, arm: int = 2) -> str:
    held = Token(
        *(1, KEYS.signing_id, "t", experiment, 1, 7, sequence, 0, arm, 3),
        *(None, None, None),
    )
    return seal(held, KEYS.signing_key)


def test_a_token_counts_once_however_often_it_is_sent() -> None:
    journal, text = Journal(), token()
    journal.selected(SUBJECT, "e1:0", text, 1.0)
    for _ in range(2):
        journal.trying(text)
    assert journal.open[text].place == (SUBJECT.id, 3, 2)
    for _ in range(2):
        journal.accepted(text)
    assert journal.open == {}
    for counted in (journal.chosen, journal.sent, journal.acknowledged):
        assert counted == {(SUBJECT.id, 3, 2): 1}
    assert journal.complaints == []


@pytest.mark.parametrize(
    ("arm", "text"),
    [("e11:0", token()), ("e1:0", token(experiment="id-2"))],
    ids=["arm", "token"],
)
def test_what_belongs_to_another_experiment_is_noticed(arm: str, text: str) -> None:
    journal = Journal()
    journal.selected(SUBJECT, arm, text, 1.0)
    assert len(journal.complaints) == 1


def test_a_token_that_is_given_twice_is_noticed() -> None:
    journal = Journal()
    for _ in range(2):
        journal.selected(SUBJECT, "e1:0", token(), 1.0)
    assert journal.complaints == ["e1 got a token twice"]


def test_only_some_answers_are_allowed() -> None:
    journal = Journal()
    for status in (0, 200, 201, 429, 503):
        journal.answered("select", status)
    assert journal.complaints == []
    journal.answered("select", 500)
    assert journal.complaints == ["select was answered 500"]
    assert journal.share(0.0, float("inf")) == (2, 6)
