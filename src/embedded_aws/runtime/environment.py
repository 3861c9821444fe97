"""The surroundings of a function's process: Lambda's environment variables, and no package but the function's own."""

import importlib.metadata
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded_aws.specs import Credentials, FunctionSpec

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Reserved environment variables"
_RESERVED = frozenset(
    {
        "_HANDLER",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)


def check_environment(spec: FunctionSpec) -> None:
    """Refuse what Lambda refuses when a function is created.

    Raises:
        ValueError: A variable has a reserved name.
    """
    if taken := sorted(_RESERVED & spec.environment.keys()):
        raise ValueError(f"function {spec.name}: environment variables {', '.join(taken)} are reserved by Lambda")


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all processes of a runtime have in common."""

    endpoint_url: str
    region: str
    libraries: Path
    """Folder that exposes the Lambda runtime client and nothing else."""
    home: Path
    """An empty folder: without it boto3 would read the user's own AWS configuration."""

    def function_arn(self, spec: FunctionSpec, alias: str) -> str:
        """Return a function's ARN, in the account of its role; invoked by an alias, the function is told so."""
        arn = f"arn:aws:lambda:{self.region}:{spec.role_arn.split(':')[4]}:function:{spec.name}"
        return f"{arn}:{alias}" if alias else arn

    def command(self, spec: FunctionSpec) -> list[str]:
        """Return the worker's command: an interpreter without this environment's packages and variables."""
        interpreter = [sys.executable, "-I", "-S", "-X", "utf8", str(_BOOTSTRAP)]
        return [*interpreter, str(spec.package), str(self.libraries), str(os.getpid())]

    def variables(
        self, spec: FunctionSpec, credentials: Credentials, runtime_api: str, log_stream: str
    ) -> Mapping[str, str]:
        """Return the worker's whole environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "HOME": str(self.home),
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
            "TZ": ":UTC",
            **spec.environment,
            "_HANDLER": spec.handler,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            **({"AWS_SESSION_TOKEN": credentials.session_token} if credentials.session_token else {}),
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "LAMBDA_RUNTIME_DIR": str(self.libraries),
            "LAMBDA_TASK_ROOT": str(spec.package),
        }


def expose_runtime_client(folder: Path) -> Path:
    """Fill a folder with links to awslambdaric and what it needs, and nothing else of this environment's packages.

    The folder stays empty where awslambdaric is not installed (it has no wheels outside Linux).
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        distributions = [importlib.metadata.distribution(name) for name in _RUNTIME_CLIENT]
    except importlib.metadata.PackageNotFoundError:
        return folder
    for distribution in distributions:
        names = {Path(file).parts[0] for file in distribution.files or ()}
        for name in sorted(names):
            if name.endswith((".dist-info", "__pycache__")) or name == "..":
                continue
            link = folder / name
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(name))))
    return folder
