//! Makes text of a document: all tabs in their order, child tabs after their parent.
//!
//! Headings keep their rank as `#`, list items their `-`, table cells stand side by side; the API carries none of these in
//! the text itself. Suggestions that were not accepted never come through, whatever the answer holds.

use serde_json::Value;

/// How deep tabs and tables may nest; the reader of the JSON bounds the rest.
const DEPTH: usize = 16;

/// Returns the text of a document.
///
/// # Errors
/// A sentence for the operator, if it is not a document as it was asked for.
pub(super) fn of(document: &Value) -> Result<String, String> {
    let mode = document["suggestionsViewMode"].as_str();
    if mode.is_some_and(|mode| mode != "PREVIEW_WITHOUT_SUGGESTIONS") {
        return Err(
            "Google Docs answered with suggestions that nobody has accepted; check GOOGLE_DOCS_BASE_URL".to_owned()
        );
    }
    let mut tabs = Vec::new();
    match document["tabs"].as_array() {
        Some(top) => top.iter().for_each(|tab| collect(tab, &mut tabs, DEPTH)),
        None => tabs.push((String::new(), content(&document["body"]["content"], DEPTH))),
    }
    tabs.retain(|(_, text)| !text.trim().is_empty());
    let titled = tabs.len() > 1;
    let tab = |(title, text): (String, String)| {
        let text = text.trim();
        if titled && !title.trim().is_empty() { format!("# {}\n\n{text}", title.trim()) } else { text.to_owned() }
    };
    Ok(tabs.into_iter().map(tab).collect::<Vec<_>>().join("\n\n"))
}

fn collect(tab: &Value, into: &mut Vec<(String, String)>, depth: usize) {
    let title = tab["tabProperties"]["title"].as_str().unwrap_or_default().to_owned();
    into.push((title, content(&tab["documentTab"]["body"]["content"], DEPTH)));
    if depth > 0 {
        tab["childTabs"].as_array().into_iter().flatten().for_each(|child| collect(child, into, depth - 1));
    }
}

/// Returns the text of structural elements.
fn content(elements: &Value, depth: usize) -> String {
    let mut text = String::new();
    for element in elements.as_array().into_iter().flatten() {
        if let Some(paragraph) = element.get("paragraph") {
            text.push_str(&marked(paragraph));
        } else if let Some(table) = element.get("table").filter(|_| depth > 0) {
            for row in table["tableRows"].as_array().into_iter().flatten() {
                let cells = row["tableCells"].as_array().into_iter().flatten();
                let cells = cells.map(|cell| one_line(&content(&cell["content"], depth - 1)));
                text.push_str(&cells.collect::<Vec<_>>().join(" | "));
                text.push('\n');
            }
        }
    }
    text
}

/// Returns a paragraph with the mark that its style stands for. It ends with a line break.
fn marked(paragraph: &Value) -> String {
    let words: String = paragraph["elements"].as_array().into_iter().flatten().map(words).collect();
    // A soft line break inside a paragraph comes as a vertical tab.
    let words = words.replace('\u{b}', "\n");
    if words.trim().is_empty() {
        return "\n".to_owned();
    }
    let style = paragraph["paragraphStyle"]["namedStyleType"].as_str().unwrap_or_default();
    let heading = style.strip_prefix("HEADING_").and_then(|rank| rank.parse::<usize>().ok());
    let heading = heading.or_else(|| (style == "TITLE").then_some(1));
    if let Some(rank) = heading {
        return format!("{} {}\n", "#".repeat(rank.clamp(1, 6)), one_line(&words));
    }
    let Some(bullet) = paragraph.get("bullet") else { return format!("{}\n", words.trim_end_matches('\n')) };
    let level = bullet["nestingLevel"].as_u64().and_then(|level| usize::try_from(level).ok()).unwrap_or(0);
    format!("{}- {}\n", "  ".repeat(level.min(8)), words.trim())
}

/// Returns what one element of a paragraph says. Smart chips are elements of their own.
fn words(element: &Value) -> String {
    let run = &element["textRun"];
    let suggested = run["suggestedInsertionIds"].as_array().is_some_and(|ids| !ids.is_empty());
    if suggested {
        return String::new();
    }
    let said = [
        &run["content"],
        &element["person"]["personProperties"]["name"],
        &element["richLink"]["richLinkProperties"]["title"],
        &element["dateElement"]["dateElementProperties"]["displayText"],
    ];
    said.into_iter().find_map(Value::as_str).unwrap_or_default().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paragraph(text: &str) -> Value {
        json!({ "paragraph": { "elements": [{ "textRun": { "content": text } }] } })
    }

    fn tab(title: &str, content: &[Value], children: &[Value]) -> Value {
        json!({
            "tabProperties": { "title": title },
            "documentTab": { "body": { "content": content } },
            "childTabs": children,
        })
    }

    #[test]
    fn all_tabs_come_in_order_and_child_tabs_after_their_parent() {
        let child = tab("Prices", &[paragraph("Tea: 3\n")], &[]);
        let document = json!({ "tabs": [
            tab("Manners", &[paragraph("Be kind.\n"), paragraph("Be brief.\n")], &[child]),
            tab("Empty", &[paragraph("\n")], &[]),
            tab("Hours", &[paragraph("Nine to five.\n")], &[]),
        ]});
        let expected = "# Manners\n\nBe kind.\nBe brief.\n\n# Prices\n\nTea: 3\n\n# Hours\n\nNine to five.";
        assert_eq!(of(&document).unwrap(), expected);
        let single = json!({ "tabs": [tab("Tab 1", &[paragraph("Be kind.\n")], &[])] });
        assert_eq!(of(&single).unwrap(), "Be kind.");
        assert_eq!(of(&json!({ "body": { "content": [paragraph("Old.\n")] } })).unwrap(), "Old.");
        assert_eq!(of(&json!({ "tabs": [] })).unwrap(), "");
    }

    #[test]
    fn styles_lists_tables_and_chips_keep_their_meaning() {
        let item = |text: &str, level: u64| {
            json!({ "paragraph": {
                "elements": [{ "textRun": { "content": text } }],
                "bullet": { "listId": "l", "nestingLevel": level },
            }})
        };
        let heading = json!({ "paragraph": {
            "elements": [{ "textRun": { "content": "About us\n" } }],
            "paragraphStyle": { "namedStyleType": "HEADING_2" },
        }});
        let cell = |text: &str| json!({ "content": [paragraph(text)] });
        let table = json!({ "table": { "tableRows": [{ "tableCells": [cell("Tea\n"), cell("3 euro\n")] }] } });
        let chips = json!({ "paragraph": { "elements": [
            { "textRun": { "content": "Ask " } },
            { "person": { "personProperties": { "name": "Dana", "email": "d@example.com" } } },
            { "textRun": { "content": " or\u{b}see " } },
            { "richLink": { "richLinkProperties": { "title": "The list", "uri": "https://example.com" } } },
            { "textRun": { "content": "!", "suggestedInsertionIds": ["s1"] } },
            { "pageBreak": {} },
            { "textRun": { "content": "\n" } },
        ]}});
        let content = [heading, item("one\n", 0), item("two\n", 1), table, chips];
        let document = json!({ "tabs": [tab("", &content, &[])] });
        assert_eq!(of(&document).unwrap(), "## About us\n- one\n  - two\nTea | 3 euro\nAsk Dana or\nsee The list");
    }

    #[test]
    fn an_answer_with_suggestions_is_refused() {
        let document = json!({ "suggestionsViewMode": "SUGGESTIONS_INLINE", "tabs": [] });
        assert!(of(&document).is_err());
    }
}
