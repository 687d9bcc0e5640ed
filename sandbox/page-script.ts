/** Runs in the page: refreshes it, and sends what is clicked and typed to the server. */
export const script = `
const send = async (path, body = {}) => {
  const answer = await fetch(path + location.search, { method: 'POST', body: JSON.stringify(body) });
  return answer.ok ? await answer.json() : {};
};
// What is being filled in, or an open menu, is not replaced.
const isBusy = (part) => part.contains(document.activeElement) && document.activeElement.matches('input, select') || part.querySelector('details.menu[open]');
const last = {};
const refresh = async () => {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html');
  for (const name of ['nav', 'main', '#modal']) {
    const [part, { innerHTML }] = [document.querySelector(name), page.querySelector(name)];
    if (innerHTML === last[name] || isBusy(part)) continue;
    part.innerHTML = last[name] = innerHTML;
  }
  const direct = document.querySelector('nav [data-count]');
  const { count } = direct.dataset;
  if (location.search.includes('direct')) sessionStorage.setItem(direct.href, count);
  const unread = count - (sessionStorage.getItem(direct.href) ?? 0);
  direct.classList.toggle('unread', unread > 0);
  direct.textContent = 'Direct messages' + (unread > 0 ? ' (' + unread + ' new)' : '');
};
for (const name of ['main', '#modal']) last[name] = document.querySelector(name).innerHTML;
setInterval(refresh, 1000);
document.addEventListener('click', async ({ target }) => {
  for (const menu of document.querySelectorAll('details.menu[open]')) if (!menu.contains(target)) menu.open = false;
  const button = target.closest('button');
  if (!button) return;
  const modal = button.closest('.modal');
  if (!modal) {
    const { action: actionId, value, kind } = button.dataset;
    button.closest('details.menu')?.removeAttribute('open');
    await send('/click', { actionId, value, isMenu: kind === 'overflow', entry: button.closest('article')?.dataset.entry });
  } else if ('close' in button.dataset) await send('/close');
  else {
    const values = {};
    for (const field of modal.querySelectorAll('input, select')) {
      if (field.type === 'checkbox') values[field.name] = [...(values[field.name] ?? []), ...(field.checked ? [field.value] : [])];
      else if (field.type !== 'radio' || field.checked) values[field.name] = field.value;
    }
    const wrong = await send('/submit', { values });
    modal.querySelectorAll('.wrong').forEach((note) => note.remove());
    for (const [name, text] of Object.entries(wrong))
      modal.querySelector('[name="' + name + '"]').insertAdjacentHTML('afterend', '<div class="wrong"></div>'),
      modal.querySelector('[name="' + name + '"] + .wrong').textContent = text;
    if (Object.keys(wrong).length > 0) return;
  }
  document.activeElement.blur();
  setTimeout(refresh, 300);
});
document.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { text } = event.target.elements;
  if (!text) return;
  await send('/type', { text: text.value });
  text.value = '';
  text.blur();
  refresh();
});
if (new URLSearchParams(location.search).has('home')) send('/home').then(() => setTimeout(refresh, 500));`;
