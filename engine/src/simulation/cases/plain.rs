//! Requests and replies without a fault: the simulation itself, connections, reload, drain.

use super::{Ended, Message, ORIGIN, Received, Simulation, assert_fired, config, echo, get, ok};
use crate::io::memory::{Event, What};
use crate::simulation::GATEWAY;

#[test]
fn a_connection_carries_requests_one_after_the_other() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        for target in ["/one", "/two"] {
            let request = party.whole().await;
            assert_eq!(request.line, format!("GET {target} HTTP/1.1"));
            assert_eq!(request.field("host"), Some("h"));
            assert!(request.field("x-request-id").is_some());
            party.send(ok(target)).await.unwrap();
        }
    });
    let mut client = simulation.client();
    let replies = simulation.run(async move {
        let mut replies = Vec::new();
        for target in ["/one", "/two"] {
            client.send(get(target)).await.unwrap();
            replies.push(client.whole().await.body);
        }
        replies
    });
    assert_eq!(replies, [b"/one", b"/two"]);
    assert_eq!(simulation.now_ms(), 0, "nothing had to wait");
    simulation.end();
}

/// Ten clients, two workers, a little of everything that takes time.
fn crowd(seed: u64) -> (Vec<Message>, Vec<Event>) {
    let simulation = Simulation::start(seed, 2, &config("", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        while let Received::Whole(request) = party.message().await {
            party.rest(request.target().len() as u64).await;
            party.send(ok(request.target())).await.unwrap();
        }
    });
    let mut clients: Vec<_> = (0..10).map(|_| simulation.client()).collect();
    let replies = simulation.run(async move {
        let mut replies = Vec::new();
        for round in 0..5 {
            for client in &mut clients {
                client.send(get(&"/".repeat(1 + round))).await.unwrap();
            }
            for client in &mut clients {
                replies.push(client.whole().await);
            }
        }
        replies
    });
    (replies, simulation.end())
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    for seed in [0, 1, 77] {
        let (first, second) = (crowd(seed), crowd(seed));
        assert_eq!(first.0, second.0, "seed {seed}: what clients saw");
        assert!(
            first.1 == second.1,
            "seed {seed}: what happened on the wire"
        );
        assert!(first.1.len() > 100);
    }
    assert!(crowd(1).1 != crowd(2).1, "another seed is another run");
}

#[test]
fn connections_are_handed_to_the_worker_that_has_fewer() {
    let yaml = format!("runtime: {{balance: handoff}}\n{}", config("", ""));
    let simulation = Simulation::start(3, 2, &yaml);
    simulation.origin(ORIGIN, echo);
    let clients: Vec<_> = (0..9).map(|_| simulation.client()).collect();
    simulation.turns.settle();
    let mut loads = simulation.loads();
    loads.sort_unstable();
    assert_eq!(loads, [4, 5]);
    drop(clients);
    simulation.turns.settle();
    assert_eq!(simulation.loads(), [0, 0]);
    simulation.end();
}

#[test]
fn a_request_ends_on_the_configuration_on_which_it_began() {
    let respond = |text: &str| {
        format!(
            "services: {{a: {{endpoints: [\"{ORIGIN}\"]}}}}\n\
             routes: [{{path: /slow, service: a, response_headers: {{set: {{x: {text}}}}}}}, \
             {{path: /*, respond: {{status: 200, body: {text}}}}}]\n"
        )
    };
    let mut simulation = Simulation::start(5, 2, &respond("old"));
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        party.rest(500).await;
        party.send(ok("slow")).await.unwrap();
    });
    let (slow, mut quick) = (simulation.client(), simulation.client());
    let mut slow = simulation.run(async move {
        slow.send(get("/slow")).await.unwrap();
        slow.rest(100).await;
        slow
    });
    assert_eq!(simulation.publish(&respond("new")), Ok(2));
    let (slow, quick) = simulation.run(async move {
        quick.send(get("/")).await.unwrap();
        (slow.whole().await, quick.whole().await)
    });
    assert_eq!(
        (slow.field("x"), slow.body.as_slice()),
        (Some("old"), &b"slow"[..])
    );
    assert_eq!(quick.body, b"new");
    simulation.end();
}

#[test]
fn a_drain_lets_the_request_end_and_closes_the_idle() {
    let mut simulation = Simulation::start(0, 2, &config("", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        party.rest(3000).await;
        party.send(ok("late")).await.unwrap();
    });
    let (busy, mut idle) = (simulation.client(), simulation.client());
    let mut busy = simulation.run(async move {
        busy.send(get("/")).await.unwrap();
        busy.rest(50).await;
        busy
    });
    simulation.drain();
    assert!(simulation.network.open(GATEWAY).is_err());
    let (reply, left_at) = simulation.run(async move {
        assert_eq!(idle.read_to_end().await, (Vec::new(), Ended::Orderly));
        let left_at = idle.now_ms();
        (busy.whole().await, left_at)
    });
    assert_eq!(reply.body, b"late");
    assert_fired(left_at, 50 + 1000);
    assert_eq!(simulation.open_connections(), 0);
    simulation.end();
}

#[test]
fn what_has_come_of_a_reply_is_not_kept_back() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    simulation.origin(ORIGIN, |mut party| async move {
        party.whole().await;
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for piece in [
            head,
            "5",
            "\r\nhel",
            "lo\r",
            "\n1\r\n",
            "!\r\n0\r\n",
            "\r\n",
        ] {
            party.send(piece).await.unwrap();
            if piece != head {
                party.rest(1000).await;
            }
        }
    });
    let mut client = simulation.client();
    let came = simulation.run(async move {
        client.send(get("/")).await.unwrap();
        let mut came = Vec::new();
        while Message::parse(&client.unread).is_none() {
            client.read().await.unwrap();
            let text = String::from_utf8_lossy(&client.unread).into_owned();
            came.push((
                client.now_ms(),
                text.split("\r\n\r\n").nth(1).map(str::to_owned),
            ));
        }
        came
    });
    let came: Vec<_> = came
        .iter()
        .map(|(at, body)| (*at, body.as_deref().unwrap()))
        .collect();
    assert_eq!(
        came,
        [
            (0, ""),
            (1000, "3\r\nhel\r\n"),
            (2000, "3\r\nhel\r\n2\r\nlo\r\n"),
            (4000, "3\r\nhel\r\n2\r\nlo\r\n1\r\n!\r\n"),
            (5000, "3\r\nhel\r\n2\r\nlo\r\n1\r\n!\r\n0"),
        ]
    );
    simulation.end();
}

#[test]
fn the_trace_says_when_and_what() {
    let simulation = Simulation::start(0, 1, &config("", ""));
    simulation.origin(ORIGIN, echo);
    let mut client = simulation.client();
    simulation.run(async move {
        client.send(get("/")).await.unwrap();
        client.whole().await;
        client.rest(1000).await;
    });
    let events = simulation.end();
    let sent = events
        .iter()
        .filter(|event| matches!(event.what, What::Sent(_)));
    assert_eq!(sent.count(), 4, "a request and a reply on two connections");
    assert!(events.iter().any(|event| event.what == What::Time(1000)));
}
