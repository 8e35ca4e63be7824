"""What the rules ask of a cluster, and the profiles that hand it on."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.project import ROOT

RULES = sorted((ROOT / "stages").glob("*/rules.smk"))
CLUSTERS = ("slurm", "kubernetes")


def profile(name: str) -> dict[str, object]:
    """The settings of a profile."""
    return YAML(typ="safe").load(ROOT / "profiles" / name / "config.yaml")


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.parent.name)
def test_every_rule_asks_for_more_when_it_is_tried_again(path: Path) -> None:
    """Memory and time grow with the attempt; each rule has a group, in which short jobs share a job of the cluster."""
    rules = re.split(r"\n\s*rule\b", path.read_text())[1:]

    assert rules
    for rule in rules:
        assert re.search(r"mem_mb=lambda w[^:]*\battempt\b", rule)
        assert re.search(r"runtime=lambda w[^:]*\battempt\b", rule)
        assert "group:" in rule


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_profile_of_a_cluster_has_what_the_default_has(name: str) -> None:
    """Snakemake reads one profile of a workflow, not the default beside it. GPUs are a cluster's own."""
    default, found = profile("default"), profile(name)
    shared = set(default) - {"resources"}

    assert {key: default[key] for key in shared} == {key: found.get(key) for key in shared}
    assert 2 == found["retries"]


def test_both_clusters_have_the_same_limits() -> None:
    """What does not belong to an executor is the same in both."""
    found = [{key: value for key, value in profile(name).items() if "cluster-generic" not in key} for name in CLUSTERS]
    own = {"executor", "jobs", "max-status-checks-per-second"}
    slurm, kubernetes = ({key: value for key, value in each.items() if key not in own} for each in found)

    assert slurm == kubernetes
