//! Where reports for people and programs are put: a bucket that encrypts with its own KMS key.

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::primitives::ByteStream;
use payments::failure::Unavailable;
use payments::ports::StoreReport;

/// Reports in S3.
#[derive(Clone, Debug)]
pub struct ReportBucket {
    client: Client,
    bucket: String,
}

impl ReportBucket {
    /// From `REPORT_BUCKET`.
    pub async fn from_env() -> Result<Self, StartError> {
        // Path style: a local endpoint has no host names of buckets.
        let local = variable("AWS_ENDPOINT_URL").is_ok();
        let config = Builder::from(&sdk_config()?).force_path_style(local).build();
        Ok(Self { client: Client::from_conf(config), bucket: variable("REPORT_BUCKET")? })
    }
}

impl StoreReport for ReportBucket {
    async fn store_report(&self, name: &str, media_type: &str, text: &str) -> Result<(), Unavailable> {
        let put = self.client.put_object().bucket(&self.bucket).key(name).content_type(media_type);
        let put = put.body(ByteStream::from(text.as_bytes().to_vec())).send().await;
        put.map(drop).map_err(|error| unavailable("the bucket of reports", error))
    }
}
