// Light or dark as TensorBoard is, which tells its plugins nothing: its page marks its body. Alone,
// as the browser asks for.

const media = window.matchMedia("(prefers-color-scheme: dark)");

function host() {
  try {
    return window.parent !== window ? window.parent.document.body : null;
  } catch {
    return null; // the page around is of another origin
  }
}

export function followTheme() {
  const body = host();
  const set = () => {
    const dark = body ? body.classList.contains("dark-mode") : media.matches;
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  set();
  media.addEventListener("change", set);
  if (body) new MutationObserver(set).observe(body, { attributeFilter: ["class"] });
}
