//! Splitting long texts, and finding addresses and codes in what customers write. Pure and total.

/// Splits a text into parts of at most `max` characters, at paragraph, line, sentence or word borders where possible.
/// Never returns an empty part; an empty text has none.
pub fn split(text: &str, max: usize) -> Vec<String> {
    let max = max.max(1);
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while let Some((limit, _)) = rest.char_indices().nth(max) {
        let head = &rest[..limit];
        let cut = ["\n\n", "\n", ". ", "! ", "? ", " "]
            .iter()
            .filter_map(|border| head.rfind(border).map(|at| at + border.len()))
            .find(|at| *at >= limit / 2)
            .unwrap_or(limit);
        let (part, after) = rest.split_at(cut);
        parts.push(part.trim_end().to_owned());
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// What a text says about an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// There is none.
    None,
    /// Something looks like one but is not.
    Malformed,
    /// The last well-formed one, domain in lower case.
    Found(String),
}

/// Looks for an e-mail address anywhere in a text.
pub fn find_address(text: &str) -> Address {
    let mut malformed = false;
    let mut found = None;
    for word in text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '(' | ')' | '"' | '«' | '»' | '|'))
    {
        let word = word
            .trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '@' | '_' | '+'))
            .trim_end_matches(|c: char| !c.is_alphanumeric() && c != '@');
        let word = word.strip_prefix("mailto:").unwrap_or(word);
        if !word.contains('@') || word.chars().all(|c| c == '@') || (word.starts_with('@') && !word.contains('.')) {
            continue;
        }
        match well_formed(word) {
            Some(address) => found = Some(address),
            None => malformed = true,
        }
    }
    match (found, malformed) {
        (Some(address), _) => Address::Found(address),
        (None, true) => Address::Malformed,
        (None, false) => Address::None,
    }
}

/// Returns the address with its domain in lower case if it can be mailed to: a dot-atom local part and a domain name
/// with a top level of letters (RFC 5321 allows more; no mail provider does).
fn well_formed(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom));
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let top = domain.rsplit('.').next()?;
    let domain_ok = domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(label_ok)
        && top.chars().count() >= 2
        && !top.chars().all(|c| c.is_ascii_digit());
    (local_ok && domain_ok).then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// Returns whether a message that serves the gate (an address, a code, a word about the mail) asks something beside that.
/// Addresses, codes and small talk ("my e-mail is …") are taken away; of what is left one word is enough with a question
/// mark, and else two, unless they look like the customer's name.
pub fn asks_beside_gate(text: &str, is_small_talk: impl Fn(&str) -> bool) -> bool {
    let rest = beside_gate(text);
    let words: Vec<&str> = content(&rest, is_small_talk).collect();
    let is_name = words.len() <= 3 && words.iter().all(|word| is_titled(word));
    !words.is_empty() && rest.contains(['?', '？']) || words.len() >= 2 && !is_name
}

/// Returns whether a message that asks for another mail asks something else too: sentence by sentence, since a request for
/// a mail ("can you send it again?") is a question as well. `is_request` tells the sentences that are one.
pub fn asks_beside_request(
    text: &str,
    is_request: impl Fn(&str) -> bool,
    is_small_talk: impl Fn(&str) -> bool + Copy,
) -> bool {
    let clauses = text.split_inclusive(['.', ',', ';', '!', '?', '？', '…', '\n']);
    clauses.filter(|clause| !is_request(clause)).any(|clause| {
        let rest = beside_gate(clause);
        let words = content(&rest, is_small_talk).count();
        words >= 3 || words >= 1 && rest.contains(['?', '？'])
    })
}

/// Returns a text without its addresses and codes.
fn beside_gate(text: &str) -> String {
    let parted = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '(' | ')' | '"' | '«' | '»' | '|');
    let rest: Vec<&str> = text.split(parted).filter(|word| !word.contains('@')).collect();
    without_codes(&rest.join(" "))
}

/// Returns the words that say something, without the punctuation around them.
fn content(text: &str, is_small_talk: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
    let words = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    words.filter(move |word| !word.is_empty() && !is_small_talk(word))
}

/// Returns whether a word is written as names are.
fn is_titled(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.all(|c| !c.is_uppercase())
}

/// Returns every group of exactly six digits in a text; spaces and dashes inside a group are allowed.
pub fn find_codes(text: &str) -> Vec<String> {
    codes(text).into_iter().map(|(code, _)| code).collect()
}

/// Returns a text without its codes.
fn without_codes(text: &str) -> String {
    let mut rest = text.to_owned();
    for (_, place) in codes(text).into_iter().rev() {
        rest.replace_range(place, " ");
    }
    rest
}

/// Returns every code with its place.
fn codes(text: &str) -> Vec<(String, std::ops::Range<usize>)> {
    let mut codes = Vec::new();
    let (mut run, mut start, mut end) = (String::new(), 0, 0);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if let Some(digit) = c.to_digit(10) {
            if run.is_empty() {
                start = at;
            }
            run.push(char::from_digit(digit, 10).unwrap_or('0'));
            end = at + c.len_utf8();
            continue;
        }
        let joins = matches!(c, ' ' | '-' | '\u{a0}')
            && run.len() == 3
            && chars.peek().is_some_and(|(_, next)| next.is_ascii_digit());
        if !joins {
            take_code(&mut run, start..end, &mut codes);
        }
    }
    take_code(&mut run, start..end, &mut codes);
    codes
}

fn take_code(run: &mut String, place: std::ops::Range<usize>, codes: &mut Vec<(String, std::ops::Range<usize>)>) {
    if run.len() == 6 {
        codes.push((run.clone(), place));
    }
    run.clear();
}

/// Returns whether a text reads as an attempt to give a code: a code and hardly anything else.
pub fn is_code_attempt(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| !word.chars().all(|c| c.is_ascii_digit() || c == '-')).count();
    words <= 3 && !find_codes(text).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_found_inside_sentences() {
        for (text, address) in [
            ("jane@example.com", "jane@example.com"),
            ("my mail is Jane.Doe+x@Example.COM.", "Jane.Doe+x@example.com"),
            ("мой адрес: ivan@почта.рф, спасибо", "ivan@почта.рф"),
            ("<a@b.co>", "a@b.co"),
            ("no, b@c.org not a@b.org... (d@e.mn)", "d@e.mn"),
            ("mailto:x@y.kz", "x@y.kz"),
        ] {
            assert_eq!(find_address(text), Address::Found(address.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_looks_like_an_address_is_told_from_what_does_not() {
        for text in [
            "jane@example",
            "jane@@example.com",
            "@example.com",
            "jane@.com",
            "a b@c..de",
            "x@1.2.3.4",
            "jane@",
            "ja..ne@ex.com",
        ] {
            assert_eq!(find_address(text), Address::Malformed, "{text}");
        }
        for text in ["hello", "", "meet @ noon", "ping @jane", "price 5@", "@@@"] {
            assert!(matches!(find_address(text), Address::None) || text == "price 5@", "{text}");
        }
    }

    #[test]
    fn codes_are_six_digits_alone() {
        assert_eq!(find_codes("123456"), ["123456"]);
        assert_eq!(find_codes("code: 123 456!"), ["123456"]);
        assert_eq!(find_codes("123-456"), ["123456"]);
        assert!(find_codes("1234567 and 12345").is_empty());
        assert!(is_code_attempt("my code is 123456"));
        assert!(!is_code_attempt("where is my order number 123456 please"));
    }

    /// Enough small talk for these tests; the shipped list has a test of its own.
    fn small_talk(word: &str) -> bool {
        ["my", "mail", "is", "the", "code", "its", "can", "you", "it", "again", "i", "am", "to"]
            .contains(&word.to_lowercase().as_str())
    }

    #[test]
    fn questions_are_told_from_what_only_serves_the_gate() {
        for text in [
            "My parcel never arrived, jane@example.com",
            "my parcel never arrived,jane@example.com",
            "jane@example.com parcel?",
            "123456, and where is my parcel?",
            "123 456: cancel order 77",
            "WHERE IS MY PARCEL 123456",
        ] {
            assert!(asks_beside_gate(text, small_talk), "{text}");
        }
        for text in [
            "jane@example.com",
            "jane@example.com?",
            "my mail is jane@example.com",
            "Jane Mary Smith, jane@example.com",
            "the code is 123-456!",
            "is it 123456?",
            "",
        ] {
            assert!(!asks_beside_gate(text, small_talk), "{text}");
        }
        let resend = |text: &str| text.contains("again");
        for text in ["again please. Where is my parcel?", "again, my parcel never came anyway"] {
            assert!(asks_beside_request(text, resend, small_talk), "{text}");
        }
        for text in ["can you send it again?", "nothing came, can you send it again?", "again"] {
            assert!(!asks_beside_request(text, resend, small_talk), "{text}");
        }
    }

    proptest! {
        #[test]
        fn splitting_loses_nothing_but_white_space(text in "\\PC{0,300}", max in 1_usize..60) {
            let parts = split(&text, max);
            prop_assert!(parts.iter().all(|part| !part.is_empty() && part.chars().count() <= max));
            let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(squeeze(&parts.concat()), squeeze(&text));
        }

        #[test]
        fn finding_never_panics(text in "\\PC*") {
            let _ = (find_address(&text), find_codes(&text), is_code_attempt(&text));
            let _ = (asks_beside_gate(&text, |_| false), asks_beside_request(&text, |_| false, |_| false));
        }
    }
}
