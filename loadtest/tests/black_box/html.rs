//! Pages for browsers, as a user makes them. What a browser makes of them is for `.ci/html-report`.

use std::path::Path;

use crate::program::{Origin, program};

/// Runs a little load and writes its JSON and its page into `folder`.
fn run(origin: &Origin, folder: &Path, name: &str) -> [String; 2] {
    let url = format!("http://{}/<b>?a='1'&c=%22", origin.address);
    let [json, html] = ["json", "html"].map(|kind| {
        let path = folder.join(name).with_extension(kind);
        path.to_str().unwrap().to_owned()
    });
    let options = ["-n", "300", "-c", "2", "--json", "--html", &html];
    let output = program(&[&["run", &url], &options[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    std::fs::write(&json, output.stdout).unwrap();
    [json, html]
}

#[test]
fn a_page_stands_alone() {
    let origin = Origin::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let [_, html] = run(&origin, folder.path(), "one");
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.starts_with("<!doctype html>\n<html"), "{page}");
    for part in [
        "<figure id=\"curve\">",
        "<figure id=\"throughput\">",
        "<figure id=\"latency-over-time\">",
        "&lt;b&gt;?a=&#39;1&#39;&amp;c=%22",
        "-n 300",
        "default-src &#39;none&#39;",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    for part in ["<script", "src=", "@import", "url(", "<b>"] {
        assert!(!page.contains(part), "{part} in {page}");
    }
}

#[test]
fn a_page_from_a_saved_report_is_that_of_the_run() {
    let origin = Origin::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let [json, html] = run(&origin, folder.path(), "saved");
    let again = folder.path().join("again.html");
    let output = program(&["report", &json, "--html", again.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let [page, again] =
        [Path::new(&html), &again].map(|path| std::fs::read_to_string(path).unwrap());
    assert_eq!(again, page.replace(">this run<", ">saved<"));
}

#[test]
fn several_reports_share_a_page() {
    let origin = Origin::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let [before, _] = run(&origin, folder.path(), "before");
    let [after, _] = run(&origin, folder.path(), "after");
    let html = folder.path().join("both.html");
    let html = html.to_str().unwrap();
    let output = program(&["report", &before, &after, "--html", html]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = std::fs::read_to_string(html).unwrap();
    for part in ["2 load tests compared", ">before<", ">after<", "× "] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let nine = [before.as_str(); 9];
    let output = program(&[&["report"], &nine[..], &["--html", html]].concat());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("9 runs; a page shows at most 8"), "{error}");
}

#[test]
fn what_is_no_report_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("other.json");
    std::fs::write(&file, "{\"url\": 1}").unwrap();
    let html = folder.path().join("page.html");
    let words = [
        "report",
        file.to_str().unwrap(),
        "--html",
        html.to_str().unwrap(),
    ];
    let output = program(&words);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("other.json: no report"), "{error}");
    assert!(!html.exists(), "nothing was made");
}
