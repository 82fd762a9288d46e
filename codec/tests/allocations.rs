//! The codec allocates nothing once its values have grown to the size of the traffic.
//!
//! A binary of its own, because the allocator that counts is the whole program's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(unsafe_code, reason = "a global allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use corelane_codec::{
    BodyDecoder, BodyLength, BodyLimits, HeadLimits, HeadScan, Method, Name, Parsed, Persistence,
    RequestHead, ResponseHead, encode_chunk_size, encode_last_chunk, encode_request_head,
    encode_response_head, framing, normalize_path, parse_target, request_body_length,
    response_body_length,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.with(|allocations| allocations.set(allocations.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: what the caller promises about `layout` is what is asked for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: `block` came from `alloc` or `realloc` above, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as for `dealloc`; what is promised about `size` is what is asked for.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const REQUEST: &[u8] = b"POST /api/v1/%75sers/../orders?page=2 HTTP/1.1\r\n\
    Host: shop.example.com:8080\r\nUser-Agent: test/1.0\r\nAccept: */*\r\n\
    Accept-Encoding:gzip, br\r\nCookie: session=0123456789abcdef\r\nX_Odd: 1\r\n\
    Connection: keep-alive, x-hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n\
    5;note=\"x\"\r\nhello\r\n6\r\n world\r\n0\r\nGrpc-Status: 0\r\nX-Sum: 1\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 201 Created\r\nServer: origin\r\nContent-Type: text/plain\r\n\
    Date: Mon, 23 Nov 2026 07:33:28 GMT\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello";

/// What a connection keeps from one exchange to the next.
struct Connection {
    scan: HeadScan,
    request: RequestHead,
    response: ResponseHead,
    body: BodyDecoder,
    path: Vec<u8>,
    out: Vec<u8>,
    data: usize,
}

#[test]
fn a_warm_connection_allocates_nothing() {
    let mut connection = Connection {
        scan: HeadScan::default(),
        request: RequestHead::new(),
        response: ResponseHead::new(),
        body: BodyDecoder::new(BodyLength::Empty, BodyLimits::default()),
        path: Vec::new(),
        out: Vec::new(),
        data: 0,
    };
    // Whole messages, then messages in pieces: what the one does not need, the other may.
    for piece in [usize::MAX, 7, 1] {
        exchange(&mut connection, piece);
        let before = ALLOCATIONS.get();
        for _ in 0..100 {
            exchange(&mut connection, piece);
        }
        assert_eq!(ALLOCATIONS.get() - before, 0, "in pieces of {piece} bytes");
    }
    assert_eq!(
        connection.data,
        3 * 101 * ("hello world".len() + "hello".len())
    );
}

#[test]
fn the_counter_counts() {
    let before = ALLOCATIONS.get();
    drop(std::hint::black_box(vec![1_u8]));
    assert_eq!(ALLOCATIONS.get() - before, 1);
}

fn exchange(connection: &mut Connection, piece: usize) {
    let limits = HeadLimits::default();
    connection.out.clear();

    connection.scan.reset();
    let (request, scan) = (&mut connection.request, &mut connection.scan);
    let start = arrive(REQUEST, piece, |input| {
        request.parse(input, scan, &limits).unwrap()
    });
    let length = request_body_length(request).unwrap();
    let target = parse_target(request.method(), request.target()).unwrap();
    framing::host(request, &target).unwrap().unwrap();
    normalize_path(target.path().unwrap(), &mut connection.path).unwrap();
    assert!(framing::request_wants_keep_alive(request));
    assert!(!framing::expects_continue(request).unwrap());
    request.fields.remove_hop_by_hop();
    assert_eq!(request.fields.remove_underscored(), 1);
    request.fields.set_known(Name::XForwardedFor, b"10.0.0.1");
    request.fields.set(b"X-Custom", b"set");
    request.fields.remove_named(b"x-custom");
    encode_request_head(
        &mut connection.out,
        request,
        &connection.path,
        length,
        Persistence::Implied,
    );
    connection.body.reset(length);
    connection.data += read_body(&mut connection.body, &REQUEST[start..], piece);
    encode_chunk_size(&mut connection.out, 11);
    assert_eq!(connection.body.trailers().len(), 2);
    encode_last_chunk(&mut connection.out, connection.body.trailers());

    connection.scan.reset();
    let (response, scan) = (&mut connection.response, &mut connection.scan);
    let start = arrive(RESPONSE, piece, |input| {
        response.parse(input, scan, &limits).unwrap()
    });
    let length = response_body_length(response, Method::Post).unwrap();
    assert!(framing::response_allows_keep_alive(response));
    response.fields.remove_hop_by_hop();
    encode_response_head(
        &mut connection.out,
        response,
        length.into(),
        Persistence::Close,
    );
    connection.body.reset(length);
    connection.data += read_body(&mut connection.body, &RESPONSE[start..], piece);
}

/// Shows `parse` more and more of `input` until the head is complete, and says where it ends.
fn arrive(input: &[u8], piece: usize, mut parse: impl FnMut(&[u8]) -> Parsed) -> usize {
    let mut seen = 0_usize;
    loop {
        seen = seen.saturating_add(piece).min(input.len());
        if let Parsed::Complete { consumed } = parse(&input[..seen]) {
            return consumed;
        }
    }
}

/// Reads a body to its end and says how much data it had.
fn read_body(body: &mut BodyDecoder, input: &[u8], piece: usize) -> usize {
    let mut data = 0;
    for mut part in input.chunks(piece.min(input.len())) {
        while !part.is_empty() {
            let decoded = body.decode(part).unwrap();
            data += decoded.data.len();
            part = &part[decoded.consumed..];
        }
    }
    assert!(body.is_ended());
    data
}
