// What a walk says and looks for: claims, and the messages of the chat as expressions that the page evaluates.

export function check(claim, what) {
  if (!claim) throw new Error(what);
  console.log(`ok  ${what}`);
}

export const count = (who, at) => `document.querySelectorAll('#log .msg.${who}').length >= ${at}`;
export const bubbles = (who) => `[...document.querySelectorAll('#log .msg.${who} .bubble')].map((node) => node.innerText)`;
export const said = (who, text) => `${bubbles(who)}.some((text) => text.includes(${JSON.stringify(text)}))`;
export const last = (who, text) => `${bubbles(who)}.at(-1)?.includes(${JSON.stringify(text)})`;
export const mode = (text) => `document.getElementById('human-label').innerText === 'Human Mode: ${text}'`;
