// Buttons with data-copy put the text of the field of that id on the clipboard. Without this file the field can still
// be selected by hand.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // no clipboard without HTTPS: the old way, from the selection
  }
  const words = button.textContent;
  button.textContent = button.dataset.done;
  button.disabled = true;
  setTimeout(() => {
    button.textContent = words;
    button.disabled = false;
    button.focus();
  }, 1500);
});
