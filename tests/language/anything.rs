//! Whatever anybody writes, in a chat or in a file: an answer or a named mistake, and what it costs.

use super::{LISTENER, LOCALES};
use frontdesk::language::{Listener, Locales};
use frontdesk_actors::domain::{Lang, Role};
use frontdesk_actors::language::{Analyzer, HandoffNote, Phrase, Phrasebook, Reason};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use std::time::Instant;

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/fixtures/language/regressions.txt"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_panics_on_any_text(text in any::<String>(), words in "[а-яёөүіңқA-Za-z*$^.!?,\\[\\] \n-]{0,300}") {
        for text in [&text, &words] {
            let _ = LISTENER.language(text);
            let _ = LISTENER.wants_person(text);
            let _ = LISTENER.wants_resend(text);
            let _ = LISTENER.gives_up(text);
            let said = LOCALES.say(Lang::Mn, &Phrase::MailSent { address: text.clone() });
            prop_assert!(!said.is_empty());
        }
    }

    #[test]
    fn a_note_keeps_its_lines_whatever_is_written_in_it(text in any::<String>(), other in "[-*_#>`|\\[\\]()<>! a\r\n\t]{0,60}") {
        let lines = |words: &str| {
            let note = HandoffNote {
                summary: Some(words.to_owned()),
                reason: Reason::AskedByModel("x".to_owned()),
                name: Some(words.to_owned()),
                email: Some((words.to_owned(), None)),
                lang: Lang::Kk,
                open_questions: vec![words.to_owned(); 2],
                exchanged: 2,
                last: vec![(Role::Customer, words.to_owned()); 2],
            };
            LOCALES.say(Lang::Kk, &Phrase::HandoffNote(Box::new(note))).lines().count()
        };
        prop_assert_eq!(lines(&text), lines("x"));
        prop_assert_eq!(lines(&other), lines("x"));
    }

    #[test]
    fn any_file_is_a_list_or_a_named_mistake(text in any::<String>()) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("person.xx.txt"), &text).unwrap();
        if let Ok(listener) = Listener::load(Some(dir.path())) {
            let _ = listener.wants_person(&text);
        }
    }
}

#[test]
fn what_it_costs() {
    let rss = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let value = |key| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("?").trim().to_owned();
        format!("VmRSS {}, of it anonymous {}", value("VmRSS:"), value("RssAnon:"))
    };
    println!("before: {}", rss());
    let start = Instant::now();
    let (listener, locales) = (Listener::new(), Locales::new());
    println!("loaded in {:?}: {}", start.elapsed(), rss());
    let texts = [
        ("short, by letters", "Сәлеметсіз бе, тапсырысым қайда?"),
        ("short, by words", "Здравствуйте, сколько стоит доставка?"),
        ("short, by lingua", "холодильник плохо морозит"),
        ("English", "Hello, I would like to know the price of the delivery"),
    ];
    let each = |name: &str, then: &dyn Fn()| {
        then();
        let (start, times) = (Instant::now(), 500);
        (0..times).for_each(|_| then());
        println!("{name:<40} {:>8.2} us", start.elapsed().as_secs_f64() * 1e6 / f64::from(times));
    };
    for (name, text) in texts {
        each(&format!("language, {name}"), &|| {
            std::hint::black_box(listener.language(text));
        });
        each(&format!("wants_person, {name}"), &|| {
            std::hint::black_box(listener.wants_person(text));
        });
    }
    let long = "Здравствуйте, я заказывал у вас холодильник на прошлой неделе и до сих пор жду. ".repeat(50);
    each("language, 4,000 letters", &|| {
        std::hint::black_box(listener.language(&long));
    });
    each("wants_person, 4,000 letters", &|| {
        std::hint::black_box(listener.wants_person(&long));
    });
    each("wants_resend", &|| {
        std::hint::black_box(listener.wants_resend("отправьте ещё раз"));
    });
    each("say", &|| {
        std::hint::black_box(locales.say(Lang::Ru, &Phrase::WrongCode { left: 3 }));
    });
    println!("after: {}", rss());
}
