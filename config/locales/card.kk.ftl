# Әріптестерге арналған карточкалар (Teams), DESK_LOCALE тілінде.
card-handoff-title = Клиент қызметкерді күтіп тұр
card-incident-title = Оператордың назары қажет
card-resolved-title = Шешілді
card-reason = Себебі
card-customer = Клиент
card-time = Уақыты
card-open = Диалогты ашу
card-nobody = белгісіз
card-no-text = (мәтінсіз)
card-repeats = Соңғы карточкадан бері тағы { $count } рет қайталанды.

# Қызметкер не себепті шақырылды: әр себепке бір хабарлама.
reason-asked-by-customer = Клиент қызметкерді шақыруды сұрады.
reason-asked-by-model = Бот қызметкерді шақырды: { $why }
reason-asked-by-model-unsaid = Бот қызметкерді шақырды.
reason-model-failed = Тілдік модель бірнеше рет жауап бере алмады.
reason-turn-deadline = Тілдік модель уақытында жауап бермеді.
reason-empty-reply = Тілдік модель бос жауап қайтарды.
reason-cannot-answer = Бот жауабын білмейді.
reason-model-unauthorized = Тілдік модель кілтті қабылдамады. OPENAI_API_KEY мәнін тексеріңіз.
reason-model-not-found = Мұндай тілдік модель жоқ. OPENAI_MODEL мәнін тексеріңіз.
reason-model-quota = Тілдік модельдің шотында қаражат таусылды.
reason-mail-failed = Растау хатын жеткізу мүмкін болмады.
reason-human-mode = «Адам жауап береді» режимі қосулы.
reason-operator = Диалогты оператор тапсырды.
reason-colleague-note = Әріптес жеке жазбада осыны сұрады.
reason-person-wrote = Әріптес клиентке жазды.
reason-person-assigned = Диалогқа қызметкер тағайындалды.
reason-not-pending = Диалог ботқа бекітілмеген.
reason-other-bot = Диалогқа басқа бот тағайындалған.
reason-interrupted = Жауап беру тым жиі үзілді.
reason-poison = Хабарламаны өңдеу мүмкін болмады.
