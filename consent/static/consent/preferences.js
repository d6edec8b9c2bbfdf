// A company's own pages show what its customer allows, and keep what they choose:
//
//   <script defer src="https://cdp.example.org/static/consent/preferences.js"></script>
//   <tessera-preferences token="…"></tessera-preferences>
//
// The token is that of POST /api/v1/privacy/deep-links/. It works once, so that the session lasts as
// long as the page. Each choice is an event "tessera-choice" {purpose, allowed}.
(() => {
    const home = new URL(document.currentScript.src).origin;
    const api = `${home}/api/v1/privacy/me/`;
    const words = {
        en: {
            loading: "One moment …",
            over: "Please load this page anew to change what you allow.",
            failed: "This was not kept. Please try again.",
            kept: "Kept.",
            guardian: "You are too young to allow this alone.",
            basis: (basis) => `Legal basis: ${basis}.`,
        },
        fr: {
            loading: "Un instant…",
            over: "Veuillez recharger cette page pour modifier ce que vous autorisez.",
            failed: "Ce choix n’a pas été enregistré. Veuillez réessayer.",
            kept: "Enregistré.",
            guardian: "Vous êtes trop jeune pour autoriser cela sans vos parents.",
            basis: (basis) => `Base légale : ${basis}.`,
        },
    };
    const style = `
        :host { display: block; font: inherit; color: inherit; }
        ul { list-style: none; margin: 0; padding: 0; }
        li { padding: 1em 0; border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
        label { display: flex; gap: 0.75em; align-items: baseline; font-weight: 600; cursor: pointer; }
        input { accent-color: var(--tessera-colour, #0b6b70); width: 1.1em; height: 1.1em; flex: none; }
        p { margin: 0.35em 0 0; white-space: pre-line; }
        .note { opacity: 0.85; font-size: 0.9em; }
        [role="status"] { min-height: 1.4em; }
    `;

    class Refused extends Error {}

    class Preferences extends HTMLElement {
        #session = "";

        connectedCallback() {
            if (this.shadowRoot) return;
            const root = this.attachShadow({ mode: "open" });
            root.append(make("style", { textContent: style }), make("ul"), make("p", { role: "status" }));
            this.#say("loading");
            this.#begin().catch(() => this.#say("over"));
        }

        get #language() {
            const own = this.closest("[lang]")?.lang || navigator.language;
            return own.slice(0, 2) in words ? own.slice(0, 2) : "en";
        }

        async #begin() {
            const opened = await this.#call("session/", { token: this.getAttribute("token") });
            this.#session = opened.token;
            const { permissions } = await this.#call("permissions/");
            this.shadowRoot.querySelector("ul").append(...permissions.map((each) => this.#item(each)));
            this.#say();
        }

        #item(permission) {
            const item = make("li"), label = make("label");
            // What does not rest on consent can be seen here, and objected to on the customer's pages.
            const box = make("input", {
                type: "checkbox",
                checked: permission.is_permitted,
                disabled: permission.needs_guardian || (!permission.is_asked && permission.is_permitted),
            });
            box.setAttribute("role", "switch");
            box.addEventListener("change", () => this.#choose(box, permission));
            label.append(box, permission.title);
            item.append(label, make("p", { textContent: permission.text }));
            const note = this.#note(permission);
            if (note) item.append(make("p", { className: "note", textContent: note }));
            return item;
        }

        #note({ needs_guardian, is_asked, note, basis }) {
            const own = words[this.#language];
            if (needs_guardian) return own.guardian;
            return is_asked ? note : own.basis(basis);
        }

        async #choose(box, { purpose, title, text, version }) {
            const allowed = box.checked;
            const evidence = { page: location.origin + location.pathname, title, text, version };
            box.disabled = true;
            this.#say("loading");
            try {
                await this.#call("consents/", { purpose, state: allowed ? "given" : "withdrawn", evidence });
                this.#say("kept");
                this.dispatchEvent(new CustomEvent("tessera-choice", { detail: { purpose, allowed }, bubbles: true }));
            } catch (error) {
                box.checked = !allowed;
                this.#say(error instanceof Refused ? "over" : "failed");
            }
            box.disabled = false;
            box.focus();
        }

        async #call(path, body) {
            const headers = { "Accept-Language": this.#language };
            if (body) headers["Content-Type"] = "application/json";
            if (this.#session) headers.Authorization = `Bearer ${this.#session}`;
            const answer = await fetch(api + path, {
                method: body ? "POST" : "GET",
                headers,
                body: body && JSON.stringify(body),
                credentials: "omit",
            });
            if (answer.status === 401 || answer.status === 403) throw new Refused();
            if (!answer.ok) throw new Error(answer.status);
            return answer.json();
        }

        #say(name) {
            this.shadowRoot.querySelector("[role=status]").textContent = name ? words[this.#language][name] : "";
        }
    }

    function make(name, properties = {}) {
        return Object.assign(document.createElement(name), properties);
    }

    customElements.define("tessera-preferences", Preferences);
})();
