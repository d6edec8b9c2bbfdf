// A key presses the button or follows the link that names it, except while somebody writes.
document.addEventListener("keydown", (event) => {
    const isWriting = event.target.closest("input, textarea, select, [contenteditable]");
    if (isWriting || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (!/^[a-z]$/i.test(event.key)) return;
    document.querySelector(`[data-key="${event.key.toLowerCase()}"]`)?.click();
});
