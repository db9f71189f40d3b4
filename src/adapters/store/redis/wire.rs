//! Commands that are given to a connection in the same moment leave it in one write.
//!
//! The library writes each command as soon as it is given one: its task runs next after whoever gave it. Under load that is
//! a system call, a timer and a wake-up of the server for every commit. Here a command waits until the tasks that
//! are ready have run, which may have something to send as well; nobody waits for a clock.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use std::io;
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;

/// How many commands leave together at the most, and how many may wait before callers wait themselves.
const TOGETHER: usize = 128;
const QUEUE: usize = 1024;

/// The way to one server. What is sent over it is answered in any order.
#[derive(Clone)]
pub(super) struct Wire(mpsc::Sender<Waiting>);

/// A command and who waits for its answer.
struct Waiting {
    command: Cmd,
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
        self.0.send(Waiting { command: command.clone(), answer }).await.map_err(|_| cut_off())?;
        answered.await.map_err(|_| cut_off())?
    }
}

/// Only the end of the process ends a connection's task before those who wait for it.
fn cut_off() -> RedisError {
    io::Error::new(io::ErrorKind::BrokenPipe, "the connection's task has ended").into()
}

async fn carry(connection: MultiplexedConnection, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, TOGETHER).await > 0 {
        yield_now().await;
        while batch.len() < TOGETHER
            && let Ok(next) = waiting.try_recv()
        {
            batch.push(next);
        }
        // As a task: the next batch need not wait for the answers to this one.
        tokio::spawn(exchange(connection.clone(), std::mem::take(&mut batch)));
    }
}

async fn exchange(mut connection: MultiplexedConnection, batch: Vec<Waiting>) {
    let mut pipeline = Pipeline::with_capacity(batch.len());
    let mut askers = Vec::with_capacity(batch.len());
    for Waiting { command, answer } in batch {
        pipeline.add_command(command);
        askers.push(answer);
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
