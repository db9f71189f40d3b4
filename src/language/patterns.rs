//! Lists of patterns over words: read from text, found in messages.
//!
//! The syntax is described at the top of every file in `config/words`. Each distinct word or stem of a list is an atom; a
//! message's words are looked up once (exactly, and by each of their beginnings), and only patterns whose first step is
//! among the atoms found are tried. Nothing is compiled per message and no regular expression is involved.

use super::words::{Pause, Spelling, WordMap, WordSet, Words};

/// How many words `...` may stand for.
const GAP: usize = 4;

/// How many `...` one pattern may have: each multiplies the work by five, and messages come from strangers.
const GAPS: usize = 4;

/// How many words one pattern may have: more is a mistake in the list.
const STEPS: usize = 16;

/// A line of a list that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PatternError {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong with it and how to write it.
    pub what: &'static str,
}

/// A number that stands for one word or stem of a list.
type Atom = u32;

/// One word of a pattern.
struct Step {
    /// Up to [`GAP`] other words may stand before it.
    gap: bool,
    /// It is any of these.
    any_of: Vec<Atom>,
}

/// One line of a list.
struct Pattern {
    /// It says what is *not* meant.
    negative: bool,
    /// It holds only at the beginning of the message.
    first: bool,
    /// It holds only at the end of the message.
    last: bool,
    steps: Vec<Step>,
}

/// A list of patterns.
#[derive(Default)]
pub(super) struct Patterns {
    exact: WordMap<Atom>,
    stems: WordMap<Atom>,
    /// How long stems are, in bytes: shorter and longer beginnings need not be looked up.
    stem_lengths: Option<(usize, usize)>,
    /// The atom of `<n>`, if a pattern uses it.
    number: Option<Atom>,
    atoms: Atom,
    /// `^` and `$` mean a sentence rather than the whole message.
    by_sentence: bool,
    fillers: WordSet,
    patterns: Vec<Pattern>,
    /// For each atom, the patterns whose first step it satisfies.
    starting: Vec<Vec<usize>>,
}

/// The atoms of each word of one message.
struct Found<'a> {
    words: &'a Words,
    atoms: Vec<Atom>,
    ends: Vec<usize>,
}

impl Found<'_> {
    fn at(&self, word: usize) -> &[Atom] {
        let start = word.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.atoms[start..self.ends[word]]
    }
}

/// Where one pattern was found: the positions of its own words, without those that `...` stood for.
#[derive(Clone, Copy, Default)]
struct Hit {
    own: [u32; STEPS],
    len: usize,
}

impl Hit {
    fn own(&self) -> &[u32] {
        &self.own[..self.len]
    }
}

impl Patterns {
    /// Makes an empty list whose `^` and `$` mean any sentence of a message.
    pub(super) fn by_sentence() -> Self {
        Self { by_sentence: true, ..Self::default() }
    }

    /// Adds the lines of one list.
    ///
    /// # Errors
    /// [`PatternError`] for the first line that cannot be read.
    pub(super) fn add(&mut self, list: &str) -> Result<(), PatternError> {
        for (index, line) in list.lines().enumerate() {
            let line = line.trim();
            let read = match line.chars().next() {
                None | Some('#') => Ok(()),
                Some('~') => {
                    self.fillers.extend(folded(&line[1..]).into_iter().map(String::into_boxed_str));
                    Ok(())
                }
                Some('!') => self.add_pattern(&line[1..], true),
                Some(_) => self.add_pattern(line, false),
            };
            read.map_err(|what| PatternError { line: index + 1, what })?;
        }
        Ok(())
    }

    fn add_pattern(&mut self, line: &str, negative: bool) -> Result<(), &'static str> {
        let mut pattern = Pattern { negative, first: false, last: false, steps: Vec::new() };
        let mut gap = false;
        for (position, token) in line.split_whitespace().enumerate() {
            if pattern.last {
                return Err("$ stands only at the end of a pattern");
            }
            match token {
                "^" if position == 0 => pattern.first = true,
                "^" => return Err("^ stands only at the beginning of a pattern"),
                "$" => pattern.last = true,
                "..." => gap = true,
                word => {
                    let any_of = self.atoms_of(word)?;
                    pattern.steps.push(Step { gap: std::mem::take(&mut gap), any_of });
                }
            }
        }
        if pattern.steps.is_empty() || gap || pattern.steps.len() > STEPS {
            return Err("a pattern is one to sixteen words, and ... stands only between or before words");
        }
        if pattern.steps.iter().filter(|step| step.gap).count() > GAPS {
            return Err("a pattern has at most four ...; split it into several lines");
        }
        let index = self.patterns.len();
        self.starting.resize(self.atoms as usize, Vec::new());
        for atom in &pattern.steps[0].any_of {
            self.starting[*atom as usize].push(index);
        }
        self.patterns.push(pattern);
        Ok(())
    }

    /// Returns the atoms of `a|b*|<n>`, making new ones where needed.
    fn atoms_of(&mut self, token: &str) -> Result<Vec<Atom>, &'static str> {
        let mut atoms = Vec::new();
        for alternative in token.split('|') {
            let atom = if alternative == "<n>" {
                *self.number.get_or_insert_with(|| next(&mut self.atoms))
            } else {
                let (word, table) = match alternative.strip_suffix('*') {
                    Some(stem) => (stem, &mut self.stems),
                    None => (alternative, &mut self.exact),
                };
                let mut words = folded(word);
                let Some(word) = words.pop().filter(|_| words.is_empty()) else {
                    return Err(
                        "an alternative is one word without spaces, hyphens or signs; * stands only at its end",
                    );
                };
                if alternative.ends_with('*') {
                    let (shortest, longest) = self.stem_lengths.unwrap_or((word.len(), word.len()));
                    self.stem_lengths = Some((shortest.min(word.len()), longest.max(word.len())));
                }
                *table.entry(word.into_boxed_str()).or_insert_with(|| next(&mut self.atoms))
            };
            if !atoms.contains(&atom) {
                atoms.push(atom);
            }
        }
        Ok(atoms)
    }

    /// Returns whether the words match: some pattern is there, and a word of it lies outside every negative pattern.
    pub(super) fn matches(&self, words: &Words) -> bool {
        let found = self.find_atoms(words);
        let mut hits = Vec::new();
        self.each(&found, false, |hit| hits.push(hit));
        if hits.is_empty() {
            return false;
        }
        let mut covered = vec![false; words.len()];
        self.each(&found, true, |hit| {
            if let (Some(from), Some(to)) = (hit.own().first(), hit.own().last()) {
                covered[*from as usize..=*to as usize].fill(true);
            }
        });
        hits.iter().any(|hit| hit.own().iter().any(|at| !covered[*at as usize]))
    }

    fn find_atoms<'a>(&self, words: &'a Words) -> Found<'a> {
        let mut found = Found { words, atoms: Vec::new(), ends: Vec::with_capacity(words.len()) };
        // Without stems no beginning is long enough.
        let (shortest, longest) = self.stem_lengths.unwrap_or((usize::MAX, 0));
        for word in words.iter() {
            found.atoms.extend(self.exact.get(word));
            if let Some(number) = self.number
                && word.bytes().all(|byte| byte.is_ascii_digit())
            {
                found.atoms.push(number);
            }
            let ends = word.char_indices().map(|(at, letter)| at + letter.len_utf8());
            let ends = ends.take_while(|end| *end <= longest).filter(|end| *end >= shortest);
            let stems = ends.filter_map(|end| self.stems.get(&word[..end]));
            found.atoms.extend(stems);
            found.ends.push(found.atoms.len());
        }
        found
    }

    /// Calls `then` for every place where a pattern of one kind is found.
    fn each(&self, found: &Found<'_>, negative: bool, mut then: impl FnMut(Hit)) {
        for at in 0..found.words.len() {
            for atom in found.at(at) {
                for pattern in self.starting.get(*atom as usize).into_iter().flatten() {
                    let pattern = &self.patterns[*pattern];
                    let mut hit = Hit::default();
                    if pattern.negative == negative
                        && self.begins(found.words, pattern, at)
                        && self.follows(found, pattern, at, &mut hit)
                    {
                        then(hit);
                    }
                }
            }
        }
    }

    /// Returns whether a pattern that must stand first may begin at this word.
    fn begins(&self, words: &Words, pattern: &Pattern, at: usize) -> bool {
        let Some(first) = pattern.steps.first().filter(|_| pattern.first) else { return true };
        let mut gap = if first.gap { GAP } else { 0 };
        for before in (0..at).rev() {
            let parted = words.pause_before(before + 1) == Pause::Stop;
            if parted && self.by_sentence {
                return true;
            }
            // Words that `...` stands for lie directly before the first step, in the same sentence.
            gap = if parted { 0 } else { gap };
            if gap > 0 {
                gap -= 1;
            } else if !self.fillers.contains(words.get(before)) {
                return false;
            }
        }
        true
    }

    /// Returns whether nothing but fillers follows this word, in its sentence or in the message.
    fn ends(&self, words: &Words, at: usize) -> bool {
        let parted = |after: usize| self.by_sentence && words.pause_before(after) == Pause::Stop;
        (at + 1..words.len()).take_while(|after| !parted(*after)).all(|after| self.fillers.contains(words.get(after)))
    }

    /// Matches the step `hit.len` at this word and the rest after it.
    fn follows(&self, found: &Found<'_>, pattern: &Pattern, at: usize, hit: &mut Hit) -> bool {
        let Some(step) = pattern.steps.get(hit.len) else { return false };
        if at >= found.words.len() || !found.at(at).iter().any(|atom| step.any_of.contains(atom)) {
            return false;
        }
        hit.own[hit.len] = u32::try_from(at).unwrap_or(u32::MAX);
        hit.len += 1;
        let Some(next) = pattern.steps.get(hit.len) else {
            if !pattern.last || self.ends(found.words, at) {
                return true;
            }
            hit.len -= 1;
            return false;
        };
        let barrier = if pattern.negative { Pause::Comma } else { Pause::Stop };
        for ahead in at + 1..=at + 1 + if next.gap { GAP } else { 0 } {
            if found.words.pause_before(ahead) >= barrier {
                break;
            }
            if self.follows(found, pattern, ahead, hit) {
                return true;
            }
        }
        hit.len -= 1;
        false
    }
}

impl std::fmt::Debug for Patterns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Patterns").field("patterns", &self.patterns.len()).finish_non_exhaustive()
    }
}

/// Hands out the next atom.
fn next(atoms: &mut Atom) -> Atom {
    *atoms += 1;
    *atoms - 1
}

/// Returns the words of a piece of a list, spelled as those of messages are.
fn folded(text: &str) -> Vec<String> {
    Words::of(text, Spelling::Folded, usize::MAX).iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, text: &str) -> bool {
        let mut patterns = Patterns::default();
        patterns.add(list).unwrap();
        patterns.matches(&Words::of(text, Spelling::Folded, 1000))
    }

    #[test]
    fn words_stems_alternatives_and_gaps_are_found() {
        assert!(check("agent", "an Agent, please"));
        assert!(!check("agent", "agency"));
        assert!(check("ажилт*", "АЖИЛТАНТАЙ ярья"));
        assert!(check("speak|talk to ... person", "can I talk to a real person?"));
        assert!(!check("speak|talk to ... person", "talk to a very nice real other person"));
        assert!(!check("talk to ... person", "I want to talk to. A person said so"));
        assert!(check("<n> people", "we are 12 people"));
        assert!(!check("<n> people", "we are twelve people"));
    }

    #[test]
    fn a_match_counts_if_one_of_its_words_is_outside_every_negative() {
        let list = "agent\ntalk to ... agent\n! travel agent\n! no need ... agent";
        assert!(!check(list, "a travel agent"));
        assert!(check(list, "I talk to a travel agent"));
        assert!(check(list, "not a travel agent, an agent"));
        assert!(!check(list, "no need for an agent"));
        assert!(check(list, "no need to wait, agent"));
    }

    #[test]
    fn anchors_look_past_fillers() {
        let list = "^ human $\n^ ... know $\n~ please hello";
        assert!(check(list, "Hello! human, please"));
        assert!(!check(list, "human rights"));
        assert!(!check(list, "a human"));
        assert!(check(list, "hello, we do not know"));
        assert!(!check(list, "so we really and truly do not know"));
        assert!(!check(list, "Well. I do know"));
    }

    #[test]
    fn anchors_mean_a_sentence_where_the_list_says_so() {
        let mut patterns = Patterns::by_sentence();
        patterns.add("^ ... agent $\n~ please").unwrap();
        let check = |text| patterns.matches(&Words::of(text, Spelling::Folded, 1000));
        assert!(check("It does not work. Give me an agent, please. Now!"));
        assert!(!check("It does not work. Which agent dissolves it? Tell me."));
        assert!(!check("We sold it to our old agent."));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for list in [
            "# fine\na ^ b",
            "\n$ a",
            "\na ...",
            "\na|",
            "\n... a ... b ... c ... d ... e",
            "\nuser-agent",
            "\n!",
            "\na*b*",
        ] {
            let error = Patterns::default().add(list).unwrap_err();
            assert_eq!(error.line, 2, "{list}");
        }
    }
}
