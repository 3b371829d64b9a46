"""Tests of the load test, on what needs no locust; that has an environment apart."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from loadtest.environment import PINS
from loadtest.environment import ROOT
from loadtest.stages import SHAPES
from loadtest.stages import users_at
from loadtest.world import ARMS
from loadtest.world import DEVICES
from loadtest.world import GOOD
from loadtest.world import PLANS
from loadtest.world import POLICIES
from loadtest.world import POOR
from loadtest.world import Tenant
from loadtest.world import World
from loadtest.world import best_arm
from loadtest.world import load_world
from loadtest.world import reward
from loadtest.world import somebody

MOST = 50


def users(shape: str) -> list[int | None]:
    return [users_at(shape, second, 100, MOST) for second in range(101)]


@pytest.mark.parametrize("shape", SHAPES)
def test_there_are_users_until_the_end_and_never_too_many(shape: str) -> None:
    *during, after = users(shape)
    assert after is None
    assert all(one is not None and 1 <= one <= MOST for one in during)


def test_a_ramp_only_rises_to_everybody() -> None:
    during = [one or 0 for one in users("ramp")[:-1]]
    assert during == sorted(during)
    assert (during[0], during[-1]) == (1, MOST)


def test_spikes_come_twice_and_all_of_a_sudden() -> None:
    during = [one or 0 for one in users("spike")[:-1]]
    assert set(during) == {MOST // 10, MOST}
    jumps = [a for a, b in zip(during, during[1:], strict=False) if a < b]
    assert len(jumps) == 2


def test_a_soak_stays_the_same() -> None:
    assert set(users("soak")[:-1]) == {MOST // 2}


@pytest.mark.parametrize("kind", POLICIES)
def test_one_arm_earns_more_and_it_is_the_best(kind: str) -> None:
    rng = random.Random(1)
    earned, seen = Counter[bool](), Counter[bool]()
    for _ in range(20_000):
        visitor, arm = somebody(rng), rng.randrange(ARMS)
        best = arm == best_arm(kind, visitor)
        seen[best] += 1
        earned[best] += reward(kind, visitor, arm, rng)
    assert earned[True] / seen[True] == pytest.approx(GOOD, abs=0.05)
    assert earned[False] / seen[False] == pytest.approx(POOR, abs=0.05)


def test_visitors_are_of_every_device_and_plan() -> None:
    rng = random.Random(2)
    met = [somebody(rng) for _ in range(1_000)]
    assert {(one.device, one.plan) for one in met} == {
        (device, plan) for device in DEVICES for plan in PLANS
    }
    assert len({one.id: one for one in met}) == len(set(met))


def test_a_world_is_read_as_it_was_written(tmp_path: Path) -> None:
    world = World("http://h:1", "h:2", [Tenant("key", {"plain": "e"})])
    world.save(tmp_path / "world.json")
    assert load_world(tmp_path / "world.json") == world


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==([\w.]+)", text, re.MULTILINE))


def test_users_speak_grpc_as_the_services_do() -> None:
    apart = pins(PINS.read_text())
    ours = pins((ROOT / "requirements.lock").read_text())
    assert "locust" in apart
    assert "locust" not in ours
    for name in ("grpcio", "protobuf"):
        assert apart[name] == ours[name]


def test_every_pin_has_its_hashes_and_no_address() -> None:
    text = PINS.read_text()
    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text
