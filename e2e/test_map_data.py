"""Map states that read their items from objects and write their results to objects: those of
moto's S3, in a process of its own, and those of a folder."""

import gzip
import json
import os
import shutil
import tempfile

import boto3
from harness import REGION, ROOT, Server, ServerTest
from harness import create, ended, one_state
from moto_server import start_moto

BUCKET = "data"
GIVEN_BACK = {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}}


def map_state(reader, writer=None, child=GIVEN_BACK, **more):
    """A machine of one distributed Map state, whose children run that."""
    state = {
        "Type": "Map",
        "ItemReader": reader,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
            **child,
        },
        **more,
    }
    if writer is not None:
        state["ResultWriter"] = writer
    return one_state(state)


def get(key, **config):
    return {
        "Resource": "arn:aws:states:::s3:getObject",
        "Parameters": {"Bucket": BUCKET, "Key": key},
        "ReaderConfig": config,
    }


def listing(prefix, **config):
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": BUCKET, "Prefix": prefix},
    }
    return {**reader, "ReaderConfig": config} if config else reader


def put(prefix, **config):
    writer = {
        "Resource": "arn:aws:states:::s3:putObject",
        "Parameters": {"Bucket": BUCKET, "Prefix": prefix},
    }
    return {**writer, "WriterConfig": config} if config else writer


class DataTests:
    """What holds wherever the objects are; `write` and `read` are how the test gets at them."""

    def run_machine(self, definition, seconds=60):
        name = f"{self._testMethodName}-{len(self.machines)}"
        self.machines.append(name)
        machine = create(self.sfn, name, definition)
        execution = self.sfn.start_execution(stateMachineArn=machine)["executionArn"]
        return ended(self.sfn, execution, seconds)

    def outputs(self, definition):
        described = self.run_machine(definition)
        self.assertEqual(described["status"], "SUCCEEDED", described.get("cause"))
        return json.loads(described["output"])

    def failure(self, definition):
        described = self.run_machine(definition)
        self.assertEqual(described["status"], "FAILED")
        return described["error"], described["cause"]

    def test_formats(self):
        self.write("items.json", b'[{"a": 1}, 2]')
        items = self.outputs(map_state(get("items.json", InputType="JSON")))
        self.assertEqual(items, [{"a": 1}, 2])
        self.write("nested.json", b'{"x": {"y": [1, 2, 3]}}')
        pointed = get("nested.json", InputType="JSON", ItemsPointer="/x/y")
        self.assertEqual(self.outputs(map_state(pointed)), [1, 2, 3])
        self.write("items.jsonl.gz", gzip.compress(b'{"a":1}\n{"a":2}\n'))
        lines = get("items.jsonl.gz", InputType="JSONL")
        self.assertEqual(self.outputs(map_state(lines)), [{"a": 1}, {"a": 2}])
        self.write("items.csv", b'a|b\n1|"x|y"\n2\n')
        rows = get("items.csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW", CSVDelimiter="PIPE")
        expected = [{"a": "1", "b": "x|y"}, {"a": "2", "b": ""}]
        self.assertEqual(self.outputs(map_state(rows)), expected)
        limited = {**rows, "ReaderConfig": {**rows["ReaderConfig"], "MaxItems": 1}}
        self.assertEqual(self.outputs(map_state(limited)), expected[:1])

    def test_parquet(self):
        with open(os.path.join(ROOT, "e2e", "data", "rows.parquet"), "rb") as file:
            self.write("rows.parquet", file.read())
        rows = self.outputs(map_state(get("rows.parquet", InputType="PARQUET")))
        self.assertEqual([row["id"] for row in rows], [0, 1, 2])
        expected = {
            "id": 1,
            "name": None,
            "price": 0.25,
            "good": False,
            "day": "2024-10-05",
            "at": "2024-06-24T17:06:20.500Z",
        }
        self.assertEqual(rows[1], expected)
        self.write("no.parquet", b"not a file of rows")
        error, cause = self.failure(map_state(get("no.parquet", InputType="PARQUET")))
        self.assertEqual(error, "States.ItemReaderFailed")
        self.assertTrue(cause.startswith("The object is not valid Parquet: "), cause)

    def test_listings(self):
        for number in range(3):
            self.write(f"in/{number}.json", json.dumps([number, number]).encode())
        self.write("other", b"never")
        listed = self.outputs(map_state(listing("in/")))
        self.assertEqual([item["Key"] for item in listed], [f"in/{n}.json" for n in range(3)])
        self.assertEqual({item["Size"] for item in listed}, {6})
        members = {"Etag", "Key", "LastModified", "Size", "StorageClass"}
        self.assertEqual(set(listed[0]), members)
        flat = listing("in/", InputType="JSON", Transformation="LOAD_AND_FLATTEN")
        self.assertEqual(self.outputs(map_state(flat)), [0, 0, 1, 1, 2, 2])

    def test_manifests(self):
        self.write("inventory/1.csv.gz", gzip.compress(b'"b","k1","5"\n"b","k2","6"\n'))
        manifest = {
            "destinationBucket": f"arn:aws:s3:::{BUCKET}",
            "fileFormat": "CSV",
            "fileSchema": "Bucket, Key, Size",
            "files": [{"key": "inventory/1.csv.gz", "size": 1}],
        }
        self.write("manifest.json", json.dumps(manifest).encode())
        items = self.outputs(map_state(get("manifest.json", InputType="MANIFEST")))
        self.assertEqual([item["Key"] for item in items], ["k1", "k2"])
        self.write("out/1", b'{"a":1}\n')
        self.write("out/2", b'{"a":2}\n')
        self.write("athena.csv", f"s3://{BUCKET}/out/1\ns3://{BUCKET}/out/2\n".encode())
        athena = get("athena.csv", InputType="JSONL", ManifestType="ATHENA_DATA")
        self.assertEqual(self.outputs(map_state(athena)), [{"a": 1}, {"a": 2}])

    def test_results(self):
        self.write("numbers.json", b"[0, 1, 2, 3]")
        reader = get("numbers.json", InputType="JSON")
        fails = {
            "StartAt": "Which",
            "States": {
                "Which": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Broken"}],
                    "Default": "Good",
                },
                "Broken": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"},
                "Good": {"Type": "Pass", "End": True},
            },
        }
        output = self.outputs(map_state(reader, put("jobs"), fails, ToleratedFailureCount=1))
        details = output["ResultWriterDetails"]
        self.assertEqual(details["Bucket"], BUCKET)
        run = output["MapRunArn"].split(":")[-1]
        self.assertEqual(details["Key"], f"jobs/{run}/manifest.json")
        manifest = json.loads(self.read(details["Key"]))
        self.assertEqual(manifest["DestinationBucket"], BUCKET)
        self.assertEqual(manifest["MapRunArn"], output["MapRunArn"])
        files = manifest["ResultFiles"]
        self.assertEqual(files["PENDING"], [])
        [succeeded], [failed] = files["SUCCEEDED"], files["FAILED"]
        self.assertEqual(succeeded["Key"], f"jobs/{run}/SUCCEEDED_0.json")
        self.assertEqual(succeeded["Size"], len(self.read(succeeded["Key"])))
        rows = json.loads(self.read(succeeded["Key"]))
        self.assertEqual(sorted(row["Output"] for row in rows), ["0", "1", "3"])
        [row] = json.loads(self.read(failed["Key"]))
        self.assertEqual((row["Status"], row["Error"], row["Input"]), ("FAILED", "Broken", "2"))

    def test_outputs_alone(self):
        self.write("lists.json", b"[[1, 2], [3], 4]")
        writer = put("flat", Transformation="FLATTEN", OutputType="JSONL")
        output = self.outputs(map_state(get("lists.json", InputType="JSON"), writer))
        manifest = json.loads(self.read(output["ResultWriterDetails"]["Key"]))
        [file] = manifest["ResultFiles"]["SUCCEEDED"]
        self.assertTrue(file["Key"].endswith("/SUCCEEDED_0.jsonl"))
        self.assertEqual(sorted(self.read(file["Key"]).split()), [b"1", b"2", b"3", b"4"])

    def test_results_larger_than_a_part(self):
        """More than the 8 MiB that go in one part of an upload."""
        text = "ä" * 3000
        items = [{"n": n, "text": text} for n in range(800)]
        lines = [json.dumps(item, ensure_ascii=False) for item in items]
        self.write("large.jsonl", "\n".join(lines).encode())
        output = self.outputs(map_state(get("large.jsonl", InputType="JSONL"), put("large")))
        manifest = json.loads(self.read(output["ResultWriterDetails"]["Key"]))
        [file] = manifest["ResultFiles"]["SUCCEEDED"]
        self.assertGreater(file["Size"], 8 * 1024 * 1024)
        rows = json.loads(self.read(file["Key"]))
        numbers = sorted(json.loads(row["Output"])["n"] for row in rows)
        self.assertEqual(numbers, list(range(800)))

    def test_bad_data(self):
        reader_failed = "States.ItemReaderFailed"
        error, cause = self.failure(map_state(get("missing", InputType="JSON")))
        self.assertEqual(error, reader_failed)
        self.assertIn("(Service: Amazon S3; Status Code: 404; Error Code: NoSuchKey;", cause)
        self.write("whole.json", b"[1]")
        elsewhere = get("whole.json", InputType="JSON")
        elsewhere["Parameters"]["Bucket"] = "missing"
        error, cause = self.failure(map_state(elsewhere))
        self.assertEqual(error, reader_failed)
        self.assertIn("Error Code: NoSuchBucket;", cause)
        self.write("cut.json", b'[1, 2, {"a": ')
        error, cause = self.failure(map_state(get("cut.json", InputType="JSON")))
        self.assertEqual(error, reader_failed)
        self.assertEqual(cause, "The object is not valid JSON: it ends within an item.")
        self.write("latin.csv", "a\nä\n".encode("latin-1"))
        latin = get("latin.csv", InputType="CSV", CSVHeaderLocation="FIRST_ROW")
        error, cause = self.failure(map_state(latin))
        self.assertEqual(error, reader_failed)
        writer = put("jobs")
        writer["Parameters"]["Bucket"] = "missing"
        error, cause = self.failure(map_state(get("whole.json", InputType="JSON"), writer))
        self.assertEqual(error, "States.ResultWriterFailed")
        self.assertIn("Error Code: NoSuchBucket;", cause)


class FolderTest(DataTests, ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.objects = tempfile.mkdtemp(prefix="stairwell-objects-")
        os.mkdir(os.path.join(cls.objects, BUCKET))
        cls.server = Server(cls.data, "--s3-endpoint", f"file://{cls.objects}")
        cls.sfn = cls.server.client()
        cls.machines = []

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.objects, ignore_errors=True)

    def write(self, key, body):
        path = os.path.join(self.objects, BUCKET, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(body)

    def read(self, key):
        with open(os.path.join(self.objects, BUCKET, key), "rb") as file:
            return file.read()


class S3Test(DataTests, ServerTest):
    @classmethod
    def setUpClass(cls):
        url = start_moto(cls.addClassCleanup)
        cls.s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        cls.s3.create_bucket(Bucket=BUCKET)
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.server = Server(cls.data, "--s3-endpoint", url)
        cls.sfn = cls.server.client()
        cls.machines = []

    def write(self, key, body):
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def read(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
