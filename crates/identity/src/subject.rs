//! Principals made ready for decisions: their policies compiled.

use std::fmt;
use std::sync::Arc;

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
            Caller::Session { role, policies, .. } => {
                let principal = Principal::Session {
                    role_arn: &role.arn,
                    session_arn: &arn,
                    account: &role.account,
                };
                (Some(role), policies.as_deref(), principal)
            }
        };
        if let Some(subject) = subject {
            subject.describe(&mut context);
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
        match decide(&request, &policies) {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => Err(format!(
                "User: {arn} is not authorized to perform: {action} on resource: {resource} {}",
                denial.because(action)
            )),
        }
    }
}

impl Subject {
    pub(crate) fn session_arn(&self, session_name: &str) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{session_name}", self.account, self.name)
    }

    /// What is known of it.
    pub(crate) fn describe<'a>(&'a self, context: &mut Context<'a>) {
        context.insert("aws:principalarn", &*self.arn);
        context.insert("aws:principalaccount", &*self.account);
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

/// It was checked before it was stored.
fn compiled(text: &str, document_type: DocumentType) -> Result<Arc<Policy>, StoreError> {
    let policy = Policy::parse(text, document_type);
    policy.map(Arc::new).map_err(|error| StoreError::Corrupt(format!("a policy: {error}")))
}
