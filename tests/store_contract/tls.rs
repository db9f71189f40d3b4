//! `rediss://` against a real server with certificates made here, by `openssl` as an operator would.

use crate::fixture::{commit, key, put};
use frontdesk::adapters::store::redis::{AddressError, RedisSettings, RedisStore};
use frontdesk_actors::ports::{PortErrorKind, Store};
use frontdesk_sandbox::redis::{RedisOptions, RedisServer};
use futures::StreamExt;
use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// An authority, and a server it vouches for under this name.
struct Authority {
    dir: TempDir,
}

impl Authority {
    fn new(san: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let [ca_key, ca, key, request, cert, names] =
            ["ca.key", "ca.pem", "key", "request", "cert.pem", "names"].map(path);
        std::fs::write(&names, format!("subjectAltName={san}\n")).unwrap();
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let mut root =
            vec!["req", "-x509", "-subj", "/CN=Test authority", "-days", "2", "-keyout", &ca_key, "-out", &ca];
        root.extend(curve);
        openssl(&root);
        let mut asks = vec!["req", "-subj", "/CN=redis", "-keyout", &key, "-out", &request];
        asks.extend(curve);
        openssl(&asks);
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-set_serial",
            "7",
            "-days",
            "2",
            "-extfile",
            &names,
            "-out",
            &cert,
        ]);
        Self { dir }
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn roots(&self) -> Vec<u8> {
        std::fs::read(self.file("ca.pem")).unwrap()
    }
}

fn openssl(arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(done.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Starts a server that also speaks TLS, and returns the port on which it does.
async fn server(authority: &Authority) -> (RedisServer, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let arguments = [
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &authority.file("cert.pem"),
        "--tls-key-file",
        &authority.file("key"),
        "--tls-ca-cert-file",
        &authority.file("ca.pem"),
        "--tls-auth-clients",
        "no",
    ];
    let options = RedisOptions { arguments: arguments.map(str::to_owned).into(), ..RedisOptions::default() };
    (RedisServer::start_with(options).await.unwrap(), port)
}

fn settings(url: &str, roots: Option<Vec<u8>>) -> RedisSettings {
    let patience = Duration::from_secs(5);
    RedisSettings {
        roots,
        connect_timeout: patience,
        response_timeout: patience,
        ..RedisSettings::new(url.to_owned().into())
    }
}

/// What the operator reads.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[tokio::test]
async fn a_server_whose_authority_is_named_is_used_for_everything() {
    let authority = Authority::new("IP:127.0.0.1,DNS:localhost");
    let (_server, port) = server(&authority).await;
    let store = RedisStore::connect(&settings(&format!("rediss://127.0.0.1:{port}"), Some(authority.roots()))).unwrap();
    let other = RedisStore::connect(&settings(&format!("rediss://127.0.0.1:{port}"), Some(authority.roots()))).unwrap();
    let mut nudges = other.nudges();
    store.examine().await.unwrap();
    assert!(store.run().is_some(), "the run is known once a connection is open");
    let mut version = 0;
    // Nudges travel over a connection of their own; it may be slower than the first commits.
    let heard = loop {
        version = put(&store, &commit(&key(7), version, "over TLS")).await;
        if let Ok(Some(nudge)) = tokio::time::timeout(Duration::from_millis(200), nudges.next()).await {
            break nudge;
        }
        assert!(version < 100, "no nudge came over TLS");
    };
    assert_eq!(heard.key, key(7));
    assert_eq!(store.load(&key(7)).await.unwrap().unwrap().version, version);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_or_of_another_name_is_refused_by_name() {
    let authority = Authority::new("DNS:redis.example.test");
    let (_server, port) = server(&authority).await;
    let url = format!("rediss://127.0.0.1:{port}");
    let stranger = Authority::new("IP:127.0.0.1").roots();
    for roots in [None, Some(stranger), Some(authority.roots())] {
        let store = RedisStore::connect(&settings(&url, roots)).unwrap();
        let error = store.ping().await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Transient);
        assert!(told(&error).contains("REDIS_CA_FILE"), "{}", told(&error));
    }
}

#[test]
fn files_that_cannot_help_are_refused_at_once() {
    let refused = |url: &str, roots: &[u8]| RedisStore::connect(&settings(url, Some(roots.to_owned()))).unwrap_err();
    assert_eq!(refused("rediss://127.0.0.1:1", b"not a certificate"), AddressError::Roots);
    let authority = Authority::new("IP:127.0.0.1");
    assert_eq!(refused("redis://127.0.0.1:1", &authority.roots()), AddressError::RootsWithoutTls);
    assert!(Path::new(&authority.file("ca.pem")).exists());
}
