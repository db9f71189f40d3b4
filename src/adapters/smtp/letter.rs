//! What a verification mail says: subject, text and HTML in the customer's language, with link and code.
//!
//! The words are Fluent messages (`config/locales/mail.*.ftl`), the shape two askama templates (`config/mail/`). askama
//! compiles templates in and escapes every value in HTML. The code stands in the subject too, as most products do it:
//! people read it off a notification without opening the mail.

use crate::fluent::Texts;
use crate::links::Links;
use askama::Template;
use fluent_bundle::FluentValue;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ports::VerificationMail;
use std::fmt;
use std::sync::Arc;

/// Writes the letters. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Letters {
    links: Arc<Links>,
    company: Arc<str>,
    texts: Arc<Texts>,
}

/// A mail as its reader sees it.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The subject line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// The link in both.
    pub link: String,
}

impl fmt::Debug for Letter {
    /// Shows nothing: whoever reads a link or a code can use it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").finish_non_exhaustive()
    }
}

/// The values of both templates.
struct Words {
    lang: &'static str,
    company: String,
    preheader: String,
    heading: String,
    intro: String,
    button: String,
    enter_code: String,
    code: String,
    open_link: String,
    link: String,
    validity: String,
    not_you: String,
    automatic: String,
}

#[derive(Template)]
#[template(path = "verification.html", config = "config/mail/askama.toml")]
struct Html<'a> {
    words: &'a Words,
}

#[derive(Template)]
#[template(path = "verification.txt", config = "config/mail/askama.toml")]
struct Plain<'a> {
    words: &'a Words,
}

impl Letters {
    /// Writes in the name of `company` (`SENDER_NAME`; the host of the links if that is empty).
    pub fn new(links: Arc<Links>, company: &str) -> Self {
        let company = match company.trim() {
            "" => links.host(),
            name => name.to_owned(),
        };
        let texts = Texts::parse([
            include_str!("../../../config/locales/mail.en.ftl"),
            include_str!("../../../config/locales/mail.ru.ftl"),
            include_str!("../../../config/locales/mail.kk.ftl"),
            include_str!("../../../config/locales/mail.mn.ftl"),
        ]);
        Self { links, company: company.into(), texts: Arc::new(texts) }
    }

    /// Writes one letter.
    pub fn compose(&self, mail: &VerificationMail) -> Letter {
        let words = self.words(mail);
        let rendered = "a template that only prints strings into a string cannot fail";
        Letter {
            subject: self.say(mail.lang, "mail-subject", mail),
            text: Plain { words: &words }.render().expect(rendered),
            html: Html { words: &words }.render().expect(rendered),
            link: words.link,
        }
    }

    fn words(&self, mail: &VerificationMail) -> Words {
        let say = |name: &str| self.say(mail.lang, name, mail);
        Words {
            lang: mail.lang.code(),
            company: self.company.to_string(),
            preheader: say("mail-preheader"),
            heading: say("mail-heading"),
            intro: say("mail-intro"),
            button: say("mail-button"),
            enter_code: say("mail-enter-code"),
            code: mail.code.clone(),
            open_link: say("mail-open-link"),
            link: self.links.url(mail).into(),
            validity: say("mail-validity"),
            not_you: say("mail-not-you"),
            automatic: say("mail-automatic"),
        }
    }

    fn say(&self, lang: Lang, name: &str, mail: &VerificationMail) -> String {
        let hours = mail.expires.since(mail.issued).as_secs() / 3600;
        self.texts.say(
            lang,
            name,
            &[
                ("company", FluentValue::from(&*self.company)),
                ("code", FluentValue::from(mail.code.as_str())),
                ("hours", FluentValue::from(hours.max(1))),
            ],
        )
    }
}
