"""Every error in every operation's error list of the service model, provoked.

The lists come from the model itself, so that an operation or an error that a newer model brings
fails this test until there is a scenario, or a reason why there can be none.
"""

import json
import tempfile
import threading
import time
import unittest

from botocore.exceptions import ClientError

from harness import (ACCOUNT, HELLO, REGION, ROLE, WAIT_LONG, Server, ServerTest, one_state,
                     wait_for)

PREFIX = f"arn:aws:states:{REGION}:{ACCOUNT}"
FAIL = {"StartAt": "F", "States": {"F": {"Type": "Fail"}}}
LONG = "x" * 2_001
EXPRESS = {"type": "EXPRESS"}
ABSENT_MACHINE = f"{PREFIX}:stateMachine:absent"
ABSENT_EXECUTION = f"{PREFIX}:execution:absent:absent"
ABSENT_ACTIVITY = f"{PREFIX}:activity:absent"
ABSENT_RUN = f"{PREFIX}:mapRun:absent/absent:00000000-0000-0000-0000-000000000000"
CUSTOMER_KEY = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/absent"}

NO_KEYS = "there are no customer managed keys here: a configuration that names one is refused"
AT_ONCE = "two requests that meet are done one after the other, so that neither fails"
IMPOSSIBLE = {
    ("CreateActivity", "ActivityAlreadyExists"): NO_KEYS + ", and nothing else could differ",
    ("CreateStateMachine", "ConflictException"): AT_ONCE,
    ("CreateStateMachine", "InvalidTracingConfiguration"):
        "enabled is a boolean by its type, which is checked first (SerializationException)",
    ("UpdateStateMachine", "InvalidTracingConfiguration"):
        "enabled is a boolean by its type, which is checked first (SerializationException)",
    ("CreateStateMachine", "StateMachineTypeNotSupported"):
        "the model's list of types is checked first (ValidationException)",
    ("CreateStateMachineAlias", "InvalidName"):
        "the model's pattern of names is checked first (ValidationException)",
    ("DeleteStateMachineAlias", "ConflictException"): AT_ONCE,
    ("DeleteStateMachineAlias", "ResourceNotFound"):
        "the deletion of an alias that is not there succeeds, as it was measured at AWS",
    ("UpdateStateMachineAlias", "ConflictException"): AT_ONCE,
    ("UpdateStateMachine", "ConflictException"): AT_ONCE,
}
IMPOSSIBLE_EVERYWHERE = {
    "KmsAccessDeniedException": NO_KEYS,
    "KmsInvalidStateException": NO_KEYS,
    "KmsThrottlingException": NO_KEYS,
}

# (operation, error): a function of the test that makes the request.
SCENARIOS = {}


def scenario(operation, *errors):
    """The function that follows provokes these errors of the operation."""

    def add(function):
        for error in errors:
            SCENARIOS[operation, error] = function
        return function

    return add


def request(operation, error, **members):
    """A request that is refused whatever there is."""
    SCENARIOS[operation, error] = lambda test: test.call(operation, **members)


def definition(document):
    return json.dumps(document)


MACHINE = {"definition": definition(HELLO), "roleArn": ROLE}

request("CreateActivity", "InvalidName", name="not a name")
request("CreateActivity", "InvalidEncryptionConfiguration", name="key",
        encryptionConfiguration=CUSTOMER_KEY)
request("CreateStateMachine", "InvalidArn", name="arn", **{**MACHINE, "roleArn": "nonsense"})
request("CreateStateMachine", "InvalidDefinition", name="bad", **{**MACHINE, "definition": "{}"})
request("CreateStateMachine", "InvalidName", name="not a name", **MACHINE)
request("CreateStateMachine", "InvalidLoggingConfiguration", name="log",
        loggingConfiguration={"level": "ALL"}, **MACHINE)
request("CreateStateMachine", "InvalidEncryptionConfiguration", name="key",
        encryptionConfiguration=CUSTOMER_KEY, **MACHINE)
request("CreateStateMachine", "ValidationException", name=LONG, **MACHINE)
request("CreateStateMachineAlias", "InvalidArn", name="alias", routingConfiguration=[
    {"stateMachineVersionArn": "nonsense", "weight": 100}])
request("CreateStateMachineAlias", "ValidationException", name="alias", routingConfiguration=[])
request("CreateStateMachineAlias", "ResourceNotFound", name="alias", routingConfiguration=[
    {"stateMachineVersionArn": f"{ABSENT_MACHINE}:1", "weight": 100}])
request("DeleteActivity", "InvalidArn", activityArn="nonsense")
request("DeleteStateMachine", "InvalidArn", stateMachineArn="nonsense")
request("DeleteStateMachine", "ValidationException", stateMachineArn=LONG)
request("DeleteStateMachineAlias", "ValidationException", stateMachineAliasArn=LONG)
request("DeleteStateMachineAlias", "InvalidArn", stateMachineAliasArn="nonsense")
request("DeleteStateMachineVersion", "ValidationException", stateMachineVersionArn=LONG)
request("DeleteStateMachineVersion", "InvalidArn", stateMachineVersionArn="nonsense")
request("DescribeActivity", "ActivityDoesNotExist", activityArn=ABSENT_ACTIVITY)
request("DescribeActivity", "InvalidArn", activityArn="nonsense")
request("DescribeExecution", "ExecutionDoesNotExist", executionArn=ABSENT_EXECUTION)
request("DescribeExecution", "InvalidArn", executionArn="nonsense")
request("DescribeMapRun", "ResourceNotFound", mapRunArn=ABSENT_RUN)
request("DescribeMapRun", "InvalidArn", mapRunArn="nonsense")
request("DescribeStateMachine", "InvalidArn", stateMachineArn="nonsense")
request("DescribeStateMachine", "StateMachineDoesNotExist", stateMachineArn=ABSENT_MACHINE)
request("DescribeStateMachineAlias", "ValidationException", stateMachineAliasArn=LONG)
request("DescribeStateMachineAlias", "InvalidArn", stateMachineAliasArn="nonsense")
request("DescribeStateMachineAlias", "ResourceNotFound",
        stateMachineAliasArn=f"{ABSENT_MACHINE}:a")
request("DescribeStateMachineForExecution", "ExecutionDoesNotExist",
        executionArn=ABSENT_EXECUTION)
request("DescribeStateMachineForExecution", "InvalidArn", executionArn="nonsense")
request("GetActivityTask", "ActivityDoesNotExist", activityArn=ABSENT_ACTIVITY)
request("GetActivityTask", "InvalidArn", activityArn="nonsense")
request("GetExecutionHistory", "ExecutionDoesNotExist", executionArn=ABSENT_EXECUTION)
request("GetExecutionHistory", "InvalidArn", executionArn="nonsense")
request("ListActivities", "InvalidToken", nextToken="nonsense")
request("ListExecutions", "InvalidArn", stateMachineArn="nonsense")
request("ListExecutions", "StateMachineDoesNotExist", stateMachineArn=ABSENT_MACHINE)
request("ListExecutions", "ValidationException")
request("ListExecutions", "ResourceNotFound", mapRunArn=ABSENT_RUN)
request("ListMapRuns", "ExecutionDoesNotExist", executionArn=ABSENT_EXECUTION)
request("ListMapRuns", "InvalidArn", executionArn="nonsense")
request("ListStateMachineAliases", "InvalidArn", stateMachineArn="nonsense")
request("ListStateMachineAliases", "StateMachineDoesNotExist", stateMachineArn=ABSENT_MACHINE)
request("ListStateMachineVersions", "ValidationException", stateMachineArn=LONG)
request("ListStateMachineVersions", "InvalidArn", stateMachineArn="nonsense")
request("ListStateMachines", "InvalidToken", nextToken="nonsense")
request("ListTagsForResource", "InvalidArn", resourceArn="nonsense")
request("ListTagsForResource", "ResourceNotFound", resourceArn=ABSENT_MACHINE)
request("PublishStateMachineVersion", "ValidationException", stateMachineArn=LONG)
request("PublishStateMachineVersion", "StateMachineDoesNotExist", stateMachineArn=ABSENT_MACHINE)
request("PublishStateMachineVersion", "InvalidArn", stateMachineArn="nonsense")
request("RedriveExecution", "ExecutionDoesNotExist", executionArn=ABSENT_EXECUTION)
request("RedriveExecution", "InvalidArn", executionArn="nonsense")
request("RedriveExecution", "ValidationException", executionArn=LONG)
for send in ["SendTaskFailure", "SendTaskHeartbeat", "SendTaskSuccess"]:
    members = {"output": "{}"} if send == "SendTaskSuccess" else {}
    request(send, "InvalidToken", taskToken="nonsense", **members)
    request(send, "TaskDoesNotExist", taskToken="0" * 88, **members)
request("StartExecution", "InvalidArn", stateMachineArn="nonsense")
request("StartExecution", "StateMachineDoesNotExist", stateMachineArn=ABSENT_MACHINE)
request("StartExecution", "ValidationException", stateMachineArn=LONG)
request("StartSyncExecution", "InvalidArn", stateMachineArn="nonsense")
request("StartSyncExecution", "StateMachineDoesNotExist", stateMachineArn=ABSENT_MACHINE)
request("StopExecution", "ExecutionDoesNotExist", executionArn=ABSENT_EXECUTION)
request("StopExecution", "InvalidArn", executionArn="nonsense")
request("StopExecution", "ValidationException", executionArn=LONG)
request("TagResource", "InvalidArn", resourceArn="nonsense", tags=[])
request("TagResource", "ResourceNotFound", resourceArn=ABSENT_MACHINE, tags=[])
request("TestState", "InvalidArn", definition=definition(HELLO["States"]["Only"]),
        roleArn="nonsense")
request("TestState", "InvalidDefinition", definition="{}")
request("TestState", "InvalidExecutionInput", definition=definition(HELLO["States"]["Only"]),
        input="nonsense")
request("TestState", "ValidationException", definition=definition(HELLO["States"]["Only"]),
        roleArn=LONG)
request("UntagResource", "InvalidArn", resourceArn="nonsense", tagKeys=[])
request("UntagResource", "ResourceNotFound", resourceArn=ABSENT_MACHINE, tagKeys=[])
request("UpdateMapRun", "ResourceNotFound", mapRunArn=ABSENT_RUN, maxConcurrency=1)
request("UpdateMapRun", "InvalidArn", mapRunArn="nonsense", maxConcurrency=1)
request("UpdateMapRun", "ValidationException", mapRunArn=ABSENT_RUN, maxConcurrency=-1)
request("UpdateStateMachine", "InvalidArn", stateMachineArn="nonsense", roleArn=ROLE)
request("UpdateStateMachine", "StateMachineDoesNotExist", stateMachineArn=ABSENT_MACHINE,
        roleArn=ROLE)
request("UpdateStateMachine", "ValidationException", stateMachineArn=LONG)
request("UpdateStateMachineAlias", "ValidationException", stateMachineAliasArn=LONG)
request("UpdateStateMachineAlias", "InvalidArn", stateMachineAliasArn="nonsense",
        description="other")
request("UpdateStateMachineAlias", "ResourceNotFound", stateMachineAliasArn=f"{ABSENT_MACHINE}:a",
        description="other")
request("ValidateStateMachineDefinition", "ValidationException", definition=definition(HELLO),
        type="OTHER")


@scenario("CreateActivity", "ActivityLimitExceeded")
def activities_beyond_the_quota(test):
    for number in range(9):
        test.call("CreateActivity", name=f"many-{number}")


@scenario("CreateStateMachine", "StateMachineLimitExceeded")
def state_machines_beyond_the_quota(test):
    other = test.server.client(key="999999999999")
    for number in range(99):
        other.create_state_machine(name=f"many-{number}", **MACHINE)


@scenario("CreateActivity", "TooManyTags")
def an_activity_with_too_many_tags(test):
    test.call("CreateActivity", name="tags", tags=tags(51))


@scenario("CreateStateMachine", "TooManyTags")
def a_machine_with_too_many_tags(test):
    test.call("CreateStateMachine", name="tags", tags=tags(51), **MACHINE)


@scenario("TagResource", "TooManyTags")
def too_many_tags(test):
    test.call("TagResource", resourceArn=test.machine("tagged"), tags=tags(51))


@scenario("CreateStateMachine", "StateMachineAlreadyExists")
def the_same_name_again(test):
    test.machine("twice", WAIT_LONG)
    test.call("CreateStateMachine", name="twice", **MACHINE)


@scenario("CreateStateMachine", "StateMachineDeleting")
def the_name_of_a_machine_that_is_deleted(test):
    test.deleting("deleting-create")
    test.call("CreateStateMachine", name="deleting-create", **MACHINE)


@scenario("CreateStateMachineAlias", "StateMachineDeleting")
def an_alias_of_a_machine_that_is_deleted(test):
    arn = test.deleting("deleting-alias")
    test.call("CreateStateMachineAlias", name="alias", routingConfiguration=[
        {"stateMachineVersionArn": f"{arn}:1", "weight": 100}])


@scenario("ListStateMachineAliases", "StateMachineDeleting")
def aliases_of_a_machine_that_is_deleted(test):
    test.call("ListStateMachineAliases", stateMachineArn=test.deleting("deleting-aliases"))


@scenario("PublishStateMachineVersion", "StateMachineDeleting")
def a_version_of_a_machine_that_is_deleted(test):
    test.call("PublishStateMachineVersion", stateMachineArn=test.deleting("deleting-version"))


@scenario("StartExecution", "StateMachineDeleting")
def a_start_of_a_machine_that_is_deleted(test):
    test.call("StartExecution", stateMachineArn=test.deleting("deleting-start"))


@scenario("StartSyncExecution", "StateMachineDeleting")
def a_synchronous_start_of_a_machine_that_is_deleted(test):
    test.call("StartSyncExecution", stateMachineArn=test.deleting("deleting-sync"))


@scenario("UpdateStateMachine", "StateMachineDeleting")
def an_update_of_a_machine_that_is_deleted(test):
    test.call("UpdateStateMachine", stateMachineArn=test.deleting("deleting-update"), roleArn=ROLE)


@scenario("UpdateStateMachineAlias", "StateMachineDeleting")
def an_update_of_an_alias_of_a_machine_that_is_deleted(test):
    arn = test.deleting("deleting-route")
    test.call("UpdateStateMachineAlias", stateMachineAliasArn=f"{arn}:live", description="other")


@scenario("CreateStateMachineAlias", "ConflictException")
def the_same_alias_for_something_else(test):
    version = test.version("conflict")
    route = [{"stateMachineVersionArn": version, "weight": 100}]
    test.call("CreateStateMachineAlias", name="live", routingConfiguration=route)
    test.call("CreateStateMachineAlias", name="live", description="other",
              routingConfiguration=route)


@scenario("CreateStateMachineAlias", "ServiceQuotaExceededException")
def too_many_aliases(test):
    version = test.version("aliases")
    for number in range(101):
        test.call("CreateStateMachineAlias", name=f"alias-{number}", routingConfiguration=[
            {"stateMachineVersionArn": version, "weight": 100}])


@scenario("DeleteStateMachineVersion", "ConflictException")
def a_version_that_an_alias_routes_to(test):
    version = test.version("routed")
    test.call("CreateStateMachineAlias", name="live", routingConfiguration=[
        {"stateMachineVersionArn": version, "weight": 100}])
    test.call("DeleteStateMachineVersion", stateMachineVersionArn=version)


@scenario("PublishStateMachineVersion", "ConflictException")
def a_version_of_another_revision(test):
    test.call("PublishStateMachineVersion", stateMachineArn=test.machine("revision"),
              revisionId="other")


def publish_too_many(test, name, update):
    arn = test.machine(name)
    for number in range(1_001):
        state = {"Type": "Wait", "Seconds": number, "End": True}
        update(arn, definition({"StartAt": "W", "States": {"W": state}}))


@scenario("PublishStateMachineVersion", "ServiceQuotaExceededException")
def too_many_versions(test):
    def update(arn, text):
        test.call("UpdateStateMachine", stateMachineArn=arn, definition=text)
        test.call("PublishStateMachineVersion", stateMachineArn=arn)

    publish_too_many(test, "versions", update)


@scenario("UpdateStateMachine", "ServiceQuotaExceededException")
def too_many_updates_that_publish(test):
    def update(arn, text):
        test.call("UpdateStateMachine", stateMachineArn=arn, definition=text, publish=True)

    publish_too_many(test, "updates", update)


@scenario("GetActivityTask", "ActivityWorkerLimitExceeded")
def too_many_workers(test):
    arn = test.call("CreateActivity", name="polled")["activityArn"]
    refused = []

    def poll():
        try:
            test.call("GetActivityTask", activityArn=arn)
        except ClientError as error:
            refused.append(error)

    for _ in range(3):
        threading.Thread(target=poll, daemon=True).start()
    raise wait_for(lambda: refused, 10, "a worker too many")[0]


@scenario("GetExecutionHistory", "InvalidToken")
def a_history_from_nowhere(test):
    test.call("GetExecutionHistory", executionArn=test.execution("token-history"),
              nextToken="nonsense")


@scenario("ListMapRuns", "InvalidToken")
def map_runs_from_nowhere(test):
    test.call("ListMapRuns", executionArn=test.execution("token-runs"), nextToken="nonsense")


@scenario("ListExecutions", "InvalidToken")
def executions_from_nowhere(test):
    """A token of another listing, with one letter changed, and too old, is none."""
    arn = test.machine("token-list")
    for _ in range(2):
        test.call("StartExecution", stateMachineArn=arn)
    page = test.call("ListExecutions", stateMachineArn=arn, maxResults=1)
    token = page["nextToken"]
    for touched in [token[:-1] + ("A" if token[-1] != "A" else "B"), token[1:], token + "AAAA"]:
        try:
            test.call("ListExecutions", stateMachineArn=arn, nextToken=touched)
        except ClientError as error:
            test.assertEqual(error.response["Error"]["Code"], "InvalidToken")
        else:
            test.fail(f"{touched} was taken for a token")
    test.call("ListExecutions", stateMachineArn=test.machine("token-other"), nextToken=token)


@scenario("ListExecutions", "StateMachineTypeNotSupported")
def executions_of_an_express_machine(test):
    test.call("ListExecutions", stateMachineArn=test.machine("express-list", **EXPRESS))


@scenario("ListStateMachineAliases", "InvalidToken")
def aliases_from_nowhere(test):
    test.call("ListStateMachineAliases", stateMachineArn=test.machine("token-aliases"),
              nextToken="nonsense")


@scenario("ListStateMachineAliases", "ResourceNotFound")
def aliases_of_a_version_that_is_not_there(test):
    test.call("ListStateMachineAliases", stateMachineArn=test.machine("no-version") + ":7")


@scenario("ListStateMachineVersions", "InvalidToken")
def versions_from_nowhere(test):
    test.call("ListStateMachineVersions", stateMachineArn=test.machine("token-versions"),
              nextToken="nonsense")


@scenario("RedriveExecution", "ExecutionNotRedrivable")
def a_redrive_of_what_succeeded(test):
    test.call("RedriveExecution", executionArn=test.execution("succeeded"))


@scenario("StartExecution", "ExecutionLimitExceeded")
def too_many_executions(test):
    arn = test.other_account().machine("many", WAIT_LONG)
    for _ in range(9):
        test.other_account().call("StartExecution", stateMachineArn=arn)


@scenario("RedriveExecution", "ExecutionLimitExceeded")
def a_redrive_beside_too_many_executions(test):
    other = test.other_account()
    failed = other.execution("failed", FAIL)
    arn = other.machine("others", WAIT_LONG)
    try:
        for _ in range(9):
            other.call("StartExecution", stateMachineArn=arn)
    except ClientError as error:
        test.assertEqual(error.response["Error"]["Code"], "ExecutionLimitExceeded")
    other.call("RedriveExecution", executionArn=failed)


@scenario("StartExecution", "ExecutionAlreadyExists")
def a_name_that_is_taken(test):
    arn = test.machine("taken")
    for number in range(2):
        test.call("StartExecution", stateMachineArn=arn, name="same", input=str(number))


@scenario("StartExecution", "InvalidExecutionInput")
def an_input_that_is_none(test):
    test.call("StartExecution", stateMachineArn=test.machine("input"), input="nonsense")


@scenario("StartExecution", "InvalidName")
def a_name_that_is_none(test):
    test.call("StartExecution", stateMachineArn=test.machine("name"), name="not a name")


@scenario("StartSyncExecution", "InvalidExecutionInput")
def an_input_of_an_express_execution_that_is_none(test):
    test.call("StartSyncExecution", stateMachineArn=test.machine("sync-input", **EXPRESS),
              input="nonsense")


@scenario("StartSyncExecution", "InvalidName")
def a_name_of_an_express_execution_that_is_none(test):
    test.call("StartSyncExecution", stateMachineArn=test.machine("sync-name", **EXPRESS),
              name="not a name")


@scenario("StartSyncExecution", "StateMachineTypeNotSupported")
def a_synchronous_start_of_a_standard_machine(test):
    test.call("StartSyncExecution", stateMachineArn=test.machine("standard"))


def closed_task(test, name):
    """The token of a task whose execution was stopped."""
    activity = test.call("CreateActivity", name="closed")["activityArn"]
    arn = test.machine(name, one_state({"Type": "Task", "Resource": activity}))
    execution = test.call("StartExecution", stateMachineArn=arn)["executionArn"]
    token = test.call("GetActivityTask", activityArn=activity)["taskToken"]
    test.call("StopExecution", executionArn=execution)
    return token


@scenario("SendTaskFailure", "TaskTimedOut")
def a_failure_that_comes_too_late(test):
    test.call("SendTaskFailure", taskToken=closed_task(test, "late-failure"))


@scenario("SendTaskHeartbeat", "TaskTimedOut")
def a_heartbeat_that_comes_too_late(test):
    test.call("SendTaskHeartbeat", taskToken=closed_task(test, "late-heartbeat"))


@scenario("SendTaskSuccess", "TaskTimedOut")
def a_success_that_comes_too_late(test):
    test.call("SendTaskSuccess", taskToken=closed_task(test, "late-success"), output="{}")


@scenario("SendTaskSuccess", "InvalidOutput")
def an_output_that_is_none(test):
    test.call("SendTaskSuccess", taskToken=closed_task(test, "no-output"), output="nonsense")


@scenario("UpdateStateMachine", "InvalidDefinition")
def an_update_to_a_definition_that_is_none(test):
    test.call("UpdateStateMachine", stateMachineArn=test.machine("updated"), definition="{}")


@scenario("UpdateStateMachine", "InvalidLoggingConfiguration")
def an_update_to_logs_without_a_place(test):
    test.call("UpdateStateMachine", stateMachineArn=test.machine("updated"),
              loggingConfiguration={"level": "ALL"})


@scenario("UpdateStateMachine", "InvalidEncryptionConfiguration")
def an_update_to_a_key(test):
    test.call("UpdateStateMachine", stateMachineArn=test.machine("updated"),
              encryptionConfiguration=CUSTOMER_KEY)


@scenario("UpdateStateMachine", "MissingRequiredParameter")
def an_update_of_nothing(test):
    test.call("UpdateStateMachine", stateMachineArn=test.machine("updated"))


def tags(count):
    return [{"key": f"key-{number}", "value": "value"} for number in range(count)]


class Account:
    """A client of one account, whose requests go out as they are."""

    def __init__(self, server, key="test"):
        self.server = server
        self.client = server.client(key=key, parameter_validation=False,
                                    inject_host_prefix=False)

    def call(self, operation, **members):
        method = "".join(f"_{it.lower()}" if it.isupper() else it for it in operation)[1:]
        return getattr(self.client, method)(**members)

    def machine(self, name, document=None, **members):
        text = definition(HELLO if document is None else document)
        created = self.call("CreateStateMachine", name=name, definition=text, roleArn=ROLE,
                            **members)
        return created["stateMachineArn"]

    def version(self, name):
        arn = self.machine(name)
        published = self.call("PublishStateMachineVersion", stateMachineArn=arn)
        return published["stateMachineVersionArn"]

    def execution(self, name, document=None):
        """An execution that has ended."""
        arn = self.machine(name, document)
        execution = self.call("StartExecution", stateMachineArn=arn)["executionArn"]
        wait_for(
            lambda: self.call("DescribeExecution", executionArn=execution).get("stopDate"),
            10, execution)
        return execution

    def deleting(self, name):
        """A machine with a version and an alias, which stays for the execution that runs."""
        arn = self.machine(name, WAIT_LONG)
        self.call("StartExecution", stateMachineArn=arn)
        version = self.call("PublishStateMachineVersion", stateMachineArn=arn)
        route = {"stateMachineVersionArn": version["stateMachineVersionArn"], "weight": 100}
        self.call("CreateStateMachineAlias", name="live", routingConfiguration=[route])
        self.call("DeleteStateMachine", stateMachineArn=arn)
        return arn


class ErrorTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.server = Server(
            cls.data, "--quota", "activities=8,state-machines=90,activity-pollers=2",
            "--quota", "open-executions=8")
        cls.sfn = cls.server.client()

    def account(self, key):
        account = Account(self.server, key)
        account.assertEqual, account.fail = self.assertEqual, self.fail
        account.other_account = lambda: self.account(key + "9" if len(key) < 12 else key)
        return account

    def test_every_error_of_the_model(self):
        model = self.sfn.meta.service_model
        pairs = [
            (operation, shape.name)
            for operation in model.operation_names
            for shape in model.operation_model(operation).error_shapes
        ]
        self.assertGreater(len(pairs), 150)
        known = set(SCENARIOS) | set(IMPOSSIBLE)
        self.assertEqual(known - set(pairs), set(), "scenarios of what the model does not have")
        unknown = []
        for number, (operation, error) in enumerate(pairs):
            reason = IMPOSSIBLE.get((operation, error)) or IMPOSSIBLE_EVERYWHERE.get(error)
            if reason:
                print(f"impossible: {operation} {error}: {reason}")
                continue
            function = SCENARIOS.get((operation, error))
            if function is None:
                unknown.append(f"{operation} {error}")
                continue
            with self.subTest(operation=operation, error=error):
                # An account for each, so that they do not meet.
                self.provoke(operation, error, function, f"{100_000_000_000 + number}")
        self.assertEqual(unknown, [], "neither provoked nor said to be impossible")

    def provoke(self, operation, error, function, key):
        try:
            function(self.account(key))
        except ClientError as refused:
            answer = refused.response
        else:
            self.fail(f"{operation}: nothing was refused")
        self.assertEqual(answer["Error"]["Code"], error, answer["Error"]["Message"])
        self.assertTrue(answer["Error"]["Message"])
        self.assertEqual(answer["ResponseMetadata"]["HTTPStatusCode"], 400)
        # What the answer has beside is what the model says of the error, and of that type.
        shape = next(
            it for it in self.sfn.meta.service_model.operation_model(operation).error_shapes
            if it.name == error)
        beside = set(answer) - {"Error", "ResponseMetadata", "message"}
        self.assertLessEqual(beside, set(shape.members))
        for name in beside:
            self.assertIsInstance(answer[name], str)

    def test_throttling(self):
        data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        server = Server(data, "--throttle", "StartExecution=3/1,StartExecution:Express=5/1")
        try:
            account = Account(server)
            standard, express = account.machine("slow"), account.machine("fast", **EXPRESS)
            for arn, bucket in [(standard, 3), (express, 5)]:
                began = time.monotonic()
                started = 0
                with self.assertRaises(ClientError) as caught:
                    while started < 100:
                        account.call("StartExecution", stateMachineArn=arn)
                        started += 1
                error = caught.exception.response
                self.assertEqual(error["Error"]["Code"], "ThrottlingException")
                self.assertEqual(error["Error"]["Message"], "Rate exceeded")
                self.assertEqual(error["ResponseMetadata"]["HTTPStatusCode"], 400)
                self.assertGreaterEqual(started, bucket)
                self.assertLessEqual(started, bucket + time.monotonic() - began + 1)
            account.call("ListStateMachines")
        finally:
            server.terminate()


if __name__ == "__main__":
    unittest.main()
