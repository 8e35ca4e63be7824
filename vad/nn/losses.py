"""Loss terms that several models use: pure functions of tensors, without weights and without state.

Models multiply each term by the weight in their own Config, so the history shows weighted terms.
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Pairing = Literal["all_pairs", "paired"]
Reduction = Literal["sum", "mean"]


def focal(
    logits: Float[Tensor, " bags"],
    labels: Float[Tensor, " bags"],
    alpha: float,
    gamma: float,
    smoothing: float = 0.0,
    alpha_mode: Literal["uniform", "balanced"] = "uniform",
) -> Float[Tensor, ""]:
    """Binary cross-entropy that gives less weight to what is already right, mean over the bags.

    Args:
        logits: before the sigmoid.
        labels: 0 normal, 1 anomalous.
        alpha: 0..1; `uniform`: factor of both classes, `balanced`: of anomalous, 1 - alpha of normal.
        gamma: >= 0; 0 = plain cross-entropy.
        smoothing: 0..1; labels become (1 - smoothing) * label + smoothing / 2.
        alpha_mode: `uniform` does not weigh the classes against each other.

    Differs: with smoothing, exp(-cross-entropy) is not the probability of the class; kept as released.
    """
    targets = (1 - smoothing) * labels + smoothing / 2
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    balance = torch.where(labels > 0.5, alpha, 1 - alpha) if alpha_mode == "balanced" else alpha
    return (balance * (1 - torch.exp(-entropy)) ** gamma * entropy).mean()


def gram_mean(latent: Float[Tensor, "bags width"]) -> Float[Tensor, ""]:
    """Mean of all inner products between the latent vectors of a batch, the diagonal included, any range."""
    return (latent @ latent.T).mean()


def ranking_hinge(
    normal: Float[Tensor, " normals"],
    anomalous: Float[Tensor, " anomalous"],
    pairing: Pairing = "all_pairs",
    margin: float = 1.0,
) -> Float[Tensor, ""]:
    """How far the highest score of anomalous bags fails to stand `margin` above that of normal bags, >= 0.

    Args:
        normal: highest score of each normal bag.
        anomalous: highest score of each anomalous bag.
        pairing: `all_pairs` sums over the anomalous bags and averages over the normal ones;
            `paired` averages over the pairs (i-th normal, i-th anomalous), the surplus of one class unpaired.
        margin: wanted distance, in units of the score.

    Returns: 0 when one class is missing.
    """
    if pairing == "paired":
        pairs = min(len(normal), len(anomalous))
        return functional.relu(margin - anomalous[:pairs] + normal[:pairs]).sum() / max(pairs, 1)
    return functional.relu(margin - anomalous[None, :] + normal[:, None]).sum() / max(len(normal), 1)


def smoothness(scores: Float[Tensor, "bags segments"], reduction: Reduction = "sum") -> Float[Tensor, ""]:
    """Squared differences of neighbouring segments' scores, >= 0: the sum of each bag, added or averaged over bags.

    0 for no bags.
    """
    squares = (scores[:, 1:] - scores[:, :-1]) ** 2
    return squares.sum() / (max(len(scores), 1) if reduction == "mean" else 1)


def sparsity(scores: Float[Tensor, "bags segments"], reduction: Reduction = "sum") -> Float[Tensor, ""]:
    """The sum of each bag's scores, added or averaged over bags; 0 for no bags.

    Anomalies are short, so most segments should score low.
    """
    return scores.sum() / (max(len(scores), 1) if reduction == "mean" else 1)


def squared_norm(weights: list[Tensor]) -> Float[Tensor, ""]:
    """Sum of the squares of all values of all tensors, >= 0 (L2 weight regularisation)."""
    return torch.stack([(weight**2).sum() for weight in weights]).sum()


def read_entropy(weights: Float[Tensor, "*batch slots"]) -> Float[Tensor, ""]:
    """Mean entropy of memory read weights that sum to 1, in nats: 0 (one slot) to log(slots) (all alike)."""
    return torch.special.entr(weights).sum(-1).mean()


def mean_or_zero(values: Float[Tensor, "*axes"]) -> Float[Tensor, ""]:
    """The mean of all values; 0 for none, so that a batch of one class is no special case."""
    return values.sum() / max(values.numel(), 1)


def cross_entropy(probabilities: Float[Tensor, "*axes"], labels: Float[Tensor, "*axes"]) -> Float[Tensor, ""]:
    """Mean binary cross-entropy of probabilities (0..1, after the sigmoid), >= 0; 0 for none."""
    # In float32 always: near 0 and 1 the logarithm needs all digits, and torch refuses less on a GPU.
    with torch.autocast(probabilities.device.type, enabled=False):
        return mean_or_zero(functional.binary_cross_entropy(probabilities.float(), labels.float(), reduction="none"))


def magnitude_gap(
    normal: Float[Tensor, "normals width"], anomalous: Float[Tensor, "anomalous width"], margin: float
) -> Float[Tensor, ""]:
    """How far anomalous features are from length `margin` and normal ones from length 0, >= 0.

    Mean over the pairs (i-th normal, i-th anomalous) of (|margin - length of anomalous| + length of normal)^2;
    the surplus of one class stays unpaired, and 0 is returned when one class is missing.
    Paper: Tian et al., RTFM, ICCV 2021, as its released trainer computes it.
    """
    pairs = min(len(normal), len(anomalous))
    lengths = [torch.linalg.vector_norm(side[:pairs], dim=-1) for side in (normal, anomalous)]
    return mean_or_zero(((margin - lengths[1]).abs() + lengths[0]) ** 2)


def gaussian_kl(
    mean: Float[Tensor, "bags positions width"],
    log_variance: Float[Tensor, "bags positions width"],
    axis: Literal["time", "feature"] = "time",
) -> Float[Tensor, ""]:
    """Divergence of normal distributions from the standard one in nats, >= 0; 0 for no bags.

    Args:
        mean: of each value.
        log_variance: natural logarithm of the variance of each value.
        axis: summed over `time` (as UR-DMU is released) or over the `feature` axis (the divergence of one position's
            vector); the mean is taken over the other axes.
    """
    inner = 1 + log_variance - mean**2 - log_variance.exp()
    return mean_or_zero(-0.5 * inner.sum(dim=1 if axis == "time" else 2))


def compact_normals(
    normal: Float[Tensor, "normals width"], anomalous: Float[Tensor, "anomalous width"], margin: float
) -> Float[Tensor, ""]:
    """Normal vectors near each other, anomalous ones `margin` away from the nearest normal one, >= 0.

    Mean distance of a normal to its farthest normal, plus mean of what the distance of an anomalous vector to its
    nearest normal lacks to `margin`; a term over a missing class is 0.
    Paper: STEAD, arXiv 2503.07942, as its released trainer computes it.
    """
    if not len(normal):
        return anomalous.sum() * 0
    radius = torch.linalg.vector_norm(normal[:, None] - normal, dim=-1).amax(dim=1)
    gap = torch.linalg.vector_norm(anomalous[:, None] - normal, dim=-1).amin(dim=1)
    return radius.mean() + mean_or_zero(functional.relu(margin - gap))
