//! The bucket of invoices: their files under `<merchant>/<mode>/<invoice>`, encrypted with a KMS key, and links that open
//! one for some minutes.

use crate::config::{StartError, sdk_config, variable};
use crate::table::unavailable;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use payments::failure::Unavailable;
use payments::invoice::{Invoice, Seller};
use payments::ports::{InvoiceFile, InvoiceFiles, InvoiceLinks};
use std::time::Duration;

/// Invoices' files in S3.
#[derive(Clone, Debug)]
pub struct InvoiceBucket {
    client: Client,
    bucket: String,
}

impl InvoiceBucket {
    /// From `INVOICES_BUCKET`.
    pub async fn from_env() -> Result<Self, StartError> {
        // Path style: a local endpoint has no host names of buckets.
        let local = variable("AWS_ENDPOINT_URL").is_ok();
        let config = aws_sdk_s3::config::Builder::from(&sdk_config()?).force_path_style(local);
        Ok(Self { client: Client::from_conf(config.build()), bucket: variable("INVOICES_BUCKET")? })
    }
}

/// What invoices say about us, from `INVOICE_SELLER` (lines apart by `|`) and `INVOICE_VAT_NOTE`.
pub fn seller() -> Result<Seller, StartError> {
    let lines = variable("INVOICE_SELLER")?.split('|').map(|line| line.trim().to_owned()).collect();
    Ok(Seller { lines, vat_note: variable("INVOICE_VAT_NOTE")? })
}

fn key(invoice: &Invoice, file: InvoiceFile) -> String {
    let extension = match file {
        InvoiceFile::Json => "json",
        InvoiceFile::Pdf => "pdf",
    };
    let owner = &invoice.owner;
    format!("{}/{}/{}.{extension}", owner.merchant_id, owner.mode, invoice.invoice_id)
}

impl InvoiceFiles for InvoiceBucket {
    async fn put(&self, invoice: &Invoice, file: InvoiceFile, bytes: Vec<u8>) -> Result<(), Unavailable> {
        let media_type = match file {
            InvoiceFile::Json => "application/json",
            InvoiceFile::Pdf => "application/pdf",
        };
        // The bucket encrypts by its own default: every object is under its key.
        let put = self.client.put_object().bucket(&self.bucket).key(key(invoice, file)).content_type(media_type);
        let sent = put.body(ByteStream::from(bytes)).send().await;
        sent.map(drop).map_err(|error| unavailable("the bucket of invoices", error))
    }
}

impl InvoiceLinks for InvoiceBucket {
    async fn link(&self, invoice: &Invoice, seconds: u32) -> Result<String, Unavailable> {
        let time = PresigningConfig::expires_in(Duration::from_secs(u64::from(seconds)));
        let time = time.map_err(|error| Unavailable::new("the bucket of invoices", error))?;
        let get = self.client.get_object().bucket(&self.bucket).key(key(invoice, InvoiceFile::Pdf));
        let signed = get.response_content_type("application/pdf").presigned(time).await;
        let signed = signed.map_err(|error| unavailable("the bucket of invoices", error))?;
        Ok(signed.uri().to_owned())
    }
}
