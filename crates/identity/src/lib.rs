//! Who there is and what they may do: IAM's users, roles, policies and access keys, kept in the
//! store, and the decisions that follow from them.
//!
//! Promises: what was answered is as durable as the store makes it; a change holds for the next
//! request; policies are compiled once.
//!
//! Does not: know HTTP, or IAM's wire format (`api`); weigh policies (`policy`); verify signatures
//! (`signature`).
//!
//! In reading order: `record` is what is stored, [`Identities`] reads and changes it, one file per
//! family; `sealing` is how secrets are stored; `subject` is a principal made ready for decisions,
//! `guard` decides about tasks.

mod aws_managed;
mod error;
mod guard;
mod identities;
mod key_file;
mod keys;
mod managed;
mod principals;
mod record;
mod sealing;
mod sessions;
mod subject;
mod unfilled;

pub use error::IdentityError;
pub use guard::{Actor, Denied, Enforcement, Guard, LOG_DELIVERY, account_of};
pub use identities::{ArnParts, Identities};
pub use key_file::KeyFileError;
pub use keys::{Credentials, NewAccessKey};
pub use managed::{AttachedPolicy, CreatePolicy};
pub use policy::Context as Facts;
pub use principals::{CreatePrincipal, PrincipalChange};
pub use record::{
    AccessKey, ManagedPolicy, PolicyVersion, PrincipalRecord, PrincipalType, TagRecord,
};
pub use sealing::{SealingKey, forget_secrets};
pub use sessions::{AssumeRole, Assumed, KeyOwner, Session, SessionEnd};
pub use subject::{Caller, Subject, describe_instant, describe_resource_tags};
pub use unfilled::unfilled_keys;
