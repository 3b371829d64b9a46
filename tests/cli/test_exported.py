"""Both forms of an export: the same cells, which the evaluation reads."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from qbrixcli.evaluation.given import Given
from qbrixcli.evaluation.table import Table
from qbrixcli.exported import COLUMNS
from qbrixcli.exported import ROWS_AT_ONCE
from qbrixcli.exported import written
from qbrixcore.errors import Invalid

CONTEXT = argparse.Namespace(
    arm=None, reward=None, propensity="propensity", context="x0", within=None
)


def exported(root: Path, form: str, count: int = 50) -> str:
    file = str(root / f"log.{form}")
    rng = np.random.default_rng(3)
    with written(form, file) as writer:
        writer.begin(1)
        for number in range(count):
            arm = number % 2
            seen = float(np.float32(rng.normal()))
            chance = 0.1 + 0.8 * rng.random()
            whose = None if number == 4 else f"c,{number}"
            row = (f"t{number}", number, whose, 0, None, f"a{arm}", "x", chance, 1.0)
            writer.write((*row, seen))
    return file


def test_both_forms_have_the_same_cells(tmp_path: Path) -> None:
    csv = Table.read(exported(tmp_path, "csv")).columns
    parquet = Table.read(exported(tmp_path, "parquet")).columns
    assert list(csv) == list(parquet) == [*COLUMNS, "x0"]
    assert csv == parquet
    assert csv["context_id"][3:6] == ["c,3", "", "c,5"]


def test_both_forms_are_evaluated_alike(tmp_path: Path) -> None:
    csv, parquet = (
        Given.read(exported(tmp_path, form), CONTEXT).log for form in ("csv", "parquet")
    )
    assert csv.propensities.tobytes() == parquet.propensities.tobytes()
    assert csv.contexts.tobytes() == parquet.contexts.tobytes()
    assert csv.arms.tolist() == parquet.arms.tolist()


def test_a_long_export_is_written_in_parts(tmp_path: Path) -> None:
    count = ROWS_AT_ONCE + 3
    found = Table.read(exported(tmp_path, "parquet", count))
    assert found.columns["token"] == [f"t{number}" for number in range(count)]


def test_what_is_no_parquet_is_refused_in_words(tmp_path: Path) -> None:
    file = tmp_path / "log.parquet"
    file.write_bytes(b"text")
    with pytest.raises(Invalid, match=r"no parquet file"):
        Table.read(str(file))
