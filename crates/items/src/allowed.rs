//! Objects as the role of an execution may touch them: it is asked before each request.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html>.

use std::sync::Arc;

use async_trait::async_trait;
use runtime::{Access, Permission};

use crate::objects::BucketAddress;
use crate::{ListedObject, ObjectAddress, ObjectWriter, Objects, ObjectsError, OpenObject};

/// Objects that are there, and what the role allows.
pub(crate) struct Allowed {
    pub(crate) objects: Arc<dyn Objects>,
    pub(crate) access: Access,
}

impl Allowed {
    /// Refuses as S3 does what the role does not allow.
    async fn check(&self, permission: Permission) -> Result<(), ObjectsError> {
        let checked = self.access.check(&permission).await;
        checked.map_err(|message| ObjectsError::refused("AccessDenied", 403, &message))
    }
}

fn permission(action: &str, object: &ObjectAddress) -> Permission {
    let ObjectAddress { bucket, key, .. } = object;
    Permission::new(action, Some(format!("arn:aws:s3:::{}/{key}", bucket.name)))
}

#[async_trait]
impl Objects for Allowed {
    async fn open(
        &self,
        object: &ObjectAddress,
        from: u64,
        length: Option<u64>,
        tag: Option<&str>,
    ) -> Result<OpenObject, ObjectsError> {
        let is_version = object.version.is_some();
        let action = if is_version { "s3:GetObjectVersion" } else { "s3:GetObject" };
        self.check(permission(action, object)).await?;
        self.objects.open(object, from, length, tag).await
    }

    async fn list(
        &self,
        bucket: &BucketAddress,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, ObjectsError> {
        let resource = format!("arn:aws:s3:::{}", bucket.name);
        self.check(Permission {
            context: vec![("s3:prefix", prefix.to_owned())],
            ..Permission::new("s3:ListBucket", Some(resource))
        })
        .await?;
        self.objects.list(bucket, prefix, after).await
    }

    async fn create(&self, object: &ObjectAddress) -> Result<Box<dyn ObjectWriter>, ObjectsError> {
        self.check(permission("s3:PutObject", object)).await?;
        self.objects.create(object).await
    }
}
