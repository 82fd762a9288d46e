//! What RFC 9110 asks of whoever passes messages on, beside fields and framing.

use crate::scenario::{GET, OK, Scenario, on_both_drivers};

#[test]
fn a_reply_without_a_date_gets_one() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        s.origin("a").answer(OK);
        let reply = client.reply();
        let dates = reply.all("date");
        assert!(
            matches!(dates[..], [date] if date.len() == 29 && date.ends_with(" GMT")),
            "{reply:?}"
        );
    })
}

#[test]
fn a_reply_with_a_date_keeps_it() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send(GET);
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        s.origin("a").answer(format!(
            "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n"
        ));
        assert_eq!(client.reply().all("date"), [date]);
    })
}

#[test]
fn max_forwards_is_counted_down() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let asked = [
            ("OPTIONS", "7", "6"),
            ("TRACE", "1", "0"),
            ("GET", "7", "7"),
            ("OPTIONS", "+7", "+7"),
            ("OPTIONS", "99999999999", "99999999999"),
        ];
        for (method, sent, arrives) in asked {
            let mut client = s.client();
            client.send(format!(
                "{method} /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: {sent}\r\n\r\n"
            ));
            let (_origin, request) = s.origin("a").answer(OK);
            assert_eq!(request.all("max-forwards"), [arrives], "{method} {sent}");
            assert_eq!(client.reply().status(), 200);
        }
    })
}

#[test]
fn what_may_go_no_further_ends_here() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        for (method, status) in [("OPTIONS", 204), ("TRACE", 501)] {
            client.send(format!(
                "{method} /x HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n"
            ));
            assert_eq!(client.reply().status(), status);
        }
        assert!(s.origin("a").is_untouched());
    })
}

#[test]
fn a_refusal_of_head_has_no_body_though_the_head_was_not_understood() {
    on_both_drivers(|io| {
        let s = Scenario::on(io).origin("a").start();
        let mut client = s.client();
        client.send("\r\nHEAD / HTTP/1.1\r\nHost: h\r\nBad Name: x\r\n\r\n");
        let reply = client.reply_to_head();
        assert_eq!(reply.status(), 400);
        client.expect_end();
    })
}
