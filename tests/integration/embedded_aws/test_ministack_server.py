"""The ministack process: where it listens, how it ends, and whose permissions it enforces."""

import json
import os
import signal
import subprocess
import sys
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from embedded_aws.ministack.server import ACCOUNT_ID, MinistackServer, ServerError
from tests.integration.embedded_aws.process_harness import (
    LOOPBACK,
    is_running,
    listening_addresses,
    needs_proc,
    wait_until_gone,
)

pytestmark = needs_proc

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
STARTS_A_SERVER = """
import sys, time
from pathlib import Path
from embedded_aws.ministack.server import MinistackServer
server = MinistackServer(Path(sys.argv[1]))
server.start()
print(server.process_id, flush=True)
time.sleep(60)
"""


def test_it_listens_on_the_loopback_interface_alone(tmp_path: Path) -> None:
    with MinistackServer(tmp_path / "aws") as server:
        assert listening_addresses(server.process_id) == {LOOPBACK}


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}]
)
def test_a_page_in_a_browser_is_refused_whatever_it_asks(tmp_path: Path, headers: dict[str, str]) -> None:
    with MinistackServer(tmp_path) as server:
        server.client("s3").create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
        place = urlsplit(server.endpoint_url).netloc
        for method, path in (("OPTIONS", "/kept"), ("GET", "/kept"), ("POST", "/_ministack/reset")):
            connection = HTTPConnection(place)
            connection.request(method, path, headers=headers)
            assert connection.getresponse().status == HTTPStatus.FORBIDDEN
            connection.close()
        assert server.client("s3").list_buckets()["Buckets"][0]["Name"] == "kept"


def test_it_takes_no_code_and_runs_none(tmp_path: Path) -> None:
    with MinistackServer(tmp_path) as server:
        functions = server.client("lambda")
        role = f"arn:aws:iam::{ACCOUNT_ID}:role/any"
        with pytest.raises(ClientError, match="403"):
            functions.create_function(
                FunctionName="any", Runtime="python3.11", Role=role, Handler="a.b", Code={"ZipFile": b"PK"}
            )
        with pytest.raises(ClientError, match="403"):
            functions.invoke(FunctionName="any")
        assert functions.list_functions()["Functions"] == []


def test_it_keeps_nothing_and_leaves_no_process(tmp_path: Path) -> None:
    with MinistackServer(tmp_path / "aws") as server:
        process_id = server.process_id
        server.client("s3").create_bucket(
            Bucket="things", CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
        )
        server.client("s3").put_object(Bucket="things", Key="one", Body=b"1")
    wait_until_gone({process_id})
    assert [path.name for path in (tmp_path / "aws").iterdir()] == ["ministack.log"]


def test_that_it_ended_by_itself_is_said(tmp_path: Path) -> None:
    with MinistackServer(tmp_path / "aws") as server:
        server.check()
        process_id = server.process_id
        os.kill(process_id, signal.SIGKILL)
        # Without taking the exit code away, which the server itself asks for.
        os.waitid(os.P_PID, process_id, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ServerError, match="ministack ended with -9, what it stored is gone"):
            server.check()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_process_that_started_it_however_that_ends(tmp_path: Path, how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_A_SERVER, str(tmp_path / "aws")], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        process_id = int(parent.stdout.readline())
        assert is_running(process_id)
        parent.send_signal(how)
        parent.wait()
    wait_until_gone({process_id})


def test_a_reset_forgets_everything(tmp_path: Path) -> None:
    with MinistackServer(tmp_path / "aws") as server:
        sqs = server.client("sqs")
        sqs.create_queue(QueueName="things")
        server.reset()
        assert not sqs.list_queues().get("QueueUrls")


def test_a_reset_forgets_what_was_registered_on_a_client(tmp_path: Path) -> None:
    with MinistackServer(tmp_path) as server:
        heard: list[str] = []
        server.client("s3").meta.events.register("before-call.s3", lambda model, **_: heard.append(model.name))
        server.client("s3").list_buckets()
        server.reset()
        server.client("s3").list_buckets()
        assert heard == ["ListBuckets"]


def test_a_role_may_do_what_its_policy_says_and_nothing_else(tmp_path: Path) -> None:
    with MinistackServer(tmp_path / "aws", enforce_iam=True) as server:
        iam, dynamodb = server.client("iam"), server.client("dynamodb")
        role = iam.create_role(
            RoleName="writer", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
        )["Role"]["Arn"]
        table = dynamodb.create_table(
            TableName="things",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )["TableDescription"]["TableArn"]
        allow = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": table}
        iam.put_role_policy(
            RoleName="writer",
            PolicyName="write",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
        )
        session = server.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        writer = server.client(
            "dynamodb", Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
        )

        writer.put_item(TableName="things", Item={"id": {"S": "1"}})
        with pytest.raises(ClientError) as denied:
            writer.get_item(TableName="things", Key={"id": {"S": "1"}})

        assert denied.value.response.get("Error", {}).get("Code") == "AccessDeniedException"
        assert dynamodb.get_item(TableName="things", Key={"id": {"S": "1"}})["Item"] == {"id": {"S": "1"}}
