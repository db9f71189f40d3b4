# Карточки для коллег (Teams) на языке DESK_LOCALE.
card-handoff-title = Клиент ждёт сотрудника
card-waiting-title = Всё ещё никого: клиент ждёт сотрудника
card-since = Ждёт с
card-incident-title = Требуется внимание оператора
card-resolved-title = Решено
card-reason = Причина
card-customer = Клиент
card-time = Время
card-open = Открыть диалог
card-nobody = неизвестно
card-no-text = (без текста)
card-repeats = С последней карточки это повторилось { $count ->
    [one] ещё { $count } раз
    [few] ещё { $count } раза
   *[other] ещё { $count } раз
}.

# Почему позвали сотрудника: по одному сообщению на каждую причину.
reason-asked-by-customer = Клиент попросил позвать сотрудника.
reason-asked-by-model = Бот попросил позвать сотрудника: { $why }
reason-asked-by-model-unsaid = Бот попросил позвать сотрудника.
reason-model-failed = Языковая модель несколько раз не смогла ответить.
reason-turn-deadline = Языковая модель не ответила вовремя.
reason-empty-reply = Языковая модель вернула пустой ответ.
reason-cannot-answer = Бот не знает ответа.
reason-model-unauthorized = Языковая модель не приняла ключ. Проверьте OPENAI_API_KEY.
reason-model-not-found = Такой языковой модели нет. Проверьте OPENAI_MODEL.
reason-model-quota = На счёте языковой модели закончились средства.
reason-mail-failed = Не удалось доставить письмо с подтверждением.
reason-human-mode = Включён режим «отвечают люди».
reason-shadow-mode = Включён теневой режим: отвечают сотрудники, бот только пишет черновики.
reason-operator = Диалог передал оператор.
reason-colleague-note = Коллега попросил об этом в личной заметке.
reason-person-wrote = Коллега написал клиенту.
reason-person-assigned = На диалог назначен сотрудник.
reason-not-pending = Диалог не закреплён за ботом.
reason-other-bot = На диалог назначен другой бот.
reason-interrupted = Ответ слишком часто прерывался.
reason-poison = Сообщение не удалось обработать.
reason-answer-too-late = Клиент ждал слишком долго для автоматического ответа.
reason-desk-away = Диалог открылся, потому что ассистент был недоступен.
reason-voice-unheard = Клиент прислал голосовое сообщение, которое не удалось распознать.
