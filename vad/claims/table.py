"""The claims table: each claim with its verdict, what was computed about it, and this pipeline's own number."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from vad.artefacts.origin import is_random
from vad.claims import arithmetic, sizes, speeds, where
from vad.claims.arithmetic import Computed
from vad.claims.ledger import VERDICTS, Claim
from vad.evaluation.metrics import METRICS
from vad.report import page
from vad.report.tables import cell

SUFFIXES = {"ucf": "ucf", "efficient": "ucf", "ped2": "ped2", "avenue": "avenue", "shanghai": "shanghai", "xd": "xd"}
"""How variants are called that are made for the data of a claim, `<variant>_<suffix>`: they are looked for first."""
TEST_LISTS = {"ucf_test": ("ucf_crime", 290), "ped2_test": ("ped2", 12), "avenue_test": ("avenue", 21)}
"""Kind of data set and test videos of the data of a claim; a claim about anything else is about no official list."""
COLUMNS = (
    *(
        "id",
        "source",
        "system",
        "claim",
        "value",
        "unit",
        "level",
        "data",
        "selection",
        "verdict",
        "reason",
        "computed",
    ),
    *(
        "ours_metric",
        "ours_variant",
        "ours_data",
        "ours",
        "ours_selection",
        "ours_threshold",
        "ours_protocol",
        "ours_provenance",
    ),
)
AT_THRESHOLD = tuple(name for name, metric in METRICS.items() if metric.needs_threshold)
"""Metrics that a threshold decides: beside a claim "at 0.5" ours has another one."""
ABOUT = (
    "What was claimed, how far it is supported, and what stands beside it here. Every column is in `claims.csv`. A"
    " claim of level `video` is compared with nothing of level `frame`.",
    "Ours: mean ± standard deviation over seeds [interval], then variant and data set, what chose the epoch (on"
    " validation videos alone; last: nothing did), the threshold rule where a metric needs a threshold (which need not"
    " be the claim's), and the record of the first seed. Ground truth, number of test videos and the other records:"
    " `ours_protocol` and `ours_provenance` of `claims.csv`. All of our rows with figures: [results.md](results.md);"
    " sizes of all variants: [sizes.md](sizes.md); the ledger for other tools, in the Croissant format:"
    " [claims_metadata.json](claims_metadata.json).",
)
SHOWN = ("id", "system", "claim", "value", "level", "selection", "verdict", "why", "ours")


class Source(NamedTuple):
    """Where the lists of a data set are from."""

    kind: str
    """As in params.yaml: the file in `vad/datasets` that reads it."""
    official: bool
    """True if none of its lists differs from an official file."""


def source_of(kind: str, facts: Mapping[str, Any]) -> Source:
    """The source of a data set, from its kind and the `facts.json` of its split."""
    return Source(kind, all(item["official"] is not False for item in facts["lists"].values()))


def compute(
    claims: Sequence[Claim],
    ids: Collection[str] | None = None,
    measured: Mapping[str, Any] | None = None,
    differences: where.Differences = (),
) -> dict[str, Computed]:
    """All that can be computed, by claim id. Builds networks, so it imports torch where a size is asked for.

    Args:
        claims: the ledger; a check may read claims other than its own.
        ids: of the claims whose checks are made; None = all.
        measured: speeds of networks, as `vad.claims.speeds.read_speeds` gives them.
        differences: of localisation metrics, as `vad.claims.where.read_differences` gives them.
    """
    by_id = {claim.id: claim for claim in claims}
    wanted = {claim.check for claim in claims if ids is None or claim.id in ids} - {""}
    checks = {**arithmetic.CHECKS, **sizes.CHECKS, **speeds.checks(measured), **where.checks(differences)}
    return {name: found for check in sorted(wanted) for name, found in checks[check](by_id).items()}


def verdict(claim: Claim, found: Computed | None) -> str:
    """The verdict that the computation gives; without one the ledger's, or `check_failed` if it does not come out."""
    if found is None:
        return claim.verdict
    return found.verdict or claim.verdict if found.holds else "check_failed"


def why(claim: Claim, found: Computed | None) -> str:
    """What was computed about a claim, and the ledger's reason."""
    return claim.reason if found is None else f"{found.text}. {claim.reason}"


def claims_table(
    claims: Sequence[Claim],
    results: Sequence[Mapping[str, Any]],
    skipped: Mapping[str, str],
    computed: Mapping[str, Computed],
    sources: Mapping[str, Source],
) -> list[dict[str, Any]]:
    """One row a claim, with the columns `COLUMNS`.

    Args:
        claims: the ledger.
        results: rows of the results table, as `vad.report.tables.result_row` gives them; `extractor_weights`
            says whose weights made its features.
        skipped: variants that did not run here, with the reason.
        computed: as `compute` gives it.
        sources: of the data sets of the results, by name.
    """
    rows = {row["variant"]: row for row in results}
    return [_row(claim, computed.get(claim.id), _ours(claim, rows, skipped, sources)) for claim in claims]


def _row(claim: Claim, found: Computed | None, ours: Mapping[str, Any]) -> dict[str, Any]:
    row = {**claim.model_dump(exclude={"check", "ours"}), **dict.fromkeys(COLUMNS[12:], ""), **ours}
    row |= {"verdict": verdict(claim, found), "computed": "" if found is None else found.text}
    return {name: row[name] for name in COLUMNS}


def _ours(
    claim: Claim, rows: Mapping[str, Mapping[str, Any]], skipped: Mapping[str, str], sources: Mapping[str, Source]
) -> dict[str, Any]:
    """Our own number: on the data of the claim if there is one, else on a data set that is named."""
    if not claim.ours:
        return {}
    variant, _, metric = claim.ours.partition(".")
    suffix = SUFFIXES.get(claim.data.partition("_")[0])
    names = [f"{variant}_{suffix}", variant] if suffix else [variant]
    there = [rows[name] for name in names if name in rows]
    if not there:
        why = next((skipped[name] for name in names if name in skipped), "not run: no variant of this name")
        return {"ours_metric": metric, "ours": why}
    ran = next((row for row in there if _on_its_data(claim, row, sources)), there[0])
    text = cell(ran, metric)
    return {
        "ours_metric": metric,
        "ours_variant": ran["variant"],
        "ours_data": _data(ran) + ("" if _on_its_data(claim, ran, sources) else " (not the data of the claim)"),
        "ours": f"{text} (random weights: not a result)" if is_random(ran.get("extractor_weights", "")) else text,
        "ours_selection": ran["selection"],
        "ours_threshold": ran["threshold_rule"] if metric in AT_THRESHOLD else "",
        "ours_protocol": f"{ran['ground_truth']}, {ran['n_videos']} videos",
        "ours_provenance": ran["provenance"],
    }


def _on_its_data(claim: Claim, row: Mapping[str, Any], sources: Mapping[str, Source]) -> bool:
    """True if a number is of the whole test list that a claim is about, whatever its variant is called."""
    kind, n_videos = TEST_LISTS.get(claim.data, ("", 0))
    source = sources.get(row["dataset"], Source("", False))
    whole = row["subset"] == "all" and row["n_videos"] == n_videos
    return whole and source.kind == kind and source.official


def _data(row: Mapping[str, Any]) -> str:
    """The data set of a row, and the subset if it is not the whole of it."""
    return row["dataset"] if row["subset"] == "all" else f"{row['dataset']}, {row['subset']}"


def claims_page(rows: Sequence[dict[str, Any]]) -> str:
    """claims.md: what the verdicts mean, and the claims by source.

    Args:
        rows: as `claims_table` gives them.
    """
    counts = {name: sum(row["verdict"] == name for row in rows) for name in VERDICTS}
    verdicts = [[name, str(counts[name]), text] for name, text in VERDICTS.items()]
    blocks = []
    for source in dict.fromkeys(row["source"] for row in rows):
        lines = [_line(row) for row in rows if row["source"] == source]
        blocks += [page.heading(source, 2), page.table(SHOWN, lines)]
    return page.page(page.heading("Claims"), *ABOUT, page.table(["verdict", "claims", "meaning"], verdicts), *blocks)


def _protocol(row: dict[str, Any]) -> list[str]:
    """What our number is of, how it came to be, and the first of the records that it comes from."""
    threshold = [f"threshold by {row['ours_threshold']}"] if row["ours_threshold"] else []
    record = f"record {row['ours_provenance'].partition(' ')[0]}"
    return [f"{row['ours_variant']} on {row['ours_data']}", f"epoch by {row['ours_selection']}", *threshold, record]


def _line(row: dict[str, Any]) -> list[str]:
    """The cells of one claim."""
    ours = f"{row['ours_metric']}: {row['ours']}" if row["ours_metric"] else ""
    where = f" [{'; '.join(_protocol(row))}]" if row["ours_variant"] else ""
    composed = {
        "value": f"{row['value']} {row['unit']}".strip(),
        "why": f"{row['computed']}. {row['reason']}" if row["computed"] else row["reason"],
        "ours": ours + where,
    }
    return [str((row | composed)[name]) for name in SHOWN]
