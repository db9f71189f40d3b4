// Talking to the desk: requests that carry the token if there is one, and event streams that come back by themselves.
const wire = { token: sessionStorage.getItem("fd_token") };

class Refused extends Error {
  constructor(status, detail, code) {
    super(said[`problem-${code}`] || detail);
    this.status = status;
  }
}

async function ask(method, path, body) {
  const headers = {};
  if (wire.token) headers.authorization = `Bearer ${wire.token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, "", "unreachable");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, sentence(answer.detail || `The desk answered ${response.status}.`), answer.code);
  return answer;
}

function sentence(text) {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}

// An event stream by fetch, because EventSource cannot send a token. Calls `on(event, data)`; returns a function that
// ends it. A stream that breaks is opened again, later each time.
function listen(path, on, onState) {
  let stopped = false;
  let wait = 500;
  const abort = new AbortController();
  const run = async () => {
    while (!stopped) {
      try {
        const headers = wire.token ? { authorization: `Bearer ${wire.token}` } : {};
        const response = await fetch(path, { headers, signal: abort.signal });
        if (!response.ok) throw new Refused(response.status, "");
        onState("live");
        wait = 500;
        await readEvents(response.body, on);
      } catch (problem) {
        if (stopped) return;
        if (problem instanceof Refused && problem.status === 401) return onState("refused");
      }
      onState("away");
      await new Promise((done) => setTimeout(done, wait));
      wait = Math.min(wait * 2, 8000);
    }
  };
  run();
  return () => {
    stopped = true;
    abort.abort();
  };
}

async function readEvents(body, on) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      let event = "message";
      const data = [];
      for (const line of block.split("\n")) {
        if (line.startsWith("event:")) event = line.slice(6).trim();
        else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
      if (data.length) on(event, JSON.parse(data.join("\n")));
    }
  }
}
