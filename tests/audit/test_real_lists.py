"""The known facts of the official lists, and the published curves, when they lie beside the checkout."""

from pathlib import Path

import numpy as np
import pytest

from tests.audit.given import PARAMS, frames, joined, labels, segments
from tests.conftest import REAL_DATA
from vad.audit.files import Submission
from vad.audit.lengths import FORMS, fit_total
from vad.audit.official import OfficialList, load_official
from vad.audit.roc import read_roc
from vad.audit.run import audit
from vad.evaluation.ground_truth import PRESETS

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> OfficialList:
    """The 290 official test videos."""
    root = REAL_DATA / "ucf_crime"
    if not root.is_dir():
        pytest.skip("the official lists are not here")
    params = tmp_path_factory.mktemp("ucf") / "params.yaml"
    counts = "frame_counts: frame_counts.csv, frame_counts_column: n_frames_a"
    params.write_text(PARAMS.replace("frame_counts: counts.txt", counts).replace("ROOT", str(root)))
    return load_official("exam", params)


def test_orders_of_the_official_files(official: OfficialList) -> None:
    """Sorting by class word gives the order of the temporal annotation, line by line."""
    text = (REAL_DATA / "ucf_crime" / "Temporal_Anomaly_Annotation.txt").read_text()
    written = [line.split()[0].removesuffix(".mp4") for line in text.splitlines()]

    assert written == list(official.orders()["class words (temporal annotation)"])


def test_constant_scores(official: OfficialList) -> None:
    """Every convention has its lengths and positives; a constant has 0.5 and the share of positives."""
    found = audit(Submission("constant", {name: np.zeros(n) for name, n in official.n_frames.items()}), official)
    rows = {row["ground_truth"]: row for row in found.rows}

    assert {
        "canonical": (1_111_808, 84_338),
        "sultani": (1_111_808, 84_338),
        "rtfm": (1_114_144, 84_343),
        "vadclip": (1_114_144, 84_189),
        "ekosman": (1_111_808, 84_182),
        "vadclip_floor16": (1_109_824, 84_160),
    } == {name: (row["n_frames"], row["n_positive"]) for name, row in rows.items()}
    assert (0.5, 0.0759, 0.5379) == tuple(
        round(rows["canonical"][name], 4) for name in ("frame_auc", "frame_ap", "pr_auc_trapezoid")
    )


def test_video_oracle(official: OfficialList) -> None:
    """The perfect video classifier is recognised as video level, with its known areas."""
    oracle = {v.video_id: np.array([float(v.label)]) for v in official.videos}
    found = audit(Submission("oracle", oracle), official)
    row = found.rows[0]

    assert "video_level" in {f.code for f in found.findings}
    assert (0.8158, 0.5, 0.1822, 0.5911) == tuple(
        round(row[name], 4) for name in ("frame_auc", "ano_auc", "frame_ap", "pr_auc_trapezoid")
    )


def test_length_signatures(official: OfficialList) -> None:
    """The known totals are read as what they are."""
    totals = [1_111_808, 1_114_144, 1_109_824, 69_634, 69_364, 9_280, 290]
    n_frames = list(official.n_frames.values())

    assert [form.name for form in FORMS] == [fit_total(total, n_frames).form.name for total in totals]
    assert [10] * 7 == [fit_total(10 * total, n_frames).crops for total in totals]


def test_partial_annotation_of_seven_classes(official: OfficialList) -> None:
    """A vector that marks Abuse to Fighting only has 52,844 positives instead of 84,343."""
    kept = {v.video_id for v in official.videos if v.class_name < "G"}
    truth = {name: one * (name in kept) for name, one in labels(official, PRESETS["rtfm"]).items()}
    derived = official.orders()["anomalous, then normal"]
    found = audit(Submission("x", segments(official)), official, joined(truth, derived))
    (partial,) = [f.evidence for f in found.findings if f.code == "labels_partial"]

    assert (52_844, 84_343) == (partial["positive"], partial["official"])


def test_two_orders_cost_points(official: OfficialList) -> None:
    """Scores in test list order against labels of a derived list: by position lower than by video."""
    truth = joined(labels(official, PRESETS["sultani"]), official.orders()["anomalous, then normal"])
    found = audit(Submission("x", {}, joined(frames(official), official.ids)), official, truth)
    (orders,) = [f.evidence for f in found.findings if f.code == "labels_order"]

    assert 0.005 < orders["frame_auc_by_id"] - orders["frame_auc_by_position"] < 0.03


def test_dropped_and_zero_tails(official: OfficialList) -> None:
    """floor16 leaves out 1,984 frames; the n % 32 rule zeroes 4,192, of them 86 positive."""
    whole = {name: s[: official.n_frames[name] // 16] for name, s in segments(official).items()}
    short = audit(Submission("x", whole), official)
    zeroed = frames(official)
    for name, scores in zeroed.items():
        scores[official.n_frames[name] // 32 * 32 :] = 0
    tails = audit(Submission("x", zeroed), official)
    evidence = {f.code: f.evidence for f in (*short.findings, *tails.findings)}

    assert 1_984 == evidence["dropped_tails"]["frames"]
    assert (4_192, 86) == tuple(evidence["zero_tail_ekosman"][name] for name in ("frames", "positive"))


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("6_C3D_Final_L1L2", 0.7541),
        ("2_Cei_lui", 0.6551),
        ("3_CV16_TemporalRegularity", 0.5066),
        ("1_Binary_Abnormal_Normal", 0.4999),
    ],
)
def test_published_curves(name: str, area: float) -> None:
    """The trapezoid of the published points is the AUC field of their file."""
    path: Path = REAL_DATA / "roc" / f"{name}.mat"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    roc = read_roc(path)

    assert (area, area) == (round(roc.area, 4), round(roc.stated or 0, 4))
