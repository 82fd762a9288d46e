//! The dashboard's files. They are served as they are and ask the API for everything else.

/// One of them.
#[derive(Debug)]
pub(super) struct File {
    path: &'static str,
    pub(super) kind: &'static str,
    pub(super) content: &'static str,
}

static FILES: [File; 3] = [
    File {
        path: "/",
        kind: "text/html; charset=utf-8",
        content: include_str!("dashboard/index.html"),
    },
    File {
        path: "/dashboard.css",
        kind: "text/css; charset=utf-8",
        content: include_str!("dashboard/dashboard.css"),
    },
    File {
        path: "/dashboard.js",
        kind: "text/javascript; charset=utf-8",
        content: include_str!("dashboard/dashboard.js"),
    },
];

/// The file at this path.
pub(super) fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}
