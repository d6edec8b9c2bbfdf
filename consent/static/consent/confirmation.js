// Takes the code out of the address, where it would stay in the history, and into the form.
const field = document.getElementById("code");
if (field && location.hash.length > 1) {
    field.value = location.hash.slice(1);
    document.getElementById("by-hand").hidden = true;
    history.replaceState(null, "", location.pathname + location.search);
    // Who has a link need not ask for one.
    const folded = field.closest("details");
    if (folded) {
        folded.open = true;
        folded.querySelector("summary").hidden = true;
        document.getElementById("without-link").hidden = true;
    }
}
// The other language is the same page: it keeps the code.
for (const link of document.querySelectorAll(".languages a")) {
    if (field && field.value) link.hash = field.value;
}
