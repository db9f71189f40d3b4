//! Reads `REDIS_URL`: one server, or several nodes of a cluster. Refuses what cannot work with a sentence that says
//! what to write instead.

use secrecy::{ExposeSecret, SecretString};

/// A URL that cannot be used. Never shows the URL: it holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("REDIS_URL is empty: write redis://host:6379, or leave it out to keep everything in DATA_DIR")]
    Empty,
    /// It does not parse.
    #[error(
        "REDIS_URL is not a URL like redis://:password@host:6379/0 (in a password, write special characters as %XX)"
    )]
    Malformed,
    /// An unknown scheme.
    #[error(
        "REDIS_URL must begin with redis:// or rediss:// (TLS), or redis+cluster:// or rediss+cluster:// for a cluster"
    )]
    Scheme,
    /// Sentinel.
    #[error(
        "Redis Sentinel is not supported: give REDIS_URL the address of a proxy or service name that follows the master, \
         or use Redis Cluster (redis+cluster://)"
    )]
    Sentinel,
    /// A cluster has one database.
    #[error("a Redis Cluster has only database 0: leave the number out of REDIS_URL")]
    ClusterDatabase,
    /// The nodes of a cluster differ in how they are reached.
    #[error("all nodes in REDIS_URL must share one scheme, user and password")]
    Mixed,
    /// The prefix would break the hash tags.
    #[error("the Redis key prefix must be 1 to 32 letters, digits, '-', '_' or '.'")]
    Prefix,
    /// No connections.
    #[error("the number of Redis connections must be between 1 and 64")]
    Connections,
    /// Certificates for a connection without TLS.
    #[error(
        "REDIS_CA_FILE is set, but REDIS_URL has no TLS: write rediss:// or rediss+cluster://, or leave the file out"
    )]
    RootsWithoutTls,
    /// The certificates cannot be used.
    #[error(
        "REDIS_CA_FILE holds no certificates in PEM form: give it the certificate of the authority that signed Redis'"
    )]
    Roots,
    /// The client library refuses it.
    #[error("REDIS_URL cannot be used: {0}")]
    Refused(String),
}

/// What `REDIS_URL` names, in URLs as the client library reads them.
#[derive(Debug)]
pub(super) enum Address {
    /// One server.
    Single(SecretString),
    /// Some nodes of a cluster; the others are found through them.
    Cluster(Vec<SecretString>),
}

impl Address {
    /// Returns whether connections are encrypted.
    pub(super) fn has_tls(&self) -> bool {
        let first = match self {
            Address::Single(url) => Some(url),
            Address::Cluster(urls) => urls.first(),
        };
        first.is_some_and(|url| url.expose_secret().starts_with("rediss:"))
    }
}

/// Reads `REDIS_URL`. A comma list is a cluster; later entries may leave out scheme and password.
pub(super) fn parse(text: &SecretString) -> Result<Address, AddressError> {
    let entries: Vec<&str> = text.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
    let first = entries.first().ok_or(AddressError::Empty)?;
    let (scheme, is_cluster) = scheme_of(first)?;
    let first = url(&format!("{scheme}://{}", after_scheme(first)))?;
    if !is_cluster && entries.len() == 1 {
        return Ok(Address::Single(first.as_str().to_owned().into()));
    }
    let mut nodes = Vec::with_capacity(entries.len());
    for entry in entries {
        nodes.push(node(entry, scheme, &first)?);
    }
    Ok(Address::Cluster(nodes))
}

fn scheme_of(entry: &str) -> Result<(&'static str, bool), AddressError> {
    let (scheme, _) = entry.split_once("://").ok_or(AddressError::Scheme)?;
    match scheme.to_ascii_lowercase().as_str() {
        "redis" => Ok(("redis", false)),
        "rediss" => Ok(("rediss", false)),
        "redis+cluster" => Ok(("redis", true)),
        "rediss+cluster" => Ok(("rediss", true)),
        sentinel if sentinel.contains("sentinel") => Err(AddressError::Sentinel),
        _ => Err(AddressError::Scheme),
    }
}

fn after_scheme(entry: &str) -> &str {
    entry.split_once("://").map_or(entry, |(_, rest)| rest)
}

fn url(text: &str) -> Result<url::Url, AddressError> {
    let url = url::Url::parse(text).map_err(|_| AddressError::Malformed)?;
    if url.host_str().is_none_or(str::is_empty) { Err(AddressError::Malformed) } else { Ok(url) }
}

fn node(entry: &str, scheme: &str, first: &url::Url) -> Result<SecretString, AddressError> {
    if entry.contains("://") && scheme_of(entry)?.0 != scheme {
        return Err(AddressError::Mixed);
    }
    let mut node = url(&format!("{scheme}://{}", after_scheme(entry)))?;
    if node.username().is_empty() && node.password().is_none() {
        node.set_username(first.username()).map_err(|()| AddressError::Malformed)?;
        node.set_password(first.password()).map_err(|()| AddressError::Malformed)?;
    }
    if (node.username(), node.password()) != (first.username(), first.password()) {
        return Err(AddressError::Mixed);
    }
    if !matches!(node.path(), "" | "/" | "/0") {
        return Err(AddressError::ClusterDatabase);
    }
    Ok(node.as_str().to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, AddressError> {
        Ok(match parse(&text.to_owned().into())? {
            Address::Single(url) => vec![url.expose_secret().to_owned()],
            Address::Cluster(nodes) => {
                let mut all = vec!["cluster".to_owned()];
                all.extend(nodes.iter().map(|node| node.expose_secret().to_owned()));
                all
            }
        })
    }

    #[test]
    fn urls_of_servers_and_clusters_are_told_apart() {
        assert_eq!(read("redis://h:6380/2"), Ok(vec!["redis://h:6380/2".into()]));
        assert_eq!(read(" rediss://:p%40w@h "), Ok(vec!["rediss://:p%40w@h".into()]));
        assert_eq!(read("redis+cluster://a:1"), Ok(vec!["cluster".into(), "redis://a:1".into()]));
        assert_eq!(
            read("rediss+cluster://u:p@a:1, b:2,rediss://u:p@c:3/0"),
            Ok(vec![
                "cluster".into(),
                "rediss://u:p@a:1".into(),
                "rediss://u:p@b:2".into(),
                "rediss://u:p@c:3/0".into()
            ])
        );
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (text, error) in [
            ("", AddressError::Empty),
            (" , ", AddressError::Empty),
            ("h:6379", AddressError::Scheme),
            ("http://h", AddressError::Scheme),
            ("redis+sentinel://h:26379/mymaster", AddressError::Sentinel),
            ("sentinel://h", AddressError::Sentinel),
            ("redis://", AddressError::Malformed),
            ("redis+cluster://a:1/3", AddressError::ClusterDatabase),
            ("redis://a:1,rediss://b:2", AddressError::Mixed),
            ("redis://:x@a:1,redis://:y@b:2", AddressError::Mixed),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
    }
}
