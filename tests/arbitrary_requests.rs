//! Whatever is sent at the emulator, it answers as the service might: it never panics, no connection hangs, every 500
//! has one of the service's texts, every other refusal is in its form. 20,000 requests are made of those in
//! `recordings/` by changing them; and bytes that are no requests are sent too. `EMULATOR_SEED` plays a failure again.

mod judge;
mod mutation;
mod scene;

use std::cell::RefCell;
use std::io;

use judge::{judge, judge_bytes};
use mutation::mutations;
use proptest::prelude::*;
use scene::Scene;

use crate::common::seed::cases;

#[test]
fn any_request_is_answered_as_the_service_might() {
    let scene = RefCell::new(Scene::new());
    let recorded = scene.borrow().recorded.len();
    let run =
        cases("any_request_is_answered", 20_000).run(&(0..recorded, mutations()), |(which, mutations)| {
            let scene = &mut *scene.borrow_mut();
            scene.refresh_now_and_then();
            let mut request = scene.request(which);
            for mutation in &mutations {
                request.change(mutation);
            }
            let before = scene.before.replace(request.bytes());
            let sent = scene.wire.send_bytes(&request.bytes());
            let reply = sent.and_then(|()| scene.wire.read_reply());
            match reply {
                Ok(reply) => {
                    scene.learn(which, &reply);
                    scene.was_removed(&request, &reply);
                    *scene.statuses.entry(reply.status).or_default() += 1;
                    judge(&request, &reply).map_err(|why| failure(&request, &why))
                }
                Err(error) => {
                    scene.reconnect();
                    // What is no HTTP may be hung up on.
                    let may_fail = !request.is_http() && is_hung_up(&error);
                    let before = before.unwrap_or_default();
                    let why = format!("no answer: {error}, after {}", before.escape_ascii());
                    if may_fail { Ok(()) } else { Err(failure(&request, &why)) }
                }
            }
        });
    run.unwrap_or_else(|failure| panic!("{failure}"));
    let mut scene = scene.into_inner();
    scene.is_alive();
    // Else it would show little.
    for status in [200, 400, 401, 404, 409, 500] {
        let count = scene.statuses.get(&status);
        assert!(count.is_some_and(|&count| count > 50), "{status} too seldom: {:?}", scene.statuses);
    }
}

#[test]
fn any_bytes_end_in_an_answer_or_the_end_of_the_connection() {
    let scene = RefCell::new(Scene::new());
    let recorded = scene.borrow().recorded.len();
    let bytes = (0..recorded, mutations(), prop::collection::vec(spoil(), 0..6));
    let run = cases("any_bytes_end", 3_000).run(&bytes, |(which, mutations, spoils)| {
        let scene = &mut *scene.borrow_mut();
        scene.refresh_now_and_then();
        let mut request = scene.request(which);
        for mutation in &mutations {
            request.change(mutation);
        }
        let mut bytes = request.bytes();
        for spoil in &spoils {
            spoil.apply(&mut bytes);
        }
        let mut wire = scene.emulated.wire();
        // It may be closed before everything is sent.
        let ended = wire.send_bytes(&bytes).and_then(|()| wire.finish());
        let judged = match &ended {
            Ok(answers) => judge_bytes(answers),
            Err(error) if is_hung_up(error) => Ok(()),
            Err(error) => Err(format!("no end: {error}")),
        };
        judged.map_err(|why| TestCaseError::fail(format!("{why}\n{}", bytes.escape_ascii())))
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
    scene.borrow_mut().is_alive();
}

fn failure(request: &mutation::Request, why: &str) -> TestCaseError {
    TestCaseError::fail(format!("{why}\n{}", request.bytes().escape_ascii()))
}

fn is_hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof].contains(&error.kind())
}

/// What is done to bytes that are about to be sent.
#[derive(Clone, Debug)]
enum Spoil {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Again,
}

fn spoil() -> impl Strategy<Value = Spoil> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(Spoil::Cut),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, bits)| Spoil::Flip(at, bits)),
        (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(at, bytes)| Spoil::Insert(at, bytes)),
        Just(Spoil::Again),
    ]
}

impl Spoil {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Self::Flip(at, bits) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
            }
            Self::Flip(..) => {}
            Self::Insert(at, inserted) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Again => bytes.extend_from_within(..),
        }
    }
}
