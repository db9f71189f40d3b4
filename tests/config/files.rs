//! Settings that stand in files: which file is read, and what is said about one that is wrong.

use super::{load, said};
use frontdesk::config::{Config, Sources};
use secrecy::ExposeSecret;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

#[test]
fn the_file_can_be_named_by_the_environment_and_must_then_exist() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("desk.toml");
    fs::write(&file, "[desk]\nsite_name = \"Named\"\n").unwrap();
    let config = load(&[("FRONTDESK_CONFIG", file.to_str().unwrap())]).unwrap();
    assert_eq!(config.desk.site_name, "Named");
    let problems = load(&[("FRONTDESK_CONFIG", "/nowhere/desk.toml")]).unwrap_err();
    assert!(said(&problems).contains("/nowhere/desk.toml cannot be read"), "{}", said(&problems));
}

#[test]
fn secrets_can_stand_in_files_of_their_own() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("key");
    fs::write(&path, "sk-from-file\n").unwrap();
    let name = path.to_str().unwrap();
    let config = load(&[("OPENAI_API_KEY_FILE", name)]).unwrap();
    assert_eq!(config.model.api_key.unwrap().expose_secret(), "sk-from-file");
    let problems = load(&[("OPENAI_API_KEY_FILE", "/nowhere/key")]).unwrap_err();
    assert!(said(&problems).contains("OPENAI_API_KEY_FILE names a file that cannot be read"), "{}", said(&problems));
    assert!(load(&[("OPENAI_API_KEY_FILE", name), ("OPENAI_API_KEY", "another")]).is_err());
    assert!(load(&[("FRONTDESK__MODEL__API_KEY_FILE", name)]).is_ok());
}

#[test]
fn unknown_keys_of_a_file_are_all_named_and_syntax_errors_do_not_quote_secrets() {
    let dir = TempDir::new().unwrap();
    let file = |text: &str| -> Sources {
        let path: PathBuf = dir.path().join("desk.toml");
        fs::write(&path, text).unwrap();
        Sources { file: Some(path), ..Sources::default() }
    };
    let problems = Config::load(&file("colour = 1\n[modle]\nname = \"x\"\n[model]\nnaem = \"y\"\n")).unwrap_err();
    assert_eq!(problems.len(), 3, "{}", said(&problems));
    assert!(said(&problems).contains("write model.name"), "{}", said(&problems));
    let problems = Config::load(&file("[model]\napi_key = \"sk-very-secret\nname = 1\n")).unwrap_err();
    assert!(said(&problems).contains("line 2") && !said(&problems).contains("sk-very"), "{}", said(&problems));
    let problems = Config::load(&file("[model]\napi_key = \"sk-\\u0007very\"\n")).unwrap_err();
    assert!(said(&problems).contains("control character") && !said(&problems).contains("very"), "{}", said(&problems));
}

#[test]
fn a_bad_dotenv_line_is_not_quoted_and_misspelt_names_are_noticed() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join(".env");
    let sources = Sources { dotenv: Some(path.clone()), ..Sources::default() };
    fs::write(&path, "SENDER_PASSWORD=abcd efgh\n").unwrap();
    let problems = Config::load(&sources).unwrap_err();
    assert!(said(&problems).contains("single quotes") && !said(&problems).contains("efgh"), "{}", said(&problems));
    fs::write(&path, "OPENAI_MODLE=x\nPOSTGRES_PASSWORD=y\n").unwrap();
    let config = Config::load(&sources).unwrap();
    assert!(
        config.warnings.iter().any(|warning| warning.contains("did you mean OPENAI_MODEL")),
        "{:?}",
        config.warnings
    );
    assert!(!config.warnings.iter().any(|warning| warning.contains("POSTGRES")), "{:?}", config.warnings);
}
