//! Principals made ready for decisions: their policies compiled.

use std::fmt;
use std::sync::Arc;

use engine::Timestamp;
use permissions::Filled;
use policy::{Context, Decision, DocumentType, Policies, Policy, Principal, Request, decide};
use store::StoreError;

use crate::record::{PrincipalRecord, PrincipalType, TagRecord};
use crate::{ArnParts, Identities};

/// A user or a role whose policies are compiled.
#[derive(Debug)]
pub struct Subject {
    /// Its ARN.
    pub arn: Arc<str>,
    /// Twelve digits.
    pub account: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// `AROA…`, `AIDA…`
    pub id: Arc<str>,
    /// How long a session of a role may last.
    pub max_session_seconds: u32,
    pub(crate) tags: Vec<TagRecord>,
    pub(crate) policies: Vec<Arc<Policy>>,
    pub(crate) boundary: Option<Arc<Policy>>,
    pub(crate) trust: Option<Arc<Policy>>,
}

/// Who calls.
#[derive(Clone)]
pub enum Caller {
    /// Nobody asked who it is: the loopback interface, or `--insecure-no-auth`.
    Trusted {
        /// Whose requests these are.
        account: Arc<str>,
    },
    /// The root user of an account, by an access key of the configuration.
    Root {
        /// Twelve digits.
        account: Arc<str>,
    },
    /// An IAM user.
    User(Arc<Subject>),
    /// Somebody who has assumed a role.
    Session {
        /// The role.
        role: Arc<Subject>,
        /// `RoleSessionName`
        session_name: Arc<str>,
        /// The session's own policies, where it has any.
        policies: Option<Arc<[Arc<Policy>]>>,
        /// When it was begun.
        issued: Timestamp,
    },
}

impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.arn())
    }
}

impl Caller {
    /// The account.
    pub fn account(&self) -> &Arc<str> {
        match self {
            Caller::Trusted { account } | Caller::Root { account } => account,
            Caller::User(subject) => &subject.account,
            Caller::Session { role, .. } => &role.account,
        }
    }

    /// As GetCallerIdentity has it.
    pub fn arn(&self) -> String {
        match self {
            Caller::Trusted { account } | Caller::Root { account } => {
                format!("arn:aws:iam::{account}:root")
            }
            Caller::User(subject) => subject.arn.to_string(),
            Caller::Session { role, session_name, .. } => role.session_arn(session_name),
        }
    }

    /// `UserId`
    pub fn user_id(&self) -> String {
        match self {
            Caller::Trusted { account } | Caller::Root { account } => account.to_string(),
            Caller::User(subject) => subject.id.to_string(),
            Caller::Session { role, session_name, .. } => format!("{}:{session_name}", role.id),
        }
    }

    /// Whether what the caller may do depends on tags of resources.
    pub fn asks_for_resource_tags(&self) -> bool {
        match self {
            Caller::Trusted { .. } | Caller::Root { .. } => false,
            Caller::User(user) => user.asks_for_resource_tags(),
            Caller::Session { role, policies, .. } => {
                let mut own = policies.iter().flat_map(|policies| policies.iter());
                role.asks_for_resource_tags() || own.any(|policy| asks_for_resource_tags(policy))
            }
        }
    }

    /// Whether the caller may do that, by what is known of the request, and if not, AWS's message.
    ///
    /// # Errors
    /// The message of the error.
    pub fn check(&self, action: &str, resource: &str, facts: Context<'_>) -> Result<(), String> {
        self.decide(action, resource, facts, None)
    }

    /// As [`Caller::check`], with the trust policy of the role that is to be assumed.
    pub(crate) fn decide(
        &self,
        action: &str,
        resource: &str,
        facts: Context<'_>,
        trust: Option<(&Policy, bool)>,
    ) -> Result<(), String> {
        if matches!(self, Caller::Trusted { .. }) {
            return Ok(());
        }
        let arn = self.arn();
        let mut context = facts;
        let (subject, session, principal) = match self {
            Caller::Trusted { account } | Caller::Root { account } => {
                (None, None, Principal::Root { account })
            }
            Caller::User(user) => {
                context.insert("aws:username", &*user.name);
                let principal = Principal::User { arn: &user.arn, account: &user.account };
                (Some(user), None, principal)
            }
            Caller::Session { role, policies, issued, .. } => {
                describe_session(&mut context, *issued);
                let principal = Principal::Session {
                    role_arn: &role.arn,
                    session_arn: &arn,
                    account: &role.account,
                };
                (Some(role), policies.as_deref(), principal)
            }
        };
        match subject {
            Some(subject) => subject.describe(&mut context),
            None => {
                context.insert("aws:principaltype", "Account");
                context.insert("aws:principalaccount", &**self.account());
                context.insert("aws:principalarn", &*arn);
            }
        }
        let user_id = self.user_id();
        context.insert("aws:userid", &*user_id);
        let request = Request::new(action, resource, principal, context);
        let policies = Policies {
            identity: subject.map_or(&[], |subject| &subject.policies),
            boundary: subject.and_then(|subject| subject.boundary.as_deref()),
            session,
            trust: trust.map(|(policy, _)| policy),
            is_cross_account: trust.is_some_and(|(_, is_cross_account)| is_cross_account),
        };
        match decide(&request.with_filled(is_filled), &policies) {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => Err(format!(
                "User: {arn} is not authorized to perform: {action} on resource: {resource} {}",
                denial.because(action)
            )),
        }
    }
}

/// Whether requests ever have the condition key.
pub(crate) fn is_filled(key: &str) -> bool {
    permissions::is_filled(key) == Filled::Always
}

/// Whether calls of services that are not kept here ever have the condition key: their requests are
/// not read for tags, and of their resources the account is known at most.
pub(crate) fn is_filled_elsewhere(key: &str) -> bool {
    const UNKNOWN: [&str; 3] = ["aws:requesttag/", "aws:resourcetag/", "aws:tagkeys"];
    is_filled(key) && !UNKNOWN.iter().any(|unknown| key.starts_with(unknown))
}

/// As [`is_filled_elsewhere`], where the account of the resource is not known either.
pub(crate) fn is_filled_nowhere(key: &str) -> bool {
    is_filled_elsewhere(key) && key != "aws:resourceaccount"
}

/// What is known of temporary credentials. There is no multi-factor authentication here.
pub(crate) fn describe_session(context: &mut Context<'_>, issued: Timestamp) {
    context.insert("aws:tokenissuetime", date(issued));
    context.insert("aws:multifactorauthpresent", "false");
}

/// The tags of a user, a role or a policy that something is done to.
pub fn describe_resource_tags(context: &mut Context<'_>, tags: &[TagRecord]) {
    for tag in tags {
        context.insert(format!("aws:resourcetag/{}", tag.key), tag.value.clone());
        context.insert(format!("iam:resourcetag/{}", tag.key), tag.value.clone());
    }
}

/// What is known of the moment.
pub fn describe_instant(context: &mut Context<'_>, now: Timestamp) {
    context.insert("aws:currenttime", date(now));
    context.insert("aws:epochtime", now.0.div_euclid(1_000).to_string());
}

/// `2020-04-01T00:00:01Z`
fn date(instant: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(instant.0).unwrap_or_default();
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Subject {
    fn is_role(&self) -> bool {
        self.arn.contains(":role/")
    }

    /// Whether its policies ask for tags of resources.
    pub(crate) fn asks_for_resource_tags(&self) -> bool {
        let mut policies = self.policies.iter().chain(&self.boundary);
        policies.any(|policy| asks_for_resource_tags(policy))
    }

    /// What is known of it as a resource.
    pub(crate) fn describe_resource<'a>(&'a self, context: &mut Context<'a>) {
        context.insert("aws:resourceaccount", &*self.account);
        describe_resource_tags(context, &self.tags);
    }

    pub(crate) fn session_arn(&self, session_name: &str) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{session_name}", self.account, self.name)
    }

    /// What is known of it.
    pub(crate) fn describe<'a>(&'a self, context: &mut Context<'a>) {
        context.insert("aws:principalarn", &*self.arn);
        context.insert("aws:principalaccount", &*self.account);
        context.insert("aws:principaltype", if self.is_role() { "AssumedRole" } else { "User" });
        for tag in &self.tags {
            context.insert(format!("aws:principaltag/{}", tag.key), &*tag.value);
        }
    }
}

impl Identities {
    /// The role or the user with that ARN, ready for decisions; none where this server does not
    /// know it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn subject(&self, arn: &str) -> Result<Option<Arc<Subject>>, StoreError> {
        let generation = {
            let subjects = self.subjects.lock();
            if let Some(subject) = subjects.by_arn.get(arn) {
                return Ok(subject.clone());
            }
            subjects.generation
        };
        let subject = self.compile(arn).await?.map(Arc::new);
        let mut subjects = self.subjects.lock();
        // Callers name what ARNs they like: these are not all kept.
        const SUBJECTS_MAX: usize = 10_000;
        if subjects.generation == generation && subjects.by_arn.len() < SUBJECTS_MAX {
            subjects.by_arn.insert(arn.into(), subject.clone());
        }
        Ok(subject)
    }

    async fn compile(&self, arn: &str) -> Result<Option<Subject>, StoreError> {
        let Some(parts) = ArnParts::parse(arn) else { return Ok(None) };
        let principal_type = match parts.kind {
            "role" => PrincipalType::Role,
            "user" => PrincipalType::User,
            _ => return Ok(None),
        };
        let key = crate::identities::principal_key(parts.account, principal_type, parts.name);
        let Some((_, record)) = self.read::<PrincipalRecord>(&key).await? else {
            return Ok(None);
        };
        if record.arn(parts.account) != arn {
            return Ok(None);
        }
        let mut documents: Vec<Arc<str>> = record.inline.values().cloned().collect();
        for arn in &record.attached {
            documents.extend(self.managed_document(parts.account, arn).await?);
        }
        let boundary = match &record.boundary {
            // A boundary that is gone allows nothing.
            Some(arn) => Some(
                self.managed_document(parts.account, arn)
                    .await?
                    .unwrap_or_else(|| r#"{"Statement":[]}"#.into()),
            ),
            None => None,
        };
        let identity = |text: &Arc<str>| compiled(text, DocumentType::Identity);
        Ok(Some(Subject {
            arn: arn.into(),
            account: parts.account.into(),
            name: record.name.as_str().into(),
            id: record.id.as_str().into(),
            max_session_seconds: record.max_session_seconds,
            policies: documents.iter().map(identity).collect::<Result<_, _>>()?,
            boundary: boundary.as_ref().map(identity).transpose()?,
            trust: record
                .trust
                .as_ref()
                .map(|text| compiled(text, DocumentType::Trust))
                .transpose()?,
            tags: record.tags,
        }))
    }
}

/// Policy variables may ask, too, but only where their text names the tag.
fn asks_for_resource_tags(policy: &Policy) -> bool {
    policy.condition_keys().any(|key| key.contains(":resourcetag/"))
        || policy.variables().any(|key| key.contains(":resourcetag/"))
}

/// It was checked before it was stored.
fn compiled(text: &str, document_type: DocumentType) -> Result<Arc<Policy>, StoreError> {
    let policy = Policy::parse(text, document_type);
    policy.map(Arc::new).map_err(|error| StoreError::Corrupt(format!("a policy: {error}")))
}
