//! Where services are, in each region.
//! See <https://docs.aws.amazon.com/general/latest/gr/rande.html>.

use std::collections::BTreeMap;

use json::{Object, Value};

use crate::file::{array, optional_text, text};
use crate::{Operation, Service, file, partition};

/// Which of a service's endpoints is meant, of those that it has in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointVariant {
    /// One whose cryptography is validated by FIPS 140.
    pub fips: bool,
    /// One with addresses of IPv6 as well.
    pub dual_stack: bool,
}

/// An endpoint of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceEndpoint {
    /// Its host, and what paths begin with where they do: `maps.geo.eu-west-1.amazonaws.com/v2`.
    pub place: String,
    /// The region that requests there are signed for.
    pub signing_region: String,
    /// The name that requests there are signed for.
    pub signing_name: String,
}

/// What a service's endpoints are, as far as they are not what they are for most services.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct EndpointRules {
    /// By variant; then by region, else by partition, else `*`. None where there is no endpoint.
    variants: [BTreeMap<String, Option<EndpointRule>>; 4],
}

#[derive(Debug, PartialEq)]
struct EndpointRule {
    /// `{p}` is the endpoint prefix, `{r}` the region, `{s}` the domain, `{d}` that of dual-stack
    /// endpoints.
    template: String,
    /// Another region than the request's.
    signing_region: Option<String>,
    /// Another name than the service's.
    signing_name: Option<String>,
}

/// What holds where a service says nothing else.
const TEMPLATES: [&str; 4] = ["{p}.{r}.{s}", "{p}-fips.{r}.{s}", "{p}.{r}.{d}", "{p}-fips.{r}.{d}"];

impl EndpointVariant {
    fn index(self) -> usize {
        usize::from(self.fips) + 2 * usize::from(self.dual_stack)
    }
}

impl EndpointRules {
    pub(crate) fn read(variants: &Value) -> EndpointRules {
        let mut rules = EndpointRules::default();
        for (index, rows) in array(Some(variants)).iter().enumerate() {
            let rows = rows.as_object().into_iter().flat_map(Object::iter);
            let rows = rows.map(|(place, row)| (place.to_string(), EndpointRule::read(row)));
            rules.variants[index] = rows.collect();
        }
        rules
    }

    /// The rule, where the service says something of its own; none within where it has no endpoint.
    fn find(&self, region: &str, variant: EndpointVariant) -> Option<Option<&EndpointRule>> {
        let rows = &self.variants[variant.index()];
        let mut found = [region, partition(region), "*"].into_iter().map(|place| rows.get(place));
        found.find_map(|row| row).map(Option::as_ref)
    }
}

impl EndpointRule {
    fn read(row: &Value) -> Option<EndpointRule> {
        let plain = |template: &Value| text(Some(template));
        match row {
            Value::Null => None,
            Value::Array(parts) => Some(EndpointRule {
                template: text(parts.first()),
                signing_region: optional_text(parts.get(1)).filter(|region| region != "{r}"),
                signing_name: optional_text(parts.get(2)),
            }),
            template => Some(EndpointRule {
                template: plain(template),
                signing_region: None,
                signing_name: None,
            }),
        }
    }
}

impl Service {
    /// The endpoint of the service in a region, for that operation or, without one, for most; none
    /// where AWS has none of that variant.
    pub fn endpoint(
        &self,
        operation: Option<&Operation>,
        region: &str,
        variant: EndpointVariant,
    ) -> Option<ServiceEndpoint> {
        let place = operation.map_or(0, |operation| operation.endpoint);
        let rules = self.endpoints.get(place);
        let rule = match rules.and_then(|rules| rules.find(region, variant)) {
            Some(None) => return None,
            Some(rule) => rule,
            None => None,
        };
        let template = rule.map_or(TEMPLATES[variant.index()], |rule| &rule.template);
        let (domain, dual_stack_domain) = file::domains(partition(region));
        let place = template
            .replace("{p}", &self.endpoint_prefix)
            .replace("{r}", region)
            .replace("{s}", domain)
            .replace("{d}", dual_stack_domain);
        let own_region = rule.and_then(|rule| rule.signing_region.as_deref());
        let own_name = rule.and_then(|rule| rule.signing_name.as_deref());
        Some(ServiceEndpoint {
            place,
            signing_region: own_region.unwrap_or(region).to_owned(),
            signing_name: own_name.unwrap_or(&self.signing_name).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_where_aws_has_them() {
        let plain = EndpointVariant::default();
        let fips = EndpointVariant { fips: true, ..plain };
        let dual_stack = EndpointVariant { dual_stack: true, ..plain };
        let both = EndpointVariant { fips: true, dual_stack: true };
        for (service, region, variant, expected) in [
            ("dynamodb", "eu-west-1", plain, "dynamodb.eu-west-1.amazonaws.com eu-west-1"),
            ("dynamodb", "us-east-1", fips, "dynamodb-fips.us-east-1.amazonaws.com us-east-1"),
            (
                "dynamodb",
                "us-gov-west-1",
                fips,
                "dynamodb.us-gov-west-1.amazonaws.com us-gov-west-1",
            ),
            ("dynamodb", "us-east-1", dual_stack, "dynamodb.us-east-1.api.aws us-east-1"),
            ("iam", "eu-west-1", plain, "iam.amazonaws.com us-east-1"),
            ("iam", "cn-north-1", plain, "iam.cn-north-1.amazonaws.com.cn cn-north-1"),
            ("sqs", "cn-north-1", plain, "sqs.cn-north-1.amazonaws.com.cn cn-north-1"),
            ("sfn", "us-gov-west-1", fips, "states.us-gov-west-1.amazonaws.com us-gov-west-1"),
            ("batch", "us-east-1", fips, "fips.batch.us-east-1.amazonaws.com us-east-1"),
            ("datazone", "eu-west-1", plain, "datazone.eu-west-1.api.aws eu-west-1"),
            ("support", "eu-west-1", plain, "support.us-east-1.amazonaws.com us-east-1"),
            ("geomaps", "eu-west-1", plain, "maps.geo.eu-west-1.amazonaws.com/v2 eu-west-1"),
            ("s3", "eu-west-1", dual_stack, "s3.dualstack.eu-west-1.amazonaws.com eu-west-1"),
            ("s3", "us-east-1", both, "s3-fips.dualstack.us-east-1.amazonaws.com us-east-1"),
            ("s3", "cn-north-1", fips, "none"),
            // A region that came after the models.
            ("sqs", "eu-next-9", plain, "sqs.eu-next-9.amazonaws.com eu-next-9"),
            ("iam", "eu-next-9", plain, "iam.amazonaws.com us-east-1"),
        ] {
            let service = file::service(service).expect("the test names a service");
            let found = service.endpoint(None, region, variant);
            let found = found.map(|it| format!("{} {}", it.place, it.signing_region));
            assert_eq!(found.as_deref().unwrap_or("none"), expected);
        }
    }

    #[test]
    fn operations_may_be_elsewhere() {
        for (service, action, expected) in [
            ("s3", "listDirectoryBuckets", "s3express-control.eu-west-1.amazonaws.com s3express"),
            (
                "s3",
                "writeGetObjectResponse",
                "s3-object-lambda.eu-west-1.amazonaws.com \
                s3-object-lambda",
            ),
            ("s3", "getObject", "s3.eu-west-1.amazonaws.com s3"),
            ("neptunegraph", "executeQuery", "eu-west-1.neptune-graph.amazonaws.com neptune-graph"),
            ("neptunegraph", "listGraphs", "neptune-graph.eu-west-1.amazonaws.com neptune-graph"),
        ] {
            let service = file::service(service).expect("the test names a service");
            let operation = service.operation(action).expect("the test names an operation");
            let found = service.endpoint(Some(operation), "eu-west-1", EndpointVariant::default());
            let found = found.expect("it has one");
            assert_eq!(format!("{} {}", found.place, found.signing_name), expected, "{action}");
        }
    }
}
