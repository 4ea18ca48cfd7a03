use super::*;

fn offsets(min: i64, max: i64, current: i64) -> Offsets {
    Offsets { min, max, current }
}

#[test]
fn the_first_id_of_a_batch_tells_what_happened() {
    let position = Position { epoch: 0, acked: 5, delivered: 8 };
    let told: Vec<Ids> = [4, 5, 7, 8, 9].map(|first| ids(first, position)).into();
    assert_eq!(told, [Ids::Rewind, Ids::Redelivered, Ids::Redelivered, Ids::Expected, Ids::Gap]);
}

#[test]
fn what_retention_removed_is_lost_and_the_rest_was_skipped() {
    let table = [
        // expected, first, min -> lost, skipped
        (10, 20, 20, 10, 0), // retention alone
        (10, 20, 0, 0, 10),  // a seek alone
        (10, 20, 14, 4, 6),  // both
        (10, 20, 50, 10, 0), // retention went on meanwhile
        (10, 10, 10, 0, 0),
    ];
    for (expected, first, min, lost, skipped) in table {
        assert_eq!(missing(expected, first, min), Missing { lost, skipped }, "{expected} {first} {min}");
    }
}

#[test]
fn offsets_tell_what_empty_pulls_do_not() {
    let table = [
        (offsets(0, 10, 5), Some(5), Log::Fine),
        (offsets(0, 10, 5), None, Log::Fine),
        // Recording 10: the broker is gone, and `current` is stale.
        (offsets(-1, -1, 0), Some(5), Log::BrokerDown),
        // Recording 13: made anew, nothing published yet; then three messages.
        (offsets(0, 0, 11), Some(11), Log::MadeAnew { min: 0, inside: false }),
        (offsets(0, 3, 11), Some(11), Log::MadeAnew { min: 0, inside: false }),
        (offsets(0, 3, 2), Some(11), Log::MadeAnew { min: 0, inside: true }),
        // Grown past: nothing shows it any more.
        (offsets(0, 13, 11), Some(11), Log::Fine),
        // Recording 12: a refused seek that was done all the same.
        (offsets(0, 10, 500), Some(6), Log::Astray),
        (offsets(0, 10, 500), None, Log::MadeAnew { min: 0, inside: false }),
        (offsets(0, 10, -1), Some(6), Log::Fine),
    ];
    for (offsets, expected, told) in table {
        let position = expected.map(|next| Position { epoch: 0, acked: next, delivered: next });
        assert_eq!(log(&offsets, position), told, "{offsets:?} {expected:?}");
    }
    // Made anew while a batch is delivered and not acknowledged: the place it had says nothing.
    let position = Some(Position { epoch: 0, acked: 1000, delivered: 2000 });
    assert_eq!(log(&offsets(0, 1500, 1000), position), Log::MadeAnew { min: 0, inside: false });
    assert_eq!(log(&offsets(0, 1500, 7), position), Log::MadeAnew { min: 0, inside: true });
}
