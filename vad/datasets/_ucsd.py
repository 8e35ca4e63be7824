"""For Ped1 and Ped2: layouts of UCSD's sequences, and where their frame labels are."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import Field

from vad.datasets._one_class import LabelSource, OneClassDataset, OneClassSettings
from vad.datasets._one_class_labels import of_mask_images, of_matlab_script, of_vector
from vad.datasets._one_class_sequences import FRAMES, UCSD, StoredSequence
from vad.localisation.truth import Truth
from vad.splits.video import Video


class UCSDSettings(OneClassSettings):
    """Which frame labels count."""

    labels: Literal["auto", "npy", "masks", "matlab"] = Field(
        default="auto",
        description="frame labels: npy = MNAD's vector, masks = any pixel of the *_gt folders, matlab = UCSD's script;"
        " auto = the first of them that is there",
    )
    label_file: str | None = Field(
        default=None,
        description="the vector, relative to root; null = frame_labels_ped1.npy or frame_labels_ped2.npy in root or"
        " beside it",
    )


class UCSDDataset(OneClassDataset):
    """A part of the UCSD data set.

    Attributes:
        _NAME: of the part, as in names of files: ped1 or ped2.
        _LENGTHS: frames of the test sequences as distributed.
        _OFFICIAL: sha256 of the vector of labels that the literature uses, if one is known.
    """

    config: UCSDSettings
    GET = (
        "Get UCSD_Anomaly_Dataset.tar.gz from http://www.svcl.ucsd.edu/projects/anomaly/dataset.htm (docs/datasets.md)"
    )
    _LAYOUTS = (UCSD, FRAMES)
    _DIGITS = 3
    _NAME: str
    _LENGTHS: Sequence[int]
    _OFFICIAL: str | None = None

    def truth_of(self, video: Video, size: tuple[int, int]) -> Truth | None:
        """The pixel masks that UCSD puts beside the frames of a sequence, where there are some."""
        from vad.localisation.truth_files import mask_images

        folder = _masks(self._installed(), video.path)
        return mask_images(folder) if folder.is_dir() else super().truth_of(video, size)

    def _wanted(self) -> tuple[str, ...]:
        labels = self.config.labels
        return ("npy", "masks", "matlab") if labels == "auto" else (labels,)

    def _label_sources(self, folder: Path, tests: list[StoredSequence]) -> list[LabelSource]:
        """The label sources that are there."""
        root, own, found = self._installed(), self.config.label_file, []
        name = f"frame_labels_{self._NAME}.npy"
        vectors = [root / own] if own else [folder / name, folder.parent / name]
        if vector := next((path for path in vectors if path.is_file()), None):
            what, read = "one label a frame of all test sequences", partial(of_vector, vector, self._LENGTHS)
            found.append(LabelSource("npy", what, (vector,), read, self._OFFICIAL))
        places = {sequence.video_id: _masks(root, sequence.path) for sequence in tests}
        if masks := {video_id: place for video_id, place in places.items() if place.is_dir()}:
            read = partial(of_mask_images, masks)
            found.append(LabelSource("masks", "pixel masks", tuple(masks.values()), read, quick=False))
        script = folder / "Test" / f"UCSD{self._NAME}.m"
        if script.is_file():
            read = partial(of_matlab_script, script, self.config.interval)
            found.append(LabelSource("matlab", "intervals of the test sequences", (script,), read))
        return found


def _masks(root: Path, sequence: str) -> Path:
    """Where the pixel masks of a sequence are, if it has any."""
    return root / f"{sequence}_gt"
