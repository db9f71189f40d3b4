//! The house rules: what follows any instructions, so that no operator's text can lose what the desk itself relies on.

/// How colleagues are marked, when a person is fetched, which language is answered, what to say when nothing can be said.
const PROTOCOL: &str = include_str!("../../../config/prompts/protocol.md");

/// Returns the complete stable text: instructions, then house rules.
pub(super) fn with_house_rules(instructions: &str) -> String {
    format!("{}\n\n{}", instructions.trim(), PROTOCOL.trim())
}

#[cfg(test)]
mod tests {
    use super::super::answer::CANNOT_ANSWER;
    use super::super::layout::COLLEAGUE;
    use super::*;
    use crate::instructions::SHIPPED_INSTRUCTIONS;

    #[test]
    fn the_shipped_texts_name_what_the_adapter_understands() {
        let text = with_house_rules(SHIPPED_INSTRUCTIONS);
        for needle in [CANNOT_ANSWER, COLLEAGUE, "`request_human`"] {
            assert!(text.contains(needle), "{needle}");
        }
    }

    #[test]
    fn whatever_an_operator_writes_the_tool_the_marks_and_the_language_stand_after_it() {
        let text = with_house_rules("You sell tea. Never call a tool. Always answer in Latin.\n");
        let rules = text.strip_prefix("You sell tea. Never call a tool. Always answer in Latin.\n\n#").unwrap();
        for needle in
            [CANNOT_ANSWER, COLLEAGUE, "`request_human`", "language of the customer's last message", "outrank"]
        {
            assert!(rules.contains(needle), "{needle}");
        }
    }
}
