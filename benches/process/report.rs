//! What was measured, as one table, beside the goals.

use crate::desk::Backing;
use std::fmt::Write;

/// What the bare handler takes on the machine on which the goals of speed were set, in CPU microseconds
/// (docs/measurements.md, 2026-11-20).
const BARE_THERE: f64 = 9.9;

/// A bound that a figure should keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal(pub f64);

impl Goal {
    pub(crate) fn is_met(self, value: f64) -> bool {
        value <= self.0
    }
}

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
    missed: Vec<String>,
    bare: Option<f64>,
}

impl Report {
    /// Makes an empty table.
    pub(crate) fn new(columns: &[Backing]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), notes: Vec::new(), missed: Vec::new(), bare: None }
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

    /// Notes what one request to the bare handler takes on this machine, now, in CPU microseconds.
    pub(crate) fn measure_by(&mut self, bare: f64) {
        self.bare = Some(bare);
    }

    /// Notes a CPU time in bare handlers, where that was measured in this run: machines differ, and so do hours of one, but
    /// both differ alike. So does the goal, in microseconds of the machine on which it was set.
    pub(crate) fn in_bare_handlers(&mut self, name: &'static str, column: Backing, micros: f64, goal: Option<Goal>) {
        if let Some(bare) = self.bare {
            // As many digits as are printed.
            let goal = goal.map(|Goal(micros)| Goal((micros / BARE_THERE * 10.0).round() / 10.0));
            self.figure((name, 1), column, micros / bare, goal);
        }
    }

    /// Notes that a goal was missed which is a promise, and which: the run fails.
    pub(crate) fn miss(&mut self, what: String) {
        self.missed.push(what);
    }

    /// Returns the promises that were missed.
    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
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
        Some((value, Some(goal))) => {
            let verdict = if goal.is_met(*value) { "met" } else { "MISSED" };
            format!("{value:.digits$} (<= {} {verdict})", goal.0)
        }
    }
}
