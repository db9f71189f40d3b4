use super::*;
use frontdesk_actors::domain::Lang;
use frontdesk_actors::ids::ConversationKey;
use frontdesk_actors::time::Timestamp;

/// A conversation with the demo model, remembered as the desk does.
struct Chat {
    lang: Lang,
    name: Option<String>,
    history: Vec<Remembered>,
}

impl Chat {
    fn new(lang: Lang) -> Self {
        Self { lang, name: None, history: Vec::new() }
    }

    fn remember(&mut self, role: Role, text: &str) {
        self.history.push(Remembered {
            id: None,
            role,
            text: text.to_owned(),
            at: Timestamp::from_secs(1),
            voice: false,
        });
    }

    async fn ask(&mut self, texts: &[&str]) -> Result<ModelReply, ModelError> {
        for text in texts {
            self.remember(Role::Customer, text);
        }
        let prompt = Prompt {
            key: ConversationKey::new("web", 1, 1),
            inbox: "1".into(),
            lang: self.lang,
            name: self.name.clone(),
            history: self.history.clone(),
            unanswered: texts.len(),
        };
        let reply = MockModel::instant().reply(&prompt).await;
        if let Ok(ModelReply::Text(text)) = &reply {
            self.remember(Role::Desk, text);
        }
        reply
    }

    async fn text(&mut self, text: &str) -> String {
        match self.ask(&[text]).await {
            Ok(ModelReply::Text(text)) => text,
            other => panic!("{text:?} is answered with text, not {other:?}"),
        }
    }
}

#[tokio::test]
async fn it_remembers_in_every_language() {
    for (lang, gives, asks, before, count) in [
        (Lang::En, "Hi! my name is anna, and you?", "What's my name?", "what did I say before?", "how many messages?"),
        (Lang::Ru, "Привет, меня зовут anna", "Как меня зовут?", "Что я говорил раньше?", "сколько сообщений?"),
        (Lang::Kk, "Сәлем! Менің атым anna.", "Менің атым кім?", "Мен бұрын не айттым?", "Қанша хабар?"),
        (Lang::Mn, "Миний нэр anna", "Миний нэр хэн бэ?", "Би өмнө нь юу хэлсэн бэ?", "Хэдэн мессеж вэ?"),
    ] {
        let mut chat = Chat::new(lang);
        let first = chat.text(gives).await;
        assert!(first.contains("Anna") && first.contains("OPENAI_API_KEY"), "{first}");
        let name = chat.text(asks).await;
        assert!(name.contains("Anna") && !name.contains("OPENAI_API_KEY"), "{name}");
        let recited = chat.text(before).await;
        assert!(recited.contains(gives) && recited.contains(asks), "{recited}");
        let counted = chat.text(count).await;
        assert!(counted.contains('4') && counted.contains('7'), "{counted}");
    }
}

#[tokio::test]
async fn it_greets_by_the_name_that_the_channel_shows() {
    let mut chat = Chat::new(Lang::Ru);
    chat.name = Some("Анна".into());
    assert!(chat.text("Здравствуйте!").await.starts_with("Здравствуйте, Анна!"));
    assert!(chat.text("спасибо").await.contains("Анна"));
    let mut nameless = Chat::new(Lang::En);
    assert!(nameless.text("hello").await.starts_with("Hello! "));
    assert!(nameless.text("what is my name").await.contains("not told me"));
}

#[tokio::test]
async fn it_fetches_a_person_and_fails_when_asked() {
    for complaint in ["I want a refund", "Верните деньги!", "Шағымым бар", "Гомдол байна"]
    {
        let reply = Chat::new(Lang::En).ask(&[complaint]).await.unwrap();
        assert!(matches!(reply, ModelReply::RequestHuman { .. }), "{complaint}");
    }
    for order in ["/fail", "please break", "Сломайся"] {
        let error = Chat::new(Lang::En).ask(&[order]).await.unwrap_err();
        assert_eq!(error.kind, ModelErrorKind::Overloaded, "{order}");
    }
    assert!(Chat::new(Lang::En).text("When is your breakfast?").await.contains("breakfast"));
}

#[tokio::test]
async fn a_burst_gets_one_answer_that_names_all_of_it() {
    let mut chat = Chat::new(Lang::Kk);
    let Ok(ModelReply::Text(text)) = chat.ask(&["Астанаға жеткізесіздер ме?", "Қанша тұрады?"]).await
    else {
        panic!("a burst is answered with text")
    };
    assert!(text.contains("Астанаға") && text.contains("тұрады") && text.contains('2'), "{text}");
}

#[tokio::test]
async fn nothing_in_a_prompt_makes_it_panic() {
    for (history, unanswered) in [(0, 0), (0, 5), (1, 9)] {
        let message = Remembered {
            id: None,
            role: Role::Desk,
            text: "\u{130}\u{fffd} my name is ".into(),
            at: Timestamp::default(),
            voice: false,
        };
        let prompt = Prompt {
            key: ConversationKey::new("web", 1, 1),
            inbox: String::new(),
            lang: Lang::Mn,
            name: Some("  ".into()),
            history: vec![message; history],
            unanswered,
        };
        assert!(MockModel::instant().reply(&prompt).await.is_ok());
    }
    for odd in ["my name is", "my name is 42", "ß\u{130}my name is \u{130}", "намайг гэдэг", "\u{0}", "…"]
    {
        intent::of(odd);
    }
    assert_eq!(intent::of("намайг бат гэдэг"), Intent::GivesName("Бат".into()));
    assert_eq!(intent::of("My name is John and I like tea"), Intent::GivesName("John".into()));
}
