"""The policy contract, executable: every check takes a policy class and asserts.

Run over each policy of the registry; a policy kept elsewhere can run it too.

>>> from qbrixcore.policy.registry import implementation
>>> for check in POLICY_CHECKS:
...     check(implementation("BetaTSPolicy"))
"""

from __future__ import annotations

from typing import Final

from qbrixcore.checks.case import Check
from qbrixcore.checks.choosing import check_chooses_active_arms
from qbrixcore.checks.choosing import check_chooses_alike_unprepared
from qbrixcore.checks.choosing import check_chooses_within_range
from qbrixcore.checks.choosing import check_prepares_what_it_would_compute
from qbrixcore.checks.choosing import check_propensities_match_frequencies
from qbrixcore.checks.choosing import check_refuses_contexts_it_cannot_use
from qbrixcore.checks.choosing import check_same_seed_same_choices
from qbrixcore.checks.choosing import check_select_leaves_inputs_alone
from qbrixcore.checks.describing import check_cites_its_source
from qbrixcore.checks.describing import check_describes_its_params
from qbrixcore.checks.describing import check_prior_is_blank
from qbrixcore.checks.describing import check_refuses_unusable_params
from qbrixcore.checks.growing import check_grows_by_arms
from qbrixcore.checks.growing import check_never_shrinks
from qbrixcore.checks.learning import check_any_split_gives_the_same_bits
from qbrixcore.checks.learning import check_counts_pulls
from qbrixcore.checks.learning import check_extremes_stay_finite
from qbrixcore.checks.learning import check_finds_the_best_arm
from qbrixcore.checks.learning import check_fold_leaves_inputs_alone
from qbrixcore.checks.learning import check_learns_from_the_given_propensity
from qbrixcore.checks.learning import check_order_hardly_matters
from qbrixcore.checks.learning import check_refuses_feedback_it_cannot_use
from qbrixcore.checks.learning import check_survives_the_wire

POLICY_CHECKS: Final[tuple[Check, ...]] = (
    check_cites_its_source,
    check_describes_its_params,
    check_refuses_unusable_params,
    check_prior_is_blank,
    check_chooses_within_range,
    check_chooses_active_arms,
    check_select_leaves_inputs_alone,
    check_same_seed_same_choices,
    check_refuses_contexts_it_cannot_use,
    check_prepares_what_it_would_compute,
    check_chooses_alike_unprepared,
    check_propensities_match_frequencies,
    check_counts_pulls,
    check_fold_leaves_inputs_alone,
    check_any_split_gives_the_same_bits,
    check_order_hardly_matters,
    check_survives_the_wire,
    check_refuses_feedback_it_cannot_use,
    check_learns_from_the_given_propensity,
    check_extremes_stay_finite,
    check_finds_the_best_arm,
    check_grows_by_arms,
    check_never_shrinks,
)
