"""The learners of an ``auto`` experiment, shown as experiments that nobody can change.

They are no rows of their own: all learn on the log of their experiment and live in its
state. The id of one is that of the experiment, a hyphen, and the learner's name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Invalid
from qbrixcore.experiment import Experiment
from qbrixcore.policy.meta.learners import Learner
from qbrixcore.policy.meta.learners import learners
from qbrixcore.policy.meta.spec import META_BANDIT
from qbrixcore.policy.registry import find_spec
from qbrixstore.postgres.records import ExperimentRecord

_ID: Final = re.compile(r"(?P<experiment>[0-9a-f]{32})-[a-z0-9_.]{1,64}")


def owner_of(experiment_id: str) -> str | None:
    """The experiment that a learner with this id belongs to; None for other ids."""
    found = _ID.fullmatch(experiment_id)
    return None if found is None else found["experiment"]


def learner_ids(experiment: Experiment) -> list[str]:
    """The ids of its learners, in the order in which its state has them."""
    return [_id(experiment, learner) for learner in _learners(experiment)]


def learner(record: ExperimentRecord, learner_id: str) -> ExperimentRecord:
    """One learner of an experiment. Raises ExperimentNotFound."""
    owner = record.experiment
    for one in _learners(owner):
        if _id(owner, one) == learner_id:
            shown = Experiment(
                id=learner_id,
                name=f"{owner.name}/{one.name}",
                pool=owner.pool,
                policy=one.policy,
                policy_params=dict(one.params),
                enabled=owner.enabled,
            )
            return msgspec.structs.replace(
                record, experiment=shown, meta_experiment_id=owner.id, gate=None
            )
    raise ExperimentNotFound()


def _id(experiment: Experiment, one: Learner) -> str:
    return f"{experiment.id}-{one.name}"


def _learners(experiment: Experiment) -> Sequence[Learner]:
    try:
        spec = find_spec(experiment.policy)
        if spec is not META_BANDIT:
            return ()
        return learners(spec.validate(experiment.policy_params))  # type: ignore[arg-type]
    except Invalid:
        # written by a newer build
        return ()
