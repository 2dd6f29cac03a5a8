#![allow(clippy::unwrap_used, reason = "tests")]

use aws_sdk_appconfig::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

use super::*;

fn custom(url: &str) -> Result<String, InvalidEndpoint> {
    Endpoints::parse(Some(url), false, false, false).map(|endpoints| endpoints.base(&"eu-west-1".parse().unwrap()))
}

#[tokio::test]
async fn each_region_has_the_host_that_the_official_sdk_finds() {
    let regions = [
        "eu-west-1",
        "us-east-1",
        "ap-southeast-5",
        "il-central-1",
        "mx-central-1",
        "cn-north-1",
        "us-gov-west-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "eusc-de-east-1",
    ];
    let mut compared = 0;
    for region in regions {
        for (fips, dual_stack) in [(false, false), (true, false), (false, true), (true, true)] {
            let parameters = Params::builder()
                .region(region)
                .use_fips(fips)
                .use_dual_stack(dual_stack)
                .build()
                .unwrap();
            // The SDK refuses what a partition does not have; there, our host is one that does not resolve.
            let Ok(endpoint) = DefaultResolver::new().resolve_endpoint(&parameters).await else {
                continue;
            };
            let ours = Endpoints::parse(None, false, fips, dual_stack)
                .unwrap()
                .base(&region.parse().unwrap());
            assert_eq!(ours, endpoint.url(), "{region}, FIPS {fips}, dual stack {dual_stack}");
            compared += 1;
        }
    }
    assert!(compared >= 36, "only {compared} compared");
}

#[test]
fn a_custom_endpoint_keeps_its_path_prefix_and_no_final_slash() {
    assert_eq!(custom("http://127.0.0.1:8080").unwrap(), "http://127.0.0.1:8080");
    assert_eq!(custom("http://[::1]:8080/").unwrap(), "http://[::1]:8080");
    assert_eq!(
        custom("http://localhost/aws/appconfig/").unwrap(),
        "http://localhost/aws/appconfig"
    );
    assert_eq!(
        custom("https://vpce-1.example.com:443/x").unwrap(),
        "https://vpce-1.example.com/x"
    );
}

#[test]
fn plain_http_is_for_this_machine_unless_it_is_allowed() {
    for url in [
        "http://10.0.0.1",
        "http://example.com",
        "http://localhost.example.com",
        "http://[::2]",
    ] {
        assert!(matches!(custom(url), Err(InvalidEndpoint::Insecure(_))), "{url}");
    }
    for url in [
        "https://example.com",
        "http://127.0.0.1:4000",
        "http://localhost:4000/base",
        "http://[::1]:4000",
    ] {
        assert!(custom(url).is_ok(), "{url}");
    }
    let allowed = Endpoints::parse(Some("http://10.0.0.1"), true, false, false).unwrap();
    assert!(allowed.is_plain_http());
}

#[test]
fn what_can_t_be_an_endpoint_is_refused_without_showing_a_password() {
    for url in [
        "",
        "/a",
        "example.com",
        "localhost:80",
        "https://a:65536",
        "ftp://localhost",
        "https://a?b",
        "https://a#b",
        "https://user:canary@a",
    ] {
        let error = custom(url).unwrap_err();
        assert!(matches!(error, InvalidEndpoint::Url { .. }), "{url}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn fips_and_dual_stack_do_not_go_with_a_custom_endpoint() {
    let url = Some("https://example.com");
    assert_eq!(
        Endpoints::parse(url, false, true, false).unwrap_err().to_string(),
        "a custom endpoint URL can't be combined with AWS_USE_FIPS_ENDPOINT: unset one of the two"
    );
    assert_eq!(
        Endpoints::parse(url, false, false, true),
        Err(InvalidEndpoint::Combined("AWS_USE_DUALSTACK_ENDPOINT"))
    );
}
