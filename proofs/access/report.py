"""The experiment with permissions as `make prove` runs it, and what it tells."""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proofs.access.calls import judge_calls
from proofs.access.coverage import NEEDED_BY_SERVICES, RequestLog, unexplained
from proofs.access.families import SELDOM, refused, unused_families
from proofs.access.live_model import hold_back, publish_live_model
from proofs.access.matrix import judge_matrix, read_policies, unused
from proofs.access.mutations import MUTATIONS, mutated
from proofs.access.operators import work_as_operators
from proofs.access.places import StackNames, places
from proofs.access.requests import judge_requests, withdraw_and_wait
from proofs.report import ExperimentOutcome, Length, Say
from proofs.stack.deployment import ProofDeployment, today
from proofs.stack.kinds import StackFault
from proofs.stack.run import StackRun, run

if TYPE_CHECKING:
    from proofs.stack.wire import WireCall

_SUFFIX: Final = "-proof"
_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/")
_WORK: Final = frozenset({StackFault.POISON, StackFault.RULESET_INVALID, StackFault.KILLED})
"""What goes wrong while the statements that are used are noted: so that what is done seldom is done, too."""
_TRANSACTIONS: Final = 150


def prove(seed: int, length: Length, say: Say) -> ExperimentOutcome:
    """Run the experiment; it is as long in every form."""
    del length
    with tempfile.TemporaryDirectory() as folder, ProofDeployment(Path(folder), enforce_iam=True) as system:
        cloud = system.cloud
        policies = read_policies(cloud.client("iam"), _SUFFIX)
        names = stack_names(system)
        say(f"{_TRANSACTIONS} transactions with policies enforced, to see which statements are used")
        log = RequestLog(names.arn("dynamodb", "table/"), f"arn:aws:s3:::{cloud.outputs['bucketName']}")

        def note(call: "WireCall") -> None:
            key = _CREDENTIAL.search(call.request.headers.get("authorization", ""))
            if key and (arn := cloud.caller(key[1])):
                log.note(arn.split("/")[1].removesuffix(_SUFFIX), call)

        system.proxy.on_request = note
        model = publish_live_model(cloud)
        run(system, StackRun(seed=seed, transactions=_TRANSACTIONS, rate=0.01, only=_WORK, reports=True), say)
        withdraw_and_wait(cloud)
        hold_back(system, model)
        say("tasks of operators, and a report of what they did")
        hindered = work_as_operators(cloud, policies, names, log.note_asked)
        system.report([today()])
        say("calls as every role and operator")
        calls = judge_calls(cloud, policies, _SUFFIX)
        say("requests that lie")
        requests = judge_requests(cloud)
    say("every policy, action and resource")
    all_places = places(names)
    matrix = judge_matrix(policies, all_places)
    asked = log.by_role()
    likely = [place for place in all_places if place.name not in SELDOM]
    unknown = [*unexplained(unused(policies, asked)), *unused_families(policies, likely, asked)]
    missed = [name for name in MUTATIONS if judge_matrix(mutated(policies, name), all_places, partly=True).is_exact]
    let_in = [*matrix.let_in, *calls.let_in, *requests.let_in]
    kept_out = [*matrix.kept_out, *calls.kept_out, *hindered, *refused(policies, asked)]
    statements = sum(map(len, policies.values()))
    lines = [
        f"{matrix.tried:>9,}  questions to an evaluator of policies: policy, action, resource",
        f"{calls.tried:>9,}  calls made as a role or an operator, policies enforced",
        f"{requests.tried:>9,}  requests to the API that lie, or come again",
        f"{statements:>9,}  statements of roles and operators; services of AWS need {len(NEEDED_BY_SERVICES)} kinds",
        *(f"           LET IN: {each}" for each in let_in[:20]),
        *(f"           KEPT OUT: {each}" for each in kept_out[:20]),
        *(f"           NOT USED: {each}" for each in unknown[:20]),
        *(f"           MISSED: {each}" for each in missed),
    ]
    return ExperimentOutcome(
        holds=not (let_in or kept_out or unknown or missed),
        table=lines,
        figures={
            "requests_tried": matrix.tried + calls.tried + requests.tried,
            "let_in": len(let_in),
            "kept_out": len(kept_out),
            "statements_not_used": len(unknown),
            "mutations": len(MUTATIONS),
            "mutations_missed": len(missed),
            "missed": missed,
        },
    )


def stack_names(system: ProofDeployment) -> StackNames:
    """Return how the deployed stack's resources are named."""
    cloud, dynamodb = system.cloud, system.cloud.client("dynamodb")
    tables = {purpose: dynamodb.describe_table(TableName=table)["Table"] for table, purpose in system.tables.items()}
    return StackNames(
        region=cloud.outputs["region"],
        account=tables["transactions"]["TableArn"].split(":")[4],
        suffix=_SUFFIX.removeprefix("-"),
        key_arn=cloud.outputs["encryptionKeyArn"],
        streams={purpose: each["LatestStreamArn"] for purpose, each in tables.items() if "LatestStreamArn" in each},
    )
