"""The error tree."""

from __future__ import annotations

import inspect

import pytest

from qbrixcore import errors

ALL = [
    value
    for value in vars(errors).values()
    if inspect.isclass(value) and issubclass(value, errors.QbrixError)
]


@pytest.mark.parametrize("error", ALL, ids=lambda e: e.__name__)
def test_the_docstring_is_the_default_message(error: type[errors.QbrixError]) -> None:
    assert str(error()) == error.__doc__
    assert str(error("other")) == "other"


@pytest.mark.parametrize("error", ALL, ids=lambda e: e.__name__)
def test_the_drawn_tree_is_the_tree(error: type[errors.QbrixError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


def test_detail_is_kept() -> None:
    assert errors.PoolInUse(experiments=["a"]).detail == {"experiments": ["a"]}
