"""The numbers of one process: a list of floats, and what each of them means.

Counting is an addition to an element of the list: no lock, no look-up by label. What a
label may say is fixed when its family is made, so that the lists of several processes
can be added up place by place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from itertools import product
from typing import Final
from typing import Literal

from prometheus_client.core import CounterMetricFamily
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.core import Metric
from prometheus_client.utils import floatToGoString

Kind = Literal["counter", "gauge", "histogram"]
Fold = Literal["sum", "max"]
Values = tuple[str, ...]

# from 50 µs, about twice the one before
SECONDS: Final = (
    *(0.000_05, 0.000_1, 0.000_2, 0.000_3, 0.000_5, 0.000_75),
    *(0.001, 0.001_5, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)
SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
_UNITS: Final = ("seconds", "bytes")


class Number:
    """One number: what only grows is added to, what comes and goes is set."""

    __slots__ = ("_cells", "at")

    def __init__(self, cells: list[float], at: int) -> None:
        self._cells = cells
        self.at = at

    def add(self, count: float = 1) -> None:
        """That many more."""
        self._cells[self.at] += count

    def set(self, value: float) -> None:
        """It is that now."""
        self._cells[self.at] = value

    @property
    def value(self) -> float:
        """What it is."""
        return self._cells[self.at]


class Histogram:
    """How often a value fell between which bounds."""

    __slots__ = ("_cells", "_sum", "at", "bounds")

    def __init__(self, cells: list[float], at: int, bounds: Sequence[float]) -> None:
        self._cells = cells
        self.at = at
        self.bounds = bounds
        self._sum = at + len(bounds) + 1

    def observe(self, value: float) -> None:
        """It was that once more."""
        cells = self._cells
        cells[self.at + bisect_left(self.bounds, value)] += 1
        cells[self._sum] += value


class Family:
    """The numbers of one name, by what their labels say.

    ``fold`` is how several processes make one number of theirs.
    """

    def __init__(
        self,
        kind: Kind,
        name: str,
        text: str,
        labels: Sequence[str],
        bounds: Sequence[float] = (),
        fold: Fold = "sum",
    ) -> None:
        self.kind = kind
        self.name = name
        self.text = text
        self.labels = tuple(labels)
        self.fold = fold
        self.bounds = tuple(bounds)
        self.width = len(self.bounds) + 2 if bounds else 1
        self.places: dict[Values, int] = {}

    def cells(self) -> Iterator[int]:
        """The places of all its numbers."""
        for start in list(self.places.values()):
            yield from range(start, start + self.width)

    def metric(self, cells: Sequence[float]) -> Metric:
        """As Prometheus has it."""
        unit = next((one for one in _UNITS if self.name.endswith(f"_{one}")), "")
        if self.kind == "histogram":
            return self._histogram(cells, unit)
        make = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        metric = make(self.name, self.text, labels=self.labels, unit=unit)
        for values, at in list(self.places.items()):
            metric.add_metric(values, cells[at])
        return metric

    def _histogram(self, cells: Sequence[float], unit: str) -> Metric:
        metric = HistogramMetricFamily(
            self.name, self.text, labels=self.labels, unit=unit
        )
        names = [*map(floatToGoString, self.bounds), "+Inf"]
        for values, at in list(self.places.items()):
            total = 0.0
            buckets = []
            for name, count in zip(names, cells[at : at + len(names)], strict=True):
                total += count
                buckets.append((name, total))
            metric.add_metric(values, buckets, cells[at + len(names)])
        return metric


class Sheet:
    """Families and their numbers; ``readers`` bring the gauges up to date."""

    def __init__(self, service: str) -> None:
        """``service`` is what every name begins with, after ``qbrix_``."""
        self.cells: list[float] = []
        self.families: list[Family] = []
        self.readers: list[Callable[[], None]] = []
        self._prefix = f"qbrix_{service}_"

    def counters(self, name: str, text: str, **labels: Iterable[str]) -> Cells:
        """Numbers that only grow, one for each combination of the labels."""
        return self._cells(
            Family("counter", self._prefix + name, text, [*labels]), labels
        )

    def gauges(
        self, name: str, text: str, fold: Fold = "sum", **labels: Iterable[str]
    ) -> Cells:
        """Numbers that come and go, one for each combination of the labels."""
        family = Family("gauge", self._prefix + name, text, [*labels], fold=fold)
        return self._cells(family, labels)

    def counter(self, name: str, text: str) -> Number:
        """A number that only grows."""
        return self.counters(name, text).of()

    def gauge(self, name: str, text: str, fold: Fold = "sum") -> Number:
        """A number that comes and goes."""
        return self.gauges(name, text, fold).of()

    def histograms(
        self,
        name: str,
        text: str,
        bounds: Sequence[float] = SECONDS,
        **labels: Iterable[str],
    ) -> Histograms:
        """Distributions, one for each combination of the labels."""
        family = Family("histogram", self._prefix + name, text, [*labels], bounds)
        return Histograms(self, self._made(family, labels))

    def histogram(
        self, name: str, text: str, bounds: Sequence[float] = SECONDS
    ) -> Histogram:
        """A distribution."""
        return self.histograms(name, text, bounds).of()

    def follow(self, number: Number, read: Callable[[], float]) -> None:
        """Have a number grow with one that is counted elsewhere, from 0 on."""
        before = 0.0

        def grow() -> None:
            nonlocal before
            now = read()
            number.add(now - before)
            before = now

        self.readers.append(grow)

    def show(self, number: Number, read: Callable[[], float]) -> None:
        """Have a gauge say what something is."""
        self.readers.append(lambda: number.set(read()))

    def refresh(self) -> None:
        """Bring the gauges up to date."""
        for read in self.readers:
            read()

    def place(self, family: Family, values: Values) -> int:
        """Where the numbers of a combination begin, made if it is new.

        What was not named when the family was made belongs to this process alone.
        """
        at = family.places.get(values)
        if at is None:
            if len(values) != len(family.labels):
                raise ValueError(f"{family.name} has the labels {family.labels}")
            at = family.places[values] = len(self.cells)
            self.cells.extend([0.0] * family.width)
        return at

    def _cells(self, family: Family, labels: dict[str, Iterable[str]]) -> Cells:
        return Cells(self, self._made(family, labels))

    def _made(self, family: Family, labels: dict[str, Iterable[str]]) -> Family:
        for values in product(*labels.values()):
            self.place(family, values)
        self.families.append(family)
        return family


class Cells:
    """Single numbers by what their labels say."""

    def __init__(self, sheet: Sheet, family: Family) -> None:
        self._sheet = sheet
        self._family = family

    def of(self, *values: str) -> Number:
        """The number of a combination."""
        return Number(self._sheet.cells, self._sheet.place(self._family, values))


class Histograms:
    """Distributions by what their labels say."""

    def __init__(self, sheet: Sheet, family: Family) -> None:
        self._sheet = sheet
        self._family = family

    def of(self, *values: str) -> Histogram:
        """The distribution of a combination."""
        at = self._sheet.place(self._family, values)
        return Histogram(self._sheet.cells, at, self._family.bounds)
