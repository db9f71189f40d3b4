//! Keeps Chatwoot from running what the desk says as a template.
//!
//! Chatwoot renders every outgoing message as Liquid when it is created (`app/models/concerns/liquidable.rb`), so a
//! model's `{{ contact.email }}` would be evaluated. Spans between backticks are wrapped in `{% raw %}` there and are
//! left alone here, because invisible characters would spoil code that is copied; everywhere else an invisible word
//! joiner is put into whatever opens a tag.

use std::borrow::Cow;

/// Has no width and allows no line break: the customer reads the same text.
const WORD_JOINER: char = '\u{2060}';

/// Returns the text with every opening of a Liquid tag broken.
pub(super) fn neutralise(text: &str) -> Cow<'_, str> {
    if !text.contains('{') {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, span, after)) = next_span(rest) {
        break_braces(before, true, &mut safe);
        // Inside a raw block only its end is a tag, so a span that speaks of the end would get out of the block.
        if span.contains("endraw") {
            break_braces(span, false, &mut safe);
        } else {
            safe.push_str(span);
        }
        rest = after;
    }
    break_braces(rest, false, &mut safe);
    Cow::Owned(safe)
}

/// Finds the next span between two backticks, both included, as Chatwoot's pattern does: the shortest, across lines.
fn next_span(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('`')?;
    let close = open + 1 + text.get(open + 1..)?.find('`')?;
    Some((text.get(..open)?, text.get(open..=close)?, text.get(close + 1..)?))
}

/// Copies text, parting every brace from a brace or per cent sign after it, and from a span that follows: Chatwoot puts
/// `{% raw %}` between the two.
fn break_braces(text: &str, before_span: bool, safe: &mut String) {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        safe.push(letter);
        let opens = match letters.peek() {
            Some(next) => matches!(next, '{' | '%'),
            None => before_span,
        };
        if letter == '{' && opens {
            safe.push(WORD_JOINER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(neutralise(text).replace(WORD_JOINER, "|"), expected);
        assert_eq!(neutralise(text).replace(WORD_JOINER, ""), text, "what is read is unchanged");
    }

    #[test]
    fn tags_are_broken_outside_backticks() {
        check("no braces", "no braces");
        check("{{ contact.email }}", "{|{ contact.email }}");
        check("{% if agent %}x{% endif %}", "{|% if agent %}x{|% endif %}");
        check("{{{ x }}} {{%", "{|{|{ x }}} {|{|%");
        check("{ \"a\": { } }", "{ \"a\": { } }");
        check("{{- contact.name -}}", "{|{- contact.name -}}");
        check("an open ` tick {{ x }}", "an open ` tick {|{ x }}");
    }

    #[test]
    fn code_stays_as_it_is() {
        check("use `{{ name }}` here", "use `{{ name }}` here");
        check("```\n{% raw %}\n```", "```\n{% raw %}\n```");
        check("`a` {{ b }} `{{ c }}`", "`a` {|{ b }} `{{ c }}`");
    }

    #[test]
    fn a_span_cannot_get_out_of_its_raw_block() {
        check("`{% endraw %}{{ contact.email }}`", "`{|% endraw %}{|{ contact.email }}`");
        check("{`x` }}", "{|`x` }}");
    }
}
