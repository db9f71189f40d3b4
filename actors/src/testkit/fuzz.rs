//! Fuzzing with a budget: seeded inputs made of a corpus, until the executions or the seconds are used up.
//!
//! An input that led somewhere new joins the corpus, so that later ones begin where it ended. The same seed makes the
//! same inputs in the same order. What breaks is written to a file, and `FUZZ_INPUT=file` tries that alone;
//! `FUZZ_SECONDS` makes a run as long as one likes, `FUZZ_SEED` chooses another one.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many inputs a corpus holds at the most: a long run must not fill the memory whose bounds it checks.
const CORPUS: usize = 4_000;

/// How long one input may take, on a busy machine, before that is a failure of its own.
const ONE_INPUT: Duration = Duration::from_secs(10);

/// Random numbers that a seed decides (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Makes dice.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns any number.
    pub const fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`; zero if that is zero.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.any() % bound).unwrap_or_default()
    }

    /// Returns whether one of so many throws was hit.
    pub fn one_in(&mut self, throws: usize) -> bool {
        self.below(throws) == 0
    }

    /// Chooses one of several.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}

/// A run: what it is called, how long it goes on, and where it leaves what broke.
#[derive(Debug, Clone)]
pub struct Fuzz {
    name: &'static str,
    executions: u64,
    seconds: Option<Duration>,
    seed: u64,
    folder: PathBuf,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FuzzReport {
    /// How many inputs were tried.
    pub executions: u64,
    /// How many of them led somewhere new.
    pub kinds: usize,
    /// The seed that makes them again.
    pub seed: u64,
}

impl Fuzz {
    /// Plans a run of so many inputs, unless `FUZZ_SECONDS` says how long it takes.
    pub fn new(name: &'static str, executions: u64, folder: &str) -> Self {
        let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
        let seconds = number("FUZZ_SECONDS").map(Duration::from_secs);
        let seed = number("FUZZ_SEED").unwrap_or(0xf20d_de5c);
        Self { name, executions, seconds, seed, folder: PathBuf::from(folder) }
    }

    /// Tries inputs made by `mutate` of the corpus. `check` fails by panicking, and returns what kind of outcome it saw.
    ///
    /// # Panics
    /// If `check` does, or takes unreasonably long: with the seed, and the file that holds the input.
    pub fn run(
        &self,
        mut corpus: Vec<Vec<u8>>,
        mut mutate: impl FnMut(&mut Dice, &[Vec<u8>]) -> Vec<u8>,
        mut check: impl FnMut(&[u8]) -> u64,
    ) -> FuzzReport {
        let mut kinds = BTreeSet::new();
        if let Some(input) = std::env::var_os("FUZZ_INPUT") {
            let input = std::fs::read(input).expect("FUZZ_INPUT names a file that can be read");
            self.attempt(&input, &mut check);
            return FuzzReport { executions: 1, kinds: 1, seed: self.seed };
        }
        // What the corpus leads to is not new.
        for input in &corpus {
            kinds.insert(self.attempt(input, &mut check));
        }
        let (mut dice, began, mut executions) = (Dice::new(self.seed), Instant::now(), 0);
        while self.goes_on(executions, began) {
            let input = mutate(&mut dice, &corpus);
            if kinds.insert(self.attempt(&input, &mut check)) && corpus.len() < CORPUS {
                corpus.push(input);
            }
            executions += 1;
        }
        FuzzReport { executions, kinds: kinds.len(), seed: self.seed }
    }

    fn goes_on(&self, executions: u64, began: Instant) -> bool {
        match self.seconds {
            Some(seconds) => began.elapsed() < seconds,
            None => executions < self.executions,
        }
    }

    fn attempt(&self, input: &[u8], check: &mut impl FnMut(&[u8]) -> u64) -> u64 {
        let began = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(input)));
        let why = match outcome {
            Ok(kind) if began.elapsed() < ONE_INPUT => return kind,
            Ok(_) => format!("took {:?}", began.elapsed()),
            Err(panic) => words(panic.as_ref()),
        };
        let file = self.folder.join(format!("fuzz-{}.bin", self.name));
        let kept = keep(&file, input);
        panic!("{}: {why}\n  seed {} ({} bytes of input; {kept})", self.name, self.seed, input.len());
    }
}

fn keep(file: &Path, input: &[u8]) -> String {
    match std::fs::write(file, input) {
        Ok(()) => format!("again with FUZZ_INPUT={}", file.display()),
        Err(error) => format!("{} cannot be written: {error}", file.display()),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// Returns a number that stands for a text: kinds of outcomes are told apart by it.
pub fn kind_of(text: &str) -> u64 {
    crate::ids::stable_hash(text.as_bytes())
}

/// What breaks parsers of any format: bits and bytes changed, pieces cut out, repeated, and joined with those of others.
pub fn damage(dice: &mut Dice, input: &mut Vec<u8>, other: &[u8]) {
    /// Bytes at which formats change their mind.
    const ODD: [u8; 14] = [0, 1, 0x7f, 0x80, 0xc0, 0xc1, 0xff, b'"', b'\\', b'{', b'[', b',', b'.', b'-'];
    let at = dice.below(input.len());
    match dice.below(8) {
        0 => input.truncate(at),
        1 if !input.is_empty() => input[at] ^= 1 << dice.below(8),
        2 if !input.is_empty() => input[at] = *dice.pick(&ODD),
        3 => input.insert(at, *dice.pick(&ODD)),
        4 if !input.is_empty() => {
            let end = (at + 1 + dice.below(16)).min(input.len());
            input.drain(at..end);
        }
        5 => {
            let end = (at + 1 + dice.below(64)).min(input.len());
            let again = input[at..end].repeat(1 + dice.below(64));
            input.splice(at..at, again);
        }
        6 => {
            let from = dice.below(other.len());
            let end = (from + dice.below(256)).min(other.len());
            input.splice(at.., other[from..end].iter().copied());
        }
        _ => {
            let from = dice.below(other.len());
            let end = (from + 1 + dice.below(64)).min(other.len());
            input.splice(at..at, other[from..end].iter().copied());
        }
    }
}
