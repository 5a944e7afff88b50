"""Map Runs over a folder of objects, and through SIGKILL at random moments."""

import json
import os
import random
import shutil
import tempfile
import time
import unittest


from harness import ENDED, Server, create, one_state

# The whole test of the crashes: STAIRWELL_MAP_ITEMS=100000 STAIRWELL_MAP_KILLS=20
ITEMS = int(os.environ.get("STAIRWELL_MAP_ITEMS", "3000"))
KILLS = int(os.environ.get("STAIRWELL_MAP_KILLS", "5"))


def distributed(execution_type, **more):
    return one_state({
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSONL"},
            "Parameters": {"Bucket": "bucket", "Key": "items.jsonl"},
        },
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
            "StartAt": "Each",
            "States": {"Each": {"Type": "Pass", "End": True}},
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "Parameters": {"Bucket": "bucket", "Prefix": "results"},
        },
        "Label": "each",
        **more,
    })


class MapRunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="stairwell-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, "objects/bucket"))
        with open(os.path.join(self.folder, "objects/bucket/items.jsonl"), "w") as items:
            items.writelines(json.dumps({"number": number}) + "\n" for number in range(ITEMS))

    def serve(self):
        objects = "file://" + os.path.join(self.folder, "objects")
        server = Server(os.path.join(self.folder, "data"), "--s3-endpoint", objects)
        self.addCleanup(server.kill)
        return server

    def results(self, output):
        """The numbers in the files of results, sorted."""
        bucket = os.path.join(self.folder, "objects/bucket")
        with open(os.path.join(bucket, output["ResultWriterDetails"]["Key"])) as manifest:
            files = json.load(manifest)["ResultFiles"]
        self.assertEqual((files["FAILED"], files["PENDING"]), ([], []))
        numbers = []
        for file in files["SUCCEEDED"]:
            with open(os.path.join(bucket, file["Key"])) as rows:
                numbers += [json.loads(row["Output"])["number"] for row in json.load(rows)]
        return sorted(numbers)

    def crash(self, execution_type):
        server = self.serve()
        sfn = server.client()
        machine = create(sfn, "each", distributed(execution_type))
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        chance = random.Random(8)
        kills = 0
        limit = time.monotonic() + 600
        while True:
            self.assertLess(time.monotonic(), limit, "the run does not end")
            status = sfn.describe_execution(executionArn=execution)["status"]
            if status in ENDED:
                break
            if kills < KILLS:
                time.sleep(chance.uniform(0.02, 0.5))
                server.kill()
                kills += 1
                server = self.serve()
                sfn = server.client()
            else:
                time.sleep(0.1)
        described = sfn.describe_execution(executionArn=execution)
        self.assertEqual(described["status"], "SUCCEEDED", described)
        self.assertEqual(self.results(json.loads(described["output"])), list(range(ITEMS)))
        [run] = sfn.list_map_runs(executionArn=execution)["mapRuns"]
        run = sfn.describe_map_run(mapRunArn=run["mapRunArn"])
        expected = {"pending": 0, "running": 0, "succeeded": ITEMS, "failed": 0, "timedOut": 0,
                    "aborted": 0, "total": ITEMS, "resultsWritten": ITEMS}
        for counts in ["itemCounts", "executionCounts"]:
            counted = {name: run[counts][name] for name in expected}
            self.assertEqual(counted, expected)
        print(f"\n{execution_type}: {ITEMS} items, killed {kills} times")
        return sfn, run

    def test_standard_children_run_once_through_kills(self):
        sfn, run = self.crash("STANDARD")
        pages = sfn.get_paginator("list_executions").paginate(
            mapRunArn=run["mapRunArn"], PaginationConfig={"PageSize": 1000})
        children = [child for page in pages for child in page["executions"]]
        self.assertEqual(len(children), ITEMS)
        self.assertEqual(len({child["name"] for child in children}), ITEMS)
        self.assertEqual({child["status"] for child in children}, {"SUCCEEDED"})

    def test_express_children_end_all_through_kills(self):
        self.crash("EXPRESS")

    def test_a_reader_that_finds_nothing_fails_the_run(self):
        sfn = self.serve().client()
        definition = distributed("EXPRESS")
        definition["States"]["Only"]["ItemReader"]["Parameters"]["Key"] = "nothing.jsonl"
        machine = create(sfn, "none", definition)
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        while (described := sfn.describe_execution(executionArn=execution))["status"] not in ENDED:
            time.sleep(0.05)
        self.assertEqual((described["status"], described["error"]),
                         ("FAILED", "States.ItemReaderFailed"))


if __name__ == "__main__":
    unittest.main()
