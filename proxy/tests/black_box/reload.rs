//! Reloads: by signal, by the watch over files, by the admin API; taken whole or refused whole.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::http::{connect, get, order, read_reply};
use crate::origin::Gate;
use crate::program::{Gateway, Program, corelane, wait_until, without};

/// A configuration that says `answer` to everybody.
fn says(answer: &str) -> String {
    format!(
        "runtime: {{workers: 2, pin: false}}\n\
         listeners: [{{name: main, address: 127.0.0.1:0}}]\n\
         admin: {{address: 127.0.0.1:0}}\n\
         routes: [{{path: /*, respond: {{body: {answer}}}}}]\n"
    )
}

const FAULTY: &str = "routes:\n  - {path: x, respond: {}}\n  - {path: /a, service: nobody}\n";

fn answer(gateway: &Gateway) -> String {
    get(&gateway.program.listener("main"), "/").body
}

#[test]
fn sighup_takes_the_file_up() {
    let gateway = Gateway::run(&says("one"));
    assert_eq!(answer(&gateway), "one");
    gateway.rewrite(&says("two"));
    gateway.program.signal(Signal::HUP);
    gateway.program.wait_for_generation(2);
    assert_eq!(answer(&gateway), "two");
}

#[test]
fn a_faulty_file_is_refused_with_all_its_mistakes_and_the_old_one_goes_on() {
    let gateway = Gateway::run(&says("one"));
    gateway.rewrite(FAULTY);
    gateway.program.signal(Signal::HUP);
    let refused = gateway.program.err.wait_for_text("is refused");
    assert!(
        refused.ends_with("errors in it; generation 1 goes on"),
        "{refused}"
    );
    let said = without(&gateway.program.err.so_far(), gateway.directory.path());
    assert!(
        said.contains("gateway.yaml:2:12: error: routes[0].path: "),
        "{said}"
    );
    assert!(
        said.contains("gateway.yaml:3:25: error: routes[1].service: "),
        "{said}"
    );
    assert_eq!(answer(&gateway), "one");
    gateway.rewrite(&says("two"));
    gateway.program.signal(Signal::HUP);
    gateway.program.wait_for_generation(2);
    assert_eq!(answer(&gateway), "two");
}

#[test]
fn the_admin_api_reloads_and_tells_what_came_of_it() {
    let gateway = Gateway::run(&says("one"));
    let admin = gateway.program.admin();
    gateway.rewrite(&says("two"));
    let reply = order(&admin, "/reload", "");
    assert_eq!(
        (reply.status, &reply.json()["generation"]),
        (200, &json!(2))
    );
    assert_eq!(answer(&gateway), "two");

    gateway.rewrite(FAULTY);
    let reply = order(&admin, "/reload", "");
    assert_eq!(reply.status, 422);
    assert_eq!(
        reply.field("content-type"),
        Some("application/problem+json")
    );
    let errors = reply.json()["errors"].clone();
    assert_eq!(
        (&errors[0]["line"], &errors[0]["path"]),
        (&json!(2), &json!("routes[0].path"))
    );
    assert_eq!(answer(&gateway), "two");
    let status = get(&admin, "/status").json();
    assert_eq!(status["generation"], 2);
    assert_eq!(status["last_refused_reload"]["errors"], errors);

    gateway.rewrite(&says("three"));
    assert_eq!(order(&admin, "/reload", "").json()["generation"], 3);
    assert_eq!(
        get(&admin, "/status").json()["last_refused_reload"],
        Value::Null
    );
}

#[test]
fn the_watch_sees_files_that_are_written_replaced_and_repaired() {
    let gateway = Gateway::run_with(&says("one"), &["--watch"]);
    gateway.rewrite(&says("two"));
    gateway.program.wait_for_generation(2);
    assert_eq!(answer(&gateway), "two");

    let other = gateway.directory.path().join("new");
    fs::write(&other, says("six")).unwrap();
    fs::rename(&other, gateway.file()).unwrap();
    gateway.program.wait_for_generation(3);
    assert_eq!(answer(&gateway), "six");

    gateway.rewrite(FAULTY);
    gateway.program.err.wait_for_text("is refused");
    assert_eq!(answer(&gateway), "six");
    gateway.rewrite(&says("seven"));
    gateway.program.wait_for_generation(4);
    assert_eq!(answer(&gateway), "seven");
}

#[test]
fn the_watch_sees_what_comes_and_goes_in_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write("1.yaml", &says("one"));
    let path = directory.path().to_str().unwrap();
    let program = Program::start(&mut corelane(&["run", "-c", path, "--watch"]));
    program.wait_for_generation(1);
    let main = program.listener("main");
    assert_eq!(get(&main, "/new").body, "one");
    write("2.yml", "routes: [{path: /new, respond: {body: new}}]");
    program.wait_for_generation(2);
    assert_eq!(get(&main, "/new").body, "new");
    fs::remove_file(directory.path().join("2.yml")).unwrap();
    program.wait_for_generation(3);
    assert_eq!(get(&main, "/new").body, "one");
}

#[test]
fn a_request_under_way_is_not_disturbed() {
    let gate = Gate::start();
    let config = |path: &str| {
        format!(
            "listeners: [{{name: main, address: 127.0.0.1:0}}]\n\
             services: {{slow: {{endpoints: ['{}']}}}}\n\
             routes: [{{path: {path}, service: slow}}]\n",
            gate.address
        )
    };
    let gateway = Gateway::run(&config("/a"));
    let mut client = connect(&gateway.program.listener("main"));
    client
        .write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    gate.wait_for_request();
    gateway.rewrite(&config("/b"));
    gateway.program.signal(Signal::HUP);
    gateway.program.wait_for_generation(2);
    gate.open();
    let reply = read_reply(&mut client, false);
    assert_eq!((reply.status, &*reply.body), (200, "done"));
    client
        .write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    assert_eq!(read_reply(&mut client, false).status, 404);
}

#[test]
fn calls_that_wait_for_a_reload_share_the_next_one() {
    let gateway = Gateway::run(&says("one"));
    let admin = gateway.program.admin();
    // Reading a pipe takes until somebody writes into it.
    fs::remove_file(gateway.file()).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, gateway.file(), mode).unwrap();
    let head = "POST /reload HTTP/1.1\r\nHost: localhost\r\nX-Corelane-Admin: 1\r\n\r\n";
    let ask = || {
        let mut stream = connect(&admin);
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut first = ask();
    // Opening succeeds when the reload has opened the other end.
    let mut pipe = fs::File::options()
        .write(true)
        .open(gateway.file())
        .unwrap();
    let mut others: Vec<_> = (0..5).map(|_| ask()).collect();
    // Requests are taken in the order of their arrival, and a reload delays no other page.
    assert_eq!(get(&admin, "/healthz").status, 200);
    fs::remove_file(gateway.file()).unwrap();
    gateway.rewrite(&says("three"));
    pipe.write_all(says("two").as_bytes()).unwrap();
    drop(pipe);
    assert_eq!(read_reply(&mut first, false).json()["generation"], 2);
    for stream in &mut others {
        assert_eq!(read_reply(stream, false).json()["generation"], 3);
    }
    assert_eq!(answer(&gateway), "three");
}

#[test]
fn listeners_come_and_go() {
    let gateway = Gateway::run(&says("one"));
    let first = gateway.program.listener("main");
    let second = says("two").replace(
        "{name: main, address: 127.0.0.1:0}",
        "{name: second, address: 127.0.0.2:0}",
    );
    gateway.rewrite(&second);
    gateway.program.signal(Signal::HUP);
    let address = gateway.program.listener("second");
    gateway.program.wait_for_generation(2);
    assert_eq!(get(&address, "/").body, "two");
    wait_until("the first listener is closed", || {
        TcpStream::connect(&first).is_err().then_some(())
    });
}

#[test]
fn an_address_that_is_taken_refuses_the_whole_reload() {
    let gateway = Gateway::run(&says("one"));
    let admin = gateway.program.admin();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    for key in ["listeners: [{name: main, address: ", "admin: {address: "] {
        let text = says("two").replace(&format!("{key}127.0.0.1:0"), &format!("{key}'{taken}'"));
        assert!(text.contains(&taken.to_string()));
        gateway.rewrite(&text);
        let reply = order(&admin, "/reload", "");
        assert_eq!(reply.status, 409, "{reply:?}");
        assert!(
            reply.json()["detail"].as_str().unwrap().contains("in use"),
            "{reply:?}"
        );
        assert_eq!(answer(&gateway), "one");
    }
    assert_eq!(get(&admin, "/readyz").status, 200);
}

#[test]
fn the_admin_api_moves_with_its_address_and_ends_without_one() {
    let gateway = Gateway::run(&says("one"));
    let admin = gateway.program.admin();
    let moved = says("two").replace(
        "admin: {address: 127.0.0.1:0}",
        "admin: {address: 127.0.0.2:0}",
    );
    gateway.rewrite(&moved);
    // The answer to the order that moves it comes from the old place.
    assert_eq!(order(&admin, "/reload", "").json()["generation"], 2);
    let other = gateway.program.err.wait_for("admin 127.0.0.2", |line| {
        let address = line.strip_prefix("admin ")?;
        address.starts_with("127.0.0.2").then(|| address.to_owned())
    });
    assert_eq!(get(&other, "/readyz").status, 200);
    wait_until("the old address is closed", || {
        TcpStream::connect(&admin).is_err().then_some(())
    });
    gateway.rewrite(&says("three").replace("admin: {address: 127.0.0.1:0}\n", ""));
    assert_eq!(order(&other, "/reload", "").json()["generation"], 3);
    wait_until("the admin API has ended", || {
        TcpStream::connect(&other).is_err().then_some(())
    });
    assert_eq!(answer(&gateway), "three");
}

#[test]
fn what_needs_a_restart_is_said() {
    let gateway = Gateway::run(&says("one"));
    gateway.rewrite(&says("two").replace("workers: 2", "workers: 1"));
    let reply = order(&gateway.program.admin(), "/reload", "");
    assert_eq!(reply.json()["needs_restart"], json!(["workers"]));
    gateway
        .program
        .err
        .wait_for_text("runtime.workers has changed, which takes effect at the next start");
}

#[test]
fn sigusr1_opens_the_access_log_again() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let gateway = Gateway::run(&format!(
        "{}access_log: {{path: '{}'}}\n",
        says("one"),
        log.display()
    ));
    let main = gateway.program.listener("main");
    let has = |path: &str| {
        let text = fs::read_to_string(&log).unwrap_or_default();
        text.contains(path).then_some(())
    };
    get(&main, "/before");
    wait_until("the first record", || has("/before"));
    fs::rename(&log, directory.path().join("access.log.1")).unwrap();
    gateway.program.signal(Signal::USR1);
    // The file is opened before the next record that is written after the signal has arrived.
    wait_until("a record in the new file", || {
        get(&main, "/after");
        has("/after")
    });
    assert!(has("/before").is_none());
}
