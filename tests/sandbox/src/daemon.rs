//! The real binary as a child process: started on a port of its own with an environment of its own, killed without
//! warning, started again on the same port and data.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long the daemon may take to answer after its start.
const START: Duration = Duration::from_secs(20);

/// How many connections may wait while nobody accepts, as `frontdesk.socket` says.
const BACKLOG: u32 = 4096;

/// What a service manager does between fork and exec: the socket as descriptor 3, and who it is for.
const PASS_SOCKET: &str = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" serve";

/// A daemon under test.
#[derive(Debug)]
pub struct Daemon {
    binary: PathBuf,
    address: SocketAddr,
    environment: BTreeMap<String, String>,
    home: tempfile::TempDir,
    child: Option<Child>,
    http: reqwest::Client,
    socket: Option<TcpListener>,
    _reserved: tokio::net::TcpSocket,
}

impl Daemon {
    /// Prepares a daemon that does not run yet. Its environment begins empty but for `LISTEN_ADDR`, `DATA_DIR` and a log
    /// filter; the log goes to a file, see [`Daemon::log`].
    ///
    /// # Errors
    /// If no port or directory can be had.
    pub fn new(binary: impl Into<PathBuf>) -> Result<Self> {
        let home = tempfile::tempdir().context("make a directory for the daemon")?;
        // Bound for as long as this lives, and never listened on: the daemon may bind it as well, with SO_REUSEADDR, but the
        // kernel gives it to nobody who asks for any port. Two daemons of one port would be taken for each other.
        let reserved = tokio::net::TcpSocket::new_v4()?;
        reserved.set_reuseaddr(true)?;
        reserved.bind(SocketAddr::from(([127, 0, 0, 1], 0))).context("find a free port")?;
        let address = reserved.local_addr()?;
        let environment = BTreeMap::from([
            ("LISTEN_ADDR".to_owned(), address.to_string()),
            ("DATA_DIR".to_owned(), home.path().join("data").display().to_string()),
            ("LOG".to_owned(), "info".to_owned()),
            ("LOG_FORMAT".to_owned(), "json".to_owned()),
        ]);
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self {
            binary: binary.into(),
            address,
            environment,
            home,
            child: None,
            http,
            socket: None,
            _reserved: reserved,
        })
    }

    /// Prepares another daemon with the same environment, but a port and data of its own.
    ///
    /// # Errors
    /// If no port or directory can be had.
    pub fn twin(&self) -> Result<Self> {
        let mut twin = Self::new(self.binary.clone())?;
        for (name, value) in &self.environment {
            twin.environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Ok(twin)
    }

    /// Sets a variable for the next start.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a variable for the next start.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.environment.insert(name.to_owned(), value.to_string());
    }

    /// Takes a variable out of the environment of the next start.
    pub fn unset(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// Returns the environment of the next start, for whoever must read the same settings.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Holds the listening socket from here on, as a service manager does (`frontdesk.socket`): every run is passed it, and
    /// between two runs connections wait in the kernel.
    ///
    /// # Errors
    /// If it cannot be listened on.
    pub fn hold_socket(&mut self) -> Result<()> {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address).context("take the daemon's port")?;
        self.socket = Some(socket.listen(BACKLOG)?.into_std()?);
        Ok(())
    }

    /// Starts it and waits until it is open (not merely alive).
    ///
    /// # Errors
    /// If it ends at once or is not open in time; the message carries the end of its log.
    pub async fn start(&mut self) -> Result<()> {
        self.spawn()?;
        let began = Instant::now();
        loop {
            if let Ok(response) = self.http.get(self.url("/readyz")).send().await
                && response.text().await.unwrap_or_default().contains("ready")
            {
                return Ok(());
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                bail!("the daemon ended with {status}:\n{}", self.log_tail());
            }
            if began.elapsed() > START {
                bail!("the daemon was not open within {START:?}:\n{}", self.log_tail());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts it without waiting.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = match &self.socket {
            None => {
                let mut command = Command::new(&self.binary);
                command.arg("serve").stdin(Stdio::null());
                command
            }
            Some(socket) => {
                let mut command = Command::new("sh");
                command.args(["-c", PASS_SOCKET]).arg(&self.binary);
                command.stdin(Stdio::from(OwnedFd::from(socket.try_clone()?)));
                command
            }
        };
        let child = command
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(&self.environment)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", self.binary.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Runs a subcommand with the settings of the daemon, whether that runs or not, and waits for its end.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.home.path()).env_clear().envs(&self.environment);
        command.output().with_context(|| format!("run {}", self.binary.display()))
    }

    /// Kills it without warning (`SIGKILL`) and waits for its end.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().context("kill the daemon")?;
            child.wait().context("wait for the daemon's end")?;
        }
        Ok(())
    }

    /// Sends it a signal by name (`TERM`, `STOP`, `CONT`).
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal(&self, name: &str) -> Result<()> {
        let child = self.child.as_ref().context("the daemon does not run")?;
        let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status()?;
        if sent.success() { Ok(()) } else { bail!("kill -{name} failed") }
    }

    /// Waits for its end and returns whether it succeeded.
    ///
    /// # Errors
    /// If it does not end in time.
    pub async fn ended(&mut self, within: Duration) -> Result<bool> {
        let began = Instant::now();
        let child = self.child.as_mut().context("the daemon does not run")?;
        loop {
            if let Some(status) = child.try_wait()? {
                self.child = None;
                return Ok(status.success());
            }
            if began.elapsed() > within {
                bail!("the daemon did not end within {within:?}");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns an address of the daemon.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns the HTTP client of the tests.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Returns the directory it keeps its data in.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Returns everything it has logged so far, over all its runs.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn log_file(&self) -> PathBuf {
        Path::join(self.home.path(), "log")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is being thrown away; if it has ended already, so much the better.
        let _ = self.kill();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failing test shows what the daemon said")]
            {
                eprintln!("--- the daemon's log:\n{}", self.log_tail());
            }
        }
    }
}
