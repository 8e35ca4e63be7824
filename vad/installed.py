"""Which variants can run here: those whose data set and features are not null in params.yaml."""

import vad.datasets
from vad import registry
from vad.datasets._base import BaseDataset
from vad.schema.params import Params, Variant
from vad.schema.train import Train


def unset_root(params: Params, variant: Variant) -> str | None:
    """The key of params.yaml that keeps a variant from running.

    Returns: such as `datasets.ucf_crime.root`; None if the variant can run.
    """
    dataset = params.datasets[variant.dataset].model_dump()
    if dataset.get("root") is None and not _plugin(params, variant).GENERATED:
        return f"datasets.{variant.dataset}.root"
    features = params.features[variant.features].model_dump()
    # An extractor that computes from videos has no root; one that nests another takes that one's vectors.
    if features.get("vectors", features).get("root", "") is None:
        return f"features.{variant.features}.root"
    starts = variant.train.start if isinstance(variant.train, Train) else []
    keys = (unset_root(params, params.variants[start.variant]) for start in starts if start.variant)
    return next((key for key in keys if key), None)


def missing(params: Params, variant: Variant) -> str:
    """Why a variant cannot run here, in a sentence that says where to get the data; empty if it can."""
    key = unset_root(params, variant)
    if key is None:
        return ""
    if key.startswith("features."):
        return f"features {variant.features} are not installed ({key} is null)"
    get = _plugin(params, variant).GET
    return f"data set {variant.dataset} is not installed ({key} is null){f'. {get}' if get else ''}"


def _plugin(params: Params, variant: Variant) -> type[BaseDataset]:
    """The class of a variant's data set."""
    module = registry.find(vad.datasets, params.datasets[variant.dataset].kind)
    return registry.plugin_class(module, "Dataset", BaseDataset)
