"""The active ruleset and models, as the functions that judge transactions read them, and the one that reports of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fraudstream.contract import FourEyes
from fraudstream.detection.stores.approvals.file_approvals import Approvals
from fraudstream.detection.stores.rulesets.active import RulesetStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from fraudstream.settings import AnalyzerSettings, ProcessorSettings, ReporterSettings
    from fraudstream.transactions.pseudonyms.tokens import TokenRaiser


def ruleset_store(
    settings: AnalyzerSettings | ProcessorSettings | ReporterSettings,
    s3: S3Client,
    raiser: TokenRaiser,
    *,
    on_refused: Callable[[Exception], None],
    history: Callable[[], S3Client] | None = None,
) -> RulesetStore:
    """Return the store of the active ruleset and models, which asks for approvals where the stack needs two people.

    Args:
        settings: the function's.
        s3: the client to read with.
        raiser: has the keys of later token numbers.
        on_refused: called with what is wrong where files cannot be used.
        history: makes the client that reads earlier versions; None: none is read.
    """
    rules, models = settings.approved_ruleset, settings.approved_models
    return RulesetStore(
        s3,
        bucket=settings.bucket,
        on_refused=on_refused,
        history=history,
        raiser=raiser,
        approvals=Approvals(s3, settings.bucket, rules) if rules else None,
        model_approvals=Approvals(s3, settings.bucket, models, FourEyes.MODELS) if models else None,
    )
