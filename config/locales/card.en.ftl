# Cards for colleagues (Teams), in DESK_LOCALE.
card-handoff-title = A customer is waiting for a person
card-waiting-title = Still nobody: a customer is waiting for a person
card-since = Waiting since
card-incident-title = The desk needs attention
card-resolved-title = Solved
card-reason = Reason
card-customer = Customer
card-time = Time
card-open = Open conversation
card-nobody = unknown
card-no-text = (no text)
card-repeats = { $count ->
    [one] It happened { $count } more time since the last card.
   *[other] It happened { $count } more times since the last card.
}

# Why a person was fetched: one message per reason of the engine.
reason-asked-by-customer = The customer asked for a person.
reason-asked-by-model = The bot asked for a person: { $why }
reason-asked-by-model-unsaid = The bot asked for a person.
reason-model-failed = The language model failed several times.
reason-turn-deadline = The language model did not answer in time.
reason-empty-reply = The language model answered with nothing.
reason-cannot-answer = The bot does not know the answer.
reason-model-unauthorized = The language model refused our key. An operator must check OPENAI_API_KEY.
reason-model-not-found = The language model does not exist. An operator must check OPENAI_MODEL.
reason-model-quota = The language model's account has no credit left.
reason-mail-failed = The verification mail could not be delivered.
reason-human-mode = Human mode is on.
reason-shadow-mode = Shadow mode is on: people answer, the bot only drafts.
reason-operator = An operator handed the conversation over.
reason-colleague-note = A colleague asked for it in a private note.
reason-person-wrote = A colleague wrote to the customer.
reason-person-assigned = A colleague was assigned.
reason-not-pending = The conversation is not the bot's.
reason-other-bot = Another bot is assigned.
reason-interrupted = The desk was interrupted too often while answering.
reason-poison = A message could not be processed.
reason-answer-too-late = The customer has waited too long for an automatic answer.
reason-desk-away = The conversation was opened because the desk was away.
reason-voice-unheard = The customer sent a voice message that could not be listened to.
