//! etcd and kube-apiserver, started and stopped together.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use crate::binaries::Binaries;
use crate::directory::Directory;
use crate::error::Error;
use crate::node;
use crate::probe;
use crate::process::Server;
use crate::user::{Tokens, User};

/// Whether somebody else takes a port that was free a moment ago is chance; five times in a row it isn't.
const ATTEMPTS: u32 = 5;

/// How to start a [`ControlPlane`].
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where to keep its files. They stay, so that a later start finds the same cluster. Without one: a temporary
    /// directory that is removed at the end.
    pub directory: Option<PathBuf>,
    /// More arguments for kube-apiserver, which win over the ones it gets anyway.
    pub apiserver_arguments: Vec<String>,
    /// Whether a [`Node`](crate::Node) joins. Then Pods get their service account's token, and a kubelet may do what it has
    /// to. Without one, a Pod is stored as it was sent.
    pub node: bool,
}

/// A running control plane. Dropping it stops its servers; so does the end of the process, whatever it ends of.
#[derive(Debug)]
pub struct ControlPlane {
    // Dropped in this order: the API server can't stop cleanly without etcd, and both write to the directory.
    apiserver: Mutex<Option<Server>>,
    etcd: Mutex<Option<Server>>,
    ca_pem: String,
    cluster: Cluster,
}

/// What the servers are started from.
#[derive(Debug)]
struct Cluster {
    binaries: Binaries,
    tokens: Tokens,
    ports: Ports,
    apiserver_arguments: Vec<String>,
    node: bool,
    directory: Directory,
}

#[derive(Debug)]
struct Ports {
    etcd: u16,
    peer: u16,
    apiserver: u16,
}

impl ControlPlane {
    /// Starts a control plane and waits until it serves. Builds its programs first when they are missing.
    ///
    /// # Errors
    /// When a program can't be built, or a server doesn't start; the message holds the end of its log.
    pub fn start(options: Options) -> Result<Self, Error> {
        let binaries = Binaries::ensure()?;
        let directory = options
            .directory
            .as_deref()
            .map_or_else(Directory::temporary, Directory::kept)?;
        let (ports, tokens, apiserver_arguments) = (Ports::free()?, Tokens::new(), options.apiserver_arguments);
        let mut cluster = Cluster {
            binaries,
            tokens,
            ports,
            apiserver_arguments,
            node: options.node,
            directory,
        };
        cluster.write_credentials()?;
        let mut attempt = 1;
        let (etcd, apiserver) = loop {
            match cluster.start_servers() {
                Err(error) if attempt < ATTEMPTS && Server::lost_its_port(&error) => attempt += 1,
                servers => break servers?,
            }
            cluster.ports = Ports::free()?;
        };
        let ca_pem = cluster.ca_pem()?;
        for user in User::ALL {
            let kubeconfig = cluster.tokens.kubeconfig(user, &cluster.ports.url(), &ca_pem);
            cluster.directory.write(&kubeconfig_name(user), kubeconfig)?;
        }
        Ok(Self {
            apiserver: Mutex::new(Some(apiserver)),
            etcd: Mutex::new(Some(etcd)),
            ca_pem,
            cluster,
        })
    }

    /// The API server's address, as in `https://127.0.0.1:34567`.
    #[must_use]
    pub fn url(&self) -> String {
        self.cluster.ports.url()
    }

    /// The certificates that the API server's own one is verified with.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// Where its files are: kubeconfigs, logs and data.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.cluster.directory.path()
    }

    /// The administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_of(User::Administrator)
    }

    /// The kubeconfig that authenticates as the operator's own service account.
    #[must_use]
    pub fn operator_kubeconfig(&self) -> PathBuf {
        self.kubeconfig_of(User::Operator)
    }

    /// A user's kubeconfig.
    #[must_use]
    pub fn kubeconfig_of(&self, user: User) -> PathBuf {
        self.directory().join(kubeconfig_name(user))
    }

    /// Writes a kubeconfig for a user who goes another way to the API server.
    pub(crate) fn write_kubeconfig(&self, name: &str, user: User, url: &str, ca_pem: &str) -> Result<PathBuf, Error> {
        self.cluster
            .directory
            .write(name, self.cluster.tokens.kubeconfig(user, url, ca_pem))
    }

    /// A user's bearer token.
    #[must_use]
    pub fn token_of(&self, user: User) -> &str {
        self.cluster.tokens.of(user)
    }

    /// The kubectl program.
    #[must_use]
    pub fn kubectl_path(&self) -> &Path {
        &self.cluster.binaries.kubectl
    }

    /// Runs kubectl as the administrator.
    ///
    /// # Errors
    /// When kubectl doesn't start; whether it succeeded is in the answer.
    pub fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Output, Error> {
        self.kubectl_as(User::Administrator, arguments)
    }

    /// Runs kubectl as a user.
    ///
    /// # Errors
    /// When kubectl doesn't start; whether it succeeded is in the answer.
    pub fn kubectl_as<A: AsRef<OsStr>>(
        &self,
        user: User,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output, Error> {
        self.kubectl_command(user)
            .args(arguments)
            .output()
            .map_err(Error::io("run kubectl"))
    }

    /// kubectl for a user, for those who need its stdin or who don't wait for it.
    #[must_use]
    pub fn kubectl_command(&self, user: User) -> Command {
        let mut command = Command::new(self.kubectl_path());
        command
            .env("KUBECONFIG", self.kubeconfig_of(user))
            // A port is used again sooner than kubectl forgets which resources it had found behind it.
            .env("KUBECACHEDIR", self.directory().join("kubectl-cache"))
            .env("KUBERC", "off");
        command
    }

    /// Stops the API server, as an outage would; etcd keeps the data.
    pub fn stop_apiserver(&self) {
        let server = self.apiserver.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(server);
    }

    /// Starts the API server again, on the port and with the certificate that it had, and waits until it serves.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn start_apiserver(&self) -> Result<(), Error> {
        let mut apiserver = self.apiserver.lock().unwrap_or_else(PoisonError::into_inner);
        if apiserver.is_none() {
            *apiserver = Some(self.cluster.start_apiserver()?);
        }
        Ok(())
    }

    /// Stops the API server and starts it again.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn restart_apiserver(&self) -> Result<(), Error> {
        self.stop_apiserver();
        self.start_apiserver()
    }

    /// Makes a backup of all data, for which both servers are stopped and started again.
    ///
    /// # Errors
    /// When the data can't be copied, or a server doesn't start.
    pub fn back_up(&self) -> Result<(), Error> {
        self.replace_data("etcd", "etcd-backup")
    }

    /// Puts the backup's data in the place of what there is. Versions and generations made since are made again, for
    /// something else.
    ///
    /// # Errors
    /// As [`Self::back_up`].
    pub fn restore(&self) -> Result<(), Error> {
        self.replace_data("etcd-backup", "etcd")
    }

    fn replace_data(&self, from: &str, to: &str) -> Result<(), Error> {
        self.stop_apiserver();
        let mut etcd = self.etcd.lock().unwrap_or_else(PoisonError::into_inner);
        drop(etcd.take());
        let [from, to] = [from, to].map(|name| self.directory().join(name));
        let copied = fs::remove_dir_all(&to).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        copied
            .and_then(|()| copy(&from, &to))
            .map_err(Error::io("copy etcd's data"))?;
        *etcd = Some(self.cluster.start_etcd()?);
        self.start_apiserver()
    }

    /// Looks whether the servers still run.
    ///
    /// # Errors
    /// When one has ended by itself.
    pub fn check(&self) -> Result<(), Error> {
        if let Some(etcd) = &mut *self.etcd.lock().unwrap_or_else(PoisonError::into_inner) {
            etcd.check()?;
        }
        match &mut *self.apiserver.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(apiserver) => apiserver.check(),
            None => Ok(()),
        }
    }
}

impl Ports {
    fn free() -> Result<Self, Error> {
        let action = "find a free port";
        let [etcd, peer, apiserver] = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        // All are held until all are known: else the same port could be given twice.
        let listeners = [etcd, peer, apiserver]
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .map_err(Error::io(action))?;
        let port = |index: usize| {
            listeners[index]
                .local_addr()
                .map(|address| address.port())
                .map_err(Error::io(action))
        };
        Ok(Self {
            etcd: port(0)?,
            peer: port(1)?,
            apiserver: port(2)?,
        })
    }

    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.apiserver)
    }
}

impl Cluster {
    fn write_credentials(&self) -> Result<(), Error> {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map_err(Error::certificate("make the service accounts' key"))?;
        self.directory.write("sa.key", key.serialize_pem())?;
        self.directory.write("sa.pub", key.public_key_pem())?;
        self.directory.write("tokens.csv", self.tokens.csv())?;
        Ok(())
    }

    fn start_servers(&self) -> Result<(Server, Server), Error> {
        let etcd = self.start_etcd()?;
        let apiserver = self.start_apiserver()?;
        Ok((etcd, apiserver))
    }

    fn start_etcd(&self) -> Result<Server, Error> {
        let Ports { etcd, peer, .. } = self.ports;
        let mut command = Command::new(&self.binaries.etcd);
        command
            .arg("--data-dir")
            .arg(self.directory.path().join("etcd"))
            .arg(format!("--listen-client-urls=http://127.0.0.1:{etcd}"))
            .arg(format!("--advertise-client-urls=http://127.0.0.1:{etcd}"))
            .arg(format!("--listen-peer-urls=http://127.0.0.1:{peer}"))
            .arg("--unsafe-no-fsync=true");
        let mut server = self.start_server("etcd", &command)?;
        server.wait_until(|| probe::http(etcd, "/health"))?;
        Ok(server)
    }

    fn start_apiserver(&self) -> Result<Server, Error> {
        let Ports {
            etcd, apiserver: port, ..
        } = self.ports;
        let file = |flag: &str, name: &str| format!("--{flag}={}", self.directory.path().join(name).display());
        let mut command = Command::new(&self.binaries.kube_apiserver);
        command
            .arg(format!("--etcd-servers=http://127.0.0.1:{etcd}"))
            .arg(file("cert-dir", "certificates"))
            .arg(format!("--secure-port={port}"))
            .arg("--bind-address=127.0.0.1")
            .arg("--service-cluster-ip-range=10.0.0.0/24")
            .arg("--allow-privileged=true")
            .arg("--authorization-mode=RBAC")
            .args(if self.node {
                node::APISERVER_ARGUMENTS
            } else {
                &["--disable-admission-plugins=ServiceAccount"]
            })
            .arg(format!("--service-account-issuer={}/", self.ports.url()))
            .arg(file("service-account-key-file", "sa.pub"))
            .arg(file("service-account-signing-key-file", "sa.key"))
            .arg(file("token-auth-file", "tokens.csv"))
            .args(&self.apiserver_arguments);
        let mut server = self.start_server("kube-apiserver", &command)?;
        for path in ["/readyz", "/api/v1/namespaces/default"] {
            server.wait_until(|| {
                let ca_pem = self.ca_pem().map_err(|error| error.to_string())?;
                probe::https(port, path, &ca_pem, self.tokens.of(User::Administrator))
            })?;
        }
        Ok(server)
    }

    fn start_server(&self, name: &'static str, command: &Command) -> Result<Server, Error> {
        Server::start(
            name,
            command,
            self.directory.path().join(format!("{name}.log")),
            self.directory.in_use()?,
        )
    }

    /// The certificate that kube-apiserver makes for itself at its first start.
    fn ca_pem(&self) -> Result<String, Error> {
        let path = self.directory.path().join("certificates/apiserver.crt");
        fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn kubeconfig_name(user: User) -> String {
    format!("{}.kubeconfig", user.short_name())
}
