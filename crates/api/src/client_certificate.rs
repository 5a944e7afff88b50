//! Certificates that clients show, and whom they stand for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::name::Name;

use crate::credential::is_account;

/// The certificate that the client of a connection showed: an extension of its requests. It was
/// verified when the connection was made.
#[derive(Clone, Debug)]
pub(crate) struct ClientCertificate {
    pub(crate) subject: Arc<str>,
}

impl ClientCertificate {
    /// None where the client showed none.
    pub(crate) fn of<S>(stream: &TlsStream<S>) -> Option<ClientCertificate> {
        let (_, connection) = stream.get_ref();
        let shown = connection.peer_certificates()?.first()?;
        let certificate = Certificate::from_der(shown).ok()?;
        let subject = certificate.tbs_certificate().subject().to_string();
        Some(ClientCertificate { subject: subject.into() })
    }
}

/// The subject of a certificate, as RFC 4514 writes it: `CN=ci,O=Example`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CertificateSubject(String);

/// The text is no subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSubject;

impl fmt::Display for NoSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("it is no subject of a certificate, such as CN=ci,O=Example")
    }
}

impl std::error::Error for NoSubject {}

impl FromStr for CertificateSubject {
    type Err = NoSubject;

    /// In the one form that subjects of certificates are compared in.
    fn from_str(text: &str) -> Result<CertificateSubject, NoSubject> {
        let name = Name::from_str(text).map_err(|_| NoSubject)?;
        if name.is_empty() { Err(NoSubject) } else { Ok(CertificateSubject(name.to_string())) }
    }
}

impl std::borrow::Borrow<str> for CertificateSubject {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Whom a certificate stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificatePrincipal {
    /// The root user of an account.
    Root {
        /// Twelve digits.
        account: Arc<str>,
    },
    /// An IAM user, which may come later and go again.
    User {
        /// With the path.
        arn: Arc<str>,
    },
}

/// The text is no ARN of a principal that a certificate may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPrincipal;

impl fmt::Display for NoPrincipal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "it is neither arn:aws:iam::ACCOUNT:user/NAME nor arn:aws:iam::ACCOUNT:root (a role is \
             assumed by a user)",
        )
    }
}

impl std::error::Error for NoPrincipal {}

impl FromStr for CertificatePrincipal {
    type Err = NoPrincipal;

    fn from_str(arn: &str) -> Result<CertificatePrincipal, NoPrincipal> {
        let rest = arn.strip_prefix("arn:aws:iam::").ok_or(NoPrincipal)?;
        let (account, resource) = rest.split_once(':').ok_or(NoPrincipal)?;
        if !is_account(account) {
            return Err(NoPrincipal);
        }
        match resource.split_once('/') {
            None if resource == "root" => {
                Ok(CertificatePrincipal::Root { account: account.into() })
            }
            Some(("user", name)) if !name.is_empty() && !name.ends_with('/') => {
                Ok(CertificatePrincipal::User { arn: arn.into() })
            }
            _ => Err(NoPrincipal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_roots_may_stand_behind_a_certificate() {
        for arn in ["arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:user/team/eve"] {
            assert!(arn.parse::<CertificatePrincipal>().is_ok(), "{arn}");
        }
        for arn in [
            "",
            "arn:aws:iam::123456789012:role/r",
            "arn:aws:iam::1:root",
            "arn:aws:iam::123456789012:user/",
            "arn:aws:iam::123456789012:root/x",
            "arn:aws:sts::123456789012:assumed-role/r/s",
        ] {
            assert_eq!(arn.parse::<CertificatePrincipal>(), Err(NoPrincipal), "{arn}");
        }
    }

    #[test]
    fn subjects_are_compared_in_one_form() {
        let subject = |text: &str| text.parse::<CertificateSubject>().map(|it| it.0);
        assert_eq!(subject("CN=ci,O=Example"), Ok("CN=ci,O=Example".to_owned()));
        assert_eq!(subject("CN=a\\,b,O=Example"), Ok("CN=a\\,b,O=Example".to_owned()));
        for text in ["", "ci", "CN"] {
            assert_eq!(subject(text), Err(NoSubject), "{text}");
        }
    }
}
