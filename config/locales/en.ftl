# What the desk says, in English. Plain text for customers; notes and cards are for colleagues.
# A directory named in the settings may hold files of the same names; a message there replaces the one here.
# The words in quotation marks are understood by the lists in config/words: change both together.

-person = “human”
-resend = “resend”

## To customers: the e-mail gate

# The first thing a customer reads.
ask-email =
    Hello! I am the automatic assistant. May I have your e-mail address? With it we can answer you personally, and follow up if this chat is interrupted.

    Please write it here. I will send you a short mail to confirm that it is yours, and then answer what you have asked.

    You can ask for a person at any time: just write { -person }.
malformed-email = That does not look like a complete e-mail address. Could you check it and write it again, for example name@example.com? Or write { -person } if you would rather talk to a colleague.
mail-sent =
    A mail is on its way to { $address }. Open the link in it and press the button, or type the 6-digit code from the mail here. Both work for 24 hours.

    Nothing there after a few minutes? Please look in your spam folder, write { -resend }, or send me another address.
mail-delayed = Our mail server is not answering at the moment, so your mail is delayed. I keep trying. If you would rather not wait, write { -person } and a colleague will help you here.
mail-refused = The mail to { $address } could not be delivered. Could you check the address for a typing error and write it again, or give me another one? You can also write { -person }, and a colleague will help you here.
mails-capped = I cannot send another mail right now, because too many were sent in a short time. Please use the newest one you have (it may be in your spam folder), or try again later. If you would rather not wait, write { -person } and a colleague will help you here.
remind =
    I am still waiting for you to confirm { $address }: open the link in our mail and press the button, or type the 6-digit code here. Your message is safe, and I will answer it right after that.

    No mail? Please look in your spam folder, write { -resend }, or send me another address. For a person, write { -person }.
resend-too-soon =
    The last mail was sent only a moment ago. Please give it { $seconds ->
        [one] one more second
       *[other] { $seconds } more seconds
    }, look in your spam folder, and then write { -resend } again.
resend-capped = I have sent as many mails to this address as I may. Please look in your spam folder, or give me another address. You can also write { -person }, and a colleague will help you here.
wrong-code =
    That code is not right. { $left ->
        [0] There are no tries left.
        [one] You have one try left.
       *[other] You have { $left } tries left.
    } Please take the code from the newest mail, or write { -resend } for a new one.
too-many-codes = That was one wrong code too many. To keep you safe, this code and link no longer work. Please write your e-mail address again, and I will send you new ones.
expired = The link and the code in our mail have expired. I am sending a new mail to { $address }. If that address is no longer right, write another one.
disowned = Somebody who reads that mailbox told us that the request was not theirs, so the link and the code no longer work. Please give me another e-mail address, or write { -person } and a colleague will help you here.
verified = Thank you, { $address } is confirmed. If you have already asked something, the answer is on its way. If not: how can I help?

## To customers: persons and attachments

handoff-asked = Of course. I have told a colleague, who will answer you right here. If you like, write meanwhile what it is about: they will read everything.
handoff-sorry = I am sorry, I cannot help you any further with this myself. I have told a colleague, who will answer you right here.
late-answer = I am sorry that you had to wait. Here is my answer.
nobody-yet = I am sorry: nobody is free yet. Your question is kept, and a colleague will answer you right here.
nobody-yet-try-again = I am sorry: nobody is free yet. So that you do not only wait, I will try once more to help you myself. If you would rather have a colleague, write { -person }.
# Said of whatever has no words the desk can read: files, a place, a contact, a poll, what could not be decrypted, nothing.
cannot-read-attachment = Thank you for your message. I have to be honest: I found no text in it that I can read. Could you tell me in words what it is about? Or write { -person }, and a colleague will look at it.
voice-too-long = Thank you for the voice message. I am sorry, it is too long for me to listen to. Could you say it in a shorter one, or write it to me? Or write { -person }, and a colleague will listen to it.
voice-silent = Thank you for the voice message. I am sorry, I could not make out any words in it. Could you record it again, or write to me what it is about? Or write { -person }, and a colleague will listen to it.
voice-unreadable = Thank you for the voice message. I am sorry, I could not open it. Could you write to me what it is about? Or write { -person }, and a colleague will take a look.

## To colleagues: the card and the note at a hand-over

card-title = A customer is waiting for a person

draft-title = Draft of the assistant. Nothing was sent to the customer (shadow mode)
draft-person-title = The assistant would have fetched a person. Nothing was sent to the customer (shadow mode)
draft-said = It would have said:
note-title = The assistant has handed this conversation over
note-reason = Reason
note-customer = Customer
note-nameless = name unknown
note-no-email = no e-mail address yet
note-language = Language
note-summary = Summary
note-summary-text =
    { $exchanged ->
        [0] No messages yet
        [one] One message so far
       *[other] { $exchanged } messages so far
    }, { $open ->
        [0] nothing unanswered
        [one] one unanswered
       *[other] { $open } unanswered
    }.
note-open = Unanswered
note-more =
    { $count ->
        [one] One earlier message
       *[other] { $count } earlier messages
    }
note-last = Last messages

role-customer = Customer
role-desk = Assistant
role-person = Colleague

language-en = English
language-ru = Russian
language-kk = Kazakh
language-mn = Mongolian

proof-none = not confirmed
proof-link = confirmed by the link in the mail
proof-code = confirmed by the code from the mail
proof-mac = confirmed in an earlier conversation
proof-vendor-identity = confirmed by your website’s sign-in
proof-plain-attributes = marked as confirmed by an earlier system

## To colleagues: why

reason-asked-by-customer = The customer asked for a person.
reason-asked-by-model = The assistant asked for a person: { $why }
reason-asked-by-model-unsaid = The assistant asked for a person.
reason-model-failed = The language model failed several times in a row.
reason-turn-deadline = The language model did not answer in time.
reason-empty-reply = The language model gave an empty answer.
reason-cannot-answer = The assistant did not know the answer.
reason-model-unauthorized = The language model refused our key. An operator must check the API key.
reason-model-not-found = The configured language model does not exist. An operator must check its name.
reason-model-quota = The account of the language model has no credit left. An operator must top it up.
reason-mail-failed = The confirmation mail could not be delivered.
reason-human-mode = Human mode is on: people answer every conversation.
reason-shadow-mode = Shadow mode is on: people answer, the assistant only drafts.
reason-operator = An operator handed the conversation over.
reason-colleague-note = A colleague took the conversation with a private note.
reason-person-wrote = A colleague wrote to the customer.
reason-person-assigned = A colleague was assigned.
reason-not-pending = The conversation is open for people, not pending for the assistant.
reason-other-bot = Another bot is assigned to the conversation.
reason-interrupted = Work on the answer was interrupted too often.
reason-poison = A message in this conversation could not be processed.
reason-answer-too-late = The customer has waited too long for an automatic answer.
reason-desk-away = The conversation was opened because the desk was away.
reason-voice-unheard = The customer sent a voice message that could not be listened to.
