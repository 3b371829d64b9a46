"""What the marks of open tokens cost in Redis.

    python -m bench.marks [--tokens 1000000] [--issuers 4]

Starts an embedded Valkey, uses up the tokens of so many workers in a shuffled order,
and prints bytes of marks per million tokens when all, or some of them, are used.
"""

from __future__ import annotations

import argparse
import asyncio

import numpy as np
from bench.load import say

from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.config import Limits
from qbrixstore.redis.publisher import Spent

CHUNK = 8_192
SHARES = (0.1, 0.5, 1.0)


def spent(token: int, issuers: int) -> Spent:
    """A token of one of the workers; each numbers its own."""
    sequence, issuer = divmod(token, issuers)
    return Spent(2**63 + issuer, sequence, "t", "e", 0, 1.0)


async def marked(client: RedisClient) -> int:
    """Bytes of all marks."""
    names = await client.execute("KEYS", "*:marks:*")
    sizes = await client.pipeline([("MEMORY", "USAGE", name) for name in names])
    return sum(sizes)


async def measure(client: RedisClient, tokens: int, issuers: int) -> dict[float, float]:
    """Bytes per million open tokens, by the share of them that feedback came for."""
    publisher = RedisStreamPublisher(client, await Layout.ensure(client))
    order = np.random.default_rng(0).permutation(tokens).tolist()
    found: dict[float, float] = {}
    done = 0
    for share in SHARES:
        wanted = int(share * tokens)
        for start in range(done, wanted, CHUNK):
            part = order[start : min(start + CHUNK, wanted)]
            await publisher.append([spent(token, issuers) for token in part])
        done = wanted
        found[share] = await marked(client) / tokens * 1e6
    return found


async def run(tokens: int, issuers: int) -> None:
    with scratch_directory() as directory:
        async with Valkey(directory / "redis", free_port(), "benchmark") as server:
            async with RedisClient(server.settings, Limits(reply=10)) as client:
                for share, size in (await measure(client, tokens, issuers)).items():
                    say(f"{share:4.0%} used: {size:,.0f} bytes per million tokens")


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--tokens", type=int, default=1_000_000)
    given.add_argument("--issuers", type=int, default=4)
    options = given.parse_args()
    asyncio.run(run(options.tokens, options.issuers))


if __name__ == "__main__":
    main()
