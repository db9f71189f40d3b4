//! One contract for every channel: Chatwoot, WhatsApp through GREEN-API, Kommo and the web page.
//!
//! What all must do stands in `channel_contract/` by theme, one sentence above each clause, and runs against the real
//! daemon and each channel's double: on the embedded store as a test of its own, on Redis all of a channel side by side. A
//! new clause goes into a theme and into the list below; a new channel is a `Vendor` in a file of its own and a line at
//! the end. `docs/adding-a-channel.md` walks through it.

#[path = "channel_contract/chatwoot.rs"]
mod chatwoot_double;
#[path = "channel_contract/desk.rs"]
mod desk;
#[path = "channel_contract/green_api.rs"]
mod green_api_double;
#[path = "channel_contract/intake.rs"]
mod intake;
#[path = "channel_contract/kommo.rs"]
mod kommo_double;
#[path = "channel_contract/people.rs"]
mod people;
#[path = "channel_contract/sending.rs"]
mod sending;
#[path = "channel_contract/strangers.rs"]
mod strangers;
#[path = "channel_contract/vendor.rs"]
mod vendor;
#[path = "channel_contract/web.rs"]
mod web_double;

use anyhow::{Result, ensure};
use desk::{Backing, Desk};
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use vendor::{Cannot, Vendor};

/// How many clauses run side by side where a channel runs them in one test: they mostly wait.
const SIDE_BY_SIDE: usize = 4;

/// Hands every clause to a macro, behind what that macro was called with.
macro_rules! clauses {
    ($with:ident: $($call:tt)*) => {
        $with! {
            $($call)*:
            intake::a_question_is_answered_once_where_it_was_asked,
            intake::a_webhook_delivered_twice_is_answered_once,
            intake::what_was_acknowledged_is_answered_after_a_kill,
            intake::messages_of_one_moment_keep_their_order,
            intake::messages_are_read_in_the_order_in_which_they_were_written,
            people::its_own_words_come_back_and_mean_nothing,
            people::a_colleague_who_writes_is_not_talked_over,
            people::what_is_given_back_is_the_desks_again,
            people::whoever_asks_for_a_person_is_told_once_and_left_to_people,
            sending::a_long_answer_arrives_whole_and_in_order,
            sending::too_many_requests_are_waited_for,
            sending::a_send_that_landed_unanswered_is_not_repeated,
            sending::a_send_that_was_lost_is_said_after_all,
            sending::a_refused_answer_fetches_a_person,
            sending::an_answer_that_was_killed_on_its_way_is_said_once,
            strangers::a_webhook_without_a_good_proof_is_refused,
            strangers::a_body_that_nobody_can_read_harms_nobody,
            strangers::neither_secrets_nor_words_reach_a_log,
        }
    };
}

macro_rules! contract {
    ($channel:ident, $Double:ty: $($theme:ident::$clause:ident,)*) => {
        mod $channel {
            mod embedded {
                $(#[tokio::test(flavor = "multi_thread")]
                async fn $clause() -> anyhow::Result<()> {
                    let desk = crate::Desk::<$Double>::open(crate::Backing::Embedded).await?;
                    Box::pin(crate::$theme::$clause(desk)).await
                })*
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn redis() -> anyhow::Result<()> {
                crate::on_redis::<$Double>(vec![$(
                    (stringify!($clause), |desk| Box::pin(crate::$theme::$clause(desk))),
                )*]).await
            }
        }
    };
}

clauses!(contract: chatwoot, crate::chatwoot_double::Chatwoot);
clauses!(contract: green_api, crate::green_api_double::GreenApi);
clauses!(contract: kommo, crate::kommo_double::Kommo);
clauses!(contract: web, crate::web_double::Page);

/// A clause and its name.
type Clause<V> = (&'static str, fn(Desk<V>) -> LocalBoxFuture<'static, Result<()>>);

/// Runs clauses side by side, each with a Redis of its own; the error names each that failed.
async fn on_redis<V: Vendor>(clauses: Vec<Clause<V>>) -> Result<()> {
    let outcomes: Vec<Option<String>> = futures::stream::iter(clauses)
        .map(|(name, clause)| async move {
            let held = async { clause(Desk::open(Backing::Redis).await?).await };
            held.await.err().map(|error| format!("{name}: {error:#}"))
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    let failed: Vec<String> = outcomes.into_iter().flatten().collect();
    ensure!(failed.is_empty(), "{} on Redis:\n{}", V::NAME, failed.join("\n\n"));
    Ok(())
}

/// What a vendor cannot do is said where newcomers read it, with the test that stands in its place.
#[test]
fn what_a_channel_cannot_do_is_written_down() -> Result<()> {
    let guide = include_str!("../docs/adding-a-channel.md");
    let said = |channel: &str, cannot: Cannot| {
        let row =
            guide.lines().any(|line| [channel, cannot.why, cannot.instead].iter().all(|part| line.contains(part)));
        ensure!(row, "docs/adding-a-channel.md has no row for {channel}: {cannot:?}");
        desk::stands(cannot)
    };
    fn of<V: Vendor>() -> impl Iterator<Item = (&'static str, Cannot)> {
        V::CANNOT.iter().map(|cannot| (V::NAME, *cannot))
    }
    let all = of::<chatwoot_double::Chatwoot>()
        .chain(of::<green_api_double::GreenApi>())
        .chain(of::<kommo_double::Kommo>())
        .chain(of::<web_double::Page>());
    all.into_iter().try_for_each(|(channel, cannot)| said(channel, cannot))
}
