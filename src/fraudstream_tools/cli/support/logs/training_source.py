"""Where `train` and `promote` take their examples from: the options, and what they lead to."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from fraudstream.counts import counted
from fraudstream_tools.cli.support.files.file_problems import map_of, tell_repeated
from fraudstream_tools.cli.support.files.rules_folder import loaded_ruleset
from fraudstream_tools.cli.support.logs.decision_logs import decision_log, tell_other_tokens
from fraudstream_tools.cli.support.options import refuse_unused
from fraudstream_tools.cli.support.shown.explored_words import NO_SAMPLE, drawn_words
from fraudstream_tools.cli.support.terminal.output import CommandError, err
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream.detection.features.compute import Calendar
    from fraudstream.detection.judge import Judge
    from fraudstream.transactions.decisions.decision import FraudType
    from fraudstream_tools.lab.training.samples.examples import Examples

LogOption = Annotated[
    Path | None,
    typer.Option("--log", metavar="FOLDER", help="A decision log: a copy of the bucket's decision-log/, or a part."),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="FILE", help="Transactions, by the API's names: CSV, JSON Lines or Parquet, with labels."
    ),
]
TruthFileOption = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="FILE",
        help="The file of their labels, if they are in another file, as `simulate` writes it.",
    ),
]
RulesOption = Annotated[
    Path, typer.Option("--rules", metavar="FOLDER", help="The ruleset; with --data, it judges the transactions.")
]
ZoneOption = Annotated[
    str | None,
    typer.Option(
        "--time-zone",
        metavar="NAME",
        help="With transactions: the time zone of hours, as in the stack's setting.  [default: UTC]",
    ),
]
ShareOption = Annotated[
    int | None,
    typer.Option(
        "--share-delay",
        metavar="DAYS",
        min=0,
        max=8,
        help="With transactions: the stack's labelDelayDays.  [default: 7]",
    ),
]
_SHARE_DELAY = 7
_SHOWN_DAYS = (1, 7, 30)
DelayOption = Annotated[
    float | None,
    typer.Option(
        "--label-delay",
        metavar="DAYS",
        min=0,
        max=400,
        help="Age at which a transaction's label is known, or is no longer expected.  [default: the age by which nine "
        "of ten labels of frauds come, by their own times]",
    ),
]


@dataclass(frozen=True, kw_only=True)
class TrainingSource:
    """Where examples come from, as the options say."""

    log: Path | None
    data: Path | None
    truth: Path | None
    file_map: str | None
    truth_map: str | None
    rules: Path
    time_zone: str | None
    label_delay: float | None
    share_delay: int | None
    sample: int | None = None
    """Legitimate transactions of a log that are taken; None takes as many as usual."""
    without: "Sequence[FraudType]" = ()
    """Kinds of fraud that are left out."""

    def examples(self, until: datetime | None = None) -> "Examples":
        """Read the examples, with progress on standard error.

        Args:
            until: the time up to which transactions are read, UTC; None reads all.

        Raises:
            CommandError: no source or two were named, or a file cannot be used.
        """
        from fraudstream_tools.lab.files.problems import FileProblemError
        from fraudstream_tools.lab.training.samples.silent_months import without_silent_months

        self._check_options()
        last = round(until.replace(tzinfo=UTC).timestamp() * 1000) - 1 if until else None
        try:
            examples = self._from_file(last) if self.log is None else self._from_log(self.log, last)
        except FileProblemError as error:
            raise CommandError(str(error)) from None
        examples, silent = without_silent_months(examples)
        self._tell_left_out(examples, silent)
        _tell_arrival(examples)
        _tell_explored(examples)
        if examples.weights is not None and (drawn := examples.drawn) is not None:
            err.print(
                f"{drawn.taken:,} of {drawn.of:,} legitimate transactions were drawn, by day and score: "
                "each stands for as many as its weight",
                soft_wrap=True,
            )
        return examples

    def _check_options(self) -> None:
        """Check that the options name one source, and that each is used with that one."""
        if (self.log is None) == (self.data is None):
            raise CommandError("give either a decision log (--log) or a file of transactions (--data)")
        if self.log is not None:
            given = {"--map": self.file_map, "--truth": self.truth, "--truth-map": self.truth_map}
            given |= {"--time-zone": self.time_zone, "--share-delay": self.share_delay}
            refuse_unused(given, "for a file of transactions (--data): a decision log has its own")
        else:
            refuse_unused({"--sample": self.sample}, "for a decision log (--log): of a file, all transactions are read")
        if self.truth_map is not None and self.truth is None:
            raise CommandError("--truth-map is for another file of labels: name it with --truth")

    def _from_file(self, until: int | None) -> "Examples":
        from fraudstream_tools.lab.files.examples import KnowledgeCutoff, from_transactions
        from fraudstream_tools.lab.files.transactions import count_transactions

        mapped, truth_map = map_of(self.file_map), map_of(self.truth_map)
        cut = KnowledgeCutoff(until=until, label_delay_days=self.label_delay, without=self.without)
        data, judge = cast("Path", self.data), self._judge()
        with progress_bar("judging", count_transactions(data)) as advance:
            return from_transactions(
                data, self.truth, judge, cut, on_progress=advance, file_map=mapped, truth_map=truth_map
            )

    def _tell_left_out(self, examples: "Examples", silent: "Sequence[str]") -> None:
        """Print how many examples there are, and what was left out, months without labels of frauds among it."""
        left_out = examples.left_out
        err.print(
            f"{counted(len(examples.labels), 'transaction')}, {int(examples.labels.sum()):,} of them fraud; left out: "
            f"{left_out.too_new:,} too new to have labels, {left_out.declined:,} declined without one, "
            f"{left_out.other_features:,} with features of another version"
            f"{f', {left_out.other_kinds:,} frauds of other kinds' if self.without else ''}",
            soft_wrap=True,
        )
        tell_repeated(left_out.repeated)
        if silent:
            err.print(f"left out, for nobody labelled a fraud in them: {', '.join(silent)}", soft_wrap=True)

    def _from_log(self, path: Path, until: int | None) -> "Examples":
        from fraudstream_tools.lab.files.log_examples import from_log
        from fraudstream_tools.lab.training.samples.log_sample import MOST_LEGITIMATE

        with (
            decision_log(path, until=until, label_delay_days=self.label_delay) as log,
            progress_bar("drawing", None) as advance,
        ):
            ruleset = self._judge().ruleset
            tell_other_tokens([ruleset], log)
            return from_log(log, ruleset, advance, most=self.sample or MOST_LEGITIMATE, without=self.without)

    def _judge(self) -> "Judge":
        return judge_of(self.rules, self.time_zone, self.share_delay)


def _tell_arrival(examples: "Examples") -> None:
    """Print how late labels come, and from what age on they count as known."""
    if examples.arrival.all is None:
        summary = "too few labels of frauds tell how late they come"
    else:
        curves = {"all": examples.arrival.all, **examples.arrival.by_source}
        shares = "; ".join(
            f"{name or 'no source'}: " + ", ".join(f"{curve.share(days):.0%} by day {days}" for days in _SHOWN_DAYS)
            for name, curve in curves.items()
        )
        summary = f"labels of frauds that come at all have come ({shares})"
    err.print(f"{summary}; a label counts as known {examples.delay_days:g} days after its transaction", soft_wrap=True)


def _tell_explored(examples: "Examples") -> None:
    """Print what is known of approvals that were put into the review queue by chance."""
    if (explored := examples.explored) is None:
        return
    summary = drawn_words(explored.drawing.drawn, explored.drawing.labelled, explored.frauds)
    if not explored.drawing.is_sample:
        summary += f": {NO_SAMPLE}"
    elif examples.unseen is not None:
        summary += f", and stand for {examples.unseen.sum():,.0f} more that nobody reports"
    err.print(summary, soft_wrap=True)


def judge_of(rules: Path, time_zone: str | None, label_delay_days: int | None) -> "Judge":
    """Build the judge that options name.

    Args:
        rules: the folder of the ruleset.
        time_zone: an IANA name; None for UTC.
        label_delay_days: as the stack's setting labelDelayDays; None for its default.

    Raises:
        CommandError: one of them cannot be used.
    """
    from fraudstream.detection.judge import Judge

    return Judge(loaded_ruleset(rules), calendar_of(time_zone, label_delay_days))


def calendar_of(time_zone: str | None, label_delay_days: int | None = None) -> "Calendar":
    """Build the calendar that options name; see `judge_of`.

    Raises:
        CommandError: there is no such time zone.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from fraudstream.detection.features.compute import Calendar

    try:
        zone = ZoneInfo(time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CommandError("--time-zone must be an IANA name, such as Europe/Berlin") from None
    return Calendar(zone, _SHARE_DELAY if label_delay_days is None else label_delay_days)
