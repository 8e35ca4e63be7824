"""Frame labels of validation videos, where a data set has them, to choose the epoch by; never of the test list."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vad.artefacts.features import READ_AT_ONCE, open_features
from vad.engine.score import score_video
from vad.evaluation.thresholds import area
from vad.models._base import VideoModel
from vad.schema.infer import Infer
from vad.splits.video import Intervals

PLAIN = Infer.model_validate({})
"""Scores as the model gives them, whatever is done to them in stage infer."""


@dataclass(frozen=True)
class ValidationFrames:
    """The validation videos with their labels."""

    files: Sequence[Path]
    """Feature files, named by the id of the video."""
    marked: Mapping[str, Intervals]
    """Anomalous frames by video id, from 0, ends excluded; a video without any is normal throughout."""

    @torch.no_grad()
    def frame_auc(self, model: VideoModel) -> float:
        """The area under the ROC curve over the frames of all validation videos (unit: frame).

        Args:
            model: in eval mode; scores frames.
        """
        model.reset_memory()
        scores, labels = [], []
        for path in self.files:
            file = open_features(path, None, READ_AT_ONCE)
            scores.append(score_video(model, file.features, file.bounds, PLAIN, file.clips).frames)
            labels.append(np.zeros(len(scores[-1]), bool))
            for start, end in self.marked.get(path.stem, ()):
                labels[-1][int(start) : int(end)] = True
        joined, anomalous = np.concatenate(scores), np.concatenate(labels)
        return area(joined, anomalous)
