//! The Lua scripts: one atomic step each. They are called by digest; a server that does not know one yet gets its text.

use redis::Script as Digested;
use std::sync::LazyLock;

/// A script and its digest.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) digest: String,
}

impl Script {
    fn new(text: &'static str) -> Self {
        Self { text, digest: Digested::new(text).get_hash().to_owned() }
    }
}

macro_rules! scripts {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));)*
    };
}

scripts! {
    BAR = "lua/bar.lua";
    COMMIT = "lua/commit.lua";
    ERASE = "lua/erase.lua";
    FEED = "lua/feed.lua";
    FEED_AFTER = "lua/feed_after.lua";
    LOAD = "lua/load.lua";
    PEEK = "lua/peek.lua";
    QUOTA = "lua/quota.lua";
    RECENT = "lua/recent.lua";
    RECLAIM = "lua/reclaim.lua";
    RENEW = "lua/renew.lua";
    SETTING_ONCE = "lua/setting_once.lua";
    TAKE = "lua/take.lua";
}

/// One invocation of a script.
#[derive(Debug)]
pub(super) struct Call {
    script: &'static Script,
    keys: Vec<String>,
    arguments: Vec<Vec<u8>>,
}

impl Call {
    pub(super) fn new(script: &'static Script, keys: Vec<String>) -> Self {
        Self { script, keys, arguments: Vec::new() }
    }

    #[must_use]
    pub(super) fn arg(mut self, argument: impl AsRef<[u8]>) -> Self {
        self.arguments.push(argument.as_ref().to_vec());
        self
    }

    #[must_use]
    pub(super) fn number(self, argument: impl Into<i128>) -> Self {
        self.arg(argument.into().to_string())
    }

    /// The call by digest.
    pub(super) fn by_digest(&self) -> redis::Cmd {
        self.command("EVALSHA", &self.script.digest)
    }

    /// The call with the whole text, which the server then remembers. In a cluster it reaches the very node that did
    /// not know the digest, where a separate load might not.
    pub(super) fn by_text(&self) -> redis::Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, verb: &str, script: &str) -> redis::Cmd {
        let size = script.len() + self.arguments.iter().map(Vec::len).sum::<usize>() + 64 * self.keys.len() + 64;
        let mut command = redis::Cmd::with_capacity(3 + self.keys.len() + self.arguments.len(), size);
        command.arg(verb).arg(script).arg(self.keys.len()).arg(&self.keys[..]);
        for argument in &self.arguments {
            command.arg(&argument[..]);
        }
        command
    }
}
