//! Tags of state machines and activities.

use std::sync::Arc;

use identity::Facts;
use serde::{Deserialize, Serialize};
use store::{Scope, StoreError};

use crate::activities::activity_key;
use crate::machines::Known;
use crate::shell::Shell;
use crate::{
    Activity, Arn, ArnError, OperationalError, ResourceName, Runtime, StateMachineArn,
    StateMachineError,
};

/// How many tags a resource may have: AWS's quota.
const TAGS_MAX: usize = 50;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// `key`
    pub key: Arc<str>,
    /// `value`
    pub value: Arc<str>,
}

/// The tags of a resource: at most 50, one per key, in the order in which the keys came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(Vec<Tag>);

/// Why an operation on tags was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TagError {
    /// `InvalidArn`, or `ValidationException` for [`ArnError::Labelled`].
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// `ResourceNotFound`. Holds the ARN as it was given.
    #[error("Resource not found: '{0}'")]
    ResourceNotFound(String),
    /// `TooManyTags`
    #[error("A resource has at most {TAGS_MAX} tags")]
    TooManyTags,
    /// `ValidationException`: a key that begins with `aws:`. Holds it.
    #[error("Tag keys must not begin with 'aws:': '{0}'")]
    Reserved(Arc<str>),
    /// `ValidationException`: characters that a tag must not have. Holds the key or the value.
    #[error(
        "Tag keys and values may contain letters, digits, white space and _ . : / = + - @ only: \
         '{0}'"
    )]
    Characters(Arc<str>),
    /// Not the caller's fault.
    #[error(transparent)]
    Operational(#[from] OperationalError),
}

impl From<StoreError> for TagError {
    fn from(error: StoreError) -> Self {
        TagError::Operational(error.into())
    }
}

impl Tags {
    /// These tags; of two with the same key, the later one.
    ///
    /// # Errors
    /// `TooManyTags`, `Reserved`, `Characters`.
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Result<Tags, TagError> {
        Tags::default().with(tags)
    }

    /// The tags.
    pub fn iter(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter()
    }

    fn with(mut self, tags: impl IntoIterator<Item = Tag>) -> Result<Tags, TagError> {
        for tag in tags {
            if tag.key.starts_with("aws:") {
                return Err(TagError::Reserved(tag.key));
            }
            if let Some(text) = [&tag.key, &tag.value].into_iter().find(|text| !is_allowed(text)) {
                return Err(TagError::Characters(text.clone()));
            }
            match self.0.iter_mut().find(|old| old.key == tag.key) {
                Some(old) => old.value = tag.value,
                None => self.0.push(tag),
            }
        }
        if self.0.len() > TAGS_MAX { Err(TagError::TooManyTags) } else { Ok(self) }
    }

    fn without(mut self, keys: &[Arc<str>]) -> Tags {
        self.0.retain(|tag| !keys.contains(&tag.key));
        self
    }
}

fn is_allowed(text: &str) -> bool {
    text.chars().all(|character| {
        character.is_alphanumeric() || character.is_whitespace() || "_.:/=+-@".contains(character)
    })
}

/// What bears tags.
enum Tagged<'a> {
    StateMachine(StateMachineArn<'a>),
    Activity(Arn<'a>, &'a str),
}

impl<'a> Tagged<'a> {
    fn parse(arn: &'a str) -> Result<Tagged<'a>, TagError> {
        if let ResourceName::Activity { .. } = Arn::parse(arn)?.resource {
            let (parsed, name) = Arn::activity(arn)?;
            return Ok(Tagged::Activity(parsed, name));
        }
        let parsed = Arn::state_machine(arn)?;
        // Versions and aliases have no tags.
        match parsed.qualifier {
            None => Ok(Tagged::StateMachine(parsed)),
            Some(_) => Err(TagError::ResourceNotFound(arn.to_owned())),
        }
    }
}

impl Runtime {
    /// TagResource: adds tags, and changes the values of those that are there.
    ///
    /// # Errors
    /// See [`TagError`].
    pub async fn tag_resource(
        &self,
        scope: &Scope,
        arn: &str,
        tags: &[Tag],
    ) -> Result<(), TagError> {
        self.change_tags(scope, arn, |old| old.with(tags.iter().cloned())).await
    }

    /// UntagResource. Keys that are not there are fine.
    ///
    /// # Errors
    /// `Arn`, `ResourceNotFound`.
    pub async fn untag_resource(
        &self,
        scope: &Scope,
        arn: &str,
        keys: &[Arc<str>],
    ) -> Result<(), TagError> {
        self.change_tags(scope, arn, |old| Ok(old.without(keys))).await
    }

    /// ListTagsForResource.
    ///
    /// # Errors
    /// `Arn`, `ResourceNotFound`.
    pub async fn list_tags_for_resource(&self, scope: &Scope, arn: &str) -> Result<Tags, TagError> {
        self.shell.check_open()?;
        self.shell.tags(scope, arn).await
    }

    /// Adds the tags that conditions of policies know a resource by: an execution and a Map Run
    /// have those of their state machine, and what is not there has none.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn describe_tags(
        &self,
        scope: &Scope,
        arn: &str,
        facts: &mut Facts<'_>,
    ) -> Result<(), StoreError> {
        self.shell.describe_tags(scope, arn, facts).await
    }

    async fn change_tags(
        &self,
        scope: &Scope,
        arn: &str,
        change: impl Fn(Tags) -> Result<Tags, TagError>,
    ) -> Result<(), TagError> {
        self.shell.check_open()?;
        let not_found = || TagError::ResourceNotFound(arn.to_owned());
        match Tagged::parse(arn)? {
            Tagged::StateMachine(parsed) => {
                let change = |known: &Known| {
                    let tags = change(known.tags.clone());
                    Ok(match tags {
                        Ok(tags) => (Some(Known { tags, ..known.clone() }), Ok(())),
                        Err(refused) => (None, Err(refused)),
                    })
                };
                match self.shell.change_machine(scope, &parsed, change).await {
                    Ok(answer) => answer,
                    Err(StateMachineError::Operational(error)) => Err(error.into()),
                    Err(_) => Err(not_found()),
                }
            }
            Tagged::Activity(parsed, name) => loop {
                let found = self.shell.tagged_activity(scope, &parsed, name).await?;
                let (activity, version) = found.ok_or_else(not_found)?;
                let activity = Activity { tags: change(activity.tags.clone())?, ..activity };
                let key = activity_key(scope, name);
                match self.shell.write_activity(&key, Some(version), &activity).await {
                    Err(StoreError::Conflict) => {}
                    written => return written.map_err(TagError::from),
                }
            },
        }
    }
}

impl Shell {
    async fn tags(&self, scope: &Scope, arn: &str) -> Result<Tags, TagError> {
        let tags = match Tagged::parse(arn)? {
            Tagged::StateMachine(parsed) => {
                let known = self.current_machine(scope, &parsed).await?;
                known.map(|known| known.tags.clone())
            }
            Tagged::Activity(parsed, name) => {
                let found = self.tagged_activity(scope, &parsed, name).await?;
                found.map(|(activity, _)| activity.tags)
            }
        };
        tags.ok_or_else(|| TagError::ResourceNotFound(arn.to_owned()))
    }

    /// See [`Runtime::describe_tags`].
    pub(crate) async fn describe_tags(
        &self,
        scope: &Scope,
        arn: &str,
        facts: &mut Facts<'_>,
    ) -> Result<(), StoreError> {
        let tags = match self.tags(scope, &tagged_arn(arn)).await {
            Ok(tags) => tags,
            Err(TagError::Operational(OperationalError::Store(error))) => return Err(error),
            Err(_) => return Ok(()),
        };
        for tag in tags.iter() {
            facts.insert(format!("aws:resourcetag/{}", tag.key), tag.value.to_string());
        }
        Ok(())
    }
}

/// The ARN of the state machine of an execution or a Map Run; any other ARN itself.
fn tagged_arn(arn: &str) -> String {
    let fields: Vec<&str> = arn.splitn(8, ':').collect();
    match *fields {
        [a, b, c, d, e, "execution" | "express" | "mapRun", name, _] => {
            let name = name.split('/').next().unwrap_or_default();
            [a, b, c, d, e, "stateMachine", name].join(":")
        }
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_and_map_runs_have_the_tags_of_their_machine() {
        const MACHINE: &str = "arn:aws:states:r:1:stateMachine:m";
        for arn in [
            MACHINE,
            "arn:aws:states:r:1:execution:m:e",
            "arn:aws:states:r:1:express:m:e:id",
            "arn:aws:states:r:1:execution:m/label:e",
            "arn:aws:states:r:1:mapRun:m/label:r",
        ] {
            assert_eq!(tagged_arn(arn), MACHINE);
        }
        assert_eq!(tagged_arn("arn:aws:states:r:1:activity:a"), "arn:aws:states:r:1:activity:a");
    }

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    fn check(tags: &[(&str, &str)], expected: Result<&[(&str, &str)], &str>) {
        let made = Tags::new(tags.iter().map(|(key, value)| tag(key, value)));
        match (made, expected) {
            (Ok(made), Ok(expected)) => {
                let expected: Vec<_> =
                    expected.iter().map(|(key, value)| tag(key, value)).collect();
                assert_eq!(made.0, expected);
            }
            (made, expected) => assert_eq!(
                made.map_err(|error| error.to_string()).unwrap_err(),
                expected.unwrap_err()
            ),
        }
    }

    #[test]
    fn tags_are_one_per_key() {
        check(&[], Ok(&[]));
        check(&[("b", ""), ("a", "1"), ("b", "2")], Ok(&[("b", "2"), ("a", "1")]));
        check(&[("Größe 1", "_.:/=+-@")], Ok(&[("Größe 1", "_.:/=+-@")]));
    }

    #[test]
    fn tags_that_are_refused() {
        check(&[("aws:x", "")], Err("Tag keys must not begin with 'aws:': 'aws:x'"));
        let rule = "Tag keys and values may contain letters, digits, white space and \
                    _ . : / = + - @ only: ";
        check(&[("a;", "")], Err(&format!("{rule}'a;'")));
        check(&[("a", "{}")], Err(&format!("{rule}'{{}}'")));
    }

    #[test]
    fn a_resource_has_fifty_tags() {
        let tags = |count: usize| Tags::new((0..count).map(|at| tag(&at.to_string(), "")));
        let full = tags(TAGS_MAX).unwrap();
        assert_eq!(tags(TAGS_MAX + 1), Err(TagError::TooManyTags));
        assert_eq!(full.clone().with([tag("0", "again")]).unwrap().0.len(), TAGS_MAX);
        assert_eq!(full.clone().with([tag("x", "")]), Err(TagError::TooManyTags));
        assert_eq!(full.without(&["0".into(), "none".into()]).0.len(), TAGS_MAX - 1);
    }
}
