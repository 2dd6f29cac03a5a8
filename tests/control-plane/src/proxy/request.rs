//! What a request asks of Kubernetes, in the words that RBAC uses.

use std::time::Instant;

use hyper::{Method, Uri};

/// A request that the proxy has seen.
#[derive(Clone, Debug)]
pub struct Request {
    /// As RBAC names it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    /// As in `experimentruns`; empty for a path that is no resource's, such as `/version`.
    pub resource: String,
    /// As in `status`.
    pub subresource: Option<String>,
    /// None for what is cluster-wide, and for requests across all namespaces.
    pub namespace: Option<String>,
    /// None for lists, watches and creations.
    pub name: Option<String>,
    /// The path with the query, where field managers, resource versions and selectors are.
    pub path: String,
    /// How many bytes its body has.
    pub length: usize,
    /// What was answered; None while nothing was, and for a request that never reached the API server.
    pub status: Option<u16>,
    /// When it came.
    pub at: Instant,
}

impl Request {
    pub(super) fn new(method: &Method, uri: &Uri) -> Self {
        let segments: Vec<&str> = uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
        let rest = match segments.as_slice() {
            ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
            _ => &[],
        };
        let (namespace, rest) = match rest {
            // A namespace's own subresources have the form of a namespaced resource's list.
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (rest.get(1), rest),
            ["namespaces", namespace, rest @ ..] => (Some(namespace), rest),
            _ => (None, rest),
        };
        let text = |index: usize| rest.get(index).map(|&segment| segment.to_owned());
        let (resource, name) = (text(0).unwrap_or_default(), text(1));
        Self {
            verb: verb(
                method,
                uri.query().unwrap_or_default(),
                name.is_none() && !resource.is_empty(),
            ),
            resource,
            subresource: text(2),
            namespace: namespace.map(|&namespace| namespace.to_owned()),
            name,
            path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            length: 0,
            status: None,
            at: Instant::now(),
        }
    }

    /// The resource as RBAC names it, with its subresource: `experimentruns/status`.
    #[must_use]
    pub fn full_resource(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource),
            None => self.resource.clone(),
        }
    }
}

fn verb(method: &Method, query: &str, collection: bool) -> &'static str {
    let watched = query
        .split('&')
        .any(|parameter| matches!(parameter, "watch=true" | "watch=1" | "watch"));
    match method.as_str() {
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if collection => "deletecollection",
        "DELETE" => "delete",
        _ if watched => "watch",
        _ if collection => "list",
        _ => "get",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_request_is_named_as_rbac_names_it() {
        for (method, path, verb, resource, namespace, name) in [
            ("GET", "/version", "get", "", None, None),
            ("GET", "/api/v1/namespaces", "list", "namespaces", None, None),
            ("GET", "/api/v1/namespaces/a", "get", "namespaces", Some("a"), Some("a")),
            (
                "PUT",
                "/api/v1/namespaces/a/finalize",
                "update",
                "namespaces/finalize",
                Some("a"),
                Some("a"),
            ),
            (
                "GET",
                "/api/v1/configmaps?watch=true&resourceVersion=1",
                "watch",
                "configmaps",
                None,
                None,
            ),
            (
                "POST",
                "/api/v1/namespaces/a/events",
                "create",
                "events",
                Some("a"),
                None,
            ),
            (
                "DELETE",
                "/api/v1/namespaces/a/pods/b",
                "delete",
                "pods",
                Some("a"),
                Some("b"),
            ),
            (
                "DELETE",
                "/api/v1/namespaces/a/pods",
                "deletecollection",
                "pods",
                Some("a"),
                None,
            ),
            (
                "PATCH",
                "/apis/g/v1/namespaces/a/runs/b/status",
                "patch",
                "runs/status",
                Some("a"),
                Some("b"),
            ),
            ("GET", "/apis/g/v1/runs?limit=5", "list", "runs", None, None),
            (
                "PUT",
                "/apis/g/v1/clusterthings/b",
                "update",
                "clusterthings",
                None,
                Some("b"),
            ),
        ] {
            let request = Request::new(&method.parse().unwrap(), &path.parse().unwrap());
            let named = (
                request.verb,
                request.full_resource(),
                request.namespace.as_deref(),
                request.name.as_deref(),
            );
            assert_eq!(named, (verb, resource.to_owned(), namespace, name), "{method} {path}");
            assert_eq!(request.path, path);
        }
    }
}
