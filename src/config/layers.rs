//! Reads the layers, from the weakest to the strongest, and merges them. Every value is checked where it is read, so
//! that a complaint can name the file or the variable; nothing stops at the first complaint.

use crate::config::keys::{FILE_VARIABLE, GENERIC_PREFIX, KEYS, Key, Kind};
use crate::config::provenance::{Origin, Provenance};
use crate::config::{Config, DEFAULTS, Problem, value};
use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a command must know that asks the running daemon.
const TO_ASK: [&str; 4] = ["LISTEN_ADDR", "ADMIN_TOKEN", "ADMIN_TOKEN_FILE", "DATA_DIR"];

/// Where settings are read from. A value, so that tests need no process of their own.
#[derive(Clone, Default)]
pub struct Sources {
    /// The operator's file. If absent, the one that `FRONTDESK_CONFIG` names, if any.
    pub file: Option<PathBuf>,
    /// A file of variables, read if it exists. It never overrides the environment.
    pub dotenv: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

impl std::fmt::Debug for Sources {
    /// Shows no variables: they hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).field("dotenv", &self.dotenv).finish_non_exhaustive()
    }
}

impl Sources {
    /// Returns this process's sources: `--config`, `.env` in the working directory, and the environment.
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
            .collect();
        Self { file, dotenv: Some(PathBuf::from(".env")), environment }
    }

    /// Returns sources that consist of these variables only.
    pub fn of_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { environment: owned.collect(), ..Self::default() }
    }
}

impl Config {
    /// Reads all layers and checks the result.
    ///
    /// # Errors
    /// Everything that must be changed before the desk can start, all at once.
    pub fn load(sources: &Sources) -> Result<Config, Vec<Problem>> {
        Layers::of(sources).finish()
    }

    /// Reads all layers for a command that only asks the running daemon: where it is and how it is asked must be right, the
    /// rest of the settings is the daemon's. An emergency stop must not fail because a mail server is not named.
    ///
    /// # Errors
    /// What is wrong with the settings that say where the daemon is.
    pub fn load_to_ask(sources: &Sources) -> Result<Config, Vec<Problem>> {
        let mut layers = Layers::of(sources);
        let file = layers.file.as_ref().map(|path| path.display().to_string());
        layers
            .problems
            .retain(|problem| TO_ASK.contains(&problem.setting.as_str()) || file.as_ref() == Some(&problem.setting));
        match layers.merge()? {
            (config, problems) if problems.is_empty() => Ok(config),
            (_, problems) => Err(problems),
        }
    }
}

impl Layers {
    fn of(sources: &Sources) -> Self {
        let mut layers = Layers::default();
        layers.read_file_text(DEFAULTS, &Origin::Default);
        let dotenv = layers.read_dotenv(sources.dotenv.as_deref());
        if let Some(path) = named_file(sources, &dotenv) {
            layers.read_file(&path);
            layers.file = Some(path);
        }
        layers.read_variables(&dotenv, Origin::Dotenv);
        layers.warn_of_strangers(&dotenv);
        layers.read_variables(&sources.environment, Origin::Environment);
        layers.find_dead_names(&[&dotenv, &sources.environment]);
        layers
    }
}

fn named_file(sources: &Sources, dotenv: &BTreeMap<String, String>) -> Option<PathBuf> {
    let named = |variables: &BTreeMap<String, String>| {
        variables.get(FILE_VARIABLE).filter(|path| !path.trim().is_empty()).map(PathBuf::from)
    };
    sources.file.clone().or_else(|| named(&sources.environment)).or_else(|| named(dotenv))
}

/// The layers read so far, merged.
#[derive(Default)]
struct Layers {
    merged: BTreeMap<&'static str, Value>,
    provenance: Provenance,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// The operator's file, where there is one.
    file: Option<PathBuf>,
}

impl Layers {
    fn read_file(&mut self, path: &Path) {
        match std::fs::read_to_string(path) {
            Ok(text) => self.read_file_text(&text, &Origin::File(path.to_owned())),
            Err(error) => self.problems.push(Problem::new(
                path.display().to_string(),
                format!("cannot be read: {error}"),
                format!("correct --config or {FILE_VARIABLE}, or the permissions of the file"),
            )),
        }
    }

    fn read_file_text(&mut self, text: &str, origin: &Origin) {
        let sections: Dict = match Figment::from(Toml::string(text)).extract() {
            Ok(sections) => sections,
            Err(error) => {
                let what = format!("is not valid TOML: {}", without_quotation(&error.to_string()));
                self.problems.push(Problem::new(origin.to_string(), what, "correct the file"));
                return;
            }
        };
        for (section, content) in sections {
            let Value::Dict(_, keys) = content else {
                self.complain_unknown(&section, origin);
                continue;
            };
            for (name, value) in keys {
                let path = format!("{section}.{name}");
                match Key::find(&path) {
                    Some(key) => {
                        let text = value::text_of(&value);
                        self.set(key, text, origin.clone(), &format!("{path} ({origin})"));
                    }
                    None => self.complain_unknown(&path, origin),
                }
            }
        }
    }

    fn complain_unknown(&mut self, path: &str, origin: &Origin) {
        let fix = match nearest(path, KEYS.iter().map(|key| key.path.to_owned())) {
            Some(near) => format!("write {near}, or remove it"),
            None => "remove it; `config/frontdesk.toml` lists every key".to_owned(),
        };
        self.problems.push(Problem::new(format!("{path} ({origin})"), "is not a setting", fix));
    }

    fn read_dotenv(&mut self, path: Option<&Path>) -> BTreeMap<String, String> {
        let Some(path) = path.filter(|path| path.exists()) else { return BTreeMap::new() };
        let mut variables = BTreeMap::new();
        let lines = match dotenvy::from_path_iter(path) {
            Ok(lines) => lines,
            Err(error) => {
                self.problems.push(unreadable_dotenv(path, &error));
                return variables;
            }
        };
        for line in lines {
            match line {
                Ok((name, value)) => drop(variables.insert(name, value)),
                Err(error) => {
                    self.problems.push(unreadable_dotenv(path, &error));
                    // An I/O error (a directory, bad UTF-8) repeats for ever.
                    if !matches!(error, dotenvy::Error::LineParse(..)) {
                        break;
                    }
                }
            }
        }
        variables
    }

    fn read_variables(&mut self, variables: &BTreeMap<String, String>, origin: fn(String) -> Origin) {
        let mut generic: Vec<&String> = variables.keys().filter(|name| name.starts_with(GENERIC_PREFIX)).collect();
        for key in KEYS {
            let names = key.names.iter().map(|name| (*name).to_owned()).chain([key.generic_name()]);
            let names: Vec<String> = names.flat_map(|name| spellings(key.kind, name)).collect();
            generic.retain(|name| !names.contains(name));
            let given: Vec<(&String, &String)> = names
                .iter()
                .filter_map(|name| variables.get_key_value(name))
                .filter(|(_, value)| !value.trim().is_empty())
                .collect();
            self.read_key(key, &given, origin);
        }
        for name in generic {
            let fix = match nearest(name, KEYS.iter().map(Key::generic_name)) {
                Some(near) => format!("write {near}, or remove it"),
                None => "remove it; `config/frontdesk.toml` lists every key".to_owned(),
            };
            self.problems.push(Problem::new(name.clone(), "is not a setting", fix));
        }
    }

    fn read_key(&mut self, key: &'static Key, given: &[(&String, &String)], origin: fn(String) -> Origin) {
        let [(name, value), others @ ..] = given else { return };
        if let Some((other, _)) = others.iter().find(|(_, other)| other.trim() != value.trim()) {
            self.provenance.broken.insert(key.path);
            let what = format!("and {other} are both set, to different values");
            self.problems.push(Problem::new(name.as_str(), what, "keep one of them"));
            return;
        }
        let text = if key.kind.is_secret() && name.ends_with("_FILE") {
            std::fs::read_to_string(value.trim()).map_err(|error| format!("names a file that cannot be read: {error}"))
        } else {
            Ok((*value).clone())
        };
        self.set(key, text, origin((*name).clone()), name);
    }

    /// Takes one value. Empty means that it is not set in this layer.
    fn set(&mut self, key: &'static Key, text: Result<String, String>, origin: Origin, setting: &str) {
        if text.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            return;
        }
        match text.and_then(|text| value::read(key.kind, &text)) {
            Ok(typed) => {
                self.merged.insert(key.path, typed.value);
                self.provenance.broken.remove(key.path);
                self.provenance.shown.insert(key.path, (typed.shown, origin));
            }
            Err(what) => {
                self.provenance.broken.insert(key.path);
                let fix = format!("correct {}, or remove it", key.name());
                self.problems.push(Problem::new(setting, what, fix));
            }
        }
    }

    /// Variables of other programs may stand in `.env` too (Compose reads it), so a stranger is only worth a word if it
    /// looks like a misspelt setting.
    fn warn_of_strangers(&mut self, dotenv: &BTreeMap<String, String>) {
        let known: Vec<String> = KEYS
            .iter()
            .flat_map(|key| key.names.iter().flat_map(|name| spellings(key.kind, (*name).to_owned())))
            .chain([FILE_VARIABLE.to_owned()])
            .collect();
        for name in dotenv.keys().filter(|name| !name.starts_with(GENERIC_PREFIX) && !known.contains(name)) {
            if let Some(near) = nearest(name, known.iter().cloned()) {
                self.warnings.push(format!("{name} in .env is not a setting; did you mean {near}?"));
            }
        }
    }

    fn find_dead_names(&mut self, layers: &[&BTreeMap<String, String>]) {
        for name in ["OPENAI_ASSISTANT_ID", "ASSISTANT_ID"] {
            if layers.iter().any(|layer| layer.get(name).is_some_and(|value| !value.trim().is_empty())) {
                self.problems.push(Problem::new(
                    name,
                    "names an OpenAI Assistant, but the Assistants API ended on 2026-08-26",
                    "remove it, put the assistant's instructions into a text file and name that file in PROMPT_FILE",
                ));
            }
        }
    }

    fn finish(self) -> Result<Config, Vec<Problem>> {
        let (mut config, problems) = self.merge()?;
        let review = config.validate();
        if !problems.is_empty() || !review.problems.is_empty() {
            return Err([problems, review.problems].concat());
        }
        config.warnings.extend(review.warnings);
        Ok(config)
    }

    /// Merges the layers. Returns the settings, not yet examined as a whole, and what is wrong with single ones.
    fn merge(mut self) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
        let figment = self
            .merged
            .into_iter()
            .fold(Figment::new(), |figment, (path, value)| figment.merge(Serialized::default(path, value)));
        let mut config: Config = match figment.extract() {
            Ok(config) => config,
            Err(errors) => {
                // Every value was checked above; what is left is a key with a bad value and no default to fall back on.
                let rest = errors.into_iter().map(|error| {
                    Problem::new(error.path.join("."), format!("cannot be used: {}", error.kind), "correct it")
                });
                self.problems.extend(rest);
                return Err(self.problems);
            }
        };
        (config.provenance, config.warnings) = (self.provenance, self.warnings);
        Ok((config, self.problems))
    }
}

/// Returns the names under which a key of this kind may be given, when it is called `name`.
fn spellings(kind: Kind, name: String) -> Vec<String> {
    if kind.is_secret() { vec![name.clone(), format!("{name}_FILE")] } else { vec![name] }
}

/// The parser quotes the offending line, which may hold a secret: only the place and the reason are passed on.
fn without_quotation(text: &str) -> String {
    let quoted = |line: &&str| line.trim_start().starts_with(|start: char| start == '|' || start.is_ascii_digit());
    let kept: Vec<&str> =
        text.lines().filter(|line| !quoted(line)).map(str::trim).filter(|line| !line.is_empty()).collect();
    kept.join(": ")
}

fn unreadable_dotenv(path: &Path, error: &dotenvy::Error) -> Problem {
    // The error of a bad line quotes the line, and the line may hold a secret.
    let what = if let dotenvy::Error::Io(error) = error {
        format!("cannot be read: {error}")
    } else {
        "has a line that is not NAME=value".to_owned()
    };
    Problem::new(path.display().to_string(), what, "put values with spaces, # or $ between single quotes")
}

fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let close = |candidate: &String| strsim::normalized_damerau_levenshtein(name, candidate);
    candidates
        .map(|candidate| (close(&candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}
