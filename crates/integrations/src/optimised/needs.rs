//! What a role must be allowed for the tasks of these integrations.

use json::{Object, Value};
use runtime::Permission;
use store::Scope;

use super::action;
use super::model_objects::ModelObjects;
use super::table::{OptimisedService, SERVICES};
use super::{jobs, named};
use crate::permission;

/// What a role must be allowed for a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskPermissions {
    /// For the call.
    pub call: Vec<Permission>,
    /// To look up what the task names, to ask for the job that it waits for, and to stop that.
    pub more: Vec<Permission>,
    /// The rule by which AWS hears of the job's end, where it does.
    pub events_rule: Option<&'static str>,
}

impl OptimisedService {
    /// What the role must be allowed for an action: first the call itself.
    pub(super) fn permissions_to_call(
        &self,
        action: &str,
        parameters: &Value,
        scope: &Scope,
    ) -> Vec<Permission> {
        let operation = match action::request(self.name, action, parameters, "").0 {
            "" => action,
            operation => operation,
        };
        let look_up = named::find(self.name, action).map(|by_name| by_name.list);
        let operations = [operation].into_iter().chain(look_up);
        let mut needed: Vec<Permission> = operations
            .flat_map(|operation| self.permissions(operation, parameters, scope))
            .collect();
        // Where they cannot be read, nothing is called.
        if let Ok(objects) = ModelObjects::of(self.name, action, parameters) {
            needed.extend(objects.permissions(scope));
        }
        needed
    }

    /// What the role must be allowed for an operation.
    pub(super) fn permissions(
        &self,
        operation: &str,
        parameters: &Value,
        scope: &Scope,
    ) -> Vec<Permission> {
        let model = action::model(self.name, operation).unwrap_or(self.model);
        let service = service_model::service(model).expect("the tables name models");
        let operation = service.operation(operation).expect("the tables name operations");
        permission::permissions(service, &operation.name, parameters, scope)
    }
}

/// What a role must be allowed for a task that calls that action with such parameters, and waits
/// for the job where it does; none where the integration is no optimised one of a service.
pub fn task_permissions(
    service: &str,
    action: &str,
    waits: bool,
    parameters: &Value,
    scope: &Scope,
) -> Option<TaskPermissions> {
    if let Some(name) = service.strip_prefix("aws-sdk:") {
        let model = service_model::service(name)?;
        let operation = model.operation(action)?;
        let call = permission::permissions(model, &operation.name, parameters, scope);
        return Some(TaskPermissions { call, more: Vec::new(), events_rule: None });
    }
    if crate::eks::is_of_kubernetes(service, action) {
        // The cluster says itself who may do what.
        return None;
    }
    let row = SERVICES.iter().find(|row| row.name == service)?;
    let operation = match action::request(service, action, parameters, "").0 {
        "" => action,
        operation => operation,
    };
    let call = row.permissions(operation, parameters, scope);
    let mut more = row.permissions_to_call(action, parameters, scope).split_off(call.len());
    let job = jobs::find(service, action).filter(|_| waits);
    // What names the job is known when it runs.
    let unknown = Value::from(Object::new());
    let operations = job.iter().flat_map(|job| {
        [Some(job.describe), job.stop.map(|(operation, _)| operation)].into_iter().flatten()
    });
    more.extend(operations.flat_map(|operation| row.permissions(operation, &unknown, scope)));
    Some(TaskPermissions { call, more, events_rule: job.and_then(|job| job.rule) })
}
