//! Policies that ask for condition keys which no request here ever has.

use std::collections::BTreeSet;

use policy::Policy;

use crate::subject::is_filled;

/// The condition keys of a policy that no request ever has: what allows by them does not allow, and
/// what denies by them denies.
pub fn unfilled_keys(policy: &Policy) -> BTreeSet<String> {
    let keys = policy.condition_keys().chain(policy.variables());
    keys.filter(|key| !is_filled(key)).map(str::to_owned).collect()
}

/// Tells the log of such keys in a policy that is about to be kept.
pub(crate) fn tell(policy: &Policy, name: &str) {
    let keys = unfilled_keys(policy);
    if !keys.is_empty() {
        let keys: Vec<String> = keys.into_iter().collect();
        tracing::warn!(
            policy = name,
            keys = keys.join(", "),
            "no request has these condition keys here: statements that deny by them deny, and \
             those that allow by them do not allow"
        );
    }
}
