//! The Lua scripts: one atomic step each. They are called by digest; a server that does not know one yet gets its text.

use redis::{Arg, Cmd, Script as Digested, ToRedisArgs};
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
    BLOCK = "lua/block.lua";
    COMMIT = "lua/commit.lua";
    ERASE = "lua/erase.lua";
    ERASE_TRACES = "lua/erase_traces.lua";
    FEED = "lua/feed.lua";
    FEED_AFTER = "lua/feed_after.lua";
    LOAD = "lua/load.lua";
    PARK = "lua/park.lua";
    PARKED_KEYS = "lua/parked_keys.lua";
    PEEK = "lua/peek.lua";
    QUOTA = "lua/quota.lua";
    RECENT = "lua/recent.lua";
    RECLAIM = "lua/reclaim.lua";
    RENEW = "lua/renew.lua";
    SCAN = "lua/scan.lua";
    SETTING_ONCE = "lua/setting_once.lua";
    TAKE = "lua/take.lua";
    UNPARK = "lua/unpark.lua";
}

/// Room for the keys and short arguments of a call.
const ROOM: usize = 1024;

/// How many arguments a call has room for at first: a commit with two pieces of memory and three entries.
const ARGUMENTS: usize = 24;

/// One invocation of a script.
#[derive(Debug)]
pub(super) struct Call {
    script: &'static Script,
    command: Cmd,
}

impl Call {
    pub(super) fn new(script: &'static Script, keys: Vec<String>) -> Self {
        Self::with_room(script, keys, 0)
    }

    /// Makes room for arguments of this length together, beside short ones, so that none is moved while they are added.
    pub(super) fn with_room(script: &'static Script, keys: Vec<String>, length: usize) -> Self {
        let mut command = Cmd::with_capacity(3 + keys.len() + ARGUMENTS, ROOM + length);
        command.arg("EVALSHA").arg(&script.digest).arg(keys.len()).arg(keys);
        Self { script, command }
    }

    #[must_use]
    pub(super) fn arg(mut self, argument: impl AsRef<[u8]>) -> Self {
        self.command.arg(argument.as_ref());
        self
    }

    #[must_use]
    pub(super) fn number(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// The call by digest.
    pub(super) fn by_digest(&self) -> &Cmd {
        &self.command
    }

    /// The call with the whole text, which the server then remembers. In a cluster it reaches the very node that did
    /// not know the digest, where a separate load might not.
    pub(super) fn by_text(&self) -> Cmd {
        let mut command = Cmd::new();
        command.arg("EVAL").arg(self.script.text);
        for argument in self.command.args_iter().skip(2) {
            // A call has no cursor: it is not a scan.
            if let Arg::Simple(argument) = argument {
                command.arg(argument);
            }
        }
        command
    }
}
