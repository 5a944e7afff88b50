"""Prints where botocore finds every service: `tests/botocore.rs` compares.

For each service that has rules and each of the regions and variants below a line of JSON: the
service's id, region, FIPS, dual-stack, URL, region to sign for; no URL where botocore finds none.
"""

import json
import urllib.parse

import botocore.session
from botocore.config import Config
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import EndpointProviderError

REGIONS = ["us-east-1", "eu-west-3", "ap-southeast-2", "cn-north-1", "us-gov-west-1",
           "us-iso-east-1", "eusc-de-east-1"]
# These are called by clients as well, whose requests are caught: what to call them with.
CALLS = {
    "iam": ("list_users", {}), "sts": ("get_caller_identity", {}),
    "dynamodb": ("list_tables", {}), "datazone": ("list_domains", {}),
    "support": ("describe_cases", {}), "geo-maps": ("get_style_descriptor", {"Style": "Standard"}),
    "batch": ("describe_job_queues", {}), "route53": ("list_hosted_zones", {}),
    "organizations": ("describe_organization", {}), "dsql": ("list_clusters", {}),
    "health": ("describe_events", {}), "s3vectors": ("list_vector_buckets", {}),
}

session = botocore.session.get_session()
loader = session.get_component("data_loader")
partitions = loader.load_data("partitions")
endpoints = session.get_component("endpoint_resolver")


def show(service, region, fips, dual_stack, url, signing_region):
    print(json.dumps([service, region, fips, dual_stack, url, signing_region]))


for name in loader.list_available_services("endpoint-rule-set-1"):
    metadata = loader.load_service_model(name, "service-2")["metadata"]
    service, prefix = metadata["serviceId"], metadata["endpointPrefix"]
    rules = loader.load_service_model(name, "endpoint-rule-set-1")
    provider = EndpointProvider(rules, partitions)
    defaults = {
        key: it["default"] for key, it in rules["parameters"].items() if "default" in it
    }
    for region in REGIONS:
        for fips in (False, True):
            for dual_stack in (False, True):
                given = {"Region": region, "UseFIPS": fips, "UseDualStack": dual_stack}
                given = {**defaults, **given}
                given = {key: it for key, it in given.items() if key in rules["parameters"]}
                try:
                    found = provider.resolve_endpoint(**given)
                except EndpointProviderError:
                    show(service, region, fips, dual_stack, None, None)
                    continue
                schemes = found.properties.get("authSchemes", [])
                signing = [it.get("signingRegion") for it in schemes if it["name"] == "sigv4"]
                # Where the rules do not say it, clients look into an older file.
                older = endpoints.construct_endpoint(prefix, region) or {}
                older = older.get("credentialScope", {}).get("region") or region
                signing_region = next(filter(None, signing), older)
                show(service, region, fips, dual_stack, found.url, signing_region)


class Caught(Exception):
    """Nothing is sent."""


def catch(request, **_):
    raise Caught(request)


for name, (operation, parameters) in CALLS.items():
    for region, fips in [("us-east-1", False), ("eu-west-3", False), ("us-east-1", True)]:
        client = session.create_client(
            name, region, config=Config(use_fips_endpoint=fips, retries={"max_attempts": 0}),
            aws_access_key_id="test", aws_secret_access_key="test",
        )
        client.meta.events.register("before-send", catch)
        try:
            getattr(client, operation)(**parameters)
        except Caught as caught:
            request = caught.args[0]
        signed = str(request.headers["Authorization"]).split("Credential=")[1].split("/")
        url = "https://" + urllib.parse.urlsplit(request.url).netloc
        show(client.meta.service_model.service_id, region, fips, False, url, signed[2])
