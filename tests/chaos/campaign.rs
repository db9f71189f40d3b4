//! Rounds of chaos, lane beside lane, until the time is up.

use crate::chaos::evidence::Evidence;
use crate::chaos::explain::explain;
use crate::chaos::ground::{self, Machines, Square};
use crate::chaos::judge::{is_at_rest, judge};
use crate::chaos::lane::{Lane, Setup};
use crate::chaos::ledger::Ledger;
use crate::chaos::people::Seat;
use crate::chaos::report::{self, Sums};
use crate::chaos::storm::Storm;
use crate::chaos::weather::Weather;
use anyhow::{Context, Result, ensure};
use frontdesk_sandbox::dice::{Chance, seed};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long faults are injected in one round at most.
const ROUND: Duration = Duration::from_secs(60);

/// How many lanes run side by side: more would be too much for a machine of two cores, and nothing would be answered in time.
const SIDE_BY_SIDE: usize = 4;

/// How long the desk may take to come to rest once the faults have ended. Settle time, retries and a hand-over after three
/// kills stand one after the other.
const REST: Duration = Duration::from_secs(120);

/// What the desks count themselves and is worth showing.
const OWN: [&str; 4] = [
    "frontdesk_sent_after_person_total",
    "frontdesk_rows_held",
    "frontdesk_dedupe_hits_total",
    "frontdesk_panics_total",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_promises_hold_under_faults() -> Result<()> {
    let seconds = std::env::var("CHAOS_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let (seed, length) = (seed(), Duration::from_secs(seconds));
    tell(&format!("FRONTDESK_SEED={seed} CHAOS_SECONDS={seconds}"));
    let lanes = Lane::named(&std::env::var("CHAOS_LANES").unwrap_or_default());
    ensure!(!lanes.is_empty(), "CHAOS_LANES names none of {:?}", Lane::ALL.map(Lane::name));
    let mut sums: BTreeMap<&'static str, Sums> = BTreeMap::new();
    let mut broken = Vec::new();
    for (lanes, length) in turns(&lanes, length) {
        let rounds = lanes.into_iter().map(|lane| {
            let number = sums.get(lane.name()).map_or(0, |sums| sums.rounds);
            let begins = seed.wrapping_add(lane as u64 * 1_000_003);
            async move { (lane, Box::pin(round(lane, begins.wrapping_add(number), length)).await) }
        });
        for (lane, done) in futures::future::join_all(rounds).await {
            let (of_round, told) = done.with_context(|| format!("{}, FRONTDESK_SEED={seed}", lane.name()))?;
            sums.entry(lane.name()).or_default().add(of_round);
            broken.extend(told);
        }
    }
    report::write(&sums, seed)?;
    tell(&report::words(&sums, seed));
    ensure!(broken.is_empty(), "FRONTDESK_SEED={seed}: {} promises broken\n{}", broken.len(), broken.join("\n"));
    ensure!(sums.values().all(|of_lane| of_lane.verdict.answered > 0), "nobody was answered");
    Ok(())
}

/// Shares out the time: which lanes run side by side, for how long. Where there are more than can, they take turns, and each
/// comes as often as the others.
fn turns(lanes: &[Lane], length: Duration) -> Vec<(Vec<Lane>, Duration)> {
    let side = lanes.len().min(SIDE_BY_SIDE);
    let fair = (1..=lanes.len()).find(|turns| (turns * side).is_multiple_of(lanes.len())).unwrap_or(1);
    let minutes = usize::try_from(length.as_secs().div_ceil(ROUND.as_secs())).unwrap_or(1).max(1);
    let count = minutes.div_ceil(fair) * fair;
    let length = length / u32::try_from(count).unwrap_or(1);
    let turn = |turn: usize| (0..side).map(|place| lanes[(turn * side + place) % lanes.len()]).collect();
    (0..count).map(|number| (turn(number), length)).collect()
}

#[test]
fn lanes_take_turns_and_each_comes_as_often() {
    for (lanes, seconds) in [(4, 180), (5, 60), (6, 60), (6, 180), (6, 600)] {
        let turns = turns(&Lane::ALL[..lanes], Duration::from_secs(seconds));
        let all: Duration = turns.iter().map(|(_, length)| *length).sum();
        assert!(all.as_secs().abs_diff(seconds) <= 1 && turns.iter().all(|(_, length)| *length <= ROUND));
        let counts = Lane::ALL[..lanes].iter().map(|lane| turns.iter().filter(|(some, _)| some.contains(lane)).count());
        assert_eq!(counts.collect::<BTreeSet<_>>().len(), 1, "{lanes} lanes in {seconds} s");
        assert!(turns.iter().all(|(some, _)| some.len() == SIDE_BY_SIDE));
    }
}

/// Plays a round of a lane; returns its sums and the story of every broken promise.
async fn round(lane: Lane, seed: u64, length: Duration) -> Result<(Sums, Vec<String>)> {
    let setup = Setup { lane, turn: seed };
    let (of_round, told) = Box::pin(play(setup, length)).await?;
    tell(&format!(
        "{} on {} for {} s: {} faults, {} of {} messages answered, {} broken promises",
        lane.name(),
        setup.wiring(),
        length.as_secs(),
        of_round.injected(),
        of_round.verdict.answered,
        of_round.verdict.written,
        of_round.verdict.broken.len(),
    ));
    told.iter().for_each(|story| tell(story));
    Ok((of_round, told.iter().filter_map(|story| story.lines().next().map(str::to_owned)).collect()))
}

async fn play(setup: Setup, length: Duration) -> Result<(Sums, Vec<String>)> {
    let chance = Chance::new(setup.turn);
    let ledger = Arc::new(Ledger::default());
    // Every third round Chatwoot opens what its bot failed on, as it does unless told otherwise.
    let (square, machines) = ground::build(setup, &chance, setup.turn.is_multiple_of(3)).await?;
    let storm = Storm::new(chance.clone(), ledger.clone());
    let until = Instant::now() + length;
    let mut weather = Weather { square: square.clone(), machines, storm: storm.clone() };
    storm.rise(&square);
    let seats: Vec<_> = (0..setup.lane.seats())
        .map(|_| {
            let seat = Seat { square: square.clone(), chance: chance.clone(), ledger: ledger.clone(), until };
            tokio::spawn(seat.serve())
        })
        .collect();
    let lasted = weather.last(until).await;
    storm.lull(&square);
    for seat in seats {
        seat.await.context("a customer fell off the chair")?;
    }
    let machines = weather.machines;
    if let Some(post) = &square.post {
        ledger.faults("mail: refused, hung or cut at the server", post.smtp.faults_met());
    }
    lasted.with_context(|| tails(&machines))?;
    let (views, rested) = rest(&square, &machines, &ledger).await?;
    let evidence = Evidence::gather(&square, ledger.read(), views);
    let unseen = evidence.unseen();
    ensure!(unseen * 20 <= evidence.texts(), "{unseen} of {} texts were never seen on the wire", evidence.texts());
    let verdict = judge(&evidence);
    let mut told: Vec<String> =
        verdict.broken.iter().map(|broken| explain(broken, &evidence, &square, &machines.desks)).collect();
    let mut own = BTreeMap::new();
    for name in OWN {
        for desk in &machines.desks {
            *own.entry(name).or_default() += ground::metric(desk, name).await?;
        }
    }
    told.extend(own_word(&machines).await?);
    let rests = vec![u64::try_from(rested.as_millis()).unwrap_or(u64::MAX)];
    let faults = evidence.pages.faults;
    Ok((Sums { rounds: 1, injecting: length, faults, verdict, rests, own }, told))
}

/// What must not be in the desks' own counts, which begin anew with every process.
const NEVER: [&str; 4] = [
    "frontdesk_panics_total",
    "frontdesk_obligations_found_total",
    "frontdesk_obligations_lost_total",
    "frontdesk_sent_twice_total",
];

/// What the desks say of themselves: their counts, the panics of all their runs, and the audit of their store.
async fn own_word(machines: &Machines) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for desk in &machines.desks {
        for name in NEVER {
            let count = ground::metric(desk, name).await?;
            if count != 0.0 {
                broken.push(format!("the desk's own count of {name} is {count}"));
            }
        }
        let log = desk.log();
        let panics = log.lines().filter(|line| line.contains("a task panicked"));
        broken.extend(panics.map(|line| format!("a panic: {line}")));
    }
    let desk = machines.desks.first().context("there is a desk")?;
    let audit = tokio::task::block_in_place(|| desk.run(&["audit"]))?;
    if !audit.status.success() {
        let [said, wrong] = [audit.stdout, audit.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        broken.push(format!("the audit of the store is not clean\n{said}\n{wrong}"));
    }
    Ok(broken)
}

/// Waits until every conversation is at rest and no webhook is under way, or for long enough; returns what the desks show
/// then and how long it took.
async fn rest(square: &Square, machines: &Machines, ledger: &Ledger) -> Result<(BTreeMap<u64, Value>, Duration)> {
    let began = Instant::now();
    let all: BTreeSet<u64> = ledger.read().questions.iter().map(|question| question.conversation).collect();
    let mut views = BTreeMap::new();
    let mut waiting = all.clone();
    loop {
        for conversation in waiting.clone() {
            // A desk that has just come back may not answer yet.
            let Ok(view) = ground::view(&machines.desks, &square.venue.key(conversation)).await else { continue };
            if is_at_rest(&view) && square.venue.owes_nothing(conversation) {
                waiting.remove(&conversation);
            }
            views.insert(conversation, view);
        }
        let late = began.elapsed() > REST;
        if waiting.is_empty() || late {
            let quiet = square.venue.wait_quiet().await;
            ensure!(late || quiet.is_ok(), "webhooks are under way for ever");
            // The last webhooks may have brought something new.
            let looked = look_again((square, machines), &all, &mut views).await;
            if looked.is_empty() || late {
                return Ok((views, began.elapsed()));
            }
            waiting = looked;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn look_again(
    (square, machines): (&Square, &Machines),
    all: &BTreeSet<u64>,
    views: &mut BTreeMap<u64, Value>,
) -> BTreeSet<u64> {
    let mut restless = BTreeSet::new();
    for conversation in all {
        let view = ground::view(&machines.desks, &square.venue.key(*conversation)).await;
        if !view.as_ref().is_ok_and(is_at_rest) || !square.venue.owes_nothing(*conversation) {
            restless.insert(*conversation);
        }
        if let Ok(view) = view {
            views.insert(*conversation, view);
        }
    }
    restless
}

fn tails(machines: &Machines) -> String {
    let tail = |log: String| {
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    };
    machines.desks.iter().map(|desk| tail(desk.log())).collect::<Vec<_>>().join("\n---\n")
}

/// Prints progress, the seed and the figures.
fn tell(line: &str) {
    #[expect(clippy::print_stderr, reason = "whoever runs the tests wants the figures and the seeds")]
    {
        eprintln!("{line}");
    }
}
