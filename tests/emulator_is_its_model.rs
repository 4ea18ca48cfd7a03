//! For one client at a time the emulator is what a model of some hundred lines is: a topic and two subscriptions, any
//! series of requests, retention, topics made anew, a broker that fails, restarts; every status and every text is compared.
//! `EMULATOR_SEED` plays a failure again.

mod model;

use std::cell::{Cell, RefCell};
use std::path::Path;

use ams_forwarder::emulator::{Emulator, Fault};
use model::{CONTENTS, Model};
use proptest::prelude::*;

use crate::common::seed::cases;
use crate::common::{Emulated, PROJECT, Wire};

/// Something that one does to a topic and its subscriptions. Contents are indices into [`CONTENTS`], subscriptions 0
/// or 1.
#[derive(Clone, Debug)]
enum Step {
    Publish(Vec<usize>),
    /// The broker takes no message from the one of this number on, counted from 1.
    PublishFails(Vec<usize>, u64),
    PublishNonsense(&'static str),
    Pull(usize, &'static str),
    Acknowledge(usize, Vec<AckId>),
    AcknowledgeNonsense(usize, &'static str),
    Offsets(usize),
    Seek(usize, &'static str),
    SeekTo(usize, i64),
    TimeToOffset(usize, &'static str),
    ModifyAckDeadline(usize, i64),
    /// Retention.
    Remove(u64),
    CreateTopic,
    DeleteTopic,
    /// With this ack deadline; below 0 every acknowledgement is too late.
    Subscribe(usize, i64),
    Unsubscribe(usize),
    /// The next request is met by a broker that is down.
    BrokerDown,
    /// The emulator ends and begins again; only what has a data directory is played this.
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum AckId {
    Number(i64),
    /// From where the subscription stands.
    Ahead(i64),
    /// Of the other subscription.
    Foreign(i64),
    Nonsense,
}

const PULLS: [&str; 8] = [
    r#"{"maxMessages":"1","returnImmediately":"true"}"#,
    r#"{"maxMessages":"3","returnImmediately":"true"}"#,
    r#"{"maxMessages":"100"}"#,
    "{}",
    r#"{"maxMessages":"-7"}"#,
    r#"{"maxMessages":"1e9","returnImmediately":"nonsense"}"#,
    r#"{"maxMessages":3}"#,
    r#"{"returnImmediately":true}"#,
];
const PUBLISHES: [&str; 5] =
    ["", "[]", r#"{"messages":[{"data":5}]}"#, r#"{"messages":[{"attributes":{"n":1}}]}"#, "null"];
const ACKNOWLEDGEMENTS: [&str; 4] = [r#"{"ackIds":"x"}"#, "[", "{}", r#"{"ackIds":[5]}"#];
const SEEKS: [&str; 5] = ["{}", r#"{"offset":"1"}"#, r#"{"offset":1.5}"#, "nonsense", r#"{"OFFSET":1}"#];
const TIMES: [&str; 4] = ["1970-01-01T00:00:00.000Z", "2999-01-01T00:00:00.000Z", "", "2026-11-23T07:00:00Z"];

fn step() -> impl Strategy<Value = Step> {
    let which = 0..2_usize;
    let contents = || prop::collection::vec(0..CONTENTS.len(), 0..6);
    let id = prop_oneof![
        6 => (-2..8_i64).prop_map(AckId::Ahead),
        3 => (-2..30_i64).prop_map(AckId::Number),
        1 => prop_oneof![Just(i64::MAX), Just(i64::MIN)].prop_map(AckId::Number),
        1 => (0..5_i64).prop_map(AckId::Foreign),
        1 => Just(AckId::Nonsense),
    ];
    let offset = prop_oneof![9 => -2..30_i64, 1 => prop_oneof![Just(i64::MAX), Just(i64::MIN)]];
    prop_oneof![
        12 => contents().prop_map(Step::Publish),
        2 => (contents(), 1..6_u64).prop_map(|(contents, at)| Step::PublishFails(contents, at)),
        1 => prop::sample::select(&PUBLISHES).prop_map(Step::PublishNonsense),
        16 => (which.clone(), prop::sample::select(&PULLS)).prop_map(|(which, body)| Step::Pull(which, body)),
        16 => (which.clone(), prop::collection::vec(id, 0..3))
            .prop_map(|(which, ids)| Step::Acknowledge(which, ids)),
        1 => (which.clone(), prop::sample::select(&ACKNOWLEDGEMENTS))
            .prop_map(|(which, body)| Step::AcknowledgeNonsense(which, body)),
        6 => which.clone().prop_map(Step::Offsets),
        5 => (which.clone(), offset).prop_map(|(which, offset)| Step::SeekTo(which, offset)),
        1 => (which.clone(), prop::sample::select(&SEEKS)).prop_map(|(which, body)| Step::Seek(which, body)),
        1 => (which.clone(), prop::sample::select(&TIMES))
            .prop_map(|(which, time)| Step::TimeToOffset(which, time)),
        1 => (which.clone(), prop_oneof![Just(-1_i64), Just(60), Just(600), Just(601)])
            .prop_map(|(which, seconds)| Step::ModifyAckDeadline(which, seconds)),
        2 => (0..30_u64).prop_map(Step::Remove),
        1 => Just(Step::DeleteTopic),
        2 => Just(Step::CreateTopic),
        1 => which.clone().prop_map(Step::Unsubscribe),
        2 => (which, prop_oneof![2 => Just(0_i64), 1 => Just(-1), 2 => Just(9999)])
            .prop_map(|(which, seconds)| Step::Subscribe(which, seconds)),
        2 => Just(Step::BrokerDown),
    ]
}

/// An emulator and its model, with names that no other pair has.
struct Pair<'a> {
    emulated: &'a mut Option<Emulated>,
    data_dir: &'a Path,
    wire: Wire,
    model: Model,
}

impl<'a> Pair<'a> {
    fn new(emulated: &'a mut Option<Emulated>, data_dir: &'a Path, number: usize) -> Self {
        let wire = emulated.as_ref().unwrap().wire();
        Self { emulated, data_dir, wire, model: Model::new(number) }
    }

    fn emulator(&self) -> &Emulator {
        &self.emulated.as_ref().unwrap().emulator
    }

    fn restart(&mut self) {
        self.emulated.take().unwrap().stop();
        let emulated = self.emulated.insert(Emulated::start_in(self.data_dir));
        self.wire = emulated.wire();
    }

    fn publish(contents: &[usize]) -> String {
        let messages: Vec<_> = contents.iter().map(|&content| CONTENTS[content].given).collect();
        format!("{{\"messages\":[{}]}}", messages.join(","))
    }

    /// The request of a step and what the model says to it; `None` for what is no request.
    fn request(&mut self, step: &Step) -> Option<(&'static str, String, String, model::Answer)> {
        let model = &mut self.model;
        let topic = format!("topics/{}", model.topic);
        let of = |which: usize, verb: &str| format!("subscriptions/{}{verb}", model.names[which]);
        let (method, path, body) = match step {
            Step::Publish(contents) | Step::PublishFails(contents, _) => {
                ("POST", format!("{topic}:publish"), Self::publish(contents))
            }
            Step::PublishNonsense(body) => ("POST", format!("{topic}:publish"), (*body).to_owned()),
            Step::Pull(which, body) => ("POST", of(*which, ":pull"), (*body).to_owned()),
            Step::Acknowledge(which, ids) => {
                let ids: Vec<_> = ids.iter().map(|id| model.ack_id(*which, *id)).collect();
                ("POST", of(*which, ":acknowledge"), format!("{{\"ackIds\":[{}]}}", ids.join(",")))
            }
            Step::AcknowledgeNonsense(which, body) => {
                ("POST", of(*which, ":acknowledge"), (*body).to_owned())
            }
            Step::Offsets(which) => ("GET", of(*which, ":offsets"), String::new()),
            Step::SeekTo(which, offset) => {
                ("POST", of(*which, ":modifyOffset"), format!("{{\"offset\":{offset}}}"))
            }
            Step::Seek(which, body) => ("POST", of(*which, ":modifyOffset"), (*body).to_owned()),
            Step::TimeToOffset(which, time) => {
                ("GET", of(*which, &format!(":timeToOffset?time={time}")), String::new())
            }
            Step::ModifyAckDeadline(which, seconds) => {
                let body = format!("{{\"ackDeadlineSeconds\":{seconds}}}");
                ("POST", of(*which, ":modifyAckDeadline"), body)
            }
            Step::CreateTopic => ("PUT", topic, String::new()),
            Step::DeleteTopic => ("DELETE", topic, String::new()),
            Step::Subscribe(which, seconds) => {
                let topic = format!("\"topic\":\"projects/{PROJECT}/{topic}\"");
                ("PUT", of(*which, ""), format!("{{{topic},\"ackDeadlineSeconds\":{seconds}}}"))
            }
            Step::Unsubscribe(which) => ("DELETE", of(*which, ""), String::new()),
            Step::Remove(_) | Step::BrokerDown | Step::Restart => return None,
        };
        Some((method, path, body, model.answer(step)))
    }

    fn play(&mut self, steps: &[Step]) -> Result<(), TestCaseError> {
        for (number, step) in steps.iter().enumerate() {
            let emulator = self.emulator();
            match step {
                // There is nothing to remove where the topic is gone.
                Step::Remove(below) => {
                    drop(emulator.remove_records_below(PROJECT, &self.model.topic, *below));
                }
                Step::BrokerDown => drop(emulator.inject(Fault::broker_down().times(1)).unwrap()),
                Step::PublishFails(_, at) => {
                    emulator.inject(Fault::publish_fails_midway(*at).times(1)).unwrap();
                }
                Step::Restart => self.restart(),
                _ => {}
            }
            let Some((method, path, body, want)) = self.request(step) else {
                self.model.suffer(step);
                continue;
            };
            let got = self.wire.ask(method, &path, &body);
            self.emulator().clear_faults();
            prop_assert_eq!(
                (got.status, without_times(&got.text)),
                want,
                "step {}: {} {} {}",
                number,
                method,
                path,
                body
            );
        }
        Ok(())
    }
}

/// An answer with its times replaced by a word.
fn without_times(text: &str) -> String {
    let mut strings: Vec<_> = text.split('"').collect();
    for index in 2..strings.len() {
        if ["publishTime", "created_on", "createdOn"].contains(&strings[index - 2]) {
            assert!(strings[index].ends_with('Z'), "{text}");
            strings[index] = "TIME";
        }
    }
    strings.join("\"")
}

/// Plays so many series to an emulator, and to a model of each.
fn play(test: &str, series: u32, step: impl Strategy<Value = Step>, emulated: Emulated, data_dir: &Path) {
    let steps = prop::collection::vec(step, 1..70);
    let (number, emulated) = (Cell::new(0), RefCell::new(Some(emulated)));
    let run = cases(test, series).run(&steps, |steps| {
        number.set(number.get() + 1);
        let mut emulated = emulated.borrow_mut();
        let mut pair = Pair::new(&mut emulated, data_dir, number.get());
        let beginning = [Step::CreateTopic, Step::Subscribe(0, 600), Step::Subscribe(1, 0)];
        pair.play(&beginning)?;
        pair.play(&steps)
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn every_answer_is_the_models() {
    play("every_answer_is_the_models", 250, step(), Emulated::start(), Path::new("none"));
}

#[test]
fn every_answer_is_the_models_over_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let emulated = Emulated::start_in(directory.path());
    let step = prop_oneof![10 => step(), 1 => Just(Step::Restart)];
    play("every_answer_is_the_models_over_restarts", 80, step, emulated, directory.path());
}
