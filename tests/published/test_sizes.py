"""The sizes of all variants: the published numbers stand there, without any data or weights."""

import csv
from typing import Any

import pytest
import torch

from tests.project import ROOT
from vad.cost.count import macs, parameters
from vad.extractors._base import load_extractor
from vad.params import load
from vad.published import sizes

PUBLISHED = {
    "mstsm_claim_ucf": 159_347,
    "stead_fast_ucf": 17_441,
    "stead_base_ucf": 1_634_049,
    "urdmu_i3d": 6_492_929,
    "mnad_ped2": 15_650_819,
    "mnad_gated_ped2": 15_810_092,
    "mnad_recon_ped2": 17_195_267,
    "frame_pred_ped2": 7_704_195,
    "efficient_vad_ucf": 908_096,
    "c3d_mil_ucf": 2_114_113,
}
EXTRACTOR_MACS = {
    "mobilenet_v3": 214_080_960,
    "x3d_video": 18_562_805_472,
    "c3d_video": 38_530_187_264,
    "i3d_10crop": 277_875_691_520,
    "videomae_video": 2_542_790_508_544,
}


@pytest.fixture(scope="module")
def params() -> dict[str, Any]:
    """params.yaml."""
    return load(ROOT / "params.yaml").model_dump(mode="json")


@pytest.fixture(scope="module")
def rows(params: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """sizes.csv of params.yaml by variant; sizes.md lies beside it."""
    out = tmp_path_factory.mktemp("tables") / "sizes"
    words = ("dataset", "features", "model", "model_args")
    variants = {name: {word: entry[word] for word in words} for name, entry in params["variants"].items()}
    settings = {"variants": variants, "features": params["features"]}
    sizes.write(sizes.Settings.model_validate(settings), {}, out)
    with out.with_suffix(".csv").open() as file:
        found = {row["variant"]: row for row in csv.DictReader(file)}
    page = out.with_suffix(".md").read_text()
    assert all(f"{value:,}" in page for value in PUBLISHED.values())
    return found


def test_published_sizes_stand_in_the_table(params: dict[str, Any], rows: dict[str, dict[str, str]]) -> None:
    """Every variant has a row, also those without data; each published size stands where it belongs."""
    assert list(params["variants"]) == list(rows)
    assert {name: str(value) for name, value in PUBLISHED.items()} == {name: rows[name]["params"] for name in PUBLISHED}
    assert ["9075200", "26496032", "2581094528", "67634176"] == [
        rows[name]["macs"] for name in ("efficient_vad_ucf", "stead_fast_ucf", "stead_base_ucf", "c3d_mil_ucf")
    ]
    assert ("", sizes.IMAGES) == (rows["stpvad_both"]["macs"], rows["stpvad_both"]["note"])
    assert ("", sizes.IMPORTED) == (rows["urdmu_i3d"]["extractor_params"], rows["urdmu_i3d"]["note"])


@pytest.mark.parametrize("name", EXTRACTOR_MACS)
def test_extractors_cost_what_is_known_of_them(name: str, params: dict[str, Any]) -> None:
    """Multiply-adds of one row, counted without a value in memory."""
    assert EXTRACTOR_MACS[name] == sizes.extractor(name, params["features"][name]).row["macs"]


def test_shapes_alone_give_what_values_give(params: dict[str, Any]) -> None:
    """A network with values in memory has the same size and multiply-adds as the one that was counted."""
    entry = params["features"]["xfeat"] | {"segment_frames": 2, "size": 64}
    found = sizes.extractor("small", entry)
    network = load_extractor(entry).build()  # type: ignore[attr-defined]
    segment = torch.zeros(1, 2, 64, 64, 3, dtype=torch.uint8)

    assert (128,) == found.shape
    assert (parameters(network).total, macs(network, segment)) == (found.row["params"], found.row["macs"])
    assert 4 * found.row["params"] / 1e6 == pytest.approx(found.row["size_mb"], rel=1e-3)


def test_a_row_is_of_the_shape_that_its_extractor_makes(params: dict[str, Any]) -> None:
    """Maps, images and vectors beside images."""
    shapes = {"xfeat_maps": (64, 4, 5, 5), "frames64": (3, 64, 64), "clips64": (128,), "x3d": (192, 16, 10, 10)}

    assert shapes == {name: sizes.extractor(name, params["features"][name]).shape for name in shapes}
