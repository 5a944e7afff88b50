//! IAM: users, roles and policies. The operations on users and on roles are the same but for their
//! names.

mod authorization;

use identity::{
    AccessKey, ArnParts, CreatePolicy, CreatePrincipal, Identities, IdentityError, ManagedPolicy,
    PolicyVersion, PrincipalChange, PrincipalRecord, PrincipalType, TagRecord,
};

use self::authorization::authorize;
use crate::audit::Attempt;
use crate::query::xml::Xml;
use crate::query::{Asked, Refused};

type Answer = Result<String, IdentityError>;

/// An answer without a result.
fn done(result: Result<(), IdentityError>) -> Answer {
    result.map(|()| String::new())
}

/// Does what is asked; nothing where there is no such operation.
///
/// # Errors
/// Those of IAM.
pub(crate) async fn call(
    asked: &Asked<'_>,
    attempt: &mut Attempt<'_>,
) -> Result<Option<String>, Refused> {
    let Some((operation, members)) = operation(asked.action) else { return Ok(None) };
    if let Some(unknown) = asked.form.unknown(members) {
        let message = format!("Stairwell does not support {unknown} yet");
        return Err(IdentityError::Validation(message).into());
    }
    authorize(asked, operation, attempt).await?;
    attempt.begin().await?;
    let answer = match operation {
        Operation::Principal(verb, principal_type) => asked.principal(verb, principal_type).await,
        Operation::Policy(verb) => asked.policy(verb).await,
        Operation::Key(verb) => asked.key(verb).await,
    };
    Ok(Some(answer?))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operation {
    Principal(PrincipalVerb, PrincipalType),
    Policy(PolicyVerb),
    Key(KeyVerb),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum PrincipalVerb {
    Create,
    Get,
    Delete,
    List,
    Update,
    UpdateTrust,
    PutInline,
    GetInline,
    DeleteInline,
    ListInline,
    Attach,
    Detach,
    ListAttached,
    Tag,
    Untag,
    ListTags,
    PutBoundary,
    DeleteBoundary,
    ListInstanceProfiles,
    ListGroups,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum PolicyVerb {
    Create,
    Get,
    Delete,
    List,
    CreateVersion,
    GetVersion,
    DeleteVersion,
    ListVersions,
    SetDefaultVersion,
    ListEntities,
    Tag,
    Untag,
    ListTags,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum KeyVerb {
    Create,
    Update,
    Delete,
    List,
}

/// An operation, and the members that Stairwell knows of it.
type Known = (Operation, &'static [&'static str]);

const ROLE: &[&str] = &["RoleName"];
const ROLE_PAGE: &[&str] = &["RoleName", "PathPrefix", "Marker", "MaxItems"];
const USER: &[&str] = &["UserName"];
const USER_PAGE: &[&str] = &["UserName", "PathPrefix", "Marker", "MaxItems"];
const ARN: &[&str] = &["PolicyArn"];
const ARN_PAGE: &[&str] = &["PolicyArn", "EntityFilter", "Marker", "MaxItems"];
const VERSION: &[&str] = &["PolicyArn", "VersionId"];

/// The operation of that name.
fn operation(action: &str) -> Option<Known> {
    role_operation(action)
        .or_else(|| user_operation(action))
        .or_else(|| policy_operation(action))
        .or_else(|| key_operation(action))
}

/// Of roles.
fn role_operation(action: &str) -> Option<Known> {
    use PrincipalVerb as It;
    let of = |verb, members: &'static [&'static str]| {
        (Operation::Principal(verb, PrincipalType::Role), members)
    };
    Some(match action {
        "CreateRole" => of(
            It::Create,
            &[
                "RoleName",
                "Path",
                "AssumeRolePolicyDocument",
                "Description",
                "MaxSessionDuration",
                "PermissionsBoundary",
                "Tags",
            ],
        ),
        "GetRole" => of(It::Get, ROLE),
        "DeleteRole" => of(It::Delete, ROLE),
        "ListRoles" => of(It::List, &["PathPrefix", "Marker", "MaxItems"]),
        "UpdateRole" => of(It::Update, &["RoleName", "Description", "MaxSessionDuration"]),
        "UpdateRoleDescription" => of(It::Update, &["RoleName", "Description"]),
        "UpdateAssumeRolePolicy" => of(It::UpdateTrust, &["RoleName", "PolicyDocument"]),
        "PutRolePolicy" => of(It::PutInline, &["RoleName", "PolicyName", "PolicyDocument"]),
        "GetRolePolicy" => of(It::GetInline, &["RoleName", "PolicyName"]),
        "DeleteRolePolicy" => of(It::DeleteInline, &["RoleName", "PolicyName"]),
        "ListRolePolicies" => of(It::ListInline, ROLE_PAGE),
        "AttachRolePolicy" => of(It::Attach, &["RoleName", "PolicyArn"]),
        "DetachRolePolicy" => of(It::Detach, &["RoleName", "PolicyArn"]),
        "ListAttachedRolePolicies" => of(It::ListAttached, ROLE_PAGE),
        "TagRole" => of(It::Tag, &["RoleName", "Tags"]),
        "UntagRole" => of(It::Untag, &["RoleName", "TagKeys"]),
        "ListRoleTags" => of(It::ListTags, ROLE_PAGE),
        "PutRolePermissionsBoundary" => of(It::PutBoundary, &["RoleName", "PermissionsBoundary"]),
        "DeleteRolePermissionsBoundary" => of(It::DeleteBoundary, ROLE),
        "ListInstanceProfilesForRole" => of(It::ListInstanceProfiles, ROLE_PAGE),
        _ => return None,
    })
}

/// Of users.
fn user_operation(action: &str) -> Option<Known> {
    use PrincipalVerb as It;
    let of = |verb, members: &'static [&'static str]| {
        (Operation::Principal(verb, PrincipalType::User), members)
    };
    Some(match action {
        "CreateUser" => of(It::Create, &["UserName", "Path", "PermissionsBoundary", "Tags"]),
        "GetUser" => of(It::Get, USER),
        "DeleteUser" => of(It::Delete, USER),
        "ListUsers" => of(It::List, &["PathPrefix", "Marker", "MaxItems"]),
        "PutUserPolicy" => of(It::PutInline, &["UserName", "PolicyName", "PolicyDocument"]),
        "GetUserPolicy" => of(It::GetInline, &["UserName", "PolicyName"]),
        "DeleteUserPolicy" => of(It::DeleteInline, &["UserName", "PolicyName"]),
        "ListUserPolicies" => of(It::ListInline, USER_PAGE),
        "AttachUserPolicy" => of(It::Attach, &["UserName", "PolicyArn"]),
        "DetachUserPolicy" => of(It::Detach, &["UserName", "PolicyArn"]),
        "ListAttachedUserPolicies" => of(It::ListAttached, USER_PAGE),
        "TagUser" => of(It::Tag, &["UserName", "Tags"]),
        "UntagUser" => of(It::Untag, &["UserName", "TagKeys"]),
        "ListUserTags" => of(It::ListTags, USER_PAGE),
        "PutUserPermissionsBoundary" => of(It::PutBoundary, &["UserName", "PermissionsBoundary"]),
        "DeleteUserPermissionsBoundary" => of(It::DeleteBoundary, USER),
        "ListGroupsForUser" => of(It::ListGroups, USER_PAGE),
        _ => return None,
    })
}

/// Of managed policies.
fn policy_operation(action: &str) -> Option<Known> {
    use PolicyVerb as Policy;
    let policy = |verb, members: &'static [&'static str]| (Operation::Policy(verb), members);
    Some(match action {
        "CreatePolicy" => {
            policy(Policy::Create, &["PolicyName", "Path", "PolicyDocument", "Description", "Tags"])
        }
        "GetPolicy" => policy(Policy::Get, ARN),
        "DeletePolicy" => policy(Policy::Delete, ARN),
        "ListPolicies" => {
            policy(Policy::List, &["Scope", "OnlyAttached", "PathPrefix", "Marker", "MaxItems"])
        }
        "CreatePolicyVersion" => {
            policy(Policy::CreateVersion, &["PolicyArn", "PolicyDocument", "SetAsDefault"])
        }
        "GetPolicyVersion" => policy(Policy::GetVersion, VERSION),
        "DeletePolicyVersion" => policy(Policy::DeleteVersion, VERSION),
        "ListPolicyVersions" => policy(Policy::ListVersions, ARN_PAGE),
        "SetDefaultPolicyVersion" => policy(Policy::SetDefaultVersion, VERSION),
        "ListEntitiesForPolicy" => policy(Policy::ListEntities, ARN_PAGE),
        "TagPolicy" => policy(Policy::Tag, &["PolicyArn", "Tags"]),
        "UntagPolicy" => policy(Policy::Untag, &["PolicyArn", "TagKeys"]),
        "ListPolicyTags" => policy(Policy::ListTags, ARN_PAGE),
        _ => return None,
    })
}

/// Of access keys.
fn key_operation(action: &str) -> Option<Known> {
    use KeyVerb as Key;
    let key = |verb, members: &'static [&'static str]| (Operation::Key(verb), members);
    Some(match action {
        "CreateAccessKey" => key(Key::Create, USER),
        "UpdateAccessKey" => key(Key::Update, &["UserName", "AccessKeyId", "Status"]),
        "DeleteAccessKey" => key(Key::Delete, &["UserName", "AccessKeyId"]),
        "ListAccessKeys" => key(Key::List, USER_PAGE),
        _ => return None,
    })
}

/// The user that is named, or who calls.
fn user_name(asked: &Asked<'_>) -> Result<String, IdentityError> {
    let arn = asked.caller.arn();
    let own = ArnParts::parse(&arn).filter(|parts| parts.kind == "user");
    let named = asked.form.owned("UserName");
    named.or_else(|| own.map(|parts| parts.name.to_owned())).ok_or_else(|| {
        IdentityError::Validation(
            "Must specify userName when calling with non-User credentials".to_owned(),
        )
    })
}

/// A page of a list: where the last one ended, so many.
struct Page<T> {
    items: Vec<T>,
    marker: Option<String>,
}

impl Asked<'_> {
    fn page<T>(
        &self,
        items: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Page<T>, IdentityError> {
        let most = self.form.number("MaxItems", 100)?.clamp(1, 1_000) as usize;
        let after = self.form.get("Marker").unwrap_or_default();
        let mut items: Vec<T> = items.into_iter().filter(|item| &*name(item) > after).collect();
        items.sort_by_key(&name);
        let has_more = items.len() > most;
        items.truncate(most);
        let marker = items.last().map(&name).filter(|_| has_more);
        Ok(Page { items, marker })
    }

    async fn principal(&self, verb: PrincipalVerb, principal_type: PrincipalType) -> Answer {
        let (account, form) = (self.caller.account(), self.form);
        let element = match principal_type {
            PrincipalType::User => "User",
            PrincipalType::Role => "Role",
        };
        let mut xml = Xml::default();
        if verb == PrincipalVerb::List {
            let prefix = form.get("PathPrefix").unwrap_or("/");
            let all = self.identities.principals(account, principal_type, prefix).await?;
            let page = self.page(all, |record| record.name.clone())?;
            xml.list(&format!("{element}s"), page.items, |xml, record| {
                write_principal(xml, account, &record);
            });
            return Ok(finish_page(xml, page.marker));
        }
        let name = match principal_type {
            PrincipalType::User => user_name(self)?,
            PrincipalType::Role => form.required("RoleName")?.to_owned(),
        };
        if verb == PrincipalVerb::Create {
            let create = self.create(principal_type, name)?;
            let now = self.runtime.now();
            let record = self.identities.create_principal(account, create, now).await?;
            xml.element(element, |xml| write_principal(xml, account, &record));
            return Ok(xml.finish());
        }
        if verb == PrincipalVerb::Delete {
            let deleted = self.identities.delete_principal(account, principal_type, &name);
            return done(deleted.await);
        }
        if let Some(change) = self.change(verb)? {
            let change = self.identities.change_principal(account, principal_type, &name, &change);
            change.await?;
            if self.action == "UpdateRoleDescription" {
                let record = self.identities.principal(account, principal_type, &name).await?;
                xml.element(element, |xml| write_principal(xml, account, &record));
            }
            return Ok(xml.finish());
        }
        let record = self.identities.principal(account, principal_type, &name).await?;
        match verb {
            PrincipalVerb::Get => {
                xml.element(element, |xml| write_principal(xml, account, &record));
                Ok(xml.finish())
            }
            PrincipalVerb::GetInline => inline(xml, element, &record, form.required("PolicyName")?),
            PrincipalVerb::ListInline => {
                let names: Vec<String> = record.inline.into_keys().collect();
                let page = self.page(names, Clone::clone)?;
                xml.list("PolicyNames", page.items, |xml, name| xml.push_escaped(&name));
                Ok(finish_page(xml, page.marker))
            }
            PrincipalVerb::ListAttached => {
                let all = self.identities.attached_policies(account, principal_type, &name).await?;
                let page = self.page(all, |policy| policy.arn.clone())?;
                xml.list("AttachedPolicies", page.items, |xml, policy| {
                    xml.text("PolicyName", &policy.name);
                    xml.text("PolicyArn", &policy.arn);
                });
                Ok(finish_page(xml, page.marker))
            }
            PrincipalVerb::ListTags => self.tags(xml, record.tags),
            PrincipalVerb::ListInstanceProfiles => {
                xml.element("InstanceProfiles", |_| {});
                Ok(finish_page(xml, None))
            }
            PrincipalVerb::ListGroups => {
                xml.element("Groups", |_| {});
                Ok(finish_page(xml, None))
            }
            other => unreachable!("{other:?} was done before"),
        }
    }

    fn create(
        &self,
        principal_type: PrincipalType,
        name: String,
    ) -> Result<CreatePrincipal, IdentityError> {
        let form = self.form;
        let trust = match principal_type {
            PrincipalType::Role => Some(form.required("AssumeRolePolicyDocument")?.to_owned()),
            PrincipalType::User => None,
        };
        Ok(CreatePrincipal {
            principal_type,
            name,
            path: form.get("Path").unwrap_or("/").to_owned(),
            description: form.owned("Description"),
            trust,
            max_session_seconds: form.number("MaxSessionDuration", 3_600)?,
            boundary: form.owned("PermissionsBoundary"),
            tags: form.tags(),
        })
    }

    /// What is to be changed; nothing where the operation changes nothing.
    fn change(&self, verb: PrincipalVerb) -> Result<Option<PrincipalChange>, IdentityError> {
        let form = self.form;
        let required = |name: &str| form.required(name).map(str::to_owned);
        Ok(Some(match verb {
            PrincipalVerb::Update => PrincipalChange::Role {
                description: form.owned("Description"),
                max_session_seconds: match form.get("MaxSessionDuration") {
                    Some(_) => Some(form.number("MaxSessionDuration", 0)?),
                    None => None,
                },
            },
            PrincipalVerb::UpdateTrust => PrincipalChange::Trust(required("PolicyDocument")?),
            PrincipalVerb::PutInline => {
                PrincipalChange::PutInline(required("PolicyName")?, required("PolicyDocument")?)
            }
            PrincipalVerb::DeleteInline => PrincipalChange::DeleteInline(required("PolicyName")?),
            PrincipalVerb::Attach => PrincipalChange::Attach(required("PolicyArn")?),
            PrincipalVerb::Detach => PrincipalChange::Detach(required("PolicyArn")?),
            PrincipalVerb::Tag => PrincipalChange::Tag(form.tags()),
            PrincipalVerb::Untag => PrincipalChange::Untag(form.list("TagKeys")),
            PrincipalVerb::PutBoundary => {
                PrincipalChange::Boundary(Some(required("PermissionsBoundary")?))
            }
            PrincipalVerb::DeleteBoundary => PrincipalChange::Boundary(None),
            PrincipalVerb::Create
            | PrincipalVerb::Get
            | PrincipalVerb::Delete
            | PrincipalVerb::List
            | PrincipalVerb::GetInline
            | PrincipalVerb::ListInline
            | PrincipalVerb::ListAttached
            | PrincipalVerb::ListTags
            | PrincipalVerb::ListInstanceProfiles
            | PrincipalVerb::ListGroups => return Ok(None),
        }))
    }

    fn tags(&self, mut xml: Xml, tags: Vec<TagRecord>) -> Answer {
        let page = self.page(tags, |tag| tag.key.clone())?;
        write_tags(&mut xml, &page.items);
        Ok(finish_page(xml, page.marker))
    }

    async fn policy(&self, verb: PolicyVerb) -> Answer {
        let (account, form, identities) = (self.caller.account(), self.form, self.identities);
        let now = self.runtime.now();
        let mut xml = Xml::default();
        match verb {
            PolicyVerb::Create => {
                let create = CreatePolicy {
                    name: form.required("PolicyName")?.to_owned(),
                    path: form.get("Path").unwrap_or("/").to_owned(),
                    description: form.owned("Description"),
                    document: form.required("PolicyDocument")?.to_owned(),
                    tags: form.tags(),
                };
                let policy = identities.create_policy(account, create, now).await?;
                xml.element("Policy", |xml| write_policy(xml, account, &policy, 0));
                return Ok(xml.finish());
            }
            PolicyVerb::List => return self.list_policies(xml).await,
            _ => {}
        }
        let arn = form.required("PolicyArn")?;
        match verb {
            PolicyVerb::Create | PolicyVerb::List => unreachable!("done above"),
            PolicyVerb::Delete => done(identities.delete_policy(account, arn).await),
            PolicyVerb::CreateVersion => {
                let document = form.required("PolicyDocument")?;
                let is_default = form.boolean("SetAsDefault");
                let version =
                    identities.create_policy_version(account, arn, document, is_default, now);
                let version = version.await?;
                xml.element("PolicyVersion", |xml| {
                    write_version(xml, &version, is_default, false);
                });
                Ok(xml.finish())
            }
            PolicyVerb::DeleteVersion => {
                let number = self.version()?;
                done(identities.delete_policy_version(account, arn, number).await)
            }
            PolicyVerb::SetDefaultVersion => {
                let number = self.version()?;
                done(identities.set_default_policy_version(account, arn, number, now).await)
            }
            PolicyVerb::Tag => done(identities.tag_policy(account, arn, &form.tags(), &[]).await),
            PolicyVerb::Untag => {
                done(identities.tag_policy(account, arn, &[], &form.list("TagKeys")).await)
            }
            PolicyVerb::Get
            | PolicyVerb::GetVersion
            | PolicyVerb::ListVersions
            | PolicyVerb::ListEntities
            | PolicyVerb::ListTags => {
                let policy = identities.managed_policy(account, arn).await?;
                self.read_policy(verb, arn, policy, xml).await
            }
        }
    }

    async fn read_policy(
        &self,
        verb: PolicyVerb,
        arn: &str,
        policy: ManagedPolicy,
        mut xml: Xml,
    ) -> Answer {
        let account = self.caller.account();
        match verb {
            PolicyVerb::GetVersion => {
                let number = self.version()?;
                let found = policy.versions.iter().find(|version| version.number == number);
                let version = found.ok_or_else(|| {
                    IdentityError::NoSuchEntity(format!(
                        "Policy {arn} version v{number} does not exist or is not attachable."
                    ))
                })?;
                let is_default = number == policy.default_version;
                xml.element("PolicyVersion", |xml| write_version(xml, version, is_default, true));
                Ok(xml.finish())
            }
            PolicyVerb::ListVersions => {
                let default = policy.default_version;
                // The newest first: its number, from the largest down, as a text in order.
                let order = |version: &PolicyVersion| format!("{:010}", u32::MAX - version.number);
                let page = self.page(policy.versions, order)?;
                xml.list("Versions", page.items, |xml, version| {
                    write_version(xml, &version, version.number == default, false);
                });
                Ok(finish_page(xml, page.marker))
            }
            PolicyVerb::ListTags => self.tags(xml, policy.tags),
            PolicyVerb::ListEntities => {
                let all = self.identities.attached_to(account, arn).await?;
                let filter = self.form.get("EntityFilter");
                for (kind, name) in [(PrincipalType::Role, "Role"), (PrincipalType::User, "User")] {
                    let is_asked_for = filter.is_none_or(|filter| filter == name);
                    let these = all.iter().filter(|it| is_asked_for && it.principal_type == kind);
                    xml.list(&format!("Policy{name}s"), these, |xml, record| {
                        xml.text(&format!("{name}Name"), &record.name);
                        xml.text(&format!("{name}Id"), &record.id);
                    });
                }
                xml.element("PolicyGroups", |_| {});
                Ok(finish_page(xml, None))
            }
            _ => {
                let attached = self.identities.attached_to(account, arn).await?.len();
                let owner = ArnParts::parse(arn).map_or(&**account, |parts| parts.account);
                xml.element("Policy", |xml| write_policy(xml, owner, &policy, attached));
                Ok(xml.finish())
            }
        }
    }

    async fn list_policies(&self, mut xml: Xml) -> Answer {
        let (account, form) = (self.caller.account(), self.form);
        let prefix = form.get("PathPrefix").unwrap_or("/");
        let scope = form.get("Scope").unwrap_or("All");
        let mut policies: Vec<(String, ManagedPolicy)> = Vec::new();
        if scope != "AWS" {
            let own = self.identities.managed_policies(account).await?.into_iter();
            policies.extend(own.map(|policy| (account.to_string(), policy)));
        }
        if scope != "Local" {
            let all = Identities::aws_managed_policies().into_iter();
            policies.extend(all.map(|policy| ("aws".to_owned(), policy)));
        }
        policies.retain(|(_, policy)| policy.path.starts_with(prefix));
        // Names are unique within an owner alone.
        let place = |(owner, policy): &(String, ManagedPolicy)| format!("{} {owner}", policy.name);
        let page = self.page(policies, place)?;
        let counts = self.identities.attachments(account).await?;
        let mut counted = Vec::with_capacity(page.items.len());
        for (owner, policy) in page.items {
            let attached = counts.get(&policy.arn(&owner)).copied().unwrap_or_default();
            if attached > 0 || !form.boolean("OnlyAttached") {
                counted.push((owner, policy, attached));
            }
        }
        xml.list("Policies", counted, |xml, (owner, policy, attached)| {
            write_policy(xml, &owner, &policy, attached);
        });
        Ok(finish_page(xml, page.marker))
    }

    fn version(&self) -> Result<u32, IdentityError> {
        let text = self.form.required("VersionId")?;
        let number = text.strip_prefix('v').and_then(|digits| digits.parse().ok());
        number.ok_or_else(|| {
            IdentityError::Validation(format!(
                "1 validation error detected: Value '{text}' at 'versionId' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: \
                 v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?"
            ))
        })
    }

    async fn key(&self, verb: KeyVerb) -> Answer {
        let (account, form, identities) = (self.caller.account(), self.form, self.identities);
        let user = user_name(self)?;
        let mut xml = Xml::default();
        match verb {
            KeyVerb::Create => {
                let now = self.runtime.now();
                let new = identities.create_access_key(account, &user, now).await?;
                xml.element("AccessKey", |xml| {
                    write_key(xml, &user, &new.key);
                    xml.text("SecretAccessKey", &new.secret);
                });
                Ok(xml.finish())
            }
            KeyVerb::Update => {
                let id = form.required("AccessKeyId")?;
                let is_active = match form.required("Status")? {
                    "Active" => true,
                    "Inactive" => false,
                    other => {
                        return Err(IdentityError::Validation(format!(
                            "1 validation error detected: Value '{other}' at 'status' failed to \
                             satisfy constraint: Member must satisfy enum value set: [Active, \
                             Inactive]"
                        )));
                    }
                };
                done(identities.update_access_key(account, &user, id, is_active).await)
            }
            KeyVerb::Delete => {
                let id = form.required("AccessKeyId")?;
                done(identities.delete_access_key(account, &user, id).await)
            }
            KeyVerb::List => {
                let record = identities.principal(account, PrincipalType::User, &user).await?;
                let page = self.page(record.access_keys, |key| key.id.clone())?;
                xml.list("AccessKeyMetadata", page.items, |xml, key| write_key(xml, &user, &key));
                Ok(finish_page(xml, page.marker))
            }
        }
    }
}

fn finish_page(mut xml: Xml, marker: Option<String>) -> String {
    xml.text("IsTruncated", if marker.is_some() { "true" } else { "false" });
    xml.optional("Marker", marker.as_deref());
    xml.finish()
}

fn inline(mut xml: Xml, element: &str, record: &PrincipalRecord, name: &str) -> Answer {
    let document = record.inline.get(name).ok_or_else(|| {
        let kind = element.to_lowercase();
        IdentityError::NoSuchEntity(format!("The {kind} policy with name {name} cannot be found."))
    })?;
    xml.text(&format!("{element}Name"), &record.name);
    xml.text("PolicyName", name);
    xml.text("PolicyDocument", &escaped(document));
    Ok(xml.finish())
}

fn write_principal(xml: &mut Xml, account: &str, record: &PrincipalRecord) {
    let kind = match record.principal_type {
        PrincipalType::User => "User",
        PrincipalType::Role => "Role",
    };
    xml.text("Path", &record.path);
    xml.text(&format!("{kind}Name"), &record.name);
    xml.text(&format!("{kind}Id"), &record.id);
    xml.text("Arn", &record.arn(account));
    xml.instant("CreateDate", record.created);
    xml.optional("Description", record.description.as_deref());
    if let Some(trust) = &record.trust {
        xml.text("AssumeRolePolicyDocument", &escaped(trust));
        xml.text("MaxSessionDuration", &record.max_session_seconds.to_string());
        xml.element("RoleLastUsed", |_| {});
    }
    if let Some(boundary) = &record.boundary {
        xml.element("PermissionsBoundary", |xml| {
            xml.text("PermissionsBoundaryType", "Policy");
            xml.text("PermissionsBoundaryArn", boundary);
        });
    }
    if !record.tags.is_empty() {
        write_tags(xml, &record.tags);
    }
}

fn write_tags(xml: &mut Xml, tags: &[TagRecord]) {
    xml.list("Tags", tags, |xml, tag| {
        xml.text("Key", &tag.key);
        xml.text("Value", &tag.value);
    });
}

fn write_policy(xml: &mut Xml, account: &str, policy: &ManagedPolicy, attached: usize) {
    xml.text("PolicyName", &policy.name);
    xml.text("PolicyId", &policy.id);
    xml.text("Arn", &policy.arn(account));
    xml.text("Path", &policy.path);
    xml.text("DefaultVersionId", &format!("v{}", policy.default_version));
    xml.text("AttachmentCount", &attached.to_string());
    xml.text("PermissionsBoundaryUsageCount", "0");
    xml.text("IsAttachable", "true");
    xml.optional("Description", policy.description.as_deref());
    xml.instant("CreateDate", policy.created);
    xml.instant("UpdateDate", policy.updated);
    if !policy.tags.is_empty() {
        write_tags(xml, &policy.tags);
    }
}

fn write_version(xml: &mut Xml, version: &PolicyVersion, is_default: bool, with_document: bool) {
    if with_document {
        xml.text("Document", &escaped(&version.document));
    }
    xml.text("VersionId", &format!("v{}", version.number));
    xml.text("IsDefaultVersion", if is_default { "true" } else { "false" });
    xml.instant("CreateDate", version.created);
}

fn write_key(xml: &mut Xml, user: &str, key: &AccessKey) {
    xml.text("UserName", user);
    xml.text("AccessKeyId", &key.id);
    xml.text("Status", if key.is_active { "Active" } else { "Inactive" });
    xml.instant("CreateDate", key.created);
}

/// Documents are answered with everything but letters, digits and `-._~` escaped.
fn escaped(document: &str) -> String {
    let mut escaped = String::with_capacity(document.len() * 2);
    for byte in document.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
