"""`fraudstream rules test`: judge the histories beside a ruleset."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from fraudstream_tools.cli.support.files.rules_folder import RulesOption, check_known, loaded_ruleset
from fraudstream_tools.cli.support.options import JsonOption
from fraudstream_tools.cli.support.terminal.output import CommandError, out, print_json

if TYPE_CHECKING:
    from fraudstream_tools.rules.fixtures import Result


def run_fixtures(
    rule: Annotated[
        list[str] | None, typer.Argument(metavar="RULE…", help="Ids of rules; without any, all are tested.")
    ] = None,
    *,
    rules: RulesOption = Path("rules"),
    as_json: JsonOption = False,
) -> None:
    """Judge the fixtures beside a ruleset: histories that must hit a rule, and histories that must not.

    Each rule has a file of its own, such as rules/fixtures/card-velocity.yaml. Where a case fails, the decisive part of
    the rule is shown with its values. Exits with 1 if a case fails, or if a rule has none that must hit or none that
    must not.

    ```
    fraudstream rules test
    fraudstream rules test card-velocity --rules candidate/
    ```
    """
    from fraudstream.detection.rules.ruleset import RulesetError
    from fraudstream_tools.rules import fixtures
    from fraudstream_tools.rules.folder import RulesFolder

    ruleset = loaded_ruleset(rules, is_new=True)
    check_known(ruleset, rule or [])
    try:
        folder = RulesFolder(rules)
        known = fixtures.read_fixtures(folder.path / fixtures.FOLDER)
        chosen = [each for each in known if not rule or each.rule in rule]
        results = [result for each in chosen for result in fixtures.run(each, folder)]
    except (fixtures.FixtureError, RulesetError) as error:
        raise CommandError(str(error)) from None
    untested = [each for each in fixtures.untested(ruleset, known) if not rule or each in rule]
    failed = [result for result in results if not result.passed]
    if as_json:
        print_json(_as_json(results, untested))
    else:
        _print_tested(results, failed, untested)
    if failed or untested:
        raise typer.Exit(1)


def _print_tested(results: "list[Result]", failed: "list[Result]", untested: list[str]) -> None:
    from fraudstream_tools.cli.support.shown import rules_explained as explained

    for rule in dict.fromkeys(result.rule for result in results):
        own = [result for result in results if result.rule == rule]
        passed = sum(result.passed for result in own)
        mark = ("✓", "green") if passed == len(own) else ("✗", "red")
        out.print(Text.assemble(mark, f" {rule}: {passed} of {len(own)} cases"))
        for result in own:
            if not result.passed:
                explained.show_failure(result)
    for rule in untested:
        out.print(Text.assemble(("✗", "red"), f" {rule}: it needs a case that must hit and one that must not"))
    out.print(f"{len(results) - len(failed)} of {len(results)} cases as they must be")


def _as_json(results: "list[Result]", untested: list[str]) -> dict[str, Any]:
    cases = [
        {"rule": result.rule, "case": result.case.name, "expected": result.case.expect.value, "found": result.outcome}
        for result in results
    ]
    return {"cases": cases, "failed": sum(not result.passed for result in results), "untested": untested}
