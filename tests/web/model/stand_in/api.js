// A stand-in: what the page needs of the frame, without token and stream. `tell(event)` of the window plays the stream.
export async function api(path, options = {}) {
  const reply = await fetch(path, options);
  if (!reply.ok) throw new Error(await reply.text());
  return reply;
}
export function events(onEvent) {
  window.tell = onEvent;
}
