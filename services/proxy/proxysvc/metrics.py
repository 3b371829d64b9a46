"""What a worker of the proxy counts about itself."""

from __future__ import annotations

from time import perf_counter
from typing import Final
from typing import Protocol

from proxysvc.auth import Authenticator
from proxysvc.definitions import DefinitionCache
from proxysvc.stream.client import MotorClient
from qbrixcore.policy.registry import SPECS
from qbrixserving.errors import Code
from qbrixserving.guard import CODES
from qbrixserving.metrics.calls import Call
from qbrixserving.metrics.calls import Calls
from qbrixserving.metrics.sheet import SIZES
from qbrixserving.metrics.sheet import Sheet
from qbrixstore.redis import Changes
from qbrixstore.redis import keys

AGENT: Final = ("select", "feedback", "select_batch", "feedback_batch")
AREAS: Final = (
    *("pools", "experiments", "gates", "policies", "insight", "runtime", "audit"),
    *("auth", "service", "other"),
)
UNPROCESSABLE: Final = "UNPROCESSABLE"  # a 422, whose body has no code
_API: Final = "/api/v1/"
_SERVICE: Final = frozenset(
    {"/health", "/health/ready", "/info", "/openapi.json", "/docs"}
)
_METHODS: Final = {
    "Select": "select",
    "Feedback": "feedback",
    "ListPolicies": "policies",
    "Health": "service",
    "ListPoolExperiments": "experiments",
}

DELIVERED: Final = ("decision_log", "awaited_rewards")

Seconds = float


class Delivery(Protocol):
    """What takes selections to Redis in the background."""

    @property
    def waiting(self) -> int: ...

    @property
    def dropped(self) -> int: ...


class ProxyMetrics:
    """The numbers of one worker. All of them are laid out here, alike in each."""

    def __init__(self) -> None:
        sheet = self.sheet = Sheet("proxy")
        codes = {"http": (*Code, UNPROCESSABLE), "grpc": CODES}
        calls = Calls(sheet, AGENT, codes, slow=AREAS)
        self.http = {name: calls.of("http", name) for name in (*AGENT, *AREAS)}
        self._grpc = {name: calls.of("grpc", name) for name in (*AGENT, *AREAS)}
        selections = sheet.counters(
            "selections",
            "Selections, by the experiment's policy, and whether it decided or a gate "
            "or a pause did (default).",
            policy=SPECS,
            decision=("policy", "default"),
        )
        self._selected = {
            name: (
                selections.of(name, "policy").add,
                selections.of(name, "default").add,
            )
            for name in SPECS
        }
        feedback = sheet.counters(
            "feedback",
            "Feedback put into the log, and what was there before (repeated).",
            outcome=("new", "repeated"),
        )
        self._new, self._repeated = feedback.of("new").add, feedback.of("repeated").add
        self._append_seconds = sheet.histogram(
            "append_seconds", "Time that Redis took to append feedback to the log."
        )
        self._append_events = sheet.histogram(
            "append_events", "Feedback appended at once.", SIZES
        )
        self._undelivered = sheet.gauges(
            "undelivered_selections",
            "Selections on their way to the decision log, or to where rewards are "
            "awaited, in the memory of workers.",
            to=DELIVERED,
        )
        self._dropped = sheet.counters(
            "dropped_selections",
            "Selections that found no room on that way: not recorded, or without a "
            "default reward.",
            to=DELIVERED,
        )
        self._misses = sheet.counters(
            "cache_misses",
            "Calls that had to ask a store for what is in memory as a rule.",
            cache=("credentials", "definitions"),
        )
        self._age = sheet.gauge(
            "definitions_age_seconds",
            "Time since definitions in memory were last known to be level with Redis; "
            "of the worker where it is longest.",
            "max",
        )
        self._held = sheet.gauge("held_definitions", "Definitions in memory.")
        self._in_flight = sheet.gauge(
            "selects_in_flight", "Selects that wait for a motor."
        )
        self._motors = sheet.gauge(
            "motors", "Motors that are known; of the worker that knows most.", "max"
        )
        self._streams = sheet.gauge("motor_streams", "Streams to motors that are open.")
        sheet.gauge("workers", "Worker processes.").set(1)

    def area(self, path: str) -> Call:
        """What counts the calls of an ordinary HTTP route."""
        if path.startswith(_API):
            name = path[len(_API) :].partition("/")[0]
            return self.http[name if name in AREAS else "other"]
        if path.startswith(("/auth/", "/api/auth/")):
            return self.http["auth"]
        known = path in _SERVICE or path.startswith("/docs/")
        return self.http["service" if known else "other"]

    def meter(self, method: str) -> Call | None:
        """What counts the calls of a gRPC method."""
        service, _, name = method[1:].partition("/")
        if service.startswith("grpc."):
            return self._grpc["service"]
        if service == "qbrix.auth.AuthService":
            return self._grpc["auth"]
        kind = _METHODS.get(name)
        if kind is None:
            kinds = (k for k in ("gates", "experiments", "pools") if _about(name, k))
            kind = next(kinds, "other")
        return self._grpc[kind]

    def selected(self, policy: str, decided: int, default: int) -> None:
        """Selections were made for experiments with a policy."""
        counters = self._selected.get(policy)
        if counters is not None:
            counters[0](decided)
            counters[1](default)

    def appended(self, began: Seconds, events: int, new: int) -> None:
        """Events were appended, of which some were new."""
        self._append_seconds.observe(perf_counter() - began)
        self._append_events.observe(events)
        self._new(new)
        self._repeated(events - new)

    def delivers(self, to: str, one: Delivery) -> None:
        """Show what waits to be delivered, and what cannot be."""
        self.sheet.show(self._undelivered.of(to), lambda: one.waiting)
        self.sheet.follow(self._dropped.of(to), lambda: one.dropped)

    def watch(
        self,
        authenticator: Authenticator,
        cache: DefinitionCache,
        changes: Changes,
        motor: MotorClient,
    ) -> None:
        """Show how the memory and the motors are."""
        sheet, misses = self.sheet, self._misses
        sheet.follow(misses.of("credentials"), lambda: authenticator.misses)
        sheet.follow(misses.of("definitions"), lambda: cache.misses)
        sheet.show(self._age, lambda: changes.age(keys.DEFINITIONS))
        sheet.show(self._held, lambda: len(cache))
        sheet.show(self._in_flight, lambda: motor.in_flight)
        sheet.show(self._motors, lambda: motor.motors.known)
        sheet.show(self._streams, lambda: motor.motors.well)


def _about(method: str, kind: str) -> bool:
    return kind[:-1] in method.lower()
