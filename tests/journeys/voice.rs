//! Voice messages: heard and answered like what is written; what cannot be heard is said, and nothing is lost on the way.

use super::support::{Chat, NO_GATE, english, on_both_stores, open, until, words};
use anyhow::{Context, Result, ensure};
use frontdesk_actors::domain::Lang;
use frontdesk_actors::language::Phrase;
use frontdesk_sandbox::audio::{FORMS, Studio};
use frontdesk_sandbox::chatwoot::{Target, WorldView};
use frontdesk_sandbox::town::{Backing, Town};
use frontdesk_sandbox::voice::{Heard, VoiceDouble, ogg};

on_both_stores!(
    a_voice_message_is_heard_and_answered,
    a_voice_message_that_asks_for_a_person_fetches_one,
    before_the_gate_it_is_kept_and_answered_after_it,
    killed_while_it_listens_the_desk_hears_it_again_and_answers_once,
    a_transcriber_that_stays_down_leads_to_a_person,
    what_cannot_be_heard_is_said_in_the_customers_language,
    addresses_that_lead_home_are_not_fetched_from,
    a_repeated_webhook_is_heard_once,
    a_person_who_takes_over_is_not_talked_over,
    text_and_voice_of_one_burst_keep_their_order,
);

/// Opens a desk that listens.
async fn listening(backing: Backing, more: &[(&str, &str)]) -> Result<(Town, VoiceDouble)> {
    let voice = VoiceDouble::start().await;
    let (base, host) = (voice.base_url(), voice.host());
    let mut settings = vec![
        ("TRANSCRIPTION_BASE_URL", base.as_str()),
        ("TRANSCRIPTION_API_KEY", "sk-voice"),
        ("TRANSCRIPTION_MODEL", "whisper-test"),
        ("TRANSCRIPTION_HOSTS", host.as_str()),
    ];
    settings.extend_from_slice(more);
    let town = open(backing, &settings).await?;
    Ok((town, voice))
}

fn speaks(chat: &Chat<'_>, url: &str) -> u64 {
    chat.town.chatwoot.customer_speaks(chat.id, url)
}

async fn a_voice_message_is_heard_and_answered(backing: Backing) -> Result<()> {
    let (town, voice) = listening(backing, &[NO_GATE, ("TRANSCRIPTION_LANGUAGE", "ru")]).await?;
    let chat = Chat::begin(&town);
    // Chatwoot's own address of a recording redirects to its storage.
    speaks(&chat, &voice.redirect_to(&voice.speak("Сколько стоит доставка?")));
    let replies = chat.read(1).await?;
    ensure!(replies[0].contains("[voice message] Сколько стоит доставка?"), "{replies:?}");
    chat.rests().await?;
    let asked = voice.asked();
    ensure!(asked.len() == 1, "{asked:?}");
    assert_eq!((asked[0].file_name.as_str(), asked[0].content_type.as_str()), ("voice.ogg", "audio/ogg"));
    assert_eq!(asked[0].headers["authorization"], "Bearer sk-voice");
    assert_eq!((asked[0].fields["model"].as_str(), asked[0].fields["language"].as_str()), ("whisper-test", "ru"));
    let view = chat.view().await?;
    assert_eq!((&view["memory"][0]["voice"], &view["lang"]), (&true.into(), &"ru".into()), "{view:#}");
    let log = town.daemon.log();
    ensure!(!log.contains("доставка") && !log.contains("/files/") && !log.contains("sk-voice"), "{log}");
    Ok(())
}

async fn a_voice_message_that_asks_for_a_person_fetches_one(backing: Backing) -> Result<()> {
    let (town, voice) = listening(backing, &[]).await?;
    let chat = Chat::begin(&town);
    speaks(&chat, &voice.speak("Позовите, пожалуйста, оператора"));
    chat.is_handed_over().await?;
    assert_eq!(chat.read(1).await?, [words(Lang::Ru, &Phrase::HandoffAsked)]);
    assert_eq!(town.model.calls().len(), 0, "nothing before the gate reaches a model");
    until("the note", || async { Ok(chat.notes().iter().any(|note| note.contains("оператора"))) }).await
}

async fn before_the_gate_it_is_kept_and_answered_after_it(backing: Backing) -> Result<()> {
    let (town, voice) = listening(backing, &[]).await?;
    let chat = Chat::begin(&town);
    speaks(&chat, &voice.speak("Do you ship to Norway?"));
    assert_eq!(chat.read(1).await?, [english(&Phrase::AskEmail)]);
    let code = chat.gives("jane@example.com").await?.code().context("the mail has no code")?;
    chat.says(&code);
    let replies = chat.read(4).await?;
    ensure!(replies[3].contains("Do you ship to Norway?"), "{replies:?}");
    assert_eq!((voice.asked().len(), town.model.calls().len()), (1, 1));
    Ok(())
}

async fn killed_while_it_listens_the_desk_hears_it_again_and_answers_once(backing: Backing) -> Result<()> {
    let (mut town, voice) = listening(backing, &[NO_GATE]).await?;
    voice.push(Heard::Hang);
    let id = {
        let chat = Chat::begin(&town);
        speaks(&chat, &voice.speak("Do you ship to Norway?"));
        chat.id
    };
    voice.wait_for_calls(1).await;
    let taken = |world: &WorldView<'_>| {
        let mut messages = world.deliveries().iter().filter(|delivery| delivery.event == "message_created");
        messages.any(|delivery| delivery.target == Target::AgentBot && delivery.outcome.is_accepted())
    };
    town.chatwoot.wait_for("the webhook is acknowledged", taken).await?;
    town.daemon.kill()?;
    town.daemon.start().await?;
    let chat = Chat { town: &town, id };
    let replies = chat.read(1).await?;
    ensure!(replies[0].contains("Do you ship to Norway?"), "{replies:?}");
    chat.rests().await?;
    assert_eq!((chat.replies().len(), voice.asked().len()), (1, 2));
    Ok(())
}

async fn a_transcriber_that_stays_down_leads_to_a_person(backing: Backing) -> Result<()> {
    let down =
        [NO_GATE, ("FRONTDESK__TRANSCRIPTION__DEADLINE", "5s"), ("FRONTDESK__TRANSCRIPTION__CALL_TIMEOUT", "2s")];
    let (town, voice) = listening(backing, &down).await?;
    (0..20).for_each(|_| voice.push(Heard::Error(503, "service_unavailable_error")));
    let chat = Chat::begin(&town);
    speaks(&chat, &voice.speak("Do you ship to Norway?"));
    chat.is_handed_over().await?;
    assert_eq!(chat.read(1).await?, [english(&Phrase::HandoffSorry)]);
    let tries = voice.asked().len();
    ensure!((2..=5).contains(&tries), "{tries} tries");
    until("the note", || async { Ok(chat.notes().iter().any(|note| note.contains("voice message"))) }).await
}

async fn what_cannot_be_heard_is_said_in_the_customers_language(backing: Backing) -> Result<()> {
    let limits =
        [NO_GATE, ("FRONTDESK__TRANSCRIPTION__MAX_BYTES", "2048"), ("FRONTDESK__TRANSCRIPTION__FFMPEG", "off")];
    let (town, voice) = listening(backing, &limits).await?;
    let chat = Chat::begin(&town);
    chat.asks("Здравствуйте, у меня вопрос").await?;
    let page = b"<!doctype html><html><title>Please sign in</title><body>Please sign in to see this file</body>";
    let amr = [b"#!AMR\n".as_slice(), &[7; 80]].concat();
    let gone = voice.speak("gone").replace("/files/", "/files/not-");
    let cases = [
        (voice.put("silence.ogg", &ogg("silence", 2), ""), Phrase::VoiceSilent),
        (voice.put("long.ogg", &ogg("long", 3600), "never heard"), Phrase::VoiceTooLong),
        (voice.put("large.ogg", &ogg(&"large".repeat(1000), 2), "never heard"), Phrase::VoiceTooLong),
        (voice.put("page.ogg", page, "never heard"), Phrase::VoiceUnreadable),
        (voice.put("note.amr", &amr, "never heard"), Phrase::VoiceUnreadable),
        (gone, Phrase::VoiceUnreadable),
    ];
    for (number, (url, phrase)) in cases.into_iter().enumerate() {
        let chat = if number == 0 { chat } else { Chat::begin(&town) };
        let lang = if number == 0 { Lang::Ru } else { Lang::En };
        let before = chat.replies().len();
        speaks(&chat, &url);
        let replies = chat.read(before + 1).await?;
        assert_eq!(replies[before], words(lang, &phrase), "case {number}");
        assert_eq!(chat.phase().await?, "bot", "the customer can go on");
    }
    assert_eq!(voice.asked().len(), 1, "only silence was listened to");
    Ok(())
}

async fn addresses_that_lead_home_are_not_fetched_from(backing: Backing) -> Result<()> {
    let (town, voice) = listening(backing, &[NO_GATE]).await?;
    let home = VoiceDouble::start().await;
    let secret = home.speak("an inner secret");
    let inner = [
        secret.clone(),
        voice.redirect_to(&secret),
        secret.replace("http://127.0.0.1", "https://localhost"),
        secret.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
        "file:///etc/passwd".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
    ];
    for url in inner {
        let chat = Chat::begin(&town);
        speaks(&chat, &url);
        assert_eq!(chat.read(1).await?, [english(&Phrase::VoiceUnreadable)], "{url}");
    }
    assert_eq!((home.fetched().len(), voice.asked().len()), (0, 0));
    Ok(())
}

async fn a_repeated_webhook_is_heard_once(backing: Backing) -> Result<()> {
    let (town, voice) = listening(backing, &[NO_GATE]).await?;
    voice.push(Heard::Hang);
    let chat = Chat::begin(&town);
    // The account's and the bot's webhook tell of the same message.
    speaks(&chat, &voice.speak("Do you ship to Norway?"));
    voice.wait_for_calls(1).await;
    town.chatwoot.wait_quiet().await?;
    voice.release();
    chat.read(1).await?;
    chat.rests().await?;
    assert_eq!((voice.asked().len(), town.model.calls().len(), chat.replies().len()), (1, 1, 1));
    Ok(())
}

async fn a_person_who_takes_over_is_not_talked_over(backing: Backing) -> Result<()> {
    let (town, voice) = listening(backing, &[NO_GATE]).await?;
    voice.push(Heard::Hang);
    let chat = Chat::begin(&town);
    speaks(&chat, &voice.speak("Do you ship to Norway?"));
    voice.wait_for_calls(1).await;
    town.chatwoot.agent_writes(chat.id, "I listen to it myself");
    chat.reaches("human").await?;
    voice.release();
    chat.rests().await?;
    assert_eq!((town.model.calls().len(), chat.replies()), (0, Vec::<String>::new()));
    Ok(())
}

async fn text_and_voice_of_one_burst_keep_their_order(backing: Backing) -> Result<()> {
    let (town, voice) = listening(backing, &[NO_GATE]).await?;
    voice.push(Heard::Hang);
    let chat = Chat::begin(&town);
    chat.says("first words");
    speaks(&chat, &voice.speak("second words"));
    chat.says("third words");
    voice.wait_for_calls(1).await;
    let all = || async { Ok(chat.view().await.is_ok_and(|view| view["owed"] == 3)) };
    until("all three are owed an answer", all).await?;
    voice.release();
    let replies = chat.read(1).await?;
    let places = ["first", "second", "third"].map(|word| replies[0].find(word));
    ensure!(places.is_sorted() && places.iter().all(Option::is_some), "{replies:?}");
    Ok(())
}

/// Real audio, made by a real voice: what reaches the endpoint can be played, and what it does not take is converted.
#[tokio::test(flavor = "multi_thread")]
async fn real_recordings_reach_the_endpoint_in_a_form_that_it_takes() -> Result<()> {
    let (studio, said) = (Studio::open()?, "Do you ship to Norway?");
    let (town, voice) = listening(Backing::Embedded, &[NO_GATE]).await?;
    for (name, sent_as) in [("opus.oga", "voice.ogg"), ("raw.aac", "voice.mp3")] {
        let (_, form) = FORMS.iter().find(|(known, _)| *known == name).context("a known form")?;
        let chat = Chat::begin(&town);
        speaks(&chat, &voice.put(name, &studio.says(said, form)?, said));
        let replies = chat.read(1).await?;
        ensure!(replies[0].contains(said), "{name}: {replies:?}");
        let asked = voice.asked();
        let last = asked.last().context("the endpoint was asked")?;
        assert_eq!(last.file_name, sent_as, "{name}");
        ensure!(studio.plays(sent_as, &last.file)? > 0.8, "{name} has lost its sound");
    }
    Ok(())
}
