//! How the emulator is spoken to as its root: SDK configuration, and signed calls to services without an SDK here.
//!
//! Or how AWS is, as whoever the shell is. It refuses to know which stack runs there. Root credentials belong to operators and tests, never to a function.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::{Builder, tls};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::Value;

/// The only region of the local stack.
pub const REGION: &str = "us-east-1";
/// The emulator's root access key and its secret.
pub const ROOT: &str = "test";

/// A function may run for 15 minutes: no read is given up before that.
const READ_BOUND: Duration = Duration::from_secs(15 * 60 + 30);
/// Loopback connects at once or not at all.
const CONNECT_BOUND: Duration = Duration::from_secs(5);
/// A signed call that is no invocation.
const CALL_BOUND: Duration = Duration::from_secs(60);

/// Root credentials and the endpoint for any SDK client. No retries: who calls decides about them.
pub fn sdk_config(endpoint: &str) -> SdkConfig {
    sdk_config_of(Region::from_static(REGION), root(), Some(endpoint))
}

/// Credentials, region and endpoint of the shell, for stacks that are not ours: AWS itself without `AWS_ENDPOINT_URL`.
pub fn sdk_config_of_shell() -> Result<SdkConfig> {
    let read = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let must = |name: &str| read(name).with_context(|| format!("the environment variable {name} is missing"));
    let (key, secret) = (must("AWS_ACCESS_KEY_ID")?, must("AWS_SECRET_ACCESS_KEY")?);
    let credentials = Credentials::new(key, secret, read("AWS_SESSION_TOKEN"), None, "the shell's environment");
    let region = Region::new(must("AWS_REGION")?);
    Ok(sdk_config_of(region, credentials, read("AWS_ENDPOINT_URL").as_deref()))
}

fn sdk_config_of(region: Region, credentials: Credentials, endpoint: Option<&str>) -> SdkConfig {
    let http = Builder::new().tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring)).build_https();
    let mut config = SdkConfig::builder()
        .behavior_version(aws_sdk_lambda::config::BehaviorVersion::latest())
        .region(region)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_BOUND).read_timeout(READ_BOUND).build());
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config.build()
}

/// Who may do everything on the local stack.
pub(crate) fn root() -> Credentials {
    Credentials::new(ROOT, ROOT, None, None, "the local stack")
}

/// What programs need to talk to the stack as root.
pub fn environment(endpoint: &str) -> [(&'static str, String); 6] {
    [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", ROOT.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", ROOT.to_owned()),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ]
}

/// A call to a service by its wire protocol.
pub struct Call<'a> {
    /// The service's signing name, e.g. `logs`.
    pub service: &'a str,
    /// GET, PUT or POST.
    pub method: &'a str,
    /// The path from the endpoint, with its leading slash.
    pub path: &'a str,
    /// What `X-Amz-Target` says, for the JSON protocols.
    pub target: Option<&'a str>,
    /// The body.
    pub body: Vec<u8>,
}

impl Call<'_> {
    /// Signs and sends it. An answer that is no JSON comes back as a string.
    pub async fn send(self, endpoint: &str) -> Result<Value> {
        let url = format!("{endpoint}{}", self.path);
        let mut headers = vec![("content-type", "application/x-amz-json-1.1")];
        headers.extend(self.target.map(|target| ("x-amz-target", target)));
        let signature = sign_headers(root(), self.service, self.method, &url, &headers, &self.body)?;
        let method = self.method.parse().context("an HTTP method")?;
        let client = reqwest::Client::builder().no_proxy().timeout(CALL_BOUND).build().context("an HTTP client")?;
        let mut request = client.request(method, &url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in signature {
            request = request.header(name, value);
        }
        let response = request.body(self.body).send().await.with_context(|| format!("calling {}", self.service))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("reading the answer of {}", self.service))?;
        if !status.is_success() {
            bail!("{} refused {}: {status} {text}", self.service, self.target.unwrap_or(self.path));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// The headers that sign a request with these credentials.
pub(crate) fn sign_headers(
    credentials: Credentials,
    service: &str,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Vec<(String, String)>> {
    let identity = credentials.into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(service)
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .context("complete signing parameters")?
        .into();
    let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body))
        .context("a request that can be signed")?;
    let (instructions, _) = sign(request, &parameters).context("signing")?.into_parts();
    let (signed, _) = instructions.into_parts();
    Ok(signed.into_iter().map(|header| (header.name().to_owned(), header.value().to_owned())).collect())
}

/// Makes a bucket; an existing one of ours is fine.
pub async fn make_bucket(endpoint: &str, bucket: &str) -> Result<()> {
    let path = format!("/{bucket}");
    let made = Call { service: "s3", method: "PUT", path: &path, target: None, body: Vec::new() }.send(endpoint).await;
    match made {
        Ok(_) => Ok(()),
        Err(error) if error.to_string().contains("BucketAlreadyOwnedByYou") => Ok(()),
        Err(error) => Err(error),
    }
}

/// The ARN of the MSK cluster record with this name, made if need be.
pub async fn make_cluster(endpoint: &str, name: &str) -> Result<String> {
    let list = format!("/v1/clusters?clusterNameFilter={name}");
    let known =
        Call { service: "kafka", method: "GET", path: &list, target: None, body: Vec::new() }.send(endpoint).await?;
    let clusters = known["clusterInfoList"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(cluster) = clusters.iter().find(|cluster| cluster["clusterName"] == name) {
        return cluster["clusterArn"].as_str().map(str::to_owned).context("a cluster without an ARN");
    }
    let body = serde_json::json!({
        "clusterName": name,
        "kafkaVersion": "3.9.0",
        "numberOfBrokerNodes": 1,
        "brokerNodeGroupInfo": { "clientSubnets": [], "instanceType": "kafka.t3.small" },
    });
    let path = "/v1/clusters";
    let made = Call { service: "kafka", method: "POST", path, target: None, body: body.to_string().into_bytes() };
    let made = made.send(endpoint).await?;
    made["clusterArn"].as_str().map(str::to_owned).with_context(|| format!("no ARN in {made}"))
}
