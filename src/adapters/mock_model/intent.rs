//! What a demo customer wants, by key words in the desk's four languages. Deliberately simple: it serves a demo.

/// What the waiting messages ask of the demo model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// To fail, so that retries and the hand-over can be watched.
    Fail,
    /// Something that belongs to a person.
    Complaint,
    /// To take its time.
    Slow,
    /// To say back the customer's name.
    AsksName,
    /// To say back what was written earlier.
    AsksBefore,
    /// To say how much it remembers.
    AsksCount,
    /// To remember a name.
    GivesName(String),
    /// Thanks.
    Thanks,
    /// A greeting and little else.
    Greets,
    /// Anything else.
    Other,
}

/// Phrases and the beginnings of words. A trailing space asks for the whole word.
const FAIL: &[&str] = &["/fail", "break ", "сломай", "упади ", "істен шық", "бұзыл", "эвдэр"];
const COMPLAINT: &[&str] = &[
    "refund",
    "complain",
    "money back",
    "lawyer",
    "возврат",
    "верните",
    "вернуть деньги",
    "жалоб",
    "претензи",
    "юрист",
    "шағым",
    "ақшамды қайтар",
    "ақша қайтар",
    "қайтарып бер",
    "гомдол",
    "буцаалт",
    "мөнгөө буцаа",
    "мөнгө буцаа",
];
const SLOW: &[&str] = &["slow ", "slowly ", "медленн", "баяу ", "удаан "];
const ASKS_NAME: &[&str] = &[
    "what is my name",
    "what's my name",
    "whats my name",
    "do you know my name",
    "remember my name",
    "who am i ",
    "как меня зовут",
    "кто я ",
    "моё имя помн",
    "мое имя помн",
    "помнишь мое имя",
    "помнишь моё имя",
    "помните моё имя",
    "менің атым кім",
    "атым кім",
    "мен кіммін",
    "миний нэр хэн",
    "миний нэрийг",
    "намайг хэн гэдэг",
    "би хэн бэ",
];
const ASKS_BEFORE: &[&str] = &[
    "did i say",
    "did i write",
    "did i ask",
    "do you remember",
    "i said before",
    "i said earlier",
    "я говорил",
    "я сказал",
    "я писал",
    "я написал",
    "я спрашивал",
    "помнишь",
    "помните",
    "не айттым",
    "не дедім",
    "не жаздым",
    "не сұрадым",
    "есіңде",
    "есіңізде",
    "юу гэсэн",
    "юу хэлсэн",
    "юу бичсэн",
    "юу асуусан",
    "санаж байна",
];
const ASKS_COUNT: &[&str] =
    &["how many messages", "сколько сообщений", "қанша хабар", "неше хабар", "хэдэн мессеж", "хэдэн зурвас"];
const THANKS: &[&str] = &["thank", "спасибо", "благодар", "рахмет", "рақмет", "баярлалаа", "гайхалтай"];
const GREETS: &[&str] = &[
    "hello",
    "hi ",
    "hey ",
    "good morning",
    "good afternoon",
    "good evening",
    "привет",
    "здравств",
    "добрый день",
    "доброе утро",
    "добрый вечер",
    "сәлем",
    "салем",
    "қайырлы",
    "сайн байна",
    "сайн уу",
    "сайхан",
];

/// What stands before a name, and what may follow it.
const NAME_BEFORE: &[&str] = &[
    "my name is ",
    "my name's ",
    "call me ",
    "меня зовут ",
    "моё имя ",
    "мое имя ",
    "менің атым ",
    "атым ",
    "миний нэр ",
    "миний нэрийг ",
];
/// What stands on both sides of a name ("намайг Бат гэдэг").
const NAME_BETWEEN: (&str, &str) = ("намайг ", " гэдэг");
/// Words that end a name.
const NOT_A_NAME: &[&str] =
    &["and", "but", "i", "и", "а", "но", "я", "мен", "және", "бол", "би", "ба", "кім", "хэн", "гэдэг", "what", "not"];

/// Returns what the text asks for; the more specific wish wins.
pub(super) fn of(text: &str) -> Intent {
    let plain = plain(text);
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| found(&plain, phrase).is_some());
    match () {
        () if says(FAIL) => Intent::Fail,
        () if says(COMPLAINT) => Intent::Complaint,
        () if says(ASKS_NAME) => Intent::AsksName,
        () if says(ASKS_COUNT) => Intent::AsksCount,
        () => match name_in(&plain) {
            Some(name) => Intent::GivesName(name),
            None if says(ASKS_BEFORE) => Intent::AsksBefore,
            None if says(SLOW) => Intent::Slow,
            None if says(THANKS) => Intent::Thanks,
            None if says(GREETS) && plain.split_whitespace().count() <= 4 => Intent::Greets,
            None => Intent::Other,
        },
    }
}

/// Returns the words in lower case between single spaces; ends of sentences stay as a word of their own, `|`.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len() + 2);
    plain.push(' ');
    for c in text.to_lowercase().chars() {
        match c {
            '.' | ',' | '!' | '?' | ';' | ':' | '\n' | '(' | ')' => plain.push_str(" | "),
            '’' => plain.push('\''),
            '"' | '“' | '”' | '«' | '»' => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain.push(' ');
    let words: Vec<&str> = plain.split_whitespace().collect();
    format!(" {} ", words.join(" "))
}

/// Finds a phrase that begins at a word's beginning; returns what follows it.
fn found<'a>(plain: &'a str, phrase: &str) -> Option<&'a str> {
    let at = plain.find(&format!(" {phrase}"))?;
    plain.get(at + 1 + phrase.len()..)
}

/// Returns the name that the customer gives themselves in this text, unless the text asks for it.
pub(super) fn given_name(text: &str) -> Option<String> {
    match of(text) {
        Intent::GivesName(name) => Some(name),
        Intent::Fail
        | Intent::Complaint
        | Intent::Slow
        | Intent::AsksName
        | Intent::AsksBefore
        | Intent::AsksCount
        | Intent::Thanks
        | Intent::Greets
        | Intent::Other => None,
    }
}

fn name_in(plain: &str) -> Option<String> {
    let (before, after) = NAME_BETWEEN;
    let between = || found(plain, before)?.split_once(after).map(|(name, _)| name);
    let rest = NAME_BEFORE.iter().find_map(|marker| found(plain, marker)).or_else(between)?;
    let is_name =
        |word: &&str| word.chars().all(|c| c.is_alphabetic() || c == '-' || c == '\'') && !NOT_A_NAME.contains(word);
    let words: Vec<String> = rest.split_whitespace().take_while(is_name).take(2).map(capitalised).collect();
    let name: String = words.join(" ").chars().take(40).collect();
    (!name.is_empty()).then_some(name)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
