"""Terraform with the AWS provider: apply, plan without a difference, update, move an alias, destroy.

Skipped, with the reason, where the terraform command or the provider is not there. The provider is
looked for in the folders of PROVIDER_FOLDERS, each laid out as `terraform providers mirror` does.
"""

import glob
import json
import os
import shutil
import subprocess
import tempfile

from harness import ACCOUNT, ENVIRONMENT, REGION, ROLE, Server, ServerTest

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


class TerraformTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.data = tempfile.mkdtemp(prefix="stairwell-e2e-")
        cls.server = Server(cls.data, "--log-executions", "off")
        cls.sfn = cls.server.client()

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
        values = {"region": REGION, "url": self.server.url, "role": ROLE, "account": ACCOUNT}
        with open(os.path.join(self.work, "main.tf"), "w", encoding="utf-8") as file:
            file.write(PROVIDER % values + RESOURCES % values)

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

    def apply(self, seconds, routed):
        values = ["-var", f"seconds={seconds}", "-var", f"routed={routed}"]
        self.terraform("apply", "-auto-approve", "-input=false", *values)
        # 0: succeeded, and there is no difference; 2: there is one.
        self.terraform("plan", "-detailed-exitcode", "-input=false", *values)
        outputs = json.loads(self.terraform("output", "-json"))
        return {name: output["value"] for name, output in outputs.items()}

    def routed_to(self, alias):
        described = self.sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
        (route,) = described["routingConfiguration"]
        return int(route["stateMachineVersionArn"].rsplit(":", 1)[1])

    def test_apply_update_and_destroy(self):
        self.terraform("init", "-input=false", f"-plugin-dir={self.folder}")
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

    def versions(self, flow):
        listed = self.sfn.list_state_machine_versions(stateMachineArn=flow)
        return listed["stateMachineVersions"]
