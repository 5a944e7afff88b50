//! Where services are.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.

use std::collections::BTreeMap;

use hyper::Uri;
use service_model::{EndpointVariant, Operation, Service};

use crate::credentials::ProfileSettings;

/// A URL that requests are sent to.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Without a slash at the end.
    url: String,
}

/// Why a text is no endpoint.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EndpointError {
    /// It is none.
    #[error("'{0}' is not a URL such as http://127.0.0.1:9001")]
    NotAUrl(String),
    /// The value of a variable or a setting is neither `true` nor `false`.
    #[error("{variable}: '{value}' is neither true nor false")]
    NotABoolean {
        /// The name of the environment variable.
        variable: String,
        /// Its value.
        value: String,
    },
    /// The value of a variable is none.
    #[error("{variable}: '{value}' is not a URL such as http://127.0.0.1:9001")]
    Variable {
        /// The name of the environment variable.
        variable: String,
        /// Its value.
        value: String,
    },
}

impl Endpoint {
    /// The endpoint of that URL, such as `http://127.0.0.1:9001` or `https://example.com/path`.
    ///
    /// # Errors
    /// Where it is no URL with a host, or not of the schemes `http` and `https`.
    pub fn parse(text: &str) -> Result<Endpoint, EndpointError> {
        let not_a_url = || EndpointError::NotAUrl(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| not_a_url())?;
        let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if !has_scheme || !has_host || uri.query().is_some() {
            return Err(not_a_url());
        }
        Ok(Endpoint { url: text.trim_end_matches('/').to_owned() })
    }

    /// The URL of a path, which begins with a slash, at this endpoint.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// The endpoints that are configured. What has none is at AWS's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Endpoints {
    every: Option<Endpoint>,
    /// By what follows `AWS_ENDPOINT_URL_` in the variable's name.
    by_service: BTreeMap<String, Endpoint>,
    /// Which of AWS's own.
    variant: EndpointVariant,
}

/// Where a service is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Without a slash at the end.
    pub url: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The name that requests are signed for.
    pub signing_name: String,
    /// Whether it is one of AWS's own.
    pub is_own: bool,
}

impl Place {
    /// Whether it is spoken to without TLS, as stand-ins of AWS on one's own machine are.
    pub(crate) fn is_plain(&self) -> bool {
        self.url.starts_with("http://")
    }
}

/// A service is nowhere where it could be called.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoPlace {
    /// AWS has no endpoint of the variant that is asked for.
    #[error("{service} has no {variant} endpoint in {region}")]
    NoVariant {
        /// The service's id.
        service: String,
        /// `FIPS`, …
        variant: &'static str,
        /// The region.
        region: String,
    },
    /// What is configured cannot be known to be of the variant that is asked for.
    #[error("Invalid Configuration: {0} and custom endpoint are not supported")]
    Custom(&'static str),
}

/// The variables of Step Functions Local, with the services that they are for.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/sfn-local-config-options.html>.
const LOCAL: [(&str, &str); 8] = [
    ("LAMBDA_ENDPOINT", "LAMBDA"),
    ("BATCH_ENDPOINT", "BATCH"),
    ("DYNAMODB_ENDPOINT", "DYNAMODB"),
    ("ECS_ENDPOINT", "ECS"),
    ("GLUE_ENDPOINT", "GLUE"),
    ("SAGE_MAKER_ENDPOINT", "SAGEMAKER"),
    ("SNS_ENDPOINT", "SNS"),
    ("SQS_ENDPOINT", "SQS"),
];

const EVERY: &str = "AWS_ENDPOINT_URL";

impl Endpoints {
    /// What variables, or else the profile, say:
    /// - `AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`; `use_fips_endpoint`,
    ///   `use_dualstack_endpoint`;
    /// - `AWS_ENDPOINT_URL_<SERVICE>`, `AWS_ENDPOINT_URL`; the section of services that the
    ///   profile names, `endpoint_url`; in that order. Last come the variables of Step Functions
    ///   Local. None of them count where `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` or
    ///   `ignore_configured_endpoint_urls` is `true`.
    ///
    /// # Errors
    /// Where one of them holds no URL or boolean.
    pub(crate) fn of(
        variables: &BTreeMap<String, String>,
        settings: &ProfileSettings,
    ) -> Result<Endpoints, EndpointError> {
        let profile = &settings.profile;
        let of_variable =
            |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let is_set = |variable: &str, setting: &str| {
            let of_profile = || Some((setting, profile.get(setting)?));
            let found = of_variable(variable).map(|value| (variable, value)).or_else(of_profile);
            found.map_or(Ok(false), |(name, value)| boolean(name, value))
        };
        let mut endpoints = Endpoints::default();
        endpoints.variant.fips = is_set("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?;
        endpoints.variant.dual_stack =
            is_set("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")?;
        let ignored = "ignore_configured_endpoint_urls";
        if is_set("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ignored)? {
            return Ok(endpoints);
        }
        let every = of_variable(EVERY).map(|url| (EVERY, url));
        let of_profile = profile.get("endpoint_url").map(|url| ("endpoint_url", url));
        endpoints.every =
            every.or(of_profile).map(|(name, url)| configured(name, url)).transpose()?;
        for (variable, service) in LOCAL {
            if let Some(value) = of_variable(variable) {
                endpoints.by_service.insert(service.to_owned(), configured(variable, value)?);
            }
        }
        // The variable for every service counts before the profile's own.
        for (service, url) in settings.endpoints.iter().filter(|_| every.is_none()) {
            let endpoint = configured(&format!("endpoint_url of {service}"), url)?;
            endpoints.by_service.insert(variable_part(service), endpoint);
        }
        for variable in variables.keys() {
            let service = variable.strip_prefix("AWS_ENDPOINT_URL_");
            if let (Some(service), Some(value)) = (service, of_variable(variable)) {
                endpoints.by_service.insert(service.to_owned(), configured(variable, value)?);
            }
        }
        Ok(endpoints)
    }

    /// The same, with one more for a service by its id, such as `Lambda`.
    pub fn with(mut self, service_id: &str, endpoint: Endpoint) -> Endpoints {
        self.by_service.insert(variable_part(service_id), endpoint);
        self
    }

    /// The endpoint that is configured for a service.
    pub fn of_service(&self, service: &Service) -> Option<&Endpoint> {
        self.of_service_id(&service.id)
    }

    /// Where an operation of a service is called; without one, where most of them are.
    ///
    /// # Errors
    /// Where an endpoint of FIPS or dual-stack is asked for, and there is none.
    pub fn place(
        &self,
        service: &Service,
        operation: Option<&Operation>,
        region: &str,
    ) -> Result<Place, NoPlace> {
        let EndpointVariant { fips, dual_stack } = self.variant;
        if let Some(endpoint) = self.of_service(service) {
            return match (fips, dual_stack) {
                (true, _) => Err(NoPlace::Custom("FIPS")),
                (_, true) => Err(NoPlace::Custom("Dualstack")),
                (false, false) => Ok(Place {
                    url: endpoint.at(""),
                    region: region.to_owned(),
                    signing_name: service.signing_name.clone(),
                    is_own: false,
                }),
            };
        }
        let variant = match (fips, dual_stack) {
            (true, true) => "dual-stack FIPS",
            (true, false) => "FIPS",
            (false, true) => "dual-stack",
            (false, false) => "regional",
        };
        let found = service.endpoint(operation, region, self.variant);
        let found = found.ok_or_else(|| NoPlace::NoVariant {
            service: service.id.clone(),
            variant,
            region: region.to_owned(),
        })?;
        Ok(Place {
            url: format!("https://{}", found.place),
            region: found.signing_region,
            signing_name: found.signing_name,
            is_own: true,
        })
    }

    /// The same by the service's id, such as `Lambda`, for those who need not read its model.
    pub fn of_service_id(&self, id: &str) -> Option<&Endpoint> {
        self.by_service.get(&variable_part(id)).or(self.every.as_ref())
    }
}

fn boolean(variable: &str, value: &str) -> Result<bool, EndpointError> {
    value.to_lowercase().parse().map_err(|_| EndpointError::NotABoolean {
        variable: variable.to_owned(),
        value: value.to_owned(),
    })
}

/// The endpoint that a variable or a setting says.
fn configured(variable: &str, value: &str) -> Result<Endpoint, EndpointError> {
    Endpoint::parse(value).map_err(|_| EndpointError::Variable {
        variable: variable.to_owned(),
        value: value.to_owned(),
    })
}

/// What stands for a service in the names of variables: `COST_EXPLORER` of `Cost Explorer`.
fn variable_part(service_id: &str) -> String {
    service_id.to_uppercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        variables: &[(&str, &str)],
        settings: &ProfileSettings,
    ) -> Result<Endpoints, EndpointError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Endpoints::of(&variables.iter().map(owned).collect(), settings)
    }

    #[test]
    fn an_endpoint_is_a_url() {
        for (text, expected) in [
            ("http://127.0.0.1:9001", Some("http://127.0.0.1:9001/p")),
            ("http://lambda.local/", Some("http://lambda.local/p")),
            ("http://proxy/lambda", Some("http://proxy/lambda/p")),
            ("https://lambda.local", Some("https://lambda.local/p")),
            ("127.0.0.1:9001", None),
            ("http://host/?a=b", None),
            ("ftp://host", None),
            ("", None),
        ] {
            let at = Endpoint::parse(text).ok().map(|endpoint| endpoint.at("/p"));
            assert_eq!(at.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn endpoints_come_from_variables() {
        let variables = |pairs: &[(&str, &str)]| of(pairs, &ProfileSettings::default());
        let url = |endpoints: &Endpoints, service: &str| {
            let service = service_model::service(service).expect("the test names a service");
            endpoints.of_service(service).map(|endpoint| endpoint.at(""))
        };
        let endpoints = variables(&[
            ("AWS_ENDPOINT_URL", "http://every"),
            ("AWS_ENDPOINT_URL_COST_EXPLORER", "http://costs"),
            ("AWS_ENDPOINT_URL_LAMBDA", "http://new"),
            ("LAMBDA_ENDPOINT", "http://old"),
            ("SQS_ENDPOINT", "http://queues"),
            ("AWS_ENDPOINT_URL_SNS", ""),
        ])
        .expect("they are URLs");
        for (service, expected) in [
            ("costexplorer", "http://costs"),
            ("lambda", "http://new"),
            ("sqs", "http://queues"),
            ("sns", "http://every"),
        ] {
            assert_eq!(url(&endpoints, service).as_deref(), Some(expected));
        }
        let none = variables(&[]).expect("there is nothing wrong with nothing");
        assert_eq!(url(&none, "sqs"), None);
        let wrong = variables(&[("AWS_ENDPOINT_URL_SQS", "queues")]);
        let message = wrong.expect_err("it is no URL").to_string();
        assert!(message.starts_with("AWS_ENDPOINT_URL_SQS: 'queues'"), "{message}");
    }

    #[test]
    fn variants_come_from_variables() {
        let of = |pairs: &[(&str, &str)]| of(pairs, &ProfileSettings::default());
        let sqs = service_model::service("sqs").expect("there is a model of SQS");
        let fips = ("AWS_USE_FIPS_ENDPOINT", "TRUE");
        let dual_stack = ("AWS_USE_DUALSTACK_ENDPOINT", "true");
        for (variables, expected) in [
            (&[][..], "https://sqs.us-east-1.amazonaws.com"),
            (&[fips], "https://sqs-fips.us-east-1.amazonaws.com"),
            (&[dual_stack], "https://sqs.us-east-1.api.aws"),
            (&[fips, dual_stack], "https://sqs-fips.us-east-1.api.aws"),
            (&[("AWS_USE_FIPS_ENDPOINT", "false")], "https://sqs.us-east-1.amazonaws.com"),
            (&[("AWS_ENDPOINT_URL", "http://here")], "http://here"),
            (
                &[("AWS_ENDPOINT_URL", "http://here"), fips],
                "Invalid Configuration: FIPS and custom endpoint are not supported",
            ),
            (
                &[("AWS_ENDPOINT_URL_SQS", "http://here"), dual_stack],
                "Invalid Configuration: Dualstack and custom endpoint are not supported",
            ),
        ] {
            let found = of(variables).expect("they are URLs").place(sqs, None, "us-east-1");
            let found = found.map_or_else(|error| error.to_string(), |place| place.url);
            assert_eq!(found, expected, "{variables:?}");
        }
        let s3 = service_model::service("s3").expect("there is a model of S3");
        let none = of(&[fips]).expect("it is no URL").place(s3, None, "cn-north-1");
        let told = none.expect_err("there is none").to_string();
        assert_eq!(told, "S3 has no FIPS endpoint in cn-north-1");
        let wrong = of(&[("AWS_USE_FIPS_ENDPOINT", "yes")]).expect_err("it is no boolean");
        assert_eq!(wrong.to_string(), "AWS_USE_FIPS_ENDPOINT: 'yes' is neither true nor false");
    }
}
