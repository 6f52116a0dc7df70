//! `[deposits]` of `comity.toml`: the log that this gateway keeps, who witnesses and who stamps it, and the bucket into which
//! it is copied.
//! What opens the bucket stands in a file of its own or in the environment. Refuses to show it, and to open anything.

use crate::failure::{Failure, OrFail};
use crate::files;
use comity_gateway::{Bucket, BucketAccess, BucketConfig, is_outside_url};
use secrecy::SecretString;
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long after a time stamp the next one is asked for, in seconds.
const EVERY_S: u64 = 60;
/// At the most: a day.
const EVERY_S_MAX: u64 = 86_400;

/// Names of secrets in the environment, without the prefix.
pub(super) const SECRETS: [&str; 2] = ["DEPOSITS__BUCKET__SECRET_ACCESS_KEY", "DEPOSITS__BUCKET__SESSION_TOKEN"];

/// The log of deposits.
#[derive(Clone, Debug)]
pub(crate) struct DepositsConfig {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The policy that names the witnesses which are asked for cosignatures, and how many are enough.
    pub(crate) policy: Option<PathBuf>,
    /// The authority for time that is asked for time stamps.
    pub(crate) timestamps: Option<TimestampsConfig>,
    /// Where it is copied to, if it is.
    pub(crate) bucket: Option<BucketSection>,
}

/// An authority for time.
#[derive(Clone, Debug)]
pub(crate) struct TimestampsConfig {
    /// Where it is asked.
    pub(crate) url: String,
    /// The certificates that vouch for it, PEM.
    pub(crate) authorities: PathBuf,
    /// How long after a time stamp the next one is asked for, at the earliest.
    pub(crate) every: Duration,
}

/// The bucket.
#[derive(Clone, Debug)]
pub(crate) struct BucketSection {
    raw: RawBucket,
    folder: PathBuf,
}

/// The section as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    folder: PathBuf,
    policy: Option<PathBuf>,
    timestamps: Option<RawTimestamps>,
    bucket: Option<RawBucket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTimestamps {
    url: String,
    authorities: PathBuf,
    every_s: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBucket {
    endpoint: String,
    name: String,
    #[serde(default)]
    prefix: String,
    #[serde(default = "region")]
    region: String,
    #[serde(default)]
    virtual_hosted: bool,
    authority: Option<PathBuf>,
    credentials: Option<PathBuf>,
    access_key_id: Option<String>,
}

/// What stores that know no regions are asked with.
fn region() -> String {
    "us-east-1".into()
}

/// What the file of credentials has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Raw {
    pub(super) fn check(self, folder: &Path) -> Result<DepositsConfig, Failure> {
        Ok(DepositsConfig {
            folder: folder.join(self.folder),
            policy: self.policy.map(|policy| folder.join(policy)),
            timestamps: self.timestamps.map(|raw| raw.check(folder)).transpose()?,
            bucket: self.bucket.map(|bucket| bucket.check(folder)).transpose()?,
        })
    }
}

impl RawTimestamps {
    fn check(self, folder: &Path) -> Result<TimestampsConfig, Failure> {
        if !is_outside_url(&self.url) {
            return Err(Failure::usage("deposits.timestamps.url is an address: http:// or https://, and a host"));
        }
        let every_s = self.every_s.unwrap_or(EVERY_S);
        if !(1..=EVERY_S_MAX).contains(&every_s) {
            return Err(Failure::usage(format!("deposits.timestamps.every_s is 1 to {EVERY_S_MAX}")));
        }
        let authorities = folder.join(self.authorities);
        Ok(TimestampsConfig { url: self.url, authorities, every: Duration::from_secs(every_s) })
    }
}

impl RawBucket {
    fn check(self, folder: &Path) -> Result<BucketSection, Failure> {
        if self.endpoint.contains('@') {
            return Err(Failure::usage("deposits.bucket.endpoint holds credentials")
                .help("take them out of the file and change them; deposits.bucket.credentials names a file for them"));
        }
        if !is_outside_url(&self.endpoint) {
            return Err(Failure::usage("deposits.bucket.endpoint is no address of the form https://host"));
        }
        if self.name.is_empty() || self.name.contains('/') {
            return Err(Failure::usage("deposits.bucket.name is no name of a bucket")
                .help("deposits.bucket.prefix says where in the bucket the log begins"));
        }
        if self.credentials.is_some() && self.access_key_id.is_some() {
            return Err(Failure::usage("deposits.bucket names credentials and access_key_id")
                .help("one of them: a file that has all, or the id here and the key in the environment"));
        }
        Ok(BucketSection { raw: self, folder: folder.to_path_buf() })
    }
}

impl BucketSection {
    /// The bucket, ready to be asked; credentials and authority are read.
    pub(crate) fn open(&self) -> Result<Bucket, Failure> {
        self.open_with(SECRETS.map(|name| std::env::var(format!("{}{name}", super::ENV_PREFIX)).ok()))
    }

    fn open_with(&self, environment: [Option<String>; 2]) -> Result<Bucket, Failure> {
        let raw = &self.raw;
        let authority = raw.authority.as_ref().map(|path| files::read_text(&self.folder.join(path))).transpose()?;
        let config = BucketConfig {
            endpoint: raw.endpoint.clone(),
            name: raw.name.clone(),
            prefix: raw.prefix.clone(),
            region: raw.region.clone(),
            virtual_hosted: raw.virtual_hosted,
            authority_pem: authority,
            access: self.access(environment)?,
        };
        Bucket::new(&config).or_usage(|| "[deposits.bucket] cannot be used".into())
    }

    fn access(&self, [secret, session]: [Option<String>; 2]) -> Result<BucketAccess, Failure> {
        if let Some(path) = &self.raw.credentials {
            let path = self.folder.join(path);
            // What the file has is not repeated.
            let read = toml::from_str::<Credentials>(&files::read_secret(&path)?).map_err(|_| {
                Failure::usage(format!("{} holds no credentials of a bucket", path.display()))
                    .help("access_key_id = \"…\", secret_access_key = \"…\" and, of a session, session_token = \"…\"")
            })?;
            return Ok(BucketAccess {
                key_id: read.access_key_id,
                secret: read.secret_access_key.into(),
                session: read.session_token.map(SecretString::from),
            });
        }
        match (&self.raw.access_key_id, secret) {
            (Some(key_id), Some(secret)) => Ok(BucketAccess {
                key_id: key_id.clone(),
                secret: secret.into(),
                session: session.map(SecretString::from),
            }),
            _ => Err(Failure::usage("nothing opens the bucket of [deposits.bucket]").help(format!(
                "name a file in deposits.bucket.credentials, or set access_key_id and {}{}",
                super::ENV_PREFIX,
                SECRETS[0]
            ))),
        }
    }
}

/// Writes the section, or how it would look.
pub(super) fn write(
    out: &mut String,
    deposits: Option<&DepositsConfig>,
    path: impl Fn(&Path) -> toml::Value,
) -> std::fmt::Result {
    writeln!(
        out,
        "\n# The log of deposits: digests of files, durable and proven. Of several gateways over one store, one keeps it."
    )?;
    match deposits {
        Some(deposits) => {
            writeln!(out, "[deposits]")?;
            writeln!(out, "folder = {}", path(&deposits.folder))?;
        }
        None => {
            writeln!(out, "# [deposits]")?;
            writeln!(out, "# folder = \"deposits\"")?;
        }
    }
    writeln!(out, "# Who is asked to witness it, and how many are enough: a file in C2SP's tlog-policy format.")?;
    match deposits.and_then(|deposits| deposits.policy.as_ref()) {
        Some(policy) => writeln!(out, "policy = {}", path(policy))?,
        None => writeln!(out, "# policy = \"witnesses.policy\"")?,
    }
    writeln!(
        out,
        "# Who is asked to stamp its checkpoints (RFC 3161), at most so often; only what these certificates (PEM)"
    )?;
    writeln!(out, "# vouch for is kept.")?;
    match deposits.and_then(|deposits| deposits.timestamps.as_ref()) {
        Some(timestamps) => {
            writeln!(out, "[deposits.timestamps]")?;
            writeln!(out, "url = {}", toml::Value::String(timestamps.url.clone()))?;
            writeln!(out, "authorities = {}", path(&timestamps.authorities))?;
            writeln!(out, "every_s = {}", timestamps.every.as_secs())?;
        }
        None => {
            writeln!(out, "# [deposits.timestamps]")?;
            writeln!(out, "# url = \"http://tsa.example/tsr\"")?;
            writeln!(out, "# authorities = \"tsa.pem\"")?;
            writeln!(out, "# every_s = {EVERY_S}")?;
        }
    }
    writeln!(
        out,
        "# Its files are copied into a bucket of an S3-compatible store, for everybody to read (docs/public.md)."
    )?;
    writeln!(out, "# The file of credentials has access_key_id and secret_access_key; only its owner may read it.")?;
    writeln!(out, "# [deposits.bucket]")?;
    writeln!(out, "# endpoint = \"https://s3.eu-central-1.amazonaws.com\"")?;
    writeln!(out, "# region = \"eu-central-1\"")?;
    writeln!(out, "# name = \"court-deposits\"")?;
    writeln!(out, "# prefix = \"log\"")?;
    writeln!(out, "# credentials = \"keys/bucket.toml\"")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BUCKET: &str =
        "folder = \"d\"\n[bucket]\nendpoint = \"https://s3.example\"\nname = \"evidence\"\nprefix = \"log\"\n";

    fn read(text: &str, folder: &Path) -> Result<DepositsConfig, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| error.to_string())?;
        raw.check(folder).map_err(|failure| failure.to_string())
    }

    fn opened(text: &str, folder: &Path, secret: Option<&str>) -> Result<Bucket, String> {
        let bucket = read(text, folder)?.bucket.unwrap();
        bucket.open_with([secret.map(str::to_owned), None]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_opens_the_bucket_comes_from_a_file_or_the_environment_and_never_from_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(opened(BUCKET, folder, None).unwrap_err().contains("nothing opens"));
        let with_id = format!("{BUCKET}access_key_id = \"id\"\n");
        assert!(opened(&with_id, folder, None).is_err());
        let bucket = opened(&with_id, folder, Some("s3cret")).unwrap();
        assert_eq!(bucket.location(), "https://s3.example/evidence/log");
        assert!(!format!("{bucket:?}").contains("s3cret"));
        let with_file = format!("{BUCKET}credentials = \"bucket.toml\"\n");
        let text = "access_key_id = \"id\"\nsecret_access_key = \"s3cret\"\n";
        files::write_secret(&folder.join("bucket.toml"), text).unwrap();
        assert!(opened(&with_file, folder, None).is_ok());
        for bad in ["secret_access_key = \"x\"", "session_token = \"x\""] {
            assert!(read(&format!("{BUCKET}{bad}"), folder).unwrap_err().contains("unknown field"), "{bad}");
        }
        assert!(read(&format!("{with_file}access_key_id = \"id\""), folder).is_err());
    }

    #[test]
    fn credentials_that_cannot_be_read_are_refused_and_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bucket.toml");
        files::write_secret(&path, "secret_access_key = s3cret").unwrap();
        let refused = opened(&format!("{BUCKET}credentials = \"bucket.toml\""), folder.path(), None).unwrap_err();
        assert!(refused.contains("holds no credentials") && !refused.contains("s3cret"), "{refused}");
        let url = BUCKET.replace("https://", "https://id:s3cret@");
        let refused = read(&url, folder.path()).unwrap_err();
        assert!(refused.contains("holds credentials") && !refused.contains("s3cret"), "{refused}");
        for (from, to) in [("https://s3", "s3"), ("evidence", "a/b"), ("evidence", "")] {
            assert!(read(&BUCKET.replace(from, to), folder.path()).is_err(), "{to}");
        }
    }

    #[test]
    fn what_is_written_reads_back_and_the_bucket_as_it_would_look_is_one() {
        let mut text = String::new();
        write(&mut text, None, |path| path.display().to_string().into()).unwrap();
        let section = text.split_once("# [deposits]\n").unwrap().1.replace("# [deposits.bucket]", "[bucket]");
        let section = section.replace("# [deposits.timestamps]", "[timestamps]");
        let section: String = section
            .lines()
            .filter_map(|line| {
                line.strip_prefix("# ").or(Some(line)).filter(|line| line.contains(" = ") || line.starts_with('['))
            })
            .fold(String::new(), |text, line| text + line + "\n");
        let read = read(&section, Path::new("/court")).unwrap();
        assert_eq!(read.timestamps.unwrap().every, Duration::from_secs(EVERY_S));
        assert_eq!((read.folder, read.bucket.unwrap().raw.name.as_str()), ("/court/deposits".into(), "court-deposits"));
    }
}
