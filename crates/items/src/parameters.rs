//! The resolved parameters of a resource.

use std::sync::Arc;

use json::{Document, Value};
use store::Scope;

use crate::ObjectAddress;
use crate::failure::ReadError;
use crate::objects::BucketAddress;

/// The texts in the parameters of a resource.
#[derive(Debug)]
pub(crate) struct Parameters {
    texts: Vec<(Arc<str>, Arc<str>)>,
    scope: Scope,
}

impl Parameters {
    /// Reads an object of texts that has no other members than those.
    pub(crate) fn read(
        parameters: &Document,
        known: &[&str],
        scope: &Scope,
    ) -> Result<Parameters, ReadError> {
        let mut texts = Vec::new();
        let members = parameters.value().as_object();
        for (name, value) in members.iter().flat_map(|members| members.iter()) {
            if !known.contains(&&**name) {
                return Err(ReadError::UnknownParameter(name.to_string()));
            }
            let Value::String(text) = value else {
                return Err(ReadError::ParameterType(name.to_string()));
            };
            texts.push((name.clone(), text.clone()));
        }
        Ok(Parameters { texts, scope: scope.clone() })
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<str>> {
        self.texts.iter().find(|(known, _)| **known == *name).map(|(_, text)| text.clone())
    }

    fn required(&self, name: &'static str) -> Result<Arc<str>, ReadError> {
        self.get(name).filter(|text| !text.is_empty()).ok_or(ReadError::MissingParameter(name))
    }

    /// `Bucket`, and who should own it.
    pub(crate) fn bucket(&self) -> Result<BucketAddress, ReadError> {
        let name = self.required("Bucket")?;
        let Scope { account, region } = self.scope.clone();
        Ok(BucketAddress { name, account, region, expected_owner: self.get("ExpectedBucketOwner") })
    }

    /// `Bucket`, `Key` and `VersionId`
    pub(crate) fn object(&self) -> Result<ObjectAddress, ReadError> {
        let (bucket, key) = (self.bucket()?, self.required("Key")?);
        Ok(ObjectAddress { bucket, key, version: self.get("VersionId") })
    }
}
