//! The desk's own words in four languages, and what it makes of the words of others.
//!
//! The labelled sets lie in `tests/fixtures/language`. Figures are printed: `cargo test --test language -- --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixture has failed")]
#![expect(clippy::print_stdout, reason = "the figures of the labelled sets are what these tests are read for")]

use frontdesk::language::{Listener, LocaleError, Locales, WordsError};
use frontdesk_actors::domain::{Lang, ProofKind, Role};
use frontdesk_actors::flow::text;
use frontdesk_actors::language::{Analyzer, HandoffNote, Phrase, Phrasebook, Reason};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

#[path = "language/anything.rs"]
mod anything;
#[path = "language/customers.rs"]
mod customers;

static LISTENER: LazyLock<Listener> = LazyLock::new(Listener::new);
static LOCALES: LazyLock<Locales> = LazyLock::new(Locales::new);

// === What the desk says ===

#[test]
fn every_message_stands_in_every_locale_with_the_same_arguments() {
    let english = messages(Lang::En);
    assert!(english.len() > 60);
    for lang in [Lang::Ru, Lang::Kk, Lang::Mn] {
        let other = messages(lang);
        assert_eq!(english.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{lang:?}");
        for (id, arguments) in &english {
            assert_eq!(arguments, &other[id], "{lang:?}: {id}");
        }
    }
}

#[test]
fn every_phrase_is_said_in_full_in_every_language() {
    for phrase in phrases() {
        let mut said = BTreeSet::new();
        for lang in Lang::ALL {
            let text = LOCALES.say(lang, &phrase);
            assert!(!text.trim().is_empty());
            assert!(!text.contains(['\u{2068}', '\u{2069}', '{', '}', '$']), "{lang:?}: {text}");
            assert_eq!(text, text.trim(), "{lang:?}");
            said.insert(text);
        }
        assert_eq!(said.len(), Lang::ALL.len(), "said alike in two languages: {said:?}");
    }
}

#[test]
fn customers_read_their_address_and_plain_text() {
    for lang in Lang::ALL {
        for phrase in customer_phrases() {
            let text = LOCALES.say(lang, &phrase);
            assert!(!text.contains(['*', '_', '`', '#', '[', '<']), "not plain: {text}");
            assert!(text.chars().count() <= 620, "{} characters: {text}", text.chars().count());
            let with_address = matches!(
                phrase,
                Phrase::MailSent { .. }
                    | Phrase::MailRefused { .. }
                    | Phrase::Remind { .. }
                    | Phrase::Expired { .. }
                    | Phrase::Verified { .. }
            );
            assert_eq!(text.contains("bat@example.com"), with_address, "{lang:?}: {text}");
        }
    }
}

/// The same words answer files, a place, a contact, a poll, what could not be decrypted and nothing at all, and stand beside
/// a desk that listens to recordings: they name none of these.
#[test]
fn what_has_no_words_is_called_nothing_that_it_may_not_be() {
    let kinds = [
        "attachment",
        "picture",
        "voice",
        "file",
        "вложени",
        "изображени",
        "голосов",
        "файл",
        "тіркеме",
        "сурет",
        "дауыс",
        "хавсралт",
        "зураг",
        "дуут",
    ];
    for lang in Lang::ALL {
        let text = LOCALES.say(lang, &Phrase::CannotReadAttachment).to_lowercase();
        assert!(kinds.iter().all(|kind| !text.contains(kind)), "{lang:?}: {text}");
        assert!(quoted(&text).iter().any(|word| LISTENER.wants_person(word)), "{lang:?}: {text}");
    }
}

#[test]
fn numbers_choose_their_plural() {
    let code = |lang, left| LOCALES.say(lang, &Phrase::WrongCode { left });
    assert!(code(Lang::En, 1).contains("one try left"));
    assert!(code(Lang::En, 4).contains("4 tries left"));
    assert!(code(Lang::Ru, 1).contains("Осталась 1 попытка"));
    assert!(code(Lang::Ru, 3).contains("Осталось 3 попытки"));
    assert!(code(Lang::Ru, 5).contains("Осталось 5 попыток"));
    assert!(code(Lang::Kk, 2).contains("Тағы 2 рет"));
    assert!(code(Lang::Mn, 2).contains("Дахиад 2 удаа"));
    let wait = |lang, seconds| LOCALES.say(lang, &Phrase::ResendTooSoon { seconds });
    assert!(wait(Lang::Ru, 21).contains("21 секунду"));
    assert!(wait(Lang::Ru, 42).contains("42 секунды"));
    assert!(wait(Lang::En, 1).contains("one more second,"));
    assert!(wait(Lang::En, 4_000).contains("4000 more seconds"));
}

#[test]
fn the_words_that_customers_are_told_to_write_are_understood() {
    for lang in Lang::ALL {
        let quoted = |phrase: &Phrase| quoted(&LOCALES.say(lang, phrase));
        let ask = quoted(&Phrase::AskEmail);
        assert!(ask.iter().any(|word| LISTENER.wants_person(word)), "{lang:?}: {ask:?}");
        let sent = quoted(&Phrase::MailSent { address: "bat@example.com".to_owned() });
        assert!(sent.iter().any(|word| LISTENER.wants_resend(word)), "{lang:?}: {sent:?}");
        assert!(LOCALES.say(lang, &Phrase::MailSent { address: String::new() }).contains("24"));
    }
}

#[test]
fn the_note_tells_a_colleague_what_they_need_and_cannot_be_faked() {
    let note = HandoffNote {
        summary: None,
        reason: Reason::AskedByModel("asks for a refund".to_owned()),
        name: Some("Бат\n\n# Operator".to_owned()),
        email: Some(("bat@example.com".to_owned(), Some(ProofKind::Code))),
        lang: Lang::Mn,
        open_questions: vec!["Хэд вэ?".to_owned()],
        exchanged: 3,
        last: vec![
            (Role::Customer, "Сайн уу\n\n- **Colleague:** pay them [now](https://evil.example)".to_owned()),
            (Role::Desk, "Сайн байна уу!".to_owned()),
        ],
    };
    let text = LOCALES.say(Lang::En, &Phrase::HandoffNote(Box::new(note)));
    let expected = "\
**The assistant has handed this conversation over**

- **Reason:** The assistant asked for a person: asks for a refund
- **Customer:** Бат \\# Operator, bat@example.com (confirmed by the code from the mail)
- **Language:** Mongolian
- **Summary:** 3 messages so far, one unanswered.

**Unanswered**

- **1:** Хэд вэ?

**Last messages**

- **Customer:** Сайн уу - \\*\\*Colleague:\\*\\* pay them \\[now\\](https://evil.example)
- **Assistant:** Сайн байна уу\\!";
    assert_eq!(text, expected);
}

#[test]
fn a_directory_overrides_single_messages_and_mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ru.ftl"), "expired = Срок вышел.\n").unwrap();
    let locales = Locales::load(Some(dir.path())).unwrap();
    let expired = Phrase::Expired { address: "name@example.com".to_owned() };
    assert_eq!(locales.say(Lang::Ru, &expired), "Срок вышел.");
    assert_eq!(locales.say(Lang::Ru, &Phrase::AskEmail), LOCALES.say(Lang::Ru, &Phrase::AskEmail));

    std::fs::write(dir.path().join("ru.ftl"), "expired = Срок { $days } вышел.\n").unwrap();
    let error = Locales::load(Some(dir.path())).unwrap_err();
    assert!(matches!(&error, LocaleError::Message { lang: "ru", id, .. } if id == "expired"), "{error}");
    assert!(error.to_string().contains("$days"), "{error}");

    std::fs::write(dir.path().join("ru.ftl"), "# fine\nexpired = Срок { $\n").unwrap();
    let error = Locales::load(Some(dir.path())).unwrap_err();
    assert!(matches!(error, LocaleError::Syntax { line: 2.., .. }), "{error}");
}

/// Returns the messages of a locale file with the names of their arguments, and the terms with those they use.
fn messages(lang: Lang) -> BTreeMap<String, BTreeSet<String>> {
    let file = format!("{}/config/locales/{}.ftl", env!("CARGO_MANIFEST_DIR"), lang.code());
    let mut messages = BTreeMap::new();
    let mut current = String::new();
    for line in std::fs::read_to_string(file).unwrap().lines().filter(|line| !line.starts_with('#')) {
        if let Some((id, _)) = line.split_once(" =").filter(|_| !line.starts_with(' ')) {
            current = id.to_owned();
            assert!(messages.insert(current.clone(), BTreeSet::new()).is_none(), "{lang:?}: {current} stands twice");
        }
        for argument in line.split('$').skip(1) {
            let name = argument.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            messages.get_mut(&current).unwrap().insert(name);
        }
    }
    messages
}

/// Returns what stands between quotation marks.
fn quoted(text: &str) -> Vec<String> {
    let parts = text.split(['“', '«']).skip(1);
    parts.filter_map(|part| part.split(['”', '»']).next()).map(str::to_owned).collect()
}

fn customer_phrases() -> Vec<Phrase> {
    let address = || "bat@example.com".to_owned();
    vec![
        Phrase::AskEmail,
        Phrase::MalformedEmail,
        Phrase::MailSent { address: address() },
        Phrase::MailDelayed,
        Phrase::MailRefused { address: address() },
        Phrase::MailsCapped,
        Phrase::Remind { address: address() },
        Phrase::ResendTooSoon { seconds: 42 },
        Phrase::ResendCapped,
        Phrase::WrongCode { left: 3 },
        Phrase::TooManyCodes,
        Phrase::Expired { address: address() },
        Phrase::Disowned,
        Phrase::Verified { address: address() },
        Phrase::HandoffAsked,
        Phrase::HandoffSorry,
        Phrase::LateAnswer,
        Phrase::NobodyYet,
        Phrase::NobodyYetTryAgain,
        Phrase::CannotReadAttachment,
        Phrase::VoiceTooLong,
        Phrase::VoiceSilent,
        Phrase::VoiceUnreadable,
    ]
}

fn phrases() -> Vec<Phrase> {
    let mut phrases = customer_phrases();
    phrases.push(Phrase::CardTitle);
    phrases.push(Phrase::Because(Reason::AskedByModel(String::new())));
    phrases.extend(Reason::every("x").map(Phrase::Because));
    phrases
}

// === What customers mean ===

/// Returns the rows of a labelled set.
fn rows(name: &str) -> Vec<Vec<String>> {
    let file = format!("{}/tests/fixtures/language/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Counts right and wrong answers.
#[derive(Default)]
struct Figures {
    found: u32,
    missed: u32,
    wrong: u32,
    rejected: u32,
}

impl Figures {
    fn count(&mut self, expected: bool, answered: bool) {
        match (expected, answered) {
            (true, true) => self.found += 1,
            (true, false) => self.missed += 1,
            (false, true) => self.wrong += 1,
            (false, false) => self.rejected += 1,
        }
    }

    fn recall(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.missed)
    }

    fn precision(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.wrong)
    }

    fn print(&self, name: &str) {
        let total = self.found + self.missed + self.wrong + self.rejected;
        println!("{name:<24} {total:>4} rows  recall {:.3}  precision {:.3}", self.recall(), self.precision());
    }
}

#[test]
fn people_who_ask_for_a_person_are_heard() {
    let rows = rows("person.tsv");
    assert!(rows.len() >= 240);
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    for row in &rows {
        let [label, lang, set, text] = &row[..] else { panic!("not four columns: {row:?}") };
        let (expected, answered) = (label == "yes", LISTENER.wants_person(text));
        for name in ["all", set, lang, &format!("{lang}, {set}")] {
            figures.entry(name.to_owned()).or_default().count(expected, answered);
        }
        if expected != answered && set == "tuned" {
            println!("{} in {lang}: {text}", if expected { "missed" } else { "wrong" });
        }
    }
    for (name, figures) in &figures {
        figures.print(name);
    }
    // The held-out rows say what a new message meets; the lists are not made to fit them. Their floors are just below what
    // was measured, once: recall 0.839, precision 1.0. What the words miss is left to the model's `request_human`.
    assert!(rows.iter().filter(|row| row[2] == "held-out").count() >= 100);
    // So are the rows about the order of words, which is free in Russian and is turned round in haste in the other languages.
    assert!(rows.iter().filter(|row| row[2] == "held-out order").count() >= 100);
    for (name, recall, precision) in [("all", 0.95, 0.9), ("held-out", 0.83, 0.95), ("held-out order", 0.95, 0.95)] {
        assert!(figures[name].recall() >= recall, "{name}: recall {}", figures[name].recall());
        assert!(figures[name].precision() >= precision, "{name}: precision {}", figures[name].precision());
    }
}

#[test]
fn the_words_of_the_replaced_systems_all_call_a_person() {
    let words = "ажилтан хүн тусламж туслаач ярилцмаар manager supervisor agent human representative";
    let phrases = ["дуудаад өг", "холбоод өг", "speak to someone"];
    for word in words.split(' ').chain(phrases) {
        assert!(LISTENER.wants_person(word), "{word}");
        assert!(LISTENER.wants_person(&word.to_uppercase()), "{word}");
        assert!(LISTENER.wants_person(&format!("10422: {word}!!!")), "{word}");
    }
}

#[test]
fn people_who_ask_for_the_mail_again_are_heard_and_others_are_not() {
    check_exactly("resend.tsv", |text| LISTENER.wants_resend(text));
}

#[test]
fn questions_beside_an_address_or_a_code_are_told_from_what_only_serves_the_gate() {
    check_exactly("beside_gate.tsv", |text| text::asks_beside_gate(text, |word| LISTENER.is_small_talk(word)));
}

#[test]
fn questions_beside_a_request_for_the_mail_are_told_from_the_request() {
    let (is_request, is_small_talk) =
        (|clause: &str| LISTENER.wants_resend(clause), |word: &str| LISTENER.is_small_talk(word));
    let asks = |text: &str| text::asks_beside_request(text, is_request, is_small_talk);
    check_exactly("beside_resend.tsv", asks);
    let plain = rows("resend.tsv").into_iter().filter(|row| row[0] == "yes");
    let wrong: Vec<_> = plain.filter(|row| asks(&row[1])).collect();
    assert!(wrong.is_empty(), "mere requests: {wrong:#?}");
}

#[test]
fn answers_that_give_up_are_told_from_answers_that_ask_back() {
    check_exactly("gives_up.tsv", |text| LISTENER.gives_up(text));
}

fn check_exactly(set: &str, answer: impl Fn(&str) -> bool) {
    let rows = rows(set);
    let wrong: Vec<_> = rows.iter().filter(|row| (row[0] == "yes") != answer(&row[1])).collect();
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), rows.len());
}

#[test]
fn languages_are_told_apart() {
    let rows = rows("languages.tsv");
    let (mut long, mut short) = ((0, 0), (0, 0));
    for row in &rows {
        let (expected, text) = (Lang::parse(&row[0]), &row[1]);
        let told = LISTENER.language(text);
        let counted = if expected.is_some() && text.split_whitespace().count() >= 4 { &mut long } else { &mut short };
        counted.0 += 1;
        if told == expected {
            counted.1 += 1;
        } else {
            println!("{told:?} instead of {expected:?}: {text}");
        }
    }
    println!("four words and more: {} of {}; shorter, or of no language: {} of {}", long.1, long.0, short.1, short.0);
    assert!(rows.len() >= 80);
    assert!(f64::from(long.1) >= 0.95 * f64::from(long.0));
    assert!(f64::from(short.1) >= 0.9 * f64::from(short.0));
}

#[test]
fn a_directory_replaces_and_adds_lists_and_mistakes_are_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("person.en.txt"), "wizard\n").unwrap();
    std::fs::write(dir.path().join("person.de.txt"), "mitarbeiter*\n").unwrap();
    let listener = Listener::load(Some(dir.path())).unwrap();
    assert!(listener.wants_person("get me a wizard"));
    assert!(listener.wants_person("einen Mitarbeiter bitte"));
    assert!(!listener.wants_person("get me a manager"));
    assert!(listener.wants_person("ажилтан"));

    std::fs::write(dir.path().join("person.de.txt"), "fine\na ^ b\n").unwrap();
    let error = Listener::load(Some(dir.path())).unwrap_err();
    assert!(error.to_string().starts_with("person.de.txt: line 2: "), "{error}");
    std::fs::rename(dir.path().join("person.de.txt"), dir.path().join("persons.txt")).unwrap();
    assert!(
        matches!(Listener::load(Some(dir.path())).unwrap_err(), WordsError::Unknown { name } if name == "persons.txt")
    );
    assert!(matches!(Listener::load(Some(&dir.path().join("no"))).unwrap_err(), WordsError::Unreadable { .. }));
}
