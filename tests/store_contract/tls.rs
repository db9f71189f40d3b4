//! `rediss://` against a real server with certificates made here, by `openssl` as an operator would.

use crate::fixture::{bytes, commit, key, put};
use frontdesk::adapters::store::redis::{AddressError, RedisSettings, RedisStore};
use frontdesk_actors::ports::{PortErrorKind, Store};
use frontdesk_sandbox::redis::{RedisCluster, RedisOptions, RedisServer};
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

/// How a server is started that also speaks TLS, and the port on which it does.
fn speaking_tls(authority: &Authority) -> (RedisOptions, u16) {
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
    (RedisOptions { arguments: arguments.map(str::to_owned).into(), ..RedisOptions::default() }, port)
}

/// Starts a server that also speaks TLS, and returns the port on which it does.
async fn server(authority: &Authority) -> (RedisServer, u16) {
    let (options, port) = speaking_tls(authority);
    (RedisServer::start_with(options).await.unwrap(), port)
}

/// Starts a cluster that asks for this password and speaks TLS, among its own nodes too, and returns the ports.
async fn cluster(authority: &Authority, password: &str) -> (RedisCluster, [u16; 3]) {
    let masters = [(); 3].map(|()| {
        let (mut options, port) = speaking_tls(authority);
        options.arguments.extend(["--tls-cluster", "yes"].map(str::to_owned));
        (RedisOptions { password: Some(password.to_owned()), ..options }, port)
    });
    let ports = masters.each_ref().map(|(_, port)| *port);
    (RedisCluster::start_with(masters.map(|(options, _)| options)).await.unwrap(), ports)
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

#[tokio::test]
async fn a_cluster_with_a_password_is_used_for_everything() {
    let authority = Authority::new("IP:127.0.0.1,DNS:localhost");
    let (_cluster, ports) = cluster(&authority, "p@ss/word").await;
    let connect = |password: &str, port: u16| {
        let url = format!("rediss+cluster://:{password}@127.0.0.1:{port}");
        RedisStore::connect(&settings(&url, Some(authority.roots()))).unwrap()
    };
    // Each knows one node and finds the others.
    let (store, other) = (connect("p%40ss%2Fword", ports[0]), connect("p%40ss%2Fword", ports[2]));
    let mut nudges = other.nudges();
    store.examine().await.unwrap();
    // Enough conversations for a shard on every node.
    for id in 1..=40 {
        put(&store, &commit(&key(id), 0, "over TLS")).await;
    }
    for id in 1..=40 {
        assert_eq!(other.load(&key(id)).await.unwrap().unwrap().record, bytes("over TLS"));
    }
    let mut version = 1;
    while !matches!(tokio::time::timeout(Duration::from_millis(200), nudges.next()).await, Ok(Some(_))) {
        version = put(&store, &commit(&key(1), version, "once more")).await;
        assert!(version < 100, "no nudge came over TLS");
    }
    let error = connect("wrong", ports[0]).ping().await.unwrap_err();
    assert!(told(&error).contains("password"), "{}", told(&error));
}

#[test]
fn files_that_cannot_help_are_refused_at_once() {
    let refused = |url: &str, roots: &[u8]| RedisStore::connect(&settings(url, Some(roots.to_owned()))).unwrap_err();
    assert_eq!(refused("rediss://127.0.0.1:1", b"not a certificate"), AddressError::Roots);
    let authority = Authority::new("IP:127.0.0.1");
    assert_eq!(refused("redis://127.0.0.1:1", &authority.roots()), AddressError::RootsWithoutTls);
    assert!(Path::new(&authority.file("ca.pem")).exists());
}
