//! How subcommands print: tables, and words of strangers without control characters.

use std::io::Write;

/// Prints a text on standard output.
pub(super) fn print(text: &str) {
    // Whoever closed the pipe has read enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Prints a value as indented JSON.
pub(super) fn print_json(value: &serde_json::Value) {
    print(&format!("{value:#}\n"));
}

/// Lays rows out in columns, the first row being the heads. The last column is not padded.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// Returns a text on one line without anything a terminal would obey, clipped to `most` characters.
pub(super) fn harmless(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().filter(|letter| !letter.is_control()).take(most).collect();
    if line.chars().count() > most {
        shown.push('…');
    }
    shown
}

/// Returns a text with its lines, without anything a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|letter| *letter == '\n' || !letter.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_strangers_cannot_steer_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\nc\u{9b}31m", 80), "a[2Jb c31m");
        assert_eq!(harmless("abcdef", 3), "abc…");
    }

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(table(&[row(["KEY", "PHASE"]), row(["a:1:22", "bot"])]), "KEY     PHASE\na:1:22  bot\n");
    }
}
