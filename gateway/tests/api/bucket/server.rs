//! An S3 server of its own for each test: Versity's gateway over a folder, which checks every request's signature.

use crate::visitor::{Answer, over_to};
use comity_gateway::{BucketAccess, BucketConfig};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::signer::Signer as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;

pub(crate) const BUCKET: &str = "evidence";
pub(crate) const PREFIX: &str = "court/log";
const KEY_ID: &str = "court";
const SECRET: &str = "a secret of the test";
const REGION: &str = "us-east-1";

/// The program: `COMITY_VERSITYGW`, or the one on the path. `None`, said plainly, where there is none and `CI` is not set.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("COMITY_VERSITYGW").map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("versitygw")).find(|program| program.is_file())
    };
    let found = named.or_else(on_path).filter(|program| program.is_file());
    if found.is_none() {
        let missing = "there is no versitygw: scripts/install-versitygw builds it, COMITY_VERSITYGW names it";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        println!("SKIPPED: {missing}");
    }
    found
}

/// The server; dropped, it ends at once.
pub(crate) struct S3 {
    program: PathBuf,
    folder: TempDir,
    address: String,
    child: Option<Child>,
}

impl S3 {
    /// Starts it with an empty bucket; `None` where there is no program.
    pub(crate) async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("data").join(BUCKET)).unwrap();
        std::fs::create_dir(folder.path().join("meta")).unwrap();
        let mut s3 = Self { program: program()?, folder, address: crate::support::free_address(), child: None };
        s3.up().await;
        Some(s3)
    }

    pub(crate) async fn up(&mut self) {
        let child = Command::new(&self.program)
            .args(["--port", &self.address, "--region", REGION, "--quiet", "posix", "--sidecar"])
            .args([self.folder.path().join("meta"), self.folder.path().join("data")])
            .env("ROOT_ACCESS_KEY", KEY_ID)
            .env("ROOT_SECRET_KEY", SECRET)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.unwrap());
        for _ in 0..200 {
            if TcpStream::connect(&self.address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the S3 server does not listen");
    }

    pub(crate) fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// What a gateway is told.
    pub(crate) fn config(&self) -> BucketConfig {
        BucketConfig {
            endpoint: format!("http://{}", self.address),
            name: BUCKET.into(),
            prefix: PREFIX.into(),
            region: REGION.into(),
            virtual_hosted: false,
            authority_pem: None,
            access: BucketAccess { key_id: KEY_ID.into(), secret: SECRET.into(), session: None },
        }
    }

    /// Where the server keeps what lies under the log's prefix.
    pub(crate) fn kept(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(BUCKET).join(PREFIX).join(name)
    }

    /// What the server answers about a file under the log's prefix, over plain HTTP at a signed address.
    pub(crate) async fn get(&self, name: &str) -> Answer {
        let path = object_store::path::Path::from(format!("{PREFIX}/{name}"));
        let url = self.signer().signed_url(http::Method::GET, &path, Duration::from_secs(60)).await.unwrap();
        let rest = url.as_str().split_once(&self.address).unwrap().1.to_owned();
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        over_to(&mut stream, &self.address, "GET", &rest, "connection: close\r\n").await.unwrap()
    }

    /// The files of these names, as the server gives them, in a folder for other projects' readers.
    pub(crate) async fn fetch(&self, names: impl Iterator<Item = String>, into: &Path) {
        for name in names {
            let answer = self.get(&name).await;
            assert_eq!(answer.status, 200, "{name}");
            let path = into.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, answer.body).unwrap();
        }
    }

    fn signer(&self) -> AmazonS3 {
        AmazonS3Builder::new()
            .with_endpoint(format!("http://{}", self.address))
            .with_bucket_name(BUCKET)
            .with_region(REGION)
            .with_access_key_id(KEY_ID)
            .with_secret_access_key(SECRET)
            .with_http_connector(Nowhere)
            .build()
            .unwrap()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.down();
    }
}

/// Addresses are signed without a connection.
#[derive(Debug)]
struct Nowhere;

impl HttpConnector for Nowhere {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Self))
    }
}

#[async_trait::async_trait]
impl HttpService for Nowhere {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        Err(HttpError::new(HttpErrorKind::Unknown, std::io::Error::other("nothing is asked")))
    }
}
