// The builder's page: sends operations, keeps what was before for undo, and moves the focus. What a
// definition means and looks like is the server's business alone.
document.addEventListener("alpine:init", () => {
    const MOST_UNDONE = 100;
    const KEEPING_FOCUS = ["set", "show", "rename", "window", "retype", "group"];
    const MOVES = { ArrowUp: "up", ArrowDown: "down", ArrowRight: "in", ArrowLeft: "out" };

    window.Alpine.data("segmentBuilder", () => ({
        json: false,
        past: [],
        words: "",
        pressed: false,
        waiting: [],
        line: Promise.resolve(),
        changes: 0,
        chosen: "",
        typed: null,
        timer: null,

        text() {
            return this.$root.querySelector("[name=definition]").value;
        },

        isBusy() {
            return this.changes + this.waiting.length > 0;
        },

        // A page that changes while a button is held down would swallow the click: changes wait.
        press() {
            this.pressed = true;
        },
        release() {
            setTimeout(() => {
                this.pressed = false;
                this.waiting.splice(0).forEach((send) => send());
            });
        },
        send(op, path, more = {}) {
            const now = () => this.post({ op, path, ...more });
            if (this.pressed) this.waiting.push(now);
            else now();
        },
        // What is being typed while an answer comes is typed on.
        keep() {
            const { id, value, defaultValue } = document.activeElement;
            this.typed = id && defaultValue !== undefined && value !== defaultValue ? { id, value } : null;
        },
        resume() {
            const input = this.typed && document.getElementById(this.typed.id);
            if (input?.dataset.path !== undefined) input.value = this.typed.value;
            this.typed = null;
        },
        // One after the other: each change is of the definition that the one before it left.
        post(values, isUndone = false) {
            const next = this.chosen || (KEEPING_FOCUS.includes(values.op) ? "" : "node");
            this.chosen = "";
            this.changes += 1;
            this.line = this.line.then(async () => {
                const before = this.text();
                const hasArrived = await this.build(values);
                this.changes -= 1;
                if (!hasArrived) {
                    if (isUndone) this.past = [...this.past, values.definition];
                    return;
                }
                if (!isUndone) this.past = [...this.past, before].slice(-MOST_UNDONE);
                this.changed(next);
            });
        },
        // Whether the server answered with the changed tree.
        async build(values) {
            const tree = document.getElementById("builder");
            try {
                await window.htmx.ajax("POST", this.$root.dataset.build, { source: this.$root, target: tree, swap: "outerHTML", values });
            } catch {
                // What htmx says of it, the page shows.
            }
            // What did not arrive can be sent again as it stands.
            tree.querySelectorAll("[data-sent]").forEach((input) => delete input.dataset.sent);
            return !tree.isConnected;
        },
        undo() {
            const definition = this.past.pop();
            if (definition !== undefined) this.post({ op: "show", path: "", definition }, true);
        },

        click(event) {
            const option = event.target.closest("[role=option]");
            if (option) return this.choose(option);
            const button = event.target.closest("button[data-op]");
            if (button) return this.send(button.dataset.op, button.dataset.path, { as: button.dataset.as || "" });
            if (isCombobox(event.target)) this.suggest(event.target);
        },
        change(event) {
            const { dataset, name, value } = event.target;
            if (name === "definition") return this.post({ op: "show", path: "" });
            if (dataset.path === undefined || value === dataset.sent) return;
            dataset.sent = value;
            this.send(dataset.op || "set", dataset.path, { value, as: dataset.as || "text" });
        },
        drop(path, index, list) {
            this.send("move", path, { value: list.dataset.group, index });
        },

        key(event) {
            const target = event.target;
            if (isCombobox(target) && this.keyInOptions(event, target)) return;
            if (event.key === "Enter" && target.matches("input")) {
                event.preventDefault();
                return target.dispatchEvent(new Event("change", { bubbles: true }));
            }
            const isTyping = target.matches("textarea, input") && target.value !== target.defaultValue;
            if (event.ctrlKey && event.key.toLowerCase() === "z" && !isTyping) {
                event.preventDefault();
                return this.undo();
            }
            const path = target.closest("[data-node]")?.dataset.node;
            if (!path) return;
            if (event.altKey && MOVES[event.key]) this.act(event, MOVES[event.key], path);
            else if (event.ctrlKey && event.key.toLowerCase() === "d") this.act(event, "double", path);
            else if (event.key === "Delete" && target.matches(".t-handle")) this.act(event, "remove", path);
        },
        act(event, op, path) {
            event.preventDefault();
            this.send(op, path);
        },

        changed(next) {
            const builder = document.getElementById("builder");
            this.words = builder.dataset.words;
            this.focus(builder, next);
            // What had the focus may be gone; keys are heard on.
            if (document.activeElement === document.body) this.$root.focus({ preventScroll: true });
            window.htmx.trigger("#trial", "refresh");
        },
        // After a choice the next open field has the focus, else the node that was changed.
        focus(builder, what) {
            if (!what) return;
            const handle = document.getElementById(builder.dataset.focus);
            const node = what === "node" ? handle?.closest("[data-node]") : builder.querySelector(`[data-node="${CSS.escape(what)}"]`);
            const open = [...(node?.querySelectorAll("[role=combobox]:not(.t-more)") ?? [])].find((input) => !input.value);
            if (open) open.focus();
            else if (what === "node") handle?.focus();
        },

        // Comboboxes: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
        enter(event) {
            if (isCombobox(event.target) && !event.target.value && !event.target.matches(".t-more")) this.suggest(event.target);
        },
        leave(event) {
            const { target } = event;
            if (isCombobox(target)) close(target);
            // A text that was resumed changes without the event.
            const isOpen = target.matches("input[data-path]") && target.isConnected && target.value !== target.defaultValue;
            if (isOpen && !target.matches(".t-more")) setTimeout(() => this.change(event));
        },
        type(event) {
            if (!isCombobox(event.target)) return;
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this.suggest(event.target), 150);
        },
        suggest(input) {
            const list = document.getElementById(input.getAttribute("aria-controls"));
            const query = input.value === input.defaultValue ? "" : input.value;
            window.htmx
                .ajax("POST", this.$root.dataset.suggest, { source: list, target: list, swap: "innerHTML", values: { path: input.dataset.path, query } })
                .then(() => {
                    if (document.activeElement === input) input.setAttribute("aria-expanded", String(list.children.length > 0));
                    else close(input);
                });
        },
        keyInOptions(event, input) {
            const options = [...input.parentElement.querySelectorAll("[role=option]")];
            const place = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
            if (event.altKey || event.ctrlKey) return false;
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                if (!options.length) this.suggest(input);
                else mark(input, options, (place + (event.key === "ArrowDown" ? 1 : options.length - 1 + (place < 0))) % options.length);
                return true;
            }
            if (event.key === "Escape" && options.length) {
                close(input);
                return true;
            }
            if (event.key === "Enter" && place >= 0) {
                event.preventDefault();
                this.choose(options[place]);
                return true;
            }
            return false;
        },
        choose(option) {
            const input = option.closest(".t-combo").querySelector("input");
            const { value, as } = option.dataset;
            this.chosen = input.closest("[data-node]").dataset.node;
            input.value = input.dataset.sent = value;
            close(input);
            this.send(input.dataset.op || "set", input.dataset.path, { value, as });
        },

        copy() {
            const url = `${location.origin}/api/v1/segments/preview/`;
            const body = JSON.stringify({ definition: JSON.parse(this.text()) }).replaceAll("'", "'\\''");
            const call = `curl ${url} -H 'Authorization: Bearer YOUR_API_KEY' -H 'Content-Type: application/json' -d '${body}'`;
            navigator.clipboard.writeText(call);
            this.words = "curl";
        },
    }));

    function isCombobox(element) {
        return element.matches?.("[role=combobox]") ?? false;
    }
    function close(input) {
        const list = document.getElementById(input.getAttribute("aria-controls"));
        // An option that is being clicked must stay until then.
        if (!list?.matches(":active")) list?.replaceChildren();
        input.setAttribute("aria-expanded", "false");
        input.removeAttribute("aria-activedescendant");
    }
    function mark(input, options, place) {
        options.forEach((option, number) => option.setAttribute("aria-selected", String(number === place)));
        options[place].scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", options[place].id);
    }
});
