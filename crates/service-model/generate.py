#!/usr/bin/env python3
"""Writes models/services.bin, the shapes of every service's API and its endpoints, from botocore's
models and rule sets.

    python3 crates/service-model/generate.py

Needs botocore (the models are read from the installed package; see ../../NOTICE) and nothing else.
The form of the file is described in src/file.rs. The same botocore gives the same bytes.
"""

import gzip
import json
import pathlib
import re
import struct
import zlib

import botocore

import endpoints

DATA = pathlib.Path(botocore.__file__).parent / "data"
OUT = pathlib.Path(__file__).parent / "models" / "services.bin"

# Best first: the codecs that the client has; the last one it has not.
PROTOCOLS = ["json", "rest-json", "rest-xml", "query", "ec2", "smithy-rpc-v2-cbor"]

KINDS = {
    "string": "s", "blob": "b", "integer": "i", "long": "l", "double": "d", "float": "f",
    "boolean": "t", "timestamp": "w", "list": "a", "map": "m", "structure": "o",
}
LOCATIONS = {"uri": "u", "querystring": "q", "header": "h", "headers": "H", "statusCode": "c"}


def words(text):
    """The words of a name, as the AWS SDK for Java 2 splits it."""
    text = re.sub(r"[^A-Za-z0-9]+", " ", text)
    text = re.sub(r"([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", text)
    text = re.sub(r"([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", " ", text)
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", text)
    text = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", text)
    return text.split()


def pascal(text):
    return "".join(word[0].upper() + word[1:].lower() for word in words(text))


def java_name(service_id):
    """The service's name in the AWS SDK for Java 2, which Step Functions' names come from."""
    name = pascal(service_id)
    for leading in ["Amazon", "Aws"]:
        if name.startswith(leading):
            name = name[len(leading):]
    return name.removesuffix("Service")


def trimmed(values):
    while values and values[-1] in (None, 0, {}, []):
        values.pop()
    return values


class Model:
    """One service, with every shape that its operations reach; equal shapes are one."""

    def __init__(self, model, rule_set, partitions, older):
        self.model = model
        self.older = older
        self.rule_set = rule_set
        self.partitions = partitions
        self.places = {}
        self.shapes = []
        self.interned = {}

    def shape(self, name):
        if name in self.places:
            return self.places[name]
        shape = self.model["shapes"][name]
        kind = shape["type"]
        if kind == "structure":
            # Structures may hold themselves: theirs is a place before their members are known.
            place = self.places[name] = len(self.shapes)
            self.shapes.append(None)
            self.shapes[place] = self.structure(shape)
            return place
        if kind in ("list", "map"):
            place = self.places[name] = len(self.shapes)
            self.shapes.append(None)
            self.shapes[place] = self.container(shape)
            return place
        compact = trimmed([
            KINDS[kind], shape.get("min"), shape.get("max"), shape.get("enum"),
            shape.get("timestampFormat"),
        ])
        key = json.dumps(compact)
        if key not in self.interned:
            self.interned[key] = len(self.shapes)
            self.shapes.append(compact)
        self.places[name] = self.interned[key]
        return self.places[name]

    def container(self, shape):
        flattened = 1 if shape.get("flattened") else 0
        if shape["type"] == "list":
            member = shape["member"]
            return trimmed([
                "a", self.shape(member["shape"]), shape.get("min"), shape.get("max"),
                flattened, member.get("locationName"), self.traits(member),
            ])
        return trimmed([
            "m", self.shape(shape["key"]["shape"]), self.shape(shape["value"]["shape"]),
            flattened, shape["key"].get("locationName"), shape["value"].get("locationName"),
        ])

    def structure(self, shape):
        required = set(shape.get("required", []))
        payload = shape.get("payload")
        members = []
        for name, member in shape.get("members", {}).items():
            traits = self.traits(member)
            if name in required:
                traits["r"] = 1
            if name == payload:
                traits["p"] = 1
            members.append(trimmed([name, self.shape(member["shape"]), traits]))
        marks = ""
        if shape.get("document"):
            marks += "d"
        if shape.get("union"):
            marks += "u"
        if shape.get("eventstream"):
            marks += "e"
        namespace = shape.get("xmlNamespace")
        return trimmed(["o", members, marks or None, namespace and namespace["uri"]])

    def traits(self, member):
        traits = {}
        if member.get("locationName"):
            traits["n"] = member["locationName"]
        if member.get("location"):
            traits["l"] = LOCATIONS[member["location"]]
        target = self.model["shapes"][member["shape"]]
        for key, letter in [("idempotencyToken", "i"), ("hostLabel", "h"), ("jsonvalue", "j"),
                            ("xmlAttribute", "a"), ("flattened", "f"), ("streaming", "s")]:
            if member.get(key):
                traits[letter] = 1
        if target.get("streaming"):
            traits["s"] = 1
        if member.get("queryName"):
            traits["q"] = member["queryName"]
        if member.get("timestampFormat"):
            traits["t"] = member["timestampFormat"]
        namespace = member.get("xmlNamespace")
        if namespace:
            traits["x"] = [namespace["uri"], namespace.get("prefix")]
        return traits

    def operation(self, operation):
        http = operation["http"]
        extras = {}
        reference = operation.get("input", {})
        if reference.get("locationName"):
            extras["n"] = reference["locationName"]
        if reference.get("xmlNamespace"):
            extras["x"] = reference["xmlNamespace"]["uri"]
        output = operation.get("output", {})
        if output.get("resultWrapper"):
            extras["w"] = output["resultWrapper"]
        if operation.get("endpoint", {}).get("hostPrefix"):
            extras["h"] = operation["endpoint"]["hostPrefix"]
        checksum = operation.get("httpChecksum", {})
        if operation.get("httpChecksumRequired") or checksum.get("requestChecksumRequired"):
            extras["c"] = 1
        if operation.get("authtype") == "none" or operation.get("auth") == ["smithy.api#noAuth"]:
            extras["a"] = 1
        endpoint = self.endpoint(endpoints.static_parameters(self.model, operation))
        if endpoint:
            extras["e"] = endpoint
        return trimmed([
            operation["name"],
            self.shape(reference["shape"]) if reference else -1,
            self.shape(output["shape"]) if output else -1,
            [self.error(error["shape"]) for error in operation.get("errors", [])],
            extras,
            None if http.get("method") == "POST" else http.get("method"),
            None if http["requestUri"] == "/" else http["requestUri"],
        ])

    def endpoint(self, static):
        """The place in `endpoints` of what holds for an operation with such parameters."""
        if static not in self.endpoint_places:
            metadata = self.model["metadata"]
            prefix = metadata["endpointPrefix"]
            name = metadata.get("signingName", prefix)
            rule_set, partitions, older = self.rule_set, self.partitions, self.older
            rows = endpoints.rows(rule_set, partitions, older, prefix, name, static)
            if rows not in self.endpoint_rows:
                self.endpoint_rows.append(rows)
            self.endpoint_places[static] = self.endpoint_rows.index(rows)
        return self.endpoint_places[static]

    def error(self, name):
        if name not in self.errors:
            shape = self.model["shapes"][name]
            error = shape.get("error", {})
            code = error.get("code")
            self.errors[name] = len(self.errors)
            self.error_rows.append(
                trimmed([name, code if code != name else None, error.get("httpStatusCode")]))
        return self.errors[name]

    def compact(self):
        metadata = self.model["metadata"]
        self.errors, self.error_rows = {}, []
        self.endpoint_places, self.endpoint_rows = {}, []
        self.endpoint(())
        # Every error of the service may come of every operation.
        for name, shape in self.model["shapes"].items():
            if shape.get("exception"):
                self.error(name)
        operations = [self.operation(it) for it in self.model["operations"].values()]
        offered = metadata.get("protocols") or [metadata["protocol"]]
        # Where the preferred one is another, what else the service offers is as good.
        protocol = next(it for it in PROTOCOLS if it in offered or it == metadata["protocol"])
        if metadata["protocol"] in PROTOCOLS[:-1]:
            protocol = metadata["protocol"]
        service = {
            "id": metadata["serviceId"],
            "java": java_name(metadata["serviceId"]),
            "protocol": protocol,
            "endpoint": metadata["endpointPrefix"],
            "signing": metadata.get("signingName"),
            "signature": metadata["signatureVersion"],
            "json": metadata.get("jsonVersion"),
            "target": metadata.get("targetPrefix"),
            "version": metadata["apiVersion"] if protocol in ("query", "ec2") else None,
            "xmlns": metadata.get("xmlNamespace"),
            "query_errors": 1 if "awsQueryCompatible" in metadata else None,
            "endpoints": None if self.endpoint_rows == [None] else self.endpoint_rows,
            "errors": self.error_rows,
            "operations": operations,
            "shapes": self.shapes,
        }
        return {key: value for key, value in service.items() if value is not None}


def read(path):
    if path.exists():
        return json.loads(path.read_text())
    zipped = path.with_name(path.name + ".gz")
    return json.loads(gzip.decompress(zipped.read_bytes())) if zipped.exists() else None


def partition_rows(partitions):
    return [
        [it["id"], it["outputs"]["dnsSuffix"], it["outputs"]["dualStackDnsSuffix"]]
        for it in partitions["partitions"]
    ]


def main():
    partitions = read(DATA / "partitions.json")
    older = read(DATA / "endpoints.json")
    frames, index = [], []
    seen = {}
    for folder in sorted(DATA.iterdir()):
        if not folder.is_dir():
            continue
        versions = [it for it in sorted(folder.iterdir()) if read(it / "service-2.json")]
        if not versions:
            continue
        rule_set = read(versions[-1] / "endpoint-rule-set-1.json")
        model = read(versions[-1] / "service-2.json")
        model = Model(model, rule_set, partitions, older).compact()
        name = model["java"].lower()
        if name in seen:
            # Two folders of botocore hold one service under its older and its newer name.
            print(f"{folder.name} is {seen[name]} again: left out")
            continue
        seen[name] = folder.name
        text = json.dumps(model, separators=(",", ":"), ensure_ascii=False).encode()
        index.append([name, len(text)])
        frames.append(zlib.compress(text, 9)[2:-4])
    order = sorted(range(len(index)), key=lambda at: index[at][0])
    rows = [[index[at][0], len(frames[at]), index[at][1]] for at in order]
    head = {"botocore": botocore.__version__, "partitions": partition_rows(partitions), "services": rows}
    head = json.dumps(head, separators=(",", ":")).encode()
    OUT.parent.mkdir(exist_ok=True)
    with OUT.open("wb") as out:
        out.write(struct.pack("<I", len(head)))
        out.write(head)
        for at in order:
            out.write(frames[at])
    total = sum(size for _, size in index)
    print(f"{len(rows)} services of botocore {botocore.__version__}: {total} bytes of JSON, "
          f"{OUT.stat().st_size} in {OUT.name}")


if __name__ == "__main__":
    main()
