//! `comity order watch`: the life of one order, drawn as it happens: each state with its time, what was proven and where,
//! what is to come and by when, then what becomes of its hold. A watch that is cut off goes on where it was.
//! Refuses to know how an order is proven.

use super::fields::shown_amount;
use super::show::{deadline, moment, order_json, result_line, state_name};
use super::status;
use crate::failure::Failure;
use comity_model::Time;
use comity_proto::v1;
use comity_proto::v1::OrderState;
use comity_proto::v1::orders_client::OrdersClient;
use prost_types::Timestamp;
use std::time::Duration;
use tonic::Code;
use tonic::transport::Channel;

/// What a hold ends with.
const ENDS: [&str; 3] = ["LAPSED", "RELEASED", "TRANSFERRED"];
/// How often a watch that is cut off is taken up again without hearing anything, and the first wait before it is.
const ATTEMPTS_MAX: u32 = 6;
const WAIT_MIN: Duration = Duration::from_millis(500);

/// Follows an order until it is answered, or as long as its hold lives.
pub(super) async fn follow(
    orders: &mut OrdersClient<Channel>,
    name: &str,
    follow_hold: bool,
    resume: String,
    json: bool,
) -> Result<(), Failure> {
    let mut watch = Watched { life: Life::default(), last: None, token: resume, json };
    let mut attempt = 0;
    loop {
        let before = watch.token.clone();
        let Err(cut) = watch.on(orders, name, follow_hold).await else { break };
        attempt = if watch.token == before { attempt + 1 } else { 1 };
        // What a gateway says of the request itself does not change by asking again.
        let again = matches!(cut.code(), Code::Unavailable | Code::Unknown | Code::Cancelled | Code::DeadlineExceeded);
        if !again || attempt > ATTEMPTS_MAX {
            let failure = status(cut, "the order was not followed");
            return Err(match watch.token.as_str() {
                "" => failure,
                token => failure.help(format!("go on with `comity order watch … {name} --resume {token}`")),
            });
        }
        let wait = WAIT_MIN * 2u32.saturating_pow(attempt - 1);
        eprintln!(
            "The gateway does not answer; trying again in {:.1} s, from where the watch was.",
            wait.as_secs_f32()
        );
        tokio::time::sleep(wait).await;
    }
    match watch.last {
        Some(order) => {
            if !json {
                println!("{}", Life::end(&order));
            }
            answered(&order)
        }
        None if !watch.token.is_empty() => {
            println!("Nothing has happened since.");
            Ok(())
        }
        None => Err(Failure::unavailable("the gateway said nothing of the order").help("try again")),
    }
}

struct Watched {
    life: Life,
    last: Option<v1::Order>,
    token: String,
    json: bool,
}

impl Watched {
    async fn on(
        &mut self,
        orders: &mut OrdersClient<Channel>,
        name: &str,
        follow_hold: bool,
    ) -> Result<(), tonic::Status> {
        let request = v1::WatchOrderRequest { name: name.to_owned(), follow_hold, resume_token: self.token.clone() };
        let mut changes = orders.watch_order(request).await?.into_inner();
        while let Some(order) = changes.message().await? {
            if self.json {
                println!("{}", order_json(&order));
            } else {
                self.life.draw(&order, crate::clock::now()).iter().for_each(|line| println!("{line}"));
            }
            self.token.clone_from(&order.resume_token);
            self.last = Some(order);
        }
        Ok(())
    }
}

/// An order that came to nothing ends the command with the exit code of a refusal, so that a script can tell.
fn answered(order: &v1::Order) -> Result<(), Failure> {
    let reason = order.result.as_ref().map(|result| result.reason.clone()).filter(|reason| !reason.is_empty());
    match order.state() {
        OrderState::Refused | OrderState::Failed | OrderState::TimedOut => Err(Failure::refused(
            reason.unwrap_or_else(|| state_name(order.state()).to_owned()),
            format!("{} ended as {}", order.name, state_name(order.state())),
        )),
        _ => Ok(()),
    }
}

/// What was drawn of an order so far.
#[derive(Default)]
struct Life {
    begun: bool,
    steps: usize,
    approvals: usize,
    notice: u32,
    answer: i32,
    next: String,
}

impl Life {
    /// The lines that a change adds, seen at `now`.
    fn draw(&mut self, order: &v1::Order, now: Time) -> Vec<String> {
        let mut lines = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            lines.push(format!("{}  {} in {}, to {}", order.name, order.kind, order.sector, order.recipient));
            if !order.original.is_empty() {
                lines.push(format!("│  changes {}", order.original));
            }
            if let Some(claim) = &order.claim {
                lines.push(format!("│  serves {}", claim.obligation));
            }
        }
        let drawn = self.steps;
        for (index, step) in order.steps.iter().enumerate().skip(drawn) {
            let before = index.checked_sub(1).and_then(|before| order.steps.get(before));
            lines.push(step_line(step, before));
            lines.extend(proof_line(step.proof.as_ref()));
        }
        self.steps = order.steps.len();
        if order.approvals.len() > self.approvals {
            lines.push(format!("│    approved by {}", order.approvals.join(", ")));
            self.approvals = order.approvals.len();
        }
        if let Some(result) = order.result.as_ref().filter(|_| drawn < self.steps) {
            lines.push(format!("│    {}", result_line(result)));
        }
        self.answer(order, &mut lines);
        self.hold(order, &mut lines);
        // How long it still is changes all the time, and is no news.
        let to_come = next(order, None).unwrap_or_default();
        if to_come != self.next {
            lines.extend(next(order, Some(now)).map(|next| format!("│    next: {next}")));
        }
        self.next = to_come;
        lines
    }

    fn answer(&mut self, order: &v1::Order, lines: &mut Vec<String>) {
        let Some(answer) = order.answer.as_ref().filter(|answer| answer.state != self.answer) else { return };
        self.answer = answer.state;
        lines.push(match answer.state() {
            v1::order_answer::State::Received => {
                "│    the institution's sealed answer is here, and is the one that the result binds".to_owned()
            }
            v1::order_answer::State::Refused => {
                format!("│    what was handed over as the institution's answer is refused: {}", answer.reason)
            }
            _ => "│    the institution's sealed answer is awaited".to_owned(),
        });
    }

    fn hold(&mut self, order: &v1::Order, lines: &mut Vec<String>) {
        let Some(notice) = order.notice.as_ref().filter(|notice| notice.number > self.notice) else { return };
        self.notice = notice.number;
        let mut line = format!("├─ {}  hold {}", moment(notice.time.as_ref()), notice.event);
        if let (Some(held), Some(asked)) = (&notice.held, &notice.asked) {
            line.push_str(&format!(", holds {} of {}", shown_amount(held), shown_amount(asked)));
        }
        if let Some(deducted) = notice.deducted.as_ref().filter(|deducted| deducted.minor > 0) {
            line.push_str(&format!(", deducted {}", shown_amount(deducted)));
        }
        lines.push(line);
        if !notice.objection.is_empty() {
            let by = moment(notice.answer_by.as_ref());
            lines.push(format!("│    the institution objects: {}; answer by {by}", notice.objection));
        }
        lines.extend(proof_line(order.proof.as_ref()));
    }

    /// The last line.
    fn end(order: &v1::Order) -> String {
        let ended = order.notice.as_ref().map(|notice| notice.event.as_str()).filter(|event| ENDS.contains(event));
        match ended {
            Some(event) => format!("└─ {}, hold {event}", state_name(order.state())),
            None => format!("└─ {}", state_name(order.state())),
        }
    }
}

/// What is to come, and by when, seen at `now`; nothing where nothing is.
fn next(order: &v1::Order, now: Option<Time>) -> Option<String> {
    let by = |time: Option<&Timestamp>| deadline(time, now);
    let notice = order.notice.as_ref();
    if let Some(objected) = notice.filter(|notice| !notice.objection.is_empty()) {
        return Some(format!("the court answers the objection by {}", by(objected.answer_by.as_ref())));
    }
    let recipient = &order.recipient;
    Some(match order.state() {
        OrderState::AwaitingApproval => {
            let needed = usize::try_from(order.approvals_needed).unwrap_or(usize::MAX);
            let officers = match needed.saturating_sub(order.approvals.len()) {
                1 => "one officer approves it".to_owned(),
                missing => format!("{missing} officers approve it"),
            };
            format!("{officers}, so that {recipient} has it by {}", by(order.deliver_by.as_ref()))
        }
        OrderState::AwaitingDelivery => {
            format!("{recipient} takes the private part by {}", by(order.deliver_by.as_ref()))
        }
        OrderState::Committed => {
            format!("it reaches {recipient} by {}, or is TIMED_OUT", by(order.deliver_by.as_ref()))
        }
        OrderState::Relayed | OrderState::Pending => {
            format!("{recipient} decides by {}, or it is FAILED", by(order.decide_by.as_ref()))
        }
        OrderState::Waitlisted => "it takes effect by itself when earlier holds end".to_owned(),
        OrderState::Executed if notice.is_none_or(|notice| !ENDS.contains(&notice.event.as_str())) => {
            let answered = || order.result.as_ref().and_then(|result| result.until.as_ref());
            let until = notice.map_or_else(answered, |notice| notice.until.as_ref());
            let until = until.filter(|until| until.seconds > 0)?;
            format!("its hold lapses at {}, unless renewed or released", by(Some(until)))
        }
        _ => return None,
    })
}

/// A state with its time, and how long it took to come to it.
fn step_line(step: &v1::OrderStep, before: Option<&v1::OrderStep>) -> String {
    let nanos = |step: &v1::OrderStep| {
        let time = step.time.as_ref()?;
        Some(i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos))
    };
    let took = before.and_then(nanos).zip(nanos(step)).map(|(from, to)| (to - from).max(0) / 1_000_000);
    let took = took.map(|ms| format!("  (+{}.{:03} s)", ms / 1_000, ms % 1_000)).unwrap_or_default();
    format!("├─ {}  {}{took}", moment(step.time.as_ref()), state_name(step.state()))
}

/// What was proven, and by which header.
fn proof_line(proof: Option<&v1::Proof>) -> Option<String> {
    let proof = proof?;
    Some(format!(
        "│    proven on {} under header {} of {}: {}",
        proof.chain_id,
        proof.header_height,
        moment(proof.header_time.as_ref()),
        proof.rules.join(", ")
    ))
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
