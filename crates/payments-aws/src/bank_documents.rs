//! The bucket of bank documents: files for the bank, messages of the bank, lists of payees. The bucket encrypts what comes
//! under its KMS key.

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use payments::bank_account::OwnAccounts;
use payments::failure::Unavailable;
use payments::ports::Documents;

/// A bucket.
#[derive(Clone, Debug)]
pub struct BankDocuments {
    client: Client,
    bucket: String,
}

impl BankDocuments {
    /// From `BANK_BUCKET`.
    pub async fn from_env() -> Result<Self, StartError> {
        // A bucket's name in the path is understood everywhere, in the host's name not by a local stack.
        let config = aws_sdk_s3::config::Builder::from(&sdk_config()?).force_path_style(true).build();
        Ok(Self { client: Client::from_conf(config), bucket: variable("BANK_BUCKET")? })
    }
}

impl Documents for BankDocuments {
    async fn put_document(&self, key: &str, media_type: &str, bytes: &[u8]) -> Result<(), Unavailable> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(media_type);
        let put = put.body(ByteStream::from(bytes.to_vec())).send().await;
        put.map(drop).map_err(|error| unavailable("the bucket of bank documents", error))
    }
}

/// Our own bank accounts, from `OWN_ACCOUNTS` (empty for none) and `OWN_NAME`.
pub fn own_accounts() -> Result<OwnAccounts, StartError> {
    const NAME: &str = "OWN_ACCOUNTS";
    let text = std::env::var(NAME).map_err(|_| StartError::VariableMissing(NAME))?;
    let expected = "expected accounts, at most one per mode and currency, as OwnAccounts in template.yaml says";
    OwnAccounts::read(&text, &variable("OWN_NAME")?).ok_or(StartError::VariableWrong { name: NAME, expected })
}
