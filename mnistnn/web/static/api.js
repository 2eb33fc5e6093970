// What every page of ours needs: the token, questions to the server, and the stream of what happens to runs.
const KEY = "mnistnn-token", AGAIN_MS = 1000;
const banner = document.getElementById("banner");

if (takeToken(location.hash) || await exchange(location.hash)) {
  history.replaceState(null, "", location.pathname + location.search);
}

// Another address of this page was opened in this tab, as after the server has begun anew.
addEventListener("hashchange", () => {
  if (/^#(token|code)=/.test(location.hash)) location.reload();
});

// Keep the token that stands in an address, for this tab; say whether there is one.
export function takeToken(address) {
  const [, token] = address.split("#token=");
  if (token) sessionStorage.setItem(KEY, token.trim());
  return Boolean(token);
}

// Exchange the code that stands in an address for the token, which is done once; say whether there is one.
async function exchange(address) {
  const [, code] = address.split("#code=");
  if (!code) return false;
  const reply = await fetch("/api/token", { method: "POST", headers: { Authorization: `Bearer ${code}` } });
  if (reply.ok) sessionStorage.setItem(KEY, await reply.text());
  return true;
}

function say(text) {
  banner.textContent = text;
  banner.hidden = !text;
}

// Return the reply to a question; throw an Error with what the server says against it, and its `status`.
export async function api(path, { method = "GET", body, signal } = {}) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}` };
  const reply = await fetch(path, { method, body, signal, headers });
  if (!reply.ok) throw Object.assign(new Error(await reply.text()), { status: reply.status });
  return reply;
}

// Tell `onEvent` of whatever happens to runs, as long as the page is seen. A server that is gone is asked again.
export function events(onEvent) {
  let stop = null;
  const listen = async () => {
    const control = new AbortController();
    stop = () => control.abort();
    while (!control.signal.aborted) {
      let said = "The server has stopped. This page goes on by itself when it is back.";
      try {
        const reply = await api("/api/events", { signal: control.signal });
        say("");
        const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
        let rest = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done) break;
          rest += value;
          const parts = rest.split("\n\n");
          rest = parts.pop();
          for (const part of parts) {
            if (!part.startsWith("data: ")) continue;
            const event = JSON.parse(part.slice("data: ".length));
            queueMicrotask(() => onEvent(event)); // an error in there says nothing about the server
          }
        }
      } catch (error) {
        if (control.signal.aborted) return;
        if (error.status === 401 || error.status === 403) return say(error.message);
        said = error.status ? error.message : said; // as by a server with too much to do
      }
      if (control.signal.aborted) return;
      say(said);
      await new Promise((done) => setTimeout(done, AGAIN_MS));
    }
  };
  const look = () => {
    if (document.hidden) {
      stop?.();
      stop = null;
    } else if (!stop) {
      listen();
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
}
