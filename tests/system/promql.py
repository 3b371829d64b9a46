"""As much of PromQL as the shipped queries use, on two scrapes.

The language itself is parsed by a library; what is here computes, as Prometheus does.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from collections.abc import Iterator

import promql_parser as promql
from tests.system.scraping import Labels
from tests.system.scraping import Scrape
from tests.system.scraping import Vector

MATCHES: dict[str, Callable[[str, str], bool]] = {
    "MatchOp.Equal": operator.eq,
    "MatchOp.NotEqual": operator.ne,
    "MatchOp.Re": lambda value, pattern: bool(re.fullmatch(pattern, value)),
    "MatchOp.NotRe": lambda value, pattern: not re.fullmatch(pattern, value),
}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: (
        a / b if b else (math.nan if not a else math.copysign(math.inf, a))
    ),
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
FOLDS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "max": max,
    "min": min,
    "avg": lambda values: sum(values) / len(values),
}
CUMULATIVE = ("_total", "_bucket", "_count", "_sum")


class Unknown(Exception):
    """A query refers to what is not there."""


class Evaluator:
    """Answers of queries between two scrapes of the same system."""

    def __init__(self, before: Scrape, after: Scrape) -> None:
        self._before = before
        self._after = after

    def __call__(self, expression: promql.Expr | str) -> Vector | float:
        """What a query answers. Raises Unknown for names and labels that are not."""
        if isinstance(expression, str):
            expression = promql.parse(expression)
        kind = type(expression).__name__
        found: Vector | float = getattr(self, f"_{kind.lower()}")(expression)
        return found

    def vector(self, expression: promql.Expr | str) -> Vector:
        """The same, where it has to be a vector."""
        found = self(expression)
        assert not isinstance(found, float), expression
        return found

    def _numberliteral(self, literal: promql.NumberLiteral) -> float:
        return float(literal.val)

    def _parenexpr(self, inside: promql.ParenExpr) -> Vector | float:
        return self(inside.expr)

    def _vectorselector(self, selector: promql.VectorSelector) -> Vector:
        return self._selected(selector, self._after)

    def _selected(self, selector: promql.VectorSelector, scrape: Scrape) -> Vector:
        if selector.name not in scrape.vectors:
            raise Unknown(f"no sample is named {selector.name}")
        matchers = selector.matchers.matchers
        everything = scrape.vectors[selector.name]
        known = {name for labels in everything for name, _ in labels}
        if odd := {one.name for one in matchers} - known:
            raise Unknown(f"{selector.name} has no labels {odd}")
        found = {
            labels: value
            for labels, value in everything.items()
            if all(
                MATCHES[str(one.op)](dict(labels)[one.name], one.value)
                for one in matchers
            )
        }
        if not found:
            raise Unknown(f"nothing matches {selector.prettify()}")
        return found

    def _call(self, call: promql.Call) -> Vector | float:
        name = call.func.name
        if name in ("rate", "increase"):
            return self._grown(call.args[0], per_second=name == "rate")
        if name == "histogram_quantile":
            return _quantiles(float(call.args[0].val), self.vector(call.args[1]))
        assert name == "absent", name
        return {} if self.vector(call.args[0]) else {frozenset(): 1.0}

    def _grown(self, matrix: promql.MatrixSelector, *, per_second: bool) -> Vector:
        selector = matrix.vector_selector
        if not selector.name.endswith(CUMULATIVE):
            raise Unknown(f"{selector.name} is not one that only grows")
        before = self._selected(selector, self._before)
        after = self._selected(selector, self._after)
        time = self._after.at - self._before.at if per_second else 1.0
        assert before.keys() <= after.keys()
        assert all(after[labels] >= value for labels, value in before.items())
        return {
            labels: (value - before[labels]) / time
            for labels, value in after.items()
            if labels in before
        }

    def _aggregateexpr(self, aggregate: promql.AggregateExpr) -> Vector:
        inner = self.vector(aggregate.expr)
        modifier = aggregate.modifier
        kept = set() if modifier is None else set(modifier.labels)
        assert modifier is None or str(modifier.type).endswith(".By")
        if odd := kept - {name for labels in inner for name, _ in labels}:
            raise Unknown(f"there are no labels {odd} in {aggregate.prettify()}")
        groups: dict[Labels, list[float]] = {}
        for labels, value in inner.items():
            groups.setdefault(_only(labels, kept), []).append(value)
        fold = FOLDS[str(aggregate.op)]
        return {labels: float(fold(values)) for labels, values in groups.items()}

    def _binaryexpr(self, binary: promql.BinaryExpr) -> Vector | float:
        left, right, sign = self(binary.lhs), self(binary.rhs), str(binary.op)
        if sign == "or":
            assert isinstance(left, dict) and isinstance(right, dict)
            return {**right, **left}
        compute = ARITHMETIC.get(sign)
        if isinstance(left, float) and isinstance(right, float):
            assert compute is not None
            return compute(left, right)
        result: Vector = {}
        for labels, a, b in _pairs(left, right, _matching(binary)):
            if compute is not None:
                result[labels] = compute(a, b)
            elif COMPARISONS[sign](a, b):
                result[labels] = a
        return result


def _matching(binary: promql.BinaryExpr) -> set[str] | None:
    """The labels that both sides have to share; None for all."""
    modifier = binary.modifier
    matching = None if modifier is None else modifier.matching
    return None if matching is None else set(matching.labels)


def _pairs(
    left: Vector | float, right: Vector | float, on: set[str] | None
) -> Iterator[tuple[Labels, float, float]]:
    if isinstance(left, float):
        assert isinstance(right, dict)
        yield from ((labels, left, value) for labels, value in right.items())
    elif isinstance(right, float):
        yield from ((labels, value, right) for labels, value in left.items())
    else:
        for labels, value in left.items():
            for others, other in right.items():
                if on is None and labels == others:
                    yield labels, value, other
                elif on is not None and _only(labels, on) == _only(others, on):
                    yield labels, value, other


def _only(labels: Labels, kept: set[str]) -> Labels:
    return frozenset(pair for pair in labels if pair[0] in kept)


def _quantiles(quantile: float, buckets: Vector) -> Vector:
    """As ``histogram_quantile`` has it: linear between the bounds of a bucket."""
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        if "le" not in dict(labels):
            raise Unknown("a quantile is of buckets")
        rest = frozenset(pair for pair in labels if pair[0] != "le")
        groups.setdefault(rest, []).append((float(dict(labels)["le"]), count))
    return {labels: _quantile(quantile, sorted(one)) for labels, one in groups.items()}


def _quantile(quantile: float, buckets: list[tuple[float, float]]) -> float:
    bounds = [bound for bound, _ in buckets]
    assert bounds[-1] == math.inf
    total = buckets[-1][1]
    if not total:
        return math.nan
    rank, below, start = quantile * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if bound == math.inf:
                return bounds[-2]
            inside = count - below
            return start + (bound - start) * ((rank - below) / inside if inside else 1)
        below, start = count, bound
    raise AssertionError("the last bucket holds everything")
