//! Commands that are given to a connection in the same moment leave it in one write.
//!
//! The library writes each command as soon as it is given one: its task runs next after whoever gave it. Under load that is
//! a system call, a timer and a wake-up of the server for every commit. Here a command waits until the tasks that
//! are ready have run, which may have something to send as well; nobody waits for a clock.

use futures::poll;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Arg, Cmd, Pipeline, RedisError, RedisResult, Value};
use std::io;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

/// How many bytes leave together, about: Redis reads as much of a connection at once. All are answered when the last is, so that
/// more would let the first wait for turns of the server that are not theirs.
const TOGETHER: usize = 16 * 1024;

/// How many commands may wait for the connection's task before callers wait themselves.
const QUEUE: usize = 1024;

/// The way to one server.
#[derive(Clone)]
pub(super) struct Wire(mpsc::Sender<Waiting>);

/// A command and who waits for its answer.
struct Waiting {
    command: Cmd,
    length: usize,
    answer: oneshot::Sender<RedisResult<Value>>,
}

impl Wire {
    /// Makes one of a connection. It ends with the last who can send over it.
    pub(super) fn over(connection: MultiplexedConnection) -> Self {
        let (sender, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(carry(connection, waiting));
        Self(sender)
    }

    /// Sends a command. An error of the server is a value here, as in every pipeline.
    ///
    /// # Errors
    /// The connection's error; the command may have been executed.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { command: command.clone(), length: length(command), answer };
        self.0.send(waiting).await.map_err(|_| cut_off())?;
        answered.await.map_err(|_| cut_off())?
    }
}

fn length(command: &Cmd) -> usize {
    command.args_iter().map(|argument| if let Arg::Simple(bytes) = argument { bytes.len() } else { 0 }).sum()
}

/// Only the end of the process ends a connection's task before those who wait for it.
fn cut_off() -> RedisError {
    io::Error::new(io::ErrorKind::BrokenPipe, "the connection's task has ended").into()
}

async fn carry(connection: MultiplexedConnection, mut waiting: mpsc::Receiver<Waiting>) {
    while let Some(first) = waiting.recv().await {
        yield_now().await;
        let mut bytes = first.length;
        let mut batch = vec![first];
        while bytes < TOGETHER
            && let Ok(next) = waiting.try_recv()
        {
            bytes += next.length;
            batch.push(next);
        }
        // Whoever has given up needs no answer, and may not mean it any more.
        batch.retain(|waiting| !waiting.answer.is_closed());
        let mut exchange = Box::pin(exchange(connection.clone(), batch));
        // Begun here, so that batches leave in their order; ended as a task, so that the next need not wait for the answers.
        if poll!(&mut exchange).is_pending() {
            tokio::spawn(exchange);
        }
    }
}

async fn exchange(mut connection: MultiplexedConnection, batch: Vec<Waiting>) {
    let mut pipeline = Pipeline::with_capacity(batch.len());
    let mut askers = Vec::with_capacity(batch.len());
    for Waiting { command, answer, .. } in batch {
        pipeline.add_command(command);
        askers.push(answer);
    }
    if askers.is_empty() {
        return;
    }
    match connection.req_packed_commands(&pipeline, 0, askers.len()).await {
        Ok(values) => {
            for (asker, value) in askers.into_iter().zip(values) {
                // Whoever asked may have given up.
                let _ = asker.send(Ok(value));
            }
        }
        Err(error) => {
            for asker in askers {
                let _ = asker.send(Err(error.clone()));
            }
        }
    }
}
