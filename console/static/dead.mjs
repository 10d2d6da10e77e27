// Checks a body while it is typed. Without this script, the server checks it when it is sent.

const form = document.querySelector("form[data-validate]");
if (form) watch(form.elements[form.dataset.validate], document.getElementById("verdict"));

function watch(area, verdict) {
  let timer, request;
  area.addEventListener("input", () => {
    clearTimeout(timer);
    request?.abort();
    timer = setTimeout(async () => {
      request = new AbortController();
      try {
        show(area, verdict, await validate(area.value, request.signal));
      } catch (error) {
        if (error.name !== "AbortError") tell(verdict, "? Not checked.", [reasonOf(error), "The body is checked when it is sent."]);
      }
    }, 250);
  });
}

async function validate(body, signal) {
  const answer = await fetch(document.body.dataset.root + "api/v1/validate", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ body }), signal,
  });
  if (!answer.ok) throw new Refused(await sentence(answer));
  return answer.json();
}

// The console has answered, and says why it does not check.
class Refused extends Error {}

async function sentence(answer) {
  try {
    return (await answer.json()).error || `The answer was ${answer.status}.`;
  } catch {
    return `The answer was ${answer.status}.`;
  }
}

const reasonOf = (error) => (error instanceof Refused ? error.message : "The console did not answer.");

function show(area, verdict, { valid, breaks }) {
  area.setAttribute("aria-invalid", String(!valid));
  tell(verdict, valid ? "✓ It follows all rules." : "✕ The worker would refuse it.", breaks);
}

function tell(verdict, heading, reasons) {
  const title = document.createElement("strong");
  title.textContent = heading;
  const first = document.createElement("p");
  first.append(title);
  const list = document.createElement("ul");
  for (const reason of reasons) {
    const item = document.createElement("li");
    item.textContent = reason;
    list.append(item);
  }
  verdict.replaceChildren(first, ...(reasons.length ? [list] : []));
}
