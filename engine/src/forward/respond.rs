//! The way back: interim responses, the response's head, its body.

use corelane_codec::encode::{Persistence, ResponseFraming, encode_response_head};
use corelane_codec::framing::{content_length, response_allows_keep_alive, upgrade};
use corelane_codec::{
    BodyLength, BodyLimits, HeadLimits, Method, Name, ResponseHead, response_body_length,
};
use corelane_config::{Limits, Route};

use super::attempt::Progress;
use super::{Pace, Readable, Role, Sink, Source, Stage, WireSource, pump};
use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::filter::{self, Direction};
use crate::request::apply;
use crate::rt::clock::NEVER;
use crate::service::millis;
use crate::upstream::{HeadDeadline, UpstreamConnection};

/// How the response ended.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is complete; whether the connection may carry another exchange.
    Whole { reusable: bool },
    /// 101: both sides speak another protocol from now on.
    Switched,
}

/// Waits for the response and sends it to the client.
pub(super) async fn respond(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    connection: &mut UpstreamConnection,
    progress: &Progress,
) -> Result<Answer, Error> {
    if final_head(exchange, connection, progress).await? {
        return switch_protocols(exchange, route, progress).await;
    }
    let now = exchange.worker.timers.clock.now_us();
    exchange.tally.upstream_us = Some(now.saturating_sub(exchange.arrival.started_us));
    let length = response_body_length(exchange.response, exchange.request.method())
        .map_err(Kind::UpstreamFraming)?;
    let reusable =
        response_allows_keep_alive(exchange.response) && length != BodyLength::UntilClose;
    // The head as it came says both, and it is edited next.
    let streams = is_stream(exchange.response);
    let bodiless = (length == BodyLength::Empty)
        .then(|| stated_length(exchange.response, exchange.request.method()));
    edit_head(exchange, route, progress).await?;
    let mut stage = Stage::of(exchange.filters.as_ref(), Direction::Response);
    let framing = bodiless.unwrap_or_else(|| exchange.reply_framing(stage.framing(length)));
    exchange.begin_reply(framing, progress.uploaded.get());
    if length == BodyLength::Empty {
        exchange.reply.flush().await?;
    } else if let Some(body) = whole_body(length, connection, &stage) {
        exchange.reply.write(body, false).await?;
        let bytes = body.len();
        connection.buffer.consume(bytes);
    } else {
        let pace = body_pace(exchange, route, streams);
        send_body(exchange, connection, length, pace, &mut stage).await?;
    }
    Ok(Answer::Whole { reusable })
}

/// Reads up to the final head, passing interim ones on; `true` when the final one is a 101.
async fn final_head(
    exchange: &mut Exchange<'_>,
    connection: &mut UpstreamConnection,
    progress: &Progress,
) -> Result<bool, Error> {
    let limits = exchange.limits();
    let head_limits = HeadLimits {
        start_line: limits.response_head_bytes,
        head: limits.response_head_bytes,
        field_line: limits.response_head_bytes,
        fields: limits.response_fields,
    };
    for passed in 0..=limits.interim_responses {
        let deadline = HeadDeadline {
            response: &progress.head_due,
            total: exchange.total,
        };
        let from = (exchange.waiter, &exchange.worker.buffers);
        let head = &mut *exchange.response;
        let scan = &mut exchange.wire.scan;
        let read = connection
            .read_head(head, scan, &head_limits, from, deadline)
            .await;
        progress
            .answered
            .set(progress.answered.get() || !connection.buffer.is_empty() || read.is_ok());
        read?;
        match head.status() {
            101 => return Ok(true),
            // One more than may be passed on.
            100..=199 if passed == limits.interim_responses => break,
            100..=199 => {
                pass_interim(exchange).await?;
                progress
                    .invited
                    .set(progress.invited.get() || exchange.response.status() == 100);
            }
            _ => return Ok(false),
        }
    }
    Err(Kind::UpstreamInterim.into())
}

/// Passes a 1xx on to whoever can make use of it (RFC 9110 §15.2).
async fn pass_interim(exchange: &mut Exchange<'_>) -> Result<(), Error> {
    let wanted = match exchange.response.status() {
        100 => exchange.arrival.expects_continue,
        _ => exchange.arrival.http11,
    };
    if !wanted {
        return Ok(());
    }
    exchange.response.fields.remove_hop_by_hop();
    if let Sink::Wire(wire) = &mut exchange.reply {
        let framing = ResponseFraming::Bodiless;
        encode_response_head(wire.out(), exchange.response, framing, Persistence::Implied);
    }
    exchange.reply.flush().await
}

/// The head of a 101, if it changes to what the client asked for (RFC 9110 §7.8).
async fn switch_protocols(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    progress: &Progress,
) -> Result<Answer, Error> {
    let wanted = std::mem::take(&mut exchange.notes.upgrade);
    let agreed = upgrade(&exchange.response.fields)
        .is_some_and(|mut chosen| chosen.any(|token| token.eq_ignore_ascii_case(&wanted)));
    if wanted.is_empty() || !agreed {
        return Err(Kind::UpstreamInterim.into());
    }
    edit_head(exchange, route, progress).await?;
    if let Sink::Wire(wire) = &mut exchange.reply {
        let persistence = Persistence::Upgrade(&wanted);
        encode_response_head(
            wire.out(),
            exchange.response,
            ResponseFraming::Bodiless,
            persistence,
        );
    }
    exchange.tally.status = 101;
    exchange.tally.replied = true;
    exchange.reply.flush().await?;
    exchange.notes.upgrade = wanted;
    Ok(Answer::Switched)
}

/// Makes the head that the client gets; filters have the last word. A call's answer is only rid of
/// what concerned its connection.
async fn edit_head(
    exchange: &mut Exchange<'_>,
    route: Option<&Route>,
    progress: &Progress,
) -> Result<(), Error> {
    exchange.response.fields.remove_hop_by_hop();
    let Some(route) = route else { return Ok(()) };
    let via = exchange.local.via(exchange.response.version());
    let fields = &mut exchange.response.fields;
    if !fields.contains(Name::Date) {
        // Whoever passes a response on says when it came, if nobody did (RFC 9110 §6.6.1).
        let clock = &exchange.worker.timers.clock;
        clock.with_date(|date| fields.push_known(Name::Date, date));
    }
    if let Some(via) = via {
        fields.push_line(via);
    }
    apply(&route.response_edits, fields);
    progress.editing.set(true);
    let edited = filter::on_response(exchange).await;
    progress.editing.set(false);
    edited
}

/// What a head without a body says about one: an answer to HEAD and a 304 may state a length.
fn stated_length(head: &ResponseHead, method: Method) -> ResponseFraming {
    if method != Method::Head && head.status() != 304 {
        return match head.status() {
            204 => ResponseFraming::Bodiless,
            _ => ResponseFraming::Length(0),
        };
    }
    match content_length(&head.fields) {
        Ok(Some(length)) => ResponseFraming::Length(length),
        _ if head.fields.contains(Name::TransferEncoding) => ResponseFraming::Chunked,
        _ => ResponseFraming::Bodiless,
    }
}

/// The body, if all of it came with the head and goes on as it is, as most replies do: there is nothing
/// to wait for then but the client.
fn whole_body<'c>(
    length: BodyLength,
    connection: &'c UpstreamConnection,
    stage: &Stage,
) -> Option<&'c [u8]> {
    match (length, stage) {
        (BodyLength::Length(bytes), Stage::None) => {
            let bytes = usize::try_from(bytes).ok()?;
            connection.buffer.unread().get(..bytes)
        }
        _ => None,
    }
}

async fn send_body(
    exchange: &mut Exchange<'_>,
    connection: &mut UpstreamConnection,
    length: BodyLength,
    pace: Pace,
    stage: &mut Stage,
) -> Result<(), Error> {
    let decoder = &mut exchange.wire.decoder;
    decoder.set_limits(body_limits(&exchange.local.snapshot().limits));
    decoder.reset(length);
    let start = connection.buffer.position();
    let mut source = Source::Wire(WireSource {
        readable: Readable::Watched(&connection.stream, &mut connection.watch),
        buffer: &mut connection.buffer,
        decoder: &mut exchange.wire.decoder,
        pool: &exchange.worker.buffers,
        waiter: exchange.waiter,
        pace,
        role: Role::Response,
        run: (0, 0, 0),
        total: 0,
        most: 0,
        start,
        overwritten: false,
    });
    pump(&mut source, stage, &mut exchange.reply).await
}

/// How long the upstream may be silent, and whether the exchange's deadline cuts the body: it does
/// not cut streams, which have no end by nature.
fn body_pace(exchange: &mut Exchange<'_>, route: Option<&Route>, streams: bool) -> Pace {
    let limits: &Limits = exchange.limits();
    let most = match (route.and_then(|route| route.idle_timeout), streams) {
        (Some(timeout), _) => timeout,
        (None, true) => limits.stream_idle_timeout,
        (None, false) => limits.upstream_idle_timeout,
    };
    let mut pace = Pace::idle(millis(most), Kind::IdleTimeout);
    if streams {
        exchange.reply.set_total(NEVER);
    } else {
        pace.set_total(exchange.total);
    }
    pace
}

/// Whether the response is one of the content types that go on for as long as somebody listens.
fn is_stream(head: &ResponseHead) -> bool {
    let Some(content_type) = head.fields.get(Name::ContentType) else {
        return false;
    };
    let end = content_type.iter().position(|byte| b"; \t".contains(byte));
    let media_type = &content_type[..end.unwrap_or(content_type.len())];
    let is = |name: &[u8]| media_type.eq_ignore_ascii_case(name);
    let grpc = b"application/grpc";
    is(b"text/event-stream")
        || is(b"multipart/x-mixed-replace")
        || media_type
            .get(..grpc.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(grpc))
}

/// The limits of bodies on either side. The names of trailers are free; a request's may not be.
pub(crate) fn body_limits(limits: &Limits) -> BodyLimits {
    BodyLimits {
        chunk_line: limits.chunk_line_bytes,
        trailer_bytes: limits.trailer_bytes,
        trailer_fields: limits.trailer_fields,
        trailer_underscores: true,
    }
}
