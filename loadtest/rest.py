"""Users of the REST API."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Any
from typing import ClassVar

import gevent
from loadtest.tenants import next_tenant
from loadtest.tenants import other_than
from loadtest.world import CONTEXTUAL
from loadtest.world import FALLBACK
from loadtest.world import GATED
from loadtest.world import HOUSE
from loadtest.world import PLAIN
from loadtest.world import RULED
from loadtest.world import Visitor
from loadtest.world import reward
from loadtest.world import somebody
from locust import FastHttpUser
from locust import between
from locust import task

SELECT = "/api/v1/agent/select"
FEEDBACK = "/api/v1/agent/feedback"
DWELL = (0.05, 0.3)  # seconds between a selection and what came of it
BATCH = 20

Fault = Callable[[Any], str]  # what is wrong with an answer that is no error


class RestUser(FastHttpUser):
    """Somebody of one tenant after another; ``kind`` is the experiment they meet."""

    abstract = True
    wait_time = between(0.05, 0.3)
    kind: ClassVar[str] = PLAIN

    def on_start(self) -> None:
        """Begin with nothing."""
        self.rng = random.Random()

    def move(self) -> None:
        """Be a caller of the next tenant: each gets as much of every kind of user."""
        self.tenant = next_tenant()
        self.headers = {"X-API-Key": self.tenant.key}
        self.experiment = self.tenant.experiments[self.kind]

    def ask(self, path: str, body: Any, name: str, fault: Fault = lambda _: "") -> Any:
        """The answer, None when it was an error or at fault; locust is told."""
        with self.client.post(
            path, json=body, headers=self.headers, name=name, catch_response=True
        ) as answer:
            if answer.status_code not in (200, 201):
                return None
            made = answer.json()
            if wrong := fault(made):
                answer.failure(wrong)
                return None
            return made

    def dwell(self) -> None:
        """Wait for what comes of a selection."""
        gevent.sleep(self.rng.uniform(*DWELL))

    def tell(self, visitor: Visitor, chosen: Any) -> None:
        """Report what a selection earned."""
        earned = reward(self.kind, visitor, chosen["arm"]["index"], self.rng)
        body = {"request_id": chosen["request_id"], "reward": earned}
        self.ask(FEEDBACK, body, f"feedback, {self.kind}")


class PlainUser(RestUser):
    """Selects, waits, and says what came of it."""

    weight = 3

    @task
    def decide(self) -> None:
        """One selection and its reward."""
        self.move()
        visitor = somebody(self.rng)
        body = {"experiment_id": self.experiment, "context": visitor.context}
        fault = partial(self.fault, visitor)
        chosen = self.ask(SELECT, body, f"select, {self.kind}", fault)
        if chosen is not None:
            self.dwell()
            self.tell(visitor, chosen)

    def fault(self, visitor: Visitor, chosen: Any) -> str:
        """What is wrong with a selection, if anything."""
        return "nobody decided" if chosen["request_id"] is None else ""


class ContextualUser(PlainUser):
    """The same where the best arm depends on who asks."""

    weight = 3
    kind = CONTEXTUAL


class GatedUser(PlainUser):
    """Checks that the gate decides for those that it should."""

    weight = 3
    kind = GATED

    def fault(self, visitor: Visitor, chosen: Any) -> str:
        """Whoever has a rule gets its arm, or that of those who are not let in."""
        forced = chosen["is_default"] and chosen["arm"]["index"] in (HOUSE, FALLBACK)
        if visitor.plan == RULED and not forced:
            return "the gate let somebody through who has a rule"
        return super().fault(visitor, chosen)


class BatchUser(RestUser):
    """Decides for many visitors in one request."""

    weight = 1

    @task
    def decide(self) -> None:
        """A batch of selections and a batch of rewards."""
        self.move()
        visitors = [somebody(self.rng) for _ in range(BATCH)]
        contexts = [visitor.context for visitor in visitors]
        body = {"experiment_id": self.experiment, "contexts": contexts}
        chosen = self.ask(f"{SELECT}:batch", body, "select:batch", _failed_items)
        if chosen is None:
            return
        self.dwell()
        feedbacks = [
            {
                "request_id": one["request_id"],
                "reward": reward(self.kind, visitor, one["arm"]["index"], self.rng),
            }
            for visitor, one in zip(visitors, chosen["results"], strict=True)
        ]
        body = {"feedbacks": feedbacks}
        self.ask(f"{FEEDBACK}:batch", body, "feedback:batch", _failed_items)


class Stranger(RestUser):
    """Asks for what belongs to another tenant, and must not get it."""

    fixed_count = 1
    wait_time = between(0.5, 1.5)

    @task
    def intrude(self) -> None:
        """A selection from somebody else's experiment."""
        self.move()
        foreign = other_than(self.tenant).experiments[self.kind]
        body = {"experiment_id": foreign, "context": somebody(self.rng).context}
        with self.client.post(
            SELECT,
            json=body,
            headers=self.headers,
            name="select, of another tenant",
            catch_response=True,
        ) as answer:
            if answer.status_code == 404:
                answer.success()
            else:
                answer.failure(f"answered {answer.status_code}, wanted 404")


class Owner(RestUser):
    """Looks at an experiment and its figures now and then."""

    fixed_count = 1
    wait_time = between(0.5, 1.5)

    @task
    def look(self) -> None:
        """The experiment, and what it earned."""
        self.move()
        for path, name in (
            (f"/api/v1/experiments/{self.experiment}", "experiment"),
            (f"/api/v1/insight/experiment/{self.experiment}", "insight"),
        ):
            self.client.get(path, headers=self.headers, name=name)


def _failed_items(answer: Any) -> str:
    """What went wrong in a batch; its own status tells nothing of that."""
    errors = [one["error"]["code"] for one in answer["results"] if one["error"]]
    return f"{len(errors)} items of a batch failed: {set(errors)}" if errors else ""
