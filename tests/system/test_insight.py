"""Counts of two workers become exact within seconds, and stay so through kills."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
from tests.system.running import Up
from tests.system.running import eventually

SELECTS = 200
CALLERS = 8


def make(api: httpx.Client) -> str:
    arms = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    pool = api.post("/pools", json={"name": "counted", "arms": arms}).json()["id"]
    body = {"name": "counted", "pool_id": pool, "policy": "BetaTSPolicy"}
    return str(api.post("/experiments", json=body).json()["id"])


class Traffic:
    """Selects, and rewards every other one twice; what it did, by arm."""

    def __init__(self, up: Up, experiment: str) -> None:
        self._up = up
        self._experiment = experiment
        self.selections = [0, 0, 0]
        self.rewards = [0, 0, 0]

    def run(self) -> None:
        with ThreadPoolExecutor(CALLERS) as pool:
            for chosen in pool.map(self._call, range(CALLERS)):
                for arm, rewarded in chosen:
                    self.selections[arm] += 1
                    self.rewards[arm] += rewarded

    def _call(self, caller: int) -> list[tuple[int, bool]]:
        chosen = []
        for number in range(SELECTS // CALLERS):
            # a connection stays with a worker: another one each time
            with self._up.client() as api:
                context = {"id": f"{caller} {number}"}
                body = {"experiment_id": self._experiment, "context": context}
                answer = api.post("/agent/select", json=body)
                assert answer.status_code == 200, answer.text
                rewarded = number % 2 == 0
                given = {"request_id": answer.json()["request_id"], "reward": 1}
                for _ in range(2 if rewarded else 0):
                    sent = api.post("/agent/feedback", json=given)
                    assert sent.status_code == 201, sent.text
                chosen.append((answer.json()["arm"]["index"], rewarded))
        return chosen

    def counted(self, api: httpx.Client) -> bool:
        """Whether all of it is told, arm by arm, and learned."""
        path = f"/insight/experiment/{self._experiment}"
        told, arms = api.get(path), api.get(f"{path}/arms")
        if not (told.is_success and arms.is_success):
            return False
        overview = told.json()
        rows: list[dict[str, Any]] = arms.json()["arms"]
        return (
            [row["selections"] for row in rows] == self.selections
            and [row["feedback_count"] for row in rows] == self.rewards
            and [row["pulls"] for row in rows] == self.rewards
            and overview["total_selections"] == sum(self.selections)
            and overview["total_feedback"] == sum(self.rewards)
            and overview["learned_feedback"] == sum(self.rewards)
            and abs(overview["unique_contexts"] - SELECTS) <= 0.05 * SELECTS
        )


def workers(up: Up) -> list[psutil.Process]:
    """The processes that serve requests."""
    proxy = up.service("proxy")
    return proxy.children() if proxy else []


def test_the_counts_of_two_workers_are_exact(fresh: Callable[..., Up]) -> None:
    up = fresh(PROXY_HTTP_WORKERS="2").start()
    with up.client() as api:
        experiment = make(api)
        traffic = Traffic(up, experiment)
        traffic.run()
        eventually(lambda: traffic.counted(api))

        first, *_ = found = workers(up)
        assert len(found) == 2
        # what it counted was delivered, so nothing is lost with it
        first.kill()
        eventually(lambda: len(workers(up)) == 2 and first not in workers(up))
        traffic.run()
        eventually(lambda: traffic.counted(api))
    up.kill()
    up.start()
    with up.client() as api:
        eventually(lambda: traffic.counted(api))
        traffic.run()
        eventually(lambda: traffic.counted(api))
        for service in ("redis", "motor", "cortex"):
            answer = api.get(f"/runtime/{service}/health")
            assert answer.json() == {"service": service, "status": "ok"}
        assert api.get("/runtime/redis/stream/size").json() == {"len": 0}
        now = int(time.time() * 1_000)
        old = {"end_ms": now - 48 * 3_600_000}
        path = f"/insight/experiment/{experiment}"
        assert api.get(path, params=old).json()["total_selections"] == 0
