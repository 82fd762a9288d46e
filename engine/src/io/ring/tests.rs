//! What goes through a ring, between a connection of the engine's and an ordinary socket.

#![expect(unsafe_code, reason = "a test breaks a ring by its descriptor")]

use std::fs::File;
use std::io::{Read, Write};
use std::mem::ManuallyDrop;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::supply::PIECE;
use super::*;
use crate::io::Incoming;

/// A ring on the event loop of a test, which turns when the test waits.
fn on_a_ring<F: Future<Output = ()>>(test: impl FnOnce(Rc<Ring>) -> F) {
    let driver = Driver::choose(corelane_config::Io::Uring, false, 1).unwrap();
    let ring = Rc::new(Ring::new(&driver));
    let ended = driver.block_on(async move {
        assert!(ring.open() && !ring.open(), "once");
        let running = ring.clone();
        drop(monoio::spawn(async move { running.run().await }));
        test(ring).await;
    });
    ended.unwrap();
}

/// A connection of `ring`'s and its other end.
fn pair(ring: &Rc<Ring>) -> (Stream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    (accepted(ours, ring), theirs)
}

fn accepted(ours: impl Into<OwnedFd>, ring: &Rc<Ring>) -> Stream {
    Stream::accepted(Incoming::Kernel(ours.into()), ring).unwrap()
}

#[test]
fn many_messages_of_one_turn_arrive_whole_and_come_back() {
    on_a_ring(|ring| async move {
        let count = ENTRIES as usize * 2 + 3;
        let pairs: Vec<_> = (0..count).map(|_| pair(&ring)).collect();
        let mut texts: Vec<Vec<u8>> = (0..count)
            .map(|number| format!("message {number}").into_bytes())
            .collect();
        let expected = texts.clone();
        let mut counts = vec![0; count];
        let mut sends: Vec<_> = pairs
            .iter()
            .zip(&mut texts)
            .zip(&mut counts)
            .map(|(((ours, _), text), count)| Box::pin(ring.send(ours, text, count)))
            .collect();
        poll_fn(|cx| {
            let polled = sends.iter_mut().map(|send| send.as_mut().poll(cx));
            assert_eq!(polled.filter(Poll::is_ready).count(), 0, "before its turn");
            Poll::Ready(())
        })
        .await;
        for (send, text) in sends.into_iter().zip(&expected) {
            assert_eq!(send.await.unwrap(), text.len());
        }
        assert_eq!(texts, expected);
        let lengths = expected.iter().map(|text| text.len() as u64);
        assert!(counts.into_iter().eq(lengths));
        for ((_, mut theirs), text) in pairs.into_iter().zip(expected) {
            let mut received = [0; 64];
            let read = theirs.read(&mut received).unwrap();
            assert_eq!(received[..read], text[..]);
        }
    });
}

#[test]
fn what_does_not_fit_or_has_nobody_to_go_to_is_said_at_once() {
    on_a_ring(|ring| async move {
        let (ours, theirs) = pair(&ring);
        let (mut bytes, mut count) = (vec![b'x'; 1 << 20], 0);
        let sent = ring.send(&ours, &mut bytes, &mut count).await.unwrap();
        assert!(sent > 0 && sent < bytes.len(), "{sent}");
        let full = ring.send(&ours, &mut bytes, &mut count).await;
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(bytes.len(), 1 << 20, "the bytes are here again");
        drop(theirs);
        let gone = ring.send(&ours, &mut bytes, &mut count).await;
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(count, sent as u64);
    });
}

/// Polls once, which puts the message into the outbox.
async fn begin(mut send: Pin<&mut impl Future<Output = io::Result<usize>>>) {
    assert!(poll_fn(|cx| Poll::Ready(send.as_mut().poll(cx).is_pending())).await);
}

#[test]
fn who_stops_waiting_before_its_turn_sends_nothing() {
    on_a_ring(|ring| async move {
        let (ours, mut theirs) = pair(&ring);
        let (mut first, mut second, mut count) = (b"first".to_vec(), b"second".to_vec(), 0);
        begin(pin!(ring.send(&ours, &mut first, &mut count))).await;
        assert_eq!((&*first, count), (b"first".as_slice(), 0));
        let sent = ring.send(&ours, &mut second, &mut count).await;
        assert_eq!((sent.unwrap(), count), (6, 6));
        let mut received = [0; 64];
        assert_eq!(theirs.read(&mut received).unwrap(), 6);
        assert_eq!(received[..6], *b"second");
    });
}

#[test]
fn who_stops_waiting_after_its_turn_is_told_what_was_sent() {
    on_a_ring(|ring| async move {
        let (ours, mut theirs) = pair(&ring);
        let (mut bytes, mut count) = (vec![b'x'; 1 << 20], 0);
        {
            let mut given_up = pin!(ring.send(&ours, &mut bytes, &mut count));
            begin(given_up.as_mut()).await;
            ring.turn();
        }
        let mut received = vec![0; 1 << 20];
        let read = theirs.read(&mut received).unwrap();
        assert!(read > 0 && read as u64 <= count, "{read} of {count}");
        assert_eq!(bytes.len() as u64, (1 << 20) - count);
    });
}

#[test]
fn a_ring_that_fails_is_given_up_and_messages_go_by_themselves() {
    on_a_ring(|ring| async move {
        let (ours, mut theirs) = pair(&ring);
        let descriptor = ring.0.borrow().ring.as_ref().map(AsRawFd::as_raw_fd);
        // SAFETY: the ring is open, and stays the owner of its descriptor.
        let mut descriptor =
            ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(descriptor.unwrap()) });
        let other = File::open("/dev/null").unwrap();
        rustix::io::dup2(other, &mut descriptor).unwrap();
        let (mut bytes, mut count) = (b"hello".to_vec(), 0);
        let refused = ring.send(&ours, &mut bytes, &mut count).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!((&*bytes, count), (b"hello".as_slice(), 0));
        let sent = ring.send(&ours, &mut bytes, &mut count).await;
        assert_eq!((sent.unwrap(), count), (5, 5));
        let mut received = [0; 64];
        assert_eq!(theirs.read(&mut received).unwrap(), 5);
    });
}

/// What there is to be read without waiting, or the error's kind.
fn read(stream: &Stream, most: usize) -> Result<Vec<u8>, io::ErrorKind> {
    let mut bytes = Vec::with_capacity(most);
    match stream.try_recv(&mut bytes) {
        Ok(count) => {
            assert_eq!(count, bytes.len());
            Ok(bytes)
        }
        Err(error) => Err(error.kind()),
    }
}

/// Begins to wait for `stream`, which has nothing to say yet.
async fn wait_in_vain(stream: &Stream) {
    let mut readable = pin!(stream.readable());
    poll_fn(|cx| {
        assert!(readable.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[test]
fn what_has_come_lies_ready_also_when_all_buffers_are_in_use() {
    on_a_ring(|ring| async move {
        let pairs: Vec<_> = (0..300).map(|_| pair(&ring)).collect();
        for (ours, _) in &pairs {
            wait_in_vain(ours).await;
        }
        ring.turn();
        for (number, (_, theirs)) in pairs.iter().enumerate() {
            let mut theirs = theirs;
            let message = format!("message {number}");
            theirs.write_all(message.as_bytes()).unwrap();
        }
        for (number, (ours, _)) in pairs.iter().enumerate() {
            ours.readable().await.unwrap();
            assert!(ours.has_arrived());
            let expected = format!("message {number}").into_bytes();
            assert_eq!(read(ours, 64), Ok(expected));
            assert!(!ours.has_arrived());
            assert_eq!(read(ours, 64), Err(io::ErrorKind::WouldBlock));
        }
    });
}

#[test]
fn nobody_reads_past_an_operation_that_is_under_way() {
    on_a_ring(|ring| async move {
        let (ours, mut theirs) = pair(&ring);
        wait_in_vain(&ours).await;
        assert_eq!(read(&ours, 64), Err(io::ErrorKind::WouldBlock));
        ring.turn();
        // The kernel has received this before anybody was told, and this it has not.
        theirs.write_all(b"first").unwrap();
        theirs.write_all(b" second").unwrap();
        assert_eq!(read(&ours, 64), Err(io::ErrorKind::WouldBlock));
        ours.readable().await.unwrap();
        assert_eq!(ours.peek().unwrap(), "first".len());
        assert_eq!(read(&ours, 3), Ok(b"fir".to_vec()));
        assert_eq!(read(&ours, 64), Ok(b"st".to_vec()));
        assert_eq!(read(&ours, 64), Ok(b" second".to_vec()));
    });
}

#[test]
fn more_than_a_buffer_holds_keeps_its_order() {
    on_a_ring(|ring| async move {
        let (ours, mut theirs) = pair(&ring);
        let sent: Vec<u8> = (0..100_000u32).flat_map(u32::to_be_bytes).collect();
        wait_in_vain(&ours).await;
        theirs.write_all(&sent[..usize::from(PIECE)]).unwrap();
        ours.readable().await.unwrap();
        let mut received = read(&ours, 2 * usize::from(PIECE)).unwrap();
        assert_eq!(received.len(), usize::from(PIECE));
        assert!(!ours.has_arrived(), "a whole buffer, and nothing behind it");
        let mut written = received.len();
        let mut piece = 1;
        while received.len() < sent.len() {
            let most = sent.len().min(written + piece * 37);
            written += theirs.write(&sent[written..most]).unwrap_or(0);
            ours.readable().await.unwrap();
            piece = piece % 500 + 7;
            while let Ok(bytes) = read(&ours, piece * 41) {
                received.extend(bytes);
            }
        }
        assert!(received == sent, "in order");
    });
}

#[test]
fn an_end_is_an_end_for_good_and_a_reset_is_an_error_behind_what_came() {
    on_a_ring(|ring| async move {
        let (ours, theirs) = pair(&ring);
        wait_in_vain(&ours).await;
        drop(theirs);
        for _ in 0..2 {
            ours.readable().await.unwrap();
            assert_eq!((read(&ours, 64), ours.peek().unwrap()), (Ok(Vec::new()), 0));
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let ours = accepted(listener.accept().unwrap().0, &ring);
        wait_in_vain(&ours).await;
        theirs.write_all(&vec![b'x'; usize::from(PIECE)]).unwrap();
        ours.readable().await.unwrap();
        let linger = Some(Duration::ZERO);
        rustix::net::sockopt::set_socket_linger(&theirs, linger).unwrap();
        drop(theirs);
        assert_eq!(
            read(&ours, 2 * usize::from(PIECE)).unwrap().len(),
            usize::from(PIECE)
        );
        for _ in 0..2 {
            ours.readable().await.unwrap();
            assert_eq!(read(&ours, 64), Err(io::ErrorKind::ConnectionReset));
            assert_eq!(
                ours.peek().unwrap_err().kind(),
                io::ErrorKind::ConnectionReset
            );
        }
    });
}

#[test]
fn a_connection_that_is_dropped_while_it_waits_is_closed() {
    on_a_ring(|ring| async move {
        for is_under_way in [false, true] {
            let (ours, mut theirs) = pair(&ring);
            wait_in_vain(&ours).await;
            if is_under_way {
                ring.turn();
            }
            drop(ours);
            theirs.set_nonblocking(true).unwrap();
            let deadline = Instant::now() + Duration::from_secs(10);
            let mut bytes = [0; 8];
            while theirs
                .read(&mut bytes)
                .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            {
                assert!(Instant::now() < deadline, "still open, {is_under_way}");
                monoio::time::sleep(Duration::ZERO).await;
            }
            assert_eq!(theirs.read(&mut bytes).unwrap(), 0, "{is_under_way}");
            let inner = ring.0.borrow();
            assert!(inner.inbox.is_idle(), "{inner:?}");
        }
    });
}

#[test]
fn what_must_not_wait_is_waited_for_in_another_way() {
    on_a_ring(|ring| async move {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = accepted(ours, &ring);
        let late = monoio::spawn(async move {
            let mut theirs = theirs;
            monoio::time::sleep(Duration::from_millis(1)).await;
            theirs.write_all(b"hello").unwrap();
            theirs
        });
        while read(&ours, 64) != Ok(b"hello".to_vec()) {
            ours.readable().await.unwrap();
        }
        drop(late.await);
    });
}

#[test]
fn who_waits_when_the_ring_is_closed_reads_for_himself() {
    on_a_ring(|ring| async move {
        let pairs: Vec<_> = (0..3).map(|_| pair(&ring)).collect();
        for (ours, _) in &pairs {
            wait_in_vain(ours).await;
        }
        ring.turn();
        (&pairs[0].1).write_all(b"before").unwrap();
        pairs[0].0.readable().await.unwrap();
        ring.close();
        pairs[0].0.readable().await.unwrap();
        assert_eq!(read(&pairs[0].0, 64), Ok(b"before".to_vec()), "it lay here");
        (&pairs[1].1).write_all(b"after").unwrap();
        pairs[1].0.readable().await.unwrap();
        assert_eq!(read(&pairs[1].0, 64), Ok(b"after".to_vec()));
        assert_eq!(read(&pairs[2].0, 64), Err(io::ErrorKind::WouldBlock));
    });
}
