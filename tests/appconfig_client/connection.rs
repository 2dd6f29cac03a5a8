//! An update's own connection: made beforehand, used once, and over when it is given up.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    net::SocketAddr,
    pin::pin,
    task::Poll,
    time::{Duration, Instant},
};

use appconfig_experiment_operator::{
    api::{DeploymentParameters, TreatmentOverrides},
    appconfig::{Client, Prepared},
    run::{Change, FailureKind, Update, UpdateError},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use crate::{RUN, client, ids, impatient_client, process::NO_PROCESS_STARTS, raise_to, region};

const DEADLINE: Duration = Duration::from_secs(30);

async fn listener() -> (TcpListener, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(&format!("http://{}", listener.local_addr().unwrap()));
    (listener, client)
}

async fn accepted(listener: &TcpListener) -> TcpStream {
    timeout(DEADLINE, listener.accept())
        .await
        .expect("a connection")
        .unwrap()
        .0
}

/// Whether nobody has connected whom nobody has accepted.
async fn nobody_else_came(listener: &TcpListener) -> bool {
    let mut accept = pin!(listener.accept());
    poll_fn(|context| Poll::Ready(accept.as_mut().poll(context).is_pending())).await
}

/// Everything that has happened on this machine's sockets so far is known to this process: events come in order.
async fn what_happened_is_known() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (mine, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    let (mut mine, mut theirs) = (mine.unwrap(), theirs.unwrap().0);
    mine.write_all(b"?").await.unwrap();
    assert_eq!(theirs.read_u8().await.unwrap(), b'?');
}

async fn prepare(client: &Client, kept: Option<Prepared>) -> Prepared {
    client.prepare(&region(), kept).await.unwrap()
}

async fn send(prepared: Prepared, update: &Update) -> Result<(), UpdateError> {
    let sent = prepared.update_experiment_run(&ids(), update, "pending-1").await;
    sent.map(drop)
}

fn raise() -> Update {
    raise_to(75.0, DeploymentParameters::default())
}

/// Reads a request to its end and answers it.
async fn answer(mut stream: TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        assert!(
            stream.read_buf(&mut request).await.unwrap() > 0,
            "the request came whole"
        );
    }
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{RUN}", RUN.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    request
}

#[tokio::test]
async fn p1_an_update_goes_on_the_connection_that_was_prepared_and_no_other_is_made() {
    let (listener, client) = listener().await;
    let prepared = prepare(&client, None).await;
    let stream = accepted(&listener).await;
    let kept = prepare(&client, Some(prepared)).await;
    let update = raise();
    let (sent, request) = tokio::join!(send(kept, &update), answer(stream));
    sent.unwrap();
    let request = String::from_utf8(request).unwrap();
    let target = "PATCH /applications/abc1234/experimentdefinitions/bsxyd7k/experimentruns/1/update HTTP/1.1\r\n";
    assert!(request.starts_with(target), "{request}");
    assert!(nobody_else_came(&listener).await);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_replaced_before_the_fence() {
    let (listener, client) = listener().await;
    let prepared = prepare(&client, None).await;
    drop(accepted(&listener).await);
    what_happened_is_known().await;
    let another = prepare(&client, Some(prepared)).await;
    let (update, stream) = (raise(), accepted(&listener).await);
    let (sent, _) = tokio::join!(send(another, &update), answer(stream));
    sent.unwrap();
    assert!(nobody_else_came(&listener).await);
}

#[tokio::test]
async fn p4_a_connection_that_is_closed_at_the_send_has_sent_nothing_and_is_not_replaced() {
    let (listener, client) = listener().await;
    let prepared = prepare(&client, None).await;
    drop(accepted(&listener).await);
    what_happened_is_known().await;
    let sent = send(prepared, &raise()).await;
    assert!(matches!(sent, Err(UpdateError::NotSent(_))), "{sent:?}");
    what_happened_is_known().await;
    assert!(nobody_else_came(&listener).await, "no second connection");
}

#[tokio::test]
async fn p4_a_connection_that_is_lost_when_something_was_sent_leaves_the_outcome_open() {
    let (listener, client) = listener().await;
    let prepared = prepare(&client, None).await;
    let mut stream = accepted(&listener).await;
    let lose = async {
        stream.read_u8().await.unwrap();
        drop(stream);
    };
    let update = raise();
    let (sent, ()) = tokio::join!(send(prepared, &update), lose);
    assert!(matches!(sent, Err(UpdateError::Unknown(_))), "{sent:?}");
    what_happened_is_known().await;
    assert!(nobody_else_came(&listener).await, "no second connection");
}

#[tokio::test]
async fn p1_where_nobody_accepts_nothing_is_prepared_and_the_wait_is_bounded() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    // The queue is full when a connection does not come about at once.
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    let client = impatient_client(&format!("http://{address}"));
    let started = Instant::now();
    let error = client.prepare(&region(), None).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Unreachable);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let message = error.message.unwrap();
    assert!(
        message.contains(&address.to_string()) && message.contains("eu-west-1"),
        "{message}"
    );
}

/// A peer that has read the first byte of a request and stops; and how it goes on later.
struct Stopped(TcpStream);

impl Stopped {
    /// Sends an update of some 12 kB to a peer whose kernel takes 2 kB before the peer reads, until `end`.
    async fn before(end: impl AsyncFnOnce(Client, Update, TcpListener) -> TcpStream) -> Self {
        let _alone = NO_PROCESS_STARTS.lock().await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(2_048).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = socket.listen(1).unwrap();
        let client = impatient_client(&format!("http://{}", listener.local_addr().unwrap()));
        let inline: BTreeMap<_, _> = (0..12).map(|number| (number.to_string(), "x".repeat(1_000))).collect();
        let overrides = Change::TreatmentOverrides(TreatmentOverrides { inline });
        let update = Update::new(overrides, DeploymentParameters::default());
        Self(end(client, update, listener).await)
    }

    /// Everything that comes until the end, and whether that was a reset.
    async fn goes_on(mut self) -> (Vec<u8>, bool) {
        let mut request = Vec::new();
        loop {
            match timeout(DEADLINE, self.0.read_buf(&mut request)).await.expect("an end") {
                Ok(0) => return (request, false),
                Ok(_) => {}
                Err(_) => return (request, true),
            }
        }
    }
}

fn assert_never_came_whole((request, reset): (Vec<u8>, bool)) {
    assert!(
        !request.ends_with(b"}"),
        "{} bytes came after it was given up",
        request.len()
    );
    assert!(reset, "after {} bytes", request.len());
}

#[tokio::test]
async fn p1_what_was_not_sent_when_an_update_was_given_up_is_never_sent() {
    let stopped = Stopped::before(async |client, update, listener| {
        let prepared = prepare(&client, None).await;
        let mut stream = accepted(&listener).await;
        let (sent, first) = tokio::join!(send(prepared, &update), stream.read_u8());
        assert!(matches!(&sent, Err(UpdateError::Unknown(_))), "{sent:?}");
        assert_eq!(first.unwrap(), b'P');
        stream
    });
    assert_never_came_whole(stopped.await.goes_on().await);
}

#[tokio::test]
async fn p1_an_update_that_is_dropped_ends_with_its_connection() {
    let stopped = Stopped::before(async |client, update, listener| {
        let prepared = prepare(&client, None).await;
        let mut stream = accepted(&listener).await;
        tokio::select! {
            biased;
            first = stream.read_u8() => assert_eq!(first.unwrap(), b'P'),
            sent = send(prepared, &update) => panic!("{sent:?}"),
        }
        stream
    });
    assert_never_came_whole(stopped.await.goes_on().await);
}
