//! The peer: a private PostgreSQL, durable as it comes (fsync on, synchronous_commit on), on the same disk, reached by a
//! local socket.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tokio_postgres::{Client, NoTls};

/// A running server; stopped when dropped.
pub struct Postgres {
    bin: PathBuf,
    data: PathBuf,
    socket: PathBuf,
}

/// Where Debian keeps the newest server.
fn binaries() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

fn root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n")
}

impl Postgres {
    /// Starts one in `dir`; `Err` says why not.
    pub fn start(dir: &Path, connections: usize) -> Result<Self, String> {
        let Some(bin) = binaries() else { return Err("no PostgreSQL server (apt-get install postgresql)".into()) };
        let (data, socket) = (dir.join("data"), dir.join("socket"));
        std::fs::create_dir_all(&data).map_err(|e| e.to_string())?;
        std::fs::create_dir_all(&socket).map_err(|e| e.to_string())?;
        let postgres = Self { bin, data, socket };
        if root() {
            postgres.plain("chown", &["-R", "postgres", &dir.to_string_lossy()])?;
        }
        let data = postgres.data.to_string_lossy().into_owned();
        postgres.run("initdb", &["-D", &data, "-A", "trust", "-U", "bench", "--no-sync"])?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections={} -c shared_buffers=256MB \
             -c fsync=on -c synchronous_commit=on -c full_page_writes=on",
            postgres.socket.display(),
            connections + 10
        );
        let log = dir.join("log").to_string_lossy().into_owned();
        postgres.run("pg_ctl", &["-D", &data, "-w", "-t", "60", "-l", &log, "-o", &options, "start"])?;
        Ok(postgres)
    }

    fn plain(&self, program: &str, args: &[&str]) -> Result<(), String> {
        let out =
            Command::new(program).args(args).stdin(Stdio::null()).output().map_err(|e| format!("{program}: {e}"))?;
        match out.status.success() {
            true => Ok(()),
            false => Err(format!("{program}: {}", String::from_utf8_lossy(&out.stderr).trim())),
        }
    }

    /// The server refuses to be root, so root runs it as postgres.
    fn run(&self, program: &str, args: &[&str]) -> Result<(), String> {
        let program = self.bin.join(program).to_string_lossy().into_owned();
        if root() {
            let all: Vec<&str> = ["-u", "postgres", "--", &program].into_iter().chain(args.iter().copied()).collect();
            // The output of a started server must not be a pipe that is waited for.
            let status = Command::new("runuser")
                .args(&all)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .map_err(|e| e.to_string())?;
            return if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}")) };
        }
        let status = Command::new(&program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}")) }
    }

    /// One connection.
    pub async fn connect(&self) -> Client {
        let settings = format!("host={} user=bench dbname=postgres", self.socket.display());
        let (client, connection) = tokio_postgres::connect(&settings, NoTls).await.expect("it listens");
        tokio::spawn(connection);
        client
    }

    /// Its version.
    pub async fn version(&self) -> String {
        let row = self.connect().await.query_one("show server_version", &[]).await.expect("it answers");
        row.get(0)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data.to_string_lossy().into_owned();
        let _ = self.run("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"]);
    }
}
