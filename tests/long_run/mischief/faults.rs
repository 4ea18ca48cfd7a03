//! Faults of the service: any of those that its emulator knows, for what the daemon asks of one subscription, or of a
//! topic that it is copied to.

use std::time::Duration;

use ams_forwarder::emulator::Fault;
use fastrand::Rng;

use crate::long_run::scene::{Place, Subscription, USER};

const PAGE: &str = "<html><body>Please log in to the network</body></html>";

/// A fault that passes.
pub(super) fn any(random: &mut Rng, subscription: &Subscription) -> Fault {
    let copies: Vec<_> = subscription
        .channels
        .iter()
        .filter_map(|channel| match &channel.place {
            Place::Topic(topic) => Some(topic),
            _ => None,
        })
        .collect();
    let fault = match random.choice(&copies) {
        Some(topic) if random.bool() => publishing(random).on(&format!("*/topics/{topic}:publish")),
        _ => {
            let verb = random.choice(["pull", "acknowledge", "offsets", "modifyOffset"]).unwrap();
            consuming(random).on(&format!("*/subscriptions/{}:{verb}", subscription.key))
        }
    };
    let fault = if random.u32(..4) == 0 { fault.with_probability(0.5) } else { fault };
    fault.by_user(USER).times(random.u64(1..5))
}

fn publishing(random: &mut Rng) -> Fault {
    match random.u32(..3) {
        0 => Fault::publish_fails_midway(random.u64(1..8)),
        1 => Fault::broker_down(),
        _ => anywhere(random),
    }
}

fn consuming(random: &mut Rng) -> Fault {
    match random.u32(..5) {
        0 => Fault::ack_deadline_passed(),
        1 => Fault::broker_down(),
        2 => Fault::clock_ahead(Duration::from_hours(1)),
        _ => anywhere(random),
    }
}

fn anywhere(random: &mut Rng) -> Fault {
    match random.u32(..9) {
        0 => Fault::latency(Duration::from_millis(random.u64(10..1500))),
        1 => Fault::reset(),
        2 => Fault::hang(),
        3 => Fault::truncate(),
        4 => Fault::lost_answer(),
        5 => Fault::status(200).body(PAGE).content_type("text/html"),
        6 => Fault::status(429).header("retry-after", "1"),
        7 => Fault::status(*random.choice(&[401, 403, 404, 409]).unwrap()),
        _ => Fault::status(*random.choice(&[408, 500, 502, 503, 504]).unwrap()),
    }
}
