"""Labels and actions on the table of transactions: one, or a file of them."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fraudstream.clock import epoch_milliseconds
from fraudstream.contract import TRANSACTION_TARGET, FourEyes
from fraudstream.counts import counted
from fraudstream_tools.cli.support.files.file_problems import file_problems
from fraudstream_tools.cli.support.review.audit import audit_log, needs_two, say_that_it_waits
from fraudstream_tools.cli.support.review.case_work import case_closing, label_approval
from fraudstream_tools.cli.support.running.deployment import Deployment
from fraudstream_tools.cli.support.terminal.failures import explained
from fraudstream_tools.cli.support.terminal.output import CommandError, StoppedError, err, out, print_json
from fraudstream_tools.cli.support.terminal.progress import progress_bar
from fraudstream_tools.redaction import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from fraudstream.transactions.decisions.decision import FraudType, Label
    from fraudstream_tools.lab.files.labels import LabelFile
    from fraudstream_tools.lab.files.mapping.file_map import FileMap
    from fraudstream_tools.operations.audit.records import AuditLog
    from fraudstream_tools.operations.review.labels import Given, ToldOfLabel
    from fraudstream_tools.outcomes import PaymentKey, PaymentOutcome

_AT_ONCE = 8
"""Fewer than a client's ten connections."""
_SHOWN = 20


def required_truth(is_fraud: bool | None) -> bool:
    """Return whether a transaction was fraud, which must be said.

    Raises:
        CommandError: neither --fraud nor --legitimate was given.
    """
    if is_fraud is None:
        raise CommandError("give --fraud or --legitimate")
    return is_fraud


def fraud_type_of(name: str, option: str) -> "FraudType":
    """Return the kind of fraud that an option names.

    Raises:
        CommandError: there is none of that name.
    """
    from fraudstream.transactions.decisions.decision import FraudType

    if name.upper() not in tuple(FraudType):
        raise CommandError(f"{option} is one of {', '.join(FraudType)}")
    return FraudType(name.upper())


def label_transaction(
    deployment: Deployment,
    audit: "AuditLog",
    transaction_id: str,
    *,
    is_fraud: bool,
    source: str,
    fraud_type: "FraudType | None" = None,
) -> "Label":
    """Write a label of this moment on a transaction, with a record, and return it.

    Raises:
        CommandError: there is no such transaction, or it has a newer label.
    """
    from fraudstream.transactions.decisions.decision import Truth
    from fraudstream_tools.operations.review.labels import LabelError, before_label, label_now

    truth = Truth.FRAUD if is_fraud else Truth.LEGITIMATE
    client, table = deployment.client("dynamodb"), deployment["transactionsTable"]
    after = {"label": truth.value, "labelSource": source, **({} if fraud_type is None else {"fraudType": fraud_type})}
    before = before_label(client, table, transaction_id)
    try:
        with audit.recorded("label-transaction", f"{TRANSACTION_TARGET}{transaction_id}", before=before, after=after):
            label = label_now(
                client,
                table,
                transaction_id,
                truth,
                source,
                fraud_type=fraud_type,
                approval=label_approval(deployment),
            )
    except LabelError as error:
        raise CommandError(str(error)) from None
    _close_cases(deployment, {transaction_id: label})
    say_that_it_waits(deployment, FourEyes.LABELS)
    return label


def label_file(
    file: Path, source: str, stack: str | None, file_map: "FileMap | None", *, as_json: bool = False
) -> None:
    """Write what a file tells, and say what came of it.

    Raises:
        CommandError: the file is wrong, or AWS refused.
        Exit: with 1, after all others were written, if some transactions are not stored.
    """
    from fraudstream_tools.lab.files.labels import read_label_file
    from fraudstream_tools.operations.review.labels import tell

    with file_problems():
        content = read_label_file(file, source, epoch_milliseconds(), file_map)
    deployment = Deployment(stack)
    results: dict[PaymentKey, ToldOfLabel] = {}
    closed = 0
    sources = sorted({outcome.label.label_source for outcome in content.told.values() if outcome.label})
    # What a file could not do is told by its results: what was done stays.
    audit_log(deployment).told("import-labels", "labels", after={"sources": sources, "payments": len(content.told)})
    try:
        client, table = deployment.client("dynamodb"), deployment["transactionsTable"]
        _give_all(partial(tell, client, table, approval=label_approval(deployment)), content.told, results)
        closed = _close_cases(deployment, _labelled(content, results))
    except KeyboardInterrupt:
        raise StoppedError("stopped by Ctrl-C; give the file again: what is done stays so") from None
    finally:
        given = {key: each.given for key, each in results.items()}
        refused = _refused(content, given)
        if as_json:
            print_json({**_counts(content, given, refused), "casesClosed": closed})
        else:
            _print_counts(file, content, given)
            if closed:
                out.print(f"closed with them: {counted(closed, 'case')}")
            if _labelled(content, results):
                say_that_it_waits(deployment, FourEyes.LABELS)
    for key, why in [] if as_json else refused[:_SHOWN]:
        err.print(f"{shown(key.name)}: {why}")
    if len(refused) > _SHOWN and not as_json:
        err.print(f"… and {len(refused) - _SHOWN:,} more")
    if refused:
        raise typer.Exit(1)


def _labelled(content: "LabelFile", results: "Mapping[PaymentKey, ToldOfLabel]") -> "dict[str, Label]":
    """Return what a file says of the transactions that have it now."""
    from fraudstream_tools.operations.review.labels import Given

    return {
        each.transaction_id: label
        for key, each in results.items()
        if each.given in (Given.WRITTEN, Given.REPEATED)
        and each.transaction_id is not None
        and (label := content.told[key].label) is not None
    }


def _close_cases(deployment: Deployment, labels: "Mapping[str, Label]") -> int:
    """Close the cases whose last alerts labels have closed; labels that wait for a second person close none."""
    if not labels or needs_two(deployment, FourEyes.LABELS) or deployment.get("alertsTable") is None:
        return 0
    return case_closing(deployment).close_labelled(labels)


def _refused(content: "LabelFile", given: "Mapping[PaymentKey, Given]") -> "list[tuple[PaymentKey, str]]":
    from fraudstream_tools.operations.review.labels import Given

    bad = {
        Given.MISSING: "there is no such transaction (any more)",
        Given.TOO_EARLY: "the label is older than the transaction",
        Given.AMBIGUOUS: "several payments have this reference: name them by their transactionId",
    }
    return [(key, bad[given[key]]) for key in content.told if given.get(key) in bad]


def _counts(
    content: "LabelFile", given: "Mapping[PaymentKey, Given]", refused: "list[tuple[PaymentKey, str]]"
) -> dict[str, object]:
    counts = Counter(given.values())
    return {
        "rows": content.rows,
        "payments": len(content.told),
        "notTried": len(content.told) - len(given),
        "passedOver": content.unlabelled,
        "results": {result.name: number for result, number in counts.items()},
        "refused": [{"payment": shown(key.name), "why": why} for key, why in refused],
    }


def _print_counts(file: Path, content: "LabelFile", given: "Mapping[PaymentKey, Given]") -> None:
    from fraudstream_tools.operations.review.labels import Given

    counts = Counter(given.values())
    out.print(
        f"{counted(content.rows, 'label')} in {file}, of {counted(len(content.told), 'transaction')}:", soft_wrap=True
    )
    for result in Given:
        if result is not Given.AMBIGUOUS or counts[result]:
            out.print(f"  {counts[result]:,} {result.value}")
    if len(given) < len(content.told):
        out.print(f"  {len(content.told) - len(given):,} not tried, or unanswered: give the file again")
    if content.unlabelled:
        out.print(f"passed over without a label: {counted(content.unlabelled, 'row')}")


def _give_all(
    give: "Callable[[PaymentKey, PaymentOutcome], ToldOfLabel]",
    told: "Mapping[PaymentKey, PaymentOutcome]",
    given: "MutableMapping[PaymentKey, ToldOfLabel]",
) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    from fraudstream_tools.operations.review.labels import LabelError

    with progress_bar("labelling", len(told)) as advance, ThreadPoolExecutor(_AT_ONCE) as threads:
        under_way = {threads.submit(give, key, outcome): key for key, outcome in told.items()}
        try:
            for done in as_completed(under_way):
                given[under_way[done]] = done.result()
                advance(len(given))
        except (BotoCoreError, ClientError, LabelError) as error:
            threads.shutdown(cancel_futures=True)
            so_far = f"{len(given):,} of {len(told):,} were done, then: {explained(error)}"
            raise CommandError(f"{so_far}\ngive the file again: what is done stays so") from None
        except KeyboardInterrupt:
            threads.shutdown(cancel_futures=True)
            raise
