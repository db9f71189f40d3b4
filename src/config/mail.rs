//! What must be true of the settings of the mail server: without one nobody could verify an address.

use super::validate::Review;
use super::{Config, is_local};
use secrecy::ExposeSecret;
use url::Url;

impl Config {
    pub(super) fn check_mail(&self, review: &mut Review) {
        let [url, email, password] =
            ["mail.smtp_url", "mail.sender_email", "mail.sender_password"].map(|path| self.given(path));
        if email && !password && !url {
            review.problem(
                "SENDER_EMAIL",
                "is set, but neither SENDER_PASSWORD nor SMTP_URL says how to send",
                "set SENDER_PASSWORD (for Gmail an app password), or SMTP_URL for another server",
            );
        }
        if !email && (password || url) {
            review.problem(
                "SENDER_EMAIL",
                "is not set, but mails need an address they come from",
                "set SENDER_EMAIL to that address",
            );
        }
        if let Some(address) = &self.mail.sender_email
            && !looks_like_address(address)
        {
            review.problem("SENDER_EMAIL", "is not an e-mail address", "write it as name@example.com");
        }
        self.check_smtp_url(review);
        if self.asks_for_addresses() && !email && !password && !url {
            if !self.is_loopback() || (self.serves_chatwoot() && !self.serves_local_chatwoot()) {
                review.problem(
                    "SMTP_URL",
                    "is not set, so nobody could ever verify an address",
                    "set SMTP_URL and SENDER_EMAIL (or SENDER_EMAIL and SENDER_PASSWORD for Gmail), or GATE=off",
                );
            } else {
                review.warn("no mail server is set: verification mails go into the demo mailbox on the page");
            }
        }
    }

    fn check_smtp_url(&self, review: &mut Review) {
        let Some(secret) = &self.mail.smtp_url else { return };
        let usable = Url::parse(secret.expose_secret())
            .is_ok_and(|url| matches!(url.scheme(), "smtp" | "smtps") && url.host_str().is_some());
        if !usable {
            review.problem(
                "SMTP_URL",
                "is not an SMTP address",
                "write smtps://user:password@host:465 or smtp://user:password@host:587?tls=required, with @ and : \
                 inside user and password as %40 and %3A",
            );
        }
    }

    /// A Chatwoot on this very machine is a developer's: the demo mailbox is then as good as a mail server.
    fn serves_local_chatwoot(&self) -> bool {
        self.chatwoot.base_url.as_ref().is_some_and(is_local)
    }
}

/// Deliberately coarse: the mail library has the last word. This only catches a name or a URL in the wrong place.
fn looks_like_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let clean = !text.contains(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | ',' | ';'));
    clean && !local.is_empty() && domain.len() > 2 && !domain.starts_with('.') && !domain.ends_with('.')
}
