"""A draft of rules tried before anybody publishes it: on the rules' fixtures, and on a copy of the decision log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fraudstream.reporting.log.reader.decision_log import open_log
from fraudstream_tools.lab.backtest import duckdb_engine
from fraudstream_tools.lab.backtest.figures import BacktestFigures, figures
from fraudstream_tools.lab.backtest.run import VerdictChange
from fraudstream_tools.operations.rulesets.history import checked
from fraudstream_tools.rules.fixtures import FOLDER, FixtureError, read_fixtures, run
from fraudstream_tools.rules.folder import RulesFolder

LABEL_DAYS: Final = 7.0
"""Age from which on an approved transaction without a label counts as legitimate, as `fraudstream backtest` has it."""


@dataclass(frozen=True, kw_only=True)
class FixtureRun:
    """What fixtures say of a draft."""

    passed: int
    problems: Sequence[str]
    """A sentence for each case that does not do what it must, and each file that cannot be used."""


@dataclass(frozen=True, kw_only=True)
class DraftBacktest:
    """What a draft would have decided, beside the active ruleset."""

    figures: BacktestFigures | None
    """Active ruleset first, then the draft; None where the log has no transaction that can be judged."""
    changes: Sequence[VerdictChange]
    """The transactions that would have been decided otherwise, oldest first."""


def try_fixtures(rules: Path, draft: Mapping[str, bytes]) -> FixtureRun:
    """Judge the fixtures of a folder of rules by a draft in place of the folder's own files.

    Args:
        rules: the folder, with `fixtures/` in it.
        draft: the three files by name.

    Raises:
        RulesetError: the folder's files cannot be read, or the draft cannot be used.
        FixtureError: a file of fixtures cannot be used.
    """
    folder = RulesFolder(rules)
    folder.contents.update(draft)
    passed, problems = 0, list[str]()
    for fixture in read_fixtures(rules / FOLDER):
        try:
            results = run(fixture, folder)
        except FixtureError as error:
            problems.append(str(error))
            continue
        for each in results:
            if each.passed:
                passed += 1
            else:
                problems.append(f"{each.rule}: {each.case.name}: must be {each.case.expect}, is {each.outcome}")
    return FixtureRun(passed=passed, problems=problems)


def try_on_log(log: Path, active: Mapping[str, bytes], draft: Mapping[str, bytes]) -> DraftBacktest:
    """Judge a copy of the decision log by the active ruleset and by a draft; models are left out of both.

    Args:
        log: the folder that `fraudstream log pull` wrote.
        active: the three files of the active ruleset by name.
        draft: those of the draft.

    Raises:
        RulesetError: one of the rulesets cannot be used.
        DecisionLogError: there is no log, or it cannot be read.
    """
    rulesets = [checked(active), checked(draft)]
    with open_log(log, label_delay_days=LABEL_DAYS) as opened:
        tally = duckdb_engine.tally(opened, rulesets, with_changes=True)
    if not tally.transactions:
        return DraftBacktest(figures=None, changes=())
    compared = figures(tally, rulesets, ["active", "draft"], repeated=0)
    return DraftBacktest(figures=compared, changes=tally.changes)
