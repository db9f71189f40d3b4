//! Voice messages on WhatsApp: a real recording is fetched from where the notification says, heard, and answered like what is
//! written; what cannot be heard is said.

use super::support::{Backing, DANA, Shop, english, journeys, run};
use anyhow::{Context, Result, ensure};
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::audio::{FORMS, Studio};
use frontdesk_sandbox::voice::{Heard, VoiceDouble};
use serde_json::{Value, json};

const QUESTION: &str = "Do you ship to Lisbon?";

#[tokio::test(flavor = "multi_thread")]
async fn voice_messages_are_answered() -> Result<()> {
    run(journeys![
        a_real_recording_is_heard_and_answered,
        a_sound_that_was_sent_as_a_file_is_heard,
        what_the_vendor_could_not_hand_over_is_said,
        silence_is_said_to_be_silence,
        recordings_are_fetched_from_the_instances_media_host,
        addresses_that_lead_home_are_not_fetched_from,
        a_recording_without_an_end_is_left_and_said_to_be_unheard,
        a_person_who_takes_over_meanwhile_is_not_talked_over,
        killed_while_it_listens_the_desk_hears_it_again_and_answers_once,
    ])
    .await
}

/// Builds a shop whose desk listens; it does not run yet.
pub(crate) async fn listening(backing: Backing) -> Result<(Shop, VoiceDouble)> {
    let voice = VoiceDouble::start().await;
    let mut shop = Shop::build(backing).await?;
    shop.daemon.set("TRANSCRIPTION_BASE_URL", voice.base_url());
    shop.daemon.set("TRANSCRIPTION_API_KEY", "sk-voice");
    shop.daemon.set("TRANSCRIPTION_MODEL", "whisper-test");
    shop.daemon.set("TRANSCRIPTION_HOSTS", voice.host());
    Ok((shop, voice))
}

/// The customer holds the button and speaks: what WhatsApp makes of it stands at this address.
pub(crate) fn speaks(shop: &Shop, address: &str) -> String {
    shop.green.customer_sends(DANA, recorded("audioMessage", address, "audio/ogg; codecs=opus"))
}

fn recorded(kind: &str, address: &str, mime: &str) -> Value {
    let name = address.rsplit('/').next().unwrap_or_default();
    json!({ "typeMessage": kind, "fileMessageData": { "downloadUrl": address, "caption": "", "fileName": name,
        "jpegThumbnail": "", "mimeType": mime, "isForwarded": false, "forwardingScore": 0 } })
}

fn form(name: &str) -> Result<&'static [&'static str]> {
    FORMS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form).context("a known form")
}

async fn a_real_recording_is_heard_and_answered(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.start().await?;
    let studio = Studio::open()?;
    let recording = studio.says(QUESTION, form("opus.oga")?)?;
    // WhatsApp's ending is one that endpoints refuse.
    speaks(&shop, &voice.put("3A0F.oga", &recording, QUESTION));
    let heard = format!("[voice message] {QUESTION}");
    shop.hears(&heard).await?;
    shop.said_once(&heard).await?;
    let (fetched, asked) = (voice.fetched(), voice.asked());
    ensure!(fetched == ["3A0F.oga"] && asked.len() == 1, "{fetched:?} {asked:?}");
    ensure!((asked[0].file_name.as_str(), asked[0].content_type.as_str()) == ("voice.ogg", "audio/ogg"), "{asked:?}");
    ensure!(asked[0].file == recording, "it arrives as it was recorded");
    ensure!(studio.plays("voice.ogg", &asked[0].file)? > 0.8, "it can be played");
    let view = shop.view(DANA).await?;
    let memory = &view["memory"];
    ensure!(memory[0]["voice"] == true && memory[0]["text"] == QUESTION, "remembered as voice: {view:#}");
    ensure!(memory[1]["role"] == "desk" && memory[1]["voice"] != true, "the answer is none: {view:#}");
    let log = shop.daemon.log();
    ensure!(!log.contains("Lisbon") && !log.contains("3A0F.oga") && !log.contains("sk-voice"), "{log}");
    // What is written goes on with what was spoken.
    shop.green.customer_writes(DANA, "And to Porto?");
    shop.hears("And to Porto?").await?;
    let asked = shop.model.calls().last().map(|call| call.body.to_string()).unwrap_or_default();
    ensure!(asked.contains(&heard), "{asked}");
    Ok(())
}

async fn a_sound_that_was_sent_as_a_file_is_heard(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.start().await?;
    let recording = Studio::open()?.says(QUESTION, form("constant.mp3")?)?;
    let address = voice.put("note for you.mp3", &recording, QUESTION).replace(' ', "%20");
    shop.green.customer_sends(DANA, recorded("documentMessage", &address, "audio/mpeg"));
    shop.hears(QUESTION).await?;
    shop.said_once(QUESTION).await?;
    ensure!(voice.asked().len() == 1 && voice.asked()[0].file_name == "voice.mp3", "{:?}", voice.asked());
    Ok(())
}

/// GREEN-API writes a code where the address of the recording would stand.
async fn what_the_vendor_could_not_hand_over_is_said(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.start().await?;
    for (code, phrase) in [("{{SWE002}}", Phrase::VoiceTooLong), ("{{SWE003}}", Phrase::VoiceUnreadable)] {
        speaks(&shop, code);
        shop.hears(&english(&phrase)).await?;
        shop.said_once(&english(&phrase)).await?;
    }
    ensure!(voice.asked().is_empty() && shop.model.calls().is_empty(), "there was nothing to hear");
    ensure!(shop.view(DANA).await?["phase"] == "bot", "the customer can go on");
    shop.green.customer_writes(DANA, QUESTION);
    shop.hears(QUESTION).await
}

async fn silence_is_said_to_be_silence(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.start().await?;
    voice.push(Heard::Words("Продолжение следует...".to_owned()));
    speaks(&shop, &voice.speak("nothing but noise"));
    shop.hears(&english(&Phrase::VoiceSilent)).await?;
    shop.said_once(&english(&Phrase::VoiceSilent)).await?;
    ensure!(shop.model.calls().is_empty(), "there is nothing to answer");
    Ok(())
}

/// The operator has named the host by naming the instance's own; nothing else must be set for a private gateway.
async fn recordings_are_fetched_from_the_instances_media_host(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.set("TRANSCRIPTION_HOSTS", "");
    shop.daemon.set("GREEN_MEDIA_URL", format!("http://{}", voice.host()));
    shop.daemon.start().await?;
    let address = voice.put("3A0F.oga", &Studio::open()?.says(QUESTION, form("opus.oga")?)?, QUESTION);
    speaks(&shop, &address);
    shop.hears(QUESTION).await?;
    shop.said_once(QUESTION).await?;
    // Another port of the same machine is another host.
    let home = VoiceDouble::start().await;
    speaks(&shop, &home.speak("an inner secret"));
    shop.hears(&english(&Phrase::VoiceUnreadable)).await?;
    ensure!(home.fetched().is_empty(), "{:?}", home.fetched());
    Ok(())
}

async fn addresses_that_lead_home_are_not_fetched_from(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.set("TRANSCRIPTION_HOSTS", "");
    shop.daemon.start().await?;
    let inner = [voice.speak("an inner secret"), "file:///etc/passwd".to_owned(), "http://[::1]:80/a.oga".to_owned()];
    for (number, address) in inner.iter().enumerate() {
        // The same words again at once would be left out.
        let chat = format!("1555010004{number}@c.us");
        shop.green.customer_sends(&chat, recorded("audioMessage", address, "audio/ogg; codecs=opus"));
        let sorry = english(&Phrase::VoiceUnreadable);
        let said = shop.green.wait_for(address, |world| world.said(&chat) == [sorry.clone()]).await;
        ensure!(said.is_ok(), "{said:?} {:#} {}", shop.view(&chat).await?, shop.daemon.log());
    }
    ensure!(voice.fetched().is_empty() && voice.asked().is_empty(), "{:?}", voice.fetched());
    Ok(())
}

/// Whoever keeps the recording decides neither how often it is asked nor how much of it is read.
async fn a_recording_without_an_end_is_left_and_said_to_be_unheard(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.set("FRONTDESK__TRANSCRIPTION__MAX_BYTES", "1000000");
    shop.daemon.start().await?;
    speaks(&shop, &voice.circle());
    shop.hears(&english(&Phrase::VoiceUnreadable)).await?;
    shop.said_once(&english(&Phrase::VoiceUnreadable)).await?;
    // The address itself, and five redirects.
    ensure!(voice.fetched() == ["loop"; 6], "{:?}", voice.fetched());
    speaks(&shop, &voice.endless());
    shop.hears(&english(&Phrase::VoiceTooLong)).await?;
    shop.said_once(&english(&Phrase::VoiceTooLong)).await?;
    ensure!(voice.fetched().len() == 7 && voice.asked().is_empty(), "{:?}", voice.fetched());
    shop.at_rest().await?;
    ensure!(shop.view(DANA).await?["phase"] == "bot", "the customer can go on");
    shop.green.customer_writes(DANA, QUESTION);
    shop.hears(QUESTION).await
}

async fn a_person_who_takes_over_meanwhile_is_not_talked_over(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.start().await?;
    voice.push(Heard::Hang);
    speaks(&shop, &voice.speak(QUESTION));
    voice.wait_for_calls(1).await;
    shop.green.phone_writes(DANA, "Kim here, I have listened to it");
    shop.in_phase("human").await?;
    voice.release();
    shop.at_rest().await?;
    ensure!(shop.green.said(DANA).is_empty() && shop.model.calls().is_empty(), "{:?}", shop.green.said(DANA));
    ensure!(voice.asked().len() == 1, "people listen for themselves");
    Ok(())
}

async fn killed_while_it_listens_the_desk_hears_it_again_and_answers_once(backing: Backing) -> Result<()> {
    let (mut shop, voice) = listening(backing).await?;
    shop.daemon.start().await?;
    voice.push(Heard::Hang);
    speaks(&shop, &voice.speak(QUESTION));
    voice.wait_for_calls(1).await;
    shop.green.wait_for("the webhook is acknowledged", |world| world.waiting() == 0).await?;
    shop.kill_and_restart().await?;
    shop.hears(QUESTION).await?;
    shop.said_once(QUESTION).await?;
    ensure!((voice.asked().len(), shop.model.calls().len()) == (2, 1), "heard again, asked once");
    Ok(())
}

/// Every form is as long as it is: whichever a telephone records in, what is too long is said politely and costs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_said_in_every_form() -> Result<()> {
    let (mut shop, voice) = listening(Backing::Embedded).await?;
    shop.daemon.set("FRONTDESK__TRANSCRIPTION__MAX_LENGTH", "8s");
    shop.daemon.start().await?;
    let (studio, sorry) = (Studio::open()?, english(&Phrase::VoiceTooLong));
    // Old telephones record AMR: frames of 20 ms. ffmpeg only reads it.
    let amr = |seconds: usize| [b"#!AMR\n".to_vec(), [&[0x3c][..], &[0; 31]].concat().repeat(50 * seconds)].concat();
    let mut recorded = vec![("old.amr", amr(11), amr(5))];
    for (name, form) in FORMS {
        recorded.push((name, studio.hums(11, form)?, studio.hums(5, form)?));
    }
    for (number, (name, long, short)) in recorded.iter().enumerate() {
        let (asked, before) = (voice.asked().len(), shop.green.said(DANA).len());
        let long = voice.put(&format!("long-{name}"), long, "never heard");
        speaks(&shop, &long);
        let said = |world: &frontdesk_sandbox::green_api::World| world.said(DANA).len() > before;
        shop.green.wait_for(&format!("an answer to a long {name}"), said).await?;
        ensure!(shop.green.said(DANA).last() == Some(&sorry), "{name}: {:?}", shop.green.said(DANA));
        ensure!(voice.asked().len() == asked, "{name}: nobody pays for what is too long");
        let words = format!("question number {number}");
        speaks(&shop, &voice.put(&format!("short-{name}"), short, &words));
        shop.hears(&words).await?;
    }
    shop.at_rest().await?;
    Ok(())
}

/// What tells no length is measured by ffmpeg, and without it taken for a low bit rate.
#[tokio::test(flavor = "multi_thread")]
async fn what_tells_no_length_is_not_sent_unmeasured() -> Result<()> {
    let studio = Studio::open()?;
    // Whoever records to a pipe leaves nothing where the number of samples would stand: the last 36 bits of these.
    let piped = |seconds| -> Result<Vec<u8>> {
        let mut flac = studio.hums(seconds, form("plain.flac")?)?;
        flac[21] &= 0xf0;
        flac[22..26].fill(0);
        Ok(flac)
    };
    for (ffmpeg, heard_as) in [("ffmpeg", "voice.mp3"), ("off", "voice.flac")] {
        let (mut shop, voice) = listening(Backing::Embedded).await?;
        shop.daemon.set("FRONTDESK__TRANSCRIPTION__MAX_LENGTH", "12s");
        shop.daemon.set("FRONTDESK__TRANSCRIPTION__FFMPEG", ffmpeg);
        shop.daemon.start().await?;
        speaks(&shop, &voice.put("long.flac", &piped(15)?, "never heard"));
        shop.hears(&english(&Phrase::VoiceTooLong)).await?;
        ensure!(voice.asked().is_empty(), "nobody pays for what is too long");
        // Its 60 kB could as well be half a minute of a low bit rate: without ffmpeg nobody can tell.
        let short = piped(if heard_as == "voice.mp3" { 5 } else { 1 })?;
        speaks(&shop, &voice.put("short.flac", &short, QUESTION));
        shop.hears(QUESTION).await?;
        ensure!(voice.asked().last().is_some_and(|asked| asked.file_name == heard_as), "{:?}", voice.asked());
    }
    Ok(())
}
