//! What `frontdesk check-config` prints: every setting in force, and where it came from. Secrets are only counted.

use crate::config::Config;
use crate::config::keys::KEYS;
use crate::config::provenance::Origin;
use std::fmt::Write;

/// Returns the effective settings, masked, one per line, with the origin of each, and then the warnings.
pub fn check_config_report(config: &Config) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if of != section {
            section = of;
            let _ = writeln!(text, "[{section}]");
        }
        let shown = config.provenance.shown(key.path).unwrap_or("not set");
        let origin = config.provenance.origin(key.path).unwrap_or(&Origin::Default);
        let _ = writeln!(text, "  {name:<24} {shown:<32} {origin}");
    }
    let _ = writeln!(
        text,
        "\nmode: {}",
        if config.is_demo() { "demo (only this machine, no vendor's account): everything is open" } else { "service" }
    );
    for warning in &config.warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    text
}
