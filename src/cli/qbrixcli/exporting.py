"""What ``qbrix export`` does: one row a decision, one column a feature."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from collections.abc import Mapping
from typing import Any

import numpy as np
from sqlalchemy import select

from qbrixcli.decisions import opened
from qbrixcli.embedded.errors import StartError
from qbrixcli.exported import Writer
from qbrixcli.exported import written
from qbrixcli.maintenance import reach_postgres
from qbrixstore.decisions import Decision
from qbrixstore.postgres.tables import ArmRow
from qbrixstore.postgres.tables import ExperimentRow

Names = dict[int, tuple[str, str]]  # id and name of an arm, by index


async def run(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Write the file. Raises StartError."""
    async with reach_postgres(environ) as settings, opened(settings, environ) as log:
        names = await _names(log.session, options.experiment)
        found = log.reader.decisions(options.experiment, not options.all)
        with written(options.format, options.output) as writer:
            count = await _write(writer, found, names)
    if not count:
        raise StartError(f"no decision of experiment {options.experiment} is recorded")


async def _names(session: Any, experiment: str) -> Names:
    """None for an experiment that is no more."""
    rows = await session.execute(
        select(ArmRow.index, ArmRow.id, ArmRow.name)
        .join(ExperimentRow, ExperimentRow.pool_id == ArmRow.pool_id)
        .where(ExperimentRow.id == experiment)
    )
    return {index: (id_, name) for index, id_, name in rows}


async def _write(
    writer: Writer, decisions: AsyncIterator[Decision], names: Names
) -> int:
    count = width = 0
    async for one in decisions:
        features = _features(one)
        if not count:
            width = len(features)
            writer.begin(width)
        elif len(features) != width:
            raise StartError(f"token {one.token_id} has {len(features)} features")
        writer.write((*_cells(one, names), *features))
        count += 1
    return count


def _cells(one: Decision, names: Names) -> tuple[object, ...]:
    arm, name = names.get(one.arm_index, (str(one.arm_index), ""))
    return (
        one.token_id,
        one.issued_ms,
        one.context_id,
        one.generation,
        one.param_version,
        arm,
        name,
        one.propensity,
        one.reward,
    )


def _features(one: Decision) -> list[float]:
    if one.vector is None:
        return []
    features: list[float] = np.frombuffer(one.vector, dtype="<f4").tolist()
    return features
