"""Where services are: botocore's rule sets, evaluated for every region, and made short again.

`generate.py` writes what `rows` gives; `src/endpoint.rs` reads it. A rule set is a program over the
region and two settings (FIPS, dual-stack). Evaluated for every region there is, nearly all of them
say the same but for the region's name and the partition's domain, so what is kept is the template,
and the partitions and regions in which another one holds.
"""

import collections

from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError, EndpointProviderError
from botocore.regions import EndpointResolver

# With the mark of each in the templates that a service has unless it says otherwise.
VARIANTS = [
    # FIPS, dual-stack, template
    (False, False, "{p}.{r}.{s}"),
    (True, False, "{p}-fips.{r}.{s}"),
    (False, True, "{p}.{r}.{d}"),
    (True, True, "{p}-fips.{r}.{d}"),
]
SCHEME = "https://"


class Resolver:
    """Evaluates the rule set of one service."""

    def __init__(self, rule_set, partitions, older, prefix):
        self.older = EndpointResolver(older)
        self.prefix = prefix
        self.parameters = rule_set["parameters"]
        self.provider = EndpointProvider(rule_set, partitions)
        self.outputs = {it["id"]: it["outputs"] for it in partitions["partitions"]}
        self.regions = [
            (partition["id"], region) for partition in partitions["partitions"]
            for region in partition["regions"] if not region.endswith("-global")
        ]

    def endpoint(self, region, is_fips, is_dual_stack, static):
        """URL, region to sign for, name to sign for; None where there is none."""
        given = {
            name: it["default"] for name, it in self.parameters.items() if "default" in it
        }
        given |= {"Region": region, "UseFIPS": is_fips, "UseDualStack": is_dual_stack} | static
        given = {name: value for name, value in given.items() if name in self.parameters}
        try:
            found = self.provider.resolve_endpoint(**given)
        except EndpointProviderError:
            return None
        schemes = found.properties.get("authSchemes") or []
        scheme = next((it for it in schemes if it["name"] == "sigv4"), {})
        signing_region = scheme.get("signingRegion")
        if not signing_region:
            signing_region = self.older_signing_region(region, is_fips, is_dual_stack)
        return found.url, signing_region, scheme.get("signingName")

    def older_signing_region(self, region, is_fips, is_dual_stack):
        """What botocore signs for where the rules do not say: as endpoints.json has it."""
        try:
            found = self.older.construct_endpoint(
                self.prefix, region, use_fips_endpoint=is_fips,
                use_dualstack_endpoint=is_dual_stack,
            )
        except BotoCoreError:
            found = None
        return (found or {}).get("credentialScope", {}).get("region") or region

    def templates(self, partition, region, endpoint):
        """The ways in which an endpoint may be said, the most general one first."""
        if endpoint is None:
            return [None]
        url, signing_region, signing_name = endpoint
        assert url.startswith(SCHEME), url
        url = url.removeprefix(SCHEME)
        outputs = self.outputs[partition]
        ways = []
        for mark in (region, "\0"):
            text = url.replace(mark, "{r}")
            signed = "{r}" if signing_region == mark else signing_region
            for letter, key in [("d", "dualStackDnsSuffix"), ("s", "dnsSuffix")]:
                host, slash, path = text.partition("/")
                if host.endswith("." + outputs[key]):
                    host = host.removesuffix(outputs[key]) + "{" + letter + "}"
                    ways.append((host + slash + path, signed, signing_name))
            ways.append((text, signed, signing_name))
        return ways

    def variant(self, is_fips, is_dual_stack, static):
        """Template by region, by partition, and by `*` for every other one."""
        by_region = {
            (partition, region): self.templates(
                partition, region, self.endpoint(region, is_fips, is_dual_stack, static)
            )
            for partition, region in self.regions
        }
        rows = {}
        partitions = collections.defaultdict(list)
        for (partition, region), ways in by_region.items():
            partitions[partition].append((region, ways))
        best = {name: commonest([ways for _, ways in found]) for name, found in partitions.items()}
        rows["*"] = commonest([[way] for way in best.values()])
        for partition, found in partitions.items():
            if best[partition] != rows["*"]:
                rows[partition] = best[partition]
            for region, ways in found:
                if best[partition] not in ways:
                    rows[region] = ways[0]
        return rows


def commonest(choices):
    """What most of the lists have; of those that equally many have, the first."""
    counts = collections.Counter(way for ways in choices for way in dict.fromkeys(ways))
    return max(counts, key=lambda way: counts[way])


def shown(way, prefix):
    if way is None:
        return None
    template, region, name = way
    row = [template.replace(prefix + ".", "{p}.").replace(prefix + "-fips.", "{p}-fips.")
           if template.startswith((prefix + ".", prefix + "-fips.")) else template]
    if region != "{r}" or name:
        row.append(region)
    if name:
        row.append(name)
    return row[0] if len(row) == 1 else row


def rows(rule_set, partitions, older, prefix, signing_name, static=()):
    """For each variant what differs from its template, or None where nothing does."""
    resolver = Resolver(rule_set, partitions, older, prefix)
    found = []
    for is_fips, is_dual_stack, template in VARIANTS:
        rows = resolver.variant(is_fips, is_dual_stack, dict(static))
        rows = {
            place: way and (way[0], way[1], None if way[2] == signing_name else way[2])
            for place, way in rows.items()
        }
        rows = {place: shown(way, prefix) for place, way in rows.items()}
        if rows["*"] == template:
            del rows["*"]
        found.append(rows)
    while found and not found[-1]:
        found.pop()
    return found or None


def static_parameters(model, operation):
    """What an operation says to the rule set, where nothing else of it does."""
    shapes = model["shapes"]
    members = shapes[operation["input"]["shape"]].get("members", {}) if "input" in operation else {}
    if any("contextParam" in member for member in members.values()):
        return ()
    given = operation.get("staticContextParams", {})
    return tuple(sorted((name, it["value"]) for name, it in given.items()))
