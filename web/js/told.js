// What the model is told: every source of instructions with its age, read while the panel is opened or on demand.
const told = { reading: false };

const sources = {
  tenant: "For one tenant",
  document: "Google document",
  prompt_file: "Prompt file",
  shared_file: "Shared file",
  shipped: "Shipped with the desk",
};

async function readTold(again) {
  if (!$("told").open || told.reading) return;
  told.reading = true;
  try {
    const answer = again ? await ask("POST", "/api/instructions/reload", {}) : await ask("GET", "/api/instructions");
    showTold(answer.instructions);
  } catch (problem) {
    $("told-now").textContent = problem.message;
    $("told-lines").replaceChildren();
  }
  told.reading = false;
}

function showTold(slots) {
  const shared = slots.find((slot) => slot.in_force && !slot.tenant);
  const age = shared.age_seconds === null ? "" : `, seen to stand ${ago(shared.age_seconds)} ago`;
  $("told-now").textContent = `Everybody without a text of their own is answered by: ${sources[shared.source]}${age}.`;
  $("told-lines").replaceChildren(...slots.map(toldLine));
}

function toldLine(slot) {
  const name = slot.tenant ? `${sources.tenant} ${slot.tenant}` : sources[slot.source];
  const facts = [slot.in_force ? "in force" : "not used", `${slot.characters} characters`];
  if (slot.age_seconds !== null) facts.push(`read ${ago(slot.age_seconds)} ago`);
  if (slot.trouble) facts.push(`the newest is not taken: ${slot.trouble.why}`);
  const tone = slot.trouble ? "trouble" : slot.in_force ? "spoke" : "";
  const text = el("details", {}, el("summary", {}, `${slot.origin}: ${facts.join(", ")}`), el("pre", {}, slot.text || "(no text)"));
  return el("li", { class: tone }, el("span", {}, name), text);
}

function ago(seconds) {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
