"""Official-format lists of a small test set, and scores for it that tests may spoil."""

from pathlib import Path

import numpy as np

from vad.audit.official import OfficialList, load_official
from vad.evaluation.ground_truth import PRESETS, Convention

CLASSES = ("Abuse", "Arson", "Fighting", "RoadAccidents", "Vandalism")
LENGTHS = (107, 240, 333, 512, 1001)
PARAMS = """\
seeds: [0]
datasets:
  exam: {kind: ucf_crime, root: ROOT, frame_counts: counts.txt}
  empty: {kind: ucf_crime, root: null}
features: {}
variants: {}
evaluate: {}
report: {}
"""


def write_lists(root: Path) -> Path:
    """The three official files, frame counts and a params.yaml; the path of the latter.

    As in the official files, the test list has its normal videos before Vandalism and the annotation has them
    before RoadAccidents.
    """
    root.mkdir(parents=True)
    anomalous = [(name, f"{name}{i:03}_x264", LENGTHS[(i + k) % 5]) for k, name in enumerate(CLASSES) for i in range(3)]
    normal = [("Testing_Normal_Videos_Anomaly", f"Normal_Videos_{i:03}_x264", 90 + 61 * i) for i in range(15)]
    listed = sorted(anomalous + normal)
    (root / "Anomaly_Train.txt").write_text(
        "Abuse/Abuse900_x264.mp4\nTraining_Normal_Videos_Anomaly/Normal_Videos900_x264.mp4\n"
    )
    (root / "Anomaly_Test.txt").write_text("".join(f"{folder}/{name}.mp4\n" for folder, name, _ in listed))
    lines = []
    for folder, name, n in sorted(anomalous + [("Normal", *rest) for _, *rest in normal]):
        span = "-1  -1" if folder == "Normal" else f"{n // 3}  {n // 3 + n // 4}"
        lines.append(f"{name}.mp4  {folder}  {span}  -1  -1  \n")
    (root / "Temporal_Anomaly_Annotation.txt").write_text("".join(lines))
    (root / "counts.txt").write_text("".join(f"{name} {n}\n" for _, name, n in listed))
    params = root / "params.yaml"
    params.write_text(PARAMS.replace("ROOT", str(root)))
    return params


def exam(folder: Path) -> OfficialList:
    """The test list, read from its files."""
    return load_official("exam", write_lists(folder / "lists"))


def segments(official: OfficialList, seed: int = 0) -> dict[str, np.ndarray]:
    """Plausible scores in (0, 1) of 16-frame segments, rounded up, by video id."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, truth in official.truth(PRESETS["canonical"]).items():
        labels = [truth.frame_truth()[i : i + 16].max() for i in range(0, truth.n_frames, 16)]
        level = 0.8 * truth.label + rng.normal()
        found[name] = 1 / (1 + np.exp(-(rng.normal(size=len(labels)) + 2 * np.array(labels) + level)))
    return found


def frames(official: OfficialList, seed: int = 0) -> dict[str, np.ndarray]:
    """The same, repeated over the true frames."""
    return {name: np.repeat(s, 16)[: official.n_frames[name]] for name, s in segments(official, seed).items()}


def joined(arrays: dict[str, np.ndarray], order: tuple[str, ...]) -> np.ndarray:
    """One vector of all videos in an order."""
    return np.concatenate([arrays[name] for name in order])


def labels(official: OfficialList, rules: Convention) -> dict[str, np.ndarray]:
    """Official labels under a convention."""
    return {name: one.frame_truth() for name, one in official.truth(rules).items()}
