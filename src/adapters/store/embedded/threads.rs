//! The two threads that own the database: one writes in groups, one reads.
//!
//! Many callers' writes share one transaction and one sync of the disk, each in its own savepoint, so that the failure
//! of one does not touch the others. Nobody is answered before COMMIT has returned, and who erases not before the log,
//! which still holds the words, has been emptied.

use super::generation::Generation;
use super::schema;
use frontdesk_actors::ports::{PortError, PortErrorKind};
use frontdesk_actors::time::Clock;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::fmt;
use std::fs::File;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How many writes share a transaction at most.
const GROUP: usize = 256;

/// How often expired rows are thrown away, and the log is emptied of what was.
const SWEEP: Duration = Duration::from_secs(60);

/// What happens when it is not known what is on the disk. It should not return.
#[derive(Clone)]
pub struct Fatal(Arc<dyn Fn(&str) + Send + Sync>);

impl Fatal {
    /// Makes a hook for tests and for programs that end themselves in their own way.
    pub fn new(hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }
}

impl Default for Fatal {
    /// Writes an error line and aborts: after a failed sync the kernel may have dropped the pages, so only a new
    /// process, reading the file again, knows the truth.
    fn default() -> Self {
        Self::new(|what| {
            tracing::error!(what, "the disk failed; ending the process so that it starts over from what is stored");
            std::process::abort();
        })
    }
}

impl fmt::Debug for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fatal")
    }
}

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    #[error("SQLite refused it: {}", advice(.0))]
    NotWritten(#[source] Arc<rusqlite::Error>),
    #[error("SQLite failed while committing; it may be on disk or not")]
    Unknown(#[source] Arc<rusqlite::Error>),
    #[error("the database is closed")]
    Stopped,
}

fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full, free some space where DATA_DIR is",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds the file",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => "the file is damaged, restore a backup",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "check the owner and the rights of DATA_DIR"
        }
        _ => "see the cause",
    }
}

impl Failure {
    pub(super) fn during(self, operation: &str) -> PortError {
        let kind = match &self {
            Failure::Unknown(_) | Failure::Stopped => PortErrorKind::Transient,
            Failure::NotWritten(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    PortErrorKind::Transient
                }
                _ => PortErrorKind::Broken,
            },
        };
        PortError::new(kind, operation).because(self)
    }
}

/// One caller's work inside a shared transaction.
trait Job: Send {
    /// Runs the work in its own savepoint.
    fn run(&mut self, transaction: &mut Transaction<'_>, now: i64);
    /// Returns whether nothing of what it deleted may stay readable in the files once the caller is answered.
    fn erases(&self) -> bool;
    /// Answers the caller, once it is known what became of the transaction.
    fn settle(self: Box<Self>, fate: &Result<(), Failure>);
}

struct Write<T, W> {
    work: Option<W>,
    result: Option<rusqlite::Result<T>>,
    erases: bool,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<T: Send, W: FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send> Job for Write<T, W> {
    fn run(&mut self, transaction: &mut Transaction<'_>, now: i64) {
        // Nobody waits for the outcome any more: better not to write than to write unseen.
        if self.reply.is_closed() {
            return;
        }
        let Some(work) = self.work.take() else { return };
        self.result = Some(transaction.savepoint().and_then(|savepoint| {
            let done = work(&savepoint, now)?;
            savepoint.commit()?;
            Ok(done)
        }));
    }

    fn erases(&self) -> bool {
        self.erases
    }

    fn settle(self: Box<Self>, fate: &Result<(), Failure>) {
        let answer = match (self.result, fate) {
            (Some(Err(error)), _) => Err(Failure::NotWritten(Arc::new(error))),
            (_, Err(failure)) => Err(failure.clone()),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (None, Ok(())) => Err(Failure::Stopped),
        };
        // The caller may have given up waiting.
        let _ = self.reply.send(answer);
    }
}

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer(Thread<Box<dyn Job>>);

impl Writer {
    pub(super) fn start(
        (db, generation): (Connection, Generation),
        lock: File,
        clock: Arc<dyn Clock>,
        fatal: Fatal,
    ) -> std::io::Result<Self> {
        Thread::start("store-writer", move |jobs| {
            let _watch = PanicWatch(fatal.clone());
            write_all(db, generation, &jobs, clock.as_ref(), &fatal);
            // The connection is closed by now; only then may another process have the directory.
            drop(lock);
        })
        .map(Self)
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.send(work, false).await
    }

    /// Writes, and empties the log before it answers: what was deleted stands in no file any more.
    pub(super) async fn erase<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.send(work, true).await
    }

    async fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
        erases: bool,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Box::new(Write { work: Some(work), result: None, erases, reply }))?;
        answer.await.unwrap_or(Err(Failure::Stopped))
    }

    pub(super) fn is_running(&self) -> bool {
        self.0.is_running()
    }
}

fn write_all(
    mut db: Connection,
    mut generation: Generation,
    jobs: &mpsc::Receiver<Box<dyn Job>>,
    clock: &dyn Clock,
    fatal: &Fatal,
) {
    let mut swept: Option<Instant> = None;
    loop {
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            let mut done = schema::sweep(&mut db, clock.now().as_millis());
            // The start has begun a generation of its own: nobody's first write waits for another sync.
            if swept.is_some() {
                done = done.and_then(|()| generation.advance(&db)).and_then(|()| schema::empty_log(&db).map(drop));
            }
            match done {
                Ok(()) => {}
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) => {
                    return (fatal.0)(&error.to_string());
                }
                // What expired is invisible already; throwing it away can wait for the next sweep, and so can the log.
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "expired rows could not be deleted");
                }
            }
            swept = Some(Instant::now());
        }
        let first = match jobs.recv_timeout(SWEEP) {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut group = vec![first];
        group.extend(jobs.try_iter().take(GROUP - 1));
        if write_group(&mut db, group, clock.now().as_millis(), fatal).is_break() {
            return;
        }
    }
}

fn write_group(db: &mut Connection, mut group: Vec<Box<dyn Job>>, now: i64, fatal: &Fatal) -> ControlFlow<()> {
    let mut transaction = match db.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => return settle(group, &Err(Failure::NotWritten(Arc::new(error)))),
    };
    for job in &mut group {
        job.run(&mut transaction, now);
        if transaction.is_autocommit() {
            // SQLite has rolled the whole transaction back by itself, and none of it is on disk.
            drop(transaction);
            let lost = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT), None);
            return settle(group, &Err(Failure::NotWritten(Arc::new(lost))));
        }
    }
    match transaction.commit() {
        Ok(()) => {
            let (erasing, others): (Vec<_>, Vec<_>) = group.into_iter().partition(|job| job.erases());
            // Nobody else waits for it.
            let _ = settle(others, &Ok(()));
            if !erasing.is_empty() {
                forget_log(db);
            }
            settle(erasing, &Ok(()))
        }
        // The log could not grow, so the end of the transaction was never written, and it has been rolled back.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            settle(group, &Err(Failure::NotWritten(Arc::new(error))))
        }
        Err(error) => {
            (fatal.0)(&error.to_string());
            let _ = settle(group, &Err(Failure::Unknown(Arc::new(error))));
            ControlFlow::Break(())
        }
    }
}

/// Empties the log after an erasure. The erasure itself is on disk, and the next sweep tries again.
fn forget_log(db: &Connection) {
    match schema::empty_log(db) {
        Ok(true) => {}
        Ok(false) => tracing::warn!(
            "somebody reads the database (a backup, the sqlite3 shell): what was erased leaves its log once they have ended"
        ),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the database's log could not be emptied; it is tried again"
            );
        }
    }
}

fn settle(group: Vec<Box<dyn Job>>, fate: &Result<(), Failure>) -> ControlFlow<()> {
    for job in group {
        job.settle(fate);
    }
    ControlFlow::Continue(())
}

/// Ends the process if the writer panics: nothing could be stored any more, and nobody would be told.
struct PanicWatch(Fatal);

impl Drop for PanicWatch {
    fn drop(&mut self) {
        if thread::panicking() {
            (self.0.0)("the store's writer panicked");
        }
    }
}

type Question = Box<dyn FnOnce(&Connection, i64) + Send>;

/// The thread that reads.
#[derive(Debug)]
pub(super) struct Reader(Thread<Question>);

impl Reader {
    pub(super) fn start(db: Connection, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        Thread::start("store-reader", move |questions: mpsc::Receiver<Question>| {
            for question in questions {
                question(&db, clock.now().as_millis());
            }
        })
        .map(Self)
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Box::new(move |db, now| {
            let found = work(db, now).map_err(|error| Failure::NotWritten(Arc::new(error)));
            // The caller may have given up waiting.
            let _ = reply.send(found);
        }))?;
        answer.await.unwrap_or(Err(Failure::Stopped))
    }
}

/// A thread with a queue. Dropping it lets the thread finish the queue and waits for it.
struct Thread<J> {
    queue: Option<mpsc::Sender<J>>,
    handle: Option<JoinHandle<()>>,
}

impl<J> fmt::Debug for Thread<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").finish_non_exhaustive()
    }
}

impl<J: Send + 'static> Thread<J> {
    fn start(name: &str, body: impl FnOnce(mpsc::Receiver<J>) + Send + 'static) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let handle = thread::Builder::new().name(name.to_owned()).spawn(move || body(jobs))?;
        Ok(Self { queue: Some(queue), handle: Some(handle) })
    }

    fn send(&self, job: J) -> Result<(), Failure> {
        let queue = self.queue.as_ref().ok_or(Failure::Stopped)?;
        queue.send(job).map_err(|_| Failure::Stopped)
    }

    fn is_running(&self) -> bool {
        self.handle.as_ref().is_some_and(|handle| !handle.is_finished())
    }
}

impl<J> Drop for Thread<J> {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(handle) = self.handle.take() {
            // A panic of the thread was told by its own watch.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests;
