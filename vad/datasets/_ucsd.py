"""For Ped1 and Ped2: where the frame labels of UCSD's sequences are."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from vad.datasets._one_class import LabelSource, OneClassSettings
from vad.datasets._one_class_labels import of_mask_images, of_matlab_script, of_vector
from vad.datasets._one_class_sequences import StoredSequence
from vad.localisation.truth import Truth
from vad.splits.video import Video

Labels = Literal["auto", "npy", "masks", "matlab"]
GET = "Get UCSD_Anomaly_Dataset.tar.gz from http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm (docs/datasets.md)"


class UCSDSettings(OneClassSettings):
    """Which frame labels count."""

    labels: Labels = Field(
        default="auto",
        description="frame labels: npy = MNAD's vector, masks = any pixel of the *_gt folders, matlab = UCSD's script;"
        " auto = the first of them that is there",
    )


def wanted(labels: Labels) -> tuple[str, ...]:
    """The label sources in the order of preference."""
    return ("npy", "masks", "matlab") if labels == "auto" else (labels,)


def masks_beside(root: Path, video: Video) -> Truth | None:
    """The pixel masks of a test sequence, in the folder that UCSD puts beside its frames; None = it has none."""
    from vad.localisation.truth_files import mask_images

    folder = root / f"{video.path}_gt"
    return mask_images(folder) if folder.is_dir() else None


def label_sources(
    root: Path,
    tests: Sequence[StoredSequence],
    vectors: Sequence[Path],
    script: Path,
    settings: UCSDSettings,
    lengths: Sequence[int],
    official: str | None = None,
) -> list[LabelSource]:
    """The label sources that are there.

    Args:
        root: that paths of sequences are relative to.
        tests: test sequences.
        vectors: where a vector of all labels may be; the first that is there counts.
        script: UCSD's MATLAB script.
        settings: of the data set.
        lengths: frames of the test sequences as distributed.
        official: sha256 of the vector that the literature uses.
    """
    vector = next((path for path in vectors if path.is_file()), None)
    places = {sequence.video_id: root / f"{sequence.path}_gt" for sequence in tests}
    masks = {name: place for name, place in places.items() if place.is_dir()}
    found = []
    if vector:
        what, read = "one label a frame of all test sequences", partial(of_vector, vector, lengths)
        found.append(LabelSource("npy", what, (vector,), read, official))
    if masks:
        read = partial(of_mask_images, masks)
        found.append(LabelSource("masks", "pixel masks", tuple(masks.values()), read, quick=False))
    if script.is_file():
        read = partial(of_matlab_script, script, settings.interval)
        found.append(LabelSource("matlab", "intervals of the test sequences", (script,), read))
    return found
