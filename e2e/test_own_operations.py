"""Stairwell's own operations: what they answer, and to whom."""

import json
import shutil
import tempfile
import unittest
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from harness import ACCOUNT, REGION, Server, ServerTest, create, ended, history, wait_for

PASS = {"Type": "Pass", "End": True}
NESTED = "arn:aws:states:::states:startExecution.sync:2"
ROOT = ("AKIDROOT", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")


def ask(server, operation, key=None, prefix="Stairwell.", **members):
    """The status and the answer of a raw request, signed if there is a key."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": prefix + operation}
    request = AWSRequest("POST", server.url + "/", headers=headers,
                         data=json.dumps(members).encode())
    if key:
        SigV4Auth(boto3.Session(*key).get_credentials(), "states", REGION).add_auth(request)
    made = urllib.request.Request(request.url, data=request.data, method="POST",
                                  headers=dict(request.headers.items()))
    try:
        with urllib.request.urlopen(made) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def starts(machine, **more):
    parameters = {"StateMachineArn": machine, "Input": {
        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"}}
    return {"Type": "Task", "Resource": NESTED, "Parameters": parameters, "End": True, **more}


def nested(sfn, suffix):
    child = create(sfn, f"child-{suffix}", {"StartAt": "Charge", "States": {
        "Charge": {"Type": "Fail", "Error": "Declined", "Cause": "no funds"}}})
    return child, create(sfn, f"parent-{suffix}", {"StartAt": "Both", "States": {"Both": {
        "Type": "Parallel", "End": True, "Branches": [
            {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 600, "End": True}}},
            {"StartAt": "Pay", "States": {"Pay": starts(child)}}]}}})


class Answers(ServerTest):
    def ask(self, operation, expected=200, **members):
        found, body = ask(self.server, operation, **members)
        self.assertEqual(found, expected, body)
        return body

    def test_names_of_aws_stay_those_of_aws(self):
        for prefix, operation in (("Stairwell.", "ListStateMachines"),
                                  ("AWSStepFunctions.", "GetServer"), ("Stairwell.", "Nothing")):
            status, body = ask(self.server, operation, prefix=prefix)
            self.assertEqual(status, 400)
            self.assertTrue(body["__type"].endswith("#UnknownOperationException"), body)

    def test_the_server(self):
        server = self.ask("GetServer")
        self.assertEqual(server["authentication"], "open")
        self.assertEqual(server["caller"]["known"], False)
        self.assertEqual(self.ask("CheckAccess", asks=[
            {"action": "states:StopExecution", "resource": "*"}]), {"answers": [{"allowed": True}]})
        self.assertIn("asks", self.ask("CheckAccess", 400, asks=[])["message"])

    def test_the_view_of_a_failure(self):
        child, parent = nested(self.sfn, "view")
        arn = self.start(parent)
        ended(self.sfn, arn)
        view = self.ask("GetExecutionView", executionArn=arn)
        self.assertEqual(view["header"]["status"], "FAILED")
        self.assertEqual(view["header"]["events"], len(history(self.sfn, arn)))
        steps = view["steps"]
        names = [steps["names"][state]["name"] for state in steps["state"]]
        self.assertEqual(dict(zip(names, steps["status"])), {"Both": "f", "Rest": "a", "Pay": "f"})
        pay = next(name for name in steps["names"] if name["name"] == "Pay")
        self.assertEqual(pay, {"name": "Pay", "type": "Task",
                               "pointer": "/States/Both/Branches[1]/States/Pay"})
        failure = view["failure"]
        self.assertEqual((failure["deepest"], failure["complete"]), (1, True))
        self.assertEqual(failure["chain"][1]["cause"], "no funds")
        self.assertEqual(failure["chain"][1]["executionArn"], view["tries"]["child"][-1])
        redrive = view["redrive"]
        self.assertEqual((redrive["possible"], redrive["steps"], sorted(redrive["states"])),
                         (True, 2, ["Pay", "Rest"]))
        self.assertEqual(self.ask("GetExecutionView", executionArn=arn, since=view["revision"]),
                         {"revision": view["revision"], "unchanged": True})
        tree = self.ask("GetExecutionTree", executionArn=failure["chain"][1]["executionArn"],
                        up=True)
        self.assertEqual((tree["root"], tree["complete"]), (arn, True))
        self.assertEqual([node.get("error") for node in tree["nodes"]],
                         ["States.TaskFailed", "Declined"])
        self.assertEqual(tree["nodes"][1]["via"]["state"], "Pay")
        missing = arn + "-not-there"
        self.assertTrue(self.ask("GetExecutionView", 400, executionArn=missing)["__type"]
                        .endswith("#ExecutionDoesNotExist"))

    def test_events_and_data_of_a_step(self):
        machine = self.create("data", {"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Assign": {"x": 12345678901234567890}, "Next": "B"}, "B": PASS}})
        arn = self.start(machine, {"n": 1})
        ended(self.sfn, arn)
        whole = history(self.sfn, arn)
        events = self.ask("GetEvents", executionArn=arn, withData=True)
        self.assertEqual((events["total"], events["matches"]), (len(whole), len(whole)))
        self.assertEqual([event["type"] for event in events["events"]],
                         [event["type"] for event in whole])
        some = self.ask("GetEvents", executionArn=arn, types=["PassStateEntered"], limit=1, **{
            "from": 3})
        self.assertEqual((some["matches"], [event["line"] for event in some["events"]]),
                         (2, ["B"]))
        self.assertEqual(self.ask("GetEvents", executionArn=arn, step=1)["matches"], 2)
        data = self.ask("GetStepData", executionArn=arn, entered=2)
        self.assertEqual([(stage["name"], stage["value"]) for stage in data["stages"]],
                         [("input", '{"n": 1}'), ("output", '{"n": 1}')])
        self.assertEqual(data["assigned"], {"x": "12345678901234567890"})
        self.assertEqual(data["definition"]["Next"], "B")
        self.ask("GetStepData", 400, executionArn=arn, entered=1)

    def test_graphs(self):
        broken = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Wrok"}}})
        drawn = self.ask("DrawGraph", definition=broken)
        self.assertEqual([node["icon"] for node in drawn["layout"]["nodes"]],
                         ["start", "pass", "missing"])
        problem = drawn["problems"][0]
        self.assertEqual((problem["code"], problem["pointer"], problem["line"]),
                         ("MISSING_TRANSITION_TARGET", "/States/A/Next", 1))
        drawn = self.ask("DrawGraph", definition="{")
        self.assertNotIn("layout", drawn)
        self.assertEqual(len(drawn["problems"]), 1)
        self.ask("DrawGraph", 400)
        self.ask("DrawGraph", 400, definition=broken, status=True)
        machine = self.create("drawn", {"StartAt": "A", "States": {"A": PASS}})
        arn = self.start(machine)
        ended(self.sfn, arn)
        drawn = self.ask("DrawGraph", stateMachineArn=machine, **{"as": "svg"})
        self.assertIn("<svg", drawn["text"])
        nodes = self.ask("DrawGraph", executionArn=arn, status=True)["layout"]["nodes"]
        self.assertEqual([node.get("status") for node in nodes], [None, "succeeded"])

    def test_machines_and_pending_tasks(self):
        activity = self.sfn.create_activity(name="pending")["activityArn"]
        machine = self.create("pending", {"StartAt": "Pick", "States": {
            "Pick": {"Type": "Task", "Resource": activity, "End": True}}})
        arn = self.start(machine)
        tasks = wait_for(lambda: self.ask("ListPendingTasks", activityArn=activity)["tasks"], 30,
                         "the task")
        self.assertEqual([(task["executionArn"], task["state"], task["kind"], task["taken"])
                          for task in tasks], [(arn, "Pick", "activity", False)])
        self.assertEqual(self.ask("ListPendingTasks", stateMachineArn=machine, kind="callback"),
                         {"tasks": [], "looked": 1, "complete": True})
        machines = self.ask("ListMachineSummaries", nameContains="pending")["machines"]
        self.assertEqual([(one["name"], one["counts"]["running"], one["last"]["executionArn"])
                          for one in machines], [("pending", 1, arn)])
        page = self.ask("ListMachineSummaries", maxResults=1)
        if "nextToken" in page:
            more = self.ask("ListMachineSummaries", maxResults=1, nextToken=page["nextToken"])
            self.assertNotEqual(more["machines"], page["machines"])

    def search(self, query, **more):
        return self.ask("SearchExecutions", query=query, **more)

    def test_searching(self):
        child, parent = nested(self.sfn, "search")
        arn = self.start(parent, {"order": {"id": 12345678901234567890}}, name="s-1")
        ended(self.sfn, arn)
        other = self.create("search-other", {"StartAt": "P", "States": {"P": PASS}})
        well = [self.start(other, {"order": {"id": 1}}, name=f"s-{number}")
                for number in range(2, 7)]
        for one in well:
            ended(self.sfn, one)

        def found(query):
            answer = self.search(query)
            self.assertTrue(answer["complete"], answer)
            return [row["executionArn"] for row in answer["executions"]]
        self.assertEqual(found("s- machine:*search*"), well[::-1] + [arn])
        self.assertEqual(found("machine:parent-search status:FAILED after:-1h"), [arn])
        self.assertEqual(found("machine:child-search"), [])
        self.assertEqual(len(found("machine:child-search parent:* error:Declined state:Charge")), 1)
        self.assertEqual(found("machine:parent-search error:States.* reached:Rest"), [arn])
        self.assertEqual(found("machine:*search* input.order.id:12345678901234567890"), [arn])
        self.assertEqual(found("machine:*search* -status:SUCCEEDED ended:none"), [])
        self.assertEqual(found(arn), [arn])
        paged, token = [], {}
        while True:
            page = self.search("machine:search-other", maxResults=2, **token)
            paged += [row["name"] for row in page["executions"]]
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        self.assertEqual(paged, ["s-6", "s-5", "s-4", "s-3", "s-2"])
        mistake = self.ask("SearchExecutions", 400, query="status:FAILED colour:red")
        self.assertIn("There is no field 'colour'", mistake["message"])
        self.assertIn("(at offset 14 of query)", mistake["message"])
        if token:
            self.ask("SearchExecutions", 400, query="machine:other", **token)


class Permissions(unittest.TestCase):
    """Nothing is shown that AWS's operations would refuse."""

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.addClassCleanup(shutil.rmtree, cls.data, ignore_errors=True)
        cls.server = Server(cls.data, "--require-auth", "--access-key",
                            f"{ROOT[0]}={ACCOUNT}:{ROOT[1]}", "--roles", "permissive")
        cls.addClassCleanup(cls.server.terminate)
        cls.sfn = cls.server.client(key=ROOT[0], secret=ROOT[1])
        cls.iam = cls.server.client(key=ROOT[0], secret=ROOT[1], service="iam")

    def user(self, name, *statements):
        self.iam.create_user(UserName=name)
        allowed = [{"Effect": "Allow", "Action": actions, "Resource": resource}
                   for actions, resource in statements]
        self.iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": allowed}))
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def denied(self, key, operation, **members):
        status, body = ask(self.server, operation, key, **members)
        self.assertEqual(status, 400, body)
        self.assertTrue(body["__type"].endswith("#AccessDeniedException"), body)
        return body["message"]

    def test_who_is_not_known_is_told_how_to_sign_in_alone(self):
        self.assertEqual(ask(self.server, "GetServer")[1].keys(), {"version", "authentication"})
        self.assertEqual(ask(self.server, "GetServer", ROOT)[1]["caller"]["arn"],
                         f"arn:aws:iam::{ACCOUNT}:root")
        for operation in ("CheckAccess", "DrawGraph", "GetExecutionView", "ListMachineSummaries"):
            status, body = ask(self.server, operation)
            self.assertTrue(body["__type"].endswith("#MissingAuthenticationTokenException"), body)
        wrong = (ROOT[0], "wrong")
        status, body = ask(self.server, "GetServer", wrong)
        self.assertTrue(body["__type"].endswith("#InvalidSignatureException"), body)

    def test_each_operation_needs_those_of_aws(self):
        _, parent = nested(self.sfn, "needs")
        arn = self.sfn.start_execution(stateMachineArn=parent)["executionArn"]
        ended(self.sfn, arn)
        nobody = self.user("nobody", ("sqs:*", "*"))
        for operation, members, action in (
                ("GetExecutionView", {"executionArn": arn}, "DescribeExecution"),
                ("GetExecutionTree", {"executionArn": arn}, "DescribeExecution"),
                ("GetEvents", {"executionArn": arn}, "GetExecutionHistory"),
                ("GetStepData", {"executionArn": arn, "entered": 2}, "GetExecutionHistory"),
                ("DrawGraph", {"stateMachineArn": parent}, "DescribeStateMachine"),
                ("DrawGraph", {"executionArn": arn}, "DescribeStateMachineForExecution"),
                ("ListMachineSummaries", {}, "ListStateMachines"),
                ("ListPendingTasks", {}, "ListStateMachines")):
            message = self.denied(nobody, operation, **members)
            self.assertIn(f"states:{action} on resource", message)
        self.assertEqual(ask(self.server, "CheckAccess", nobody, asks=[
            {"action": "sqs:SendMessage", "resource": "*"},
            {"action": "states:StopExecution", "resource": arn}])[1]["answers"][0],
            {"allowed": True})
        drawn = self.user("drawn", ("states:DescribeStateMachineForExecution", "*"))
        self.assertEqual(ask(self.server, "DrawGraph", drawn, executionArn=arn)[0], 200)
        self.assertIn("GetExecutionHistory",
                      self.denied(drawn, "DrawGraph", executionArn=arn, status=True))

    def test_what_may_not_be_read_is_left_out(self):
        child, parent = nested(self.sfn, "partly")
        arn = self.sfn.start_execution(stateMachineArn=parent)["executionArn"]
        ended(self.sfn, arn)
        read = ["states:DescribeExecution", "states:GetExecutionHistory"]
        of_parent = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:parent-partly:*"
        key = self.user("partly", (read, of_parent), ("states:ListStateMachines", "*"))
        _, view = ask(self.server, "GetExecutionView", key, executionArn=arn)
        self.assertEqual(view["failure"]["complete"], False)
        self.assertEqual(view["failure"]["gap"]["reason"], "it may not be read")
        self.assertEqual([link["read"] for link in view["failure"]["chain"]], [True, False])
        self.assertNotIn("pointer", view["steps"]["names"][0])
        _, tree = ask(self.server, "GetExecutionTree", key, executionArn=arn)
        self.assertEqual(tree["nodes"][1].keys(), {"depth", "via", "notRead"})
        machines = ask(self.server, "ListMachineSummaries", key)[1]["machines"]
        self.assertTrue(all("counts" not in one and "last" not in one for one in machines))
        self.assertEqual(ask(self.server, "ListPendingTasks", key)[1]["looked"], 0)
        self.assertEqual(ask(self.server, "SearchExecutions", key, query="")[1]["looked"], 0)
        lists = self.user("lists", (["states:ListStateMachines", "states:ListExecutions"], "*"))
        found = ask(self.server, "SearchExecutions", lists, query="machine:parent-partly")[1]
        self.assertEqual([row["executionArn"] for row in found["executions"]], [arn])
        found = ask(self.server, "SearchExecutions", lists,
                    query="machine:parent-partly error:*")[1]
        self.assertEqual((found["executions"], found["denied"], found["complete"]), ([], 1, False))
        data = ask(self.server, "GetStepData", key, executionArn=arn, entered=2)[1]
        self.assertNotIn("definition", data)


if __name__ == "__main__":
    unittest.main()
