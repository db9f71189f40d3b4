//! Makes plain text safe for the markdown of Adaptive Cards, and short enough.
//!
//! Teams reads a markdown subset in text blocks and facts: bold, italics, links, lists; a new line is a blank line; no
//! headings, tables or code (learn.microsoft.com, cards-format). Customers choose their names and words, so a link in
//! them must stay text.

/// Escapes text that may have several lines.
pub(super) fn block(text: &str) -> String {
    let lines: Vec<String> = clean(text).lines().map(str::trim).filter(|line| !line.is_empty()).map(escape).collect();
    lines.join("\n\n")
}

/// Escapes text that must stay on one line.
pub(super) fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escape(clean(&words.join(" ")).trim())
}

/// Cuts text to at most `longest` characters, the ellipsis included, without splitting a character from its marks.
pub(super) fn clip(text: &str, longest: usize) -> String {
    let mut rest = text.char_indices().skip(longest.saturating_sub(1));
    let (Some((mut end, mut next)), Some(_)) = (rest.next(), rest.next()) else { return text.to_owned() };
    // What follows the cut belongs to the character before it, or that one joins the two: drop both halves.
    while let Some(last) = text[..end].chars().next_back() {
        if !is_mark(next) && last != JOINER {
            break;
        }
        end -= last.len_utf8();
        next = last;
    }
    format!("{}…", text[..end].trim_end())
}

/// Glues emoji together.
const JOINER: char = '\u{200d}';
/// Invisible; keeps two characters from being read as one sign.
const APART: char = '\u{200b}';

/// Whether the character changes the one before it: combining accents, variation selectors, skin tones, the joiner.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | JOINER)
}

/// Removes control characters, but keeps line ends.
fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace(['\r', '\u{2028}', '\u{2029}'], "\n")
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}

/// Escapes one line.
fn escape(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len() + 8);
    let list_number = line.find(['.', ')']).filter(|at| *at > 0 && line[..*at].bytes().all(|b| b.is_ascii_digit()));
    let mut before = '\n';
    for (at, c) in line.char_indices() {
        let opens_block = at == 0 && matches!(c, '#' | '-' | '+' | '>' | '=');
        if opens_block || Some(at) == list_number || matches!(c, '\\' | '*' | '_' | '[' | ']' | '`' | '~') {
            escaped.push('\\');
        }
        // `<at>` would be a mention and `{{DATE(…)}}` a date; neither has a backslash form.
        if (before == '<' && (c.is_alphabetic() || c == '/' || c == '!')) || (before == '{' && c == '{') {
            escaped.push(APART);
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_customer_writes_becomes_markdown() {
        for (text, expected) in [
            ("plain words, 3.5 kg (net)", "plain words, 3.5 kg (net)"),
            ("[click](https://evil.example)", "\\[click\\](https://evil.example)"),
            ("**bold** _it_ `code` ~~x~~", "\\*\\*bold\\*\\* \\_it\\_ \\`code\\` \\~\\~x\\~\\~"),
            ("# title", "\\# title"),
            ("- item", "\\- item"),
            ("1. first", "1\\. first"),
            ("12) twelfth", "12\\) twelfth"),
            (". dot", ". dot"),
            ("a\\*b", "a\\\\\\*b"),
            ("<at>Kim</at>", "<\u{200b}at>Kim<\u{200b}/at>"),
            ("{{DATE(2026-01-01)}}", "{\u{200b}{DATE(2026-01-01)}}"),
            ("I <3 you", "I <3 you"),
            ("one\r\ntwo\n\n\n   - three\u{0}\u{7}", "one\n\ntwo\n\n\\- three"),
            ("", ""),
            (" \n ", ""),
        ] {
            assert_eq!(block(text), expected, "{text:?}");
        }
        assert_eq!(line("Dana\n# [x](y)\t z"), "Dana # \\[x\\](y) z");
    }

    #[test]
    fn text_is_cut_between_characters() {
        for (text, longest, expected) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("сөз мөз", 5, "сөз…"),
            ("ab\u{301}cd", 3, "a…"),
            ("x👍🏽yz", 3, "x…"),
            ("x👩\u{200d}💻yz", 4, "x…"),
            ("abc", 0, "…"),
            ("\u{301}\u{301}\u{301}", 2, "…"),
        ] {
            assert_eq!(clip(text, longest), expected, "{text:?}");
        }
    }
}
