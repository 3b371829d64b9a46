"""What the load test prepares and looks at, on the running system."""

from __future__ import annotations

import json
import random

from loadtest.building import make_tenant
from loadtest.learning import shares
from loadtest.learning import when_learned
from loadtest.world import POLICIES
from loadtest.world import Tenant
from loadtest.world import reward
from loadtest.world import somebody
from tests.system.running import Up

from qbrixcli.demo.wire import Connection

SELECT = b"/api/v1/agent/select:batch"
FEEDBACK = b"/api/v1/agent/feedback:batch"
BATCHES = 20
AT_ONCE = 100


async def teach(url: str, tenant: Tenant, kind: str) -> None:
    """Two thousand decisions and what came of them."""
    rng = random.Random(3)
    async with Connection(url, tenant.key) as pipe:
        for _ in range(BATCHES):
            visitors = [somebody(rng) for _ in range(AT_ONCE)]
            contexts = [visitor.context for visitor in visitors]
            body = {"experiment_id": tenant.experiments[kind], "contexts": contexts}
            answer = await pipe.post(SELECT, json.dumps(body).encode())
            feedbacks = [
                {
                    "request_id": one["request_id"],
                    "reward": reward(kind, visitor, one["arm"]["index"], rng),
                }
                for visitor, one in zip(
                    visitors, json.loads(answer.body)["results"], strict=True
                )
            ]
            told = json.dumps({"feedbacks": feedbacks}).encode()
            assert (await pipe.post(FEEDBACK, told)).status == 200


async def test_learning_is_told_from_not_learning(system: Up) -> None:
    url = system.credentials["http_url"]
    tenant = await make_tenant(url)
    before = await shares(url, [tenant])
    assert [one.kind for one in before] == list(POLICIES)
    assert not any(one.learned for one in before)
    for kind in POLICIES:
        await teach(url, tenant, kind)
    assert all(one.learned for one in await when_learned(url, [tenant]))
