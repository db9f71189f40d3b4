//! Every card in every language, and the calendar.

use super::*;

/// 2026-11-20 18:05:59 UTC.
const AT: Timestamp = Timestamp::from_secs(1_795_197_959);

#[test]
fn every_text_exists_in_every_language_itself() {
    for lang in Lang::ALL {
        let wording = Wording::new(lang, UtcOffset::default());
        for name in [
            "card-handoff-title",
            "card-incident-title",
            "card-resolved-title",
            "card-reason",
            "card-customer",
            "card-time",
            "card-open",
            "card-nobody",
            "card-no-text",
            "card-repeats",
            "reason-asked-by-model-unsaid",
        ] {
            assert!(wording.texts.has(lang, name), "{lang:?} {name}");
        }
        let unsaid = Reason::AskedByModel(String::new());
        for reason in Reason::every("the customer wants a refund").into_iter().chain([unsaid]) {
            let name = format!("reason-{}", reason.name());
            assert!(wording.texts.has(lang, &name), "{lang:?} {name}");
            let sentence = wording.reason(&reason);
            assert!(!sentence.contains("reason-") && !sentence.contains('$'), "{lang:?}: {sentence}");
        }
    }
}

#[test]
fn a_hand_over_says_who_why_when_and_where() {
    let card = Card::Handoff {
        reason: Reason::AskedByModel("wants a refund".to_owned()),
        customer: "Dana <dana@example.com>".to_owned(),
        message: "Where is my money?".to_owned(),
        at: AT,
        link: Some("https://chat.example.com/app/accounts/1/conversations/57".to_owned()),
    };
    let wording = Wording::new(Lang::En, UtcOffset::parse("+05:00").unwrap());
    let face = wording.face(&card);
    assert_eq!(face.tone, Tone::Customer);
    assert_eq!(face.title, "A customer is waiting for a person");
    let facts: Vec<(&str, &str)> = face.facts.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        facts,
        [
            ("Reason", "The bot asked for a person: wants a refund"),
            ("Customer", "Dana <dana@example.com>"),
            ("Time", "2026-11-20 23:05 (UTC+05:00)"),
        ]
    );
    assert_eq!(face.text, "Where is my money?");
    let (title, link) = face.button.unwrap();
    assert_eq!(title, "Open conversation");
    assert!(link.ends_with("/57"));
    assert!(!format!("{:?}", wording.face(&card)).contains("dana"));
}

#[test]
fn unknown_customers_and_empty_messages_are_said_in_words() {
    let card = Card::Handoff {
        reason: Reason::HumanMode,
        customer: " ".to_owned(),
        message: String::new(),
        at: AT,
        link: None,
    };
    let face = Wording::new(Lang::Ru, UtcOffset::default()).face(&card);
    assert_eq!(face.facts[1].1, "неизвестно");
    assert_eq!(face.text, "(без текста)");
    assert_eq!(face.button, None);
}

#[test]
fn incidents_count_their_repeats() {
    let incident = |lang, repeats| {
        let card = Card::Incident { text: "Redis is away.".to_owned(), repeats, at: AT };
        Wording::new(lang, UtcOffset::default()).face(&card).text
    };
    assert_eq!(incident(Lang::En, 0), "Redis is away.");
    assert_eq!(incident(Lang::En, 1), "Redis is away.\nIt happened 1 more time since the last card.");
    assert_eq!(incident(Lang::Ru, 3), "Redis is away.\nС последней карточки это повторилось ещё 3 раза.");
    assert_eq!(incident(Lang::Ru, 12), "Redis is away.\nС последней карточки это повторилось ещё 12 раз.");
    for lang in Lang::ALL {
        assert!(incident(lang, 7).contains('7'));
        let card = Card::Resolved { text: "Redis is away.".to_owned(), at: AT };
        let face = Wording::new(lang, UtcOffset::default()).face(&card);
        assert_eq!((face.tone, face.text.as_str()), (Tone::Good, "Redis is away."));
    }
}

#[test]
fn moments_are_written_at_an_offset() {
    let write = |offset: &str, millis: i64| UtcOffset::parse(offset).unwrap().write(Timestamp::from_millis(millis));
    assert_eq!(write("UTC", 0), "1970-01-01 00:00 (UTC)");
    assert_eq!(write("-03:30", 0), "1969-12-31 20:30 (UTC-03:30)");
    assert_eq!(write("+8", 951_782_400_000), "2000-02-29 08:00 (UTC+08:00)");
    assert_eq!(write("+0545", 1_709_164_799_000), "2024-02-29 05:44 (UTC+05:45)");
    assert_eq!(write("Z", 4_107_542_399_999), "2100-02-28 23:59 (UTC)");
    assert_eq!(write("Z", 4_107_542_400_000), "2100-03-01 00:00 (UTC)");
    let _no_panic = (write("Z", i64::MAX), write("-14:00", i64::MIN));
    for bad in ["", "5", "+", "+15", "+5:60", "+05:00:00", "Almaty", "+a", "+050", "++5", "é"] {
        assert_eq!(UtcOffset::parse(bad), None, "{bad}");
    }
}
