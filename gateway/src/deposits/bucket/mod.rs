//! A bucket of an S3-compatible store, in which a copy of the log's files stands for everybody to read.
//! It refuses to list and to delete: it puts files, and reads the checkpoint that stands there.

mod copy;
mod http;

pub(crate) use copy::Copier;

use self::http::Connector;
use crate::outside::{is_url, tls_under};
use crate::tls::{TlsError, root_store};
use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::HttpError;
use object_store::path::Path;
use object_store::{Attribute, Attributes, Error, ObjectStore, ObjectStoreExt, PutOptions, RetryConfig};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// How often a call is made again before it has failed, and for how long.
const RETRIES_MAX: usize = 3;
const RETRY_FOR: Duration = Duration::from_secs(60);

/// What opens a bucket.
#[derive(Clone, Debug)]
pub struct BucketAccess {
    /// The access key's id.
    pub key_id: String,
    /// The access key.
    pub secret: SecretString,
    /// The token of a session, where the key is of one.
    pub session: Option<SecretString>,
}

/// Where a bucket is.
#[derive(Clone, Debug)]
pub struct BucketConfig {
    /// The store: `https://host[:port]`, or `http://` on a way that is trusted. What is written is public, and what is asked is
    /// signed.
    pub endpoint: String,
    /// The bucket's name.
    pub name: String,
    /// Where in the bucket the log begins, without slashes at its ends; empty: at the bucket's root.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The endpoint's host names the bucket already, as some stores demand.
    pub virtual_hosted: bool,
    /// The authority of the store's certificate, as PEM; those that this machine trusts where none is named.
    pub authority_pem: Option<String>,
    /// What opens it.
    pub access: BucketAccess,
}

/// Why a bucket cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The endpoint is no address.
    #[error("{0} is not an address of the form https://host or http://host")]
    Endpoint(String),
    /// The prefix is no path.
    #[error("{0} is not a path within a bucket: names with slashes between them")]
    Prefix(String),
    /// The authority cannot be used.
    #[error("the authority of the bucket's store cannot be used")]
    Authority(#[from] TlsError),
    /// The client cannot be made of this.
    #[error("the bucket cannot be used as configured")]
    Client(#[from] Error),
}

/// A bucket. Nothing has been asked of it when it is made.
#[derive(Debug)]
pub struct Bucket {
    store: AmazonS3,
    prefix: Path,
    location: String,
}

impl Bucket {
    /// Prepares access.
    ///
    /// # Errors
    /// [`BucketError`].
    pub fn new(config: &BucketConfig) -> Result<Self, BucketError> {
        if !is_url(&config.endpoint) {
            return Err(BucketError::Endpoint(config.endpoint.clone()));
        }
        let prefix = Path::from(config.prefix.as_str());
        if prefix.as_ref() != config.prefix {
            return Err(BucketError::Prefix(config.prefix.clone()));
        }
        let tls = match &config.authority_pem {
            Some(pem) => {
                let roots = root_store("the bucket's store", pem)?;
                Some(tls_under(roots).map_err(|error| TlsError::Setup(error.to_string()))?)
            }
            None => None,
        };
        let endpoint = config.endpoint.trim_end_matches('/');
        let access = &config.access;
        let mut builder = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_bucket_name(&config.name)
            .with_region(&config.region)
            .with_virtual_hosted_style_request(config.virtual_hosted)
            .with_allow_http(endpoint.starts_with("http://"))
            .with_access_key_id(&access.key_id)
            .with_secret_access_key(access.secret.expose_secret())
            .with_retry(RetryConfig { max_retries: RETRIES_MAX, retry_timeout: RETRY_FOR, ..RetryConfig::default() })
            .with_http_connector(Connector { tls });
        if let Some(session) = &access.session {
            builder = builder.with_token(session.expose_secret());
        }
        let place = if config.virtual_hosted { endpoint.to_owned() } else { format!("{endpoint}/{}", config.name) };
        let location = if config.prefix.is_empty() { place } else { format!("{place}/{prefix}") };
        Ok(Self { store: builder.build()?, prefix, location })
    }

    /// Where the log begins, for readers.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.is_root() { Path::from(name) } else { Path::from(format!("{}/{name}", self.prefix)) }
    }

    /// Puts a file, in the place of what stood there.
    async fn put(&self, name: &str, bytes: Bytes, kind: &'static str, kept: &'static str) -> Result<(), Error> {
        let attributes = Attributes::from_iter([(Attribute::ContentType, kind), (Attribute::CacheControl, kept)]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        self.store.put_opts(&self.path(name), bytes.into(), options).await.map(drop)
    }

    /// What stands there, if something does.
    async fn read(&self, name: &str) -> Result<Option<Bytes>, Error> {
        match self.store.get(&self.path(name)).await {
            Ok(found) => found.bytes().await.map(Some),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What went wrong, as a code.
fn code(error: &Error) -> &'static str {
    match error {
        Error::NotFound { .. } => "NO_BUCKET",
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => "REFUSED",
        error => {
            let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
            while let Some(one) = source {
                if one.is::<HttpError>() {
                    return "UNREACHABLE";
                }
                source = one.source();
            }
            "FAILED"
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config() -> BucketConfig {
        BucketConfig {
            endpoint: "https://store.example".into(),
            name: "evidence".into(),
            prefix: "court/log".into(),
            region: "us-east-1".into(),
            virtual_hosted: false,
            authority_pem: None,
            access: BucketAccess { key_id: "id".into(), secret: "s3cret".into(), session: Some("t0ken".into()) },
        }
    }

    #[test]
    fn readers_are_told_where_the_log_begins_and_its_secrets_are_shown_nowhere() {
        let bucket = Bucket::new(&config()).unwrap();
        assert_eq!(bucket.location(), "https://store.example/evidence/court/log");
        assert_eq!(bucket.path("tile/0/x001/234.p/7").as_ref(), "court/log/tile/0/x001/234.p/7");
        let root = BucketConfig { prefix: String::new(), virtual_hosted: true, ..config() };
        let bucket = Bucket::new(&root).unwrap();
        assert_eq!((bucket.location(), bucket.path("checkpoint").as_ref()), ("https://store.example", "checkpoint"));
        let shown = format!("{bucket:?} {:?}", config());
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn what_is_no_address_and_no_path_is_refused_in_words() {
        let refused = |config: BucketConfig| Bucket::new(&config).unwrap_err().to_string();
        assert!(refused(BucketConfig { endpoint: "store.example".into(), ..config() }).contains("store.example"));
        for prefix in ["/court", "court/", "a//b", "../a", "a b\n"] {
            assert!(refused(BucketConfig { prefix: prefix.into(), ..config() }).contains(prefix), "{prefix}");
        }
        let config = BucketConfig { authority_pem: Some("none".into()), ..config() };
        assert!(refused(config).contains("authority"));
    }
}
