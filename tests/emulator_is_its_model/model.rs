//! The service for one topic and two subscriptions, as WIRE.md tells it: a list, and some numbers for each subscription.

use super::{ACKNOWLEDGEMENTS, AckId, PROJECT, Step};

/// Status and text.
pub(super) type Answer = (u16, String);

/// A message as it is published, and what a pull shows of it: its fields before the time, or the text of an error.
pub(super) struct Content {
    pub(super) given: &'static str,
    shown: Result<&'static [&'static str], &'static str>,
}

const fn shown(given: &'static str, fields: &'static [&'static str]) -> Content {
    Content { given, shown: Ok(fields) }
}

const fn poison(given: &'static str, error: &'static str) -> Content {
    Content { given, shown: Err(error) }
}

const UNREADABLE: &str = "Message retrieved from broker network has invalid JSON Structure";
const UNEXPORTABLE: &str = "Error exporting data to JSON";

pub(super) const CONTENTS: [Content; 14] = [
    shown(r#"{"data":"YQ=="}"#, &[r#""data": "YQ==","#]),
    shown(r#"{"data":"Yg==","attributes":{}}"#, &[r#""data": "Yg==","#]),
    shown("null", &[r#""data": "","#]),
    shown(r#"{"messageId":"77","DATA":"no base64 ☂"}"#, &[r#""data": "no base64 ☂","#]),
    shown(r#"{"data":"<a&b>\n"}"#, &[r#""data": "\u003ca\u0026b\u003e\n","#]),
    shown(r#"{"data":"\ud800x"}"#, &["\"data\": \"\u{fffd}x\","]),
    shown(
        r#"{"attributes":{"b":"2","a":""},"data":"eA=="}"#,
        &[r#""attributes": {"#, r#"   "a": "","#, r#"   "b": "2""#, "},", r#""data": "eA==","#],
    ),
    shown(
        r#"{"attributes":{"k":"x\",\"y\":\"z"}}"#,
        &[r#""attributes": {"#, r#"   "k": "x","#, r#"   "y": "z""#, "},", r#""data": "","#],
    ),
    shown(r#"{"attributes":null,"data":null,"other":[1,{}]}"#, &[r#""data": "","#]),
    shown(r#"{"data":"a","data":"b"}"#, &[r#""data": "b","#]),
    shown("{}", &[r#""data": "","#]),
    shown(r#"{"publishTime":"never"}"#, &[r#""data": "","#]),
    poison(r#"{"attributes":{"k":"say \"hi\""}}"#, UNREADABLE),
    poison(r#"{"attributes":{"k":"\\u0022"}}"#, UNEXPORTABLE),
];

pub(super) struct Model {
    pub(super) topic: String,
    pub(super) names: [String; 2],
    /// Contents by id, from 0; `None` while there is no topic.
    log: Option<Vec<usize>>,
    /// The first id that is still there.
    min: i64,
    /// What stays visible of a topic that is gone.
    gone: (i64, i64),
    subscriptions: [Option<Subscription>; 2],
    broker_is_down: bool,
}

struct Subscription {
    current: i64,
    /// One past the last pull's last record; 0 where nothing was pulled since the last acknowledgement or seek.
    pulled_to: i64,
    ack_deadline: i64,
}

fn error(code: u16, status: &str, message: &str) -> Answer {
    let lines = [
        "{".to_owned(),
        "   \"error\": {".to_owned(),
        format!("      \"code\": {code},"),
        format!("      \"message\": \"{message}\","),
        format!("      \"status\": \"{status}\""),
        "   }".to_owned(),
        "}".to_owned(),
    ];
    (code, lines.join("\n"))
}

fn invalid(message: &str) -> Answer {
    error(400, "INVALID_ARGUMENT", message)
}

fn missing(what: &str) -> Answer {
    error(404, "NOT_FOUND", &format!("{what} doesn't exist"))
}

fn internal(message: &str) -> Answer {
    error(500, "INTERNAL_SERVER_ERROR", message)
}

fn well(text: &str) -> Answer {
    (200, text.to_owned())
}

impl Model {
    pub(super) fn new(number: usize) -> Self {
        Self {
            topic: format!("t{number}"),
            names: [format!("a{number}"), format!("b{number}")],
            log: None,
            min: 0,
            gone: (-1, -1),
            subscriptions: [None, None],
            broker_is_down: false,
        }
    }

    /// An ack id as JSON.
    pub(super) fn ack_id(&self, which: usize, id: AckId) -> String {
        let current = self.subscriptions[which].as_ref().map_or(0, |subscription| subscription.current);
        let (which, number) = match id {
            AckId::Number(number) => (which, number),
            AckId::Ahead(number) => (which, current.saturating_add(number)),
            AckId::Foreign(number) => (1 - which, number),
            AckId::Nonsense => return "\"nonsense\"".to_owned(),
        };
        format!("\"projects/{PROJECT}/subscriptions/{}:{number}\"", self.names[which])
    }

    fn max(&self) -> i64 {
        self.log.as_ref().map_or(0, |log| log.len().try_into().unwrap())
    }

    /// What `:offsets` shows of the log.
    fn bounds(&self) -> (i64, i64) {
        if self.log.is_some() { (self.min, self.max()) } else { self.gone }
    }

    /// Something that is no request.
    pub(super) fn suffer(&mut self, step: &Step) {
        match step {
            Step::Remove(below) if self.log.is_some() => {
                self.min = self.min.max((*below).cast_signed().min(self.max()));
            }
            Step::BrokerDown => self.broker_is_down = true,
            // What was pulled must be pulled again; and nobody's broker is down for the next request.
            Step::Restart => {
                self.subscriptions.iter_mut().flatten().for_each(|subscription| subscription.pulled_to = 0);
                self.broker_is_down = false;
            }
            _ => {}
        }
    }

    pub(super) fn answer(&mut self, step: &Step) -> Answer {
        let broker_is_down = std::mem::take(&mut self.broker_is_down);
        let missing_subscription = || missing("Subscription");
        match step {
            Step::Publish(contents) => self.publish(contents, broker_is_down.then_some(0)),
            Step::PublishFails(contents, at) => {
                let before = usize::try_from(*at - 1).unwrap();
                self.publish(contents, (before < contents.len()).then_some(before))
            }
            // No messages, which is well.
            Step::PublishNonsense(body) if *body == "null" || self.log.is_none() => {
                self.publish(&[], broker_is_down.then_some(0))
            }
            Step::PublishNonsense(_) => invalid("Invalid Message Arguments"),
            Step::Pull(which, body) => self.pull(*which, body, broker_is_down),
            Step::Acknowledge(which, ids) => self.acknowledge(*which, ids),
            Step::AcknowledgeNonsense(which, body) => {
                if *body != ACKNOWLEDGEMENTS[2] {
                    return invalid("Invalid ack parameter");
                }
                self.acknowledge(*which, &[])
            }
            Step::Offsets(which) => {
                let (min, max) = if broker_is_down { (-1, -1) } else { self.bounds() };
                let Some(subscription) = &mut self.subscriptions[*which] else {
                    return missing_subscription();
                };
                subscription.catch_up(min);
                let current = subscription.current;
                well(&format!("{{\n   \"max\": {max},\n   \"min\": {min},\n   \"current\": {current}\n}}"))
            }
            Step::SeekTo(which, offset) => self.seek(*which, *offset, broker_is_down),
            Step::Seek(which, "{}") => self.seek(*which, 0, broker_is_down),
            Step::Seek(which, r#"{"OFFSET":1}"#) => self.seek(*which, 1, broker_is_down),
            Step::Seek(..) => invalid("Invalid Offset Arguments"),
            Step::TimeToOffset(which, time) => self.time_to_offset(*which, time, broker_is_down),
            Step::ModifyAckDeadline(_, 601 | -1) => {
                invalid("Invalid ackDeadlineSeconds(needs value between 0 and 600) Arguments")
            }
            Step::ModifyAckDeadline(which, seconds) => {
                let Some(subscription) = &mut self.subscriptions[*which] else {
                    return missing_subscription();
                };
                subscription.ack_deadline = *seconds;
                well("")
            }
            Step::CreateTopic if self.log.is_some() => error(409, "ALREADY_EXISTS", "Topic already exists"),
            Step::CreateTopic => {
                (self.log, self.min) = (Some(Vec::new()), 0);
                let name = format!("\"name\": \"/projects/{PROJECT}/topics/{}\"", self.topic);
                well(&format!("{{\n   {name},\n   \"created_on\": \"TIME\"\n}}"))
            }
            Step::DeleteTopic if self.log.is_none() => missing("Topic"),
            Step::DeleteTopic => {
                self.gone = self.bounds();
                self.log = None;
                well("")
            }
            Step::Subscribe(which, seconds) => self.subscribe(*which, *seconds),
            Step::Unsubscribe(which) => {
                self.subscriptions[*which].take().map_or_else(missing_subscription, |_| well(""))
            }
            Step::Remove(_) | Step::BrokerDown | Step::Restart => unreachable!("these are no requests"),
        }
    }

    /// Of the messages the broker takes so many only.
    fn publish(&mut self, contents: &[usize], taken: Option<usize>) -> Answer {
        let Some(log) = &mut self.log else { return missing("Topic") };
        let first = log.len();
        log.extend(&contents[..taken.unwrap_or(contents.len())]);
        if taken.is_some() {
            return internal("Backend Error");
        }
        let ids: Vec<_> = (first..log.len()).map(|id| format!("\n      \"{id}\"")).collect();
        let end = if ids.is_empty() { "]" } else { "\n   ]" };
        well(&format!("{{\n   \"messageIds\": [{}{end}\n}}", ids.join(",")))
    }

    fn pull(&mut self, which: usize, body: &str, broker_is_down: bool) -> Answer {
        let max = self.max();
        let Some(subscription) = &mut self.subscriptions[which] else { return missing("Subscription") };
        let Some(log) = &self.log else {
            return error(409, "CONFLICT", "Subscription's topic doesn't exist");
        };
        let limit = match body {
            r#"{"maxMessages":3}"# | r#"{"returnImmediately":true}"# => {
                return invalid("Invalid Pull Parameters Arguments");
            }
            _ if broker_is_down => return internal("Backend Error"),
            body if body.contains("\"3\"") => 3,
            body if body.contains("\"100\"") => 100,
            _ => 1,
        };
        subscription.catch_up(self.min);
        let first = subscription.current;
        let ids = first..max.min(first.saturating_add(limit)).max(first);
        let records: Vec<_> =
            ids.clone().map(|id| (id, &CONTENTS[log[usize::try_from(id).unwrap()]])).collect();
        // The whole batch is read before any of it is written.
        for error in [UNREADABLE, UNEXPORTABLE] {
            if records.iter().any(|(_, content)| content.shown == Err(error)) {
                return internal(error);
            }
        }
        subscription.pulled_to = ids.end;
        if records.is_empty() {
            return well("{\n   \"receivedMessages\": []\n}");
        }
        let mut lines = Vec::new();
        for (id, content) in records {
            let ack_id = format!("projects/{PROJECT}/subscriptions/{}:{id}", self.names[which]);
            lines.push("      {".to_owned());
            lines.push(format!("         \"ackId\": \"{ack_id}\","));
            lines.push("         \"message\": {".to_owned());
            lines.push(format!("            \"messageId\": \"{id}\","));
            lines.extend(content.shown.unwrap().iter().map(|line| format!("            {line}")));
            lines.push("            \"publishTime\": \"TIME\"".to_owned());
            lines.push("         }".to_owned());
            lines.push(if id + 1 < ids.end { "      }," } else { "      }" }.to_owned());
        }
        well(&format!("{{\n   \"receivedMessages\": [\n{}\n   ]\n}}", lines.join("\n")))
    }

    fn acknowledge(&mut self, which: usize, ids: &[AckId]) -> Answer {
        let Some(subscription) = &mut self.subscriptions[which] else { return missing("Subscription") };
        let mut highest = -1;
        for id in ids {
            match id {
                AckId::Number(number) => highest = highest.max(*number),
                AckId::Ahead(number) => highest = highest.max(subscription.current.saturating_add(*number)),
                AckId::Foreign(_) | AckId::Nonsense => return invalid("Invalid ack id"),
            }
        }
        if highest < 0 {
            return invalid("Invalid ack id");
        }
        if subscription.pulled_to == 0 {
            return internal("no ack pending");
        }
        if highest < subscription.current || highest >= subscription.pulled_to {
            return internal("wrong ack");
        }
        if subscription.ack_deadline < 0 {
            return error(408, "TIMEOUT", "ack timeout");
        }
        subscription.move_to(highest + 1);
        well("{}")
    }

    fn seek(&mut self, which: usize, offset: i64, broker_is_down: bool) -> Answer {
        let (min, max) = if broker_is_down { (-1, -1) } else { self.bounds() };
        let Some(subscription) = &mut self.subscriptions[which] else { return missing("Subscription") };
        subscription.move_to(offset);
        if min <= offset && offset <= max { well("") } else { invalid("Offset out of bounds") }
    }

    fn time_to_offset(&self, which: usize, time: &str, broker_is_down: bool) -> Answer {
        if self.subscriptions[which].is_none() {
            return missing("Subscription");
        }
        if !time.contains(".000Z") {
            return invalid("Time is not in valid Zulu format.");
        }
        if self.log.is_none() || broker_is_down {
            return internal("Backend Error");
        }
        if time.starts_with("1970") && self.min < self.max() {
            return well(&format!("{{\"offset\":{}}}", self.min));
        }
        error(409, "CONFLICT", "Timestamp is out of bounds for the subscription's topic/partition")
    }

    fn subscribe(&mut self, which: usize, seconds: i64) -> Answer {
        if self.log.is_none() {
            return missing("Topic");
        }
        if self.subscriptions[which].is_some() {
            return error(409, "ALREADY_EXISTS", "Subscription already exists");
        }
        let ack_deadline = if seconds == 0 { 10 } else { seconds };
        let subscription = Subscription { current: self.max(), pulled_to: 0, ack_deadline };
        self.subscriptions[which] = Some(subscription);
        let names = format!(
            "\"name\": \"/projects/{PROJECT}/subscriptions/{}\",\n   \"topic\": \"/projects/{PROJECT}/topics/{}\"",
            self.names[which], self.topic
        );
        let push = [
            r#""type": """#,
            r#""pushEndpoint": """#,
            r#""maxMessages": 0"#,
            r#""authorizationHeader": {}"#,
            r#""retryPolicy": {}"#,
            r#""verificationHash": """#,
            r#""verified": false"#,
            r#""mattermostUrl": """#,
            r#""mattermostUsername": """#,
            r#""mattermostChannel": """#,
            r#""base64Decode": false"#,
        ];
        let push = push.join(",\n      ");
        well(&format!(
            "{{\n   {names},\n   \"pushConfig\": {{\n      {push}\n   }},\n   \"ackDeadlineSeconds\": \
             {ack_deadline},\n   \"createdOn\": \"TIME\"\n}}"
        ))
    }
}

impl Subscription {
    fn move_to(&mut self, offset: i64) {
        (self.current, self.pulled_to) = (offset, 0);
    }

    /// Retention has removed where it stood.
    fn catch_up(&mut self, min: i64) {
        if self.current < min {
            self.move_to(min);
        }
    }
}
