//! Real `redis-server` processes for tests: one server, or a cluster of three masters.
//!
//! Each has its own ports and its own directory and dies with the value that holds it. Readiness is a PING that is
//! answered, never a pause.

use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long a server may take to answer its first PING, or a cluster to become whole.
const PATIENCE: Duration = Duration::from_secs(20);

/// When Redis syncs its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fsync {
    /// Before each answer.
    #[default]
    Always,
    /// Once a second.
    EverySecond,
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// When it syncs its log.
    pub fsync: Fsync,
    /// The password it asks for.
    pub password: Option<String>,
    /// Further arguments, as on its command line.
    pub arguments: Vec<String>,
}

/// A running `redis-server`.
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    port: u16,
    dir: TempDir,
    options: RedisOptions,
}

impl RedisServer {
    /// Starts a server that syncs before each answer and asks for no password.
    ///
    /// # Errors
    /// If `redis-server` is not installed or does not come up.
    pub async fn start() -> Result<Self> {
        Self::start_with(RedisOptions::default()).await
    }

    /// Starts a server.
    ///
    /// # Errors
    /// If `redis-server` is not installed or does not come up.
    pub async fn start_with(options: RedisOptions) -> Result<Self> {
        let mut dir = tempfile::tempdir().context("cannot make a directory for Redis")?;
        let mut options = options;
        let began = Instant::now();
        loop {
            // Another process may take the port between the moment we find it free and the moment Redis binds it.
            let port = free_port().await?;
            let child = spawn(port, &dir, &options)?;
            let mut server = Self { child, port, dir, options };
            match server.wait_until_ready().await {
                Ok(()) => return Ok(server),
                Err(error) if began.elapsed() > PATIENCE => return Err(error),
                Err(_) => (dir, options) = server.dissolve()?,
            }
        }
    }

    /// Returns the URL under which it is reached.
    pub fn url(&self) -> String {
        match &self.options.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}", self.port),
            None => format!("redis://127.0.0.1:{}", self.port),
        }
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without warning (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill redis-server")?;
        self.child.wait().context("cannot wait for redis-server")?;
        Ok(())
    }

    /// Starts it again on the same port and directory, and waits until it answers.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.child = spawn(self.port, &self.dir, &self.options)?;
        self.wait_until_ready().await
    }

    /// Copies its files as they are at this moment.
    ///
    /// # Errors
    /// If they cannot be copied.
    pub fn copy_files(&self) -> Result<Snapshot> {
        let copy = tempfile::tempdir().context("make a directory for the copy")?;
        copy_dir(self.dir.path(), copy.path())?;
        Ok(Snapshot(copy))
    }

    /// Kills it, puts back files copied earlier, and starts it again: it has forgotten what was written since.
    ///
    /// # Errors
    /// If the files cannot be put back or it does not come up.
    pub async fn roll_back(&mut self, to: &Snapshot) -> Result<()> {
        self.kill()?;
        empty_dir(self.dir.path())?;
        copy_dir(to.0.path(), self.dir.path())?;
        self.restart().await
    }

    /// Kills it, throws all its files away, and starts it again.
    ///
    /// # Errors
    /// If it does not come up.
    pub async fn lose_everything(&mut self) -> Result<()> {
        self.kill()?;
        empty_dir(self.dir.path())?;
        self.restart().await
    }

    /// Stops it where it stands (SIGSTOP): connections stay open and nothing is answered.
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub fn stop_responding(&self) -> Result<()> {
        self.signal("STOP")
    }

    /// Lets a stopped server go on (SIGCONT).
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub fn resume(&self) -> Result<()> {
        self.signal("CONT")
    }

    /// Sends one command and returns its answer: a line, a number or a bulk string.
    ///
    /// # Errors
    /// If the server cannot be reached or answers with an error.
    pub async fn command(&self, words: &[&str]) -> Result<String> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.context("cannot connect to redis-server")?;
        let mut stream = BufReader::new(stream);
        if let Some(password) = &self.options.password {
            ask(&mut stream, &["AUTH", password]).await?;
        }
        ask(&mut stream, words).await
    }

    fn signal(&self, name: &str) -> Result<()> {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.child.id())).status()?;
        if sent.success() { Ok(()) } else { bail!("cannot send SIG{name} to redis-server") }
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("redis-server ended at once ({status}); see {}", self.dir.path().join("log").display());
            }
            let answer = tokio::time::timeout(Duration::from_secs(1), self.command(&["PING"])).await;
            if matches!(&answer, Ok(Ok(pong)) if pong == "PONG") {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("redis-server did not answer PING in {PATIENCE:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Takes the directory and the options out of a server that ended.
    fn dissolve(mut self) -> Result<(TempDir, RedisOptions)> {
        // The process may have ended by itself.
        let _ = self.kill();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir()?);
        Ok((dir, std::mem::take(&mut self.options)))
    }
}

/// A server's files as they were.
#[derive(Debug)]
pub struct Snapshot(TempDir);

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir_all(&target)?;
            copy_dir(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn empty_dir(dir: &Path) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.kill();
    }
}

/// Three masters that share the slots, without replicas.
#[derive(Debug)]
pub struct RedisCluster {
    /// The masters.
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts three masters and makes them a cluster.
    ///
    /// # Errors
    /// If `redis-server` is not installed or the cluster does not become whole.
    pub async fn start() -> Result<Self> {
        Self::start_with(Default::default()).await
    }

    /// Starts three masters, each with options of its own, and makes them a cluster.
    ///
    /// # Errors
    /// If `redis-server` is not installed or the cluster does not become whole.
    pub async fn start_with(masters: [RedisOptions; 3]) -> Result<Self> {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for mut options in masters {
            let bus = free_port().await?;
            options.arguments.extend(cluster_arguments(bus));
            nodes.push(RedisServer::start_with(options).await?);
            buses.push(bus);
        }
        for (node, (first, last)) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
            node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last]).await?;
        }
        for (node, bus) in nodes.iter().zip(&buses).skip(1) {
            let (port, bus) = (node.port.to_string(), bus.to_string());
            nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]).await?;
        }
        let cluster = Self { nodes };
        cluster.wait_until_whole().await?;
        Ok(cluster)
    }

    /// Returns the URL under which it is reached: one node; a client finds the others.
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{}", self.nodes[0].port)
    }

    async fn wait_until_whole(&self) -> Result<()> {
        let began = Instant::now();
        for node in &self.nodes {
            loop {
                let info = node.command(&["CLUSTER", "INFO"]).await?;
                if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3") {
                    break;
                }
                if began.elapsed() > PATIENCE {
                    bail!("the Redis cluster did not become whole in {PATIENCE:?}: {info}");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }
}

fn cluster_arguments(bus: u16) -> [String; 6] {
    let bus = bus.to_string();
    ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", &bus].map(str::to_owned)
}

async fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("cannot find a free port")?;
    Ok(listener.local_addr()?.port())
}

fn spawn(port: u16, dir: &TempDir, options: &RedisOptions) -> Result<Child> {
    let fsync = match options.fsync {
        Fsync::Always => "always",
        Fsync::EverySecond => "everysec",
    };
    let mut command = Command::new("redis-server");
    command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(dir.path());
    command.args(["--save", "", "--appendonly", "yes", "--appendfsync", fsync, "--logfile", "log"]);
    command.args(["--maxmemory-policy", "noeviction", "--daemonize", "no"]);
    if let Some(password) = &options.password {
        command.args(["--requirepass", password]);
    }
    command.args(&options.arguments);
    command.spawn().context("redis-server cannot be started: run `make test`, it installs it")
}

async fn ask(stream: &mut BufReader<TcpStream>, words: &[&str]) -> Result<String> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.get_mut().write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", text)) => Ok(text.to_owned()),
        Some(("$", length)) => {
            let length: i64 = length.parse()?;
            let mut bulk = vec![0; usize::try_from(length.max(0))?];
            stream.read_exact(&mut bulk).await?;
            Ok(String::from_utf8_lossy(&bulk).into_owned())
        }
        Some(("*", count)) => Ok(format!("{count} values")),
        Some(_) | None => bail!("redis-server answered {line:?} to {}", words.first().unwrap_or(&"nothing")),
    }
}
