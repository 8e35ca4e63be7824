"""Where the numbers of a row come from: params, code, data and machine, as its records have them."""

from collections.abc import Mapping
from typing import Any

from vad.artefacts.files import read_json
from vad.ledger.records import record_path
from vad.report.inputs import ReportInputs

SHORT = 12
"""Digits of a hash in a page, as in the tables."""
SHOWN_LIBRARIES = ("numpy", "scikit-learn", "torch")
"""Libraries whose versions are shown."""


def provenance_of(inputs: ReportInputs, row: Mapping[str, str]) -> dict[str, Any]:
    """What made a row.

    Args:
        inputs: the runs.
        row: of results.csv.

    Returns: text by heading, `params` as nested values, and `seeds`: of each run its seed, its epoch, its
        record and the key of that record.
    """
    variant, first = row["variant"], inputs.seeds[0]
    train = read_json(record_path(inputs.run(variant, first)))
    scored = read_json(record_path(inputs.scores(variant, first)))
    judged = read_json(record_path(inputs.evaluated(variant, first)))
    tables = {path.rsplit("/", 1)[-1]: digest for path, digest in judged["inputs"].items() if path.endswith(".csv")}
    libraries = train["environment"]["libraries"]
    return {
        "params": {name: record["section"]["content"] for name, record in (("train", train), ("infer", scored))},
        "code": {
            room: record["code"]["sha256"][:SHORT]
            for room, record in (("train", train), ("infer", scored), ("evaluate", judged))
        },
        "data": {name: digest[:SHORT] for name, digest in sorted(tables.items())}
        | {"extractor": row["extractor_weights"], "decoder": row["decoder"]},
        "machine": {
            "machine": train["environment"]["machine"],
            "arithmetic": row["arithmetic"],
            "Python": train["environment"]["python"],
            **{name: libraries[name] for name in SHOWN_LIBRARIES if name in libraries},
        },
        "protocol": {
            name: row[name]
            for name in ("supervision", "selection", "threshold_rule", "ground_truth", "expansion", "interval_unit")
            if row.get(name)
        },
        "seeds": [_run(inputs, variant, seed) for seed in inputs.seeds],
    }


def _run(inputs: ReportInputs, variant: str, seed: int) -> dict[str, Any]:
    record = record_path(inputs.evaluated(variant, seed))
    return {
        "seed": seed,
        "epoch": read_json(inputs.run(variant, seed) / "config.json")["epoch"],
        "record": record.as_posix(),
        "key": read_json(record)["key"][:SHORT],
    }
