"""Starts a policy pack for the CLI, where Pulumi's language host for Python is not installed.

The CLI starts it as `pulumi-language-python`, reads the port from its output, and asks it to run the pack. Programs are
never run by it: the tests run theirs in their own process.
"""

# ruff: noqa: N802 (the methods' names are the engine's)

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs plugins that are written in Python, with the Python that runs this."""

    def Handshake(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version="3.0.0")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.GetRequiredPackagesResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        # They are those of the tests.
        del request, context
        yield from ()

    def Cancel(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Run a pack until it ends or nobody listens any more, handing on what it prints: the port first."""
        command = [sys.executable, "-u", "-m", "pulumi.policy", *request.args, "."]
        environment = os.environ | dict(each.split("=", 1) for each in request.env)
        with subprocess.Popen(
            command, cwd=request.info.program_directory, env=environment, stdout=subprocess.PIPE
        ) as pack:
            context.add_callback(pack.kill)
            for line in pack.stdout or ():
                yield language_pb2.RunPluginResponse(stdout=line)
        yield language_pb2.RunPluginResponse(exitcode=pack.returncode)


def serve() -> None:
    """Serve until the CLI ends this process."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 (so the CLI learns the port)
    server.wait_for_termination()


if __name__ == "__main__":
    serve()
