"""Tasks that call services of AWS, as moto plays them: each protocol, right and wrong."""

import json
import time

from harness import create, ended
from moto_server import MotoTest


class AwsServicesTest(MotoTest):
    def task(self, action, parameters, **more):
        """How an execution of one task ends."""
        resource = f"arn:aws:states:::aws-sdk:{action}"
        task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **more}
        name = f"{action.replace(':', '-')}-{time.time_ns()}"
        machine = create(self.sfn, name, {"StartAt": "T", "States": {"T": task}})
        return ended(self.sfn, self.start(machine, {}))

    def result(self, action, parameters, **more):
        description = self.task(action, parameters, **more)
        self.assertEqual(description["status"], "SUCCEEDED", description)
        return json.loads(description["output"])

    def refused(self, action, parameters, error, cause):
        description = self.task(action, parameters)
        self.assertEqual(description.get("error"), error, description)
        self.assertIn(cause, description["cause"])

    def test_json(self):
        key = [{"AttributeName": "id", "KeyType": "HASH"}]
        types = [{"AttributeName": "id", "AttributeType": "S"}]
        table = {"TableName": "t", "KeySchema": key, "AttributeDefinitions": types}
        self.result("dynamodb:createTable", {**table, "BillingMode": "PAY_PER_REQUEST"})
        item = {"id": {"S": "1"}, "on": {"Bool": True}, "names": {"Ss": ["a"]}}
        self.assertEqual(self.result("dynamodb:putItem", {"TableName": "t", "Item": item}), {})
        got = self.result("dynamodb:getItem", {"TableName": "t", "Key": {"id": {"S": "1"}}})
        self.assertEqual(got["Item"], item)
        again = {"TableName": "t", "Item": item, "ConditionExpression": "attribute_not_exists(id)"}
        error = "DynamoDb.ConditionalCheckFailedException"
        cause = "(Service: DynamoDb, Status Code: 400, Request ID: "
        self.refused("dynamodb:putItem", again, error, cause)

    def test_rest_json(self):
        api = self.result("apigateway:createRestApi", {"Name": "a"})
        self.assertEqual(api["Name"], "a")
        got = self.result("apigateway:getRestApi", {"RestApiId": api["Id"]})
        self.assertEqual(got["Id"], api["Id"])
        error, cause = "ApiGateway.NotFoundException", "(Service: ApiGateway, Status Code: 404"
        self.refused("apigateway:getRestApi", {"RestApiId": "none"}, error, cause)

    def test_rest_xml(self):
        self.result("s3:createBucket", {"Bucket": "bucket"})
        put = {"Bucket": "bucket", "Key": "a/b c", "Body": {"n": 1}, "Metadata": {"owner": "me"}}
        self.result("s3:putObject", put)
        got = self.result("s3:getObject", {"Bucket": "bucket", "Key": "a/b c"})
        self.assertEqual((got["Body"], got["Metadata"]), ('{"n":1}', {"owner": "me"}))
        listed = self.result("s3:listObjectsV2", {"Bucket": "bucket", "Prefix": "a/"})
        self.assertEqual([it["Key"] for it in listed["Contents"]], ["a/b c"])
        delete = {"Bucket": "bucket", "Delete": {"Objects": [{"Key": "a/b c"}]}}
        self.assertEqual(self.result("s3:deleteObjects", delete)["Deleted"][0]["Key"], "a/b c")
        cause = "(Service: S3, Status Code: 404, Request ID: "
        missing = {"Bucket": "bucket", "Key": "none"}
        self.refused("s3:getObject", missing, "S3.NoSuchKeyException", cause)

    def test_query(self):
        topic = self.result("sns:createTopic", {"Name": "n", "Tags": [{"Key": "k", "Value": "v"}]})
        arn = topic["TopicArn"]
        tags = self.result("sns:listTagsForResource", {"ResourceArn": arn})
        self.assertEqual(tags["Tags"], [{"Key": "k", "Value": "v"}])
        attributes = {"TopicArn": arn, "Message": {"a": 1}, "MessageAttributes": {
            "x": {"DataType": "String", "StringValue": "y"}}}
        self.assertIn("MessageId", self.result("sns:publish", attributes))
        cause = "(Service: Sns, Status Code: 404, Request ID: "
        wrong = {"TopicArn": arn + "x", "Message": "m"}
        self.refused("sns:publish", wrong, "Sns.NotFoundException", cause)

    def test_ec2(self):
        vpc = self.result("ec2:createVpc", {"CidrBlock": "10.0.0.0/16"})["Vpc"]
        found = self.result("ec2:describeVpcs", {"VpcIds": [vpc["VpcId"]]})
        self.assertEqual(found["Vpcs"][0]["CidrBlock"], "10.0.0.0/16")
        error, cause = "Ec2.Ec2Exception", "(Service: Ec2, Status Code: 400, Request ID: "
        self.refused("ec2:describeVpcs", {"VpcIds": ["vpc-0"]}, error, cause)

    def test_a_role(self):
        role = {"RoleArn": "arn:aws:iam::123456789012:role/other"}
        identity = self.result("sts:getCallerIdentity", {}, Credentials=role)
        self.assertIn("assumed-role/other", identity["Arn"])

    def test_what_does_not_exist_is_refused_at_create(self):
        for action, parameters, message in [
            ("dynamodb:putItems", {}, "is not recognized"),
            ("dynamo:putItem", {}, "is not recognized"),
            ("sns:publish", {"Messag": "m"}, '"Messag" is not supported by Step Functions'),
            ("sqs:sendMessage", {"QueueUrl": "q"}, '"MessageBody" is required but was missing'),
        ]:
            with self.assertRaises(self.sfn.exceptions.InvalidDefinition) as raised:
                self.task(action, parameters)
            self.assertIn(message, str(raised.exception))
