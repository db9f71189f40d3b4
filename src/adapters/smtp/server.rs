//! Which mail server, how it is reached, and who we are there: read from the settings once.

use super::{Settings, SetupError};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::TlsParameters;
use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::time::Duration;
use url::Url;

/// Google's submission server, implicit TLS (support.google.com/a/answer/176600).
const GMAIL: &str = "smtp.gmail.com";

/// A mail server.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) credentials: Option<Credentials>,
    pub(super) timeout: Duration,
}

/// How the connection is protected.
pub(super) enum Security {
    /// TLS from the first byte.
    Implicit(TlsParameters),
    /// STARTTLS, or nothing is sent.
    Required(TlsParameters),
    /// STARTTLS where offered. The password is never sent without it.
    Opportunistic(TlsParameters),
    /// In the clear, as the operator ordered.
    Clear,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let security = match &self.security {
            Security::Implicit(_) => "implicit TLS",
            Security::Required(_) => "STARTTLS required",
            Security::Opportunistic(_) => "STARTTLS if offered",
            Security::Clear => "none",
        };
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &security)
            .field("login", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Reads the server from the settings: the URL, or Gmail without one.
    pub(super) fn new(settings: &Settings) -> Result<Self, SetupError> {
        match &settings.url {
            Some(url) => Self::from_url(url, settings),
            None => Self::gmail(settings),
        }
    }

    fn gmail(settings: &Settings) -> Result<Self, SetupError> {
        let login = login_of_sender(settings, GMAIL).ok_or(SetupError::NoServer)?;
        Ok(Self {
            host: GMAIL.to_owned(),
            port: 465,
            security: Security::Implicit(tls(GMAIL)?),
            credentials: Some(login),
            timeout: settings.timeout,
        })
    }

    fn from_url(url: &SecretString, settings: &Settings) -> Result<Self, SetupError> {
        let url = Url::parse(url.expose_secret().trim()).map_err(|_| SetupError::Url("it is not a URL"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(SetupError::Url("it names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let security = security(&url, &host)?;
        let port = url.port().unwrap_or(match &security {
            Security::Implicit(_) => 465,
            Security::Required(_) => 587,
            Security::Opportunistic(_) | Security::Clear => 25,
        });
        let credentials = match login_of_url(&url)? {
            Some(login) => Some(login),
            None => login_of_sender(settings, &host),
        };
        Ok(Self { host, port, security, credentials, timeout: settings.timeout })
    }
}

fn security(url: &Url, host: &str) -> Result<Security, SetupError> {
    let mut asked = None;
    for (name, value) in url.query_pairs() {
        if name != "tls" {
            return Err(SetupError::Url("the only parameter is tls=required, tls=opportunistic or tls=none"));
        }
        asked = Some(value.into_owned());
    }
    match (url.scheme(), asked.as_deref()) {
        ("smtps", None | Some("required")) => Ok(Security::Implicit(tls(host)?)),
        ("smtps", Some(_)) => Err(SetupError::Url("smtps:// is always encrypted; use smtp:// with tls=")),
        ("smtp", Some("required")) => Ok(Security::Required(tls(host)?)),
        ("smtp", Some("opportunistic")) => Ok(Security::Opportunistic(tls(host)?)),
        ("smtp", Some("none")) => Ok(Security::Clear),
        ("smtp", None) if is_this_machine(host) => Ok(Security::Clear),
        ("smtp", None) => Ok(Security::Required(tls(host)?)),
        ("smtp", Some(_)) => Err(SetupError::Url("tls= must be required, opportunistic or none")),
        (_, _) => Err(SetupError::Url("it must begin with smtps:// or smtp://")),
    }
}

fn login_of_url(url: &Url) -> Result<Option<Credentials>, SetupError> {
    if url.username().is_empty() {
        return Ok(None);
    }
    let decode = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        decoded.map_err(|_| SetupError::Url("user and password must be UTF-8, percent-encoded"))
    };
    let password = url.password().ok_or(SetupError::Url("it names a user but no password"))?;
    Ok(Some(Credentials::new(decode(url.username())?, decode(password)?)))
}

fn login_of_sender(settings: &Settings, host: &str) -> Option<Credentials> {
    let password = settings.sender_password.as_ref()?.expose_secret().trim().to_owned();
    let password = if host.ends_with(".gmail.com") { without_spaces(password) } else { password };
    (!password.is_empty()).then(|| Credentials::new(settings.sender_email.trim().to_owned(), password))
}

/// Google shows app passwords as four groups of four letters; the spaces are not part of them.
fn without_spaces(password: String) -> String {
    let letters: String = password.chars().filter(|c| !c.is_whitespace()).collect();
    let is_app_password = letters.len() == 16 && letters.chars().all(|c| c.is_ascii_alphanumeric());
    if is_app_password { letters } else { password }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn tls(host: &str) -> Result<TlsParameters, SetupError> {
    TlsParameters::new(host.to_owned()).map_err(|error| SetupError::Tls(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: Option<&str>, password: Option<&str>) -> Settings {
        Settings {
            url: url.map(SecretString::from),
            sender_email: "desk@example.com".to_owned(),
            sender_name: "Example".to_owned(),
            sender_password: password.map(SecretString::from),
            timeout: Duration::from_secs(5),
        }
    }

    /// Returns host, port, security and login, as one line.
    fn read(url: Option<&str>, password: Option<&str>) -> String {
        match Server::new(&settings(url, password)) {
            Ok(server) => {
                let security = match &server.security {
                    Security::Implicit(_) => "implicit",
                    Security::Required(_) => "required",
                    Security::Opportunistic(_) => "opportunistic",
                    Security::Clear => "clear",
                };
                let same = |user: &str, password: &str| {
                    server.credentials == Some(Credentials::new(user.to_owned(), password.to_owned()))
                };
                let login = match &server.credentials {
                    None => "anonymous",
                    Some(_) if same("desk@example.com", "abcdefghijklmnop") => "app password",
                    Some(_) if same("desk@example.com", "with space") => "sender",
                    Some(_) if same("ann@example.com", "p@ss word") => "url",
                    Some(_) => "other",
                };
                format!("{} {} {security} {login}", server.host, server.port)
            }
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn servers_are_read_from_urls_and_gmail_is_the_default() {
        let cases = [
            (None, Some("abcd efgh ijkl mnop"), "smtp.gmail.com 465 implicit app password"),
            (None, Some("with space"), "smtp.gmail.com 465 implicit sender"),
            (Some("smtps://mail.example.com"), Some("with space"), "mail.example.com 465 implicit sender"),
            (
                Some("smtps://ann%40example.com:p%40ss%20word@Mail.Example.com"),
                None,
                "mail.example.com 465 implicit url",
            ),
            (Some("smtp://mail.example.com"), None, "mail.example.com 587 required anonymous"),
            (Some("smtp://mail.example.com?tls=required"), None, "mail.example.com 587 required anonymous"),
            (Some("smtp://mail.example.com?tls=opportunistic"), None, "mail.example.com 25 opportunistic anonymous"),
            (Some("smtp://mail.example.com:2525?tls=none"), None, "mail.example.com 2525 clear anonymous"),
            (Some("smtp://127.0.0.1:1025"), None, "127.0.0.1 1025 clear anonymous"),
            (Some("smtp://localhost"), None, "localhost 25 clear anonymous"),
        ];
        for (url, password, expected) in cases {
            assert_eq!(read(url, password), expected, "{url:?}");
        }
    }

    #[test]
    fn bad_settings_are_explained_without_showing_secrets() {
        for url in [
            "not a url",
            "https://mail.example.com",
            "smtp:///x",
            "smtps://mail.example.com?tls=none",
            "smtp://mail.example.com?tls=maybe",
            "smtp://mail.example.com?timeout=3",
            "smtp://ann@mail.example.com",
        ] {
            let error = Server::new(&settings(Some(url), None)).unwrap_err();
            assert!(matches!(error, SetupError::Url(_)), "{url}: {error:?}");
        }
        assert_eq!(Server::new(&settings(None, None)).unwrap_err(), SetupError::NoServer);
        let server = Server::new(&settings(Some("smtp://ann:hunter2@127.0.0.1"), None)).unwrap();
        assert!(!format!("{server:?}").contains("hunter2"));
    }
}
