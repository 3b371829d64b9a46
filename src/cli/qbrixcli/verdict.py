"""What a replay comes to: the same bits, or the first that differ."""

from __future__ import annotations

import json
from typing import Any
from typing import Final
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.param.codec import Stored

Outcome = Literal["equal", "different", "incomplete", "other build"]
EXIT_CODES: Final[dict[Outcome, int]] = {
    "equal": 0,
    "different": 1,
    "incomplete": 3,
    "other build": 3,
}


class Difference(msgspec.Struct, frozen=True):
    """The first place where an array differs; no place if its shapes do."""

    live: Any
    replayed: Any
    place: list[int] | None = None

    def __str__(self) -> str:
        where = "shape" if self.place is None else f"at {self.place}:"
        return f"{where} {self.live} live, {self.replayed} replayed"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Params as they were learned live, compared with those learned again."""

    experiment: str
    policy: str
    generation: int
    version: int
    learned_through: str
    rewards: int
    replayed: int
    arrays: dict[str, Difference | None]
    builds: list[str]
    build: str

    @property
    def outcome(self) -> Outcome:
        if self.replayed == self.rewards and not any(self.arrays.values()):
            return "equal"
        if self.replayed < self.rewards:
            return "incomplete"
        if any(build != self.build for build in self.builds):
            return "other build"
        return "different"

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.outcome]

    def as_json(self) -> str:
        """One object."""
        known = {"outcome": self.outcome, **msgspec.to_builtins(self)}
        return json.dumps(known)

    def as_table(self) -> str:
        """A line for each array, and what that means."""
        width = max(map(len, ("array", *self.arrays)))
        rows = [
            f"{name:<{width}}  {difference or 'bitwise equal'}"
            for name, difference in self.arrays.items()
        ]
        return "\n".join([self._heading(), *rows, self._sentence()])

    def _heading(self) -> str:
        return (
            f"{self.policy}, generation {self.generation}, version {self.version},"
            f" learned through {self.learned_through}"
        )

    def _sentence(self) -> str:
        if self.outcome == "equal":
            return f"equal: {self.rewards} rewards lead to the same bits"
        if self.outcome == "incomplete":
            return (
                f"incomplete: the log has {self.replayed} of {self.rewards} rewards;"
                " EVENT_LOG was off, or what is older than EVENT_LOG_DAYS was dropped"
            )
        if self.outcome == "other build":
            others = "; ".join(one for one in self.builds if one != self.build)
            return f"other build: learned by {others}; this is {self.build}"
        return f"different: {self.replayed} rewards replayed, {self.rewards} live"


def compared(experiment: str, live: Stored, replayed: Stored, *, build: str) -> Verdict:
    """The verdict on one experiment."""
    header = live.header
    again = replayed.state.arrays()
    return Verdict(
        experiment=experiment,
        policy=header.policy,
        generation=header.generation,
        version=header.version,
        learned_through=header.learned_through,
        rewards=header.updates,
        replayed=replayed.header.updates,
        arrays={
            name: difference(array, again[name])
            for name, array in live.state.arrays().items()
        },
        builds=list(header.builds),
        build=build,
    )


def difference(live: NDArray[Any], replayed: NDArray[Any]) -> Difference | None:
    """Where two arrays of one type first differ in any bit."""
    if live.shape != replayed.shape:
        return Difference(list(live.shape), list(replayed.shape))
    if live.tobytes() == replayed.tobytes():
        return None
    same = (
        np.frombuffer(one.tobytes(), f"u{one.itemsize}") for one in (live, replayed)
    )
    first = int(np.flatnonzero(np.not_equal(*same))[0])
    place = [int(index) for index in np.unravel_index(first, live.shape)]
    return Difference(live.flat[first].item(), replayed.flat[first].item(), place)
