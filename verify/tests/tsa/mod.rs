//! An authority for time for tests: OpenSSL's, with keys and certificates of its own in a folder that goes with it. Shared with
//! the tests of the gateway and of the program.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub, unused_imports)]

mod desk;

pub use desk::{Answer, Desk};

use std::path::PathBuf;
use std::process::Command;

const CONFIG: &str = "\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
[other]
extendedKeyUsage = critical,timeStamping,codeSigning
[plain]
extendedKeyUsage = timeStamping
[authority]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
CHAINsigner_key = tsa.key
signer_digest = DIGEST
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
";

/// An authority whose tokens are signed by a certificate under a root.
pub struct Tsa {
    folder: tempfile::TempDir,
}

impl Tsa {
    /// One with keys of such a kind, as `openssl req` names them, and a digest; with its root in the token or not. `None` where there
    /// is no OpenSSL, which is said, and fails where `CI=true`.
    pub fn new(key: &[&str], digest: &str, with_root: bool) -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "no openssl");
            eprintln!("SKIPPED: openssl is not installed, so there is no authority for time");
            return None;
        }
        let tsa = Self { folder: tempfile::tempdir().unwrap() };
        let chain = if with_root { "certs = ca.pem\n" } else { "" };
        tsa.write("tsa.cnf", CONFIG.replace("CHAIN", chain).replace("DIGEST", digest));
        let root =
            ["req", "-x509", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-config", "tsa.cnf"];
        let md = format!("-{digest}");
        tsa.run(&[&root[..], key, &["-subj", "/O=Tests/CN=A root", "-extensions", "ca", &md]].concat());
        tsa.certificate("tsa", "tsa", key, &md);
        Some(tsa)
    }

    /// Over P-256 and SHA-256.
    pub fn p256(with_root: bool) -> Option<Self> {
        Self::new(P256, "sha256", with_root)
    }

    /// A certificate under the root, with the extensions of a section.
    pub fn certificate(&self, name: &str, section: &str, key: &[&str], digest: &str) {
        let (secret, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        let made = ["req", "-new", "-nodes", "-keyout", &secret, "-out", &request, "-config", "tsa.cnf"];
        self.run(&[&made[..], key, &["-subj", "/O=Tests/CN=A clock"]].concat());
        self.run(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-out",
            &certificate,
            "-days",
            "30",
            "-extfile",
            "tsa.cnf",
            "-extensions",
            section,
            digest,
        ]);
    }

    /// What it answers to a request.
    pub fn reply(&self, request: &[u8]) -> Vec<u8> {
        self.write("request", request);
        self.run(&[
            "ts",
            "-reply",
            "-config",
            "tsa.cnf",
            "-section",
            "authority",
            "-queryfile",
            "request",
            "-out",
            "reply",
        ]);
        self.read("reply")
    }

    /// A token over the bytes of a `TSTInfo` of the test's own, signed by the certificate of that name.
    pub fn signed(&self, info: &[u8], name: &str, further: &[&str]) -> Vec<u8> {
        self.cms(info, name, &[&["-cades"], further].concat())
    }

    /// The same with such arguments alone: without `-cades`, it does not say by which certificate it is signed.
    pub fn cms(&self, info: &[u8], name: &str, further: &[&str]) -> Vec<u8> {
        self.write("info", info);
        let (secret, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let sign = [
            "cms",
            "-sign",
            "-nodetach",
            "-binary",
            "-nosmimecap",
            "-md",
            "sha256",
            "-econtent_type",
            "1.2.840.113549.1.9.16.1.4",
            "-in",
            "info",
            "-signer",
            &certificate,
            "-inkey",
            &secret,
            "-outform",
            "DER",
            "-out",
            "signed",
        ];
        self.run(&[&sign[..], further].concat());
        self.read("signed")
    }

    /// The `TSTInfo` in a token.
    pub fn info(&self, token: &[u8]) -> Vec<u8> {
        self.write("token", token);
        self.run(&["cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "info"]);
        self.read("info")
    }

    /// The root's certificate, PEM.
    pub fn root(&self) -> Vec<u8> {
        self.read("ca.pem")
    }

    /// The certificate of that name, PEM.
    pub fn pem(&self, name: &str) -> Vec<u8> {
        self.read(&format!("{name}.pem"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn run(&self, args: &[&str]) {
        let output = Command::new("openssl").args(args).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Keys on P-256.
pub const P256: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
