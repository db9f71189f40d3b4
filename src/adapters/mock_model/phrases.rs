//! What the demo model says, in the desk's four languages. It speaks as a model, so its words are not the desk's own
//! and stand outside `config/locales`.

use frontdesk_actors::domain::Lang;

/// Stands in every introduction: how an introduction is recognised later.
pub(super) const MARK: &str = "OPENAI_API_KEY";

/// The demo model's words in one language. `{, name}` is a comma and the name, or nothing.
pub(super) struct Phrases {
    pub(super) introduction: &'static str,
    pub(super) hello: &'static str,
    pub(super) welcome: &'static str,
    pub(super) nice_to_meet: &'static str,
    pub(super) your_name: &'static str,
    pub(super) no_name: &'static str,
    pub(super) you_said: &'static str,
    pub(super) nothing_before: &'static str,
    pub(super) counted: &'static str,
    pub(super) slow: &'static str,
    pub(super) you_wrote: &'static str,
    pub(super) you_wrote_many: &'static str,
}

/// Returns the words in a language.
pub(super) const fn of(lang: Lang) -> &'static Phrases {
    match lang {
        Lang::En => &EN,
        Lang::Ru => &RU,
        Lang::Kk => &KK,
        Lang::Mn => &MN,
    }
}

const EN: Phrases = Phrases {
    introduction: "I am the built-in demo model, not a real AI: I show how frontdesk works. To connect a real model, set \
        OPENAI_API_KEY and restart.\n\
        Until then, try:\n• “my name is Anna”, then “what is my name?”\n• “what did I say before?”\n• “how many messages?”\n\
        • “I want a refund” (fetches a person)\n• “slow”\n• “/fail” (a failing model)",
    hello: "Hello{, name}! How can I help you?",
    welcome: "You are welcome{, name}! Is there anything else?",
    nice_to_meet: "Nice to meet you, {name}! I will remember your name in this conversation.",
    your_name: "Your name is {name}.",
    no_name: "You have not told me your name yet. Write “my name is …” and I will remember it.",
    you_said: "I remember. You wrote:",
    nothing_before: "This is your first message that I remember.",
    counted: "I remember {theirs} of your messages, {all} in this conversation altogether.",
    slow: "Here I am. I took my time on purpose, so that you could see frontdesk wait for its model.",
    you_wrote: "You wrote: {text}. A real model would answer this{, name}; as a demo I know nothing about the company \
        and will not invent anything.",
    you_wrote_many: "I read your {n} messages and answer them together: {text}. A real model would do so with an \
        answer{, name}; as a demo I will not invent one.",
};

const RU: Phrases = Phrases {
    introduction: "Я встроенная демо-модель, а не настоящий ИИ: показываю, как работает frontdesk. Чтобы подключить \
        настоящую модель, задайте OPENAI_API_KEY и перезапустите программу.\n\
        А пока попробуйте:\n• «меня зовут Анна», потом «как меня зовут?»\n• «что я говорил раньше?»\n\
        • «сколько сообщений?»\n• «хочу возврат» (позовёт сотрудника)\n• «медленно»\n• «/fail» (сбой модели)",
    hello: "Здравствуйте{, name}! Чем могу помочь?",
    welcome: "Пожалуйста{, name}! Могу помочь чем-то ещё?",
    nice_to_meet: "Очень приятно, {name}! Я запомню ваше имя в этом разговоре.",
    your_name: "Вас зовут {name}.",
    no_name: "Вы ещё не назвали своё имя. Напишите «меня зовут …», и я запомню.",
    you_said: "Помню. Вы писали:",
    nothing_before: "Это первое ваше сообщение, которое я помню.",
    counted: "Я помню ваших сообщений: {theirs}, а всего в этом разговоре: {all}.",
    slow: "Я здесь. Я нарочно ответил не сразу: было видно, как frontdesk ждёт модель.",
    you_wrote: "Вы написали: {text}. Настоящая модель ответила бы на это{, name}; я демо, ничего не знаю о компании и \
        не буду выдумывать.",
    you_wrote_many: "Я прочитал ваши сообщения ({n}) и отвечаю сразу на все: {text}. Настоящая модель ответила бы по \
        существу{, name}; я демо и не буду выдумывать.",
};

const KK: Phrases = Phrases {
    introduction: "Мен кіріктірілген демо-модельмін, нағыз ЖИ емеспін: frontdesk қалай жұмыс істейтінін \
        көрсетемін. Нағыз модельді қосу үшін OPENAI_API_KEY мәнін беріп, бағдарламаны қайта іске қосыңыз.\n\
        Әзірше мынаны байқап көріңіз:\n• «менің атым Анна», содан кейін «менің атым кім?»\n• «мен бұрын не айттым?»\n\
        • «қанша хабар?»\n• «шағымым бар» (қызметкерді шақырады)\n• «баяу»\n• «/fail» (модельдің істен шығуы)",
    hello: "Сәлеметсіз бе{, name}! Сізге қалай көмектесе аламын?",
    welcome: "Оқасы жоқ{, name}! Тағы бір көмек керек пе?",
    nice_to_meet: "Танысқаныма қуаныштымын, {name}! Осы әңгімеде атыңызды есте сақтаймын.",
    your_name: "Сіздің атыңыз {name}.",
    no_name: "Сіз әлі атыңызды айтқан жоқсыз. «Менің атым …» деп жазыңыз, есте сақтаймын.",
    you_said: "Есімде. Сіз былай жаздыңыз:",
    nothing_before: "Бұл менің есімдегі алғашқы хабарламаңыз.",
    counted: "Сіздің {theirs} хабарламаңыз есімде, бұл әңгімеде барлығы {all}.",
    slow: "Мен осындамын. frontdesk модельді қалай күтетіні көрінсін деп әдейі баяу жауап бердім.",
    you_wrote: "Сіз жаздыңыз: {text}. Нағыз модель бұған жауап берер еді{, name}; мен демомын, компания туралы ештеңе \
        білмеймін және ойдан шығармаймын.",
    you_wrote_many: "Сіздің {n} хабарламаңызды оқып, бәріне бірге жауап беремін: {text}. Нағыз модель мәні бойынша \
        жауап берер еді{, name}; мен демомын, ойдан шығармаймын.",
};

const MN: Phrases = Phrases {
    introduction: "Би суурилуулсан демо загвар, жинхэнэ хиймэл оюун биш: frontdesk хэрхэн ажилладгийг харуулдаг. \
        Жинхэнэ загвар холбохын тулд OPENAI_API_KEY-г тохируулаад дахин эхлүүлнэ үү.\n\
        Одоохондоо үүнийг туршаад үзээрэй:\n• «миний нэр Анна», дараа нь «миний нэр хэн бэ?»\n• «би өмнө нь юу хэлсэн бэ?»\n\
        • «хэдэн мессеж вэ?»\n• «гомдол байна» (ажилтан дуудна)\n• «удаан»\n• «/fail» (загвар ажиллахгүй болох)",
    hello: "Сайн байна уу{, name}! Танд юугаар туслах вэ?",
    welcome: "Зүгээр ээ{, name}! Өөр юугаар туслах вэ?",
    nice_to_meet: "Танилцсандаа баяртай байна, {name}! Энэ ярианд таны нэрийг санаж байх болно.",
    your_name: "Таны нэр {name}.",
    no_name: "Та нэрээ хараахан хэлээгүй байна. «Миний нэр …» гэж бичвэл би санаж авна.",
    you_said: "Санаж байна. Та ингэж бичсэн:",
    nothing_before: "Энэ бол миний санаж байгаа таны анхны мессеж.",
    counted: "Би таны {theirs} мессежийг санаж байна, энэ ярианд нийт {all}.",
    slow: "Би энд байна. frontdesk загвараа хэрхэн хүлээдгийг харуулах гэж зориуд удаан хариуллаа.",
    you_wrote: "Та бичсэн: {text}. Жинхэнэ загвар үүнд хариулах байсан{, name}; би бол демо, компанийн тухай юу ч \
        мэдэхгүй бөгөөд зохиож ярихгүй.",
    you_wrote_many: "Би таны {n} мессежийг уншаад бүгдэд нь хамт хариулж байна: {text}. Жинхэнэ загвар агуулгаар нь \
        хариулах байсан{, name}; би бол демо, зохиож ярихгүй.",
};
