//! The cluster, reached as kubectl reaches it: by the same kubeconfig, context, user and credentials.

use std::path::PathBuf;

use appconfig_experiment_operator::api::ExperimentRun;
use clap::Args;
use kube::{
    Api, Client, Config,
    api::{DynamicObject, ListParams},
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
    core::ApiResource,
};

use crate::failure::{Failure, call, chain};

/// How many resources one page of a list holds, as with kubectl.
const PAGE: u32 = 500;

/// The heading in `--help` of what every command has.
pub(crate) const GLOBAL: &str = "Options of every command";

/// Which cluster, as whom, and in which namespace.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Connection {
    /// Namespace of the resources [default: the context's]
    #[arg(short, long, global = true, help_heading = GLOBAL, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Kubeconfig file [default: $KUBECONFIG, else ~/.kube/config]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Act as this user
    #[arg(long = "as", global = true, help_heading = GLOBAL, value_name = "USER")]
    pub(crate) impersonate: Option<String>,
    /// Act as a member of this group; may be given several times
    #[arg(long = "as-group", global = true, help_heading = GLOBAL, value_name = "GROUP", requires = "impersonate")]
    pub(crate) impersonate_groups: Vec<String>,
}

/// A client, and the namespace that commands are about.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

impl Cluster {
    /// Connects as the flags and the kubeconfig say.
    ///
    /// # Errors
    /// When there is no usable kubeconfig.
    pub(crate) async fn new(connection: &Connection) -> Result<Self, Failure> {
        let mut config = config(connection).await?;
        if let Some(user) = &connection.impersonate {
            config.auth_info.impersonate = Some(user.clone());
            config.auth_info.impersonate_groups =
                Some(connection.impersonate_groups.clone()).filter(|groups| !groups.is_empty());
        }
        let namespace = connection
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        // Credentials that another program gives are got here: it may fail, or not be there.
        let client = Client::try_from(config).map_err(|error| Failure::new(chain(&error)))?;
        Ok(Self { client, namespace })
    }

    /// The resources of a namespace, as bare objects: one that can't be read must not hide the others.
    pub(crate) fn runs(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &kind())
    }

    /// The resources of every namespace.
    pub(crate) fn all_runs(&self) -> Api<DynamicObject> {
        Api::all_with(self.client.clone(), &kind())
    }
}

fn kind() -> ApiResource {
    ApiResource::erase::<ExperimentRun>(&())
}

async fn config(connection: &Connection) -> Result<Config, Failure> {
    let options = KubeConfigOptions {
        context: connection.context.clone(),
        ..KubeConfigOptions::default()
    };
    let read = match &connection.kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let read = match read {
        // No file, and none was asked for: a Pod has its service account in its place.
        Err(KubeconfigError::ReadConfig(..) | KubeconfigError::FindPath)
            if connection.kubeconfig.is_none() && connection.context.is_none() =>
        {
            if let Ok(config) = Config::incluster() {
                return Ok(config);
            }
            Kubeconfig::read()
        }
        read => read,
    };
    let unusable = |error: &KubeconfigError| Failure::new(format!("the kubeconfig can't be used: {}", chain(error)));
    let kubeconfig = read.map_err(|error| unusable(&error))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
    config.map_err(|error| unusable(&error))
}

/// Every resource that a selector picks, page by page.
///
/// # Errors
/// When the API server refuses or does not answer.
pub(crate) async fn list(api: &Api<DynamicObject>, selector: Option<&str>) -> Result<Vec<DynamicObject>, Failure> {
    let mut parameters = ListParams::default().limit(PAGE);
    parameters.label_selector = selector.map(str::to_owned);
    let mut objects = Vec::new();
    loop {
        let page = call(api.list(&parameters)).await?;
        objects.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => parameters = parameters.continue_token(&token),
            None => return Ok(objects),
        }
    }
}
