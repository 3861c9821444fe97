"""Functions, what may invoke them, and what feeds them."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi

from embedded_aws.provider.account import Account
from embedded_aws.provider.creators import Create
from embedded_aws.provider.inputs import Inputs
from embedded_aws.provider.plan import Permission, ServicePlan
from embedded_aws.pulumi_program import Created, DeploymentError
from embedded_aws.specs import EventInvokeSpec, EventSourceSpec, FunctionSpec, ScheduleSpec
from embedded_aws.unpacked import UnpackedPackages

_ONLY_VERSION = "1"


class Functions:
    """Lambda and EventBridge Scheduler: they end up in the plan, not in ministack."""

    def __init__(self, account: Account, plan: ServicePlan, packages: UnpackedPackages) -> None:
        self._account = account
        self._plan = plan
        self._packages = packages

    def creators(self) -> Mapping[str, Create]:
        """Return the methods by resource type."""
        return {
            "aws:lambda/function:Function": self.function,
            "aws:lambda/alias:Alias": self.alias,
            "aws:lambda/permission:Permission": self.permission,
            "aws:lambda/eventSourceMapping:EventSourceMapping": self.event_source_mapping,
            "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": self.event_invoke_config,
            "aws:scheduler/scheduleGroup:ScheduleGroup": self.schedule_group,
            "aws:scheduler/schedule:Schedule": self.schedule,
        }

    def function(self, name: str, inputs: Inputs) -> Created:
        """Unpack a function's code and plan the function."""
        # The processor, the interpreter and the network are this machine's; variables are not encrypted at rest,
        # since they rest in memory; traces have nobody to take them; temporary files have this machine's disk.
        inputs.skip("architectures", "runtime", "kmsKeyArn", "vpcConfig", "tracingConfig", "sourceCodeHash")
        inputs.skip("ephemeralStorage")
        inputs.skip("description", "tags", "publish", "skipDestroy")
        function = inputs.get("name", name)
        if inputs.get("packageType", "Zip") != "Zip":
            raise DeploymentError("only functions in zip packages are played here")
        concurrency = inputs.get("reservedConcurrentExecutions", -1)
        self._plan.functions.append(
            FunctionSpec(
                name=function,
                handler=inputs["handler"],
                package=self._unpack(inputs["code"]),
                role_arn=inputs["role"],
                environment=inputs.get("environment", {}).get("variables", {}),
                # Lambda's own defaults: 3 seconds, 128 MB, no reserved concurrency.
                timeout_seconds=inputs.get("timeout", 3),
                memory_mb=inputs.get("memorySize", 128),
                reserved_concurrency=None if concurrency < 0 else concurrency,
                log_group=inputs.get("loggingConfig", {}).get("logGroup", f"/aws/lambda/{function}"),
            )
        )
        arn = self._account.arn("lambda", f"function:{function}")
        invoke = f"arn:aws:apigateway:{self._account.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
        outputs = {
            "arn": arn,
            "name": function,
            "invokeArn": invoke,
            "qualifiedArn": f"{arn}:$LATEST",
            "version": _ONLY_VERSION,
        }
        return Created(id=function, outputs=outputs)

    def alias(self, name: str, inputs: Inputs) -> Created:
        """Create another name of a function."""
        inputs.skip("description")
        if inputs["functionVersion"] not in ("$LATEST", _ONLY_VERSION):
            raise DeploymentError("there is one version of each function here: an alias must name it or $LATEST")
        function, alias = _function_name(inputs["functionName"]), inputs.get("name", name)
        functions = self._plan.functions
        place = next((place for place, each in enumerate(functions) if each.name == function), None)
        if place is None:
            raise DeploymentError(f"there is no function {function}")
        functions[place] = replace(functions[place], aliases=functions[place].aliases | {alias})
        arn = self._account.arn("lambda", f"function:{function}:{alias}")
        invoke = f"arn:aws:apigateway:{self._account.region}:lambda:path/2015-03-31/functions/{arn}/invocations"
        return Created(id=f"{function}/{alias}", outputs={"arn": arn, "name": alias, "invokeArn": invoke})

    def permission(self, name: str, inputs: Inputs) -> Created:
        """Note who may invoke a function."""
        inputs.skip("sourceAccount", "eventSourceToken", "qualifier")
        if inputs["action"] not in ("lambda:InvokeFunction", "lambda:*"):
            raise DeploymentError(f"action {inputs['action']} is not played here")
        self._plan.permissions.append(
            Permission(
                principal=inputs["principal"],
                function_name=_function_name(inputs["function"]),
                source_arn=inputs.get("sourceArn", "*"),
            )
        )
        statement = inputs.get("statementId", name)
        return Created(id=statement, outputs={"statementId": statement})

    def event_source_mapping(self, name: str, inputs: Inputs) -> Created:
        """Plan how a function follows a DynamoDB stream."""
        inputs.skip("tags")
        stream = inputs["eventSourceArn"]
        if "/stream/" not in stream:
            raise DeploymentError("only DynamoDB streams are played here as event sources")
        if inputs.get("enabled", default=True) is not True:
            raise DeploymentError("a disabled event source mapping is not played here")
        filters = inputs.get("filterCriteria", {}).get("filters", [])
        function = _function_name(inputs["functionName"])
        self._plan.event_sources.append(
            EventSourceSpec(
                name=name,
                stream_arn=stream,
                function_name=function,
                # What is not given is as Lambda has it for streams.
                batch_size=inputs.get("batchSize", 100),
                batching_window_seconds=inputs.get("maximumBatchingWindowInSeconds", 0),
                parallelization_factor=inputs.get("parallelizationFactor", 1),
                starting_position=inputs["startingPosition"],
                bisect_on_error=inputs.get("bisectBatchOnFunctionError", default=False),
                report_batch_item_failures="ReportBatchItemFailures" in inputs.get("functionResponseTypes", []),
                maximum_retry_attempts=inputs.get("maximumRetryAttempts", -1),
                maximum_record_age_seconds=inputs.get("maximumRecordAgeInSeconds", -1),
                filters=tuple(json.loads(each["pattern"]) for each in filters),
                on_failure_queue_arn=inputs.get("destinationConfig", {}).get("onFailure", {}).get("destinationArn"),
            )
        )
        arn = self._account.arn("lambda", f"event-source-mapping:{name}")
        function_arn = self._account.arn("lambda", f"function:{function}")
        return Created(id=name, outputs={"arn": arn, "functionArn": function_arn, "uuid": name, "state": "Enabled"})

    def event_invoke_config(self, name: str, inputs: Inputs) -> Created:
        """Plan what becomes of a function's asynchronous invocations that fail."""
        del name
        if inputs.get("qualifier", "$LATEST") != "$LATEST":
            raise DeploymentError("versions and aliases of functions are not played here")
        destinations: Mapping[str, Any] = inputs.get("destinationConfig", {})
        queue = destinations.get("onFailure", {}).get("destination")
        if "onSuccess" in destinations or ":sqs:" not in (queue or ":sqs:"):
            raise DeploymentError("only a queue for failures is played here as a destination")
        function = _function_name(inputs["functionName"])
        self._plan.event_invokes.append(
            EventInvokeSpec(
                function_name=function,
                # What is not given is as Lambda has it.
                maximum_retry_attempts=inputs.get("maximumRetryAttempts", 2),
                maximum_event_age_seconds=inputs.get("maximumEventAgeInSeconds", 21_600),
                on_failure_queue_arn=queue,
            )
        )
        return Created(id=function, outputs={"functionName": function})

    def schedule_group(self, name: str, inputs: Inputs) -> Created:
        """Return a group's names: here it only groups."""
        inputs.skip("tags")
        group = inputs.get("name", name)
        arn = self._account.arn("scheduler", f"schedule-group/{group}")
        return Created(id=group, outputs={"arn": arn, "name": group, "state": "ACTIVE"})

    def schedule(self, name: str, inputs: Inputs) -> Created:
        """Plan a schedule that invokes a function."""
        inputs.skip("description", "kmsKeyArn", "flexibleTimeWindow")
        schedule, group = inputs.get("name", name), inputs.get("groupName", "default")
        if inputs.get("state", "ENABLED") != "ENABLED":
            raise DeploymentError("a disabled schedule is not played here")
        target: Mapping[str, Any] = inputs["target"]
        if ":function:" not in target["arn"]:
            raise DeploymentError("only schedules that invoke a function are played here")
        self._plan.schedules.append(
            ScheduleSpec(
                name=schedule,
                expression=inputs["scheduleExpression"],
                time_zone=inputs.get("scheduleExpressionTimezone", "UTC"),
                function_name=_function_name(target["arn"]),
                payload=target.get("input", "{}"),
            )
        )
        arn = self._account.arn("scheduler", f"schedule/{group}/{schedule}")
        return Created(id=f"{group}/{schedule}", outputs={"arn": arn, "name": schedule, "groupName": group})

    def _unpack(self, code: object) -> Path:
        if not isinstance(code, pulumi.FileArchive):
            raise DeploymentError("the code must be a FileArchive of a zip file or a folder")
        source = Path(code.path)
        if source.is_dir():
            return source.resolve()
        try:
            return self._packages.unpack(source)
        except zipfile.BadZipFile as error:
            raise DeploymentError(f"the code at {source} is no zip file: {error}") from error
        except OSError as error:
            raise DeploymentError(f"the code at {source} cannot be unpacked: {error}") from error


def _function_name(reference: str) -> str:
    """Return a function's name from its name or its ARN, without a version or an alias."""
    parts = reference.split(":")
    return parts[6] if parts[0] == "arn" else parts[0]
