//! Instance fleets and groups of EMR by their names: EMR's own API has them by their ids, which are
//! looked up before.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html>.

use json::{Object, Value};

/// An action that names what EMR has by its id.
pub(super) struct ByName {
    /// The action, of `elasticmapreduce`.
    action: &'static str,
    /// The parameter with the name.
    name: &'static str,
    /// The parameter with what is to be changed.
    change: &'static str,
    /// The member of the change that has the id, for EMR.
    id: &'static str,
    /// The operation that lists all of a cluster.
    pub(super) list: &'static str,
    /// Where they are in its answer. EMR takes the changes of groups in a list of that name.
    pub(super) listed: &'static str,
    takes_list: bool,
}

const ACTIONS: [ByName; 2] = [
    ByName {
        action: "modifyInstanceFleetByName",
        name: "InstanceFleetName",
        change: "InstanceFleet",
        id: "InstanceFleetId",
        list: "listInstanceFleets",
        listed: "InstanceFleets",
        takes_list: false,
    },
    ByName {
        action: "modifyInstanceGroupByName",
        name: "InstanceGroupName",
        change: "InstanceGroup",
        id: "InstanceGroupId",
        list: "listInstanceGroups",
        listed: "InstanceGroups",
        takes_list: true,
    },
];

/// The action, where it is one of these.
pub(super) fn find(service: &str, action: &str) -> Option<&'static ByName> {
    ACTIONS.iter().find(|it| service == "elasticmapreduce" && it.action == action)
}

impl ByName {
    /// What a page of the list is asked with.
    pub(super) fn list_parameters(&self, parameters: &Value, marker: Option<&str>) -> Value {
        let mut asked = Object::new();
        let cluster = parameters.get("ClusterId").cloned().unwrap_or(Value::Null);
        asked.insert("ClusterId", cluster);
        if let Some(marker) = marker {
            asked.insert("Marker", marker);
        }
        asked.into()
    }

    /// The id of what the parameters name, where it is in a page of the list.
    pub(super) fn id<'p>(&self, parameters: &Value, page: &'p Value) -> Option<&'p str> {
        let items = page.get(self.listed).and_then(Value::as_array).unwrap_or_default();
        let name = parameters.get(self.name);
        let found = items.iter().find(|item| name.is_some() && item.get("Name") == name)?;
        found.get("Id").and_then(Value::as_str)
    }

    /// The name that was not found.
    pub(super) fn not_found(&self, parameters: &Value) -> String {
        let name = parameters.get(self.name).and_then(Value::as_str).unwrap_or_default();
        format!("{} '{name}' is not found", self.name.trim_end_matches("Name"))
    }

    /// The parameters of EMR's operation.
    pub(super) fn parameters(&self, parameters: &Value, id: &str) -> Value {
        let mut change =
            parameters.get(self.change).and_then(Value::as_object).cloned().unwrap_or_default();
        change.insert(self.id, id);
        let mut asked =
            self.list_parameters(parameters, None).as_object().cloned().unwrap_or_default();
        match self.takes_list {
            true => asked.insert(self.listed, vec![Value::from(change)]),
            false => asked.insert(self.change, change),
        };
        asked.into()
    }
}
