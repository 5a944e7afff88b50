//! Aliases of state machines: create, update, describe, list, delete.

use std::sync::Arc;

use engine::Timestamp;
use store::Scope;

use crate::machines::Known;
use crate::releases::{ALIASES_MAX, Alias, Route, WEIGHT_SUM, version_arn, version_number};
use crate::versions::check_active;
use crate::{Arn, ArnError, Runtime, StateMachine, StateMachineArn, StateMachineError};

/// An item of `routingConfiguration`, as it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteTo<'a> {
    /// `stateMachineVersionArn`
    pub version_arn: &'a str,
    /// `weight`: how many of a hundred starts the version gets.
    pub weight: u64,
}

/// CreateStateMachineAlias. The characters of the name are the caller's to check.
#[derive(Clone, Copy, Debug)]
pub struct CreateStateMachineAlias<'a> {
    /// `name`
    pub name: &'a str,
    /// `description`
    pub description: Option<&'a str>,
    /// `routingConfiguration`: one or two.
    pub routes: &'a [RouteTo<'a>],
}

/// UpdateStateMachineAlias. What is none stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct UpdateStateMachineAlias<'a> {
    /// `stateMachineAliasArn`
    pub arn: &'a str,
    /// `description`
    pub description: Option<&'a str>,
    /// `routingConfiguration`: one or two, in the place of all that there were.
    pub routes: Option<&'a [RouteTo<'a>]>,
}

/// An alias as DescribeStateMachineAlias shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineAlias {
    /// `stateMachineAliasArn`
    pub arn: Arc<str>,
    /// `name`
    pub name: Arc<str>,
    /// `description`
    pub description: Option<Arc<str>>,
    /// `routingConfiguration`: ARNs of versions, and their weights.
    pub routes: Vec<(Arc<str>, u64)>,
    /// `creationDate`
    pub creation_date: Timestamp,
    /// `updateDate`; the creation date where it was never updated.
    pub update_date: Timestamp,
}

/// ListStateMachineAliases.
#[derive(Clone, Copy, Debug)]
pub struct ListStateMachineAliases<'a> {
    /// `stateMachineArn`; with a version, the aliases that route to it.
    pub arn: &'a str,
    /// [`StateMachineAliasList::next`] of the page before.
    pub after: Option<u64>,
    /// How many at most; at least 1.
    pub limit: usize,
}

/// A page of aliases, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct StateMachineAliasList {
    /// The aliases.
    pub aliases: Vec<StateMachineAlias>,
    /// What [`ListStateMachineAliases::after`] of the next page is; none at the end.
    pub next: Option<u64>,
}

impl Runtime {
    /// CreateStateMachineAlias, for the machine whose versions it routes to. The same again (name,
    /// description and routes) answers what the first call did.
    ///
    /// # Errors
    /// `InvalidRouting`, `ResourceNotFound` (machine or version), `Deleting`, `Conflict` where the
    /// name is taken, `QuotaExceeded`.
    pub async fn create_state_machine_alias(
        &self,
        scope: &Scope,
        request: CreateStateMachineAlias<'_>,
    ) -> Result<StateMachineAlias, StateMachineError> {
        let CreateStateMachineAlias { name, description, routes: given } = request;
        let (parsed, routes) = check_routes(given)?;
        let now = self.shell.now();
        let change = |known: &Known| {
            check_active(&known.machine)?;
            check_versions(known, &routes)?;
            let mut releases = known.releases.clone();
            if let Some(alias) = releases.alias(name) {
                let is_same = alias.description.as_deref() == description && alias.routes == routes;
                return if is_same {
                    Ok((None, described(&known.machine, alias)))
                } else {
                    // AWS says so where only the description is another, too.
                    Err(StateMachineError::Conflict(
                        "Failed to create alias because an alias with the same name and a \
                         different routing configuration already exists."
                            .to_owned(),
                    ))
                };
            }
            if releases.aliases.len() >= ALIASES_MAX {
                return Err(StateMachineError::QuotaExceeded(format!(
                    "A state machine has at most {ALIASES_MAX} aliases: '{}'",
                    known.machine.arn
                )));
            }
            let alias = releases.add_alias(name, description, routes.clone(), now);
            let answer = described(&known.machine, &alias);
            Ok((Some(Known { releases, ..known.clone() }), answer))
        };
        let changed = self.shell.change_machine(scope, &parsed, change).await;
        changed.map_err(not_found)
    }

    /// UpdateStateMachineAlias: answers the `updateDate`.
    ///
    /// # Errors
    /// `Arn`, `NoAliasUpdate`, `InvalidRouting`, `ResourceNotFound` (alias or version), `Deleting`.
    pub async fn update_state_machine_alias(
        &self,
        scope: &Scope,
        request: UpdateStateMachineAlias<'_>,
    ) -> Result<Timestamp, StateMachineError> {
        let UpdateStateMachineAlias { arn, description, routes: given } = request;
        let (parsed, name) = alias_arn(arn)?;
        if description.is_none() && given.is_none() {
            return Err(StateMachineError::NoAliasUpdate);
        }
        let routes = match given {
            Some(given) => Some(check_routes_of(&parsed, given)?),
            None => None,
        };
        let now = self.shell.now();
        let change = |known: &Known| {
            check_active(&known.machine)?;
            let mut releases = known.releases.clone();
            let alias = releases.aliases.iter_mut().find(|alias| *alias.name == *name);
            let alias = alias.ok_or(StateMachineError::ResourceNotFound)?;
            if let Some(routes) = &routes {
                check_versions(known, routes)?;
                alias.routes.clone_from(routes);
            }
            if let Some(description) = description {
                alias.description = Some(description.into());
            }
            alias.update_date = now.0;
            Ok((Some(Known { releases, ..known.clone() }), now))
        };
        let changed = self.shell.change_machine(scope, &parsed, change).await;
        changed.map_err(not_found)
    }

    /// DescribeStateMachineAlias.
    ///
    /// # Errors
    /// `Arn`, `ResourceNotFound`.
    pub async fn describe_state_machine_alias(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<StateMachineAlias, StateMachineError> {
        self.shell.check_open()?;
        let (parsed, name) = alias_arn(arn)?;
        let known = self.shell.current_machine(scope, &parsed).await?;
        let found = known.and_then(|known| {
            known.releases.alias(name).map(|alias| described(&known.machine, alias))
        });
        found.ok_or(StateMachineError::ResourceNotFound)
    }

    /// ListStateMachineAliases.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`, `ResourceNotFound` for a version that is not there.
    pub async fn list_state_machine_aliases(
        &self,
        scope: &Scope,
        request: ListStateMachineAliases<'_>,
    ) -> Result<StateMachineAliasList, StateMachineError> {
        self.shell.check_open()?;
        let ListStateMachineAliases { arn, after, limit } = request;
        let parsed = Arn::state_machine(arn)?;
        let known = self.shell.current_machine(scope, &parsed).await?;
        let known = known.ok_or_else(|| StateMachineError::DoesNotExist(arn.to_owned()))?;
        check_active(&known.machine)?;
        let releases = &known.releases;
        let number = match parsed.qualifier {
            None => None,
            Some(qualifier) => {
                let number = version_number(qualifier);
                let number = number.filter(|number| releases.version(*number).is_some());
                Some(number.ok_or(StateMachineError::ResourceNotFound)?)
            }
        };
        let mut aliases: Vec<_> = releases
            .aliases
            .iter()
            .filter(|alias| alias.serial > after.unwrap_or(0))
            .filter(|alias| number.is_none_or(|number| alias.routes_to(number)))
            // One more tells whether there is another page.
            .take(limit + 1)
            .collect();
        let is_last = aliases.len() <= limit;
        aliases.truncate(limit);
        let next = aliases.last().filter(|_| !is_last).map(|alias| alias.serial);
        let aliases = aliases.iter().map(|alias| described(&known.machine, alias)).collect();
        Ok(StateMachineAliasList { aliases, next })
    }

    /// DeleteStateMachineAlias. Executions that were started through it go on. An alias that is not
    /// there is fine, as AWS has it.
    ///
    /// # Errors
    /// `Arn`
    pub async fn delete_state_machine_alias(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Result<(), StateMachineError> {
        let (parsed, name) = alias_arn(arn)?;
        let change = |known: &Known| {
            let mut releases = known.releases.clone();
            releases.aliases.retain(|alias| *alias.name != *name);
            Ok((Some(Known { releases, ..known.clone() }), ()))
        };
        match self.shell.change_machine(scope, &parsed, change).await {
            Err(StateMachineError::DoesNotExist(_)) => Ok(()),
            answer => answer,
        }
    }
}

/// The operations on aliases know no state machines, only resources.
fn not_found(error: StateMachineError) -> StateMachineError {
    match error {
        StateMachineError::DoesNotExist(_) => StateMachineError::ResourceNotFound,
        error => error,
    }
}

/// The ARN of an alias, taken apart, and its name.
fn alias_arn(arn: &str) -> Result<(StateMachineArn<'_>, &str), ArnError> {
    let parsed = Arn::state_machine(arn)?;
    let is_name = |qualifier: &&str| !qualifier.bytes().all(|byte| byte.is_ascii_digit());
    let name = parsed.qualifier.filter(is_name);
    Ok((parsed, name.ok_or_else(|| ArnError::Form(arn.to_owned()))?))
}

/// What is wrong with routes whatever there is, and the machine that they lead to.
fn check_routes<'a>(
    given: &'a [RouteTo<'a>],
) -> Result<(StateMachineArn<'a>, Vec<Route>), StateMachineError> {
    let invalid = |rule: &str| {
        let arns: Vec<_> = given.iter().map(|route| route.version_arn).collect();
        let received = arns.join(", ");
        StateMachineError::InvalidRouting(format!("{rule}. Received: [{received}]"))
    };
    let mut machines = Vec::with_capacity(given.len());
    let mut routes: Vec<Route> = Vec::with_capacity(given.len());
    for RouteTo { version_arn, weight } in given {
        let parsed = Arn::state_machine(version_arn)?;
        let Some(number) = parsed.qualifier.and_then(version_number) else {
            return Err(invalid("Routing configuration must contain state machine version ARNs"));
        };
        machines.push(parsed);
        routes.push(Route { number, weight: *weight });
    }
    let Some(first) = machines.first().copied() else {
        return Err(invalid("Routing configuration must contain state machine version ARNs"));
    };
    if machines.iter().any(|machine| machine.unqualified != first.unqualified) {
        return Err(invalid("Routing configuration must contain versions of one state machine"));
    }
    let is_new = |(at, route): (usize, &Route)| {
        routes[..at].iter().all(|earlier| earlier.number != route.number)
    };
    if !routes.iter().enumerate().all(is_new) {
        let rule = "Routing configuration must contain distinct state machine version ARNs";
        return Err(invalid(rule));
    }
    if routes.iter().map(|route| route.weight).sum::<u64>() != WEIGHT_SUM {
        let weights: Vec<_> = routes.iter().map(|route| route.weight.to_string()).collect();
        return Err(StateMachineError::InvalidRouting(format!(
            "Sum of routing configuration weights must equal {WEIGHT_SUM}. Received: [{}]",
            weights.join(", ")
        )));
    }
    Ok((first, routes))
}

/// As [`check_routes`], for the machine of an alias.
fn check_routes_of(
    alias: &StateMachineArn<'_>,
    given: &[RouteTo<'_>],
) -> Result<Vec<Route>, StateMachineError> {
    let (machine, routes) = check_routes(given)?;
    if machine.unqualified != alias.unqualified {
        return Err(StateMachineError::InvalidRouting(format!(
            "Routing configuration must contain versions of the alias's state machine. Received: \
             [{}]",
            given.iter().map(|route| route.version_arn).collect::<Vec<_>>().join(", ")
        )));
    }
    Ok(routes)
}

fn check_versions(known: &Known, routes: &[Route]) -> Result<(), StateMachineError> {
    match routes.iter().find(|route| known.releases.version(route.number).is_none()) {
        None => Ok(()),
        Some(_) => Err(StateMachineError::ResourceNotFound),
    }
}

fn described(machine: &StateMachine, alias: &Alias) -> StateMachineAlias {
    let route = |route: &Route| (version_arn(machine, route.number), route.weight);
    StateMachineAlias {
        arn: format!("{}:{}", machine.arn, alias.name).into(),
        name: alias.name.clone(),
        description: alias.description.clone(),
        routes: alias.routes.iter().map(route).collect(),
        creation_date: alias.creation_date(),
        update_date: Timestamp(alias.update_date),
    }
}
