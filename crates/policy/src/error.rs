//! Why a text is no policy document.

/// Why IAM refuses a policy document, as `MalformedPolicyDocument`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is not JSON, or not of the grammar of policies.
    #[error("Syntax errors in policy.")]
    Syntax,
    /// An element that there is not.
    #[error("Syntax errors in policy: the element {0} is not known here.")]
    UnknownElement(String),
    /// A version that there is not.
    #[error("The policy's Version must be 2012-10-17 or 2008-10-17, not {0}.")]
    Version(String),
    /// Neither Allow nor Deny.
    #[error("Invalid effect: {0}")]
    Effect(String),
    /// No Action and no NotAction.
    #[error("Policy statement must contain actions.")]
    NoActions,
    /// No Resource and no NotResource.
    #[error("Policy statement must contain resources.")]
    NoResources,
    /// What this kind of policy must not say.
    #[error("Has prohibited field {0}")]
    Prohibited(&'static str),
    /// What this kind of policy must say.
    #[error("Missing required field {0} cannot be empty!")]
    Missing(&'static str),
    /// An action without the service.
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor,
    /// An action with two colons.
    #[error("Actions/Condition can contain only one colon.")]
    Colons,
    /// The service of an action is not written as services are.
    #[error("Vendor {0} is not valid")]
    Vendor(String),
    /// A resource that is no ARN.
    #[error("Resource {0} must be in ARN format or \"*\".")]
    Resource(String),
    /// A principal that is none.
    #[error("Invalid principal in policy: {0}")]
    Principal(String),
    /// Two statements of the same name.
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    RepeatedSid,
    /// A name of other characters than letters and digits.
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
         expression [0-9A-Za-z]*"
    )]
    Sid,
    /// A condition operator that there is not.
    #[error("Invalid Condition type : {0}.")]
    Operator(String),
    /// A value that the condition operator cannot compare with.
    #[error("The value {value} of {key} is none that {operator} compares with.")]
    Value {
        /// The condition operator.
        operator: String,
        /// The condition key.
        key: String,
        /// The value.
        value: String,
    },
    /// A policy variable that is not written as one.
    #[error("The policy variable in {0} is not valid.")]
    Variable(String),
}
