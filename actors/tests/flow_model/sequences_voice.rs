//! Recordings in random sequences: whatever happens, none waits for ever.

use super::ops::{Op, op};
use super::rig::Rig;
use super::sequences::drive;
use frontdesk_actors::flow::Input;
use frontdesk_actors::ports::TranscribeErrorKind;
use proptest::prelude::*;
use std::time::Duration;

/// One step with a recording, or one of anything else.
#[derive(Debug, Clone)]
enum Step {
    Other(Op),
    Spoke,
    Heard(Option<TranscribeErrorKind>),
}

fn step() -> impl Strategy<Value = Step> {
    let ends = [None, None, None].into_iter().chain(TranscribeErrorKind::ALL.map(Some)).collect::<Vec<_>>();
    prop_oneof![
        6 => op().prop_map(Step::Other),
        2 => Just(Step::Spoke),
        2 => prop::sample::select(ends).prop_map(Step::Heard),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    /// Whatever happens, a recording never stays unheard with the desk: the rig's checks hold after every step, and in the
    /// end each is answered, spoken of, dropped with what it belonged to, or with people.
    #[test]
    fn no_recording_waits_for_ever(gate in any::<bool>(), steps in prop::collection::vec(step(), 1..50)) {
        let mut rig = Rig::new(gate);
        for step in steps {
            match step {
                Step::Other(op) => drive(&mut rig, &[op]),
                Step::Spoke => drop(rig.speaks()),
                Step::Heard(end) => {
                    rig.hearing.retain(|ticket| rig.flow.is_hearing(*ticket));
                    if !rig.hearing.is_empty() {
                        rig.heard(end.map_or(Ok("what does it cost?"), Err));
                    }
                }
            }
        }
        rig.pause(false);
        rig.sending.clear();
        rig.crash(true);
        for _ in 0..6 {
            rig.pass(Duration::from_secs(61));
            rig.step(Input::DeadlineReached);
        }
        let unheard = rig.view().owed > 0 && rig.hearing.iter().any(|ticket| rig.flow.is_hearing(*ticket));
        prop_assert!(!unheard, "still listened to: {:?}", rig.view());
    }
}
