"""Terraform with the AWS provider: apply, plan without a difference, update, move an alias, destroy.

Twice: state machines alone, with keys that nobody checks; and the HCL of the provider's page for the
action aws_sfn_start_execution with roles and policies, where Stairwell is the only endpoint and
knows its callers. The action itself needs a newer Terraform and provider than those that are looked
for: what it sends is sent by boto3.

Skipped, with the reason, where the terraform command or the provider is not there. The provider is
looked for in the folders of PROVIDER_FOLDERS, each laid out as `terraform providers mirror` does.
"""

import glob
import json
import os
import shutil
import subprocess
import tempfile

from harness import ACCOUNT, ENVIRONMENT, REGION, ROLE, Server, ServerTest, ended

PROVIDER_FOLDERS = [
    os.environ.get("STAIRWELL_TERRAFORM_PLUGINS", ""),
    os.environ.get("TF_PLUGIN_CACHE_DIR", ""),
    "/opt/tf-plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    os.path.expanduser("~/.terraform.d/plugins"),
    os.path.expanduser("~/.terraform.d/plugin-cache"),
]

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = "%(region)s"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  skip_region_validation      = true
  endpoints {
    sfn = "%(url)s"
  }
}
"""

RESOURCES = """
variable "seconds" { type = number }
variable "routed" { type = number }

resource "aws_sfn_activity" "work" {
  name = "terraform-work"
  tags = { team = "a" }
}

resource "aws_sfn_state_machine" "flow" {
  name     = "terraform-flow"
  role_arn = "%(role)s"
  publish  = true
  tags     = { team = "a", seconds = tostring(var.seconds) }

  logging_configuration {
    log_destination        = "arn:aws:logs:%(region)s:%(account)s:log-group:flow:*"
    include_execution_data = true
    level                  = "ERROR"
  }

  tracing_configuration {
    enabled = true
  }

  definition = jsonencode({
    StartAt = "Rest"
    States = {
      Rest = { Type = "Wait", Seconds = var.seconds, Next = "Work" }
      Work = { Type = "Task", Resource = aws_sfn_activity.work.id, End = true }
    }
  })
}

resource "aws_sfn_alias" "live" {
  name = "live"
  routing_configuration {
    state_machine_version_arn = "${aws_sfn_state_machine.flow.arn}:${var.routed}"
    weight                    = 100
  }
}

resource "aws_sfn_state_machine" "quick" {
  name       = "terraform-quick"
  role_arn   = "%(role)s"
  type       = "EXPRESS"
  definition = jsonencode({ StartAt = "S", States = { S = { Type = "Succeed" } } })
}

data "aws_sfn_activity" "work" {
  name       = aws_sfn_activity.work.name
  depends_on = [aws_sfn_activity.work]
}

data "aws_sfn_state_machine" "flow" {
  name       = aws_sfn_state_machine.flow.name
  depends_on = [aws_sfn_state_machine.flow]
}

data "aws_sfn_alias" "live" {
  name              = aws_sfn_alias.live.name
  statemachine_arn  = aws_sfn_state_machine.flow.arn
}

data "aws_sfn_state_machine_versions" "flow" {
  statemachine_arn = aws_sfn_state_machine.flow.arn
  depends_on       = [aws_sfn_state_machine.flow]
}

output "activity" { value = data.aws_sfn_activity.work.id }
output "flow" { value = data.aws_sfn_state_machine.flow.arn }
output "alias" { value = data.aws_sfn_alias.live.arn }
output "versions" { value = data.aws_sfn_state_machine_versions.flow.statemachine_versions }
"""


def provider_folder():
    """A folder with the provider in it, or none."""
    for folder in filter(None, PROVIDER_FOLDERS):
        if glob.glob(os.path.join(folder, "*", "hashicorp", "aws", "*", "*", "*provider-aws*")):
            return folder
    return None


class Terraform(ServerTest):
    """A working folder with the HCL of `source`, once its fields are filled in."""

    options = ("--log-executions", "off")
    key = ("test", "test")
    source = PROVIDER + RESOURCES

    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.server = Server(cls.data, *cls.options)
        cls.sfn = cls.server.client(key=cls.key[0], secret=cls.key[1])

    def setUp(self):
        if not shutil.which("terraform"):
            self.skipTest("the terraform command is not installed")
        self.folder = provider_folder()
        if not self.folder:
            self.skipTest(
                "the AWS provider of Terraform is in none of the folders where this test looks; "
                "STAIRWELL_TERRAFORM_PLUGINS may name another"
            )
        self.work = tempfile.mkdtemp(prefix="stairwell-terraform-")
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        values = {"region": REGION, "url": self.server.url, "role": ROLE, "account": ACCOUNT,
                  "key": self.key[0], "secret": self.key[1]}
        with open(os.path.join(self.work, "main.tf"), "w", encoding="utf-8") as file:
            file.write(self.source % values)
        self.terraform("init", "-input=false", f"-plugin-dir={self.folder}")

    def terraform(self, *arguments, expected=0):
        """The output of a command that ends with that status."""
        run = subprocess.run(
            ["terraform", arguments[0], "-no-color", *arguments[1:]],
            cwd=self.work,
            env={**ENVIRONMENT, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(run.returncode, expected, f"{arguments}\n{run.stdout}\n{run.stderr}")
        return run.stdout

    def apply(self, plans=True, **variables):
        """The outputs after an apply, which left nothing to do where that is planned for."""
        values = [part for name, value in variables.items() for part in ("-var", f"{name}={value}")]
        self.terraform("apply", "-auto-approve", "-input=false", *values)
        if plans:
            # 0: succeeded, and there is no difference; 2: there is one.
            planned = self.terraform("plan", "-detailed-exitcode", "-input=false", *values)
            self.assertIn("No changes", planned)
        outputs = json.loads(self.terraform("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def versions(self, flow):
        listed = self.sfn.list_state_machine_versions(stateMachineArn=flow)
        return listed["stateMachineVersions"]


class StateMachines(Terraform):
    """State machines, an activity and an alias on a server that takes any key."""

    def routed_to(self, alias):
        described = self.sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
        (route,) = described["routingConfiguration"]
        return int(route["stateMachineVersionArn"].rsplit(":", 1)[1])

    def test_apply_update_and_destroy(self):
        first = self.apply(seconds=1, routed=1)
        flow, alias = first["flow"], first["alias"]
        self.assertEqual(len(first["versions"]), 1)
        self.assertEqual(self.routed_to(alias), 1)
        described = self.sfn.describe_state_machine(stateMachineArn=flow)
        self.assertTrue(described["tracingConfiguration"]["enabled"])
        self.assertEqual(described["loggingConfiguration"]["level"], "ERROR")

        # An update publishes another version; the alias stays until it is moved.
        second = self.apply(seconds=2, routed=1)
        self.assertEqual(len(self.versions(flow)), 2)
        self.assertEqual(self.routed_to(alias), 1)
        self.apply(seconds=2, routed=2)
        self.assertEqual(self.routed_to(alias), 2)
        tags = self.sfn.list_tags_for_resource(resourceArn=flow)["tags"]
        self.assertIn({"key": "seconds", "value": "2"}, tags)
        self.assertEqual(second["activity"], first["activity"])

        # A definition that is none is found at plan time.
        main = os.path.join(self.work, "main.tf")
        with open(main, encoding="utf-8") as file:
            sound = file.read()
        with open(main, "w", encoding="utf-8") as file:
            file.write(sound.replace('StartAt = "Rest"', 'StartAt = "Nowhere"'))
        values = ["-var", "seconds=2", "-var", "routed=2"]
        self.terraform("plan", "-input=false", *values, expected=1)
        with open(main, "w", encoding="utf-8") as file:
            file.write(sound)

        self.terraform("destroy", "-auto-approve", "-input=false", *values)
        self.assertEqual(self.sfn.list_state_machines()["stateMachines"], [])
        self.assertEqual(self.sfn.list_activities()["activities"], [])


KEY, SECRET = "AKIDTERRAFORM0000000", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

# Every call is signed, and every signature is verified.
ONLY_ENDPOINT = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                  = "%(region)s"
  access_key              = "%(key)s"
  secret_key              = "%(secret)s"
  skip_metadata_api_check = true
  endpoints {
    iam = "%(url)s"
    sfn = "%(url)s"
    sts = "%(url)s"
  }
}
"""

# The resources of https://registry.terraform.io/providers/hashicorp/aws/latest/docs/actions/sfn_start_execution,
# with the names that the provider has: `state_machine_version_arn` for `version_number`, and a
# `routing_configuration` without `state_machine_version_weight`; and the role that they need.
PAGE = """
variable "result" { type = string }

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "nested" {
  statement {
    actions   = ["states:StartExecution"]
    resources = [aws_sfn_state_machine.child.arn]
  }
}

resource "aws_iam_role" "sfn" {
  name                 = "terraform-sfn"
  path                 = "/workflows/"
  description          = "What the workflows may do"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 7200
  tags                 = { team = "a" }
}

resource "aws_iam_role_policy" "nested" {
  name   = "nested"
  role   = aws_iam_role.sfn.id
  policy = data.aws_iam_policy_document.nested.json
}

resource "aws_iam_policy" "logs" {
  name        = "terraform-logs"
  description = "For the delivery of logs"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "logs:*", Resource = "*" }]
  })
  tags = { team = "a" }
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.sfn.name
  policy_arn = aws_iam_policy.logs.arn
}

resource "aws_iam_role" "child" {
  name               = "terraform-child"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_sfn_state_machine" "child" {
  name       = "example-child"
  role_arn   = aws_iam_role.child.arn
  definition = jsonencode({ StartAt = "P", States = { P = { Type = "Pass", End = true } } })
}

resource "aws_sfn_state_machine" "example" {
  name     = "example-state-machine"
  role_arn = aws_iam_role.sfn.arn
  publish  = true

  logging_configuration {
    log_destination = "arn:aws:logs:%(region)s:%(account)s:log-group:example:*"
    level           = "ERROR"
  }

  definition = jsonencode({
    Comment = "A simple minimal example"
    StartAt = "Start"
    States = {
      Start = {
        Type     = "Task"
        Resource = "arn:aws:states:::states:startExecution"
        Parameters = { StateMachineArn = aws_sfn_state_machine.child.arn }
        Next     = "Hello"
      }
      Hello = {
        Type   = "Pass"
        Result = var.result
        End    = true
      }
    }
  })

  depends_on = [aws_iam_role_policy_attachment.logs]
}

resource "aws_sfn_alias" "prod" {
  name = "PROD"
  routing_configuration {
    state_machine_version_arn = aws_sfn_state_machine.example.state_machine_version_arn
    weight                    = 100
  }
}

data "aws_iam_role" "sfn" {
  name = aws_iam_role.sfn.name
}

output "account" { value = data.aws_caller_identity.current.account_id }
output "caller" { value = data.aws_caller_identity.current.arn }
output "role" { value = data.aws_iam_role.sfn.arn }
output "machine" { value = aws_sfn_state_machine.example.arn }
output "version" { value = aws_sfn_state_machine.example.state_machine_version_arn }
output "alias" { value = aws_sfn_alias.prod.arn }
"""


class OnlyEndpoint(Terraform):
    """Roles, policies, a state machine, a version and an alias on a server that knows its callers."""

    options = (
        "--log-executions", "off", "--require-auth", "--roles", "enforce",
        "--access-key", f"{KEY}={ACCOUNT}:{SECRET}",
    )
    key = (KEY, SECRET)
    source = ONLY_ENDPOINT + PAGE

    def test_roles_versions_aliases_and_what_the_action_sends(self):
        made = self.apply(result="Hello World!")
        self.assertEqual(made["account"], ACCOUNT)
        self.assertEqual(made["caller"], f"arn:aws:iam::{ACCOUNT}:root")
        role = f"arn:aws:iam::{ACCOUNT}:role/workflows/terraform-sfn"
        machine = made["machine"]
        self.assertEqual(made["role"], role)
        self.assertEqual(made["version"], f"{machine}:1")
        self.assertEqual(self.sfn.describe_state_machine(stateMachineArn=machine)["roleArn"], role)
        self.start_as_the_action_does(made)

        # An update publishes a version, and the alias follows.
        updated = self.apply(plans=False, result="Hello again!")
        self.assertEqual(updated["version"], f"{machine}:2")
        alias = self.sfn.describe_state_machine_alias(stateMachineAliasArn=updated["alias"])
        (route,) = alias["routingConfiguration"]
        self.assertEqual(route["stateMachineVersionArn"], f"{machine}:2")

        self.terraform("destroy", "-auto-approve", "-input=false", "-var", "result=x")
        self.assertEqual(self.sfn.list_state_machines()["stateMachines"], [])
        iam = self.server.client(service="iam", key=KEY, secret=SECRET)
        self.assertEqual(iam.list_roles()["Roles"], [])
        self.assertEqual(iam.list_policies(Scope="Local")["Policies"], [])

    def start_as_the_action_does(self, made):
        """Every argument of aws_sfn_start_execution, in every form that its page has."""
        machine, version, alias = made["machine"], made["version"], made["alias"]
        trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
        sent = [
            {"stateMachineArn": machine, "input": '{"user_id":"12345","action":"process"}'},
            {"stateMachineArn": machine, "name": "deployment-1", "input": '{"environment":"e"}'},
            {"stateMachineArn": version, "input": '{"version":"v2"}'},
            {"stateMachineArn": alias, "input": '{"environment":"production"}'},
            {"stateMachineArn": machine, "traceHeader": trace, "input": "{}"},
            {"stateMachineArn": machine},
        ]
        for request in sent:
            started = self.sfn.start_execution(**request)["executionArn"]
            told = ended(self.sfn, started)
            self.assertEqual(told["status"], "SUCCEEDED", told)
            self.assertEqual(told["output"], '"Hello World!"')
            self.assertEqual(told["stateMachineArn"], machine)
            self.assertEqual(told["input"], request.get("input", "{}"))
            self.assertEqual(told.get("traceHeader"), request.get("traceHeader"))
            if "name" in request:
                self.assertEqual(told["name"], request["name"])
            by = request["stateMachineArn"]
            self.assertEqual(told.get("stateMachineAliasArn"), by if by == alias else None)
            at_version = version if by != machine else None
            self.assertEqual(told.get("stateMachineVersionArn"), at_version)
        # `region`: another one than the provider's.
        elsewhere = self.server.client(region="eu-west-1", key=KEY, secret=SECRET)
        with self.assertRaises(elsewhere.exceptions.StateMachineDoesNotExist):
            elsewhere.start_execution(stateMachineArn=machine)
