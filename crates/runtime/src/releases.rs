//! The versions and aliases of a state machine, as its record holds them.
//!
//! They stand in the record of the machine, and not in records of their own: one compare and set
//! then keeps the numbers dense, keeps the versions that aliases route to, and takes all of them
//! away with the machine. A version holds no definition's text but its identity, so that even
//! [`VERSIONS_MAX`] of them are no more than a few hundred kilobytes.

use std::sync::Arc;

use engine::Timestamp;
use serde::{Deserialize, Serialize};
use store::DefinitionId;

use crate::{Configurations, StateMachine};

/// How many versions a state machine may have: AWS's quota.
pub(crate) const VERSIONS_MAX: usize = 1_000;

/// How many aliases a state machine may have: AWS's quota.
pub(crate) const ALIASES_MAX: usize = 100;

/// The weights of an alias come to this.
pub(crate) const WEIGHT_SUM: u64 = 100;

/// The versions and aliases of a state machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Releases {
    /// The last number that a version was given. None is given twice.
    last_number: u64,
    /// Oldest first.
    pub(crate) versions: Vec<Version>,
    /// The last number that an alias was given.
    last_serial: u64,
    /// Oldest first.
    pub(crate) aliases: Vec<Alias>,
    /// What the creation of the machine published.
    pub(crate) first: Option<FirstVersion>,
}

/// `publish` and `versionDescription` of a CreateStateMachine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FirstVersion {
    pub(crate) description: Option<Arc<str>>,
}

/// A revision of the machine under a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) number: u64,
    /// Milliseconds since 1970, as all instants of the record.
    creation_date: i64,
    pub(crate) revision_id: Option<Arc<str>>,
    /// When that revision came.
    revision_since: i64,
    #[serde(with = "definition_text")]
    definition: DefinitionId,
    role_arn: Arc<str>,
    description: Option<Arc<str>>,
    configurations: Configurations,
}

/// A name that routes to one version or two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// Tells the aliases of a machine apart, where one is made again under the same name too.
    pub(crate) serial: u64,
    pub(crate) name: Arc<str>,
    pub(crate) description: Option<Arc<str>>,
    pub(crate) routes: Vec<Route>,
    creation_date: i64,
    pub(crate) update_date: i64,
}

/// A version that an alias routes to, and how many of a hundred starts it gets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Route {
    pub(crate) number: u64,
    pub(crate) weight: u64,
}

impl Releases {
    /// The version of that number.
    pub(crate) fn version(&self, number: u64) -> Option<&Version> {
        self.versions.iter().find(|version| version.number == number)
    }

    /// The version that the machine's present revision was published as.
    pub(crate) fn published(&self, revision_id: Option<&Arc<str>>) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.revision_id.as_ref() == revision_id)
    }

    /// Publishes the machine as it is, unless its revision is a version already.
    pub(crate) fn publish(
        &mut self,
        machine: &StateMachine,
        description: Option<&str>,
        now: Timestamp,
    ) -> Version {
        if let Some(version) = self.published(machine.revision_id.as_ref()) {
            return version.clone();
        }
        self.last_number += 1;
        let version = Version {
            number: self.last_number,
            creation_date: now.0,
            revision_id: machine.revision_id.clone(),
            revision_since: machine.since().0,
            definition: machine.definition,
            role_arn: machine.role_arn.clone(),
            description: description.map(Arc::from),
            configurations: machine.configurations.clone(),
        };
        self.versions.push(version.clone());
        version
    }

    /// Gives a version another description; none leaves it as it is.
    pub(crate) fn describe(&mut self, number: u64, description: Option<&str>) {
        let version = self.versions.iter_mut().find(|version| version.number == number);
        if let (Some(version), Some(description)) = (version, description) {
            version.description = Some(description.into());
        }
    }

    /// The alias of that name.
    pub(crate) fn alias(&self, name: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| *alias.name == *name)
    }

    /// Adds an alias, whose name is free.
    pub(crate) fn add_alias(
        &mut self,
        name: &str,
        description: Option<&str>,
        routes: Vec<Route>,
        now: Timestamp,
    ) -> Alias {
        self.last_serial += 1;
        let alias = Alias {
            serial: self.last_serial,
            name: name.into(),
            description: description.map(Arc::from),
            routes,
            creation_date: now.0,
            update_date: now.0,
        };
        self.aliases.push(alias.clone());
        alias
    }

    /// The aliases that route to that version, however seldom.
    pub(crate) fn aliases_of(&self, number: u64) -> impl Iterator<Item = &Alias> {
        self.aliases.iter().filter(move |alias| alias.routes_to(number))
    }
}

impl Version {
    pub(crate) fn creation_date(&self) -> Timestamp {
        Timestamp(self.creation_date)
    }

    pub(crate) fn revision_since(&self) -> Timestamp {
        Timestamp(self.revision_since)
    }

    pub(crate) fn arn(&self, machine: &StateMachine) -> Arc<str> {
        version_arn(machine, self.number)
    }

    /// The machine as it was when it was published. Its ARN is the unqualified one.
    pub(crate) fn machine(&self, machine: &StateMachine) -> StateMachine {
        StateMachine {
            definition: self.definition,
            role_arn: self.role_arn.clone(),
            creation_date: self.creation_date(),
            update_date: None,
            revision_id: self.revision_id.clone(),
            description: self.description.clone(),
            configurations: self.configurations.clone(),
            ..machine.clone()
        }
    }
}

impl Alias {
    pub(crate) fn creation_date(&self) -> Timestamp {
        Timestamp(self.creation_date)
    }

    pub(crate) fn routes_to(&self, number: u64) -> bool {
        self.routes.iter().any(|route| route.number == number)
    }

    /// The version that a start goes to which drew that number, of [`WEIGHT_SUM`] from 0.
    pub(crate) fn route(&self, draw: u64) -> u64 {
        let mut rest = draw;
        for route in &self.routes {
            if rest < route.weight {
                return route.number;
            }
            rest -= route.weight;
        }
        unreachable!("the weights of an alias come to {WEIGHT_SUM}")
    }
}

/// `<machine>:<number>`
pub(crate) fn version_arn(machine: &StateMachine, number: u64) -> Arc<str> {
    format!("{}:{number}", machine.arn).into()
}

/// The number that a qualifier is; none for the name of an alias.
pub(crate) fn version_number(qualifier: &str) -> Option<u64> {
    let is_number = qualifier.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = is_number && !qualifier.starts_with('0');
    is_canonical.then(|| qualifier.parse().ok())?
}

/// A definition's identity as hexadecimal text.
mod definition_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use store::DefinitionId;

    use crate::random::{from_hexadecimal, hexadecimal};

    pub(super) fn serialize<S: Serializer>(
        definition: &DefinitionId,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hexadecimal(&definition.0))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DefinitionId, D::Error> {
        let text = String::deserialize(deserializer)?;
        from_hexadecimal(&text).map(DefinitionId).ok_or_else(|| D::Error::custom("not an id"))
    }
}

#[cfg(test)]
pub(crate) fn sample(machine: &StateMachine) -> Releases {
    let mut releases =
        Releases { first: Some(FirstVersion { description: None }), ..Releases::default() };
    let now = Timestamp(1_700_000_000_789);
    releases.publish(machine, Some("what it does"), now);
    releases.add_alias("live", None, vec![Route { number: 1, weight: WEIGHT_SUM }], now);
    releases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_routed_by_weight() {
        let check = |weights: &[u64], draws: [u64; 3], expected: [u64; 3]| {
            let routes = weights.iter().zip(1..).map(|(&weight, number)| Route { number, weight });
            let mut releases = Releases::default();
            let alias = releases.add_alias("a", None, routes.collect(), Timestamp(0));
            assert_eq!(draws.map(|draw| alias.route(draw)), expected, "{weights:?}");
        };
        check(&[100], [0, 50, 99], [1, 1, 1]);
        check(&[1, 99], [0, 1, 99], [1, 2, 2]);
        check(&[0, 100], [0, 50, 99], [2, 2, 2]);
        check(&[100, 0], [0, 50, 99], [1, 1, 1]);
        check(&[70, 30], [69, 70, 99], [1, 2, 2]);
    }

    #[test]
    fn qualifiers_are_numbers_or_names() {
        for (qualifier, number) in [("1", Some(1)), ("1000", Some(1_000))] {
            assert_eq!(version_number(qualifier), number);
        }
        for qualifier in ["0", "01", "+1", "live", "1a", "99999999999999999999"] {
            assert_eq!(version_number(qualifier), None, "{qualifier}");
        }
    }
}
