//! Where recordings may be fetched from. The address comes from outside, so it must not lead into the operator's own
//! network: only `https`, only public addresses, checked for the address that is connected to and not only for its name,
//! at every redirect. The hosts that an operator names are trusted: they may be private, and may speak `http`.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// The hosts that an operator has named, each with its port where only that one is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted(Vec<(String, Option<u16>)>);

impl Trusted {
    /// Trusts the host and port of a vendor's configured address.
    pub fn add_url(&mut self, url: &Url) {
        if let Some(host) = url.host_str() {
            self.0.push((host.to_ascii_lowercase(), url.port_or_known_default()));
        }
    }

    /// Trusts the hosts of a comma-separated list, each `host` or `host:port`.
    pub fn add_list(&mut self, list: &str) {
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let parsed = Url::parse(&format!("http://{entry}/")).ok();
            // The address as a whole keeps a port 80 that was written down.
            let port = entry.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            if let Some(host) = parsed.as_ref().and_then(Url::host_str) {
                self.0.push((host.to_ascii_lowercase(), port));
            }
        }
    }

    fn covers(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let port = url.port_or_known_default();
        self.0.iter().any(|(known, at)| known.eq_ignore_ascii_case(host) && (at.is_none() || *at == port))
    }
}

/// What an address is to the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// An operator named its host.
    Named,
    /// Anybody's: it may be fetched from if it is public.
    Public,
    /// Nothing is fetched from there.
    Refused,
}

/// Judges an address before anything is connected to. A name's addresses are judged when it is resolved.
pub(super) fn judge(url: &Url, trusted: &Trusted) -> Trust {
    if !url.username().is_empty() || url.password().is_some() || url.host().is_none() {
        return Trust::Refused;
    }
    if trusted.covers(url) && matches!(url.scheme(), "http" | "https") {
        return Trust::Named;
    }
    let is_public = match url.host() {
        Some(Host::Ipv4(ip)) => is_public(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_public(IpAddr::V6(ip)),
        Some(Host::Domain(_)) => true,
        None => false,
    };
    if is_public && url.scheme() == "https" { Trust::Public } else { Trust::Refused }
}

/// Resolves names to public addresses only. Whatever a name server answers the second time, only what was judged here is
/// connected to.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|at| is_public(at.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(PrivateAddress) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// A name leads into a private network, or nowhere public.
#[derive(Debug)]
pub(super) struct PrivateAddress;

impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no public address")
    }
}

impl std::error::Error for PrivateAddress {}

impl PrivateAddress {
    /// Returns whether it is the cause of an error.
    pub(super) fn caused(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

/// Returns whether an address belongs to the public internet (IANA's registries of special-purpose addresses).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

const fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b) {
        // Translated and tunnelled addresses are what they carry.
        (0, 0) if (c, d, e, f) == (0, 0, 0, 0xffff) => inner(g, h),
        (0x64, 0xff9b) if (c, d, e, f) == (0, 0, 0, 0) => inner(g, h),
        (0x2002, _) => inner(b, c),
        // Everything that is in use by the public lies in 2000::/3, but for these parts of it.
        (0x2001, 0..=0x1ff | 0xdb8) => false,
        (0x3fff, 0..=0xfff) => false,
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(url: &str, list: &str) -> Trust {
        let mut trusted = Trusted::default();
        trusted.add_list(list);
        judge(&Url::parse(url).unwrap(), &trusted)
    }

    #[test]
    fn only_https_to_public_addresses_is_fetched_from() {
        assert_eq!(trust("https://files.example.com/a.ogg", ""), Trust::Public);
        assert_eq!(trust("https://8.8.8.8/a.ogg", ""), Trust::Public);
        assert_eq!(trust("https://[2a00:1450:4001::1]/a.ogg", ""), Trust::Public);
        for refused in [
            "http://files.example.com/a.ogg",
            "https://user@files.example.com/a.ogg",
            "ftp://files.example.com/a.ogg",
            "file:///etc/passwd",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0.0.0.0/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://198.18.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[2002:a00:1::]/",
            "https://[2001:db8::1]/",
            "https://[fc00::1]/",
            "https://[fe80::1]/",
            "https://[ff02::1]/",
        ] {
            assert_eq!(trust(refused, ""), Trust::Refused, "{refused}");
        }
    }

    #[test]
    fn hosts_that_an_operator_names_may_be_private_and_speak_http() {
        assert_eq!(trust("http://10.0.0.5:9000/a", "10.0.0.5:9000"), Trust::Named);
        assert_eq!(trust("http://10.0.0.5:9001/a", "10.0.0.5:9000"), Trust::Refused);
        assert_eq!(trust("http://minio:9001/a", "files, MINIO"), Trust::Named);
        assert_eq!(trust("file://minio/a", "minio"), Trust::Refused);
        let mut trusted = Trusted::default();
        trusted.add_url(&Url::parse("http://chatwoot:3000/app").unwrap());
        assert_eq!(judge(&Url::parse("http://chatwoot:3000/rails/x").unwrap(), &trusted), Trust::Named);
        assert_eq!(judge(&Url::parse("http://chatwoot:6379/").unwrap(), &trusted), Trust::Refused);
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_refused_when_it_is_resolved() {
        let client = reqwest::Client::builder().no_proxy().dns_resolver(PublicOnly).build().unwrap();
        let error = client.get("https://localhost:1/").send().await.unwrap_err();
        assert!(PrivateAddress::caused(&error), "{error:?}");
    }
}
