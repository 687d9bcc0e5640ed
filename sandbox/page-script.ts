/** Runs in the page: refreshes it, and sends what is clicked and typed to the server. */
export const script = `
const send = async (path, body = {}) => {
  const answer = await fetch(path + location.search, { method: 'POST', body: JSON.stringify(body) });
  return answer.ok ? await answer.json() : {};
};
const isFilling = () => document.activeElement.matches('input, select') || document.querySelector('main details.menu[open]');
const refresh = async () => {
  const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), 'text/html').querySelector('main');
  const shown = document.querySelector('main');
  if (page.innerHTML !== window.lastHtml) {
    window.lastHtml = page.innerHTML;
    shown.innerHTML = page.innerHTML;
  }
};
setInterval(() => isFilling() || document.querySelector('.modal') || refresh(), 1000);
document.addEventListener('click', async ({ target }) => {
  const button = target.closest('button');
  if (!button) return;
  const modal = button.closest('.modal');
  if (!modal) {
    const { action: actionId, value, kind } = button.dataset;
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
