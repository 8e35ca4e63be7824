"""What heads, extractors and image networks cost, and the table of it."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from tests.clips import noise
from tests.videos import scene, source, write_video
from vad.artefacts.features import FeatureFile
from vad.cost import parts as cost
from vad.cost.count import parameters
from vad.cost.table import COLUMNS, COUNTED, csv, reference_rows, variant_row
from vad.engine.build import build
from vad.extractors._base import Source
from vad.extractors.xfeat import Config, Extractor
from vad.report.efficiency import efficiency_page
from vad.schema.report import Efficiency
from vad.video import decode
from vad.video.decode import RestartError

QUICK = Efficiency(frames=32, repeats=1, budget=0.01)


def features(rows: int, crops: int = 1) -> FeatureFile:
    """Random features of a video, 16 frames a row."""
    shape = (rows, 8) if crops == 1 else (rows, crops, 8)
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return FeatureFile(values, np.arange(rows + 1) * 16)


def test_head_counts_a_sample_and_the_video() -> None:
    """A bag of 32 rows costs 32 (8 x 4 + 4 x 2 + 2) whatever the video; two rows are 32 frames."""
    found = cost.head("c3d_mil", {"hidden_width": 4, "middle_width": 2}, features(5), QUICK)
    counted = found["counted"]

    assert 32 * (8 * 4 + 4 * 2 + 2) == counted["macs"] == counted["macs_video"]
    assert (8 * 4 + 4) + (4 * 2 + 2) + (2 + 1) == counted["params"]
    assert [32, 8] == counted["sample"]
    assert 32 == counted["frames"]
    assert found["measured"]["sample_seconds"] > 0


STPVAD = {
    "bag_segments": 20,
    "score_full_length": False,
    "stage1": {"width": 6, "blocks": 1, "heads": 2, "head_width": 3, "memory_slots": 5, "scorer_width": 4},
    "head": {
        **{"width": 6, "blocks": 1, "heads": 2, "head_width": 3, "memory_slots": 5, "scorer_width": 4},
        **{"cross_heads": 2, "cross_head_width": 5},
    },
    "encoder": {
        **{"clip_frames": 4, "image_height": 32, "image_width": 32, "tubelet_frames": 2},
        **{"embed": 12, "depth": 1, "heads": 2, "prune_before": [0], "token_ratio": [1.0]},
    },
}
TOKENS, TOKEN_DIM = 2 * 2 * 2, 2 * 16 * 16 * 3
TELLING = 2


def dual_memory_macs(steps: int, dim: int) -> int:
    """UR-DMU of these settings: embedding, an attention block, reads of two memories, their means, the scorer."""
    block = 6 * 4 * 2 * 3 + 2 * 2 * 3 * 6 + 2 * 6 * 6
    per_step = 3 * dim * 6 + block + 2 * 2 * 5 * 6 + 2 * 6 * 6 + 12 * 4 + 4
    return steps * per_step + 2 * 3 * 3 * steps**2


def clip_macs() -> int:
    """One clip: tubelets, predictor, block, the way out; then the network on tokens with its cross-attention."""
    predictor = 12 * 12 + 12 * 6 + 6 * 3 + 3 * 2
    block = 4 * 12 * 12 + 2 * TOKENS * 12 + 2 * 4 * 12 * 12
    encoder = TOKENS * (TOKEN_DIM * 12 + predictor + block + 12 * TOKEN_DIM)
    cross = TOKENS * (12 * 10 + 2 * TELLING * 10 + 10 * 12 + 2 * 12 * 6) + 2 * TELLING * 12 * 10
    return encoder + cross + dual_memory_macs(TOKENS, TOKEN_DIM)


@pytest.mark.parametrize(("score", "clips"), [("stage1", 0), ("both", 2)])
def test_both_stages_count_where_both_score(score: str, clips: int) -> None:
    """Two rows of 16 frames are 20 segments for stage 1 and two clips for stage 2."""
    file = FeatureFile(np.ones((3, 8), np.float32), np.arange(4) * 16, clips=noise(3))
    found = cost.head("stpvad", {**STPVAD, "score": score}, file, QUICK)
    expected = dual_memory_macs(20, 8) + clips * clip_macs()

    assert expected == found["counted"]["macs"] == found["counted"]["macs_video"]


def test_parameters_of_both_stages() -> None:
    """The parameters are those of all three networks."""
    file = FeatureFile(np.ones((3, 8), np.float32), np.arange(4) * 16, clips=noise(3))
    both = cost.head("stpvad", {**STPVAD, "score": "both"}, file, QUICK)["counted"]
    parts = (build("stpvad", STPVAD, 8).get_submodule(name) for name in ("stage1", "encoder", "head"))

    assert sum(parameters(part).total for part in parts) == both["params"]


def test_every_crop_and_every_window_counts() -> None:
    """Ten crops cost ten times one; windows that overlap are counted as often as they are scored."""
    args = {"hidden_width": 4, "latent_width": 2, "memory_slots": 3, "window": 1, "stride": 1}
    whole = Efficiency(frames=10_000, repeats=1, budget=0.01)
    one, ten = (cost.head("lstm_memory_ae", args, features(6, crops), whole)["counted"] for crops in (1, 10))

    assert 6 * one["macs"] == one["macs_video"]
    assert 10 * one["macs_video"] == ten["macs_video"]
    assert (1, 10) == (one["crops"], ten["crops"])


def test_a_row_longer_than_the_limit_is_kept() -> None:
    """At least one row is scored, also when it covers more frames than asked for."""
    file = FeatureFile(np.ones((3, 8), np.float32), np.array([0, 500, 1000, 1500]))

    assert 500 == cost.head("c3d_mil", {"hidden_width": 4}, file, QUICK)["counted"]["frames"]


def test_extractor_counts_its_first_frames(tmp_path: Path) -> None:
    """Two segments of 16 frames are read of three; twice the operations of one segment; the rate is the video's."""
    path = write_video(tmp_path / "video.mp4", scene(48), fps=25)
    costs = [
        cost.extractor(Extractor(Config(size=32, device="cpu")), source(path), Efficiency(frames=n, repeats=2))
        for n in (16, 32)
    ]
    one, two = (found["counted"] for found in costs)

    assert (16, 32) == (one["frames"], two["frames"])
    assert 2 * one["macs_video"] == two["macs_video"] > 0
    assert two["params"] == one["params"] > 600_000
    assert 25 == two["fps"]
    assert all(costs[1]["measured"][f"{part}_seconds"] > 0 for part in ("decode", "extract"))


def test_a_video_that_dali_gives_up_is_measured_with_pyav(tmp_path: Path) -> None:
    """As room features extracts it: begun again. The number of frames is that of any other decoder."""
    path = write_video(tmp_path / "video.mp4", scene(48), fps=25)

    class Failing(Extractor):
        def extract(self, source: Source) -> FeatureFile:
            opener = cast("Any", source.open_video).__self__
            if opener.opener is decode.open_video:
                raise RestartError("broken", "DALI: broken")
            return super().extract(source)

    found = cost.extractor(Failing(Config(size=32, device="cpu")), source(path), QUICK)["counted"]

    assert 32 == found["frames"]


def part(**changes: Any) -> dict[str, Any]:
    """What `vad.cost.parts` gives, with numbers that are easy to follow."""
    machine = {"processor": "P", "gpu": None, "threads": 1, "torch": "2", "cores": 2}
    counted = {"params": 10, "params_trainable": 9, "bytes": 4_000_000, "macs": 100, "macs_video": 400}
    counted |= {"sample": [32, 8], "frames": 20, "crops": 1, "fps": 10.0, "stride": 1}
    measured = {"sample_seconds": 0.5, "video_seconds": 1.0, "memory_mb": 3.0, "cpu_share": 0.9}
    measured |= {"decode_seconds": 0.4, "extract_seconds": 0.6}
    return {"counted": counted | changes, "measured": measured, "machine": machine}


def test_a_row_adds_up_decoder_extractor_and_head() -> None:
    """Head 1 s, decoding 0.4 s, network 0.6 s for 20 frames at 10 a second: 2 s, 10 frames/s, 1 s per second."""
    row = variant_row({"variant": "v"}, part(), part(macs_video=2000, params=7))

    assert 10 == pytest.approx(row["end_to_end_fps"])
    assert 20 == pytest.approx(row["head_fps"])
    assert (20, 100, 120) == (
        row["macs_per_frame_head"],
        row["macs_per_frame_extractor"],
        row["macs_per_frame"],
    )
    assert (1200, 2400, 200) == (row["macs_per_second"], row["flops_per_second"], row["flops"])
    assert 1000 == pytest.approx(row["ms_per_second"])
    assert (6, 0.9) == (row["peak_memory_mb"], row["cpu_share"])
    assert "P, 1 thread, torch 2" == row["measured_on"]


def test_speeds_with_and_without_skipped_frames() -> None:
    """Network and head take 1.6 s for 20 frames, a third of which pass them: decoding is in the last speed alone."""
    rows = [variant_row({"variant": "v"}, part(), part(stride=3, fps=fps)) for fps in (10.0, 20.0, None)]

    assert [20 / 1.6 / 3, 20 / 1.6, 10] == pytest.approx(
        [rows[0][n] for n in ("raw_fps", "skip_fps", "end_to_end_fps")]
    )
    assert ["yes, 1 x", "no, 0.5 x", None] == [row["real_time"] for row in rows]


def test_imported_features_have_no_extractor_and_say_so() -> None:
    """No end-to-end number is made up from the head alone."""
    row = variant_row({"variant": "v"}, part(), None)

    assert [] == [name for name in ("macs_per_frame", "end_to_end_fps", "peak_memory_mb") if name in row]
    assert "imported" in row["note"]
    assert "| -" in efficiency_page("set", [row], {})


def test_an_unknown_rate_leaves_seconds_open() -> None:
    """A folder of images has no frames per second: per frame only."""
    row = variant_row({"variant": "v"}, part(), part(fps=None))

    assert row["macs_per_frame"] == 40
    assert "macs_per_second" not in row
    assert "unknown" in row["note"]


def test_table_and_page_keep_counted_and_measured_apart() -> None:
    """Counted columns come before `measured_on`; a cited network is said to be cited; the missing are named."""
    rows = [variant_row({"variant": "v"}, part(), part()), *reference_rows({"Net": part()})]
    text, table = efficiency_page("set", rows, {"w": "no record"}), csv(rows).splitlines()

    assert ",".join(COLUMNS) == table[0]
    assert all(COLUMNS.index(name) < COLUMNS.index("measured_on") for name in COUNTED)
    assert ["v", "Net", "Tiny YOLOv4"] == [line.split(",")[0] for line in table[1:]]
    assert "neither counted nor measured" in text
    assert "- w: no record" in text
    assert text.index("the same on every machine") < text.index("measured on P, 1 thread")
