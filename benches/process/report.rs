//! What was measured, as one table, beside the goals.

use crate::desk::Backing;
use std::fmt::Write;

/// A bound that a figure should keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal(pub f64);

/// One figure per store.
#[derive(Debug)]
struct Row {
    name: &'static str,
    values: Vec<Option<(f64, Option<Goal>)>>,
    digits: usize,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Report {
    columns: Vec<Backing>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    /// Makes an empty table.
    pub(crate) fn new(columns: &[Backing]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Notes one figure.
    pub(crate) fn figure(
        &mut self,
        (name, digits): (&'static str, usize),
        column: Backing,
        value: f64,
        goal: Option<Goal>,
    ) {
        let Some(at) = self.columns.iter().position(|known| *known == column) else { return };
        let known = self.rows.iter().position(|row| row.name == name);
        let row = known.unwrap_or_else(|| {
            self.rows.push(Row { name, values: self.columns.iter().map(|_| None).collect(), digits });
            self.rows.len() - 1
        });
        self.rows[row].values[at] = Some((value, goal));
    }

    /// Notes one sentence.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Writes the table.
    pub(crate) fn render(&self) -> String {
        let mut text = format!("{:<58}", "");
        for column in &self.columns {
            let _ = write!(text, "{:>24}", column.name());
        }
        text.push('\n');
        for row in &self.rows {
            let _ = write!(text, "{:<58}", row.name);
            for value in &row.values {
                let _ = write!(text, "{:>24}", cell(value.as_ref(), row.digits));
            }
            text.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }
}

fn cell(value: Option<&(f64, Option<Goal>)>, digits: usize) -> String {
    match value {
        None => "-".to_owned(),
        Some((value, None)) => format!("{value:.digits$}"),
        Some((value, Some(Goal(goal)))) => {
            let verdict = if value <= goal { "met" } else { "MISSED" };
            format!("{value:.digits$} (<= {goal} {verdict})")
        }
    }
}
