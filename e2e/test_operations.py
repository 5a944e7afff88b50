"""Every operation, through an SDK that checks the answers' shapes."""

import json
import threading
import time
import urllib.error
import urllib.request

from harness import (ACCOUNT, HELLO, REGION, ROLE, WAIT_LONG, ServerTest, one_state, pass_state,
                     types)

PREFIX = f"arn:aws:states:{REGION}:{ACCOUNT}"


class StateMachineTest(ServerTest):
    def test_a_machine_is_made_shown_changed_listed_and_removed(self):
        arn = self.create("machine", HELLO)
        self.assertEqual(arn, f"{PREFIX}:stateMachine:machine")
        self.assertEqual(self.create("machine", HELLO), arn)
        described = self.sfn.describe_state_machine(stateMachineArn=arn)
        self.assertEqual(json.loads(described["definition"]), HELLO)
        self.assertEqual((described["type"], described["status"]), ("STANDARD", "ACTIVE"))
        self.assertEqual(described["roleArn"], ROLE)
        self.assertNotIn("revisionId", described)
        self.assert_refused(
            "StateMachineAlreadyExists",
            lambda: self.create("machine", WAIT_LONG),
            f"State Machine Already Exists: '{arn}'",
        )
        updated = self.sfn.update_state_machine(
            stateMachineArn=arn, definition=json.dumps(WAIT_LONG)
        )
        self.assertIn("revisionId", updated)
        described = self.sfn.describe_state_machine(stateMachineArn=arn)
        self.assertEqual(json.loads(described["definition"]), WAIT_LONG)
        names = [it["name"] for it in self.sfn.list_state_machines()["stateMachines"]]
        self.assertIn("machine", names)
        self.sfn.delete_state_machine(stateMachineArn=arn)
        self.sfn.delete_state_machine(stateMachineArn=arn)
        self.assert_refused(
            "StateMachineDoesNotExist",
            lambda: self.sfn.describe_state_machine(stateMachineArn=arn),
            f"State Machine Does Not Exist: '{arn}'",
        )

    def test_mistakes_are_refused_in_the_words_of_aws(self):
        create = lambda **more: lambda: self.sfn.create_state_machine(
            **{"name": "wrong", "definition": json.dumps(HELLO), "roleArn": ROLE, **more}
        )
        self.assert_refused("InvalidName", create(name="a b"), "Invalid Name: 'a b'")
        self.assert_refused(
            "InvalidDefinition",
            create(definition="{}"),
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "
            "These fields are required: [States, StartAt] at /'",
        )
        self.assert_refused(
            "InvalidArn",
            lambda: self.sfn.describe_state_machine(stateMachineArn="nonsense"),
            "Invalid Arn: 'Invalid ARN prefix: nonsense'",
        )
        self.assert_refused(
            "ValidationException",
            lambda: self.sfn.list_state_machines(maxResults=1001),
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy "
            "constraint: Member must have value less than or equal to 1000",
        )

    def test_a_definition_is_validated_without_being_kept(self):
        validate = self.sfn.validate_state_machine_definition
        answer = validate(definition=json.dumps(HELLO))
        self.assertEqual((answer["result"], answer["diagnostics"]), ("OK", []))
        answer = validate(definition='{"StartAt": "A"}')
        self.assertEqual(answer["result"], "FAIL")
        self.assertEqual(answer["diagnostics"][0]["code"], "SCHEMA_VALIDATION_FAILED")

    def test_lists_come_in_pages(self):
        for index in range(7):
            self.create(f"page-{index}", HELLO)
        pages = list(
            self.sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 3})
        )
        names = [it["name"] for page in pages for it in page["stateMachines"]]
        self.assertEqual(names, sorted(names))
        self.assertEqual([name for name in names if name.startswith("page-")],
                         [f"page-{index}" for index in range(7)])
        self.assertTrue(all(len(page["stateMachines"]) <= 3 for page in pages))
        self.assert_refused(
            "InvalidToken", lambda: self.sfn.list_state_machines(nextToken="nonsense")
        )


class ExecutionTest(ServerTest):
    def test_an_execution_is_started_shown_and_told(self):
        machine = self.create("hello", HELLO)
        execution = self.start(machine, {"who": "Ada"}, name="one", traceHeader="Root=1-2-3")
        self.assertEqual(execution, f"{PREFIX}:execution:hello:one")
        described = self.ended(execution)
        self.assertEqual((described["status"], described["output"]), ("SUCCEEDED", '"Hello World!"'))
        self.assertEqual(described["input"], '{"who": "Ada"}')
        self.assertEqual(described["traceHeader"], "Root=1-2-3")
        self.assertEqual(described["redriveCount"], 0)
        self.assertEqual(described["redriveStatus"], "NOT_REDRIVABLE")
        events = self.history(execution)
        self.assertEqual(
            [(event["id"], event["previousEventId"], event["type"]) for event in events],
            [(1, 0, "ExecutionStarted"), (2, 0, "PassStateEntered"), (3, 2, "PassStateExited"),
             (4, 3, "ExecutionSucceeded")],
        )
        of_execution = self.sfn.describe_state_machine_for_execution(executionArn=execution)
        self.assertEqual(json.loads(of_execution["definition"]), HELLO)

    def test_a_start_is_idempotent_while_the_first_runs(self):
        machine = self.create("long", WAIT_LONG)
        first = self.sfn.start_execution(stateMachineArn=machine, name="same", input="{}")
        again = self.sfn.start_execution(stateMachineArn=machine, name="same", input="{}")
        self.assertEqual(
            (first["executionArn"], first["startDate"]), (again["executionArn"], again["startDate"])
        )
        exists = f"Execution Already Exists: '{first['executionArn']}'"
        other = lambda: self.sfn.start_execution(stateMachineArn=machine, name="same", input="[]")
        self.assert_refused("ExecutionAlreadyExists", other, exists)
        self.sfn.stop_execution(executionArn=first["executionArn"])
        same = lambda: self.sfn.start_execution(stateMachineArn=machine, name="same", input="{}")
        self.assert_refused("ExecutionAlreadyExists", same, exists)

    def test_an_execution_is_stopped(self):
        execution = self.start(self.create("stop", WAIT_LONG))
        stopped = self.sfn.stop_execution(executionArn=execution, error="E", cause="c")
        described = self.sfn.describe_execution(executionArn=execution)
        self.assertEqual(
            (described["status"], described["error"], described["cause"], described["stopDate"]),
            ("ABORTED", "E", "c", stopped["stopDate"]),
        )
        last = self.history(execution)[-1]
        self.assertEqual((last["type"], last["previousEventId"]), ("ExecutionAborted", 0))

    def test_inputs_are_any_json_and_nothing_else(self):
        machine = self.create("inputs", one_state(pass_state()))
        for text in ["0", '"s"', "null", "[1.0, 1e3]", '{"b": 1, "a": 2}']:
            execution = self.sfn.start_execution(stateMachineArn=machine, input=text)
            described = self.ended(execution["executionArn"])
            self.assertEqual(described["input"], text)
        for text in ["", "not json", "{'a': 1}"]:
            self.assert_refused(
                "InvalidExecutionInput",
                lambda: self.sfn.start_execution(stateMachineArn=machine, input=text),
            )

    def test_histories_and_lists_come_in_pages(self):
        names = [f"S{index}" for index in range(30)]
        states = {name: pass_state(Next=next) for name, next in zip(names, names[1:])}
        states[names[-1]] = pass_state(End=True)
        machine = self.create("pages", {"StartAt": "S0", "States": states})
        executions = [self.start(machine, name=f"e{index}") for index in range(5)]
        self.ended(executions[0])
        page = self.sfn.get_execution_history(executionArn=executions[0], maxResults=10)
        ids = [event["id"] for event in page["events"]]
        while "nextToken" in page:
            page = self.sfn.get_execution_history(
                executionArn=executions[0], maxResults=10, nextToken=page["nextToken"]
            )
            self.assertLessEqual(len(page["events"]), 10)
            ids += [event["id"] for event in page["events"]]
        self.assertEqual(ids, list(range(1, 63)))
        backwards = self.sfn.get_execution_history(executionArn=executions[0], reverseOrder=True)
        self.assertEqual(backwards["events"][0]["type"], "ExecutionSucceeded")
        bare = self.sfn.get_execution_history(executionArn=executions[0], includeExecutionData=False)
        self.assertNotIn("input", bare["events"][1]["stateEnteredEventDetails"])
        pages = self.sfn.get_paginator("list_executions").paginate(
            stateMachineArn=machine, PaginationConfig={"PageSize": 2}
        )
        listed = [it for page in pages for it in page["executions"]]
        self.assertEqual(sorted(it["name"] for it in listed), [f"e{index}" for index in range(5)])
        # Those of one millisecond come in any order.
        starts = [it["startDate"] for it in listed]
        self.assertEqual(starts, sorted(starts, reverse=True))
        running = self.sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")
        self.assertEqual(running["executions"], [])

    def test_waits_last_as_long_as_they_say(self):
        execution = self.start(self.create("wait", one_state({"Type": "Wait", "Seconds": 1})))
        described = self.ended(execution)
        lasted = (described["stopDate"] - described["startDate"]).total_seconds()
        self.assertGreaterEqual(lasted, 1.0)
        self.assertLess(lasted, 2.0)

    def test_accounts_and_regions_do_not_see_each_other(self):
        other = self.server.client(region="eu-central-1", key="999999999999")
        arn = other.create_state_machine(name="far", definition=json.dumps(HELLO), roleArn=ROLE)
        self.assertEqual(
            arn["stateMachineArn"], "arn:aws:states:eu-central-1:999999999999:stateMachine:far"
        )
        names = [it["name"] for it in self.sfn.list_state_machines()["stateMachines"]]
        self.assertNotIn("far", names)


class StartFormsTest(ServerTest):
    def test_a_version_and_an_alias_are_started(self):
        machine = self.create("versioned", HELLO)
        version = self.sfn.publish_state_machine_version(stateMachineArn=machine)
        version = version["stateMachineVersionArn"]
        self.assertEqual(version, f"{machine}:1")
        self.sfn.update_state_machine(
            stateMachineArn=machine, definition=json.dumps(one_state(pass_state(Result="newer")))
        )
        routing = [{"stateMachineVersionArn": version, "weight": 100}]
        alias = self.sfn.create_state_machine_alias(name="PROD", routingConfiguration=routing)
        alias = alias["stateMachineAliasArn"]
        expected = {machine: '"newer"', version: '"Hello World!"', alias: '"Hello World!"'}
        for arn, output in expected.items():
            described = self.ended(self.start(arn))
            self.assertEqual(described["output"], output)
            self.assertEqual(described["stateMachineArn"], machine)
            self.assertEqual(described.get("stateMachineAliasArn"), alias if arn == alias else None)
            self.assertEqual(
                described.get("stateMachineVersionArn"), None if arn == machine else version
            )

    def test_an_express_machine_answers_at_once(self):
        sfn = self.server.client(inject_host_prefix=False)
        machine = sfn.create_state_machine(
            name="express", definition=json.dumps(HELLO), roleArn=ROLE, type="EXPRESS"
        )["stateMachineArn"]
        answer = sfn.start_sync_execution(stateMachineArn=machine, name="same")
        again = sfn.start_sync_execution(stateMachineArn=machine, name="same")
        self.assertEqual((answer["status"], answer["output"]), ("SUCCEEDED", '"Hello World!"'))
        self.assertNotEqual(answer["executionArn"], again["executionArn"])
        self.assertGreaterEqual(answer["billingDetails"]["billedDurationInMilliseconds"], 100)

    def test_tags_are_kept(self):
        machine = self.create("tagged", HELLO)
        self.sfn.tag_resource(resourceArn=machine, tags=[{"key": "team", "value": "blue"}])
        self.sfn.tag_resource(resourceArn=machine, tags=[{"key": "cost", "value": ""}])
        self.sfn.untag_resource(resourceArn=machine, tagKeys=["cost", "absent"])
        tags = self.sfn.list_tags_for_resource(resourceArn=machine)["tags"]
        self.assertEqual(tags, [{"key": "team", "value": "blue"}])

    def test_jsonata_and_variables(self):
        machine = self.create("jsonata", {
            "QueryLanguage": "JSONata",
            "StartAt": "Sum",
            "States": {
                "Sum": {"Type": "Pass", "Assign": {"total": "{% $sum($states.input.prices) %}"},
                        "Next": "Tell"},
                "Tell": {"Type": "Pass", "Output": {"total": "{% $total %}"}, "End": True},
            },
        })
        described = self.ended(self.start(machine, {"prices": [1.5, 2, 3]}))
        self.assertEqual(json.loads(described["output"]), {"total": 6.5})


class ActivityTest(ServerTest):
    def activity(self, name, **more):
        arn = self.sfn.create_activity(name=name)["activityArn"]
        task = {"Type": "Task", "Resource": arn, **more}
        return arn, self.create(name, one_state(task))

    def test_an_activity_is_made_shown_listed_and_removed(self):
        arn, _ = self.activity("life")
        self.assertEqual(self.sfn.create_activity(name="life")["activityArn"], arn)
        self.assertEqual(self.sfn.describe_activity(activityArn=arn)["name"], "life")
        names = [it["name"] for it in self.sfn.list_activities()["activities"]]
        self.assertIn("life", names)
        self.sfn.delete_activity(activityArn=arn)
        self.assert_refused(
            "ActivityDoesNotExist", lambda: self.sfn.describe_activity(activityArn=arn)
        )

    def test_a_worker_waits_for_a_task_and_answers_it(self):
        arn, machine = self.activity("work")
        started = []
        timer = threading.Timer(1.0, lambda: started.append(self.start(machine, {"n": 1})))
        began = time.monotonic()
        timer.start()
        task = self.sfn.get_activity_task(activityArn=arn, workerName="Ada")
        waited = time.monotonic() - began
        self.assertTrue(0.9 < waited < 5, waited)
        self.assertEqual(task["input"], '{"n": 1}')
        self.sfn.send_task_heartbeat(taskToken=task["taskToken"])
        self.sfn.send_task_success(taskToken=task["taskToken"], output='{"did": true}')
        timer.join()
        described = self.ended(started[0])
        self.assertEqual(described["output"], '{"did": true}')
        self.assertEqual(
            types(self.history(started[0])),
            ["ExecutionStarted", "TaskStateEntered", "ActivityScheduled", "ActivityStarted",
             "ActivitySucceeded", "TaskStateExited", "ExecutionSucceeded"],
        )

    def test_a_worker_fails(self):
        arn, machine = self.activity("fail")
        execution = self.start(machine)
        task = self.sfn.get_activity_task(activityArn=arn)
        self.sfn.send_task_failure(taskToken=task["taskToken"], error="E", cause="c")
        described = self.ended(execution)
        self.assertEqual(
            (described["status"], described["error"], described["cause"]), ("FAILED", "E", "c")
        )

    def test_a_worker_is_too_late(self):
        arn, machine = self.activity("late", TimeoutSeconds=1)
        execution = self.start(machine)
        task = self.sfn.get_activity_task(activityArn=arn)
        described = self.ended(execution)
        self.assertEqual((described["status"], described["error"]), ("FAILED", "States.Timeout"))
        self.assert_refused(
            "TaskTimedOut",
            lambda: self.sfn.send_task_success(taskToken=task["taskToken"], output="{}"),
        )

    def test_tokens_that_nobody_gave(self):
        for token in ["nonsense", "0" * 88]:
            self.assert_refused(
                "InvalidToken" if token == "nonsense" else "TaskDoesNotExist",
                lambda: self.sfn.send_task_heartbeat(taskToken=token),
            )


class RefusalTest(ServerTest):
    """What is not there is refused by name."""

    def test_operations_that_are_not_there(self):
        request = urllib.request.Request(
            self.server.url,
            data=b"{}",
            headers={
                "x-amz-target": "AWSStepFunctions.TeleportExecution",
                "content-type": "application/x-amz-json-1.0",
            },
        )
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        self.assertEqual(refused.exception.code, 400)
        self.assertIn("UnknownOperationException", refused.exception.read().decode())

    def test_definitions_that_are_not_understood(self):
        for definition in [
            one_state({"Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem",
                       "Parameters": {}}),
            one_state({"Type": "Task", "Resource": f"{PREFIX}:activity:a",
                       "Credentials": {"RoleArn": ROLE}}),
        ]:
            with self.subTest(definition=definition):
                self.assert_refused("InvalidDefinition", lambda: self.create("never", definition))
