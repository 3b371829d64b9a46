"""Each check of the policy contract catches the fault it is there for."""

from __future__ import annotations

import pytest
from tests.core import broken
from tests.core import broken_choices

from qbrixcore.checks import POLICY_CHECKS
from qbrixcore.checks import choosing
from qbrixcore.checks import describing
from qbrixcore.checks import growing
from qbrixcore.checks import learning
from qbrixcore.checks.case import Check
from qbrixcore.checks.case import Policy

CAUGHT: list[tuple[Check, Policy]] = [
    (describing.check_cites_its_source, broken.CitesNothing),
    (describing.check_describes_its_params, broken.DescribesNothing),
    (describing.check_refuses_unusable_params, broken.TakesAnyParams),
    (describing.check_refuses_unusable_params, broken.ForgivesBadParams),
    (describing.check_prior_is_blank, broken.RemembersFromBirth),
    (choosing.check_chooses_within_range, broken_choices.ChoosesBeyondTheArms),
    (choosing.check_chooses_within_range, broken_choices.ClaimsNoChance),
    (choosing.check_chooses_active_arms, broken_choices.IgnoresTheMask),
    (choosing.check_select_leaves_inputs_alone, broken_choices.SelectsAndLearns),
    (choosing.check_same_seed_same_choices, broken_choices.BringsItsOwnDice),
    (choosing.check_same_seed_same_choices, broken_choices.TakesTheFirstOfEquals),
    (choosing.check_refuses_contexts_it_cannot_use, broken_choices.SelectsUnchecked),
    (choosing.check_prepares_what_it_would_compute, broken_choices.PreparesForEveryArm),
    (choosing.check_prepares_what_it_would_compute, broken_choices.TellsOtherChances),
    (choosing.check_chooses_alike_unprepared, broken_choices.PreparesAnotherRule),
    (choosing.check_propensities_match_frequencies, broken_choices.MisstatesItsChances),
    (choosing.check_propensities_match_frequencies, broken_choices.NeverSays),
    (
        choosing.check_propensities_match_frequencies,
        broken_choices.TakesTheFirstOfEquals,
    ),
    (learning.check_counts_pulls, broken.LosesCount),
    (learning.check_fold_leaves_inputs_alone, broken.LearnsInPlace),
    (learning.check_fold_leaves_inputs_alone, broken.LearnsNothing),
    (learning.check_any_split_gives_the_same_bits, broken.TidiesUpPerCall),
    (learning.check_order_hardly_matters, broken.ForgetsTheFirst),
    (learning.check_order_hardly_matters, broken.ClaimsThatOrderMatters),
    (learning.check_survives_the_wire, broken.KeepsSecrets),
    (learning.check_refuses_feedback_it_cannot_use, broken.LearnsUnchecked),
    (learning.check_learns_from_the_given_propensity, broken.WeighsByToday),
    (learning.check_extremes_stay_finite, broken.Overflows),
    (learning.check_finds_the_best_arm, broken.WantsToLose),
    (growing.check_grows_by_arms, broken.StartsAgainWhenGrowing),
    (growing.check_grows_by_arms, broken.ShutsNewcomersOut),
    (growing.check_never_shrinks, broken.DropsArms),
]


@pytest.mark.parametrize(
    ("check", "policy"), CAUGHT, ids=[f"{c.__name__}-{p.__name__}" for c, p in CAUGHT]
)
def test_check_catches(check: Check, policy: Policy) -> None:
    with pytest.raises(AssertionError):
        check(policy)


def test_every_check_is_proven() -> None:
    assert {check for check, _ in CAUGHT} == set(POLICY_CHECKS)


def test_every_check_is_in_the_suite() -> None:
    named = {
        value
        for module in (choosing, describing, growing, learning)
        for name, value in vars(module).items()
        if name.startswith("check_")
    }
    assert named == set(POLICY_CHECKS)
