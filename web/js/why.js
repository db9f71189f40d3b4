// Why the desk spoke or was silent: the journal of the chosen conversation as a timeline, read while it is open.
const why = { reading: false, again: false };

async function readWhy() {
  if (!$("why").open || !desk.selected) return;
  if (why.reading) {
    why.again = true;
    return;
  }
  why.reading = true;
  const key = desk.selected;
  try {
    const told = await ask("GET", `/api/console/conversations/${encodeURIComponent(key)}/journal`);
    if (key === desk.selected) showWhy(told);
  } catch (problem) {
    if (key === desk.selected) showWhy({ now: problem.message, lines: [] });
  }
  why.reading = false;
  if (why.again || key !== desk.selected) {
    why.again = false;
    readWhy();
  }
}

function showWhy(told) {
  const list = $("why-lines");
  const follow = isAtEnd(list) || list.dataset.key !== told.key;
  list.dataset.key = told.key || "";
  $("why-now").textContent = told.now;
  list.replaceChildren(...told.lines.map(whyLine));
  if (follow) toEnd(list);
}

function whyLine(line) {
  const at = new Date(line.at);
  const time = at.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return el("li", { class: line.tone }, el("time", { datetime: at.toISOString(), title: at.toLocaleString(locale) }, time), el("span", {}, line.text));
}
