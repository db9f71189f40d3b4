# Хамт олонд зориулсан картууд (Teams), DESK_LOCALE хэлээр.
card-handoff-title = Үйлчлүүлэгч ажилтан хүлээж байна
card-incident-title = Операторын анхаарал шаардлагатай
card-resolved-title = Шийдэгдсэн
card-reason = Шалтгаан
card-customer = Үйлчлүүлэгч
card-time = Цаг
card-open = Харилцан яриаг нээх
card-nobody = тодорхойгүй
card-no-text = (бичвэргүй)
card-repeats = Сүүлийн картаас хойш дахин { $count } удаа давтагдсан.

# Ажилтныг яагаад дуудсан: шалтгаан бүрд нэг мессеж.
reason-asked-by-customer = Үйлчлүүлэгч ажилтантай ярихыг хүссэн.
reason-asked-by-model = Бот ажилтныг дуудсан: { $why }
reason-asked-by-model-unsaid = Бот ажилтныг дуудсан.
reason-model-failed = Хэлний загвар хэд хэдэн удаа хариулж чадсангүй.
reason-turn-deadline = Хэлний загвар хугацаандаа хариулсангүй.
reason-empty-reply = Хэлний загвар хоосон хариу өгсөн.
reason-cannot-answer = Бот хариултыг мэдэхгүй байна.
reason-model-unauthorized = Хэлний загвар түлхүүрийг хүлээж авсангүй. OPENAI_API_KEY-г шалгана уу.
reason-model-not-found = Ийм хэлний загвар байхгүй. OPENAI_MODEL-г шалгана уу.
reason-model-quota = Хэлний загварын дансны үлдэгдэл дууссан.
reason-mail-failed = Баталгаажуулах захидлыг хүргэж чадсангүй.
reason-human-mode = «Хүн хариулна» горим асаалттай.
reason-operator = Харилцан яриаг оператор шилжүүлсэн.
reason-colleague-note = Хамт ажиллагч дотоод тэмдэглэлдээ ингэж хүссэн.
reason-person-wrote = Хамт ажиллагч үйлчлүүлэгчид бичсэн.
reason-person-assigned = Харилцан яриад ажилтан хуваарилагдсан.
reason-not-pending = Харилцан яриа ботод хамаарахгүй байна.
reason-other-bot = Харилцан яриад өөр бот хуваарилагдсан.
reason-interrupted = Хариулах явцад хэт олон удаа тасалдсан.
reason-poison = Мессежийг боловсруулж чадсангүй.
