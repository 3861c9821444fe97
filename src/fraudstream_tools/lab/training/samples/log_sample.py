"""A sample of a decision log to learn from: all frauds, and of the rest more where it is hard to tell.

The log's decisions are counted by day and by how high the score was that they got, live model included. Where scores
are middling, a legitimate transaction tells more, and is drawn more often (Neyman's allocation: by the standard
deviation that a band of scores leaves). Each that is drawn stands for as many as its day and band have for each drawn
one: that is its weight. Drawing goes by a hash of the id, so that the same log gives the same sample, row by row, in as
much memory as the sample takes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

from fraudstream.detection.features.named_values import INPUT_COLUMNS
from fraudstream.detection.features.own import INPUTS
from fraudstream.detection.models.selection import NO_MODELS
from fraudstream.detection.rules.ruleset import Ruleset
from fraudstream.reporting.log.aggregates import DECLINED_BY_ISSUER
from fraudstream.reporting.log.reader.decision_log import DecisionLog
from fraudstream.reporting.log.reader.standing import Standing
from fraudstream.transactions.decisions.decision import FraudType, Verdict
from fraudstream_tools.lab.backtest.exploration import exploration_query, read_exploration
from fraudstream_tools.lab.backtest.queries import DECLINED, backtest_query, standing_of
from fraudstream_tools.lab.backtest.run import Truths
from fraudstream_tools.lab.training.samples.explored import Drawing

MOST_LEGITIMATE: Final = 500_000
"""Legitimate transactions that are learnt from by default: docs/scale.md says what memory they take."""
MOST_NEWER: Final = 50_000
"""Transactions too new to have labels that are taken at most: they only show how scores are spread. Own choice."""
MOST_STOPPED: Final = 50_000
"""Declined transactions without a label that are taken at most: they are only counted. Own choice."""
_BANDS: Final[Mapping[int, tuple[int, float]]] = {0: (10, 0.02), 1: (30, 0.15), 2: (101, 0.5)}
"""Band to the score that it ends before, and the share of fraud that is taken for it: own choice."""
_HASHES: Final = 2**64
# `hash` may give other numbers in another version of DuckDB.
_HASH: Final = "md5_number_lower(transactionId)::UBIGINT"
_Stratum = tuple[int, int]
"""Day of the transaction, and band."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What was drawn of the legitimate transactions."""

    taken: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Strata:
    """Numbers of a log's transactions by what can be learnt from them."""

    legitimate: Mapping[_Stratum, int]
    too_new: int
    declined: int
    """Old enough, declined, and without a label."""
    stopped: int
    """Number of these that were declined by a decision and not by the issuer."""


class SampledRow(NamedTuple):
    """A transaction that is drawn, and what is known of it."""

    standing: Standing
    timestamp: int
    labeled_at: int
    """0 without a label."""
    source: str
    """Who labelled it; empty without a label."""
    declined: bool
    stratum: _Stratum
    truths: Truths
    """Truths of the rules."""
    values: Sequence[float | None]
    """Values of the features."""
    approved: bool
    exploration_propensity: float | None


class LogSample:
    """A sample of an open log."""

    def __init__(self, log: DecisionLog, most: int, without: Collection[FraudType] = ()) -> None:
        """Count the log, and choose what is drawn.

        Args:
            log: with labels.
            most: legitimate transactions that are drawn, on average; all if there are no more.
            without: kinds of fraud that are left out.

        Raises:
            DecisionLogError: it cannot be read.
        """
        self._log = log
        standing = standing_of(log.horizon, is_labelled=True)
        band = " ".join(f"WHEN score < {end} THEN {number}" for number, (end, _) in _BANDS.items())
        self._rows = (
            f"(SELECT *, {standing} AS standing, timestamp // 86400000 AS day, CASE {band} ELSE 0 END AS band "
            f"FROM {log.decided_rows()} WHERE NOT {self._of_kinds(without)}) AS told"
        )
        (counted,) = next(log.ask(f"SELECT count(*) FROM {log.decided_rows()} WHERE {self._of_kinds(without)}"))
        self.other_kinds: int = counted
        """Frauds of kinds that are left out."""
        self.strata = self._count()
        explored = read_exploration(next(log.ask(exploration_query(self._rows, log.horizon))))
        self.drawing = explored.drawing if explored else Drawing()
        self._shares = shares_of(self.strata.legitimate, most)
        self.of = sum(self.strata.legitimate.values())

    @property
    def is_whole(self) -> bool:
        """Whether all are drawn, and each stands for itself."""
        return all(share >= 1 for share in self._shares.values())

    @staticmethod
    def _of_kinds(kinds: Collection[FraudType]) -> str:
        names = ", ".join(f"'{kind.value}'" for kind in kinds)
        return f"coalesce(label = 'FRAUD' AND fraudType IN ({names}), false)" if kinds else "false"

    def _count(self) -> Strata:
        legitimate: dict[_Stratum, int] = {}
        too_new = declined = stopped = 0
        mature = f"timestamp <= {self._log.horizon.matured_until}"
        own = f"{DECLINED} AND NOT ({DECLINED_BY_ISSUER})"
        counted = f"SELECT standing, {mature}, {own}, day, band, count(*) FROM {self._rows} GROUP BY ALL ORDER BY ALL"
        for standing, is_mature, is_own, day, band, number in self._log.ask(counted):
            if standing in (Standing.LEGITIMATE, Standing.MATURED):
                legitimate[day, band] = legitimate.get((day, band), 0) + number
            elif standing == Standing.UNKNOWN and is_mature:
                declined += number
                stopped += number * is_own
            elif standing == Standing.UNKNOWN:
                too_new += number
        return Strata(legitimate=legitimate, too_new=too_new, declined=declined, stopped=stopped)

    def rows(self, ruleset: Ruleset) -> Iterator[SampledRow]:
        """Return each transaction that is drawn, in the order of time.

        Args:
            ruleset: whose rules are asked.
        """
        ends = " ".join(f"WHEN {band} THEN {_end_of(share)}" for band, share in self._shares.items())
        is_drawn = f"{_HASH} <= CASE band {ends} END" if ends else "false"
        fraud, unknown = Standing.FRAUD.value, Standing.UNKNOWN.value
        return self._told(ruleset, f"standing = {fraud} OR (standing <> {unknown} AND {is_drawn})")

    def stopped_rows(self, ruleset: Ruleset) -> Iterator[SampledRow]:
        """Return some of what was declined, is old enough for a label, and has none, in the order of time.

        Each stands for as many as there are for each that is returned.

        Args:
            ruleset: whose rules are asked.
        """
        share = min(MOST_STOPPED / max(self.strata.declined, 1), 1.0)
        mature = f"timestamp <= {self._log.horizon.matured_until}"
        wanted = f"standing = {Standing.UNKNOWN.value} AND {mature} AND {_HASH} <= {_end_of(share)}"
        return self._told(ruleset, wanted)

    def _told(self, ruleset: Ruleset, wanted: str) -> Iterator[SampledRow]:
        asked = backtest_query(self._rows, [ruleset.with_models(NO_MODELS)])
        columns = ", ".join([*asked.keys, *(INPUT_COLUMNS[name] for name in INPUTS)])
        query = (
            f"SELECT timestamp, coalesce(labeledAt, 0), coalesce(labelSource, ''), {DECLINED}, day, band, "
            f"coalesce(decision = '{Verdict.APPROVE}', false), explorationPropensity, {columns} FROM {asked.source} "
            f"WHERE {wanted} ORDER BY timestamp, transactionId"
        )
        key_count = len(asked.keys)
        for timestamp, labeled_at, source, declined, day, band, approved, propensity, *values in self._log.ask(query):
            known, ((truths, _),) = asked.read(values[:key_count])
            yield SampledRow(
                standing=known.standing,
                timestamp=timestamp,
                labeled_at=labeled_at,
                source=source,
                declined=declined,
                stratum=(day, band),
                truths=truths,
                values=values[key_count:],
                approved=approved,
                exploration_propensity=propensity,
            )

    def newer_rows(self) -> Iterator[Sequence[float | None]]:
        """Return the features of some that are too new to have labels, and were not declined, drawn by chance."""
        columns = ", ".join(INPUT_COLUMNS[name] for name in INPUTS)
        share = min(MOST_NEWER / max(self.strata.too_new, 1), 1.0)
        return self._log.ask(
            f"SELECT {columns} FROM {self._rows} WHERE timestamp > {self._log.horizon.matured_until} "
            f"AND NOT coalesce({DECLINED}, false) AND {_HASH} <= {_end_of(share)} ORDER BY timestamp, transactionId"
        )

    def weights(self, drawn: Mapping[_Stratum, int]) -> dict[_Stratum, float]:
        """Return for how many legitimate transactions one of each stratum stands.

        Args:
            drawn: how many were drawn of each.
        """
        weight_of: dict[_Stratum, float] = {}
        for band in _BANDS:
            there = {each: number for each, number in self.strata.legitimate.items() if each[1] == band}
            met = {each: number for each, number in there.items() if drawn.get(each)}
            # Days of which none was drawn are told of by the others of their band.
            again = sum(there.values()) / sum(met.values()) if met else 1.0
            weight_of |= {each: number / drawn[each] * again for each, number in met.items()}
        return weight_of


def _end_of(share: float) -> str:
    """Return the hash up to which a share of all transactions has its own, as SQL."""
    return f"{min(int(share * _HASHES), _HASHES - 1)}::UBIGINT"


def shares_of(legitimate: Mapping[_Stratum, int], most: int) -> dict[int, float]:
    """Return the share of each band that is drawn.

    Args:
        legitimate: transactions by stratum.
        most: how many are drawn together, on average.
    """
    left: dict[int, int] = {}
    for (_, band), number in legitimate.items():
        left[band] = left.get(band, 0) + number
    shares: dict[int, float] = {}
    while left:
        spread = {band: number * sqrt(_BANDS[band][1] * (1 - _BANDS[band][1])) for band, number in left.items()}
        each = {band: most * spread[band] / sum(spread.values()) / number for band, number in left.items()}
        whole = [band for band, share in each.items() if share >= 1]
        if not whole:
            return shares | each
        # What a band has too few of is drawn of the others.
        for band in whole:
            shares[band] = 1.0
            most -= left.pop(band)
    return shares
