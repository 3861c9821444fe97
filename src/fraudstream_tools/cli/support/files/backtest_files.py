"""The files of a backtest: rulesets and models that it reads, and the changes that it writes."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from fraudstream.contract import RULESET_FILE, RULESET_FILES
from fraudstream.detection.models.model import ModelError
from fraudstream.detection.rules.ruleset import Ruleset, RulesetError
from fraudstream_tools.cli.support.files.output_files import refuse_unwritable, write_output
from fraudstream_tools.cli.support.terminal.output import CommandError
from fraudstream_tools.lab.backtest.run import Contestant, VerdictChange
from fraudstream_tools.lab.training.storage.model_storage import model_folder, read_models
from fraudstream_tools.rules.folder import NOT_THERE


def read_contestant(place: Path, models: Path | None) -> Contestant:
    """Read a ruleset's files, and the live model that decides with it.

    Raises:
        CommandError: a file cannot be read.
    """
    if not place.exists():
        raise CommandError(f"{place}: {NOT_THERE}")
    ruleset = place / RULESET_FILE if place.is_dir() else place
    paths = [ruleset, *(ruleset.with_name(name) for name in RULESET_FILES if name != RULESET_FILE)]
    try:
        contents = [path.read_bytes() for path in paths]
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
    if models is None:
        return Contestant(*contents)
    if not models.is_dir():
        raise CommandError(f"{models}: there is no such folder of models")
    try:
        live = read_models(model_folder(models)).live
    except ModelError as error:
        raise CommandError(f"{models}: {error}") from None
    return Contestant(*contents, live_model=live.to_json() if live else None)


def loaded(contestant: Contestant, place: Path) -> Ruleset:
    """Load a ruleset.

    Raises:
        CommandError: it cannot be used.
    """
    try:
        return contestant.load()
    except RulesetError as error:
        raise CommandError("\n".join(f"{place}: {problem}" for problem in error.problems)) from None


def rules_needing(ruleset: Ruleset, names: Iterable[str]) -> list[str]:
    """Return the rules that need one of some fields."""
    wanted = set(names)
    return [rule.id for rule in ruleset.rules if wanted.intersection(re.findall(r"\w+", rule.when))]


def refuse_changes(file: Path | None, against: Path | None) -> None:
    """Refuse a file of changes that cannot be written, or would have none in it.

    Raises:
        CommandError: nothing is compared, or the file is in a place where it cannot be written.
    """
    if file is None:
        return
    if against is None:
        raise CommandError("--changes lists what two rulesets decide differently: name the other with --against")
    refuse_unwritable(file)


def write_changes(file: Path, listed: Sequence[VerdictChange]) -> None:
    """Write the transactions that two rulesets decide differently, as CSV.

    Raises:
        CommandError: the file cannot be written.
    """
    columns: dict[str, Callable[[VerdictChange], object]] = {
        "transactionId": lambda each: each.transaction_id,
        "timestamp": lambda each: each.timestamp,
        "time": lambda each: datetime.fromtimestamp(each.timestamp / 1000, UTC).isoformat(timespec="seconds"),
        "amountBase": lambda each: f"{each.amount / 100:.2f}",
        "before": lambda each: each.verdicts[0].value,
        "after": lambda each: each.verdicts[1].value,
        "scoreBefore": lambda each: each.scores[0],
        "scoreAfter": lambda each: each.scores[1],
        "known": lambda each: each.standing.name.lower(),
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([column(each) for column in columns.values()] for each in listed if len(each.verdicts) > 1)
    write_output(file, text.getvalue())
