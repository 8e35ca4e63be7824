"""The table of localisation: rows, differences and page, from numbers made by hand."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from vad.artefacts.files import write_json
from vad.localisation.localised_runs import COLUMNS, OWN, LocalisedRun, differences
from vad.localisation.map_files import DRAWS
from vad.localisation.maps import NO_PIXEL
from vad.localisation.metrics import METRICS
from vad.report import localisation
from vad.report.inputs import ReportInputs
from vad.report.localisation import reasons, variant_rows
from vad.schema.evaluate import Bootstrap

BOOTSTRAP = Bootstrap(resamples=40)
WORDS = {"dataset": "set", "variant": "x", "model": "m", "extractor_weights": "", "seeds": "0 1"}


def entry(value: float | None) -> dict[str, Any]:
    """A metric as room evaluate writes it."""
    if value is None:
        return {"value": None, "low": None, "high": None, "reason": "no tracks"}
    return {"value": value, "low": value - 0.1, "high": value + 0.1}


def run(value: float, spread: float = 0.01, draws: int = 40, videos: str = "abcde") -> LocalisedRun:
    """Maps with one value of every metric but `tbdc`, which is undefined; rows without a pixel have 0.5."""
    values = {OWN: value, **dict.fromkeys(NO_PIXEL, 0.5)}
    noise = spread * np.sin(np.arange(draws + 1)) * (np.arange(draws + 1) > 0)
    undefined = np.full(draws + 1, np.nan)
    return LocalisedRun(
        {row: {name: entry(None if name == "tbdc" else each) for name in METRICS} for row, each in values.items()},
        {
            row: {name: undefined if name == "tbdc" else each + noise * (row == OWN) for name in METRICS}
            for row, each in values.items()
        },
        list(videos),
        {"n_videos": 8, "n_without_truth": 1, "n_frames": 1200},
    )


def test_rows_are_means_over_seeds() -> None:
    """The variant's own maps, then the maps that look at no pixel."""
    rows = variant_rows(WORDS, [run(0.6), run(0.8)])

    assert [OWN, *NO_PIXEL] == [row["maps"] for row in rows]
    assert (0.7, 0.6, 0.8) == tuple(pytest.approx(rows[0][f"pixel_auc{end}"]) for end in ("", "_low", "_high"))
    assert (0.5, 0.0) == (rows[3]["pixel_auc"], rows[3]["pixel_auc_std"])
    assert (None, 8, 1200) == (rows[0]["tbdc"], rows[0]["n_videos"], rows[0]["n_frames"])


def test_further_maps_stand_below(tmp_path: Path) -> None:
    """From the smallest map, with a word on what they are; nothing is said where there are none."""
    names = ["attention_64x64", "attention_64x64 static", "attention_128x128", "attention_128x128 static"]
    plain = run(0.6)
    entries = {OWN: plain.entries[OWN], **{row: plain.entries[row] for row in NO_PIXEL}}
    localised = {
        **{"metrics": entries.pop(OWN), "no_pixel": entries, "by_video": {}, "videos": 8},
        **{"without_truth": 1, "frames": 1200, "further": dict.fromkeys(reversed(names), plain.entries[OWN])},
    }
    write_json(tmp_path / "metrics.json", {"localisation": localised})
    drawn = {"model": 1.0, "attention_64x64": 0.8, "attention_64x64 static": 0.5}
    np.savez(tmp_path / DRAWS, **{f"{row}.pixel_auc": np.full(41, value) for row, value in drawn.items()})
    found = LocalisedRun.read(tmp_path)
    assert found is not None
    rows = variant_rows(WORDS, [found])
    compared = {(row["first"], row["second"], row["metric"]): row for row in differences({"x": [found]}, BOOTSTRAP)}
    gained = [compared[f"x {name}", "static", "pixel_auc"] for name in names[::2]]
    text, without = (
        "\n\n".join(localisation.dataset_blocks("set", each, [], [], "link"))
        for each in (rows, variant_rows(WORDS, [plain]))
    )

    assert [OWN, *NO_PIXEL, *names] == [row["maps"] for row in rows]
    assert rows[-1]["pixel_auc"] == 0.6
    assert (pytest.approx(0.3), "not defined") == (gained[0]["difference"], gained[1]["reason"])
    assert text.index("| attention_64x64 ") < text.index("| attention_128x128 ") < text.index(localisation.FURTHER)
    assert localisation.FURTHER not in without


def test_differences_are_paired() -> None:
    """Against the rows without a pixel, and the later variant minus the earlier one; undefined metrics say why."""
    rows = differences({"old": [run(0.6), run(0.6)], "new": [run(0.7), run(0.7)]}, BOOTSTRAP)
    by_pair = {(row["first"], row["second"], row["metric"]): row for row in rows}
    gain = by_pair["new", "old", "pixel_auc"]

    # All draws of videos move both variants alike, so their difference has no spread.
    assert (0.1, 0.1, 0.1) == tuple(pytest.approx(gain[name]) for name in ("difference", "low", "high"))
    assert gain["differs"]
    assert pytest.approx(0.2) == by_pair["new", "static", "rbdc"]["difference"]
    assert "not defined" == by_pair["new", "old", "tbdc"]["reason"]
    assert ("old", "new", "rbdc") not in by_pair


def test_pairs_that_cannot_be_compared_say_why() -> None:
    """Other videos, or too few to draw from."""
    other = differences({"old": [run(0.6)], "new": [run(0.7, videos="abcdf")]}, BOOTSTRAP)
    few = differences({"old": [run(0.6, draws=0)]}, BOOTSTRAP)

    assert {"not the same videos"} == {row["reason"] for row in other if row["second"] == "old"}
    assert {"fewer than 5 videos", "not defined"} == {row["reason"] for row in few}
    assert {None} == {row["differs"] for row in few}


def test_the_page_says_why_cells_are_empty() -> None:
    """One line for each reason; a difference whose interval leaves 0 out is bold, an undefined one "-"."""
    variants = {"old": [run(0.5, spread=0.2)], "x": [run(0.7)]}
    rows = [row for name, runs in variants.items() for row in variant_rows({**WORDS, "variant": name}, runs)]
    why = reasons(variants)
    text = "\n\n".join(localisation.dataset_blocks("set", rows, differences(variants, BOOTSTRAP), why, "link"))

    assert ["`tbdc`: undefined, no tracks (old, x)"] == why
    assert "- `tbdc`: undefined, no tracks (old, x)" in text
    assert "8 test videos with ground truth, 1 without are left out; frames that are compared: 1,200." in text
    assert "| x - uniform" in text
    assert "**+0.200 [+0.19" in text
    assert "| x - old" in text
    assert text.index("### Against maps that look at no pixel, set") < text.index("### Between variants, set")
    assert localisation.OWN_FRAMES not in text
    fewer = [{**row, "n_frames": 1100} if row["variant"] == "x" else row for row in rows]
    text = "\n\n".join(localisation.dataset_blocks("set", fewer, differences(variants, BOOTSTRAP), why, "link"))
    assert f"### Between variants, set\n\n{localisation.OWN_FRAMES}\n" in text


def test_the_job_reads_what_room_evaluate_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant without ground truth is named instead of measured."""
    for name, found in {"x": run(0.75), "unmeasured": None}.items():
        folder = tmp_path / "evaluate" / name / "seed0"
        document: dict[str, Any] = {"protocol": {"scores": {"extractor_weights": "random (seed 0)"}}}
        if found:
            stored = {"model": found.replicates[OWN], **{row: found.replicates[row] for row in NO_PIXEL}}
            arrays = {f"{row}.{metric}": each[metric] for row, each in stored.items() for metric in METRICS}
            folder.mkdir(parents=True)
            np.savez(folder / DRAWS, **arrays)
            own, no_pixel = found.entries[OWN], {row: found.entries[row] for row in NO_PIXEL}
            by_video = {video: {"pixel_auc": 0.5} for video in "abcde"}
            counts = {"videos": 8, "without_truth": 1, "frames": 1200}
            document["localisation"] = {"metrics": own, "no_pixel": no_pixel, "by_video": by_video, **counts}
        write_json(folder / "metrics.json", document)
    monkeypatch.setattr(localisation, "whole_variants", lambda inputs: (list(inputs.variants), {}))
    entries = [
        {"name": name, "dataset": "set", "features": "f", "model": "m", "imported": False}
        for name in ("x", "unmeasured")
    ]
    settings = localisation.Settings.model_validate({"variants": entries, "seeds": [0], "bootstrap": {"resamples": 40}})
    localisation.write(settings, {"evaluate": tmp_path / "evaluate"}, tmp_path / "localisation")
    page = (tmp_path / "localisation.md").read_text()
    table = (tmp_path / "localisation.csv").read_text().splitlines()

    assert "| x †" in page
    assert "No spatial ground truth, so their maps are drawn but not measured\n\n- unmeasured\n" in page
    assert 1 + 1 + len(NO_PIXEL) == len(table)
    assert table[0].startswith("dataset,variant,model,extractor_weights,seeds,maps,n_videos,n_without_truth,n_frames,")
    assert (tmp_path / "localisation_differences.csv").read_text().startswith(",".join(COLUMNS))


def test_a_run_without_ground_truth_is_not_read(tmp_path: Path) -> None:
    """Its metrics file says nothing of places."""
    write_json(tmp_path / "metrics.json", {"metrics": {}})

    assert LocalisedRun.read(tmp_path) is None


def test_heads_name_the_weights() -> None:
    """A row from random weights is marked as everywhere."""
    variants = {"x": SimpleNamespace(dataset="set", model="m")}
    protocol = {"protocol": {"scores": {"extractor_weights": "random (seed 0)"}}}
    inputs = cast("ReportInputs", SimpleNamespace(variants=variants, seeds=[0, 1], metrics=lambda *_: protocol))

    assert WORDS | {"extractor_weights": "random (seed 0)"} == localisation.head(inputs, "x")
