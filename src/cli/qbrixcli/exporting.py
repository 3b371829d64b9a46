"""What ``qbrix export`` does: one row a decision, one column a feature."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import AsyncIterator
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any
from typing import Final
from typing import TextIO

import numpy as np
from sqlalchemy import select

from qbrixcli.embedded.errors import StartError
from qbrixcli.maintenance import reach_postgres
from qbrixcore.errors import QbrixError
from qbrixstore.decisions import Decision
from qbrixstore.postgres import Limits
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog
from qbrixstore.postgres.tables import ArmRow
from qbrixstore.postgres.tables import ExperimentRow

COLUMNS: Final = (
    "token",
    "issued_ms",
    "context_id",
    "generation",
    "param_version",
    "arm",
    "arm_name",
    "propensity",
    "reward",
)
PATIENT: Final = Limits(statement=0, reply=0, idle_transaction=0)

Names = dict[int, tuple[str, str]]  # id and name of an arm, by index


async def run(options: argparse.Namespace, environ: Mapping[str, str]) -> None:
    """Write the file. Raises StartError."""
    async with reach_postgres(environ) as settings:
        try:
            count = await _export(settings, options)
        except (QbrixError, OSError) as error:
            raise StartError(str(error)) from error
    if not count:
        raise StartError(f"no decision of experiment {options.experiment} is recorded")


async def _export(settings: PostgresSettings, options: argparse.Namespace) -> int:
    engine = init_db(settings, PATIENT)
    try:
        async with system_session(engine) as session:
            names = await _names(session, options.experiment)
            found = DecisionLog(session).decisions(options.experiment, not options.all)
            with _opened(options.output) as file:
                return await _write(file, found, names)
    finally:
        await engine.dispose()


async def _names(session: Any, experiment: str) -> Names:
    """None for an experiment that is no more."""
    rows = await session.execute(
        select(ArmRow.index, ArmRow.id, ArmRow.name)
        .join(ExperimentRow, ExperimentRow.pool_id == ArmRow.pool_id)
        .where(ExperimentRow.id == experiment)
    )
    return {index: (id_, name) for index, id_, name in rows}


async def _write(file: TextIO, decisions: AsyncIterator[Decision], names: Names) -> int:
    writer = csv.writer(file)
    count = width = 0
    async for one in decisions:
        features = _features(one)
        if not count:
            width = len(features)
            writer.writerow([*COLUMNS, *(f"x{number}" for number in range(width))])
        elif len(features) != width:
            raise StartError(f"token {one.token_id} has {len(features)} features")
        writer.writerow([*_cells(one, names), *features])
        count += 1
    return count


def _cells(one: Decision, names: Names) -> tuple[object, ...]:
    # csv writes None as nothing, and floats so that they read back the same
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


@contextmanager
def _opened(name: str | None) -> Iterator[TextIO]:
    if name is None:
        yield sys.stdout
        return
    with open(name, "w", newline="", encoding="utf-8") as file:
        yield file
