//! Records as earlier versions wrote them: today's binary must load each. One file per phase and version; a file is never
//! changed once a version that writes it was released.

use super::rig::{Rig, key};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::engine::PhaseName;
use frontdesk_actors::flow::{Ctx, DecodeError, Effect, Flow, Input};
use frontdesk_actors::ids::Node;
use std::path::PathBuf;

fn rig_in(phase: PhaseName) -> Rig {
    let mut rig = Rig::new(true);
    rig.customer("hello there, what does it cost?");
    rig.flush();
    if phase == PhaseName::AwaitingEmail {
        return rig;
    }
    rig.customer("jane@example.com");
    rig.flush();
    if phase == PhaseName::PendingVerification {
        return rig;
    }
    let code = rig.mails[0].code.clone();
    rig.customer(&code);
    rig.flush();
    rig.pass(std::time::Duration::from_secs(1));
    if phase == PhaseName::Human {
        rig.person("I have it");
        rig.customer("thank you");
    }
    rig
}

/// The version that today's binary writes.
const CURRENT: u8 = 4;

fn stored(version: u8, phase: PhaseName) -> Vec<u8> {
    let file = format!("tests/golden/v{version}-{}.msgpack", phase.as_str());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    if !path.exists() && version == CURRENT {
        std::fs::write(&path, rig_in(phase).flow.encode()).expect("the folder of golden files can be written");
        panic!("{} was missing and has been written: look at it, commit it, and run the test again", path.display());
    }
    std::fs::read(&path).expect("a golden file can be read")
}

#[test]
fn records_of_every_version_load() {
    let phases = [PhaseName::AwaitingEmail, PhaseName::PendingVerification, PhaseName::Bot, PhaseName::Human];
    for (version, phase) in (1..=CURRENT).flat_map(|version| phases.map(|phase| (version, phase))) {
        let rig = rig_in(phase);
        let node = Node { name: "b".into(), boot: 2 };
        let ctx =
            Ctx { now: rig.now, seed: [1, 2, 3], policy: &rig.policy, human_mode: false, paused: false, node: &node };
        let flow = Flow::restore(&ctx, &stored(version, phase), None).expect("an earlier record can be read");
        let view = flow.view(&rig.policy, 1);
        assert_eq!((view.phase, &view.key, view.lang), (phase, &key(), Lang::En));
        assert_eq!(view.contact.and_then(|contact| contact.name).as_deref(), Some("Jane"));
        assert_eq!(view.verified.is_some(), matches!(phase, PhaseName::Bot | PhaseName::Human));
        assert_eq!(view.owed, usize::from(phase != PhaseName::Human), "the question before the gate is owed");
    }
}

/// A record with a recording that nobody has heard yet, written by version 4.
#[test]
fn a_stored_recording_is_heard_after_a_start() {
    let mut rig = rig_in(PhaseName::Bot);
    rig.speaks();
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v4-unheard.msgpack");
    if !path.exists() {
        std::fs::write(&path, rig.flow.encode()).expect("the folder of golden files can be written");
        panic!("{} was missing and has been written: look at it, commit it, and run the test again", path.display());
    }
    let record = std::fs::read(&path).expect("a golden file can be read");
    let node = Node { name: "b".into(), boot: 2 };
    let ctx = Ctx { now: rig.now, seed: [1, 2, 3], policy: &rig.policy, human_mode: false, paused: false, node: &node };
    let mut flow = Flow::restore(&ctx, &record, None).expect("the record can be read");
    assert!(flow.has_work(), "whoever takes it over listens");
    let step = flow.handle(&ctx, Input::DeadlineReached);
    let listens = |effect: &Effect| matches!(effect, Effect::Transcribe { .. });
    assert_eq!(step.effects.iter().filter(|effect| listens(effect)).count(), 1);
}

#[test]
fn rubbish_and_newer_records_are_refused() {
    let rig = Rig::new(true);
    let node = Node { name: "b".into(), boot: 2 };
    let ctx = Ctx { now: rig.now, seed: [1, 2, 3], policy: &rig.policy, human_mode: false, paused: false, node: &node };
    let record = rig.flow.encode();
    for cut in 0..record.len() {
        assert!(matches!(Flow::restore(&ctx, &record[..cut], None), Err(DecodeError::Damaged(_))), "cut at {cut}");
    }
    // A value is read by recursion: what nests without end must not overflow the stack.
    let endless = [&record[..4], &[0x91].repeat(100_000)].concat();
    assert!(matches!(Flow::restore(&ctx, &endless, Some(&endless)), Err(DecodeError::Damaged(_))));
    // The version is the first field: fixmap, fixstr "v", positive fixint.
    let mut newer = record.clone();
    assert_eq!(&newer[1..4], &[0xa1, b'v', CURRENT]);
    newer[3] = CURRENT + 1;
    let refused = Flow::restore(&ctx, &newer, None);
    assert!(matches!(refused, Err(DecodeError::TooNew { found }) if found == u16::from(CURRENT) + 1));
    assert!(Flow::restore(&ctx, &record, Some(b"rubbish")).is_ok(), "a damaged memory is no reason to stop");
}
