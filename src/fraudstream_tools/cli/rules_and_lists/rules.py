"""`fraudstream rules check|explain|sql|test`: for those who write rules; what makes them active is beside it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from fraudstream_tools.cli.rules_and_lists import rule_fixtures, rules_deployment
from fraudstream_tools.cli.support.files.rules_folder import RulesOption, check_known, loaded_ruleset
from fraudstream_tools.cli.support.logs.decision_logs import decision_log, tell_other_tokens
from fraudstream_tools.cli.support.logs.training_source import ZoneOption, calendar_of
from fraudstream_tools.cli.support.options import JsonOption, MapOption, refuse_unused
from fraudstream_tools.cli.support.terminal.output import CommandError, err, out, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fraudstream.detection.rules.ruleset import Ruleset
    from fraudstream_tools.rules.questions import ExplainedTransaction

FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FOLDER…", help="The folder with ruleset.yaml, rates.yaml and lists.yaml.  [default: rules]"
    ),
]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    rules = typer.Typer(
        name="rules",
        no_args_is_help=True,
        help="""
Write rules, see what they say and why, and show that they do what they should.

A rule is an expression over the transaction's fields and the features, in a small part of Python's syntax:

```
  - id: card-velocity
    description: More than three payments with one card in two hours.
    when: type in spending and cardCount2h >= earlier
    parameters: {spending: [PAYMENT, TRANSFER, WITHDRAWAL], earlier: 3}
    points: 1                    # log-odds of fraud; or decision: DECLINE
    family: velocity             # whose points are capped together
    reasonCode: CARD_VELOCITY
    severity: medium
    mode: shadow                 # evaluated, never counted; then live
    source: where the pattern and its numbers come from
    signal: c                    # PSD2 RTS article 2(2), where one fits
```

There are `and or not`, `< <= == != >= >`, `in ["a", "b"]`, `+ - * /`, `abs min max`, `present(field)` and
`listed("blocked")`. A rule that needs a missing field is *unevaluable*: counted, and neither hit nor miss; ask
`present(field)` first where that is not what you want. `fraudstream rules explain` lists every rule; docs/detection.md
says the rest.
""",
    )
    rules.command()(check)
    rules.command()(explain)
    rules.command(name="sql")(print_sql)
    rules.command(name="test")(rule_fixtures.run_fixtures)
    rules_deployment.register(rules)
    app.add_typer(rules)


def check(folders: FoldersArgument = None, *, as_json: JsonOption = False) -> None:
    """Check rulesets as the analyzer will, and name every mistake with its file, line and rule.

    The analyzer refuses a ruleset that has a mistake, and the last good one stays active. A comparison that no
    transaction can ever meet, such as `cardCountry == "de"`, is a mistake here and not to the analyzer. Exits with 1 if
    anything is wrong.

    ```
    fraudstream rules check
    fraudstream rules check rules/ candidate/
    ```
    """
    from fraudstream.detection.rules.rule import Mode
    from fraudstream.detection.rules.ruleset import RulesetError
    from fraudstream_tools.rules.folder import RulesFolder

    results: list[dict[str, Any]] = []
    for folder in folders or [Path("rules")]:
        try:
            ruleset = RulesFolder(folder).load_as_new()
        except RulesetError as error:
            results.append({"folder": str(folder), "problems": list(error.problems)})
            continue
        live = sum(rule.mode is Mode.LIVE for rule in ruleset.rules)
        facts = {"version": ruleset.version, "live": live, "shadow": len(ruleset.rules) - live}
        results.append({"folder": str(folder), "problems": [], **facts})
    if as_json:
        print_json(results)
    else:
        for each in results:
            _print_checked(each)
    if any(each["problems"] for each in results):
        raise typer.Exit(1)


def print_sql(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="A rule's id.")],
    *,
    rules: RulesOption = Path("rules"),
    as_json: JsonOption = False,
) -> None:
    """Print a rule as a query of the decision log, which says of each decision whether the rule hits it.

    The query means the same to DuckDB and to Athena, and says what the rule says: true, false, or NULL where the rule
    cannot be judged. Choose days with `WHERE "date" = …`, so that others are not read.

    ```
    fraudstream rules sql card-velocity
    ```
    """
    from fraudstream.detection.rules.language.parser import names
    from fraudstream_tools.lab.backtest.log_samples import NOT_LOGGED
    from fraudstream_tools.rules.sql import rule_statement

    ruleset = loaded_ruleset(rules)
    check_known(ruleset, [rule])
    (wanted,) = [each for each in ruleset.rules if each.id == rule]
    statement = rule_statement(ruleset, wanted)
    missing = sorted(names(wanted.when) & {*NOT_LOGGED})
    if missing:
        err.print(f"the log does not keep {', '.join(missing)}: NULL stands in its place")
    if as_json:
        print_json({"rule": rule, "sql": statement})
        return
    out.print(f"{statement};", soft_wrap=True)


def explain(
    rule: Annotated[
        str | None, typer.Argument(metavar="RULE", help="A rule's id; without one, all rules are explained.")
    ] = None,
    *,
    transaction: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="What to ask the rules about: JSON, a history in JSON Lines, CSV or Parquet, or a decision log.",
        ),
    ] = None,
    file_map: MapOption = None,
    transaction_id: Annotated[
        str | None,
        typer.Option("--id", help="transactionId of the transaction to explain.  [default: the last in the file]"),
    ] = None,
    rules: RulesOption = Path("rules"),
    time_zone: ZoneOption = None,
    models: Annotated[
        Path, typer.Option("--models", metavar="FOLDER", help="The models beside which it is shown what rules count.")
    ] = Path("models"),
    as_json: JsonOption = False,
) -> None:
    """Show what a rule checks and counts, or what the rules decide about a transaction and why.

    For a transaction, each rule's decisive part is shown: of an `and` that is false, the false parts; of one that
    cannot be known, the fields that are missing. A decision log (a folder, or a file of it) has the features as they
    were judged; for any other transaction they are computed from the transactions before it in the file, or in its
    `history`. The rules of the folder judge alone, without a model. What a rule counts beside the live model of
    --models (or beside the shadow model, if none is live) is shown with the rule.

    ```
    fraudstream rules explain card-velocity
    fraudstream rules explain --transaction decision-log/ --id order-1
    fraudstream rules explain odd-hour --transaction transaction.json
    fraudstream rules explain --transaction fraudTrain.csv --map sparkov \\
        --id 2da90c7d74bd46a0caf3777415b3ebd3
    ```
    """
    from fraudstream_tools.cli.support.files.file_problems import file_problems, map_of
    from fraudstream_tools.cli.support.shown import rules_explained as explained
    from fraudstream_tools.rules.questions import read_explained_transaction

    ruleset = loaded_ruleset(rules)
    check_known(ruleset, [rule] if rule else [])
    if transaction is not None:
        with file_problems():
            own = {"--map": file_map, "--time-zone": time_zone}
            question = _logged(ruleset, transaction, transaction_id, own) or read_explained_transaction(
                transaction, transaction_id, map_of(file_map)
            )
            explained.show_decision(ruleset, question, rule, calendar_of(time_zone), as_json=as_json)
    elif transaction_id is not None:
        raise CommandError("--id says which transaction of a file is meant: name the file with --transaction")
    elif file_map is not None:
        raise CommandError("--map says which column of a file is which field: name the file with --transaction")
    elif time_zone is not None:
        raise CommandError("--time-zone is that of a transaction's hour: name its file with --transaction")
    elif rule is None:
        explained.show_rules(_beside(ruleset, models), as_json=as_json)
    else:
        explained.show_rule(_beside(ruleset, models), rule, as_json=as_json)


def _beside(ruleset: "Ruleset", models: Path) -> "Ruleset":
    from fraudstream.detection.models.model import ModelError
    from fraudstream_tools.lab.training.storage.model_storage import model_folder, read_models

    try:
        return ruleset.with_models(read_models(model_folder(models)))
    except ModelError as error:
        raise CommandError(f"{models}: {error}") from None


def _logged(
    ruleset: "Ruleset", path: Path, transaction_id: str | None, options: "Mapping[str, str | None]"
) -> "ExplainedTransaction | None":
    """Read what a decision log has of a transaction; None if this is no decision log, which needs no options."""
    from fraudstream.reporting.log.reader.files import is_log
    from fraudstream_tools.rules.questions import read_logged_transaction

    if not is_log(path):
        return None
    refuse_unused(options, "for files of other programs: a decision log needs none")
    with decision_log(path) as log:
        tell_other_tokens([ruleset], log)
        return read_logged_transaction(log, transaction_id)


def _print_checked(checked: dict[str, Any]) -> None:
    problems = checked["problems"]
    if not problems:
        facts = f"version {checked['version']}: {checked['live']} live rules, {checked['shadow']} in shadow"
        out.print(f"{checked['folder']}: {facts}", soft_wrap=True)
        return
    err.print(Text.assemble(("error: ", "bold red"), f"{len(problems)} wrong in {checked['folder']}:"), soft_wrap=True)
    for problem in problems:
        err.print(f"  {problem}", soft_wrap=True)
