//! The examples as programs: each is started on a port of the kernel's choice, asked over a socket,
//! and ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running example.
struct Example {
    process: Child,
    told: BufReader<ChildStderr>,
    address: String,
}

impl Example {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new(examples().join(name))
            .args(arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut told = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut line = String::new();
        told.read_line(&mut line).expect("it says where it listens");
        let address = line.split(' ').nth(1).expect("`listening ADDRESS NAME`");
        Self {
            address: address.to_owned(),
            process,
            told,
        }
    }

    /// The whole reply to a GET request for `target` with these field lines. In HTTP/1.0, so that
    /// every body comes without framing.
    fn get(&self, target: &str, fields: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("it is not zero");
        let request = format!("GET {target} HTTP/1.0\r\n{fields}\r\n");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        reply
    }

    /// Writes a line to its standard input, and says what it has to say about it.
    fn tell(&mut self, line: &str) -> String {
        let input = self.process.stdin.as_mut().expect("it is piped");
        writeln!(input, "{line}").expect("it reads");
        let mut answer = String::new();
        self.told.read_line(&mut answer).expect("it answers");
        answer.trim_end().to_owned()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.process.kill().expect("it has not ended by itself");
        self.process.wait().expect("it ends");
    }
}

/// Where the examples are, built as they are now: `cargo test --test examples` alone builds none.
fn examples() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let own = std::env::current_exe().expect("a test has a path");
        let profile = own.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
        let target = profile.parent().expect("target/PROFILE");
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--examples",
            "--package",
            env!("CARGO_PKG_NAME"),
        ]);
        build.arg("--target-dir").arg(target);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success());
        profile.join("examples")
    });
    folder.clone()
}

/// An origin that answers each request, one a connection, with what `answer` makes of its head; the
/// pieces of the answer leave one by one.
fn origin(answer: impl Fn(&str) -> Vec<String> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    // The thread ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            stream
                .get_ref()
                .set_nodelay(true)
                .expect("a TCP connection");
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).is_ok_and(|n| n > 0) {}
            for piece in answer(&head) {
                stream
                    .get_mut()
                    .write_all(piece.as_bytes())
                    .expect("it is read");
            }
        }
    });
    address
}

/// A reply that ends with its connection.
fn reply(fields: &str, pieces: &[&str]) -> Vec<String> {
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{fields}\r\n");
    let pieces = pieces.iter().map(|piece| (*piece).to_owned());
    std::iter::once(head).chain(pieces).collect()
}

#[test]
fn static_reply() {
    let example = Example::start("static_reply", &["127.0.0.1:0"]);
    let told = example.get("/hello/world", "Host: h\r\n");
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    assert!(told.ends_with("\r\n\r\nGood day, world\n"), "{told}");
}

#[test]
fn header_filter() {
    let origin = origin(|head| {
        let tenant = head.lines().find(|line| line.starts_with("x-tenant: "));
        reply("Server: secret\r\n", &[tenant.unwrap_or("nobody")])
    });
    let example = Example::start("header_filter", &["127.0.0.1:0", &origin]);
    let told = example.get("/", "Host: acme.example.com\r\nX-Tenant: forged\r\n");
    assert!(
        told.contains("x-tenant: acme\r\n") && told.ends_with("x-tenant: acme"),
        "{told}"
    );
    assert!(
        !told.contains("secret") && !told.contains("forged"),
        "{told}"
    );
    let told = example.get("/", "Host: localhost\r\n");
    assert!(
        told.starts_with("HTTP/1.1 404 ") && told.contains("no tenant is called that"),
        "{told}"
    );
}

#[test]
fn async_side_call() {
    let keys = origin(|head| {
        let good = head.starts_with("GET /keys HTTP/1.1\r\n") && head.contains("x-api-key: k1\r\n");
        reply(if good { "X-Tenant: acme\r\n" } else { "" }, &[])
    });
    let origin = origin(|head| {
        let tenant = head.lines().find(|line| line.starts_with("x-tenant: "));
        reply("", &[tenant.unwrap_or("nobody")])
    });
    let example = Example::start("async_side_call", &["127.0.0.1:0", &keys, &origin]);
    for _ in 0..3 {
        let told = example.get("/", "Host: h\r\nX-API-Key: k1\r\n");
        assert!(
            told.starts_with("HTTP/1.1 200 ") && told.contains("x-tenant: acme"),
            "{told}"
        );
    }
    let status = |fields: &str| example.get("/", fields)[9..12].to_owned();
    assert_eq!(status("Host: h\r\nX-API-Key: k2\r\n"), "403");
    assert_eq!(status("Host: h\r\n"), "401");
}

#[test]
fn body_rewrite() {
    let origin = origin(|head| match head {
        head if head.starts_with("GET /page") => {
            let fields = "Content-Type: text/html\r\nETag: \"1\"\r\n";
            reply(
                fields,
                &[
                    "<a href=//app.inter",
                    "nal/x>app.internal</a>app.intern",
                    "ot",
                ],
            )
        }
        _ => reply(
            "Content-Type: text/plain\r\nETag: \"1\"\r\n",
            &["app.internal"],
        ),
    });
    let example = Example::start("body_rewrite", &["127.0.0.1:0", &origin]);
    let told = example.get("/page", "Host: h\r\n");
    let page = "<a href=//www.example.com/x>www.example.com</a>app.internot";
    assert!(told.ends_with(page) && !told.contains("ETag"), "{told}");
    let told = example.get("/other", "Host: h\r\n");
    assert!(
        told.contains("app.internal") && told.contains("ETag: \"1\""),
        "{told}"
    );
}

#[test]
fn dynamic_endpoints() {
    let first = origin(|_| reply("", &["first"]));
    let second = origin(|_| reply("", &["second"]));
    let mut example = Example::start("dynamic_endpoints", &["127.0.0.1:0"]);
    let answers = |example: &Example, wanted: &str| {
        let told = example.get("/", "Host: h\r\n");
        assert!(told.contains(wanted), "{told}");
    };
    answers(&example, "no_endpoint");
    assert_eq!(example.tell(&first), "endpoints 1");
    answers(&example, "first");
    assert_eq!(example.tell(&second), "endpoints 1");
    answers(&example, "second");
    assert_eq!(example.tell(&format!("{first} {second}")), "endpoints 2");
    assert!(example.tell("nonsense").starts_with("refused: "));
    assert!(
        example
            .tell(&format!("{first} {first}"))
            .ends_with("comes twice")
    );
    assert_eq!(example.tell(""), "endpoints 0");
    answers(&example, "no_endpoint");
}

#[test]
fn gateway() {
    let origin = origin(|head| reply("", &[head.lines().next().unwrap_or_default()]));
    let file = std::env::temp_dir().join(format!("corelane-example-{}.yaml", std::process::id()));
    let config = format!(
        "listeners: [{{address: 127.0.0.1:0, name: main}}]\n\
         services: {{app: {{endpoints: [\"{origin}\"]}}}}\n\
         routes: [{{path: /api/*, service: app, strip_prefix: /api}}]\n"
    );
    std::fs::write(&file, config).expect("a file for the configuration");
    let example = Example::start("gateway", &[file.to_str().expect("a path in UTF-8")]);
    std::fs::remove_file(&file).expect("the file is there");
    assert!(
        example
            .get("/api/x", "Host: h\r\n")
            .contains("GET /x HTTP/1.1")
    );
    assert!(
        example
            .get("/other", "Host: h\r\n")
            .starts_with("HTTP/1.1 404 ")
    );
}
