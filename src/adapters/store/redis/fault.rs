//! What a failure of Redis means: whether something may have been written, whether it is worth trying again, and what
//! the operator should do.

use frontdesk_actors::ports::{PortError, PortErrorKind};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Whether a failed call may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// Redis refused it, or it was never sent.
    No,
    /// It was sent and no answer came. A response time-out does not cancel a script.
    Maybe,
}

/// A failed call.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) written: Written,
    pub(super) cause: Cause,
}

/// What is wrong with Redis, with the operator's next step.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Cause {
    #[error("Redis cannot be reached: check that it runs, that REDIS_URL names it, and for rediss:// its certificate")]
    Unreachable(#[source] RedisError),
    #[error(
        "the certificate of Redis is not accepted: give REDIS_CA_FILE the authority that signed it, and REDIS_URL the \
         host name that stands in it"
    )]
    Certificate(#[source] RedisError),
    #[error("Redis did not accept a connection in time: check that it is not stopped or overloaded")]
    ConnectTimeout,
    #[error("Redis did not answer in time: check its load and its disk")]
    NoAnswer(#[source] RedisError),
    #[error("the connection to Redis was cut while a command was on its way")]
    Cut(#[source] RedisError),
    #[error("Redis is out of memory: raise maxmemory or free some, and keep the policy noeviction")]
    OutOfMemory(#[source] RedisError),
    #[error("this Redis is a read-only replica: point REDIS_URL at the master")]
    ReadOnly(#[source] RedisError),
    #[error("Redis refuses writes because it cannot persist them, or has too few replicas: see its log")]
    NotDurable(#[source] RedisError),
    #[error("Redis is not ready: it loads its data, or the cluster is not complete")]
    NotReady(#[source] RedisError),
    #[error("this Redis is part of a cluster: write REDIS_URL as redis+cluster://… or rediss+cluster://…")]
    IsCluster(#[source] RedisError),
    #[error("Redis refuses the password or the user's rights: check REDIS_URL and the ACL")]
    Denied(#[source] RedisError),
    #[error("Redis answered with an error")]
    Refused(#[source] RedisError),
    #[error("the answer of Redis makes no sense")]
    Garbled(#[source] RedisError),
    #[error("the data in this Redis is not for this frontdesk ({0}): use another database, server or key prefix")]
    Foreign(String),
}

impl Fault {
    /// Reads an error of a command that was handed to a connection.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum is open")]
    pub(super) fn sent(error: RedisError, is_cluster: bool) -> Self {
        let (written, cause) = match error.kind() {
            ErrorKind::Io => io(error),
            ErrorKind::Server(kind) => (Written::No, server(kind, error, is_cluster)),
            ErrorKind::Extension => (Written::No, extension(error)),
            ErrorKind::AuthenticationFailed => (Written::No, Cause::Denied(error)),
            ErrorKind::ClusterConnectionNotFound => (Written::No, Cause::Unreachable(error)),
            ErrorKind::InvalidClientConfig | ErrorKind::Client | ErrorKind::RESP3NotSupported => {
                (Written::No, Cause::Refused(error))
            }
            // What is not known to be harmless may have been written.
            _ => (Written::Maybe, Cause::Garbled(error)),
        };
        Self { written, cause }
    }

    /// Reads an error of the attempt to connect: nothing of the caller's was sent.
    pub(super) fn connecting(error: RedisError, is_cluster: bool) -> Self {
        let cause = match Self::sent(error, is_cluster).cause {
            Cause::NoAnswer(_) => Cause::ConnectTimeout,
            Cause::Cut(error) => Cause::Unreachable(error),
            cause @ (Cause::Unreachable(_)
            | Cause::Certificate(_)
            | Cause::ConnectTimeout
            | Cause::OutOfMemory(_)
            | Cause::ReadOnly(_)
            | Cause::NotDurable(_)
            | Cause::NotReady(_)
            | Cause::IsCluster(_)
            | Cause::Denied(_)
            | Cause::Refused(_)
            | Cause::Garbled(_)
            | Cause::Foreign(_)) => cause,
        };
        Self { written: Written::No, cause }
    }

    pub(super) fn unsent(cause: Cause) -> Self {
        Self { written: Written::No, cause }
    }

    /// Tells the engine.
    pub(super) fn during(self, operation: &str) -> PortError {
        PortError::new(self.cause.kind(), operation).because(self.cause)
    }

    /// Whether the connection is of no use any more. A connection that did not answer in time is replaced too: a peer
    /// that vanished without a word would otherwise be waited for until the kernel gives up. A cluster connection
    /// repairs itself node by node, and is replaced only when it has no node left: one stopped node must not take the
    /// others' shards with it.
    pub(super) fn ends_connection(&self, is_cluster: bool) -> bool {
        match &self.cause {
            Cause::Unreachable(error) if is_cluster => error.kind() == ErrorKind::ClusterConnectionNotFound,
            _ if is_cluster => false,
            Cause::Unreachable(_)
            | Cause::Certificate(_)
            | Cause::ConnectTimeout
            | Cause::NoAnswer(_)
            | Cause::Cut(_)
            | Cause::Garbled(_) => true,
            // A failover leaves connections to a server that is no longer the master.
            Cause::ReadOnly(_) | Cause::Denied(_) => true,
            Cause::OutOfMemory(_)
            | Cause::NotDurable(_)
            | Cause::NotReady(_)
            | Cause::IsCluster(_)
            | Cause::Refused(_)
            | Cause::Foreign(_) => false,
        }
    }
}

impl Cause {
    fn kind(&self) -> PortErrorKind {
        match self {
            Cause::Unreachable(_)
            | Cause::Certificate(_)
            | Cause::ConnectTimeout
            | Cause::NoAnswer(_)
            | Cause::Cut(_)
            | Cause::OutOfMemory(_)
            | Cause::ReadOnly(_)
            | Cause::NotDurable(_)
            | Cause::NotReady(_) => PortErrorKind::Transient,
            Cause::IsCluster(_) | Cause::Foreign(_) => PortErrorKind::Rejected,
            Cause::Denied(_) => PortErrorKind::Forbidden,
            Cause::Refused(_) | Cause::Garbled(_) => PortErrorKind::Broken,
        }
    }
}

fn io(error: RedisError) -> (Written, Cause) {
    if error.to_string().contains("certificate") {
        (Written::No, Cause::Certificate(error))
    } else if error.is_connection_refusal() {
        (Written::No, Cause::Unreachable(error))
    } else if error.is_timeout() {
        (Written::Maybe, Cause::NoAnswer(error))
    } else {
        (Written::Maybe, Cause::Cut(error))
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the library's enum is open")]
fn server(kind: ServerErrorKind, error: RedisError, is_cluster: bool) -> Cause {
    match kind {
        ServerErrorKind::BusyLoading
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::TryAgain => Cause::NotReady(error),
        ServerErrorKind::Moved | ServerErrorKind::Ask if is_cluster => Cause::NotReady(error),
        ServerErrorKind::Moved | ServerErrorKind::Ask | ServerErrorKind::CrossSlot => Cause::IsCluster(error),
        ServerErrorKind::ReadOnly => Cause::ReadOnly(error),
        ServerErrorKind::NoPerm => Cause::Denied(error),
        // Redis before 7 reports the failure of a command inside a script as a plain error around the original one.
        _ => within_script(error),
    }
}

fn extension(error: RedisError) -> Cause {
    match error.code() {
        Some("OOM") => Cause::OutOfMemory(error),
        Some("MISCONF" | "NOREPLICAS") => Cause::NotDurable(error),
        Some("NOAUTH" | "WRONGPASS") => Cause::Denied(error),
        Some("BUSY") => Cause::NotReady(error),
        Some(_) | None => within_script(error),
    }
}

fn within_script(error: RedisError) -> Cause {
    let told = error.detail().unwrap_or_default();
    if told.contains("OOM command not allowed") {
        Cause::OutOfMemory(error)
    } else if told.contains("MISCONF") || told.contains("NOREPLICAS") {
        Cause::NotDurable(error)
    } else if told.contains("READONLY") {
        Cause::ReadOnly(error)
    } else {
        Cause::Refused(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn extension(code: &str) -> RedisError {
        redis::make_extension_error(code.to_owned(), Some("told".to_owned()))
    }

    #[test]
    fn only_what_was_sent_and_not_answered_may_have_been_written() {
        let maybe = [io::ErrorKind::TimedOut, io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        for kind in maybe {
            let fault = Fault::sent(RedisError::from(io::Error::from(kind)), false);
            assert_eq!(fault.written, Written::Maybe, "{kind:?}");
            assert_eq!(Fault::connecting(RedisError::from(io::Error::from(kind)), false).written, Written::No);
        }
        let refused = Fault::sent(RedisError::from(io::Error::from(io::ErrorKind::ConnectionRefused)), true);
        assert_eq!(refused.written, Written::No);
        for code in ["OOM", "MISCONF", "NOREPLICAS", "NOAUTH", "BUSY", "WRONGTYPE"] {
            assert_eq!(Fault::sent(extension(code), false).written, Written::No, "{code}");
        }
    }

    #[test]
    fn kinds_tell_whether_to_try_again() {
        let kind = |code: &str| Fault::sent(extension(code), false).during("try").kind;
        assert_eq!(kind("OOM"), PortErrorKind::Transient);
        assert_eq!(kind("MISCONF"), PortErrorKind::Transient);
        assert_eq!(kind("WRONGPASS"), PortErrorKind::Forbidden);
        assert_eq!(kind("WRONGTYPE"), PortErrorKind::Broken);
        let moved = || RedisError::from((ErrorKind::Server(ServerErrorKind::Moved), "moved"));
        assert_eq!(Fault::sent(moved(), false).during("try").kind, PortErrorKind::Rejected);
        assert_eq!(Fault::sent(moved(), true).during("try").kind, PortErrorKind::Transient);
    }
}
