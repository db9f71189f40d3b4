//! Clients of the Redis library as we want them: RESP3, no Nagle, our time-outs, our certificates, and no repetition.

use super::address::{Address, AddressError};
use super::link::{Limits, Server};
use super::runs::Runs;
use redis::cluster::ClusterClientBuilder;
use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisResult,
    TlsCertificates,
};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many batches may wait in one connection before the next one waits. The library's 50 is below one burst.
const QUEUE: usize = 1024;

/// How a certificate begins.
const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// How long sent data may stay unacknowledged before the kernel calls the peer gone.
#[cfg(target_os = "linux")]
const VANISHED: Duration = Duration::from_secs(10);

/// Makes the client of one server or cluster.
pub(super) fn server(
    address: &Address,
    certificates: Option<TlsCertificates>,
    limits: &Limits,
    runs: &Arc<Runs>,
) -> RedisResult<Server> {
    let client = |url: &SecretString| client(url.expose_secret(), certificates.clone());
    match address {
        Address::Single(url) => Ok(Server::Single(Box::new(client(url)?))),
        Address::Cluster(urls) => {
            let nodes = urls.iter().map(client).collect::<RedisResult<Vec<Client>>>()?;
            let infos: Vec<_> = nodes.iter().map(|node| node.get_connection_info().clone()).collect();
            let runs = runs.clone();
            let mut builder = ClusterClientBuilder::new(infos).push_sender(
                move |push: PushInfo| -> Result<(), redis::aio::SendError> {
                    if push.kind == PushKind::Disconnection {
                        runs.part();
                    }
                    Ok(())
                },
            );
            if let Some(certificates) = certificates.clone() {
                builder = builder.certs(certificates);
            }
            let cluster = builder
                .retries(0)
                .use_protocol(ProtocolVersion::RESP3)
                .tcp_settings(tcp())
                .connection_timeout(limits.connect_timeout)
                .response_timeout(limits.response_timeout)
                .overall_response_timeout(Some(limits.response_timeout))
                .build()?;
            Ok(Server::Cluster(Box::new(cluster), nodes))
        }
    }
}

/// RESP3, because only there a connection tells us by itself that its peer went away.
fn client(url: &str, certificates: Option<TlsCertificates>) -> RedisResult<Client> {
    let info = url.into_connection_info()?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings).set_tcp_settings(tcp());
    match certificates {
        None => Client::open(info),
        Some(certificates) => Client::build_with_tls(info, certificates),
    }
}

/// The library leaves Nagle's algorithm on; a commit should not wait for it.
fn tcp() -> redis::io::tcp::TcpSettings {
    let settings = redis::io::tcp::TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(VANISHED);
    settings
}

/// Reads the certificates of those who may vouch for the server.
pub(super) fn certificates(roots: Option<&[u8]>) -> Result<Option<TlsCertificates>, AddressError> {
    let Some(roots) = roots else { return Ok(None) };
    if !roots.windows(PEM.len()).any(|window| window == PEM) {
        return Err(AddressError::Roots);
    }
    Ok(Some(TlsCertificates { client_tls: None, root_cert: Some(roots.to_owned()) }))
}

/// How a connection to one server is made, and who learns that it has ended.
pub(super) fn single_config(limits: &Limits, closed: Arc<AtomicBool>) -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(limits.connect_timeout))
        .set_response_timeout(Some(limits.response_timeout))
        .set_pipeline_buffer_size(QUEUE)
        .set_push_sender(move |push: PushInfo| -> Result<(), redis::aio::SendError> {
            if push.kind == PushKind::Disconnection {
                closed.store(true, Ordering::Release);
            }
            Ok(())
        })
}
