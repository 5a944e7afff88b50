//! What a role must be allowed for a call of one of AWS's services.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.

use aws::Refusal;
use json::Value;
use runtime::Permission;
use service_model::{Protocol, Service};
use store::Scope;

/// Everything that a role must be allowed for an operation.
pub(crate) fn permissions(
    service: &Service,
    operation: &str,
    parameters: &Value,
    scope: &Scope,
) -> Vec<Permission> {
    let found = Permission::all_for(&service.name, operation, parameters, scope);
    found.expect("every operation of the models has its permissions")
}

/// As the service itself would refuse.
pub(crate) fn refusal(service: &'static Service, message: &str, request_id: &str) -> Refusal {
    let (code, status) = match service.protocol {
        Protocol::Json | Protocol::Cbor => ("AccessDeniedException", 400),
        Protocol::RestJson => ("AccessDeniedException", 403),
        Protocol::RestXml | Protocol::Query => ("AccessDenied", 403),
        Protocol::Ec2 => ("UnauthorizedOperation", 403),
    };
    Refusal {
        shape: service.error(code),
        code: code.to_owned(),
        message: message.to_owned(),
        status,
        request_id: Some(request_id.to_owned()),
        extended_request_id: None,
    }
}
