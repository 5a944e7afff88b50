//! What a running server takes up anew: the file of the audit, and its certificates.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use api::{Audit, Tls, TlsPem};

/// How often it is looked whether a certificate has changed.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The files that TLS is made of.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_authorities: Option<PathBuf>,
}

impl TlsFiles {
    fn read(&self) -> anyhow::Result<TlsPem> {
        let read = |path: &PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        Ok(TlsPem {
            certificates: read(&self.certificate)?,
            key: read(&self.key)?,
            client_authorities: self.client_authorities.as_ref().map(read).transpose()?,
        })
    }

    /// # Errors
    /// Where a file cannot be read or used.
    pub(crate) fn load(self) -> anyhow::Result<LiveTls> {
        let pem = self.read()?;
        let tls = Tls::from_pem(&pem);
        let tls = tls.with_context(|| format!("{}", self.certificate.display()))?;
        Ok(LiveTls { files: self, tls, last: pem, is_unreadable: false })
    }
}

/// TLS whose files may change.
#[derive(Debug)]
pub(crate) struct LiveTls {
    files: TlsFiles,
    pub(crate) tls: Tls,
    /// What was read last, whether it could be used or not.
    last: TlsPem,
    /// Whether the files could not be read when they were looked at last.
    is_unreadable: bool,
}

impl LiveTls {
    /// Takes up what has changed. What cannot be used leaves everything as it was: a certificate
    /// and its key do not change at the same instant.
    fn look(&mut self, is_asked_for: bool) {
        let path = self.files.certificate.display();
        let pem = match self.files.read() {
            Ok(pem) => pem,
            Err(error) => {
                let is_told = std::mem::replace(&mut self.is_unreadable, true);
                if is_asked_for || !is_told {
                    tracing::error!("{error:#}: the certificates before stay");
                }
                return;
            }
        };
        self.is_unreadable = false;
        if self.last == pem && !is_asked_for {
            return;
        }
        match self.tls.replace(&pem) {
            Ok(()) => tracing::info!(%path, "the certificates were read anew"),
            Err(error) => tracing::error!(%path, %error, "the certificates before stay"),
        }
        self.last = pem;
    }
}

/// What is taken up anew.
#[derive(Debug, Default)]
pub(crate) struct Reload {
    pub(crate) audit: Audit,
    pub(crate) tls: Option<LiveTls>,
}

impl Reload {
    /// Whether there are files to look at from time to time.
    pub(crate) fn is_due_regularly(&self) -> bool {
        self.tls.is_some()
    }

    /// Some time has passed.
    pub(crate) fn look(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.look(false);
        }
    }

    /// SIGHUP came.
    pub(crate) fn reload(&mut self) {
        tracing::info!("SIGHUP: files are opened anew");
        self.audit.reopen();
        if let Some(tls) = &mut self.tls {
            tls.look(true);
        }
    }
}
