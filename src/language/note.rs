//! The private note a colleague finds at a hand-over, in the Markdown that Chatwoot's dashboard renders.
//!
//! Everything a customer, a model or a vendor wrote is put on one line, escaped and clipped: it can neither end its line
//! nor look like a heading, a quotation, a link or another person's message.

use super::message::{Message, language, proof, role, tidy};
use frontdesk_actors::language::{Draft, HandoffNote};

/// How much of each part is shown. A note with all of it is about seven thousand characters.
const NAME_CHARS: usize = 80;
const ADDRESS_CHARS: usize = 254;
const SUMMARY_CHARS: usize = 600;
const QUESTIONS: usize = 5;
const QUESTION_CHARS: usize = 400;
const MESSAGES: usize = 10;
/// A draft is shown whole: this only bounds what is no line any more.
const DRAFT_LINE_CHARS: usize = 10_000;
const MESSAGE_CHARS: usize = 400;

/// Returns the note; `say` turns a message into a text.
pub(super) fn write(note: &HandoffNote, say: impl Fn(&Message) -> String) -> String {
    let plain = |id: &str| say(&Message::plain(id));
    let mut text = format!("**{}**\n", plain("note-title"));
    let mut row = |label: &str, value: &str| {
        text.push_str(&format!("\n- **{}:** {value}", plain(label)));
    };
    row("note-reason", &say(&Message::because(&note.reason, escape)));
    row("note-customer", &customer(note, &plain));
    row("note-language", &plain(language(note.lang)));
    row("note-summary", &summary(note, &say));
    if !note.open_questions.is_empty() {
        text.push_str(&format!("\n\n**{}**\n", plain("note-open")));
        let skipped = note.open_questions.len().saturating_sub(QUESTIONS);
        // The latest questions matter most; what is left out is said.
        if skipped > 0 {
            text.push_str(&format!("\n- {}", say(&Message::plain("note-more").count("count", skipped as u64))));
        }
        for (at, question) in note.open_questions.iter().enumerate().skip(skipped) {
            text.push_str(&format!("\n- **{}:** {}", at + 1, escape(question, QUESTION_CHARS)));
        }
    }
    if !note.last.is_empty() {
        text.push_str(&format!("\n\n**{}**\n", plain("note-last")));
        for (who, words) in note.last.iter().skip(note.last.len().saturating_sub(MESSAGES)) {
            text.push_str(&format!("\n- **{}:** {}", plain(role(*who)), escape(words, MESSAGE_CHARS)));
        }
    }
    text
}

/// Returns the note that shows what the desk would have said, in shadow mode. The draft stands as a quotation, line by line
/// and escaped: it reads as the customer would have read it, and nothing in it works as Markdown or a mention.
pub(super) fn draft(draft: &Draft, say: impl Fn(&Message) -> String) -> String {
    let plain = |id: &str| say(&Message::plain(id));
    let mut text = match &draft.because {
        None => format!("**{}**\n", plain("draft-title")),
        Some(reason) => {
            let why = say(&Message::because(reason, escape));
            format!("**{}**\n\n{why}\n\n{}\n", plain("draft-person-title"), plain("draft-said"))
        }
    };
    for line in draft.text.lines() {
        text.push_str(&format!("\n> {}", escape_start(&escape(line, DRAFT_LINE_CHARS))));
    }
    text
}

/// Escapes what is Markdown only at the beginning of a line: lists, headings of underlines, code by indentation.
fn escape_start(line: &str) -> String {
    let marks = |letter: char| matches!(letter, '-' | '+' | '=' | ':');
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    match line.chars().nth(digits) {
        Some('.' | ')') if digits > 0 => format!("{}\\{}", &line[..digits], &line[digits..]),
        Some(letter) if digits == 0 && marks(letter) => format!("\\{line}"),
        Some(_) | None => line.to_owned(),
    }
}

/// Returns who the customer is and what proves it.
fn customer(note: &HandoffNote, plain: &impl Fn(&str) -> String) -> String {
    let name = note.name.as_deref().map(|name| escape(name, NAME_CHARS)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| plain("note-nameless"));
    match &note.email {
        Some((address, by)) => format!("{name}, {} ({})", escape(address, ADDRESS_CHARS), plain(proof(*by))),
        None => format!("{name}, {}", plain("note-no-email")),
    }
}

/// Returns what the model says that it is about, if it does, and how much was said and is open.
fn summary(note: &HandoffNote, say: &impl Fn(&Message) -> String) -> String {
    let open = note.open_questions.len() as u64;
    let counts =
        say(&Message::plain("note-summary-text").count("exchanged", note.exchanged as u64).count("open", open));
    match note.summary.as_deref().map(|words| escape(words, SUMMARY_CHARS)).filter(|words| !words.is_empty()) {
        Some(words) => format!("{words} ({counts})"),
        None => counts,
    }
}

/// Returns a text as one escaped line of Markdown, clipped before it is escaped.
///
/// Only what works in the middle of a line is escaped: the line always begins with our own words. An underscore inside a
/// word is left alone, because it emphasises nothing there and links to such addresses would break.
fn escape(text: &str, chars: usize) -> String {
    let line = tidy(text, chars);
    let mut escaped = String::with_capacity(line.len() + 16);
    let mut before = ' ';
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let special = match letter {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '{' | '}' | '!' | '#' => true,
            '_' => !(before.is_alphanumeric() && letters.peek().is_some_and(|after| after.is_alphanumeric())),
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(letter);
        before = letter;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_actors::domain::{Lang, ProofKind, Role};
    use frontdesk_actors::language::Reason;

    fn render(note: &HandoffNote) -> String {
        write(note, |message| match message.args.iter().next() {
            Some((_, fluent_bundle::FluentValue::String(value))) => format!("<{}={value}>", message.id),
            _ => format!("<{}>", message.id),
        })
    }

    fn note() -> HandoffNote {
        HandoffNote {
            reason: Reason::AskedByModel("wants *a* refund\n\n# now".to_owned()),
            name: Some("Бат".to_owned()),
            email: Some(("bat_erdene@example.com".to_owned(), Some(ProofKind::Code))),
            lang: Lang::Mn,
            summary: None,
            open_questions: vec!["Хэд вэ?".to_owned()],
            exchanged: 3,
            last: vec![
                (Role::Customer, "Сайн уу\n- **Desk:** refund granted".to_owned()),
                (Role::Desk, "Hi".to_owned()),
            ],
        }
    }

    #[test]
    fn a_customer_cannot_fake_a_line() {
        let text = render(&note());
        assert!(text.contains("\n- **<role-customer>:** Сайн уу - \\*\\*Desk:\\*\\* refund granted\n"), "{text}");
        assert!(text.contains("<reason-asked-by-model=wants \\*a\\* refund \\# now>"), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains("refund")).count(), 2);
    }

    #[test]
    fn what_the_model_tells_stands_before_the_counts_on_one_line() {
        assert!(render(&note()).contains("- **<note-summary>:** <note-summary-text>\n"));
        let told = HandoffNote { summary: Some("Wants *a* refund.\n- **Desk:** granted".to_owned()), ..note() };
        let line = "- **<note-summary>:** Wants \\*a\\* refund. - \\*\\*Desk:\\*\\* granted (<note-summary-text>)\n";
        assert!(render(&told).contains(line), "{}", render(&told));
        let blank = HandoffNote { summary: Some(" \n".to_owned()), ..note() };
        assert_eq!(render(&blank), render(&note()));
    }

    #[test]
    fn markdown_html_links_and_liquid_are_escaped_and_addresses_stay_readable() {
        assert_eq!(
            escape("[x](http://a_b.c) <b> {{ y }} _em_ a_b", 99),
            "\\[x\\](http://a_b.c) \\<b\\> \\{\\{ y \\}\\} \\_em\\_ a_b"
        );
        assert_eq!(escape("a\u{202e}b\u{0}c", 99), "ab c");
    }

    #[test]
    fn a_draft_is_a_quotation_in_which_nothing_works() {
        let say = |message: &Message| format!("<{}>", message.id);
        let text = "Ten **euros**.\n\n- [@Ann](mention://user/1/Ann)\n1. one\n2024 was fine\n> no";
        let shown = draft(&Draft { text: text.to_owned(), because: None }, say);
        assert_eq!(
            shown,
            "**<draft-title>**\n\n> Ten \\*\\*euros\\*\\*.\n> \n> \\- \\[@Ann\\](mention://user/1/Ann)\n> 1\\. one\n> 2024 was \
             fine\n> \\> no"
        );
        let person = Draft { text: "Of course.".to_owned(), because: Some(Reason::AskedByCustomer) };
        let shown = draft(&person, say);
        assert_eq!(shown, "**<draft-person-title>**\n\n<reason-asked-by-customer>\n\n<draft-said>\n\n> Of course.");
    }

    #[test]
    fn long_parts_are_clipped() {
        let mut long = note();
        long.name = Some("x".repeat(5000));
        long.open_questions = vec!["*".repeat(5000); 50];
        long.last = vec![(Role::Customer, "[".repeat(5000)); 50];
        let text = render(&long);
        assert!(text.chars().count() < 14_000, "{}", text.chars().count());
        assert!(text.contains("<note-more>") && text.contains("- **50:**"), "{text}");
    }

    #[test]
    fn nobody_is_invented() {
        let unknown =
            HandoffNote { name: Some(" ".to_owned()), email: None, open_questions: vec![], last: vec![], ..note() };
        let text = render(&unknown);
        assert!(text.contains("- **<note-customer>:** <note-nameless>, <note-no-email>"), "{text}");
        assert!(!text.contains("note-open") && !text.contains("note-last>"), "{text}");
    }
}
