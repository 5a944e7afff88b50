//! Who may do what on a server: its settings, and what is made of them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::{Audit, Callers, CertificatePrincipal, CertificateSubject, Certificates, RootKey};
use identity::{Enforcement, Guard, Identities};
use runtime::RuntimeConfig;
use serde::Deserialize;

use crate::arguments::{RoleMode, ServeArguments};
use crate::reload::{LiveTls, TlsFiles};

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
    tls: Option<TlsFiles>,
    certificates: Certificates,
    /// Whether URLs of tasks may lead to private addresses.
    pub(crate) allow_private_addresses: bool,
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
    tls_client_ca: Option<PathBuf>,
    #[serde(default)]
    tls_client_principals: BTreeMap<String, String>,
    allow_private_addresses: Option<bool>,
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
    let require = arguments.require_auth.or(file.require_auth).unwrap_or(false);
    let insecure = arguments.insecure_no_auth.or(file.insecure_no_auth).unwrap_or(false);
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
    let tls = tls_files(
        path(&arguments.tls_cert, &file.tls_cert),
        path(&arguments.tls_key, &file.tls_key),
        path(&arguments.tls_client_ca, &file.tls_client_ca),
    )?;
    let certificates = certificates(arguments, file)?;
    let asks_for_certificates = tls.as_ref().is_some_and(|tls| tls.client_authorities.is_some());
    if !certificates.is_empty() && !asks_for_certificates {
        bail!("tls-client-principal needs tls-client-ca: nobody is asked for a certificate");
    }
    let audit = path(&arguments.audit, &file.audit);
    let audit_reads = arguments.audit_reads.or(file.audit_reads).unwrap_or(false);
    if audit_reads && audit.is_none() {
        bail!("audit-reads needs an audit: say where with --audit FILE");
    }
    let private = arguments.allow_private_addresses.or(file.allow_private_addresses);
    Ok(Security {
        allow_private_addresses: private.unwrap_or(false),
        root_keys,
        must_be_known,
        enforcement: Some(enforcement),
        child_poll_seconds: arguments.child_poll_seconds.or(file.child_poll_seconds),
        audit,
        audit_reads,
        tls,
        certificates,
    })
}

fn tls_files(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    client_authorities: Option<PathBuf>,
) -> anyhow::Result<Option<TlsFiles>> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsFiles { certificate, key, client_authorities }))
        }
        (None, None) if client_authorities.is_none() => Ok(None),
        (None, None) => bail!("tls-client-ca needs TLS: give tls-cert and tls-key"),
        _ => bail!("TLS needs both tls-cert and tls-key"),
    }
}

/// Whom certificates stand for: those of the file, and those of the command line.
fn certificates(arguments: &ServeArguments, file: &SecurityFile) -> anyhow::Result<Certificates> {
    let mut certificates = Certificates::new();
    let in_file = file.tls_client_principals.iter();
    let mut pairs: Vec<(&str, &str)> =
        in_file.map(|(subject, arn)| (subject.as_str(), arn.as_str())).collect();
    for pair in &arguments.tls_client_principals {
        // Subjects have equals signs too, and so may names of users.
        let Some(at) = pair.find("=arn:") else {
            bail!("the certificate '{pair}' is not of the form SUBJECT=ARN");
        };
        pairs.push((&pair[..at], &pair[at + 1..]));
    }
    for (subject, arn) in pairs {
        let subject_of = subject.parse::<CertificateSubject>();
        let subject_of = subject_of.with_context(|| format!("the certificate '{subject}'"))?;
        let principal = arn.parse::<CertificatePrincipal>();
        let principal = principal.with_context(|| format!("the principal '{arn}'"))?;
        certificates.insert(subject_of, principal);
    }
    Ok(certificates)
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
        let reach = match self.allow_private_addresses {
            true => "; tasks reach private addresses",
            false => "",
        };
        format!("{callers}; roles: {roles}{reach}")
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
        let nobody = self.root_keys.is_empty() && self.certificates.is_empty();
        let nobody = nobody && self.must_be_known;
        if nobody && !identities.has_access_keys().await? {
            bail!(
                "others can reach this address, or --require-auth is given, and nobody has an \
                 access key with a secret: give --access-key KEY=ACCOUNT:SECRET, listen on \
                 127.0.0.1, or trust everybody with --insecure-no-auth"
            );
        }
        let callers = Callers::new(identities, self.root_keys.clone(), self.must_be_known)
            .with_certificates(self.certificates.clone());
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

    /// What to show for TLS. The log warns where others can reach the address without.
    ///
    /// # Errors
    /// Where a file cannot be read or used.
    pub(crate) fn tls(&self, address: IpAddr) -> anyhow::Result<Option<LiveTls>> {
        if self.tls.is_none() && !address.is_loopback() {
            tracing::warn!(
                "others can reach {address}, and there is no TLS: who listens on the way reads all \
                 that is sent, new secrets included; give --tls-cert and --tls-key, or put a proxy \
                 with TLS before it"
            );
        }
        self.tls.clone().map(TlsFiles::load).transpose()
    }
}
