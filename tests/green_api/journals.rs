//! What the adapter makes of the journals of an instance, and what it promises the engine of its texts.

use anyhow::{Context, Result, ensure};
use frontdesk::adapters::green_api::{GreenApi, HealthPost, ParseContext, Settings};
use frontdesk_actors::domain::Event;
use frontdesk_actors::ids::{ConversationKey, MessageId};
use frontdesk_actors::ports::{Author, Channel};
use frontdesk_actors::time::{SystemClock, Timestamp};
use frontdesk_sandbox::green_api::{GreenDouble, INSTANCE, Options, TOKEN};
use std::sync::Arc;

const DANA: &str = "15550100042@c.us";

fn channel(settings: &Settings) -> Result<GreenApi> {
    let context = ParseContext { instance: INSTANCE, groups: false, handback: Some("/bot".to_owned()) };
    Ok(GreenApi::new(settings, context, HealthPost::default(), Arc::new(SystemClock))?)
}

#[test]
fn no_text_is_longer_than_the_vendor_takes() -> Result<()> {
    for (asked, taken) in [(100_000, 20_000), (20_000, 20_000), (4000, 4000), (0, 1)] {
        let settings = Settings::new("https://7103.api.greenapi.com".parse()?, INSTANCE, TOKEN.into());
        ensure!(channel(&Settings { max_text: asked, ..settings })?.max_text() == taken, "{asked}");
    }
    Ok(())
}

/// A journal shows what left through the API under the time of the last thing that happened to it. Were that time its place,
/// a colleague's word from before it would never be asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn what_left_through_the_api_has_no_place_in_the_order() -> Result<()> {
    let green = GreenDouble::start(Options::default()).await?;
    let channel = channel(&Settings::new(green.base_url().parse()?, INSTANCE, TOKEN.into()))?;
    let question = green.customer_writes(DANA, "Do you ship to Lisbon?");
    let answer = green.other_program_sends(DANA, "Your parcel is on its way");
    green.wait_for("it was sent", |world| world.lines().len() == 2).await?;
    let taken_over = green.phone_writes(DANA, "Kim here");
    let key = ConversationKey::new("green-api", INSTANCE, DANA);
    let told = channel.events(&key, None, Timestamp::from_secs(0)).await?;
    ensure!(told.events.len() == 3, "{:?}", told.events);
    let customer = told
        .events
        .iter()
        .find_map(|event| if let Event::CustomerWrote(message) = event { Some(message.id) } else { None })
        .context("the question")?;
    let carried = told
        .events
        .iter()
        .find_map(|event| if let Event::Carried { id, .. } = event { Some(*id) } else { None })
        .context("the answer")?;
    let person = told
        .events
        .iter()
        .find_map(|event| if let Event::PersonWrote { id, .. } = event { Some(*id) } else { None })
        .context("the colleague")?;
    ensure!(carried == MessageId::named(&answer), "{carried:?}");
    ensure!(customer.order > 0 && customer.unique == MessageId::named(&question).unique, "{customer:?}");
    ensure!(person.order > 0 && person.unique == MessageId::named(&taken_over).unique, "{person:?}");
    let look = channel.look(&key, customer).await?;
    let seen = look.messages.iter().find(|seen| seen.author == Author::Carried).context("the answer in a look")?;
    ensure!(seen.id == carried, "{seen:?}");
    Ok(())
}

/// Read when the customer read them, an order and the words after it stand at one time: obeyed from there, it could outweigh them.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_obeyed_when_its_webhook_comes_and_not_from_a_journal() -> Result<()> {
    let green = GreenDouble::start(Options::default()).await?;
    let channel = channel(&Settings::new(green.base_url().parse()?, INSTANCE, TOKEN.into()))?;
    green.phone_writes(DANA, "/bot");
    green.phone_writes(DANA, "Kim here");
    let key = ConversationKey::new("green-api", INSTANCE, DANA);
    let told = channel.events(&key, None, Timestamp::from_secs(0)).await?;
    ensure!(matches!(told.events.as_slice(), [Event::PersonWrote { .. }]), "{:?}", told.events);
    let look = channel.look(&key, MessageId::default()).await?;
    let authors: Vec<_> = look.messages.iter().map(|seen| seen.author.clone()).collect();
    ensure!(authors.len() == 2 && authors.contains(&Author::Private), "{authors:?}");
    Ok(())
}
