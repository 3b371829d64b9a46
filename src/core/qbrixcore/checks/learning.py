"""Checks of how a policy learns."""

from __future__ import annotations

import msgspec
import numpy as np

from qbrixcore.checks.case import ARMS
from qbrixcore.checks.case import Case
from qbrixcore.checks.case import Policy
from qbrixcore.checks.case import rows
from qbrixcore.checks.case import snapshot
from qbrixcore.checks.case import state_bits
from qbrixcore.context import Feedback
from qbrixcore.errors import InvalidFeedback
from qbrixcore.param import codec

ROUNDS = 3000
BEST = 3
MANY = 1_000_000


def check_counts_pulls(policy: Policy) -> None:
    """``pulls`` counts the rewards learned, per arm."""
    case = Case(policy)
    feedback = case.feedback(100)
    state = case.fold(case.prior, feedback)
    expected = np.bincount(feedback.arms, minlength=ARMS)
    assert (state.pulls == expected).all(), f"{state.pulls}, expected {expected}"


def check_fold_leaves_inputs_alone(policy: Policy) -> None:
    """Folding writes to none of its arguments, and its result is another state."""
    case = Case(policy)
    state, feedback = case.learned(), case.feedback(50)
    inputs = [*state.arrays().values(), feedback.arms, feedback.rewards]
    inputs += [feedback.propensities, feedback.vectors]
    before = snapshot(*inputs)
    after = case.fold(state, feedback)
    assert snapshot(*inputs) == before, "an argument has changed"
    assert state_bits(after) != state_bits(state), "nothing was learned"


def check_any_split_gives_the_same_bits(policy: Policy) -> None:
    """However a log is cut into batches, the state is the same to the last bit."""
    case = Case(policy)
    feedback = case.feedback(ROUNDS)
    expected = state_bits(case.fold(case.prior, feedback))
    for step in (1, 7, 1024):
        state = case.prior
        for start in range(0, ROUNDS, step):
            state = case.fold(state, rows(feedback, slice(start, start + step)))
        assert state_bits(state) == expected, f"batches of {step} differ"


def check_order_hardly_matters(policy: Policy) -> None:
    """A permuted log agrees to 1e-9, unless the spec says that it must not."""
    case = Case(policy)
    feedback = case.feedback(ROUNDS)
    shuffled = rows(feedback, case.rng.permutation(ROUNDS))
    one = case.fold(case.prior, feedback).arrays()
    other = case.fold(case.prior, shuffled).arrays()
    moved = [
        name
        for name, array in one.items()
        if not np.allclose(array, other[name], rtol=1e-9, atol=1e-9)
    ]
    expected = policy.spec.order_matters
    assert bool(moved) == expected, f"{moved or 'nothing'} depends on the order"


def check_survives_the_wire(policy: Policy) -> None:
    """Stored bytes give back the state, read-only, and it works as it is."""
    case = Case(policy)
    state = case.learned()
    header = codec.fresh(policy.spec, case.hyper, ARMS).header
    data = codec.encode(codec.Stored(header, state))
    back = codec.decode(data, policy.spec).state
    assert type(back) is type(state) and state_bits(back) == state_bits(state)
    assert not any(array.flags.writeable for array in back.arrays().values())
    case.select(back, case.contexts(3))
    case.fold(back, case.feedback(3))


def check_refuses_feedback_it_cannot_use(policy: Policy) -> None:
    """Whatever a kernel would trust and must not is an InvalidFeedback."""
    case = Case(policy)
    good = case.feedback(4)
    rewards = policy.spec.rewards_of(case.hyper)
    wrong: list[dict[str, object]] = [
        {"arms": good.arms + ARMS},
        {"arms": good.arms - ARMS},
        {"arms": good.arms.astype(np.int32)},
        {"arms": good.arms.reshape(2, 2)},
        {"rewards": good.rewards * np.nan},
        {"rewards": np.full(4, np.inf)},
        {"rewards": good.rewards[:1]},
        {"propensities": good.propensities[:1]},
    ]
    if np.isfinite(rewards.high):
        wrong += [{"rewards": np.full(4, rewards.high + 1e-9)}]
        wrong += [{"rewards": np.full(4, rewards.low - 1e-9)}]
    if case.dim:
        wrong += [{"vectors": good.vectors[:, 1:]}, {"vectors": good.vectors[1:]}]
        wrong += [{"vectors": good.vectors * np.float32(np.inf)}]
    if policy.spec.needs_propensity:
        wrong += [{"propensities": np.full(4, p)} for p in (np.nan, 0.0, -0.1, 1.1)]
    for change in wrong:
        try:
            case.fold(case.prior, msgspec.structs.replace(good, **change))
        except InvalidFeedback:
            continue
        raise AssertionError(f"accepted {change}")


def check_learns_from_the_given_propensity(policy: Policy) -> None:
    """Importance weights are those of the choice; others do not matter."""
    case = Case(policy)
    good = case.feedback(20)
    halved = msgspec.structs.replace(good, propensities=good.propensities / 2)
    same = state_bits(case.fold(case.prior, good)) == state_bits(
        case.fold(case.prior, halved)
    )
    assert same != policy.spec.needs_propensity
    if not policy.spec.needs_propensity:
        unknown = msgspec.structs.replace(good, propensities=np.full(20, np.nan))
        case.fold(case.prior, unknown)


def check_extremes_stay_finite(policy: Policy) -> None:
    """The largest inputs, and a million of them, leave a state that still chooses."""
    case = Case(policy)
    state = case.fold(case.prior, _extreme(case, 1000))
    state = case.fold(state, case.feedback(MANY))
    for name, array in state.arrays().items():
        assert np.isfinite(array).all(), f"{name} is not finite"
    arms, propensities = case.select(state, _extreme(case, 100).vectors)
    assert ((arms >= 0) & (arms < ARMS)).all()
    assert not np.isinf(propensities).any()


def check_finds_the_best_arm(policy: Policy) -> None:
    """With one arm clearly better it is chosen clearly more often."""
    case = Case(policy, seed=1)
    chances = np.where(np.arange(ARMS) == BEST, 0.8, 0.2)
    state, hits = case.prior, 0
    context = np.ones((1, case.dim), dtype=np.float32)
    for turn in range(ROUNDS):
        arms, propensities = case.select(state, context)
        hits += turn >= ROUNDS // 2 and arms[0] == BEST
        reward = (case.rng.random(1) < chances[arms]).astype(np.float64)
        state = case.fold(state, Feedback(arms, reward, propensities, context))
    share = hits / (ROUNDS / 2)
    needed = 0.0 if policy.spec.category == "baseline" else 2 / ARMS
    assert share > needed, f"best arm chosen {share:.0%} of the second half"


def _extreme(case: Case, count: int) -> Feedback:
    rewards = case.policy.spec.rewards_of(case.hyper)
    largest = np.finfo(np.float64).max
    low, high = max(rewards.low, -largest), min(rewards.high, largest)
    single = np.finfo(np.float32).max
    return Feedback(
        arms=case.rng.integers(0, ARMS, count),
        rewards=case.rng.choice(np.array([low, high]), count),
        propensities=np.full(count, 1e-300),
        vectors=case.rng.choice(
            np.array([-single, 1.0, single], dtype=np.float32), (count, case.dim)
        ),
    )
