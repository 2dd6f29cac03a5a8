//! Who may call the API server, and with which kubeconfig.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The namespace that `deploy/` puts the operator in.
pub const OPERATOR_NAMESPACE: &str = "appconfig-experiment-operator";
/// The service account that `deploy/` gives the operator.
pub const OPERATOR_SERVICE_ACCOUNT: &str = "appconfig-experiment-operator";

/// Somebody whom the API server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// May do everything: `admin`, in the group `system:masters`.
    Administrator,
    /// The operator's own service account: may do exactly what `deploy/` lets it.
    Operator,
    /// A person without rights of its own: `developer`, in the group `developers`.
    Developer,
    /// Another one: `developer-2`, in the group `developers` too.
    SecondDeveloper,
    /// The kubelet of a [`Node`](crate::Node): `system:node:node1`, in the group `system:nodes`.
    Node,
}

impl User {
    pub(crate) const ALL: [Self; 5] = [
        Self::Administrator,
        Self::Operator,
        Self::Developer,
        Self::SecondDeveloper,
        Self::Node,
    ];

    /// The name in kubeconfigs and file names.
    pub(crate) fn short_name(self) -> &'static str {
        match self {
            Self::Administrator => "admin",
            Self::Operator => "operator",
            Self::Developer => "developer",
            Self::SecondDeveloper => "developer-2",
            Self::Node => crate::node::NAME,
        }
    }

    /// The name by which RBAC knows the user.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Operator => format!("system:serviceaccount:{OPERATOR_NAMESPACE}:{OPERATOR_SERVICE_ACCOUNT}"),
            Self::Node => format!("system:node:{}", crate::node::NAME),
            _ => self.short_name().to_owned(),
        }
    }

    fn groups(self) -> String {
        match self {
            Self::Administrator => "system:masters".to_owned(),
            Self::Operator => format!("system:serviceaccounts,system:serviceaccounts:{OPERATOR_NAMESPACE}"),
            Self::Developer | Self::SecondDeveloper => "developers".to_owned(),
            Self::Node => "system:nodes".to_owned(),
        }
    }
}

/// Everybody's bearer token, new with each control plane.
#[derive(Debug)]
pub(crate) struct Tokens([String; User::ALL.len()]);

impl Tokens {
    pub(crate) fn new() -> Self {
        Self(User::ALL.map(|_| uuid::Uuid::new_v4().simple().to_string()))
    }

    pub(crate) fn of(&self, user: User) -> &str {
        &self.0[user as usize]
    }

    /// As kube-apiserver's `--token-auth-file` wants it.
    pub(crate) fn csv(&self) -> String {
        User::ALL.iter().fold(String::new(), |mut lines, &user| {
            let (token, name, groups) = (self.of(user), user.name(), user.groups());
            // Writing to a string doesn't fail.
            let _ = writeln!(lines, "{token},{name},{name},\"{groups}\"");
            lines
        })
    }

    /// A kubeconfig that needs no other file.
    pub(crate) fn kubeconfig(&self, user: User, url: &str, ca_pem: &str) -> String {
        let (name, token, ca) = (user.short_name(), self.of(user), BASE64.encode(ca_pem));
        // A Pod's own namespace is its default, so the operator's is here too: that is where its Lease is.
        let namespace = if user == User::Operator {
            OPERATOR_NAMESPACE
        } else {
            "default"
        };
        format!(
            "apiVersion: v1
kind: Config
current-context: control-plane
clusters:
- name: control-plane
  cluster:
    server: {url}
    certificate-authority-data: {ca}
users:
- name: {name}
  user:
    token: {token}
contexts:
- name: control-plane
  context:
    cluster: control-plane
    user: {name}
    namespace: {namespace}
"
        )
    }
}
