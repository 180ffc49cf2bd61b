import { byId } from '../shared/dom.js';

/** The JSON at a path of this peer. @throws Error with what the peer said */
export async function ask(path) {
  const response = await fetch(path);
  const body = await response.json();
  if (!response.ok) throw new Error(body.error?.message ?? `HTTP ${response.status}`);
  return body;
}

/**
 * Follows the peer's events; asks for the token first where one is needed.
 * @param {Record<string, (data: any) => void>} handlers by the names of the events
 * @param {(isOnline: boolean) => void} onLine
 */
export async function follow(handlers, onLine) {
  await admitted();
  const source = new EventSource('/events');
  source.onopen = () => onLine(true);
  source.onerror = () => {
    onLine(false);
    // Refused, and not only broken off: another start of the peer does not know our cookie.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(handlers, onLine), 3000);
  };
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  }
}

/** Resolves when the peer answers us, at the latest after the token was shown. */
async function admitted() {
  for (;;) {
    const status = await fetch('/status').then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    if (status === 401) return logIn();
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

function logIn() {
  const dialog = byId('login');
  const field = byId('token');
  dialog.showModal();
  dialog.addEventListener('cancel', (event) => event.preventDefault());
  return new Promise((resolve) => {
    byId('login-form').onsubmit = async (event) => {
      event.preventDefault();
      const headers = { Authorization: `Bearer ${field.value.trim()}` };
      const response = await fetch('/session', { method: 'POST', headers }).catch(() => undefined);
      if (response?.ok) {
        field.value = '';
        dialog.close();
        resolve();
      } else {
        byId('login-error').textContent = response ? 'That is not the token.' : 'The peer does not answer.';
      }
    };
  });
}
