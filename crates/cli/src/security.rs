//! Who may do what on a server: its settings, and what is made of them.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::{Audit, Callers, RootKey, Tls};
use identity::{Enforcement, Guard, Identities};
use runtime::RuntimeConfig;
use serde::Deserialize;

use crate::arguments::{RoleMode, ServeArguments};

/// Who may do what.
#[derive(Debug, Default)]
pub(crate) struct Security {
    root_keys: BTreeMap<String, RootKey>,
    must_be_known: bool,
    /// Where it is none, roles are not asked for.
    enforcement: Option<Enforcement>,
    child_poll_seconds: Option<u64>,
    audit: Option<PathBuf>,
    audit_reads: bool,
    tls: Option<(PathBuf, PathBuf)>,
}

/// The table `[security]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SecurityFile {
    require_auth: Option<bool>,
    insecure_no_auth: Option<bool>,
    roles: Option<Roles>,
    child_poll_seconds: Option<u64>,
    audit: Option<PathBuf>,
    audit_reads: Option<bool>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Roles {
    Permissive,
    Enforce,
    DryRun,
}

/// The settings that the arguments and the file make together, for a server on that address.
///
/// # Errors
/// Where they contradict each other.
pub(crate) fn settings(
    arguments: &ServeArguments,
    file: &SecurityFile,
    root_keys: BTreeMap<String, RootKey>,
    address: IpAddr,
) -> anyhow::Result<Security> {
    let require = arguments.require_auth || file.require_auth.unwrap_or(false);
    let insecure = arguments.insecure_no_auth || file.insecure_no_auth.unwrap_or(false);
    if require && insecure {
        bail!("require-auth and insecure-no-auth contradict each other");
    }
    let must_be_known = require || !(insecure || address.is_loopback());
    let enforcement = match (arguments.roles, file.roles) {
        (Some(RoleMode::Enforce), _) | (None, Some(Roles::Enforce)) => Enforcement::Enforce,
        (Some(RoleMode::DryRun), _) | (None, Some(Roles::DryRun)) => Enforcement::DryRun,
        (Some(RoleMode::Permissive), _) | (None, Some(Roles::Permissive)) => {
            Enforcement::Permissive
        }
        // Who must be known is not let do anything by a role that is not.
        (None, None) if must_be_known => Enforcement::Enforce,
        (None, None) => Enforcement::Permissive,
    };
    let path =
        |given: &Option<PathBuf>, in_file: &Option<PathBuf>| given.clone().or(in_file.clone());
    let certificate = path(&arguments.tls_cert, &file.tls_cert);
    let tls = match (certificate, path(&arguments.tls_key, &file.tls_key)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => bail!("TLS needs both tls-cert and tls-key"),
    };
    let audit = path(&arguments.audit, &file.audit);
    let audit_reads = arguments.audit_reads.or(file.audit_reads).unwrap_or(false);
    if audit_reads && audit.is_none() {
        bail!("audit-reads needs an audit: say where with --audit FILE");
    }
    Ok(Security {
        root_keys,
        must_be_known,
        enforcement: Some(enforcement),
        child_poll_seconds: arguments.child_poll_seconds.or(file.child_poll_seconds),
        audit,
        audit_reads,
        tls,
    })
}

impl Security {
    /// A runtime that asks these identities what roles may do.
    pub(crate) fn guarded(
        &self,
        config: RuntimeConfig,
        identities: &Arc<Identities>,
    ) -> RuntimeConfig {
        let guard = self.enforcement.map(|mode| {
            let guard = Guard::new(identities.clone(), mode);
            Arc::new(guard.keeping_accounts_apart(self.must_be_known))
        });
        let child_poll_pause =
            self.child_poll_seconds.map_or(config.child_poll_pause, Duration::from_secs);
        RuntimeConfig { guard, child_poll_pause, ..config }
    }

    /// Whether no account may reach into another one: where callers must be known.
    pub(crate) fn keeps_accounts_apart(&self) -> bool {
        self.must_be_known
    }

    /// Who is trusted, and what is done about what roles do not allow.
    pub(crate) fn in_words(&self) -> String {
        let callers = match self.must_be_known {
            true => "callers must be known",
            false => "everybody who reaches it is trusted",
        };
        let roles = match self.enforcement {
            Some(Enforcement::Enforce) => "enforce",
            Some(Enforcement::DryRun) => "dry-run",
            Some(Enforcement::Permissive) | None => "permissive",
        };
        format!("{callers}; roles: {roles}")
    }

    /// Who may call.
    ///
    /// # Errors
    /// Where everybody must be known and nobody is.
    pub(crate) async fn callers(
        &self,
        identities: Arc<Identities>,
        guard: Option<Arc<Guard>>,
    ) -> anyhow::Result<Callers> {
        let nobody = self.root_keys.is_empty() && self.must_be_known;
        if nobody && !identities.has_access_keys().await? {
            bail!(
                "others can reach this address, or --require-auth is given, and nobody has an \
                 access key with a secret: give --access-key KEY=ACCOUNT:SECRET, listen on \
                 127.0.0.1, or trust everybody with --insecure-no-auth"
            );
        }
        let callers = Callers::new(identities, self.root_keys.clone(), self.must_be_known);
        Ok(match guard {
            Some(guard) => callers.with_guard(guard),
            None => callers,
        })
    }

    /// Where the audit goes.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub(crate) fn audit(&self) -> anyhow::Result<Audit> {
        let audit = match self.audit.as_deref() {
            None => Audit::default(),
            Some(path) if path == Path::new("-") => Audit::to_standard_output(),
            Some(path) => Audit::to_file(path.to_owned())
                .with_context(|| format!("cannot write the audit to {}", path.display()))?,
        };
        Ok(audit.with_reads(self.audit_reads))
    }

    /// What to show for TLS.
    ///
    /// # Errors
    /// Where a file cannot be read or used.
    pub(crate) fn tls(&self) -> anyhow::Result<Option<Tls>> {
        let Some((certificate, key)) = &self.tls else { return Ok(None) };
        let read = |path: &PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let tls = Tls::from_pem(&read(certificate)?, &read(key)?);
        Ok(Some(tls.with_context(|| format!("{}", certificate.display()))?))
    }
}
