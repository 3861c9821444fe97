"""`fraudstream backtest`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fraudstream.counts import counted
from fraudstream_tools.cli.support.files.file_problems import file_problems, map_of
from fraudstream_tools.cli.support.logs.decision_logs import decision_log, tell_other_tokens
from fraudstream_tools.cli.support.options import JsonOption, MapOption, StackOption, TruthMapOption, refuse_unused
from fraudstream_tools.cli.support.terminal.ages import parse_day
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fraudstream.detection.features.compute import Calendar
    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream.reporting.log.reader.decision_log import DecisionLog
    from fraudstream_tools.lab.backtest.run import BacktestTally, Contestant
    from fraudstream_tools.lab.files.mapping.file_map import FileMap


class BacktestEngine(StrEnum):
    """What judges a decision log: the first two judge a copy of it, the last one the bucket's."""

    PYTHON = "python"
    DUCKDB = "duckdb"
    ATHENA = "athena"


def register(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command()(backtest)


def backtest(
    *,
    rules: Annotated[Path, typer.Option("--rules", metavar="A", help="A ruleset: its folder, or its ruleset.yaml.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="PATH",
            help="A decision log (a folder, or a file of it), or a file of transactions by the API's names.",
        ),
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="B", help="Another ruleset, to compare it with.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", metavar="FILE", help="The file of labels, if they are not in the file of transactions."
        ),
    ] = None,
    file_map: MapOption = None,
    truth_map: TruthMapOption = None,
    models: Annotated[
        Path | None,
        typer.Option("--models", metavar="FOLDER", help="Let the live model of this folder decide with the rules."),
    ] = None,
    changes: Annotated[
        Path | None,
        typer.Option("--changes", metavar="FILE", help="With --against: list each changed decision in this CSV."),
    ] = None,
    label_delay: Annotated[
        float,
        typer.Option(
            "--label-delay",
            metavar="DAYS",
            min=0,
            max=400,
            help="Age from which on an approved transaction without a label counts as legitimate.",
        ),
    ] = 7.0,
    time_zone: Annotated[
        str | None,
        typer.Option(
            "--time-zone",
            metavar="NAME",
            help="With transactions: the time zone of hours, as in the stack's setting.  [default: UTC]",
        ),
    ] = None,
    engine: Annotated[
        BacktestEngine,
        typer.Option(
            help="What judges a decision log; all say the same. duckdb is several times as fast as python; "
            "athena judges --since to --until where the log is stored."
        ),
    ] = BacktestEngine.PYTHON,
    since: Annotated[
        datetime | None,
        typer.Option(parser=parse_day, metavar="DAY", help="With athena: the first day of receipt (UTC)."),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(parser=parse_day, metavar="DAY", help="With athena: the last one.")
    ] = None,
    stack: StackOption = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, max=64, help="Number of processes; results are the same for any number.  [default: all processors]"
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what rules would have decided, or what would change if one ruleset replaced another.

    From a **decision log**, rules judge the features that were logged, as they were judged: quick and exact, as long as
    rules need no field that the log leaves out (which is said) and exchange rates stay as they were. From a **file of
    transactions**, features are computed anew by the analyzer's own code, in the order of time, labels coming in when
    they did (labeledAt, else --label-delay after the transaction). Lists hold tokens, so they only match such a file
    if it holds tokens too.

    Where there are labels, rules get precision and recall with their 95 % intervals (Wilson) and the number of cases;
    where there are none, their hit rates only. The value saved is the amount of all frauds that a rule hits: what
    it can save at most.

        fraudstream backtest --rules rules --data decision-log/
        fraudstream backtest --rules rules --data decision-log/ --engine duckdb
        fraudstream backtest --rules rules --engine athena --stack prod \\
            --since 2026-09-01 --until 2026-11-29
        fraudstream backtest --rules rules --against new/ruleset.yaml \\
            --data decision-log/ --changes changes.csv
        fraudstream backtest --rules rules --json \\
            --data world.parquet --truth world.truth.parquet
        fraudstream backtest --rules rules --data fraudTrain.csv --map sparkov
    """
    from fraudstream_tools.cli.support.files.backtest_files import (
        loaded,
        read_contestant,
        refuse_changes,
        write_changes,
    )
    from fraudstream_tools.lab.backtest.figures import figures

    refuse_changes(changes, against)
    folders = [rules] if against is None else [rules, against]
    contestants = [read_contestant(folder, models) for folder in folders]
    rulesets = [loaded(contestant, folder) for contestant, folder in zip(contestants, folders, strict=True)]
    run = _Run(contestants, rulesets, label_delay, processes, engine, with_changes=changes is not None)
    repeated = 0
    if engine is BacktestEngine.ATHENA:
        _refuse_of_transactions(file_map, truth, truth_map, time_zone)
        if data is not None or since is None or until is None:
            raise CommandError(
                "--engine athena judges the bucket's log, not --data: name its days, --since and --until"
            )
        tally = run.from_athena(stack, since, until)
    elif data is None:
        raise CommandError("give a decision log, or a file of transactions: --data FILE")
    elif since or until:
        raise CommandError("--since and --until are for --engine athena: of a copy, all is judged")
    else:
        tally, repeated = run.from_files(data, truth, time_zone, file_map, truth_map)
    if not tally.transactions:
        raise CommandError(f"{data or stack}: there is no transaction whose features this version can read")
    if changes is not None:
        write_changes(changes, tally.changes)
    result = figures(tally, rulesets, [str(folder) for folder in folders], repeated=repeated)
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(result))
        return
    from fraudstream_tools.cli.support.shown.backtest_tables import print_figures

    print_figures(result)
    if changes is not None:
        out.print(f"changed decisions are listed in {changes}", soft_wrap=True)


def _refuse_of_transactions(
    file_map: str | None, truth: Path | None, truth_map: str | None, time_zone: str | None
) -> None:
    given = {"--map": file_map, "--truth": truth, "--truth-map": truth_map, "--time-zone": time_zone}
    refuse_unused(given, "for a file of transactions: a decision log has its own labels and hours")


@dataclass(frozen=True)
class _Run:
    """A backtest's parts that stay the same whatever the data are."""

    contestants: "Sequence[Contestant]"
    rulesets: "Sequence[Ruleset]"
    label_delay: float
    processes: int | None
    engine: BacktestEngine
    with_changes: bool

    def from_files(
        self, data: Path, truth: Path | None, time_zone: str | None, file_map: str | None, truth_map: str | None
    ) -> "tuple[BacktestTally, int]":
        """Judge a decision log or a file of transactions; return the tally, and how many came twice."""
        from fraudstream.reporting.log.reader.files import is_log
        from fraudstream_tools.lab.backtest.workers import without_cycle_collection

        if truth_map is not None and truth is None:
            raise CommandError("--truth-map is for another file of labels: name it with --truth")
        mapped, of_truth = map_of(file_map), map_of(truth_map)
        from_log = mapped is None and is_log(data)
        if self.engine is not BacktestEngine.PYTHON and not from_log:
            raise CommandError(
                f"--engine {self.engine} judges a decision log: a file of transactions is replayed by python"
            )
        with file_problems(), without_cycle_collection():
            if from_log:
                _refuse_of_transactions(file_map, truth, truth_map, time_zone)
                # Logs repeat themselves by design.
                return self._from_log(data), 0
            return self._from_transactions(data, truth, time_zone or "UTC", mapped, of_truth)

    def from_athena(self, stack: str | None, since: datetime, until: datetime) -> "BacktestTally":
        """Judge the days of a stack's log where they are stored."""
        from fraudstream_tools.cli.support.logs.athena_backtest import judge_by_athena

        self._say_what_is_not_logged()
        days = (since.date(), until.date())
        return judge_by_athena(
            stack, days, self.rulesets, label_delay_days=self.label_delay, with_changes=self.with_changes
        )

    def _say_what_is_not_logged(self) -> None:
        from fraudstream_tools.cli.support.files.backtest_files import rules_needing
        from fraudstream_tools.lab.backtest.log_samples import NOT_LOGGED

        for rule in sorted({rule for ruleset in self.rulesets for rule in rules_needing(ruleset, NOT_LOGGED)}):
            err.print(f"rule {rule} needs a field that the log does not keep: it cannot be judged from it")

    def _from_log(self, path: Path) -> "BacktestTally":
        self._say_what_is_not_logged()
        with decision_log(path, label_delay_days=self.label_delay) as log:
            tell_other_tokens(self.rulesets, log)
            tally = self._judge(log)
            if log.too_new_labels:
                err.print(
                    f"{counted(log.too_new_labels, 'label')} of transactions younger than --label-delay "
                    f"({self.label_delay:g} days): nothing can be told from that yet",
                    soft_wrap=True,
                )
        return tally

    def _judge(self, log: "DecisionLog") -> "BacktestTally":
        from fraudstream_tools.lab.backtest import duckdb_engine
        from fraudstream_tools.lab.backtest.exploration import exploration_of
        from fraudstream_tools.lab.backtest.log_samples import log_samples
        from fraudstream_tools.lab.backtest.workers import evaluate

        if self.engine is BacktestEngine.DUCKDB:
            return duckdb_engine.tally(log, self.rulesets, with_changes=self.with_changes)
        with progress_bar("judging", log.decisions_count) as advance:
            tally = evaluate(
                log_samples(log),
                self.contestants,
                workers=self._processes() - 1,
                with_changes=self.with_changes,
                on_progress=advance,
            )
        tally.exploration = exploration_of(log)
        return tally

    def _from_transactions(
        self,
        file: Path,
        truth: Path | None,
        time_zone: str,
        file_map: "FileMap | None",
        truth_map: "FileMap | None",
    ) -> "tuple[BacktestTally, int]":
        from fraudstream_tools.lab.backtest.replay_samples import distinct, read_history, replayed
        from fraudstream_tools.lab.backtest.workers import evaluate
        from fraudstream_tools.lab.files.truths import where_truth_may_be

        calendar = self._calendar(time_zone)
        with progress_bar("reading", None) as advance:
            history = read_history(
                file, truth, self.label_delay, on_progress=advance, file_map=file_map, truth_map=truth_map
            )
        if truth is None and not history.told:
            err.print(f"{file}: no row says what is true: {where_truth_may_be(file)}", soft_wrap=True)
        rates = distinct(zip((each.rates for each in self.contestants), (r.rates for r in self.rulesets), strict=True))
        processes = self._processes()
        samples = replayed(history, rates, calendar, label_delay_days=self.label_delay, elsewhere=processes > 1)
        with progress_bar("replaying", len(history.transactions)) as advance:
            tally = evaluate(
                samples,
                self.contestants,
                workers=max(processes - 2, 0),
                with_changes=self.with_changes,
                on_progress=advance,
            )
        return tally, history.repeated

    def _calendar(self, time_zone: str) -> "Calendar":
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        from fraudstream.detection.features.compute import Calendar

        try:
            return Calendar(ZoneInfo(time_zone))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise CommandError(f"--time-zone {time_zone}: there is no such time zone") from None

    def _processes(self) -> int:
        from fraudstream_tools.lab.backtest.workers import processors

        return self.processes or processors()
