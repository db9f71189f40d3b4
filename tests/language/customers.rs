//! The labelled set of what customers write: 440 short messages, half of them held out. Goals: 0.95 of three words and
//! more by themselves, 0.85 of one or two words in a conversation, and a customer who changes the language is followed.

use super::{LISTENER, rows};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Analyzer;
use std::collections::BTreeMap;

/// What of three words and more must be told right, by itself and against what was spoken before.
const LONG: f64 = 0.95;

/// What of one or two words must be told right in a conversation of the same language.
const SHORT: f64 = 0.85;

/// What one or two words tell without a context, and how often they change the language of a conversation that they are
/// not in: floors just below what was measured (alone 0.863 and 0.949, switches 0.625 and 0.795). A name must change nothing,
/// so one or two words change a conversation only if they are on a list.
const MEASURED: [(&str, f64, f64); 2] = [("tuned", 0.86, 0.62), ("held-out", 0.94, 0.79)];

struct Row {
    lang: Lang,
    set: String,
    text: String,
}

impl Row {
    fn is_long(&self) -> bool {
        self.text.split_whitespace().count() >= 3
    }
}

fn customers() -> Vec<Row> {
    let row = |row: Vec<String>| {
        let [lang, set, text] = <[String; 3]>::try_from(row).unwrap();
        Row { lang: Lang::parse(&lang).unwrap(), set, text }
    };
    rows("customers.tsv").into_iter().map(row).collect()
}

/// Right answers and all, by what is measured.
#[derive(Default)]
struct Tally(BTreeMap<String, (u32, u32)>);

impl Tally {
    fn count(&mut self, measure: &str, row: &Row, told: Lang) {
        for name in [format!("{measure}, {}", row.set), format!("{measure}, {}, {:?}", row.set, row.lang)] {
            let (right, all) = self.0.entry(name).or_default();
            *right += u32::from(told == row.lang);
            *all += 1;
        }
        if told != row.lang && row.set == "tuned" {
            println!("{measure}: {told:?} instead of {:?}: {}", row.lang, row.text);
        }
    }

    fn share(&self, name: &str) -> f64 {
        let (right, all) = self.0[name];
        f64::from(right) / f64::from(all)
    }

    fn reaches(&self, measure: &str, set: &str, floor: f64) {
        let share = self.share(&format!("{measure}, {set}"));
        assert!(share >= floor, "{measure}, {set}: {share:.3} is less than {floor}");
    }
}

#[test]
fn the_set_is_what_it_says() {
    let all = customers();
    for lang in Lang::ALL {
        let of_lang: Vec<_> = all.iter().filter(|row| row.lang == lang).collect();
        assert!(of_lang.len() >= 100, "{lang:?}: {}", of_lang.len());
        assert_eq!(of_lang.iter().filter(|row| row.set == "held-out").count() * 2, of_lang.len(), "{lang:?}");
    }
    let latin = |row: &&Row| row.lang == Lang::Mn && row.text.chars().any(|letter| letter.is_ascii_alphabetic());
    assert!(all.iter().filter(latin).count() >= 25, "Mongolian in Latin letters");
    let own = ['ә', 'ғ', 'қ', 'ң', 'ө', 'ұ', 'ү', 'һ', 'і', 'Ә', 'Ғ', 'Қ', 'Ң', 'Ө', 'Ұ', 'Ү', 'Һ', 'І'];
    let russian_keyboard = |row: &&Row| row.lang == Lang::Kk && !row.text.contains(own);
    assert!(all.iter().filter(russian_keyboard).count() >= 25, "Kazakh on Russian keyboards");
}

/// The language a conversation is held in after a message: what is not told stays.
fn after(text: &str, before: Lang) -> Lang {
    LISTENER.language_in(text, Some(before)).unwrap_or(before)
}

/// The language of a first message, which has no context. What is not told counts as wrong.
fn alone(row: &Row) -> Lang {
    let wrong = if row.lang == Lang::En { Lang::Ru } else { Lang::En };
    LISTENER.language_in(&row.text, None).unwrap_or(wrong)
}

#[test]
fn a_name_or_a_single_unclear_word_changes_no_conversation() {
    let unclear =
        ["Нурсултан", "Баттулга", "Айгүл Серікова", "Ivan", "iPhone 15", "Samsung Galaxy", "Алматы", "ok", "44812"];
    for (text, before) in unclear.into_iter().flat_map(|text| Lang::ALL.map(|before| (text, before))) {
        assert_eq!(after(text, before), before, "{text}");
    }
    for (text, lang) in [("hello", Lang::En), ("спасибо", Lang::Ru), ("рахмет", Lang::Kk), ("баярлалаа", Lang::Mn)]
    {
        for before in Lang::ALL {
            assert_eq!(after(text, before), lang, "a clear word is followed");
        }
    }
}

#[test]
fn words_in_cyrillic_letters_are_never_english_and_latin_ones_never_russian_or_kazakh() {
    let unclear =
        ["здрасте", "менеджер", "Нурсултан", "Баттулга", "ок", "хай", "окей гугл", "сори", "вай-фай", "сервис центр"];
    let latin = ["Nursultan", "menejer", "ok", "privet", "iPhone 15", "salem", "sain uu"];
    let all = customers();
    let written = all.iter().map(|row| row.text.as_str()).chain(unclear).chain(latin);
    for text in written {
        let (cyrillic, ascii) = (
            text.chars().any(|letter| matches!(letter, 'Ѐ'..='ԯ')),
            text.chars().any(|letter| letter.is_ascii_alphabetic()),
        );
        let told = LISTENER.language(text);
        match (cyrillic, ascii) {
            (true, false) => assert_ne!(told, Some(Lang::En), "{text}"),
            (false, true) => assert!(!matches!(told, Some(Lang::Ru | Lang::Kk)), "{text}: {told:?}"),
            (true, true) | (false, false) => {}
        }
    }
}

#[test]
fn customers_are_understood_to_write_what_they_write() {
    let mut tally = Tally::default();
    for row in customers() {
        if row.is_long() {
            // A first message has no context; one that is not told is counted as wrong.
            tally.count("three words and more", &row, alone(&row));
        } else {
            // The context is the answer here: a listener that tells nothing would be right. The two measures beside it say
            // what is told without that help, and against it.
            tally.count("one or two words in context", &row, after(&row.text, row.lang));
            tally.count("one or two words alone", &row, alone(&row));
        }
        let switch = if row.is_long() { "a switch" } else { "a switch by one or two words" };
        for before in Lang::ALL.into_iter().filter(|before| *before != row.lang) {
            tally.count(switch, &row, after(&row.text, before));
        }
    }
    for (name, (right, all)) in &tally.0 {
        println!("{name:<48} {right:>4} of {all:>4}  {:.3}", tally.share(name));
    }
    for set in ["tuned", "held-out"] {
        for (measure, goal) in
            [("three words and more", LONG), ("a switch", LONG), ("one or two words in context", SHORT)]
        {
            tally.reaches(measure, set, goal);
        }
    }
    for (set, alone, switch) in MEASURED {
        tally.reaches("one or two words alone", set, alone);
        tally.reaches("a switch by one or two words", set, switch);
    }
}
