//! Enough of Liquid to catch text that Chatwoot would run: whatever would be evaluated becomes [`MARK`].

/// Stands where a template tag was evaluated.
pub(super) const MARK: &str = "LIQUID!";

/// Renders outgoing text: spans between backticks are put into raw blocks first, and a syntax error leaves the text.
pub(super) fn render(content: &str) -> String {
    evaluate(&with_raw_blocks(content)).unwrap_or_else(|| content.to_owned())
}

fn with_raw_blocks(content: &str) -> String {
    let mut out = String::new();
    let mut rest = content;
    while let Some((open, close)) = span(rest) {
        out.push_str(&rest[..open]);
        out.push_str("{% raw %}");
        out.push_str(&rest[open..=close]);
        out.push_str("{% endraw %}");
        rest = &rest[close + 1..];
    }
    out + rest
}

fn span(text: &str) -> Option<(usize, usize)> {
    let open = text.find('`')?;
    Some((open, open + 1 + text[open + 1..].find('`')?))
}

/// Evaluates tags; `None` is a syntax error.
fn evaluate(template: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(start) = [rest.find("{{"), rest.find("{%")].into_iter().flatten().min() {
        out.push_str(&rest[..start]);
        let is_variable = rest[start..].starts_with("{{");
        let (tag, after) = rest[start + 2..].split_once(if is_variable { "}}" } else { "%}" })?;
        rest = after;
        match tag.trim_matches(['-', ' ', '\n']) {
            "raw" if !is_variable => {
                let (end, length) = end_of_raw(rest)?;
                out.push_str(&rest[..end]);
                rest = &rest[end + length..];
            }
            "endraw" => return None,
            _ => out.push_str(MARK),
        }
    }
    Some(out + rest)
}

/// Finds the end of a raw block: where it starts and how long the tag is.
fn end_of_raw(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(start) = text[from..].find("{%").map(|at| from + at) {
        let close = text[start..].find("%}")? + 2;
        if text[start + 2..start + close - 2].trim_matches(['-', ' ', '\n']) == "endraw" {
            return Some((start, close));
        }
        from = start + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_evaluated_outside_backticks() {
        assert_eq!(render("{{ contact.email }}!"), "LIQUID!!");
        assert_eq!(render("{% if x %}a"), "LIQUID!a");
        assert_eq!(render("`{{ x }}` {{ y }}"), "`{{ x }}` LIQUID!");
        assert_eq!(render("`{% endraw %}{{ x }}"), "`{% endraw %}{{ x }}");
        assert_eq!(render("`{% endraw %}{{ x }}{% raw %}`"), "`LIQUID!`");
        assert_eq!(render("{{ unfinished"), "{{ unfinished");
        assert_eq!(render("{\u{2060}{ x }}"), "{\u{2060}{ x }}");
    }
}
