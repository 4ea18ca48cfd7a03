//! A client logs in with the certificate of its host, at the emulator as at the service, and again when there is a
//! reason.

use std::process::Command;
use std::time::Duration;

use ams_forwarder::client::{AmsClient, ErrorKind, Offsets, Result};
use ams_forwarder::emulator::Fault;

use crate::common::site::{SUBJECT, Site};
use crate::common::{PROJECT, ams, eventually};

async fn ask(client: &AmsClient) -> Result<Offsets> {
    client.offsets(&"a".parse().unwrap()).await
}

#[tokio::test]
async fn a_host_gets_the_token_of_the_user_its_subject_is_bound_to() {
    let site = Site::with(&["a"]).await;
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    assert_eq!(ask(&client).await.unwrap().max, 0);
    let stranger = site.builder(&site.host("CN=stranger,DC=org+DC=example")).build().unwrap();
    let error = ask(&stranger).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.status(), error.may_have_happened()),
        (ErrorKind::Unauthorized, None, false)
    );
    let bind = "404 Binding was not found; let the service's administrators bind CN=stranger,DC=org+DC=example to a user";
    assert!(error.message().ends_with(bind), "{error}");
}

/// The answers to twenty questions at the same time.
async fn together(client: &AmsClient) -> Vec<Result<Offsets>> {
    let asking: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { ask(&client).await })
        })
        .collect();
    let mut answers = Vec::new();
    for one in asking {
        answers.push(one.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_logs_in_by_options_or_variables() {
    let site = Site::with(&["a"]).await;
    let [certificate, key] = site.host(SUBJECT);
    let offsets = |set: &dyn Fn(&mut Command)| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ams"));
        command.args(["subscription", "offsets", "a"]).env_clear();
        command.env("AMS_ENDPOINT", site.endpoint());
        command.env("AMS_AUTHN_ENDPOINT", site.authn_endpoint());
        command.env("AMS_PROJECT", PROJECT).env("AMS_CA_FILE", site.home.path("ca.pem"));
        set(&mut command);
        ams::run(command, "")
    };
    let by_options = offsets(&|command| {
        // The option wins over another kind of credential in the environment.
        command.env("AMS_TOKEN", "wrong");
        command.arg("--certificate").arg(&certificate).arg("--private-key").arg(&key);
    });
    let by_variables = offsets(&|command| {
        command.env("AMS_CERTIFICATE", &certificate).env("AMS_PRIVATE_KEY", &key);
    });
    for output in [by_options.await, by_variables.await] {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("backlog  0"));
    }
}

#[tokio::test]
async fn a_refused_token_is_got_again_once_for_all_who_were_refused() {
    let site = Site::with(&["a"]).await;
    let logins = site.count_logins();
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    for answer in together(&client).await {
        answer.unwrap();
    }
    assert_eq!(logins(), 1);
    site.refresh_token().await;
    for answer in together(&client).await {
        answer.unwrap();
    }
    assert_eq!(logins(), 2);
    for answer in together(&client).await {
        answer.unwrap();
    }
    assert_eq!(logins(), 2);
}

#[tokio::test]
async fn who_gets_the_same_token_again_is_refused_and_asks_once_for_each_refusal() {
    let site = Site::with(&["a"]).await;
    let logins = site.count_logins();
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    ask(&client).await.unwrap();
    site.emulator.inject(Fault::status(401).on("*:offsets")).unwrap();
    for expected in [2, 3] {
        let error = ask(&client).await.unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::Unauthorized, Some(401)));
        assert_eq!(logins(), expected);
    }
}

#[tokio::test]
async fn while_the_authn_service_is_down_a_refused_token_is_no_reason_to_give_up() {
    let site = Site::with(&["a"]).await;
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    ask(&client).await.unwrap();
    site.refresh_token().await;
    site.emulator.inject(Fault::status(503).header("retry-after", "7").on("*:authx509").times(1)).unwrap();
    let error = ask(&client).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Transient, Some(401)), "{error}");
    assert_eq!((error.retry_after(), error.may_have_happened()), (Some(Duration::from_secs(7)), false));
    assert!(
        error.message().contains("Unauthorized, and there is no other token: login at localhost:"),
        "{error}"
    );
    ask(&client).await.unwrap();
}

#[tokio::test]
async fn files_that_changed_are_read_again_and_broken_ones_take_nothing_away() {
    let site = Site::with(&["a"]).await;
    let logins = site.count_logins();
    let files = site.host(SUBJECT);
    let client = site.builder(&files).build().unwrap();
    ask(&client).await.unwrap();
    let ends = client.certificate_expiry().unwrap();

    site.home.write("host.pem", "half of a cert");
    for _ in 0..3 {
        ask(&client).await.unwrap();
    }
    assert_eq!((logins(), client.certificate_expiry()), (1, Some(ends)));

    // Bound to nobody: the token at hand is still good.
    site.host("CN=stranger,DC=org+DC=example");
    ask(&client).await.unwrap();
    assert_eq!(logins(), 2);
    site.host(SUBJECT);
    ask(&client).await.unwrap();
    ask(&client).await.unwrap();
    assert_eq!(logins(), 3);
}

#[tokio::test]
async fn who_waits_for_a_login_of_another_shares_its_failure() {
    let site = Site::with(&["a"]).await;
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    let down = site.emulator.inject(Fault::status(503).on("*:authx509")).unwrap();
    for answer in together(&client).await {
        let error = answer.unwrap_err();
        assert_eq!((error.kind(), error.may_have_happened()), (ErrorKind::Transient, false), "{error}");
    }
    assert_eq!(site.emulator.fault_hits(down), Some(1));
    site.emulator.remove_fault(down);
    ask(&client).await.unwrap();
}

#[tokio::test]
async fn a_login_that_is_dropped_on_its_way_holds_up_nobody() {
    let site = Site::with(&["a"]).await;
    let client = site.builder(&site.host(SUBJECT)).build().unwrap();
    let hangs = site.emulator.inject(Fault::hang().on("*:authx509").times(1)).unwrap();
    let (one, other) = (client.clone(), client.clone());
    let first = tokio::spawn(async move { ask(&one).await });
    eventually("the login", async || site.emulator.fault_hits(hangs) == Some(1)).await;
    let second = tokio::spawn(async move { ask(&other).await });
    first.abort();
    second.await.unwrap().unwrap();
    ask(&client).await.unwrap();
}
